/* What a center says: restrictions, words, exceptions and evidence. None of it opens anything. */
#include "mesh/handlers.h"

Err
handle_RESTRICTION_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_restriction *r = &ret->restriction.pub;

	*r = (struct mesh_restriction){.by = p->actor, .added = p->time};
	read_restriction(&f, r);
	TRY(fields_end(&f));
	change_new(RECORD_RESTRICTION, r->policy.id, ret);
	ENSURE(c, !state_find(m, RECORD_RESTRICTION, log, r->policy.id), CONFLICT, "there is a restriction %.*s already", STR(r->policy.id));
	return OK;
}

Err
handle_RESTRICTION_LIFT(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("restriction"), &id));
	const struct item *it = state_find(m, RECORD_RESTRICTION, log, id);
	ENSURE(c, it, NOT_FOUND, "there is no restriction %.*s", STR(id));
	record_of(RECORD_RESTRICTION, it, ret);
	struct mesh_restriction *r = &ret->restriction.pub;
	ret->any = r->lifted_seq == 0 || keys_stolen(&log->keys, r->lifted_seq);
	if (ret->any) r->lifted_seq = p->seq;
	return OK;
}

/* --- words --- */

static bool
has_value(const struct mesh_tag_def *d, Str value, size_t *at)
{
	for (; *at < d->value_count; ++*at)
		if (str_eq(d->values[*at], value)) return true;
	return false;
}

/* What a word meant it keeps: values are added, none goes, and those in order stay in it. */
static Err
check_extends(struct ctx *c, const struct mesh_tag_def *was, const struct mesh_tag_def *now)
{
	size_t at = 0;

	ENSURE(c, now->kind == was->kind, CONFLICT, "tag %.*s is %s already", STR(now->tag), tag_kind_name(was->kind));
	for (size_t i = 0; i < was->value_count; i++) {
		if (was->kind != TAG_ORDERED) at = 0;
		ENSURE(c, has_value(now, was->values[i], &at), CONFLICT, "tag %.*s: value '%.*s' must stay%s", STR(now->tag), STR(was->values[i]),
		       was->kind == TAG_ORDERED ? ", and in its place among the others" : "");
	}
	return OK;
}

Err
handle_TAG_DEFINE(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_tag_def *d = &ret->tag_def;

	*d = (struct mesh_tag_def){.retired = false};
	read_tag_def(&f, d);
	TRY(fields_end(&f));
	change_new(RECORD_TAG_DEF, d->tag, ret);
	const struct mesh_tag_def *built_in = tag_built_in(d->tag);
	const struct tag_def *was = (const struct tag_def *)state_find(m, RECORD_TAG_DEF, log, d->tag);
	ENSURE(c, !built_in || built_in->kind == TAG_CHOICE, CONFLICT, "tag %.*s is built in and stays as it is", STR(d->tag));
	if (was && !was->pub.retired) return check_extends(c, &was->pub, d);
	return built_in ? check_extends(c, built_in, d) : OK;
}

Err
handle_TAG_RETIRE(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	Str tag = field_ident(&f, S("tag"));

	TRY(fields_end(&f));
	ENSURE(c, !tag_built_in(tag), CONFLICT, "tag %.*s is built in", STR(tag));
	TRY(change_find(c, m, RECORD_TAG_DEF, log, tag, ret));
	ret->any = !ret->tag_def.retired;
	ret->tag_def.retired = true;
	return OK;
}

static Err
read_path(struct ctx *c, const struct payload *p, Str *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	*ret = read_purpose(&f, S("purpose"));
	return fields_end(&f);
}

Err
handle_PURPOSE_DEFINE(struct ctx *c, const struct mesh *m UNUSED, const struct log *log UNUSED, const struct payload *p, struct change *ret)
{
	ret->purpose = (struct mesh_purpose){.seq = p->seq};
	TRY(read_path(c, p, &ret->purpose.purpose));
	change_new(RECORD_PURPOSE, ret->purpose.purpose, ret);
	return OK;
}

Err
handle_PURPOSE_RETIRE(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str purpose;

	TRY(read_path(c, p, &purpose));
	TRY(change_find(c, m, RECORD_PURPOSE, log, purpose, ret));
	ret->any = !ret->purpose.retired || keys_stolen(&log->keys, ret->purpose.seq);
	ret->purpose.retired = true;
	ret->purpose.seq = p->seq;
	return OK;
}

/* --- exceptions and evidence --- */

Err
handle_EXCEPTION_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_exception *x = &ret->exception;

	*x = (struct mesh_exception){.by = p->actor, .added = p->time, .seq = p->seq};
	read_exception(&f, x);
	TRY(fields_end(&f));
	change_new(RECORD_EXCEPTION, x->id, ret);
	ENSURE(c, !state_find(m, RECORD_EXCEPTION, log, x->id), CONFLICT, "there is an exception %.*s already", STR(x->id));
	return OK;
}

Err
handle_EXCEPTION_END(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("exception"), &id));
	TRY(change_find(c, m, RECORD_EXCEPTION, log, id, ret));
	ret->any = !ret->exception.ended;
	ret->exception.ended = true;
	return OK;
}

Err
handle_EVIDENCE_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_evidence *x = &ret->evidence;

	*x = (struct mesh_evidence){.by = p->actor, .at = p->time, .seq = p->seq};
	read_evidence(&f, x);
	TRY(fields_end(&f));
	change_new(RECORD_EVIDENCE, x->id, ret);
	ENSURE(c, !state_find(m, RECORD_EVIDENCE, log, x->id), CONFLICT, "there is evidence %.*s already", STR(x->id));
	return OK;
}

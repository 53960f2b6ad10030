/* What the center says: restrictions, the words of tags and purposes, exceptions and evidence. */
#include "mesh/record/record.h"

/* Said with a stolen key it lifts nothing: what closed goes on closing. */
static bool
is_lifted(const struct restriction *r)
{
	return r->pub.lifted_seq && !keys_voids(r->item.log, r->pub.lifted_seq);
}

/* Is there a tree that it is, or was, part of? Retired with a stolen key it may not be used, and yet the others stay all there are. */
static bool
in_tree(const struct purpose *p)
{
	return !p->pub.retired || keys_voids(p->item.log, p->pub.seq);
}

void
center_judge(struct mesh *m, struct log *log)
{
	struct index *restrictions = &m->by_kind[RECORD_RESTRICTION], *purposes = &m->by_kind[RECORD_PURPOSE];
	uint32_t at = 0;

	if (!log->pub.center) return;
	for (struct item *first; (first = index_next(restrictions, &at));)
		for (struct item *it = first; it; it = it->same)
			if (it->log == log) ((struct restriction *)it)->pub.policy.lifted = is_lifted((const struct restriction *)it);
	log->purposes = 0;
	at = 0;
	for (struct item *first; (first = index_next(purposes, &at));)
		for (struct item *it = first; it; it = it->same) log->purposes += it->log == log && in_tree((const struct purpose *)it);
}

void
put_restriction(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct restriction *r = item_make(m, RECORD_RESTRICTION, log, ch->id, sizeof *r, &is_new);

	r->pub = ch->restriction.pub;
	r->pub.policy.id = r->item.id;
	Str *texts[] = {&r->pub.policy.product_id, &r->pub.policy.domain_id, &r->pub.policy.classification, &r->pub.tags_text, &r->pub.name, &r->pub.by};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
	for (size_t i = 0; i < r->pub.policy.approver_count; i++) r->pub.policy.approvers[i] = state_text(m, r->pub.policy.approvers[i]);
	r->pub.policy.tags = state_tag_expr_keep(m, r->pub.tags_text);
	r->pub.policy.lifted = is_lifted(r);
	if (is_new) lookup_restriction(m, r);
}

void
write_restriction(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->restriction.pub.by);
	put_seconds(out, S(",\"added\":"), ch->restriction.pub.added);
	put_bool(out, S(",\"lifted\":"), ch->restriction.pub.lifted_seq > 0);
	if (ch->restriction.pub.lifted_seq) put_number(out, S(",\"lifted_seq\":"), ch->restriction.pub.lifted_seq);
	buf_str(out, S(",\"body\":"));
	body_restriction(out, &ch->restriction.pub);
	buf_char(out, '}');
}

void
load_restriction(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_restriction *r = &ret->restriction.pub;

	*r = (struct mesh_restriction){.by = field_text(f, S("by"), 64)};
	r->added = field_seconds(f, S("added"));
	if (field_bool(f, S("lifted"))) r->lifted_seq = field_u64(f, S("lifted_seq"));
	BODY(f, read_restriction(&b, r));
}

void
of_restriction(const struct item *it, struct change *ret)
{
	ret->restriction.pub = ((const struct restriction *)it)->pub;
}

/* --- words --- */

void
put_tag_def(struct mesh *m, struct log *log, const struct change *ch)
{
	struct tag_def *d = item_make(m, RECORD_TAG_DEF, log, ch->id, sizeof *d, NULL);

	d->pub = ch->tag_def;
	d->pub.tag = d->item.id;
	d->pub.built_in = tag_built_in(d->item.id) != NULL;
	d->pub.values = state_texts(m, ch->tag_def.values, ch->tag_def.value_count);
}

void
write_tag_def(const struct change *ch, struct buf *out)
{
	put_bool(out, S("{\"retired\":"), ch->tag_def.retired);
	buf_str(out, S(",\"body\":"));
	body_tag_define(out, &ch->tag_def);
	buf_char(out, '}');
}

void
load_tag_def(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->tag_def = (struct mesh_tag_def){.retired = field_bool(f, S("retired"))};
	BODY(f, read_tag_def(&b, &ret->tag_def));
}

void
of_tag_def(const struct item *it, struct change *ret)
{
	ret->tag_def = ((const struct tag_def *)it)->pub;
}

void
put_purpose(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct purpose *p = item_make(m, RECORD_PURPOSE, log, ch->id, sizeof *p, &is_new);

	if (!is_new) log->purposes -= in_tree(p);
	p->pub = (struct mesh_purpose){.purpose = p->item.id, .retired = ch->purpose.retired, .seq = ch->purpose.seq};
	log->purposes += in_tree(p);
}

void
write_purpose(const struct change *ch, struct buf *out)
{
	put_bool(out, S("{\"retired\":"), ch->purpose.retired);
	put_number(out, S(",\"seq\":"), ch->purpose.seq);
	buf_str(out, S(",\"body\":"));
	body_purpose(out, ch->purpose.purpose);
	buf_char(out, '}');
}

void
load_purpose(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->purpose = (struct mesh_purpose){.retired = field_bool(f, S("retired"))};
	ret->purpose.seq = field_u64(f, S("seq"));
	BODY(f, ret->purpose.purpose = read_purpose(&b, S("purpose")));
}

void
of_purpose(const struct item *it, struct change *ret)
{
	ret->purpose = ((const struct purpose *)it)->pub;
}

/* --- exceptions and evidence --- */

void
put_exception(struct mesh *m, struct log *log, const struct change *ch)
{
	struct exception *x = item_make(m, RECORD_EXCEPTION, log, ch->id, sizeof *x, NULL);

	x->pub = ch->exception;
	x->pub.id = x->item.id;
	Str *texts[] = {&x->pub.control, &x->pub.subject, &x->pub.reason, &x->pub.by};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
}

void
write_exception(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->exception.by);
	put_seconds(out, S(",\"added\":"), ch->exception.added);
	put_number(out, S(",\"seq\":"), ch->exception.seq);
	put_bool(out, S(",\"ended\":"), ch->exception.ended);
	buf_str(out, S(",\"body\":"));
	body_exception(out, &ch->exception);
	buf_char(out, '}');
}

void
load_exception(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_exception *x = &ret->exception;

	*x = (struct mesh_exception){.by = field_text(f, S("by"), 64)};
	x->added = field_seconds(f, S("added"));
	x->seq = field_u64(f, S("seq"));
	x->ended = field_bool(f, S("ended"));
	BODY(f, read_exception(&b, x));
}

void
of_exception(const struct item *it, struct change *ret)
{
	ret->exception = ((const struct exception *)it)->pub;
}

void
put_evidence(struct mesh *m, struct log *log, const struct change *ch)
{
	struct evidence *x = item_make(m, RECORD_EVIDENCE, log, ch->id, sizeof *x, NULL);

	x->pub = ch->evidence;
	x->pub.id = x->item.id;
	Str *texts[] = {&x->pub.control, &x->pub.document, &x->pub.by};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
}

void
write_evidence(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->evidence.by);
	put_seconds(out, S(",\"at\":"), ch->evidence.at);
	put_number(out, S(",\"seq\":"), ch->evidence.seq);
	buf_str(out, S(",\"body\":"));
	body_evidence(out, &ch->evidence);
	buf_char(out, '}');
}

void
load_evidence(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_evidence *x = &ret->evidence;

	*x = (struct mesh_evidence){.by = field_text(f, S("by"), 64)};
	x->at = field_seconds(f, S("at"));
	x->seq = field_u64(f, S("seq"));
	BODY(f, read_evidence(&b, x));
}

void
of_evidence(const struct item *it, struct change *ret)
{
	ret->evidence = ((const struct evidence *)it)->pub;
}

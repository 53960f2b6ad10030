/* Members and groups. */
#include "mesh/fold/fold.h"
#include "mesh/handlers.h"

const struct mesh_member *
member_now(const struct mesh *m, const struct log *log, Str person_id)
{
	const struct member *it = (const struct member *)state_find(m, RECORD_MEMBER, log, person_id);

	return it && it->pub.active ? &it->pub : NULL;
}

Err
handle_MEMBER_SET(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_member *n = &ret->member;

	*n = (struct mesh_member){.active = true, .added_by = p->actor, .seq = p->seq, .set_seq = p->seq, .since = p->time};
	read_member(&f, n);
	change_new(RECORD_MEMBER, n->person_id, ret);
	TRY(fields_end(&f));
	const struct mesh_member *was = member_now(m, log, n->person_id);
	if (!was || FAULT(OLD_MEMBER)) return OK;
	n->seq = was->seq; /* another role, the same membership */
	n->since = was->since;
	return OK;
}

Err
handle_MEMBER_END(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str person;

	TRY(read_one(c, p, S("person"), &person));
	const struct item *it = state_find(m, RECORD_MEMBER, log, person);
	ENSURE(c, it, NOT_FOUND, "person %.*s is no member of this domain", STR(person));
	record_of(RECORD_MEMBER, it, ret);
	ret->any = ret->member.active;
	ret->member.active = false;
	ret->member.ended = p->time;
	return OK;
}

/* --- groups --- */

Err
handle_GROUP_SET(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	ret->group = (struct mesh_group){.ended = false};
	read_group(&f, &ret->group);
	TRY(fields_end(&f));
	change_new(RECORD_GROUP, ret->group.id, ret);
	const struct group *was = (const struct group *)state_find(m, RECORD_GROUP, log, ret->group.id);
	const struct group *other = state_group_named(m, log, ret->group.name);
	ENSURE(c, !was || !was->pub.ended, CONFLICT, "group %.*s was ended; make another one", STR(ret->group.id));
	ENSURE(c, !other || other == was, CONFLICT, "another group is named %.*s", STR(ret->group.name));
	return OK;
}

static Err
live_group(struct ctx *c, const struct mesh *m, const struct log *log, Str id)
{
	const struct group *g = (const struct group *)state_find(m, RECORD_GROUP, log, id);

	ENSURE(c, g && !g->pub.ended, NOT_FOUND, "this domain has no group %.*s", STR(id));
	return OK;
}

Err
handle_GROUP_END(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("group"), &id));
	TRY(change_find(c, m, RECORD_GROUP, log, id, ret));
	ret->any = !ret->group.ended;
	ret->group.ended = true;
	return OK;
}

static Err
read_membership(struct ctx *c, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	ret->group_member.group_id = field_id(&f, S("group"));
	ret->group_member.person_id = field_id(&f, S("person"));
	TRY(fields_end(&f));
	change_new(RECORD_GROUP_MEMBER, arena_printf(c->arena, "%.*s/%.*s", STR(ret->group_member.group_id), STR(ret->group_member.person_id)), ret);
	return OK;
}

/* Said again it counts from then: the first time may have been with a stolen key, or before they left. */
Err
handle_GROUP_JOIN(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	TRY(read_membership(c, p, ret));
	ret->group_member.in = true;
	ret->group_member.seq = p->seq;
	TRY(live_group(c, m, log, ret->group_member.group_id));
	ENSURE(c, member_now(m, log, ret->group_member.person_id) || FAULT(ANY_MEMBER), DENIED, "person %.*s is no member of this domain",
	       STR(ret->group_member.person_id));
	return OK;
}

Err
handle_GROUP_LEAVE(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	TRY(read_membership(c, p, ret));
	const struct item *it = state_find(m, RECORD_GROUP_MEMBER, log, ret->id);
	ENSURE(c, it, NOT_FOUND, "person %.*s is not in group %.*s", STR(ret->group_member.person_id), STR(ret->group_member.group_id));
	record_of(RECORD_GROUP_MEMBER, it, ret);
	ret->any = ret->group_member.in && !FAULT(NO_LEAVE);
	ret->group_member.in = false;
	return OK;
}

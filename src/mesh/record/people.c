/* People of a domain and the groups they are in. */
#include "mesh/record/record.h"

void
put_member(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct member *it = item_make(m, RECORD_MEMBER, log, ch->id, sizeof *it, &is_new);

	it->pub = ch->member;
	it->pub.person_id = it->item.id;
	it->pub.domain_id = log->item.id;
	it->pub.human_id = state_text(m, ch->member.human_id);
	it->pub.added_by = state_text(m, ch->member.added_by);
	if (is_new) lookup_member(m, it);
}

void
write_member(const struct change *ch, struct buf *out)
{
	const struct mesh_member *p = &ch->member;

	put_bool(out, S("{\"active\":"), p->active);
	put_text(out, S(",\"by\":"), p->added_by);
	put_number(out, S(",\"seq\":"), p->seq);
	put_seconds(out, S(",\"since\":"), p->since);
	if (p->set_seq != p->seq) put_number(out, S(",\"set_seq\":"), p->set_seq);
	if (p->ended) put_seconds(out, S(",\"ended\":"), p->ended);
	buf_str(out, S(",\"body\":"));
	body_member_set(out, p->person_id, p->role, p->service, p->human_id);
	buf_char(out, '}');
}

void
load_member(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_member *p = &ret->member;

	*p = (struct mesh_member){.active = field_bool(f, S("active")), .added_by = field_text(f, S("by"), 64)};
	p->seq = p->set_seq = field_u64(f, S("seq"));
	p->since = field_seconds(f, S("since"));
	if (field_has(f, S("set_seq"))) p->set_seq = field_u64(f, S("set_seq"));
	if (field_has(f, S("ended"))) p->ended = field_seconds(f, S("ended"));
	BODY(f, read_member(&b, p));
}

void
of_member(const struct item *it, struct change *ret)
{
	ret->member = ((const struct member *)it)->pub;
}

/* --- groups --- */

struct group_key { const struct log *log; Str name; };

static bool
group_named(const void *item, const void *key)
{
	const struct group *g = item;
	const struct group_key *k = key;

	return g->item.log == k->log && str_eq(g->pub.name, k->name);
}

/* An index never forgets: a group that was renamed stands under its old name too, where its name tells that it is not meant. */
static void
group_name_put(struct mesh *m, struct group *g)
{
	struct group_key key = {g->item.log, g->pub.name};
	uint32_t hash = index_hash(m->seed, key.log->item.id, key.name);
	void **at = index_find(&m->group_names, hash, group_named, &key);

	if (!at)
		index_add(&m->group_names, hash, g);
	else if (((struct group *)*at)->pub.ended)
		*at = g;
}

const struct group *
state_group_named(const struct mesh *m, const struct log *log, Str name)
{
	struct group_key key = {log, name};
	void **at = index_find(&m->group_names, index_hash(m->seed, log->item.id, name), group_named, &key);
	const struct group *g = at ? *at : NULL;

	return g && !g->pub.ended ? g : NULL;
}

void
put_group(struct mesh *m, struct log *log, const struct change *ch)
{
	struct group *it = item_make(m, RECORD_GROUP, log, ch->id, sizeof *it, NULL);

	it->pub = (struct mesh_group){.id = it->item.id, .domain_id = log->item.id, .name = state_text(m, ch->group.name), .ended = ch->group.ended};
	group_name_put(m, it);
}

void
write_group(const struct change *ch, struct buf *out)
{
	put_bool(out, S("{\"ended\":"), ch->group.ended);
	buf_str(out, S(",\"body\":"));
	body_group_set(out, ch->group.id, ch->group.name);
	buf_char(out, '}');
}

void
load_group(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->group = (struct mesh_group){.ended = field_bool(f, S("ended"))};
	BODY(f, read_group(&b, &ret->group));
}

void
of_group(const struct item *it, struct change *ret)
{
	ret->group = ((const struct group *)it)->pub;
}

void
put_group_member(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct group_member *it = item_make(m, RECORD_GROUP_MEMBER, log, ch->id, sizeof *it, &is_new);

	it->group_id = state_text(m, ch->group_member.group_id);
	it->person_id = state_text(m, ch->group_member.person_id);
	it->in = ch->group_member.in;
	it->seq = ch->group_member.seq;
	if (is_new) lookup_group_member(m, it);
}

void
write_group_member(const struct change *ch, struct buf *out)
{
	put_bool(out, S("{\"in\":"), ch->group_member.in);
	put_number(out, S(",\"seq\":"), ch->group_member.seq);
	buf_str(out, S(",\"body\":"));
	body_group_member(out, ch->group_member.group_id, ch->group_member.person_id);
	buf_char(out, '}');
}

void
load_group_member(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->group_member.in = field_bool(f, S("in"));
	ret->group_member.seq = field_u64(f, S("seq"));
	BODY(f, ret->group_member.group_id = field_id(&b, S("group")), ret->group_member.person_id = field_id(&b, S("person")));
}

void
of_group_member(const struct item *it, struct change *ret)
{
	const struct group_member *gm = (const struct group_member *)it;

	ret->group_member.group_id = gm->group_id;
	ret->group_member.person_id = gm->person_id;
	ret->group_member.in = gm->in;
	ret->group_member.seq = gm->seq;
}

bool
group_member_is(const struct group_member *gm, const struct mesh_member *who)
{
	return gm->in && who->active && gm->seq > who->seq;
}

bool
group_member_counts(const struct mesh *m, const struct group_member *gm)
{
	const struct member *who = (const struct member *)state_find(m, RECORD_MEMBER, gm->item.log, gm->person_id);

	return who && group_member_is(gm, &who->pub);
}

/* Grants, who stands up for them, and what consumers hand on. */
#include "mesh/record/record.h"

struct pair_key { const struct log *log; Str product_id, to_id; };

static bool
grant_pair_is(const void *item, const void *key)
{
	const struct grant *g = item;
	const struct pair_key *k = key;

	return g->item.log == k->log && str_eq(g->pub.policy.product_id, k->product_id) && str_eq(g->pub.policy.to_id, k->to_id);
}

static bool
grant_answers(const void *item, const void *key)
{
	const struct grant *g = item;
	const struct pair_key *k = key;

	return g->item.log == k->log && str_eq(g->pub.request_id, k->product_id);
}

static void
grant_link(struct mesh *m, struct grant *g)
{
	struct pair_key pair = {g->item.log, g->pub.policy.product_id, g->pub.policy.to_id};
	uint32_t hash = index_hash(m->seed, pair.product_id, pair.to_id);
	void **at = index_find(&m->grant_pairs, hash, grant_pair_is, &pair);

	if (at) {
		g->same_pair = *at;
		*at = g;
	} else
		index_add(&m->grant_pairs, hash, g);
	if (g->pub.request_id.n == 0) return;
	pair.product_id = g->pub.request_id;
	hash = index_hash(m->seed, g->item.log->item.id, g->pub.request_id);
	at = index_find(&m->grant_requests, hash, grant_answers, &pair);
	if (at) {
		g->same_request = *at;
		*at = g;
	} else
		index_add(&m->grant_requests, hash, g);
}

static struct policy_terms
terms_keep(struct mesh *m, const struct policy_terms *from)
{
	struct policy_terms t = *from;

	t.group_by = state_texts(m, from->group_by, from->group_by_count);
	t.unit = state_text(m, from->unit);
	return t;
}

static void
grant_keep(struct mesh *m, struct grant *g, const struct mesh_grant *from)
{
	struct policy_grant *p = &g->pub.policy;

	g->pub = *from;
	p->id = g->item.id;
	p->issuer_domain_id = g->item.log->item.id;
	p->product_id = state_text(m, from->policy.product_id);
	p->table = state_text(m, from->policy.table);
	p->to_id = state_text(m, from->policy.to_id);
	p->to_domain_id = state_text(m, from->policy.to_domain_id);
	p->purposes = state_texts(m, from->policy.purposes, p->purpose_count);
	p->masks = state_masks(m, from->policy.masks, p->mask_count);
	p->hidden = state_texts(m, from->policy.hidden, p->hidden_count);
	p->rows = state_predicate_keep(m, from->rows_text);
	p->tags = state_tag_expr_keep(m, from->tags_text);
	p->terms = terms_keep(m, &from->policy.terms);
	g->pub.rows_text = state_text(m, from->rows_text);
	g->pub.tags_text = state_text(m, from->tags_text);
	g->pub.request_id = state_text(m, from->request_id);
	g->pub.by = state_text(m, from->by);
	g->pub.revoked_by = state_text(m, from->revoked_by);
}

/* Of a grant that stands only the revocation can change. */
void
put_grant(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct grant *g = item_make(m, RECORD_GRANT, log, ch->id, sizeof *g, &is_new);

	if (is_new) {
		grant_keep(m, g, &ch->grant);
		grant_link(m, g);
		lookup_grant(m, g);
		return;
	}
	g->pub.policy.revoked = ch->grant.policy.revoked;
	g->pub.revoked_at = ch->grant.revoked_at;
	g->pub.revoked_by = state_text(m, ch->grant.revoked_by);
}

void
write_grant(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->grant.by);
	put_seconds(out, S(",\"added\":"), ch->grant.added);
	put_bool(out, S(",\"revoked\":"), ch->grant.policy.revoked);
	put_text(out, S(",\"revoked_by\":"), ch->grant.revoked_by);
	put_seconds(out, S(",\"revoked_at\":"), ch->grant.revoked_at);
	put_number(out, S(",\"seq\":"), ch->grant.policy.seq);
	put_number(out, S(",\"by_role\":"), ch->grant.by_role);
	buf_str(out, S(",\"body\":"));
	body_grant(out, &ch->grant);
	buf_char(out, '}');
}

void
load_grant(struct fields *f, const struct mesh *m, struct change *ret)
{
	struct mesh_grant *g = &ret->grant;
	Str by, revoked_by;

	*g = (struct mesh_grant){0};
	by = field_text(f, S("by"), 64);
	g->added = field_seconds(f, S("added"));
	g->policy.revoked = field_bool(f, S("revoked"));
	revoked_by = field_text(f, S("revoked_by"), 64);
	g->revoked_at = field_seconds(f, S("revoked_at"));
	g->policy.seq = field_u64(f, S("seq"));
	g->by_role = (uint32_t)field_u64(f, S("by_role"));
	BODY(f, read_grant(&b, m, g));
	g->by = by;
	g->revoked_by = revoked_by;
}

void
of_grant(const struct item *it, struct change *ret)
{
	ret->grant = ((const struct grant *)it)->pub;
}

void
state_expect_grants(const struct mesh *m, Str product_id, Str to_id)
{
	index_expect(&m->grant_pairs, index_hash(m->seed, product_id, to_id));
}

const struct grant *
state_grants_of(const struct mesh *m, const struct log *log, Str product_id, Str to_id)
{
	struct pair_key key = {log, product_id, to_id};
	void **at = index_find(&m->grant_pairs, index_hash(m->seed, product_id, to_id), grant_pair_is, &key);

	return at ? *at : NULL;
}

const struct grant *
state_grants_for(const struct mesh *m, const struct log *log, Str request_id)
{
	struct pair_key key = {log, request_id, {"", 0}};
	void **at = index_find(&m->grant_requests, index_hash(m->seed, log->item.id, request_id), grant_answers, &key);

	return at ? *at : NULL;
}

/* --- approvals --- */

void
put_approval(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct approval *a = item_make(m, RECORD_APPROVAL, log, ch->id, sizeof *a, &is_new);

	a->pub = ch->approval.pub;
	a->pub.log_id = log->item.id;
	a->pub.person_id = state_text(m, ch->approval.pub.person_id);
	a->pub.human_id = state_text(m, ch->approval.pub.human_id);
	a->subject_log = state_text(m, ch->approval.subject_log);
	a->subject_id = state_text(m, ch->approval.subject_id);
	a->seq = ch->approval.seq;
	a->at = ch->approval.at;
	if (is_new) lookup_approval(m, a);
}

void
write_approval(const struct change *ch, struct buf *out)
{
	const struct policy_approval *p = &ch->approval.pub;

	put_text(out, S("{\"person\":"), p->person_id);
	put_text(out, S(",\"human\":"), p->human_id);
	put_number(out, S(",\"role\":"), p->role);
	put_bool(out, S(",\"service\":"), p->service);
	put_number(out, S(",\"seq\":"), ch->approval.seq);
	put_seconds(out, S(",\"at\":"), ch->approval.at);
	buf_str(out, S(",\"body\":"));
	body_approval(out, ch->approval.subject_log, ch->approval.subject_id);
	buf_char(out, '}');
}

void
load_approval(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->approval.pub = (struct policy_approval){.person_id = field_id(f, S("person")), .human_id = field_text(f, S("human"), 64)};
	ret->approval.pub.role = (uint32_t)field_u64(f, S("role"));
	ret->approval.pub.service = field_bool(f, S("service"));
	ret->approval.seq = field_u64(f, S("seq"));
	ret->approval.at = field_seconds(f, S("at"));
	BODY(f, ret->approval.subject_log = field_hex(&b, S("log"), 64), ret->approval.subject_id = field_id(&b, S("subject")));
}

void
of_approval(const struct item *it, struct change *ret)
{
	const struct approval *a = (const struct approval *)it;

	ret->approval.pub = a->pub;
	ret->approval.subject_log = a->subject_log;
	ret->approval.subject_id = a->subject_id;
	ret->approval.seq = a->seq;
	ret->approval.at = a->at;
}

/* --- delegations --- */

static void
delegation_keep(struct mesh *m, struct delegation *d, const struct mesh_delegation *from)
{
	struct policy_delegation *p = &d->pub.policy;

	d->pub = *from;
	p->id = d->item.id;
	p->domain_id = d->item.log->item.id;
	p->grant_id = state_text(m, from->policy.grant_id);
	p->issuer_domain_id = state_text(m, from->policy.issuer_domain_id);
	p->table = state_text(m, from->policy.table);
	p->to_id = state_text(m, from->policy.to_id);
	p->purposes = state_texts(m, from->policy.purposes, p->purpose_count);
	p->masks = state_masks(m, from->policy.masks, p->mask_count);
	p->hidden = state_texts(m, from->policy.hidden, p->hidden_count);
	p->rows = state_predicate_keep(m, from->rows_text);
	d->pub.rows_text = state_text(m, from->rows_text);
	d->pub.by = state_text(m, from->by);
}

/* Of a delegation that stands only the end can change. */
void
put_delegation(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct delegation *d = item_make(m, RECORD_DELEGATION, log, ch->id, sizeof *d, &is_new);

	if (is_new) {
		delegation_keep(m, d, &ch->delegation);
		lookup_delegation(m, d);
	}
	d->pub.policy.ended = ch->delegation.policy.ended;
	d->pub.ended_at = ch->delegation.ended_at;
	d->pub.ended_by = state_text(m, ch->delegation.ended_by);
}

void
write_delegation(const struct change *ch, struct buf *out)
{
	const struct mesh_delegation *d = &ch->delegation;

	put_text(out, S("{\"by\":"), d->by);
	put_seconds(out, S(",\"added\":"), d->added);
	put_number(out, S(",\"seq\":"), d->seq);
	put_bool(out, S(",\"ended\":"), d->policy.ended);
	put_text(out, S(",\"ended_by\":"), d->ended_by);
	put_seconds(out, S(",\"ended_at\":"), d->ended_at);
	buf_str(out, S(",\"body\":"));
	body_delegation(out, d);
	buf_char(out, '}');
}

void
load_delegation(struct fields *f, const struct mesh *m, struct change *ret)
{
	struct mesh_delegation *d = &ret->delegation;

	*d = (struct mesh_delegation){.by = field_text(f, S("by"), 64)};
	d->added = field_seconds(f, S("added"));
	d->seq = field_u64(f, S("seq"));
	d->policy.ended = field_bool(f, S("ended"));
	d->ended_by = field_text(f, S("ended_by"), 64);
	d->ended_at = field_seconds(f, S("ended_at"));
	BODY(f, read_delegation(&b, m, d));
}

void
of_delegation(const struct item *it, struct change *ret)
{
	ret->delegation = ((const struct delegation *)it)->pub;
}

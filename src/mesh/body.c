/* Bodies of events as text. The counterpart of read.c, key by key. */
#include "mesh/put.h"
#include "mesh/state.h"

void
event_write(const struct event_head *h, Str body_json, struct buf *out)
{
	buf_reserve(out, body_json.n + 512);
	put_text(out, S("{\"v\":1,\"origin\":"), h->origin);
	put_number(out, S(",\"seq\":"), h->seq);
	put_hex(out, S(",\"prev\":"), h->prev.b, HASH_BYTES);
	put_text(out, S(",\"type\":"), str_c(event_type_name(h->type)));
	put_text(out, S(",\"actor\":"), h->actor);
	put_time(out, S(",\"time\":"), h->time);
	put_text(out, S(",\"idem\":"), h->idem);
	buf_str(out, S(",\"requires\":[],\"body\":"));
	buf_str(out, body_json);
	buf_char(out, '}');
}

void
body_inception(struct buf *out, Str name, const uint8_t event_pub[32], const uint8_t next_pub_digest[32], bool center, Str salt)
{
	put_text(out, S("{\"name\":"), name);
	put_hex(out, S(",\"event_pub\":"), event_pub, 32);
	put_hex(out, S(",\"next\":"), next_pub_digest, 32);
	put_bool(out, S(",\"center\":"), center);
	put_text(out, S(",\"salt\":"), salt);
	buf_char(out, '}');
}

void
body_member_set(struct buf *out, Str person_id, enum role role)
{
	put_text(out, S("{\"person\":"), person_id);
	put_text(out, S(",\"role\":"), str_c(role_name(role)));
	buf_char(out, '}');
}

static void
body_one(struct buf *out, Str key, Str id)
{
	put_text(out, key, id);
	buf_char(out, '}');
}

void body_member_end(struct buf *out, Str person_id) { body_one(out, S("{\"person\":"), person_id); }
void body_retire(struct buf *out, Str product_id) { body_one(out, S("{\"product\":"), product_id); }
void body_revoke(struct buf *out, Str grant_id) { body_one(out, S("{\"grant\":"), grant_id); }
void body_withdraw(struct buf *out, Str request_id) { body_one(out, S("{\"request\":"), request_id); }
void body_lift(struct buf *out, Str restriction_id) { body_one(out, S("{\"restriction\":"), restriction_id); }

void
body_deny(struct buf *out, Str request_id, Str reason_commitment)
{
	put_text(out, S("{\"request\":"), request_id);
	put_text(out, S(",\"reason\":"), reason_commitment);
	buf_char(out, '}');
}

static void
table_put(struct buf *out, const struct mesh_table *t)
{
	put_text(out, S("{\"name\":"), t->policy.name);
	put_text(out, S(",\"manifest\":"), t->manifest);
	put_number(out, S(",\"rows\":"), t->rows);
	buf_str(out, S(",\"columns\":["));
	for (size_t i = 0; i < t->policy.column_count; i++) {
		put_text(out, i ? S(",[") : S("["), t->policy.columns[i].name);
		put_text(out, S(","), t->policy.columns[i].type);
		put_text(out, S(","), t->policy.columns[i].classification);
		buf_char(out, ']');
	}
	buf_str(out, S("]}"));
}

void
body_publish(struct buf *out, const struct mesh_product *p)
{
	put_text(out, S("{\"id\":"), p->id);
	put_text(out, S(",\"name\":"), p->name);
	put_text(out, S(",\"version\":"), p->version);
	put_text(out, S(",\"status\":"), p->status);
	put_text(out, S(",\"title\":"), p->title);
	put_text(out, S(",\"purpose\":"), p->purpose);
	put_text(out, S(",\"contract\":"), p->contract);
	put_text(out, S(",\"report\":"), p->report);
	put_text(out, S(",\"snapshot\":"), p->snapshot);
	put_bool(out, S(",\"discoverable\":"), p->discoverable);
	buf_str(out, S(",\"tables\":["));
	for (size_t i = 0; i < p->table_count; i++) {
		if (i) buf_char(out, ',');
		table_put(out, &p->tables[i]);
	}
	buf_str(out, S("]}"));
}

static void
grant_lists_put(struct buf *out, const struct policy_grant *p)
{
	buf_str(out, S(",\"masks\":["));
	for (size_t i = 0; i < p->mask_count; i++) {
		put_text(out, i ? S(",[") : S("["), p->masks[i].column);
		put_text(out, S(","), str_c(mask_name(p->masks[i].kind)));
		buf_char(out, ']');
	}
	buf_str(out, S("],\"hidden\":["));
	for (size_t i = 0; i < p->hidden_count; i++) put_text(out, i ? S(",") : S(""), p->hidden[i]);
	buf_char(out, ']');
}

void
body_grant(struct buf *out, const struct mesh_grant *g)
{
	const struct policy_grant *p = &g->policy;
	bool first = true;

	put_text(out, S("{\"id\":"), p->id);
	put_text(out, S(",\"product\":"), p->product_id);
	put_text(out, S(",\"table\":"), p->table);
	put_text(out, S(",\"to\":"), p->to_kind == PRINCIPAL_DOMAIN ? S("domain") : S("person"));
	put_text(out, S(",\"to_id\":"), p->to_id);
	buf_str(out, S(",\"purposes\":["));
	for (size_t i = 0; i < p->purpose_count; i++) put_text(out, i ? S(",") : S(""), p->purposes[i]);
	put_time(out, S("],\"from\":"), p->from);
	put_time(out, S(",\"until\":"), p->until);
	buf_str(out, S(",\"interactions\":["));
	for (size_t i = 0; i < INTERACTION_COUNT; i++) {
		if (!(p->interactions & INTERACTIONS[i].bit)) continue;
		put_text(out, first ? S("") : S(","), str_c(INTERACTIONS[i].name));
		first = false;
	}
	put_text(out, S("],\"rows\":"), g->rows_text);
	grant_lists_put(out, p);
	put_text(out, S(",\"request\":"), g->request_id);
	buf_char(out, '}');
}

void
body_request(struct buf *out, const struct mesh_request *r)
{
	put_text(out, S("{\"id\":"), r->id);
	put_text(out, S(",\"person\":"), r->person_id);
	put_text(out, S(",\"producer\":"), r->producer_domain_id);
	put_text(out, S(",\"product\":"), r->product_id);
	put_text(out, S(",\"purpose\":"), r->purpose);
	put_text(out, S(",\"reason\":"), r->reason);
	put_time(out, S(",\"until\":"), r->until);
	buf_char(out, '}');
}

void
body_restriction(struct buf *out, const struct mesh_restriction *r)
{
	put_text(out, S("{\"id\":"), r->policy.id);
	put_text(out, S(",\"product\":"), r->policy.product_id);
	put_text(out, S(",\"classification\":"), r->policy.classification);
	put_text(out, S(",\"mask\":"), str_c(mask_name(r->policy.mask)));
	put_bool(out, S(",\"suspend\":"), r->policy.suspend);
	buf_char(out, '}');
}

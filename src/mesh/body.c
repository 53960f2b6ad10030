/* Bodies of events as text. The counterpart of read.c, key by key; grants and what centers say are in body_grant.c and
 * body_center.c. Optional keys are written only where they say something. */
#include "crypt/hash.h"
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
put_tags(struct buf *out, Str text, const struct tag_expr *tree)
{
	BUF_AUTO printed = BUF_INIT;

	if (!tree && text.n == 0) return;
	if (text.n == 0) tagexpr_print(tree, &printed);
	put_text(out, S(",\"tags\":"), text.n ? text : buf_view(&printed));
}

void
body_member_set(struct buf *out, Str person_id, enum role role, bool service, Str human_id)
{
	put_text(out, S("{\"person\":"), person_id);
	put_text(out, S(",\"role\":"), str_c(role_name(role)));
	if (service) put_text(out, S(",\"kind\":"), S("service"));
	if (human_id.n && !str_eq(human_id, person_id)) put_text(out, S(",\"human\":"), human_id);
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
void body_submit(struct buf *out, Str request_id) { body_one(out, S("{\"request\":"), request_id); }
void body_domain_set(struct buf *out, bool handing_named) { body_one(out, S("{\"handing\":"), handing_name(handing_named)); }
void body_group_end(struct buf *out, Str group_id) { body_one(out, S("{\"group\":"), group_id); }
void body_tag_retire(struct buf *out, Str tag) { body_one(out, S("{\"tag\":"), tag); }
void body_purpose(struct buf *out, Str purpose) { body_one(out, S("{\"purpose\":"), purpose); }
void body_delegation_end(struct buf *out, Str delegation_id) { body_one(out, S("{\"delegation\":"), delegation_id); }
void body_exception_end(struct buf *out, Str id) { body_one(out, S("{\"exception\":"), id); }

static void
body_two(struct buf *out, Str key, Str a, Str second, Str b)
{
	put_text(out, key, a);
	put_text(out, second, b);
	buf_char(out, '}');
}

void body_group_set(struct buf *out, Str group_id, Str name) { body_two(out, S("{\"id\":"), group_id, S(",\"name\":"), name); }
void body_group_member(struct buf *out, Str group_id, Str person_id) { body_two(out, S("{\"group\":"), group_id, S(",\"person\":"), person_id); }
void body_approval(struct buf *out, Str log_id, Str subject_id) { body_two(out, S("{\"log\":"), log_id, S(",\"subject\":"), subject_id); }
void body_review(struct buf *out, Str id, Str product_id) { body_two(out, S("{\"id\":"), id, S(",\"product\":"), product_id); }
void body_deny(struct buf *out, Str request_id, Str reason) { body_two(out, S("{\"request\":"), request_id, S(",\"reason\":"), reason); }
void body_erase(struct buf *out, Str ref, Str basis) { body_two(out, S("{\"ref\":"), ref, S(",\"basis\":"), basis); }

void
mesh_snapshot_name(Str log_id, Str product_id, Str table, Str content, char ret[static MESH_SNAPSHOT_NAME])
{
	const Str parts[] = {S("heddle.snapshot.v1"), log_id, product_id, table, content};
	BUF_AUTO text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_str(&text, parts[i]);
		buf_char(&text, '\n');
	}
	crypt_sha256_text(buf_view(&text), ret);
}

static void
table_put(struct buf *out, const struct mesh_table *t)
{
	put_text(out, S("{\"name\":"), t->policy.name);
	put_text(out, S(",\"manifest\":"), t->manifest);
	if (t->content.n) put_text(out, S(",\"content\":"), t->content);
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

void
body_tag_set(struct buf *out, const struct mesh_tag *t)
{
	put_text(out, S("{\"id\":"), t->id);
	put_text(out, S(",\"product\":"), t->product_id);
	put_text(out, S(",\"table\":"), t->table);
	put_text(out, S(",\"column\":"), t->column);
	put_text(out, S(",\"tag\":"), t->tag);
	put_text(out, S(",\"value\":"), t->value);
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
	if (r->draft) put_bool(out, S(",\"draft\":"), true);
	if (r->renews.n) put_text(out, S(",\"renews\":"), r->renews);
	buf_char(out, '}');
}

void
body_comment(struct buf *out, const struct mesh_comment *x)
{
	put_text(out, S("{\"id\":"), x->id);
	put_text(out, S(",\"log\":"), x->consumer_domain_id);
	put_text(out, S(",\"request\":"), x->request_id);
	put_text(out, S(",\"text\":"), x->text);
	buf_char(out, '}');
}

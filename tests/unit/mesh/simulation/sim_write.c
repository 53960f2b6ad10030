/* The bodies of what was chosen. */
#include "simulation.h"

#include "codec/dsse.h"

const char *const TABLE_NAMES[] = {"", "transactions", "returns"};
const char *const PURPOSE_NAMES[] = {"*", "campaign_analysis", "marketing", "", "marketing/campaigns", "other"};
static const char *const COLUMN_NAMES[] = {"", "household_id", "sales", "coupon text"};
static const char *const AREA_NAMES[] = {"", "red", "blue"};
static const Str LAST_COLUMN[] = {S("coupon text")};
static const struct policy_column UNCLASSED[] = {
    COLUMN("household_id", "BIGINT", ""), COLUMN("sales", "DECIMAL(18,2)", ""), COLUMN("coupon text", "VARCHAR", "")};

Str
sim_id(struct sim *s, const char *prefix, int n)
{
	return world_str(s->w, "%s_%06d", prefix, n);
}

/* --- grants, and what is made of them --- */

static Str
to_id(struct sim *s, const struct t_use *u)
{
	return u->to_kind == PRINCIPAL_DOMAIN ? did(s->w, u->to) : sim_id(s, u->to_kind == PRINCIPAL_PERSON ? "per" : "grp", u->to);
}

static struct policy_terms
terms_of(const struct t_grant *g)
{
	struct policy_terms t = {.no_export = g->no_export, .row_budget = g->row_budget, .min_group = g->min_group, .unit = S("")};

	if (g->hours) t.hours = (struct policy_hours){0x7f, 8 * 60, 18 * 60};
	if (g->min_group) t.group_by = LAST_COLUMN, t.group_by_count = 1;
	return t;
}

static void
write_grant(struct sim *s, const struct choice *c, struct buf *out)
{
	const struct t_grant *t = &c->given;
	Str purpose = str_c(PURPOSE_NAMES[t->use.purpose]);
	struct policy_mask mask = {S("household_id"), t->use.mask};
	struct mesh_grant g = {.policy = {.id = sim_id(s, "grt", c->grant), .product_id = t->product < 0 ? S("") : sim_id(s, "prd", t->product),
	    .table = str_c(TABLE_NAMES[t->use.table + 1]), .to_kind = t->use.to_kind, .to_id = to_id(s, &t->use), .purposes = &purpose, .purpose_count = 1,
	    .to_domain_id = t->use.to_kind == PRINCIPAL_GROUP ? did(s->w, t->use.to_domain) : S(""), .from = t->use.from, .until = t->use.until,
	    .interactions = t->use.ways, .masks = &mask, .mask_count = t->use.mask != MASK_NONE, .hidden = LAST_COLUMN, .hidden_count = t->use.hides,
	    .future = t->future, .terms = terms_of(t)}, .rows_text = t->use.rows ? S("sales > 10") : S(""), .tags_text = S(""),
	    .request_id = t->request < 0 ? S("") : sim_id(s, "req", t->request)};

	if (t->product < 0) g.tags_text = t->red && t->blue ? S("area IN ('blue', 'red')") : t->red ? S("area IN ('red')") : S("area IN ('blue')");
	body_grant(out, &g);
}

static void
write_delegation(struct sim *s, const struct choice *c, struct buf *out)
{
	const struct t_use *t = &c->handed;
	Str purpose = str_c(PURPOSE_NAMES[t->purpose]);
	struct policy_mask mask = {S("household_id"), t->mask};
	struct mesh_delegation d = {.policy = {.id = sim_id(s, "dlg", c->delegation), .issuer_domain_id = did(s->w, c->to_log), .grant_id = sim_id(s, "grt", c->grant),
	    .table = str_c(TABLE_NAMES[t->table + 1]), .to_kind = t->to_kind, .to_id = to_id(s, t), .purposes = &purpose, .purpose_count = t->purpose != PURPOSE_ANY,
	    .from = t->from, .until = t->until, .interactions = t->ways, .masks = &mask, .mask_count = t->mask != MASK_NONE, .hidden = LAST_COLUMN,
	    .hidden_count = t->hides}, .rows_text = t->rows ? S("sales > 20") : S("")};

	body_delegation(out, &d);
}

static void
write_request(struct sim *s, const struct choice *c, struct buf *out)
{
	Str request = sim_id(s, "req", c->request);
	struct mesh_request r = {.id = request, .person_id = sim_id(s, "per", c->person), .producer_domain_id = did(s->w, c->to_log),
	    .product_id = sim_id(s, "prd", c->product), .purpose = S("campaign_analysis"), .reason = S(""), .until = TIME_FOREVER, .draft = c->draft};
	struct mesh_comment x = {.id = sim_id(s, "cmt", c->tag), .consumer_domain_id = did(s->w, c->to_log), .request_id = request, .text = S(HEX64)};

	switch (c->type) {
	case EVENT_REQUEST_OPEN: body_request(out, &r); break;
	case EVENT_REQUEST_SUBMIT: body_submit(out, request); break;
	case EVENT_REQUEST_WITHDRAW: body_withdraw(out, request); break;
	case EVENT_REQUEST_COMMENT: body_comment(out, &x); break;
	default: body_deny(out, request, S("")); break;
	}
}

/* --- products and tags --- */

/* Its name is made of the log, the product and the table that it was taken of. */
static void
name_snapshot(struct sim *s, const struct choice *c, int table, struct mesh_table *ret)
{
	char name[MESH_SNAPSHOT_NAME];
	enum snapshot of = c->snapshot;
	Str log = did(s->w, of == SNAPSHOT_OF_ANOTHER_LOG ? (c->domain + 1) % DOMAINS : c->domain);
	Str product = sim_id(s, "prd", of == SNAPSHOT_OF_ANOTHER_PRODUCT ? (c->product + 1) % PRODUCTS : c->product);

	if (of == SNAPSHOT_UNNAMED) return;
	mesh_snapshot_name(log, product, str_c(TABLE_NAMES[1 + (of == SNAPSHOT_OF_ANOTHER_TABLE ? 1 - table : table)]), S(HEX64), name);
	ret->content = S(HEX64);
	ret->manifest = arena_str(&s->w->arena, str_c(name));
}

static void
write_publish(struct sim *s, const struct choice *c, struct buf *out)
{
	char id[32], name[32];
	snprintf(id, sizeof id, "prd_%06d", c->product);
	snprintf(name, sizeof name, "name%d", c->product);
	struct mesh_table tables[] = {a_table(TABLE_NAMES[1]), a_table(TABLE_NAMES[2])};
	struct mesh_product p = a_product(id, name, tables, c->second_table ? 2 : 1);

	for (int i = 0; i < TABLES; i++) {
		if (!c->personal[i]) tables[i].policy.columns = UNCLASSED;
		name_snapshot(s, c, i, &tables[i]);
	}
	body_publish(out, &p);
}

static void
write_tag(struct sim *s, const struct choice *c, struct buf *out)
{
	struct mesh_tag t = {.id = sim_id(s, "tgs", c->tag), .product_id = sim_id(s, "prd", c->product), .table = str_c(TABLE_NAMES[c->table + 1]),
	    .column = str_c(COLUMN_NAMES[c->column + 1]), .tag = S("area"), .value = str_c(AREA_NAMES[c->value])};

	body_tag_set(out, &t);
}

/* --- the center's --- */

static void
write_restriction(struct sim *s, const struct choice *c, struct buf *out)
{
	static const char *const about[] = {"", "area IN ('red')", "NOT area IN ('red')", "area IN ('blue', 'red')"};
	const struct t_restriction *t = &c->rule;
	struct mesh_restriction r = {.policy = {.id = sim_id(s, "rst", c->restriction), .product_id = t->product < 0 ? S("") : sim_id(s, "prd", t->product),
	    .domain_id = t->domain < 0 ? S("") : did(s->w, t->domain), .classification = t->personal ? S("personal") : S(""), .mask = t->mask, .hide = t->hide,
	    .max_days = t->days, .approvals = t->approvals, .approver_roles = t->roles, .demand_purpose = t->purpose, .demand_handing = t->handing,
	    .min_level = t->level, .suspend = t->suspend, .freeze = t->freeze}, .tags_text = str_c(about[t->about])};

	for (int i = 0; i < 2; i++)
		if (t->approver[i] >= 0 && (i == 0 || t->approver[1] != t->approver[0])) r.policy.approvers[r.policy.approver_count++] = sim_id(s, "per", t->approver[i]);
	body_restriction(out, &r);
}

static void
write_words(struct sim *s, const struct choice *c, struct buf *out)
{
	static const Str values[] = {S("red"), S("blue"), S("green")};
	static const char *const tags[] = {"area", "classification", "environment", "risk"};
	Str tag = str_c(tags[c->word % 4]);
	struct mesh_tag_def d = {.tag = tag, .kind = c->word & 4 ? TAG_ORDERED : TAG_CHOICE, .values = values + (c->word >> 3), .value_count = 2};
	struct mesh_exception x = {.id = sim_id(s, "exc", c->word), .control = S("C09"), .subject = S("a.b"), .until = DAY(90), .reason = S(HEX64)};
	struct mesh_evidence e = {.id = sim_id(s, "evd", c->restriction), .control = S("C17"), .ok = true, .document = S(HEX64)};

	switch (c->type) {
	case EVENT_TAG_DEFINE: body_tag_define(out, &d); break;
	case EVENT_TAG_RETIRE: body_tag_retire(out, tag); break;
	case EVENT_EXCEPTION_ADD: body_exception(out, &x); break;
	case EVENT_EXCEPTION_END: body_exception_end(out, x.id); break;
	case EVENT_EVIDENCE_ADD: body_evidence(out, &e); break;
	case EVENT_RESTRICTION_ADD: write_restriction(s, c, out); break;
	case EVENT_RESTRICTION_LIFT: body_lift(out, sim_id(s, "rst", c->restriction)); break;
	default: body_purpose(out, str_c(PURPOSE_NAMES[c->purpose])); break;
	}
}

/* --- keys and forks --- */

Str
in_base64(struct arena *a, Str entry)
{
	BUF_AUTO text = BUF_INIT;

	base64_put(&text, entry);
	return arena_str(a, buf_view(&text));
}

static Str
written(struct sim *s)
{
	return arena_str(&s->w->arena, buf_view(&s->w->body));
}

/* The other branch signed by somebody else proves nothing. */
static void
write_report(struct sim *s, const struct choice *c, struct buf *out)
{
	Str a = S("bm90aGluZw=="), b = a, id = sim_id(s, "frk", (int)s->reports++);
	struct world *w = s->w;
	struct dsse d;
	Str envelope;

	if (c->fork < 0) {
		body_fork(out, id, did(w, c->to_log), &a, 1, &b, 1);
		return;
	}
	a = s->branches[c->fork][0];
	b = s->branches[c->fork][1];
	int domain = s->t.forks[c->fork].domain;
	if (c->false_report) {
		if (!base64_get(&w->arena, b, &envelope) || !err_ok(dsse_parse(&w->c, envelope, &d))) fail_msg("a branch is no envelope");
		b = in_base64(&w->arena, world_sign(w, &w->d[(domain + 1) % DOMAINS].key, d.payload));
	}
	body_fork(out, id, did(w, domain), &a, 1, &b, 1);
}

static void
endorse(const struct sign_key *const by[2], Str text, struct endorsement *ret)
{
	for (int i = 0; i < 2; i++) {
		memcpy(ret[i].pub, by[i]->pub, sizeof ret[i].pub);
		sign_make(by[i], text, ret[i].signature);
	}
}

Str
sim_resolve(struct sim *s, const struct choice *c, const struct sign_key *const by[2])
{
	struct speaker *d = &s->w->d[c->domain];
	struct endorsement list[2];
	BUF_AUTO text = BUF_INIT;

	mesh_resolve_text(&text, did(s->w, c->domain), d->size, &d->head, c->since);
	endorse(by, buf_view(&text), list);
	s->w->body.n = 0;
	body_resolve(&s->w->body, c->since, list, 2);
	return written(s);
}

Str
sim_rotation(struct sim *s, const struct choice *c, const struct sign_key *key, const struct sign_key *next, const struct sign_key *const by[2])
{
	struct speaker *d = &s->w->d[c->domain];
	struct rotation r = {.compromised = c->stolen, .since = c->since, .count = 2};
	BUF_AUTO text = BUF_INIT;

	memcpy(r.pub, key->pub, sizeof r.pub);
	crypt_sha256(str_of(next->pub, sizeof next->pub), r.next);
	mesh_rotate_text(&text, did(s->w, c->domain), d->size, &d->head, &r);
	endorse(by, buf_view(&text), r.endorsements);
	s->w->body.n = 0;
	body_rotate(&s->w->body, &r);
	return written(s);
}

static Str
own_rotation(struct sim *s, const struct choice *c)
{
	struct vault *v = &s->vaults[c->domain];

	world_key(s->w, &v->after);
	const struct sign_key *by[] = {c->by_recovery ? &v->recovery[0] : &s->w->d[c->domain].key, &v->recovery[1 + c->recovery]};
	return sim_rotation(s, c, &v->next, &v->after, by);
}

/* --- all of it --- */

static void
write_about_people(struct sim *s, const struct choice *c, struct buf *out)
{
	Str person = sim_id(s, "per", c->person), group = sim_id(s, "grp", c->group);

	switch (c->type) {
	case EVENT_MEMBER_SET: body_member_set(out, person, c->role, c->service, c->human < 0 ? S("") : sim_id(s, "per", c->human)); break;
	case EVENT_MEMBER_END: body_member_end(out, person); break;
	case EVENT_GROUP_SET: body_group_set(out, group, world_str(s->w, "group%d", c->group)); break;
	case EVENT_GROUP_END: body_group_end(out, group); break;
	default: body_group_member(out, group, person); break;
	}
}

static void
write_body(struct sim *s, const struct choice *c, struct buf *out)
{
	switch (c->type) {
	case EVENT_GRANT_ADD: write_grant(s, c, out); break;
	case EVENT_GRANT_REVOKE: body_revoke(out, sim_id(s, "grt", c->grant)); break;
	case EVENT_PRODUCT_PUBLISH: write_publish(s, c, out); break;
	case EVENT_PRODUCT_RETIRE: body_retire(out, sim_id(s, "prd", c->product)); break;
	case EVENT_MEMBER_SET: case EVENT_MEMBER_END: case EVENT_GROUP_SET: case EVENT_GROUP_END: case EVENT_GROUP_JOIN: case EVENT_GROUP_LEAVE:
		write_about_people(s, c, out);
		break;
	case EVENT_DOMAIN_SET: body_domain_set(out, c->named); break;
	case EVENT_TAG_SET: write_tag(s, c, out); break;
	case EVENT_REVIEW_ADD: body_review(out, sim_id(s, "rev", c->tag), sim_id(s, "prd", c->product)); break;
	case EVENT_APPROVAL_ADD:
		body_approval(out, did(s->w, c->to_log), c->subject < GRANTS ? sim_id(s, "grt", c->subject) : sim_id(s, "tgs", c->subject - GRANTS));
		break;
	case EVENT_DELEGATION_ADD: write_delegation(s, c, out); break;
	case EVENT_DELEGATION_END: body_delegation_end(out, sim_id(s, "dlg", c->delegation)); break;
	case EVENT_CONFIRM: body_confirm(out, &c->since, 1); break;
	case EVENT_FORK_REPORT: write_report(s, c, out); break;
	case EVENT_DIRECTORY_ERASE: body_erase(out, S("ref_00000001"), S("on request")); break;
	case EVENT_REQUEST_OPEN: case EVENT_REQUEST_SUBMIT: case EVENT_REQUEST_WITHDRAW: case EVENT_REQUEST_DENY: case EVENT_REQUEST_COMMENT:
		write_request(s, c, out);
		break;
	default: write_words(s, c, out); break;
	}
}

Str
sim_body(struct sim *s, const struct choice *c)
{
	const struct vault *v = &s->vaults[c->domain];

	if (c->type == EVENT_KEY_ROTATE) return own_rotation(s, c);
	if (c->type == EVENT_FORK_RESOLVE) return sim_resolve(s, c, (const struct sign_key *[]){&v->recovery[c->recovery], &v->recovery[2]});
	s->w->body.n = 0;
	write_body(s, c, &s->w->body);
	return written(s);
}

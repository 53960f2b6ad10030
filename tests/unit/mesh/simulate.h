/* A seeded mesh of domains that say right and wrong things: choosing what is said, writing it, and what it comes to in truth.h. */
#ifndef TESTS_MESH_SIMULATE_H
#define TESTS_MESH_SIMULATE_H

#include "mesh/state.h"
#include "truth.h"
#include "world.h"

enum { WORLD_EVENTS = 1000, FOUNDING = 40, SIGNED = 32, PAIRS = 2 };

/* One event as the generator chose it. */
struct choice {
	enum event_type type;
	int domain, product, table, column, person, by, other, grant, group, delegation, request, restriction, tag, fork, value, purpose, to_log, subject;
	enum role role;
	unsigned bits; /* for whatever is yes or no */
	uint64_t since;
	struct t_use use;
	struct t_restriction rule;
};

/* What a domain keeps for itself, and a thief may get hold of. */
struct vault { struct sign_key old, next, after, recovery[RECOVERY_KEYS]; bool rotated; Str signed_entries[SIGNED]; unsigned signed_count; };
struct told { int domain; Str entry; bool verify; };
struct sim {
	struct world *w;
	struct truth t;
	uint64_t random;
	struct arena kept;
	struct vault vaults[DOMAINS];
	Str branches[FORKS][2];            /* the two entries of each fork, in base64 */
	struct told told[WORLD_EVENTS + DOMAINS];
	unsigned told_count, reports;
	struct mesh *uncentered;           /* everything but the log of the center */
	struct { int producer, home; struct mesh *m; } pairs[PAIRS]; /* two logs and nothing else */
};

static inline unsigned
roll(struct sim *s, unsigned below)
{
	s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(s->random >> 33) % below;
}

static inline bool one_in(struct sim *s, unsigned n) { return roll(s, n) == 0; }
static inline bool is_center(int domain) { return domain == OUR_CENTER || domain == OTHER_CENTER; }

static const char *const TABLE_NAMES[] = {"", "transactions", "returns"}; /* by table + 1 */
static const char *const COLUMN_NAMES[] = {"", "household_id", "sales", "coupon text"};
static const char *const PURPOSE_NAMES[] = {"*", "campaign_analysis", "marketing", "", "marketing/campaigns", "other"};
static const char *const AREA_NAMES[] = {"", "red", "blue"};
static const struct policy_column UNCLASSED[] = {COLUMN("household_id", "BIGINT", ""), COLUMN("sales", "DECIMAL(18,2)", ""), COLUMN("coupon text", "VARCHAR", "")};

/* --- choosing --- */

static const struct { enum event_type type; unsigned weight; } WEIGHTS[] = {
    {EVENT_GRANT_ADD, 200},      {EVENT_GRANT_REVOKE, 60},    {EVENT_PRODUCT_PUBLISH, 60},  {EVENT_PRODUCT_RETIRE, 1},   {EVENT_MEMBER_SET, 120},
    {EVENT_MEMBER_END, 25},      {EVENT_DOMAIN_SET, 20},      {EVENT_GROUP_SET, 30},        {EVENT_GROUP_END, 4},        {EVENT_GROUP_JOIN, 60},
    {EVENT_GROUP_LEAVE, 15},     {EVENT_TAG_SET, 50},         {EVENT_APPROVAL_ADD, 60},     {EVENT_DELEGATION_ADD, 90},  {EVENT_DELEGATION_END, 40},
    {EVENT_REQUEST_OPEN, 20},    {EVENT_REQUEST_SUBMIT, 4},   {EVENT_REQUEST_WITHDRAW, 4},  {EVENT_REQUEST_DENY, 4},     {EVENT_REQUEST_COMMENT, 4},
    {EVENT_REVIEW_ADD, 4},       {EVENT_RESTRICTION_ADD, 25}, {EVENT_RESTRICTION_LIFT, 70}, {EVENT_TAG_DEFINE, 6},       {EVENT_TAG_RETIRE, 3},
    {EVENT_PURPOSE_DEFINE, 4},   {EVENT_PURPOSE_RETIRE, 40},  {EVENT_EXCEPTION_ADD, 3},     {EVENT_EXCEPTION_END, 2},    {EVENT_EVIDENCE_ADD, 3},
    {EVENT_DIRECTORY_ERASE, 3},  {EVENT_KEY_ROTATE, 14},      {EVENT_CONFIRM, 20},          {EVENT_FORK_REPORT, 25},     {EVENT_FORK_RESOLVE, 25},
};

static inline enum event_type
choose_type(struct sim *s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(WEIGHTS); i++) sum += WEIGHTS[i].weight;
	unsigned n = roll(s, sum);
	for (size_t i = 0;; i++) {
		if (n < WEIGHTS[i].weight) return WEIGHTS[i].type;
		n -= WEIGHTS[i].weight;
	}
}

static inline bool
of_center(enum event_type t)
{
	return t == EVENT_RESTRICTION_ADD || t == EVENT_RESTRICTION_LIFT || t == EVENT_TAG_DEFINE || t == EVENT_TAG_RETIRE || t == EVENT_PURPOSE_DEFINE ||
	       t == EVENT_PURPOSE_RETIRE || t == EVENT_EXCEPTION_ADD || t == EVENT_EXCEPTION_END || t == EVENT_EVIDENCE_ADD;
}

static inline struct t_use
choose_use(struct sim *s)
{
	static const enum mask_kind masks[] = {MASK_NONE, MASK_NONE, MASK_NONE, MASK_HASH, MASK_CONSTANT, MASK_NULL};
	struct t_use u = {.table = roll(s, 3) ? -1 : (int)roll(s, TABLES), .rows = one_in(s, 5), .hides = one_in(s, 5), .mask = masks[roll(s, 6)],
	    .to_kind = (enum principal_kind)roll(s, 3), .to_domain = (int)roll(s, DOMAINS), .purpose = (int)roll(s, 3), .from = DAY(0)};

	u.to = (int)roll(s, u.to_kind == PRINCIPAL_DOMAIN ? DOMAINS : u.to_kind == PRINCIPAL_PERSON ? PERSONS : GROUPS);
	u.ways = one_in(s, 6) ? INTERACT_API : one_in(s, 2) ? INTERACT_SQL | INTERACT_API : INTERACT_SQL;
	if (one_in(s, 16)) u.from = DAY(3);
	u.until = one_in(s, 16) ? DAY(0) + TIME_SECOND : one_in(s, 2) ? DAY(30) : TIME_FOREVER;
	return u;
}

static inline struct t_restriction
choose_rule(struct sim *s)
{
	static const uint32_t roles[] = {0, 0, 1U << ROLE_OWNER, 1U << ROLE_STEWARD, 1U << ROLE_OWNER | 1U << ROLE_ANALYST};
	struct t_restriction r = {.there = true, .product = roll(s, 3) ? -1 : (int)roll(s, PRODUCTS), .domain = one_in(s, 2) ? -1 : (int)roll(s, DOMAINS),
	    .area = one_in(s, 3) ? 1 + (int)roll(s, 2) : AREA_NONE, .personal = one_in(s, 4), .approver = {-1, -1}};

	switch (roll(s, 9)) {
	case 0: r.suspend = true; break;
	case 1: r.hide = true; break;
	case 2: r.mask = one_in(s, 2) ? MASK_HASH : MASK_CONSTANT; break;
	case 3: r.purpose = true; break;
	case 4: r.handing = true; break;
	case 5: r.days = 1 + roll(s, 40); break;
	case 6: r.level = 2; break;
	case 7:
		r.freeze = true;
		if (r.domain < 0) r.domain = (int)roll(s, DOMAINS);
		break;
	default: break;
	}
	if (r.suspend || r.level) r.product = (int)roll(s, PRODUCTS); /* all closed, there is nothing to see */
	if (one_in(s, 3) || !(r.suspend || r.hide || r.mask || r.purpose || r.handing || r.days || r.level || r.freeze)) {
		r.approvals = 1 + roll(s, 2);
		r.roles = roles[roll(s, ARRAY_LEN(roles))];
		for (int i = 0; i < 2; i++)
			if (one_in(s, 2)) r.approver[i] = (int)roll(s, PERSONS);
		if (r.approver[0] < 0) r.approver[1] = -1;
	}
	return r;
}

static inline void
choose_about_keys(struct sim *s, struct choice *c)
{
	struct truth *t = &s->t;

	c->fork = t->fork_count ? (int)roll(s, (unsigned)t->fork_count) : -1;
	if (c->type == EVENT_FORK_RESOLVE && c->fork >= 0) {
		c->domain = t->forks[c->fork].domain;
		c->since = t->forks[c->fork].at;
	}
	uint64_t size = s->w->d[c->domain].size;
	const struct t_log *l = &t->logs[c->domain];
	if (c->type == EVENT_KEY_ROTATE) c->since = size > 40 ? size - roll(s, 40) : size;
	if (c->type == EVENT_CONFIRM && l->void_count) {
		const struct t_span *v = &l->voids[roll(s, (unsigned)l->void_count)];
		c->since = v->from + roll(s, (unsigned)(v->to - v->from) + 1);
	}
}

static inline struct choice
sim_choose(struct sim *s)
{
	static const enum role roles[] = {ROLE_OWNER, ROLE_STEWARD, ROLE_ANALYST, ROLE_ANALYST, ROLE_ENGINEER};
	struct choice c = {.type = choose_type(s), .domain = (int)roll(s, DOMAINS), .product = (int)roll(s, PRODUCTS), .table = (int)roll(s, 3) - 1,
	    .column = (int)roll(s, 4) - 1, .person = (int)roll(s, PERSONS), .by = (int)roll(s, PERSONS), .other = (int)roll(s, PERSONS),
	    .grant = (int)roll(s, GRANTS), .group = (int)roll(s, GROUPS), .delegation = (int)roll(s, DELEGATIONS), .request = (int)roll(s, REQUESTS),
	    .restriction = (int)roll(s, RESTRICTIONS), .tag = (int)roll(s, TAGS), .value = (int)roll(s, 3), .purpose = 1 + (int)roll(s, 5),
	    .to_log = (int)roll(s, DOMAINS), .subject = (int)roll(s, GRANTS + TAGS), .role = roles[roll(s, 5)], .bits = roll(s, 1 << 20), .fork = -1};

	if (s->told_count < FOUNDING) { /* something to begin with */
		c.type = s->told_count % 3 ? EVENT_PRODUCT_PUBLISH : EVENT_GROUP_SET;
		c.domain = (int)s->told_count % OUR_CENTER;
	} else if (s->told_count < FOUNDING + 2 * PERSONS)
		c.type = s->told_count % 3 ? EVENT_MEMBER_SET : EVENT_DOMAIN_SET;
	if (of_center(c.type) && roll(s, 8)) c.domain = one_in(s, 4) ? OTHER_CENTER : OUR_CENTER;
	if (c.type == EVENT_MEMBER_SET && roll(s, 4)) c.person = c.domain + DOMAINS * (int)roll(s, 2); /* most are where they belong */
	if (c.person >= PERSONS) c.person -= DOMAINS;
	if (c.table < 0) c.column = -1;
	c.use = choose_use(s);
	c.rule = choose_rule(s);
	if (c.type == EVENT_APPROVAL_ADD && roll(s, 3)) c.to_log = c.domain;
	if (c.type == EVENT_DELEGATION_ADD) { /* mostly of a grant to them */
		c.use.to_kind = one_in(s, 2) ? PRINCIPAL_PERSON : PRINCIPAL_GROUP;
		c.use.to = (int)roll(s, c.use.to_kind == PRINCIPAL_PERSON ? PERSONS : GROUPS);
		c.use.to_domain = c.domain;
		for (unsigned k = 0, at = roll(s, OUR_CENTER * GRANTS); k < OUR_CENTER * GRANTS; k++) {
			unsigned n = (at + k) % (OUR_CENTER * GRANTS);
			const struct t_use *u = &s->t.logs[n / GRANTS].grants[n % GRANTS].use;
			if (!u->there || u->over || u->to_kind != PRINCIPAL_DOMAIN || u->to != c.domain) continue;
			c.to_log = (int)(n / GRANTS);
			c.grant = (int)(n % GRANTS);
			break;
		}
	}
	choose_about_keys(s, &c);
	return c;
}

#define BIT(c, n) (((c)->bits >> (n) & 1) != 0)
#define BITS(c, from, n) ((c)->bits >> (from) & ((1U << (n)) - 1))

/* By tags, with which values; and under which terms. */
static inline struct t_grant
choice_grant(const struct choice *c, const struct t_log *l)
{
	const struct t_member *by = &l->members[c->by];
	struct t_grant g = {.use = c->use, .product = c->product, .request = BITS(c, 0, 2) ? -1 : c->request, .by = c->by,
	    .by_role = by->active ? 1U << by->role : 0};

	g.terms.no_export = BITS(c, 2, 3) == 0;
	g.terms.row_budget = BITS(c, 5, 3) == 0 ? 100 : 0;
	if (BITS(c, 8, 3) == 0) g.terms.hours = (struct policy_hours){0x7f, 8 * 60, 18 * 60};
	if (BITS(c, 11, 2) == 0) {
		g.product = g.use.table = -1;
		g.red = c->value != 1;
		g.blue = c->value != 2;
		g.future = BIT(c, 13);
		if (g.future && g.use.until == TIME_FOREVER) g.use.until = DAY(30);
	}
	return g;
}

/* --- writing --- */

static inline Str
sim_id(struct sim *s, const char *prefix, int n)
{
	return world_str(s->w, "%s_%06d", prefix, n);
}

static inline Str
to_id(struct sim *s, const struct t_use *u)
{
	return u->to_kind == PRINCIPAL_DOMAIN ? did(s->w, u->to) : sim_id(s, u->to_kind == PRINCIPAL_PERSON ? "per" : "grp", u->to);
}

static const Str HIDDEN[] = {S("coupon text")};

static inline void
write_grant(struct sim *s, const struct choice *c, struct buf *out)
{
	struct t_grant t = choice_grant(c, &s->t.logs[c->domain]);
	Str purpose = str_c(PURPOSE_NAMES[t.use.purpose]);
	struct policy_mask mask = {S("household_id"), t.use.mask};
	struct mesh_grant g = {.policy = {.id = sim_id(s, "grt", c->grant), .product_id = t.product < 0 ? S("") : sim_id(s, "prd", t.product),
	    .table = str_c(TABLE_NAMES[t.use.table + 1]), .to_kind = t.use.to_kind, .to_id = to_id(s, &t.use), .purposes = &purpose, .purpose_count = 1,
	    .to_domain_id = t.use.to_kind == PRINCIPAL_GROUP ? did(s->w, t.use.to_domain) : S(""), .from = t.use.from, .until = t.use.until,
	    .interactions = t.use.ways, .masks = &mask, .mask_count = t.use.mask != MASK_NONE, .hidden = HIDDEN, .hidden_count = t.use.hides,
	    .future = t.future, .terms = t.terms}, .rows_text = t.use.rows ? S("sales > 10") : S(""), .tags_text = S("")};

	g.request_id = t.request < 0 ? S("") : sim_id(s, "req", t.request);
	if (t.product < 0) g.tags_text = t.red && t.blue ? S("area IN ('blue', 'red')") : t.red ? S("area IN ('red')") : S("area IN ('blue')");
	body_grant(out, &g);
}

static inline void
write_delegation(struct sim *s, const struct choice *c, struct buf *out)
{
	Str purpose = str_c(PURPOSE_NAMES[c->use.purpose]);
	struct policy_mask mask = {S("household_id"), c->use.mask};
	struct mesh_delegation d = {.policy = {.id = sim_id(s, "dlg", c->delegation), .issuer_domain_id = did(s->w, c->to_log), .grant_id = sim_id(s, "grt", c->grant),
	    .table = str_c(TABLE_NAMES[c->use.table + 1]), .to_kind = c->use.to_kind, .to_id = to_id(s, &c->use), .purposes = &purpose,
	    .purpose_count = c->use.purpose != PURPOSE_ANY, .from = c->use.from, .until = c->use.until, .interactions = c->use.ways, .masks = &mask,
	    .mask_count = c->use.mask != MASK_NONE, .hidden = HIDDEN, .hidden_count = c->use.hides}, .rows_text = c->use.rows ? S("sales > 20") : S("")};

	body_delegation(out, &d);
}

static inline void
write_restriction(struct sim *s, const struct choice *c, struct buf *out)
{
	const struct t_restriction *t = &c->rule;
	struct mesh_restriction r = {.policy = {.id = sim_id(s, "rst", c->restriction), .product_id = t->product < 0 ? S("") : sim_id(s, "prd", t->product),
	    .domain_id = t->domain < 0 ? S("") : did(s->w, t->domain), .classification = t->personal ? S("personal") : S(""), .mask = t->mask, .hide = t->hide,
	    .max_days = t->days, .approvals = t->approvals, .approver_roles = t->roles, .demand_purpose = t->purpose, .demand_handing = t->handing,
	    .min_level = t->level, .suspend = t->suspend, .freeze = t->freeze}, .tags_text = S("")};

	if (t->area) r.tags_text = t->area == AREA_RED ? S("area IN ('red')") : S("NOT area IN ('red')");
	for (int i = 0; i < 2; i++)
		if (t->approver[i] >= 0 && (i == 0 || t->approver[1] != t->approver[0])) r.policy.approvers[r.policy.approver_count++] = sim_id(s, "per", t->approver[i]);
	body_restriction(out, &r);
}

static inline void
write_publish(struct sim *s, const struct choice *c, struct buf *out)
{
	char id[32], name[32];
	snprintf(id, sizeof id, "prd_%06d", c->product);
	snprintf(name, sizeof name, "name%d", c->product);
	struct mesh_table tables[] = {a_table("transactions"), a_table("returns")};
	struct mesh_product p = a_product(id, name, tables, BITS(c, 0, 2) ? 2 : 1);

	(void)s;
	for (int i = 0; i < TABLES; i++)
		if (!BIT(c, 2 + i)) tables[i].policy.columns = UNCLASSED;
	body_publish(out, &p);
}

static inline void
write_words(struct sim *s, const struct choice *c, struct buf *out)
{
	static const Str values[] = {S("red"), S("blue"), S("green")};
	static const char *const tags[] = {"area", "classification", "environment", "risk"};
	Str tag = str_c(tags[BITS(c, 0, 2)]);
	struct mesh_tag_def d = {.tag = tag, .kind = BIT(c, 2) ? TAG_ORDERED : TAG_CHOICE, .values = values + BIT(c, 3), .value_count = 2};
	struct mesh_exception x = {.id = sim_id(s, "exc", c->restriction), .control = S("C09"), .subject = S("a.b"), .until = DAY(90), .reason = S(HEX64)};
	struct mesh_evidence e = {.id = sim_id(s, "evd", c->restriction), .control = S("C17"), .ok = true, .document = S(HEX64)};
	Str purpose = str_c(PURPOSE_NAMES[c->purpose]);

	switch (c->type) {
	case EVENT_TAG_DEFINE: body_tag_define(out, &d); break;
	case EVENT_TAG_RETIRE: body_tag_retire(out, tag); break;
	case EVENT_EXCEPTION_ADD: body_exception(out, &x); break;
	case EVENT_EXCEPTION_END: body_exception_end(out, x.id); break;
	case EVENT_EVIDENCE_ADD: body_evidence(out, &e); break;
	default: body_purpose(out, purpose); break;
	}
}

static inline void
write_request(struct sim *s, const struct choice *c, struct buf *out)
{
	Str request = sim_id(s, "req", c->request);
	struct mesh_request r = {.id = request, .person_id = sim_id(s, "per", c->person), .producer_domain_id = did(s->w, c->to_log),
	    .product_id = sim_id(s, "prd", c->product), .purpose = S("campaign_analysis"), .reason = S(""), .until = TIME_FOREVER, .draft = BIT(c, 0)};
	struct mesh_comment x = {.id = sim_id(s, "cmt", c->tag), .consumer_domain_id = did(s->w, c->to_log), .request_id = request, .text = S(HEX64)};

	switch (c->type) {
	case EVENT_REQUEST_OPEN: body_request(out, &r); break;
	case EVENT_REQUEST_SUBMIT: body_submit(out, request); break;
	case EVENT_REQUEST_WITHDRAW: body_withdraw(out, request); break;
	case EVENT_REQUEST_COMMENT: body_comment(out, &x); break;
	default: body_deny(out, request, S("")); break;
	}
}

static inline void
write_tag(struct sim *s, const struct choice *c, struct buf *out)
{
	struct mesh_tag t = {.id = sim_id(s, "tgs", c->tag), .product_id = sim_id(s, "prd", c->product), .table = str_c(TABLE_NAMES[c->table + 1]),
	    .column = str_c(COLUMN_NAMES[c->column + 1]), .tag = S("area"), .value = str_c(AREA_NAMES[c->value])};

	body_tag_set(out, &t);
}

static inline Str
in_base64(struct arena *a, Str entry)
{
	BUF_AUTO text = BUF_INIT;

	base64_put(&text, entry);
	return arena_str(a, buf_view(&text));
}

/* The other branch signed by somebody else proves nothing. */
static inline bool
is_false_report(const struct choice *c)
{
	return c->fork < 0 || BITS(c, 0, 2) == 0;
}

static inline void
write_report(struct sim *s, const struct choice *c, struct buf *out)
{
	Str a = S("bm90aGluZw=="), b = a;

	if (c->fork >= 0) {
		a = s->branches[c->fork][0];
		b = s->branches[c->fork][1];
	}
	if (c->fork >= 0 && is_false_report(c)) {
		struct dsse d;
		struct world *w = s->w;
		Str envelope;
		if (!base64_get(&w->arena, b, &envelope) || !err_ok(dsse_parse(&w->c, envelope, &d))) fail_msg("a branch is no envelope");
		b = in_base64(&w->arena, world_sign(w, &w->d[(s->t.forks[c->fork].domain + 1) % DOMAINS].key, d.payload));
	}
	body_fork(out, sim_id(s, "frk", (int)s->reports++), c->fork < 0 ? did(s->w, c->to_log) : did(s->w, s->t.forks[c->fork].domain), &a, 1, &b, 1);
}

static inline void
endorse(const struct sign_key *by, Str text, struct endorsement *ret)
{
	memcpy(ret->pub, by->pub, sizeof ret->pub);
	sign_make(by, text, ret->signature);
}

static inline void
write_resolve(struct sim *s, const struct choice *c, const struct sign_key *one, const struct sign_key *two, struct buf *out)
{
	struct speaker *d = &s->w->d[c->domain];
	struct endorsement list[2];
	BUF_AUTO text = BUF_INIT;

	mesh_resolve_text(&text, did(s->w, c->domain), d->size, &d->head, c->since);
	endorse(one, buf_view(&text), &list[0]);
	endorse(two, buf_view(&text), &list[1]);
	body_resolve(out, c->since, list, 2);
}

/* To `key`, with `next` behind it. */
static inline void
write_rotation(struct sim *s, const struct choice *c, const struct sign_key *key, const struct sign_key *next, const struct sign_key *one,
               const struct sign_key *two, struct buf *out)
{
	struct speaker *d = &s->w->d[c->domain];
	struct rotation r = {.compromised = BIT(c, 0), .since = c->since, .count = 2};
	BUF_AUTO text = BUF_INIT;

	memcpy(r.pub, key->pub, sizeof r.pub);
	crypt_sha256(str_of(next->pub, sizeof next->pub), r.next);
	mesh_rotate_text(&text, did(s->w, c->domain), d->size, &d->head, &r);
	endorse(one, buf_view(&text), &r.endorsements[0]);
	endorse(two, buf_view(&text), &r.endorsements[1]);
	body_rotate(out, &r);
}

/* The body of a choice. Of keys: with all that is needed, a thief's are made elsewhere. */
static inline Str
sim_body(struct sim *s, const struct choice *c)
{
	struct buf *out = &s->w->body;
	struct vault *v = &s->vaults[c->domain];
	Str person = sim_id(s, "per", c->person), group = sim_id(s, "grp", c->group);

	out->n = 0;
	switch (c->type) {
	case EVENT_GRANT_ADD: write_grant(s, c, out); break;
	case EVENT_GRANT_REVOKE: body_revoke(out, sim_id(s, "grt", c->grant)); break;
	case EVENT_PRODUCT_PUBLISH: write_publish(s, c, out); break;
	case EVENT_PRODUCT_RETIRE: body_retire(out, sim_id(s, "prd", c->product)); break;
	case EVENT_MEMBER_SET: body_member_set(out, person, c->role, BITS(c, 0, 4) == 0, BITS(c, 4, 2) ? S("") : sim_id(s, "per", c->other)); break;
	case EVENT_MEMBER_END: body_member_end(out, person); break;
	case EVENT_DOMAIN_SET: body_domain_set(out, BITS(c, 0, 2) != 0); break;
	case EVENT_GROUP_SET: body_group_set(out, group, world_str(s->w, "group%d", c->group)); break;
	case EVENT_GROUP_END: body_group_end(out, group); break;
	case EVENT_GROUP_JOIN:
	case EVENT_GROUP_LEAVE: body_group_member(out, group, person); break;
	case EVENT_TAG_SET: write_tag(s, c, out); break;
	case EVENT_REVIEW_ADD: body_review(out, sim_id(s, "rev", c->tag), sim_id(s, "prd", c->product)); break;
	case EVENT_APPROVAL_ADD:
		body_approval(out, did(s->w, c->to_log), c->subject < GRANTS ? sim_id(s, "grt", c->subject) : sim_id(s, "tgs", c->subject - GRANTS));
		break;
	case EVENT_DELEGATION_ADD: write_delegation(s, c, out); break;
	case EVENT_DELEGATION_END: body_delegation_end(out, sim_id(s, "dlg", c->delegation)); break;
	case EVENT_RESTRICTION_ADD: write_restriction(s, c, out); break;
	case EVENT_RESTRICTION_LIFT: body_lift(out, sim_id(s, "rst", c->restriction)); break;
	case EVENT_KEY_ROTATE:
		world_key(s->w, &v->after);
		write_rotation(s, c, &v->next, &v->after, BIT(c, 1) ? &s->w->d[c->domain].key : &v->recovery[0], &v->recovery[1 + BIT(c, 2)], out);
		break;
	case EVENT_CONFIRM: body_confirm(out, &c->since, 1); break;
	case EVENT_FORK_REPORT: write_report(s, c, out); break;
	case EVENT_FORK_RESOLVE: write_resolve(s, c, &v->recovery[BIT(c, 1)], &v->recovery[2], out); break;
	case EVENT_DIRECTORY_ERASE: body_erase(out, S("ref_00000001"), S("on request")); break;
	case EVENT_REQUEST_OPEN: case EVENT_REQUEST_SUBMIT: case EVENT_REQUEST_WITHDRAW: case EVENT_REQUEST_DENY: case EVENT_REQUEST_COMMENT:
		write_request(s, c, out);
		break;
	default: write_words(s, c, out); break;
	}
	return arena_str(&s->w->arena, buf_view(out));
}

#endif

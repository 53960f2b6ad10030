/* A seeded world of domains that say right and wrong things, and a model of what must come of it.
 *
 * The model is written from the rules of docs/events.md, over small numbers instead of ids, and knows nothing of logs, JSON or
 * signatures: an event that was not said by the right key in the right place does not reach it. */
#ifndef TESTS_MESH_SIM_H
#define TESTS_MESH_SIM_H

#include "world.h"

enum { DOMAINS = 6, OUR_CENTER = 4, OTHER_CENTER = 5, PRODUCTS = 8, NAMES = 5, PERSONS = 10, GRANTS = 64, REQUESTS = 40, RESTRICTIONS = 8 };
enum { TABLE_ALL, TABLE_TRANSACTIONS, TABLE_RETURNS, TABLE_NOWHERE };

struct model_grant { bool there, revoked, covers, to_domain; int product, table, to; };

struct model {
	struct { bool there, retired; int name; } products[DOMAINS][PRODUCTS];
	struct { bool there, active, owner; } members[DOMAINS][PERSONS];
	struct model_grant grants[DOMAINS][GRANTS];
	struct { bool there; } requests[DOMAINS][REQUESTS], denied[DOMAINS][REQUESTS];
	struct { bool there, lifted, suspend; int product; } restrictions[DOMAINS][RESTRICTIONS];
	int by_id[DOMAINS]; /* domains by rising id, because that is who a person belongs to in doubt */
};

/* One event as the generator chose it. */
struct choice { enum event_type type; int domain, product, name, person, grant, request, restriction, to, table; bool flag, to_domain, covers; };

struct sim {
	struct world *w;
	struct model model;
	uint64_t random;
	Str entries[DOMAINS][64]; /* some that were said, for replays */
	unsigned kept[DOMAINS];
};

static inline unsigned
roll(struct sim *s, unsigned below)
{
	s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(s->random >> 33) % below;
}

static const char *const TABLE_NAMES[] = {"", "transactions", "returns", "nowhere"};

static inline struct choice
sim_choose(struct sim *s)
{
	static const struct { enum event_type type; unsigned weight; } weights[] = {
	    {EVENT_GRANT_ADD, 30}, {EVENT_GRANT_REVOKE, 12}, {EVENT_PRODUCT_PUBLISH, 10}, {EVENT_PRODUCT_RETIRE, 1}, {EVENT_MEMBER_SET, 8},
	    {EVENT_MEMBER_END, 5}, {EVENT_REQUEST_OPEN, 5}, {EVENT_REQUEST_WITHDRAW, 3}, {EVENT_REQUEST_DENY, 3}, {EVENT_RESTRICTION_ADD, 2},
	    {EVENT_RESTRICTION_LIFT, 4},
	};
	struct choice c = {.domain = (int)roll(s, DOMAINS), .product = (int)roll(s, PRODUCTS), .name = (int)roll(s, NAMES), .person = (int)roll(s, PERSONS),
	    .grant = (int)roll(s, GRANTS), .request = (int)roll(s, REQUESTS), .restriction = (int)roll(s, RESTRICTIONS), .table = (int)roll(s, 16),
	    .flag = roll(s, 2), .to_domain = roll(s, 2), .covers = roll(s, 4) != 0};
	unsigned n = roll(s, 83);

	c.to = (int)(c.to_domain ? roll(s, DOMAINS) : roll(s, PERSONS));
	c.table = c.table > 3 ? TABLE_ALL : c.table;
	for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
		c.type = weights[i].type;
		if (n < weights[i].weight) break;
		n -= weights[i].weight;
	}
	return c;
}

/* --- the body of a choice --- */

static inline Str
sim_id(struct sim *s, const char *prefix, int n)
{
	return world_str(s->w, "%s_%06d", prefix, n);
}

static inline void
sim_grant_body(struct sim *s, const struct choice *c, struct buf *out)
{
	char id[32], product[32];
	snprintf(id, sizeof id, "grt_%06d", c->grant);
	snprintf(product, sizeof product, "prd_%06d", c->product);
	struct mesh_grant g = a_grant(id, product, c->to_domain ? PRINCIPAL_DOMAIN : PRINCIPAL_PERSON, c->to_domain ? did(s->w, c->to) : sim_id(s, "per", c->to));

	g.policy.table = str_c(TABLE_NAMES[c->table]);
	if (!c->covers && c->flag) g.policy.until = DAY(0) + TIME_SECOND;
	if (!c->covers && !c->flag) g.policy.purposes = &ONE_PURPOSE[1];
	if (c->request % 3 == 0) g.request_id = sim_id(s, "req", c->request);
	if (c->name == 0) g.rows_text = S("sales > 10");
	body_grant(out, &g);
}

static inline void
sim_publish_body(const struct choice *c, struct buf *out)
{
	char id[32], name[32];
	snprintf(id, sizeof id, "prd_%06d", c->product);
	snprintf(name, sizeof name, "name%d", c->name);
	struct mesh_table tables[] = {a_table("transactions"), a_table("returns")};
	struct mesh_product p = a_product(id, name, tables, 2);

	body_publish(out, &p);
}

static inline Str
sim_body(struct sim *s, const struct choice *c)
{
	struct buf *out = &s->w->body;
	Str person = sim_id(s, "per", c->person), request = sim_id(s, "req", c->request), product = sim_id(s, "prd", c->product);
	struct mesh_request r = {.id = request, .person_id = person, .producer_domain_id = did(s->w, c->to % DOMAINS), .product_id = product,
	    .purpose = S("campaign_analysis"), .reason = S(""), .until = TIME_FOREVER};
	struct mesh_restriction t = {.policy = {.id = sim_id(s, "rst", c->restriction), .product_id = c->to_domain ? product : S(""),
	    .classification = c->flag ? S("") : S("personal"), .mask = c->flag ? MASK_NONE : MASK_HASH, .suspend = c->flag}};

	out->n = 0;
	switch (c->type) {
	case EVENT_GRANT_ADD: sim_grant_body(s, c, out); break;
	case EVENT_GRANT_REVOKE: body_revoke(out, sim_id(s, "grt", c->grant)); break;
	case EVENT_PRODUCT_PUBLISH: sim_publish_body(c, out); break;
	case EVENT_PRODUCT_RETIRE: body_retire(out, product); break;
	case EVENT_MEMBER_SET: body_member_set(out, person, c->flag ? ROLE_OWNER : ROLE_ANALYST, false, S("")); break;
	case EVENT_MEMBER_END: body_member_end(out, person); break;
	case EVENT_REQUEST_OPEN: body_request(out, &r); break;
	case EVENT_REQUEST_WITHDRAW: body_withdraw(out, request); break;
	case EVENT_REQUEST_DENY: body_deny(out, request, S("")); break;
	case EVENT_RESTRICTION_ADD: body_restriction(out, &t); break;
	default: body_lift(out, t.policy.id); break;
	}
	return arena_str(&s->w->arena, buf_view(out));
}

/* --- what must come of it when it is said by the right key in the right place --- */

static inline bool is_center(int domain) { return domain == OUR_CENTER || domain == OTHER_CENTER; }

static inline bool
model_publish(struct model *m, const struct choice *c)
{
	if (is_center(c->domain)) return false;
	if (m->products[c->domain][c->product].there)
		return !m->products[c->domain][c->product].retired && m->products[c->domain][c->product].name == c->name;
	for (int i = 0; i < PRODUCTS; i++)
		if (m->products[c->domain][i].there && !m->products[c->domain][i].retired && m->products[c->domain][i].name == c->name) return false;
	m->products[c->domain][c->product].there = true;
	m->products[c->domain][c->product].name = c->name;
	return true;
}

static inline bool
model_retire(struct model *m, const struct choice *c)
{
	bool ok = m->products[c->domain][c->product].there && !m->products[c->domain][c->product].retired;

	if (ok) m->products[c->domain][c->product].retired = true;
	return ok;
}

static inline bool
model_grant(struct model *m, const struct choice *c)
{
	struct model_grant *g = &m->grants[c->domain][c->grant];

	if (is_center(c->domain) || c->table == TABLE_NOWHERE || g->there) return false;
	if (!m->products[c->domain][c->product].there || m->products[c->domain][c->product].retired) return false;
	*g = (struct model_grant){true, false, c->covers, c->to_domain, c->product, c->table, c->to};
	return true;
}

static inline bool
model_apply(struct model *m, const struct choice *c)
{
	int d = c->domain;
	bool ok;

	switch (c->type) {
	case EVENT_PRODUCT_PUBLISH: return model_publish(m, c);
	case EVENT_PRODUCT_RETIRE: return model_retire(m, c);
	case EVENT_GRANT_ADD: return model_grant(m, c);
	case EVENT_GRANT_REVOKE:
		if (m->grants[d][c->grant].there) m->grants[d][c->grant].revoked = true;
		return m->grants[d][c->grant].there;
	case EVENT_MEMBER_SET:
		m->members[d][c->person].there = m->members[d][c->person].active = true;
		m->members[d][c->person].owner = c->flag;
		return true;
	case EVENT_MEMBER_END: m->members[d][c->person].active = false; return m->members[d][c->person].there;
	case EVENT_REQUEST_OPEN:
		ok = m->members[d][c->person].active && !m->requests[d][c->request].there;
		m->requests[d][c->request].there |= ok;
		return ok;
	case EVENT_REQUEST_WITHDRAW: return m->requests[d][c->request].there;
	case EVENT_REQUEST_DENY:
		ok = !m->denied[d][c->request].there;
		m->denied[d][c->request].there = true;
		return ok;
	case EVENT_RESTRICTION_ADD:
		if (!is_center(d) || m->restrictions[d][c->restriction].there) return false;
		m->restrictions[d][c->restriction].there = true;
		m->restrictions[d][c->restriction].suspend = c->flag;
		m->restrictions[d][c->restriction].product = c->to_domain ? c->product : -1;
		return true;
	default:
		if (m->restrictions[d][c->restriction].there) m->restrictions[d][c->restriction].lifted = true;
		return m->restrictions[d][c->restriction].there;
	}
}

/* --- who may see what --- */

struct question { int person, domain, product, table; };

static inline int
model_domain_of(const struct model *m, int person)
{
	for (int i = 0; i < DOMAINS; i++)
		if (m->members[m->by_id[i]][person].active) return m->by_id[i];
	return -1;
}

static inline bool
model_allows(const struct model *m, const struct question *q)
{
	int home = model_domain_of(m, q->person);

	if (home < 0 || !m->products[q->domain][q->product].there || m->products[q->domain][q->product].retired) return false;
	for (int i = 0; i < RESTRICTIONS; i++) {
		if (!m->restrictions[OUR_CENTER][i].there || m->restrictions[OUR_CENTER][i].lifted || !m->restrictions[OUR_CENTER][i].suspend) continue;
		if (m->restrictions[OUR_CENTER][i].product < 0 || m->restrictions[OUR_CENTER][i].product == q->product) return false;
	}
	if (home == q->domain && m->members[home][q->person].owner) return true;
	for (int i = 0; i < GRANTS; i++) {
		const struct model_grant *g = &m->grants[q->domain][i];
		bool to = g->to_domain ? g->to == home : g->to == q->person;
		if (g->there && !g->revoked && g->covers && to && g->product == q->product && (g->table == TABLE_ALL || g->table == q->table)) return true;
	}
	return false;
}

static inline bool
mesh_allows(struct sim *s, const struct question *q)
{
	char id[32], person[32];
	struct arena scratch = ARENA_INIT;
	struct policy_decision d = {0};
	const struct mesh_product *p = NULL;
	const struct mesh_product **all;

	snprintf(id, sizeof id, "prd_%06d", q->product);
	snprintf(person, sizeof person, "per_%06d", q->person);
	size_t n = mesh_products(s->w->m, &scratch, &all);
	for (size_t i = 0; i < n; i++)
		if (str_eqc(all[i]->id, id) && str_eq(all[i]->domain_id, did(s->w, q->domain))) p = all[i];
	if (p)
		mesh_decide(s->w->m, &scratch, str_c(person), p, &p->tables[q->table - 1], S("campaign_analysis"), INTERACT_SQL, 3, DAY(1), NULL, &d);
	arena_fini(&scratch);
	return p && d.verdict == VERDICT_ALLOW;
}

static inline struct question
sim_question(struct sim *s, const struct choice *c)
{
	struct question q = {(int)roll(s, PERSONS), (int)roll(s, DOMAINS), (int)roll(s, PRODUCTS), 1 + (int)roll(s, 2)};

	if (roll(s, 3) == 0) return q;
	q.product = c->product; /* about what was just said */
	q.domain = c->domain;
	if (!c->to_domain) q.person = c->to;
	return q;
}

/* --- life --- */

static inline void
sim_init(struct sim *s, struct world *w, uint64_t seed)
{
	*s = (struct sim){.w = w, .random = seed};
	w->seed = seed;
	for (int i = 0; i < DOMAINS; i++) {
		char name[32];
		snprintf(name, sizeof name, "domain%d", i);
		world_found(w, i, name, is_center(i));
		s->model.by_id[i] = i;
	}
	for (int i = 1; i < DOMAINS; i++)
		for (int k = i; k > 0 && str_cmp(did(w, s->model.by_id[k - 1]), did(w, s->model.by_id[k])) > 0; k--) {
			int t = s->model.by_id[k];
			s->model.by_id[k] = s->model.by_id[k - 1];
			s->model.by_id[k - 1] = t;
		}
	mesh_set_center(w->m, did(w, OUR_CENTER));
}

#endif

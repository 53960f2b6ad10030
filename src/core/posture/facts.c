/* The facts that controls look at. */
#include "core/posture/posture.h"

#include <fcntl.h>
#include <stdlib.h>

#include "codec/json.h"
#include "core/audit/audit.h"
#include "core/product/snapshots.h"
#include "mesh/contract/contract.h"
#include "os/file.h"

struct gather {
	struct walk *w;
	struct core *core;
	const struct mesh *mesh;
	bool past;
	struct ctx *c;
	struct arena *a;
	Time now;
	struct map beginnings; /* domain id → Time of its first membership */
	struct posture_facts f;
};

static const Time USE_DAYS = 90 * TIME_DAY;

#define LIST(g, name, type, n) struct posture_##type *name = NEW_N((g)->a, (n), struct posture_##type); (g)->f.name = name

/* --- domains and people --- */

/* A domain is as old as its first membership: both are said as one. */
static void
note_beginning(struct gather *g, const struct mesh_member *m)
{
	Time *first = map_get(&g->beginnings, m->domain_id);

	if (m->since <= 0) return;
	if (!first) map_put(&g->beginnings, m->domain_id, first = memcpy(NEW(g->a, Time), &m->since, sizeof *first));
	if (m->since < *first) *first = m->since;
}

static Err
gather_people(struct gather *g)
{
	const struct mesh_member **members;
	size_t n = mesh_members(g->mesh, g->a, S(""), &members);

	LIST(g, people, person, n);
	g->f.people_count = n;
	for (size_t i = 0; i < n; i++) {
		const struct mesh_member *m = members[i];
		TRY(walk_step(g->w));
		people[i] = (struct posture_person){.person_id = m->person_id, .human_id = m->human_id.n ? m->human_id : m->person_id, .domain_id = m->domain_id,
		                                    .owner = m->role == ROLE_OWNER, .active = mesh_member_counts(g->mesh, m), .service = m->service, .since = m->since,
		                                    .ended = m->ended, .ref = {m->domain_id, m->seq}};
		note_beginning(g, m);
	}
	return OK;
}

static void
gather_domains(struct gather *g)
{
	const struct mesh_domain **ds;
	size_t n = mesh_domains(g->mesh, g->a, &ds);

	LIST(g, domains, domain, n);
	g->f.domains_count = n;
	for (size_t i = 0; i < n; i++) {
		const Time *first = map_get(&g->beginnings, ds[i]->id);
		Time since = first ? *first : g->now;
		domains[i] = (struct posture_domain){.id = ds[i]->id, .name = ds[i]->name, .center = str_eq(ds[i]->id, mesh_center(g->mesh)),
		                                     .owner_keeps_key = ds[i]->owner_keeps_key, .next_key = ds[i]->next_committed, .since = since,
		                                     .recovery_keys = ds[i]->recovery ? 3 : 0, .key_since = ds[i]->key_since > 0 ? ds[i]->key_since : since,
		                                     .ref = {ds[i]->id, 0}, .key_ref = {ds[i]->id, 0}};
		if (domains[i].center) g->f.node.since = since;
	}
}

/* --- products --- */

static void
read_report(struct gather *g, const struct mesh_product *p, struct posture_product *ret)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	JSON_AUTO *doc = NULL;

	if (!err_ok(report_get(g->core, &c, p, &doc))) return;
	ret->report = true;
	ret->failed = (uint64_t)json_integer_value(json_object_get(doc, "failed"));
	if (!time_parse(str_c(json_string_value(json_object_get(doc, "checked_at"))), false, &ret->checked)) ret->checked = p->published;
}

/* "7 d", as contracts write intervals. 0: no such. */
static Time
interval(const struct contract_sla *s)
{
	static const struct { const char *unit; int64_t seconds; } units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {"y", 366 * 86400},
	    {"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 7 * 86400}, {"month", 31 * 86400}, {"year", 366 * 86400}};
	Str unit;
	uint64_t n;

	if (!s || !str_u64(s->value, &n) || n == 0 || n > 100000) return 0;
	unit = s->unit;
	if (unit.n > 2 && unit.p[unit.n - 1] == 's') unit.n--; /* days, hours */
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_ieq(unit, str_c(units[i].unit))) return (Time)n * units[i].seconds * TIME_SECOND;
	return 0;
}

static void
read_contract(struct gather *g, const struct mesh_product *p, struct posture_product *ret)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	const struct contract *k;
	Str text;

	if (!err_ok(blob_get(g->core, &c, p->contract, &text)) || !err_ok(contract_parse(&c, text, &k))) return;
	ret->window = interval(contract_sla_get(k, "frequency"));
	if (!ret->window) ret->window = interval(contract_sla_get(k, "freshness"));
}

/* When the newest batch that broke the contract came: the first line tells. */
static void
read_quarantine(const struct mesh_product *p, struct posture_product *ret)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	JSON_AUTO *doc = NULL;
	Str text, line;

	if (!err_ok(file_read_path(&c, AT_FDCWD, quarantine_path(&arena, p->id).p, 1 << 20, &text))) return;
	str_cut(text, '\n', &line);
	if (!err_ok(json_read(&c, line, (struct json_limits){.bytes = 1 << 16, .values = 64}, &doc))) return;
	if (!time_parse(str_c(json_string_value(json_object_get(doc, "at"))), false, &ret->quarantined)) ret->quarantined = 0;
}

static void
gather_product(struct gather *g, const struct mesh_product *p, struct posture_product *ret)
{
	const struct mesh_domain *d = mesh_domain(g->mesh, p->domain_id);
	const struct policy_table **tables = NEW_N(g->a, p->table_count, const struct policy_table *);

	for (size_t i = 0; i < p->table_count; i++) tables[i] = &p->tables[i].policy;
	*ret = (struct posture_product){.id = p->id, .domain_id = p->domain_id, .published = p->published, .first_published = p->published, .tables = tables,
	                                .table_count = p->table_count, .ref = {p->domain_id, p->seq}};
	if (p->first_published > 0) ret->first_published = p->first_published;
	ret->name = arena_printf(g->a, "%.*s.%.*s", STR(d ? d->name : S("(unknown)")), STR(p->name));
	read_report(g, p, ret);
	read_contract(g, p, ret);
	if (!g->past) read_quarantine(p, ret);
}

static Err
gather_products(struct gather *g)
{
	const struct mesh_product **ps;
	size_t n = mesh_products(g->mesh, g->a, &ps);

	LIST(g, products, product, n);
	for (size_t i = 0; i < n; i++) {
		TRY(walk_step(g->w));
		if (!ps[i]->retired) gather_product(g, ps[i], &products[g->f.products_count++]);
	}
	return OK;
}

/* --- grants and their use --- */

struct use_list {
	struct gather *g;
	struct map found;  /* "grant/purpose" → place in the list, from 1 */
	struct map grants; /* grant → place of one of its uses, the newest so far */
	struct posture_use *list;
	size_t n, cap;
};

static void
use_add(struct use_list *u, struct posture_use use)
{
	if (u->n == u->cap) {
		struct posture_use *more = NEW_N(u->g->a, u->cap = u->cap ? 2 * u->cap : 64, struct posture_use);
		if (u->n) memcpy(more, u->list, u->n * sizeof *more);
		u->list = more;
	}
	u->list[u->n++] = use;
}

static void
note_newest(struct use_list *u, uintptr_t at)
{
	Str grant = u->list[at - 1].grant_id;
	uintptr_t best = (uintptr_t)map_get(&u->grants, grant);

	if (!best || u->list[best - 1].last <= u->list[at - 1].last) map_put(&u->grants, grant, (void *)at);
}

/* One for each grant and purpose. */
static Err
gather_use(struct ctx *c, void *arg, const struct usage_query *q)
{
	struct use_list *u = arg;
	const struct mesh_grant *grant = q->grant_id.n ? mesh_grant(u->g->mesh, q->grant_id) : NULL;
	Str key = arena_printf(u->g->a, "%.*s/%.*s", STR(q->grant_id), STR(q->purpose));
	uintptr_t at = (uintptr_t)map_get(&u->found, key);
	(void)c;

	if (!grant || q->count == 0) return OK;
	if (at) {
		struct posture_use *use = &u->list[at - 1];
		use->count += q->count;
		if (q->last > use->last) use->last = q->last;
		note_newest(u, at);
		return OK;
	}
	use_add(u, (struct posture_use){.grant_id = arena_str(u->g->a, q->grant_id), .issuer_domain_id = grant->policy.issuer_domain_id,
	                                .purpose = arena_str(u->g->a, q->purpose), .count = q->count, .last = q->last,
	                                .ref = {grant->policy.issuer_domain_id, grant->policy.seq}});
	map_put(&u->found, key, (void *)(uintptr_t)u->n);
	note_newest(u, u->n);
	return OK;
}

/* Asked of the record one by one only where the last 90 days know of none: a node may have very many grants. */
static Err
last_used(struct gather *g, const struct use_list *u, const struct mesh_grant *grant, Time *ret)
{
	uintptr_t at = (uintptr_t)map_get(&u->grants, grant->policy.id);

	if (at)
		*ret = u->list[at - 1].last;
	else if (g->f.usage_since != TIME_FOREVER && g->now - grant->added > USE_DAYS)
		TRY(usage_grant_last(g->c, g->core->audit, grant->policy.id, ret));
	return OK;
}

static bool
is_live(const struct gather *g, const struct mesh_grant *grant)
{
	return !grant->policy.revoked && g->now < grant->policy.until;
}

static Err
count_grants(struct gather *g, size_t *ret)
{
	struct mesh_place at = {0};
	size_t n = 0;

	for (const struct mesh_grant *grant; (grant = mesh_grant_next(g->mesh, &at));) {
		TRY(walk_step(g->w));
		n += is_live(g, grant);
	}
	*ret = n;
	return OK;
}

static Err
list_grants(struct gather *g, const struct use_list *u)
{
	struct mesh_place at = {0};
	bool approvals = mesh_approvals_demanded(g->mesh);
	size_t n;

	TRY(count_grants(g, &n));
	LIST(g, grants, grant, n);
	for (const struct mesh_grant *grant; (grant = mesh_grant_next(g->mesh, &at));) {
		TRY(walk_step(g->w));
		if (!is_live(g, grant)) continue;
		struct posture_grant *to = &grants[g->f.grants_count++];
		*to = (struct posture_grant){.policy = mesh_grant_effective(g->mesh, g->a, grant, approvals), .added = grant->added,
		                             .ref = {grant->policy.issuer_domain_id, grant->policy.seq}};
		TRY(last_used(g, u, grant, &to->last_used));
	}
	return OK;
}

static Err
gather_grants(struct gather *g)
{
	struct use_list u = {.g = g};
	Err e = g->f.usage_since == TIME_FOREVER ? OK : usage_each(g->c, g->core->audit, g->now - USE_DAYS, S(""), S(""), gather_use, &u);

	if (err_ok(e)) e = list_grants(g, &u);
	map_fini(&u.found);
	map_fini(&u.grants);
	g->f.uses = u.list;
	g->f.uses_count = u.n;
	return e;
}

/* --- the center and the node --- */

static void
gather_restrictions(struct gather *g)
{
	const struct mesh_restriction **rs;
	size_t n = mesh_restrictions(g->mesh, g->a, &rs);
	const struct policy_restriction **list = NEW_N(g->a, n, const struct policy_restriction *);

	for (size_t i = 0; i < n; i++)
		if (!rs[i]->policy.lifted) list[g->f.restrictions_count++] = &rs[i]->policy;
	g->f.restrictions = list;
}

/* The weakest of the processes that would run a statement, and the oldest of their tests. None: it is tested when it starts. */
static void
gather_node(struct gather *g)
{
	struct posture_node *n = &g->f.node;

	n->minimum = (int)g->core->limits.sandbox_minimum;
	n->level = -1;
	n->tested = g->now;
	for (const struct peer *p = g->core->peers; p; p = peer_next(p)) {
		if (!peer_alive(p) || strcmp(peer_name(p), "worker") != 0 || peer_level(p) < 0) continue;
		if (n->level < 0 || peer_level(p) < n->level) n->level = peer_level(p);
		if (peer_tested(p) < n->tested) n->tested = peer_tested(p);
	}
	if (n->level < 0) n->level = g->core->level;
	n->engine_pinned = true; /* another one is not loaded (query/engine.c) */
	n->loopback = true;      /* without a certificate nothing else is listened on (cmd/settings.c) */
	n->keys_wrapped = true;  /* there is no other way to keep one (cmd/keystore.c) */
}

static Err
gather_all(struct gather *g)
{
	TRY(gather_people(g));
	gather_domains(g);
	if (g->core->audit && !g->past) g->f.usage_since = g->f.node.since; /* the journal began with the node */
	TRY(gather_products(g));
	TRY(gather_grants(g));
	if (!g->past) TRY(posture_facts_changes(g->core, g->mesh, g->c, g->now - 90 * TIME_DAY, &g->f));
	gather_restrictions(g);
	if (!g->past) gather_node(g);
	posture_facts_said(g->mesh, g->a, &g->f);
	return OK;
}

Err
posture_facts(struct walk *w, struct posture_facts *ret)
{
	struct gather g = {.w = w, .core = w->core, .mesh = w->mesh, .past = w->at > 0, .c = &w->c, .a = &w->arena, .now = w->now,
	                   .f = {.usage_since = TIME_FOREVER, .past = w->at > 0}};
	Err e = gather_all(&g);

	map_fini(&g.beginnings);
	TRY(e);
	*ret = g.f;
	return OK;
}

void
posture_usage_complete(struct core *core)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx quiet = {.arena = &arena};
	Err e = core->audit ? audit_catch_up(core, &quiet) : OK;
	(void)e;
}

Err
posture_make(struct walk *w, const struct posture_wish *wish, struct posture *ret)
{
	struct posture_wish paced = *wish;
	struct posture_facts f;

	paced.goes_on = walk_goes_on;
	paced.arg = w;
	TRY(posture_facts(w, &f));
	return posture_judge(&w->arena, &f, w->now, controls, &paced, ret) ? OK : w->ended;
}

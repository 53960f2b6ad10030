/* Explain: who can read this table, what can this person read. Every line is a decision, for each purpose that any grant of the producer
 * names and for none; decisions that rest on the same grant are one line with their purposes together. */
#include <stdlib.h>

#include "core/use/explain.h"
#include "core/walk.h"

enum { LISTED_MAX = 10000 };

struct names { Str *v; size_t n, cap; };

struct line { Str grant_id, delegation_id; struct policy_decision d; struct names purposes; };
enum { LINES_MAX = 64 /* grants that one principal uses on one table */ };

/* Whom a line is about. */
struct subject { enum principal_kind kind; Str id, domain_id; };

struct listing {
	struct explained *x;
	struct pace pace;
	struct arena a;      /* of one principal and table */
	struct map purposes; /* domain id → struct names: what its grants name */
	struct names tree;   /* the center's */
	struct buf *b;
	size_t shown;
	uint32_t level;      /* statements run in */
};

static void
names_add(struct arena *a, struct names *s, Str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], name)) return;
	if (s->n == s->cap) {
		Str *more = NEW_N(a, s->cap = s->cap ? s->cap * 2 : 8, Str);
		if (s->n) memcpy(more, s->v, s->n * sizeof *more);
		s->v = more;
	}
	s->v[s->n++] = arena_str(a, name);
}

/* Once for all. */
static void
listing_begin(struct listing *l)
{
	struct request *rq = l->x->rq;
	ARENA_AUTO scratch = ARENA_INIT;
	const struct mesh_purpose **tree;
	size_t n = mesh_purposes(l->x->mesh, &scratch, &tree);

	l->pace = (struct pace){.core = rq->core, .rq = rq};
	l->level = explained_level(l->x);
	for (size_t i = 0; i < n; i++) names_add(&rq->arena, &l->tree, tree[i]->purpose);
}

/* Once for each domain whose tables are looked at. */
static Err
gather_purposes(struct listing *l, Str domain_id)
{
	struct arena *keep = &l->x->rq->arena;
	const struct mesh *m = l->x->mesh;
	struct names *s;

	if (map_get(&l->purposes, domain_id)) return OK;
	map_put(&l->purposes, domain_id, s = NEW(keep, struct names));
	for (const struct mesh_grant *g = mesh_grant_of(m, domain_id, NULL); g; g = mesh_grant_of(m, domain_id, g)) {
		TRY(pace_step(&l->pace, &l->x->rq->c));
		for (size_t k = 0; k < g->policy.purpose_count; k++)
			if (!str_eqc(g->policy.purposes[k], "*")) names_add(keep, s, g->policy.purposes[k]);
	}
	return OK;
}

static void
listing_fini(struct listing *l)
{
	map_fini(&l->purposes);
	arena_fini(&l->a);
}

/* --- one principal, one table --- */

static void
line_add(struct listing *l, struct line *lines, size_t *n, const struct policy_decision *d, Str purpose)
{
	size_t i = 0;

	if (d->verdict != VERDICT_ALLOW) return;
	while (i < *n && !(str_eq(lines[i].grant_id, d->grant_id) && str_eq(lines[i].delegation_id, d->delegation_id))) i++;
	if (i == LINES_MAX) return;
	if (i == *n) lines[(*n)++] = (struct line){.grant_id = d->grant_id, .delegation_id = d->delegation_id, .d = *d};
	names_add(&l->a, &lines[i].purposes, purpose);
}

static bool
for_any_purpose(const struct mesh *m, const struct policy_decision *d)
{
	const struct mesh_grant *g = mesh_grant(m, d->grant_id);

	for (size_t i = 0; g && i < g->policy.purpose_count; i++)
		if (str_eqc(g->policy.purposes[i], "*")) return true;
	return d->grant_id.n == 0;
}

static void
decide_as(struct listing *l, const struct subject *s, const struct mesh_product *p, const struct mesh_table *t, Str purpose, struct policy_decision *ret)
{
	if (s->kind == PRINCIPAL_PERSON)
		mesh_decide(l->x->mesh, &l->a, s->id, p, t, purpose, INTERACT_SQL, l->level, l->x->at, NULL, ret);
	else
		mesh_explain(l->x->mesh, &l->a, s->kind, s->id, p, t, purpose, l->x->at, NULL, ret);
}

/* What its domain was granted, a group's members have as everybody there: it is told with the domain. */
static bool
by_domain_alone(const struct mesh *m, const struct subject *s, const struct policy_decision *d)
{
	const struct mesh_grant *g = mesh_grant(m, d->grant_id);
	const struct mesh_delegation *handed = d->delegation_id.n ? mesh_delegation(m, s->domain_id, d->delegation_id) : NULL;

	if (s->kind != PRINCIPAL_GROUP || (g && str_eq(g->policy.to_id, s->id))) return false;
	return !handed || !str_eq(handed->policy.to_id, s->id);
}

static size_t
lines_of(struct listing *l, const struct subject *s, const struct mesh_product *p, const struct mesh_table *t, struct line *lines)
{
	const struct names *lists[] = {map_get(&l->purposes, p->domain_id), &l->tree};
	struct policy_decision d;
	size_t n = 0;

	mesh_explain(l->x->mesh, &l->a, s->kind, s->id, p, t, S(""), l->x->at, NULL, &d);
	if (d.verdict != VERDICT_ALLOW) return 0; /* for no purpose */
	decide_as(l, s, p, t, S(""), &d);
	if (for_any_purpose(l->x->mesh, &d) && !by_domain_alone(l->x->mesh, s, &d)) line_add(l, lines, &n, &d, S("*"));
	if (n && d.grant_id.n == 0) return n; /* an owner's own: no grant could show more */
	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; lists[k] && i < lists[k]->n; i++) {
			decide_as(l, s, p, t, lists[k]->v[i], &d);
			if (!by_domain_alone(l->x->mesh, s, &d)) line_add(l, lines, &n, &d, lists[k]->v[i]);
		}
	return n;
}

static const char *
kind_name(const struct listing *l, const struct subject *s)
{
	const struct mesh_member *m = s->kind == PRINCIPAL_PERSON ? mesh_member(l->x->mesh, s->id) : NULL;

	if (s->kind != PRINCIPAL_PERSON) return s->kind == PRINCIPAL_DOMAIN ? "domain" : "group";
	return m && m->service ? "service" : "person";
}

static Str
subject_text(struct listing *l, const struct subject *s)
{
	struct request *rq = l->x->rq;
	const struct mesh_group *g = s->kind == PRINCIPAL_GROUP ? mesh_group_in(l->x->mesh, s->domain_id, s->id) : NULL;

	if (s->kind == PRINCIPAL_PERSON) return person_name(rq, s->id);
	return g ? arena_str(&rq->arena, g->name) : domain_name(rq, s->domain_id);
}

static void
line_columns(const struct policy_decision *d, const struct policy_table *t, struct buf *b, bool *first)
{
	bool mask = true, hide = true;

	member_key(b, "masks", first);
	buf_char(b, '{');
	for (size_t i = 0; i < t->column_count; i++) {
		if (d->columns[i].hidden || d->columns[i].mask == MASK_NONE) continue;
		if (!mask) buf_char(b, ',');
		mask = false;
		buf_json(b, t->columns[i].name);
		buf_printf(b, ":\"%s\"", mask_name(d->columns[i].mask));
	}
	buf_char(b, '}');
	member_key(b, "hide", first);
	buf_char(b, '[');
	for (size_t i = 0; i < t->column_count; i++) {
		if (!d->columns[i].hidden) continue;
		if (!hide) buf_char(b, ',');
		hide = false;
		buf_json(b, t->columns[i].name);
	}
	buf_char(b, ']');
}

static void
line_json(struct listing *l, const struct subject *s, Str table, const struct policy_table *t, const struct line *line)
{
	const struct policy_decision *d = &line->d;
	struct buf *b = l->b;
	bool first = true;
	BUF_AUTO rows = BUF_INIT;

	if (d->rows) predicate_print(d->rows, &rows);
	buf_c(b, l->shown++ ? ",{" : "{");
	member_text(b, "principal", subject_text(l, s), &first);
	member_text(b, "kind", str_c(kind_name(l, s)), &first);
	member_text(b, "domain", domain_name(l->x->rq, s->domain_id), &first);
	member_text(b, "table", table, &first);
	member_key(b, "purposes", &first);
	for (size_t i = 0; i < line->purposes.n; i++) {
		buf_char(b, i ? ',' : '[');
		buf_json(b, line->purposes.v[i]);
	}
	buf_char(b, ']');
	member_text(b, "reason", d->reason, &first);
	member_text(b, "grant", d->grant_id, &first);
	member_text(b, "delegation", d->delegation_id, &first);
	member_time(b, "until", d->until, &first);
	member_text(b, "rows", buf_view(&rows), &first);
	line_columns(d, t, b, &first);
	if (d->terms.min_group) member_u64(b, "min_group", d->terms.min_group, &first);
	if (d->terms.row_budget) member_u64(b, "row_budget", d->terms.row_budget, &first);
	if (d->terms.no_export) member_bool(b, "no_export", true, &first);
	buf_char(b, '}');
}

/* What the producer and table ids lead to by now: others may have folded more meanwhile. */
struct place { Str domain_id, product_id, table, name; /* name: to sort by */ };

static Err
look(struct listing *l, const struct subject *s, const struct place *at)
{
	struct line lines[LINES_MAX];
	size_t n = 0;

	TRY(gather_purposes(l, at->domain_id));
	TRY(pace_step(&l->pace, &l->x->rq->c));
	const struct mesh_product *p = mesh_product(l->x->mesh, at->product_id);
	arena_reset(&l->a);
	for (size_t i = 0; p && i < p->table_count; i++) {
		const struct mesh_table *t = &p->tables[i];
		if (!str_eq(t->policy.name, at->table)) continue;
		n = lines_of(l, s, p, t, lines);
		Str name = arena_printf(&l->a, "%.*s.%.*s", STR(product_name(l->x->rq, p)), STR(t->policy.name));
		for (size_t k = 0; k < n && l->shown < LISTED_MAX; k++) line_json(l, s, name, &t->policy, &lines[k]);
		return OK;
	}
	return OK;
}

/* --- who can read this table --- */

static Err
table_people(struct listing *l, const struct place *at)
{
	struct request *rq = l->x->rq;
	const struct mesh_member **members;
	size_t n = mesh_members(l->x->mesh, &rq->arena, S(""), &members), kept = 0;
	struct subject *who = NEW_N(&rq->arena, n, struct subject);

	for (size_t i = 0; i < n; i++)
		if (members[i]->active && may_know(rq, members[i]->person_id, members[i]->domain_id, at->domain_id))
			who[kept++] = (struct subject){PRINCIPAL_PERSON, arena_str(&rq->arena, members[i]->person_id),
			                               arena_str(&rq->arena, members[i]->domain_id)};
	for (size_t i = 0; i < kept; i++) TRY(look(l, &who[i], at));
	return OK;
}

static Err
table_groups(struct listing *l, const struct place *at)
{
	struct request *rq = l->x->rq;
	const struct mesh_group **groups;
	size_t n = mesh_groups(l->x->mesh, &rq->arena, S(""), &groups), kept = 0;
	struct subject *who = NEW_N(&rq->arena, n, struct subject);

	for (size_t i = 0; i < n; i++)
		if (!groups[i]->ended && may_know(rq, S(""), groups[i]->domain_id, at->domain_id))
			who[kept++] = (struct subject){PRINCIPAL_GROUP, arena_str(&rq->arena, groups[i]->id), arena_str(&rq->arena, groups[i]->domain_id)};
	for (size_t i = 0; i < kept; i++) TRY(look(l, &who[i], at));
	return OK;
}

static Err
table_domains(struct listing *l, const struct place *at)
{
	struct request *rq = l->x->rq;
	const struct mesh_domain **domains;
	size_t n = mesh_domains(l->x->mesh, &rq->arena, &domains), kept = 0;
	struct subject *who = NEW_N(&rq->arena, n, struct subject);

	for (size_t i = 0; i < n; i++)
		if (may_know(rq, S(""), domains[i]->id, at->domain_id))
			who[kept++] = (struct subject){PRINCIPAL_DOMAIN, arena_str(&rq->arena, domains[i]->id), arena_str(&rq->arena, domains[i]->id)};
	for (size_t i = 0; i < kept; i++) TRY(look(l, &who[i], at));
	return OK;
}

static void
listing_end(struct listing *l)
{
	buf_c(l->b, "]");
	buf_printf(l->b, ",\"cut\":%s", l->shown >= LISTED_MAX ? "true" : "false");
	explained_json(l->x, l->b);
	buf_char(l->b, '}');
	listing_fini(l);
}

Err
handle_explain_table(struct request *rq)
{
	const struct mesh_product *p;
	const struct mesh_table *t;
	EXPLAINED_AUTO x = {0};
	BUF_AUTO b = BUF_INIT;
	struct listing l = {.x = &x, .b = &b};
	bool first = true;

	TRY(explained_open(rq, &x));
	TRY(explained_table(&x, arg(rq, "table"), &p, &t));
	struct place at = {arena_str(&rq->arena, p->domain_id), arena_str(&rq->arena, p->id), arena_str(&rq->arena, t->policy.name), S("")};
	buf_char(&b, '{');
	member_text(&b, "table", arg(rq, "table"), &first);
	member_key(&b, "access", &first);
	buf_char(&b, '[');
	listing_begin(&l);
	Err e = table_domains(&l, &at);
	if (err_ok(e)) e = table_groups(&l, &at);
	if (err_ok(e)) e = table_people(&l, &at);
	listing_end(&l);
	TRY(e);
	reply_json(rq, 200, &b);
	return OK;
}

/* --- what can this person read --- */

static Err
find_person(struct explained *x, Str name, struct subject *ret)
{
	struct request *rq = x->rq;
	enum principal_kind kind = PRINCIPAL_DOMAIN;
	Str id;
	Str who = str_starts(name, S("user:")) ? name : arena_printf(&rq->arena, "user:%.*s", STR(name));
	Err e = principal_resolve(rq, explained_who(x, who), &kind, &id);
	const struct mesh_member *m = err_ok(e) && kind == PRINCIPAL_PERSON ? mesh_member(x->mesh, id) : NULL;

	rq->c.detail[0] = 0;
	/* Owners and auditors of any domain may learn what the person sees of theirs. */
	bool may = m && (may_know(rq, m->person_id, m->domain_id, m->domain_id) || rq->role == ROLE_OWNER || rq->role == ROLE_AUDITOR);
	ENSURE(&rq->c, may, NOT_FOUND, "there is no person '%.*s' that you may ask about", STR(name));
	*ret = (struct subject){PRINCIPAL_PERSON, arena_str(&rq->arena, m->person_id), arena_str(&rq->arena, m->domain_id)};
	return OK;
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

/* What they see for some purpose; what they do not see is not looked at. */
static size_t
places(struct explained *x, const struct subject *who, struct place **ret)
{
	struct arena *a = &x->rq->arena;
	struct mesh_visible *seen;
	size_t n = mesh_visible_tables(x->mesh, a, who->id, x->at, &seen), kept = 0;
	struct place *list = NEW_N(a, n, struct place);

	for (size_t i = 0; i < n; i++) {
		const struct mesh_product *p = seen[i].product;
		if (p->retired || !may_know(x->rq, who->id, who->domain_id, p->domain_id)) continue;
		Str table = arena_str(a, seen[i].table->policy.name);
		list[kept++] = (struct place){arena_str(a, p->domain_id), arena_str(a, p->id), table, arena_printf(a, "%.*s.%.*s", STR(product_name(x->rq, p)), STR(table))};
	}
	if (kept) qsort(list, kept, sizeof *list, by_name);
	*ret = list;
	return kept;
}

Err
handle_explain_person(struct request *rq)
{
	EXPLAINED_AUTO x = {0};
	BUF_AUTO b = BUF_INIT;
	struct listing l = {.x = &x, .b = &b};
	struct subject who;
	struct place *tables;
	bool first = true;

	TRY(explained_open(rq, &x));
	TRY(find_person(&x, arg(rq, "person"), &who));
	size_t n = places(&x, &who, &tables);
	buf_char(&b, '{');
	member_text(&b, "person", person_name(rq, who.id), &first);
	member_key(&b, "access", &first);
	buf_char(&b, '[');
	listing_begin(&l);
	Err e = OK;
	for (size_t i = 0; i < n && err_ok(e); i++) e = look(&l, &who, &tables[i]);
	listing_end(&l);
	TRY(e);
	reply_json(rq, 200, &b);
	return OK;
}

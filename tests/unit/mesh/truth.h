/* What was said by right, as small numbers: the other account of a simulated mesh, written from the rules of docs/events.md.
 *
 * It knows nothing of logs, JSON or signatures; what was not said by the right key in the right place does not reach it. It tells what
 * must not be: truth_objects() looks at a decision that allows and names the rule by which it must not have. It never says that something
 * must be allowed, so it can be simpler than the code it judges. */
#ifndef TESTS_MESH_TRUTH_H
#define TESTS_MESH_TRUTH_H

#include "mesh/mesh.h"

enum { DOMAINS = 8, OUR_CENTER = 6, OTHER_CENTER = 7 };
enum { PERSONS = 12, PRODUCTS = 3, TABLES = 2, T_COLUMNS = 3, GRANTS = 48, DELEGATIONS = 24, GROUPS = 3, REQUESTS = 12, RESTRICTIONS = 10, TAGS = 40 };
enum { PURPOSE_ANY, PURPOSE_CAMPAIGN, PURPOSE_MARKETING, PURPOSE_NONE, PURPOSE_PART, PURPOSE_OTHER, PURPOSES }; /* of grants the first three */
enum { AREA_NONE, AREA_RED, AREA_BLUE };
enum { SPANS = 32, FORKS = 16, CONFIRMS = 64 };

struct t_member { bool there, active, service; enum role role; int human; uint64_t seq, set_seq; };
struct t_product { bool there, retired; uint64_t since[TABLES]; bool has[TABLES], personal[TABLES]; };
/* Of a grant, and of what was made of it. table -1: all. */
struct t_use {
	bool there, over, rows, hides;
	int table, purpose;
	enum mask_kind mask;
	enum principal_kind to_kind;
	int to, to_domain;
	uint32_t ways;
	Time from, until;
	uint64_t seq;
};
struct t_grant { struct t_use use; int product, request, by; /* -1 by tags, none */ uint32_t by_role; bool red, blue, future; struct policy_terms terms; };
struct t_delegation { struct t_use use; int producer, grant; };
struct t_tag { bool there; int product, table, column, value, before, by; uint64_t seq; }; /* table, column -1: all of it */
struct t_approval { bool there, service; uint32_t role; uint64_t seq; };
struct t_request { bool there; int person, producer, product; };
struct t_restriction {
	bool there, lifted, suspend, hide, purpose, handing, freeze, personal;
	int product, domain, area;    /* -1, AREA_NONE: any */
	enum mask_kind mask;
	uint32_t days, approvals, roles, level;
	int approver[2];              /* -1: nobody */
};
struct t_span { uint64_t from, to; };
/* Two entries of one place; `ends`: what the one that is not in the log ends, as a grant (or delegation) of it, -1: nothing. */
struct t_fork { bool proven; int domain, ends; bool delegation; uint64_t at; };

struct t_log {
	struct t_member members[PERSONS];
	struct t_product products[PRODUCTS];
	struct t_grant grants[GRANTS];
	struct t_delegation delegations[DELEGATIONS];
	struct { bool there, ended; struct { bool in; uint64_t seq; } members[PERSONS]; } groups[GROUPS];
	struct t_tag tags[TAGS];
	struct t_approval approvals[DOMAINS][GRANTS + TAGS][PERSONS];
	struct t_request requests[REQUESTS];
	struct t_restriction restrictions[RESTRICTIONS];
	bool purposes[PURPOSES], handing_named, handing_set;
	uint64_t handing_seq;
	struct t_span voids[SPANS], resolves[SPANS];  /* resolves: forks from, settled at */
	struct t_span confirms[CONFIRMS];             /* what, and where */
	int void_count, resolve_count, confirm_count;
};

struct truth { struct t_log logs[DOMAINS]; struct t_fork forks[FORKS]; int fork_count; int by_id[DOMAINS]; };

struct question { int person, domain, product, table, purpose; enum interaction way; uint32_t level; Time now; };

/* --- keys and forks --- */

static inline bool
truth_settled(const struct t_log *l, uint64_t at)
{
	for (int i = 0; i < l->resolve_count; i++)
		if (at >= l->resolves[i].from && at < l->resolves[i].to) return true;
	return false;
}

/* The place from which on there are two histories. */
static inline uint64_t
truth_forked_at(const struct truth *t, int domain)
{
	uint64_t at = UINT64_MAX;

	for (int i = 0; i < t->fork_count; i++) {
		const struct t_fork *f = &t->forks[i];
		if (f->proven && f->domain == domain && f->at < at && !truth_settled(&t->logs[domain], f->at)) at = f->at;
	}
	return at;
}

static inline bool
truth_stolen(const struct t_log *l, uint64_t seq)
{
	bool stolen = false;

	for (int i = 0; i < l->void_count; i++) stolen |= seq >= l->voids[i].from && seq < l->voids[i].to;
	for (int i = 0; i < l->confirm_count; i++)
		if (l->confirms[i].from == seq) return false;
	return stolen;
}

static inline bool
truth_void(const struct truth *t, int domain, uint64_t seq)
{
	return seq >= truth_forked_at(t, domain) || truth_stolen(&t->logs[domain], seq);
}

static inline bool
truth_ended_elsewhere(const struct truth *t, int domain, int id, bool delegation)
{
	for (int i = 0; i < t->fork_count; i++) {
		const struct t_fork *f = &t->forks[i];
		if (f->proven && f->domain == domain && f->ends == id && f->delegation == delegation) return true;
	}
	return false;
}

/* --- people --- */

/* -1: of none. */
static inline int
truth_home(const struct truth *t, int person)
{
	for (int i = 0; i < DOMAINS; i++)
		if (t->logs[t->by_id[i]].members[person].active) return t->by_id[i];
	return -1;
}

static inline bool
truth_is_owner(const struct truth *t, int domain, int person)
{
	const struct t_member *m = &t->logs[domain].members[person];

	return m->active && m->role == ROLE_OWNER && !truth_void(t, domain, m->set_seq);
}

static inline bool
truth_in_group(const struct truth *t, int domain, int group, int person)
{
	const struct t_log *l = &t->logs[domain];
	bool in = l->groups[group].there && !l->groups[group].ended && l->groups[group].members[person].in && l->members[person].active;
	uint64_t seq = l->groups[group].members[person].seq;

	return in && seq > l->members[person].seq && !truth_void(t, domain, seq);
}

static inline int
truth_human(const struct truth *t, int domain, int person)
{
	const struct t_member *m = &t->logs[domain].members[person];

	return m->there ? m->human : person;
}

/* --- tags --- */

/* The newest of one thing; NULL: none. */
static inline const struct t_tag *
truth_tag(const struct t_log *l, int product, int table, int column)
{
	const struct t_tag *newest = NULL;

	for (int i = 0; i < TAGS; i++) {
		const struct t_tag *g = &l->tags[i];
		if (g->there && g->product == product && g->table == table && g->column == column && (!newest || g->seq > newest->seq)) newest = g;
	}
	return newest;
}

static inline int
truth_area(const struct t_log *l, int product, int table, int column)
{
	const struct t_tag *own[] = {column < 0 ? NULL : truth_tag(l, product, table, column), table < 0 ? NULL : truth_tag(l, product, table, -1),
	                             truth_tag(l, product, -1, -1)};

	for (int i = 0; i < 3; i++)
		if (own[i] && own[i]->value != AREA_NONE) return own[i]->value;
	return AREA_NONE;
}

/* --- what the center demands --- */

static inline bool
truth_of_column(const struct t_restriction *r, const struct t_log *l, int product, int table, int column)
{
	if (r->personal && !(column == 0 && l->products[product].personal[table])) return false;
	return r->area == AREA_NONE || truth_area(l, product, table, column) == r->area;
}

/* Surely: what an unapproved tag may add is left out. */
static inline bool
truth_is_about(const struct t_restriction *r, const struct truth *t, int domain, int product, int table)
{
	if (!r->there || r->lifted || (r->product >= 0 && r->product != product) || (r->domain >= 0 && r->domain != domain)) return false;
	for (int i = 0; i < T_COLUMNS; i++)
		if (truth_of_column(r, &t->logs[domain], product, table, i)) return true;
	return false;
}

struct t_standing { int log, subject, by; uint32_t by_role; int asker; /* -1: nobody */ };

/* Does this one count for r? */
static inline bool
truth_counts(const struct truth *t, const struct t_restriction *r, const struct t_standing *s, int log, int person, uint32_t role)
{
	uint32_t roles = r->roles || r->approver[0] >= 0 ? r->roles : 1U << ROLE_OWNER | 1U << ROLE_STEWARD;
	int claims = 0;

	if (truth_human(t, log, person) == s->asker) return false;
	for (int d = 0; d < DOMAINS; d++) claims += t->logs[d].members[person].there;
	if (log != s->log && claims != 1) return false; /* more than one domain speaks for them */
	return (log == s->log && (role & roles)) || r->approver[0] == person || r->approver[1] == person;
}

/* How many humans stand behind it. */
static inline uint32_t
truth_approvals(const struct truth *t, const struct t_restriction *r, const struct t_standing *s)
{
	bool human[PERSONS] = {false};
	uint32_t n = 0;

	if (!t->logs[s->log].members[s->by].service && truth_counts(t, r, s, s->log, s->by, s->by_role)) human[truth_human(t, s->log, s->by)] = true;
	for (int log = 0; log < DOMAINS; log++)
		for (int p = 0; p < PERSONS; p++) {
			const struct t_approval *a = &t->logs[log].approvals[s->log][s->subject][p];
			if (a->there && !a->service && !truth_void(t, log, a->seq) && truth_counts(t, r, s, log, p, a->role)) human[truth_human(t, log, p)] = true;
		}
	for (int p = 0; p < PERSONS; p++) n += human[p];
	return n;
}

static inline bool
truth_approved(const struct truth *t, int domain, int product, int table, const struct t_standing *s)
{
	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[i];
		if (truth_is_about(r, t, domain, product, table) && r->approvals > truth_approvals(t, r, s)) return false;
	}
	return true;
}

/* The human who asked for what it grants; -2: nobody knows which of several. */
static inline int
truth_asker(const struct truth *t, int domain, const struct t_grant *g)
{
	int asker = -1, found = 0;

	for (int log = 0; log < DOMAINS && g->request >= 0; log++) {
		const struct t_request *r = &t->logs[log].requests[g->request];
		if (!r->there || r->producer != domain || r->product != g->product) continue;
		bool to = g->use.to_kind == PRINCIPAL_DOMAIN ? g->use.to == log : g->use.to_kind == PRINCIPAL_PERSON ? g->use.to == r->person : g->use.to_domain == log;
		if (!to) continue;
		asker = truth_human(t, log, r->person);
		found++;
	}
	return found > 1 ? -2 : asker;
}

/* --- what a grant is good for --- */

static inline bool
truth_purpose_fits(int granted, int asked, bool named)
{
	switch (granted) {
	case PURPOSE_ANY: return !named;
	case PURPOSE_CAMPAIGN: return asked == PURPOSE_CAMPAIGN;
	default: return asked == PURPOSE_MARKETING || asked == PURPOSE_PART;
	}
}

static inline bool
truth_value_fits(const struct t_grant *g, int area)
{
	return (area == AREA_RED && g->red) || (area == AREA_BLUE && g->blue);
}

/* Does a grant by tags show the column? What counts now must fit, and what counted before as long as the change stands on nothing. */
static inline bool
truth_shows(const struct truth *t, const struct t_grant *g, const struct question *q, int column)
{
	const struct t_log *l = &t->logs[q->domain];
	const int things[3][2] = {{q->table, column}, {q->table, -1}, {-1, -1}};

	if (!truth_value_fits(g, truth_area(l, q->product, q->table, column))) return false;
	if (!g->future && l->products[q->product].since[q->table] > g->use.seq) return false;
	for (int i = 0; i < 3; i++) {
		const struct t_tag *own = truth_tag(l, q->product, things[i][0], things[i][1]);
		if (!own) continue;
		const struct t_member *by = &l->members[own->by];
		struct t_standing s = {q->domain, GRANTS + (int)(own - l->tags), own->by, by->there ? 1U << by->role : 0, -1};
		bool stands = !truth_void(t, q->domain, own->seq) && truth_approved(t, q->domain, q->product, q->table, &s);
		if (!stands && !truth_value_fits(g, own->before)) return false;
		if (own->value != AREA_NONE) break;
	}
	return true;
}

/* --- objections --- */

static inline const char *
object_to_asking(const struct truth *t, const struct question *q, int home)
{
	const struct t_log *center = &t->logs[OUR_CENTER];
	bool tree = false;

	for (int p = 0; p < PURPOSES; p++) tree |= center->purposes[p];
	if (tree && !center->purposes[q->purpose]) return "a purpose that is not in the tree";
	if (q->domain != home && (truth_forked_at(t, q->domain) != UINT64_MAX || truth_forked_at(t, home) != UINT64_MAX)) return "a forked log is frozen";
	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &center->restrictions[i];
		bool about = truth_is_about(r, t, q->domain, q->product, q->table);
		if (about && r->suspend) return "it is suspended";
		if (about && r->level > q->level) return "the level is too low";
		if (about && r->purpose && q->purpose == PURPOSE_NONE) return "a purpose has to be named";
		if (r->there && !r->lifted && r->freeze && (r->domain == home) != (r->domain == q->domain)) return "a domain is frozen";
	}
	return NULL;
}

static inline const char *
object_to_use(const struct truth *t, const struct question *q, int log, const struct t_use *u, int id, bool delegation)
{
	if (!u->there) return "nobody said it there";
	if (u->over) return "it was revoked or ended";
	if (truth_ended_elsewhere(t, log, id, delegation)) return "it was revoked or ended on another branch";
	if (truth_void(t, log, u->seq)) return "it is void";
	if (q->now < u->from || q->now >= u->until) return "it is not its time";
	if (u->table >= 0 && u->table != q->table) return "another table";
	if (!(u->ways & (uint32_t)q->way)) return "another way of use";
	return truth_purpose_fits(u->purpose, q->purpose, false) ? NULL : "another purpose";
}

static inline const char *
object_to_restricted(const struct truth *t, const struct question *q, const struct t_grant *g, int id, bool handed)
{
	struct t_standing s = {q->domain, id, g->by, g->by_role, truth_asker(t, q->domain, g)};

	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[i];
		if (!truth_is_about(r, t, q->domain, q->product, q->table)) continue;
		if (r->purpose && !truth_purpose_fits(g->use.purpose, q->purpose, true)) return "a grant for any purpose where one has to be named";
		if (r->days && q->now >= g->use.from + r->days * TIME_DAY) return "it lasts longer than the center lets it";
		if (r->approvals && (s.asker == -2 || truth_approvals(t, r, &s) < r->approvals)) return "it is not approved";
		if (r->handing && !handed) return "it has to be handed on by name";
	}
	return NULL;
}

static inline bool
truth_is_to(const struct truth *t, const struct t_use *u, int home, int person)
{
	if (u->to_kind == PRINCIPAL_DOMAIN) return u->to == home;
	if (u->to_kind == PRINCIPAL_PERSON) return u->to == person;
	return u->to_domain == home && truth_in_group(t, home, u->to, person);
}

/* The number behind the underscore; -1: not of ours. */
static inline int
truth_number(Str id, int below)
{
	int n = 0;

	if (id.n != 10) return -1;
	for (size_t i = 4; i < id.n; i++) n = n * 10 + (id.p[i] - '0');
	return n >= 0 && n < below ? n : -1;
}

static inline const char *
object_to_delegation(const struct truth *t, const struct question *q, int home, int grant, int n)
{
	const struct t_delegation *d = n < 0 ? NULL : &t->logs[home].delegations[n];

	if (!d || d->producer != q->domain || d->grant != grant) return "a delegation of something else";
	const char *why = object_to_use(t, q, home, &d->use, n, true);
	if (why) return why;
	return truth_is_to(t, &d->use, home, q->person) ? NULL : "handed on to somebody else";
}

static inline const char *
object_to_columns(const struct truth *t, const struct question *q, const struct t_grant *g, const struct t_use *handed, const struct policy_decision *d)
{
	for (int i = 0; i < T_COLUMNS; i++) {
		enum mask_kind mask = i == 0 ? mask_stricter(g ? g->use.mask : MASK_NONE, handed ? handed->mask : MASK_NONE) : MASK_NONE;
		bool hidden = i == 2 && ((g && g->use.hides) || (handed && handed->hides));
		for (int k = 0; k < RESTRICTIONS; k++) {
			const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[k];
			if (!truth_is_about(r, t, q->domain, q->product, q->table) || !truth_of_column(r, &t->logs[q->domain], q->product, q->table, i)) continue;
			mask = mask_stricter(mask, r->mask);
			hidden |= r->hide;
		}
		if (g && g->product < 0) hidden |= !truth_shows(t, g, q, i);
		if (hidden && !d->columns[i].hidden) return "a column is shown that is hidden";
		if (!d->columns[i].hidden && mask_stricter(d->columns[i].mask, mask) != d->columns[i].mask) return "a column is not masked as it is";
	}
	return NULL;
}

static inline const char *
object_to_terms(const struct truth *t, const struct question *q, const struct t_grant *g, const struct t_use *handed, const struct policy_decision *d)
{
	int filters = g->use.rows + (handed && handed->rows);

	if ((filters > 0) != (d->rows != NULL) || (filters > 1 && d->rows->op != PRED_AND)) return "a row filter is gone";
	if (d->until > g->use.until || (handed && d->until > handed->until)) return "it lasts longer than it was granted";
	if (d->terms.no_export != g->terms.no_export || d->terms.row_budget != g->terms.row_budget) return "the terms of use are gone";
	if (g->terms.hours.days && (q->now % TIME_DAY < TIME_DAY / 3 || q->now % TIME_DAY >= TIME_DAY / 4 * 3)) return "outside of its hours";
	return object_to_columns(t, q, g, handed, d);
}

/* Why this decision, which allows, must not; NULL for nothing. */
static inline const char *
truth_objects(const struct truth *t, const struct question *q, const struct policy_decision *d)
{
	const struct t_log *producer = &t->logs[q->domain];
	int home = truth_home(t, q->person), n = truth_number(d->grant_id, GRANTS), handed = truth_number(d->delegation_id, DELEGATIONS);

	if (home < 0) return "a person of no domain";
	const struct t_member *m = &t->logs[home].members[q->person];
	if (m->role == ROLE_OWNER && truth_void(t, home, m->set_seq)) return "an owner by a stolen key";
	if (!producer->products[q->product].there || producer->products[q->product].retired || !producer->products[q->product].has[q->table]) return "no such table";
	const char *why = object_to_asking(t, q, home);
	if (why) return why;
	if (d->grant_id.n == 0) return home == q->domain && truth_is_owner(t, home, q->person) ? object_to_columns(t, q, NULL, NULL, d) : "no grant is named";
	if (n < 0) return "a grant that nobody made";
	const struct t_grant *g = &producer->grants[n];
	const struct t_use *use = NULL;
	if ((why = object_to_use(t, q, q->domain, &g->use, n, false))) return why;
	if (g->product >= 0 && g->product != q->product) return "another product";
	if (!truth_is_to(t, &g->use, home, q->person)) return "granted to somebody else";
	bool by_name = g->use.to_kind != PRINCIPAL_DOMAIN || truth_is_owner(t, home, q->person);
	if (d->delegation_id.n) {
		if ((why = object_to_delegation(t, q, home, n, handed))) return why;
		use = &t->logs[home].delegations[handed].use;
		by_name = true;
	}
	const struct t_log *l = &t->logs[home];
	bool to_all = !l->handing_set || (!l->handing_named && !truth_void(t, home, l->handing_seq));
	if (!by_name && !to_all) return "it was not handed on";
	if ((why = object_to_restricted(t, q, g, n, by_name))) return why;
	return object_to_terms(t, q, g, use, d);
}

#endif

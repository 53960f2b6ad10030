/* Objections: by which rule a decision that allows must not have. */
#include "truth.h"

static const char *
object_to_restrictions(const struct truth *t, const struct question *q, int home)
{
	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[i];
		if (!truth_is_live(r, t)) continue;
		if (r->freeze && (r->domain == home) != (r->domain == q->domain)) return "a domain is frozen";
		if (!(r->suspend || r->level || r->purpose) || !truth_is_about(r, t, q->domain, q->product, q->table)) continue;
		if (r->suspend) return "it is suspended";
		if (r->level > q->level) return "the level is too low";
		if (r->purpose && q->purpose == PURPOSE_NONE) return "a purpose has to be named";
	}
	return NULL;
}

/* Whatever was granted. */
static const char *
object_to_asking(const struct truth *t, const struct question *q, int home)
{
	const struct t_product *p = &t->logs[q->domain].products[q->product];

	if (home < 0) return "a person of no domain";
	if (!p->there || p->retired || !p->has[q->table]) return "no such table";
	if (!truth_purpose_known(t, q->purpose)) return "a purpose that is not in the tree";
	if (q->domain != home && truth_void(t, q->domain, p->seq)) return "what a stolen key published is for its own domain";
	if (q->domain != home && (truth_forked_at(t, q->domain) != UINT64_MAX || truth_forked_at(t, home) != UINT64_MAX)) return "a forked log is frozen";
	return object_to_restrictions(t, q, home);
}

static const char *
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

/* by_name: to them themselves, or handed on to them. */
static const char *
object_to_demands(const struct truth *t, const struct question *q, const struct t_grant *g, int id, const struct policy_decision *d, bool by_name)
{
	struct t_standing s = {q->domain, id, g->by, g->by_role, truth_asker(t, q->domain, g)};

	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[i];
		Time end = g->use.from + r->days * TIME_DAY;
		if (!truth_is_about(r, t, q->domain, q->product, q->table)) continue;
		if (r->purpose && !truth_purpose_fits(g->use.purpose, q->purpose, true)) return "a grant for any purpose where one has to be named";
		if (r->days && (q->now >= end || d->until > end)) return "it lasts longer than the center lets it";
		if (r->approvals && (s.asker == -2 || truth_approvals(t, r, &s) < r->approvals)) return "it is not approved";
		if (r->handing && !by_name) return "it has to be handed on by name";
	}
	return NULL;
}

static const char *
object_to_delegation(const struct truth *t, const struct question *q, int home, int grant, int n)
{
	const struct t_delegation *d = n < 0 ? NULL : &t->logs[home].delegations[n];

	if (!d || d->producer != q->domain || d->grant != grant) return "a delegation of something else";
	const char *why = object_to_use(t, q, home, &d->use, n, true);
	if (why) return why;
	return truth_is_to(t, &d->use, home, q->person) ? NULL : "handed on to somebody else";
}

/* --- what is shown --- */

/* Below a grant (NULL: the owner's own) and what was made of it, and whatever the center wants of the column. */
static const char *
object_to_column(const struct truth *t, const struct question *q, const struct t_grant *g, const struct t_use *handed, int column,
                 const struct policy_column_rule *shown)
{
	enum mask_kind mask = MASK_NONE;
	bool hidden = (column == 2 && ((g && g->use.hides) || (handed && handed->hides))) || (g && g->product < 0 && !truth_shows(t, g, q, column));

	if (column == 0 && g) mask = g->use.mask;
	if (column == 0 && handed && handed->mask > mask) mask = handed->mask;
	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[i];
		if (!(r->hide || r->mask) || !truth_is_about(r, t, q->domain, q->product, q->table)) continue;
		if (!truth_of_column(r, &t->logs[q->domain], q->product, q->table, column)) continue;
		if (r->mask > mask) mask = r->mask;
		hidden |= r->hide;
	}
	if (hidden && !shown->hidden) return "a column is shown that is hidden";
	return !shown->hidden && shown->mask < mask ? "a column is not masked as it is" : NULL;
}

static const char *
object_to_columns(const struct truth *t, const struct question *q, const struct t_grant *g, const struct t_use *handed, const struct policy_decision *d)
{
	for (int i = 0; i < T_COLUMNS; i++) {
		const char *why = object_to_column(t, q, g, handed, i, &d->columns[i]);
		if (why) return why;
	}
	return NULL;
}

static const char *
object_to_terms(const struct truth *t, const struct question *q, const struct t_grant *g, const struct t_use *handed, const struct policy_decision *d)
{
	int filters = g->use.rows + (handed && handed->rows);
	Time hour = q->now % TIME_DAY;

	if ((filters > 0) != (d->rows != NULL) || (filters > 1 && d->rows->op != PRED_AND)) return "a row filter is gone";
	if (d->until > g->use.until || (handed && d->until > handed->until)) return "it lasts longer than it was granted";
	if (d->terms.no_export != g->no_export || d->terms.row_budget != g->row_budget || d->terms.min_group != g->min_group) return "the terms of use are gone";
	if (g->hours && (hour < TIME_DAY / 3 || hour >= TIME_DAY / 4 * 3)) return "outside of its hours";
	return object_to_columns(t, q, g, handed, d);
}

/* --- all of it --- */

int
truth_number(Str id, int below)
{
	int n = 0;

	if (id.n != 10) return -1;
	for (size_t i = 4; i < id.n; i++) n = n * 10 + (id.p[i] - '0');
	return n >= 0 && n < below ? n : -1;
}

static const char *
object_to_grant(const struct truth *t, const struct question *q, int home, int n, const struct policy_decision *d)
{
	const struct t_grant *g = &t->logs[q->domain].grants[n];
	const struct t_log *l = &t->logs[home];
	bool by_name = g->use.to_kind != PRINCIPAL_DOMAIN || truth_is_owner(t, home, q->person);
	bool to_all = !l->handing_set || (!l->handing_named && !truth_void(t, home, l->handing_seq));
	int handed = truth_number(d->delegation_id, DELEGATIONS);
	const char *why = object_to_use(t, q, q->domain, &g->use, n, false);

	if (why) return why;
	if (g->product >= 0 && g->product != q->product) return "another product";
	if (!truth_is_to(t, &g->use, home, q->person)) return "granted to somebody else";
	if (d->delegation_id.n && (why = object_to_delegation(t, q, home, n, handed))) return why;
	if (!by_name && !d->delegation_id.n && !to_all) return "it was not handed on";
	if ((why = object_to_demands(t, q, g, n, d, by_name || d->delegation_id.n > 0))) return why;
	return object_to_terms(t, q, g, d->delegation_id.n ? &l->delegations[handed].use : NULL, d);
}

const char *
truth_objects(const struct truth *t, const struct question *q, const struct policy_decision *d)
{
	int home = truth_home(t, q->person), n = truth_number(d->grant_id, GRANTS);
	const char *why = object_to_asking(t, q, home);

	if (why) return why;
	if (d->grant_id.n > 0) return n < 0 ? "a grant that nobody made" : object_to_grant(t, q, home, n, d);
	return home == q->domain && truth_is_owner(t, home, q->person) ? object_to_columns(t, q, NULL, NULL, d) : "no grant is named";
}

/* What the center demands, who stands behind what, and which changes of tags count. */
#include "truth.h"

/* --- what a restriction is about --- */

static bool
about_area(const struct t_restriction *r, int area)
{
	switch (r->about) {
	case ABOUT_ALL: return true;
	case ABOUT_RED: return area == AREA_RED;
	case ABOUT_NOT_RED: return area != AREA_RED;
	default: return area == AREA_RED || area == AREA_BLUE;
	}
}

bool
truth_is_live(const struct t_restriction *r, const struct truth *t)
{
	return r->there && !(r->lifted && !truth_void(t, OUR_CENTER, r->lifted));
}

static bool
in_scope(const struct t_restriction *r, const struct truth *t, int domain, int product)
{
	return truth_is_live(r, t) && (r->product < 0 || r->product == product) && (r->domain < 0 || r->domain == domain);
}

static bool
in_class(const struct t_restriction *r, const struct t_log *l, int product, int table, int column)
{
	return !r->personal || (column == 0 && l->products[product].personal[table]);
}

bool
truth_of_column(const struct t_restriction *r, const struct t_log *l, int product, int table, int column)
{
	if (!in_class(r, l, product, table, column)) return false;
	return r->about == ABOUT_ALL || about_area(r, truth_area(l, product, table, column));
}

bool
truth_is_about(const struct t_restriction *r, const struct truth *t, int domain, int product, int table)
{
	if (!in_scope(r, t, domain, product)) return false;
	for (int i = 0; i < T_COLUMNS; i++)
		if (truth_of_column(r, &t->logs[domain], product, table, i)) return true;
	return false;
}

/* --- approvals --- */

/* Does this one count for r? Outside the producer's log one speaks only for oneself: whom more than one domain names speaks for nobody. */
static bool
counts(const struct truth *t, const struct t_restriction *r, const struct t_standing *s, int log, int person, uint32_t role)
{
	uint32_t roles = r->roles || r->approver[0] >= 0 ? r->roles : 1U << ROLE_OWNER | 1U << ROLE_STEWARD;
	int claims = 0;

	if (truth_human(t, log, person) == s->asker) return false;
	if (t->logs[log].members[person].there && truth_void(t, log, t->logs[log].members[person].set_seq)) return false; /* who they are was said by a thief */
	for (int d = 0; d < DOMAINS; d++) claims += t->logs[d].members[person].there;
	if (log != s->log && claims != 1) return false;
	return (log == s->log && (role & roles)) || r->approver[0] == person || r->approver[1] == person;
}

uint32_t
truth_approvals(const struct truth *t, const struct t_restriction *r, const struct t_standing *s)
{
	bool human[PERSONS] = {false};
	uint32_t n = 0;

	if (!t->logs[s->log].members[s->by].service && counts(t, r, s, s->log, s->by, s->by_role)) human[truth_human(t, s->log, s->by)] = true;
	for (int log = 0; log < DOMAINS; log++)
		for (int p = 0; p < PERSONS; p++) {
			const struct t_approval *a = &t->logs[log].approvals[s->log][s->subject][p];
			if (a->there && !a->service && !truth_void(t, log, a->seq) && counts(t, r, s, log, p, a->role)) human[truth_human(t, log, p)] = true;
		}
	for (int p = 0; p < PERSONS; p++) n += human[p];
	return n;
}

int
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

/* --- changes of tags --- */

static bool
value_fits(const struct t_grant *g, int area)
{
	return (area == AREA_RED && g->red) || (area == AREA_BLUE && g->blue);
}

/* Is the restriction about the table as it is, or as it was before that change? */
static bool
about_change(const struct t_restriction *r, const struct truth *t, int domain, int table, const struct t_tag *change)
{
	const struct t_log *l = &t->logs[domain];

	if (truth_is_about(r, t, domain, change->product, table)) return true;
	for (int i = 0; in_scope(r, t, domain, change->product) && i < T_COLUMNS; i++)
		if (in_class(r, l, change->product, table, i) && about_area(r, change->before)) return true;
	return false;
}

enum standing { STANDS, PERHAPS, UNAPPROVED };

/* PERHAPS: somebody demands approvals of something like it, and it has them. */
static enum standing
standing_of(const struct truth *t, int domain, int table, const struct t_tag *change)
{
	const struct t_log *l = &t->logs[domain];
	const struct t_member *by = &l->members[change->by];
	struct t_standing s = {domain, GRANTS + (int)(change - l->tags), change->by, by->there ? 1U << by->role : 0, -1};
	enum standing standing = STANDS;

	if (truth_void(t, domain, change->seq)) return UNAPPROVED;
	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &t->logs[OUR_CENTER].restrictions[i];
		if (!r->approvals || !in_scope(r, t, domain, change->product)) continue;
		bool enough = truth_approvals(t, r, &s) >= r->approvals;
		if (!enough && about_change(r, t, domain, table, change)) return UNAPPROVED;
		if (enough) standing = PERHAPS;
	}
	return standing;
}

/* What counted before each change that stands on nothing, back to the last that may be approved: any of them may have been what closed. What is
 * void is so whatever was approved after it. */
static bool
history_fits(const struct truth *t, const struct t_grant *g, const struct question *q, const struct t_tag *newest)
{
	const struct t_log *l = &t->logs[q->domain];
	bool fits = true, perhaps = false;

	for (const struct t_tag *c = newest; c; c = truth_tag_before(l, c)) {
		enum standing standing = standing_of(t, q->domain, q->table, c);
		fits &= value_fits(g, c->before);
		if (!fits && (truth_void(t, q->domain, c->seq) || (standing == UNAPPROVED && !perhaps))) return false;
		perhaps |= standing == PERHAPS;
	}
	return true;
}

bool
truth_shows(const struct truth *t, const struct t_grant *g, const struct question *q, int column)
{
	const struct t_log *l = &t->logs[q->domain];
	const int things[3][2] = {{q->table, column}, {q->table, -1}, {-1, -1}};

	if (!value_fits(g, truth_area(l, q->product, q->table, column))) return false;
	if (!g->future && l->products[q->product].since[q->table] > g->use.seq) return false;
	for (int i = 0; i < 3; i++) {
		const struct t_tag *own = truth_tag(l, q->product, things[i][0], things[i][1]);
		if (!own) continue;
		if (!history_fits(t, g, q, own)) return false;
		if (own->value != AREA_NONE) break;
	}
	return true;
}

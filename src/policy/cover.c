#include "codec/tagexpr.h"
#include "policy/decide.h"
#include "policy/rows.h"
#include "policy/shape.h"

enum { MINUTE_MICROS = 60 * 1000000, DAYS_A_WEEK = 7, EPOCH_WEEKDAY = 3 /* a Thursday; Monday is 0 */ };

/* --- made out to whom --- */

static bool
in_groups(const struct policy_principal *who, Str group)
{
	for (size_t i = 0; i < who->group_count; i++)
		if (same_id(who->groups[i], group)) return true;
	return false;
}

static bool
is_to(const struct policy_grant *g, const struct policy_principal *who)
{
	if (g->to_kind == PRINCIPAL_DOMAIN) return same_id(g->to_id, who->domain_id);
	if (g->to_kind == PRINCIPAL_PERSON) return same_id(g->to_id, who->person_id);
	return g->to_kind == PRINCIPAL_GROUP && same_id(g->to_domain_id, who->domain_id) && in_groups(who, g->to_id);
}

bool
cover_hands_on(const struct policy_delegation *d, const struct policy_grant *g, const struct policy_principal *who)
{
	if (!same_id(d->domain_id, who->domain_id) || !same_id(d->grant_id, g->id) || !same_id(d->issuer_domain_id, g->issuer_domain_id)) return false;
	if (g->to_kind != PRINCIPAL_DOMAIN || !same_id(g->to_id, d->domain_id)) return false;
	if (d->to_kind == PRINCIPAL_PERSON) return same_id(d->to_id, who->person_id);
	return d->to_kind == PRINCIPAL_GROUP && in_groups(who, d->to_id);
}

/* --- for what --- */

bool
policy_purpose_within(Str path, Str purpose)
{
	return path.n > 0 && str_starts(purpose, path) && (purpose.n == path.n || purpose.p[path.n] == '/');
}

static bool
is_any(Str purpose)
{
	return str_eq(purpose, S("*"));
}

static bool
has_purpose(const Str *list, size_t n, Str purpose, bool named)
{
	for (size_t i = 0; i < n; i++)
		if (is_any(list[i]) ? !named : policy_purpose_within(list[i], purpose)) return true;
	return false;
}

/* Is there a purpose that both allow? */
static bool
some_purpose(const struct candidate *x, bool named)
{
	for (size_t i = 0; i < x->g->purpose_count; i++) {
		Str p = x->g->purposes[i];
		if (is_any(p) && named) continue;
		if (!x->d || x->d->purpose_count == 0 || is_any(p)) return true;
		for (size_t k = 0; k < x->d->purpose_count; k++)
			if (is_any(x->d->purposes[k]) || policy_purpose_within(p, x->d->purposes[k]) || policy_purpose_within(x->d->purposes[k], p)) return true;
	}
	return false;
}

static bool
purpose_fits(const struct candidate *x, const struct policy_question *q, bool named)
{
	if (q->any_purpose) return some_purpose(x, named);
	if (x->d && x->d->purpose_count > 0 && !has_purpose(x->d->purposes, x->d->purpose_count, q->purpose, false)) return false;
	if (FAULT(PURPOSE) && x->d && x->d->purpose_count > 0) return true;
	return has_purpose(x->g->purposes, x->g->purpose_count, q->purpose, named);
}

/* --- when --- */

/* Whether `now` is within; *until is brought forward to the end of today's. */
static bool
hours_fit(const struct policy_hours *h, Time now, Time *until)
{
	Time day = now / TIME_DAY, minute = now % TIME_DAY / MINUTE_MICROS;

	if (h->days == 0) return true;
	if (now < 0 || h->from_minute >= h->until_minute) return false;
	if (!(h->days >> ((day + EPOCH_WEEKDAY) % DAYS_A_WEEK) & 1) || minute < h->from_minute || minute >= h->until_minute) return false;
	Time end = day * TIME_DAY + (Time)h->until_minute * MINUTE_MICROS;
	if (end < *until) *until = end;
	return true;
}

static Time
capped(Time from, uint32_t days)
{
	Time end;

	return __builtin_mul_overflow((Time)days, TIME_DAY, &end) || __builtin_add_overflow(end, from, &end) ? TIME_FOREVER : end;
}

static enum stage
time_stage(const struct work *w, struct candidate *x)
{
	Time now = w->q->now, cap = w->cap ? capped(x->g->from, w->cap->max_days) : TIME_FOREVER;

	x->until = x->g->until;
	if (x->d && (x->d->until < x->until || FAULT(UNTIL))) x->until = x->d->until;
	if (now < x->g->from || (x->d && now < x->d->from)) return TOO_EARLY;
	if (w->cap && FAULT(LENGTHEN)) x->until = cap;
	if (now >= x->until && x->until != TIME_FOREVER) return TOO_LATE;
	if (cap < x->until) x->until = cap;
	if (now < x->until || x->until == TIME_FOREVER) return COVERS;
	x->by = w->cap;
	return CAPPED;
}

/* --- which table, which columns --- */

static bool
tagged(const struct policy_grant *g, const struct policy_column *col)
{
	return (g->future || col->since <= g->seq) && policy_tags_fit(g->tags, &col->tags, &col->tags_before, !FAULT(BEFORE));
}

static bool
any_tagged(const struct policy_grant *g, const struct policy_table *t)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (tagged(g, &t->columns[i])) return true;
	return t->column_count == 0 && policy_tags_fit(g->tags, &t->tags, &t->tags_before, true);
}

/* By tags a grant is about the tables that have such a column, and shows those columns. */
static enum stage
about(const struct policy_grant *g, const struct policy_question *q)
{
	const struct policy_table *t = q->table;
	bool by_tags = g->tags && g->product_id.n == 0;

	if (!same_id(g->issuer_domain_id, t->domain_id) || (!by_tags && (g->tags || !same_id(g->product_id, t->product_id)))) return NOT_ABOUT;
	if (!is_to(g, q->who)) return NOT_TO;
	if (g->table.n > 0 && !str_eq(g->table, t->name)) return NOT_TABLE;
	if (g->revoked) return REVOKED;
	if (g->voided) return VOIDED;
	if (by_tags && !g->future && t->since > g->seq) return TOO_NEW;
	return !by_tags || (!tagexpr_has_not(g->tags) && any_tagged(g, t)) ? COVERS : NOT_TAGGED;
}

static bool
listed(const Str *list, size_t n, Str column)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i], column)) return true;
	return false;
}

bool
cover_hides(const struct candidate *x, const struct policy_column *col)
{
	if (listed(x->g->hidden, x->g->hidden_count, col->name) || (x->d && listed(x->d->hidden, x->d->hidden_count, col->name))) return true;
	return x->g->tags && !tagged(x->g, col);
}

enum mask_kind
mask_fitting(enum mask_kind kind, const struct policy_column *col)
{
	return mask_fits(kind, col->type) ? kind : MASK_NULL;
}

static enum mask_kind
stricter_in(const struct policy_mask *masks, size_t n, const struct policy_column *col, enum mask_kind mask)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(masks[i].column, col->name)) mask = mask_stricter(mask, mask_fitting(masks[i].kind, col));
	return mask;
}

enum mask_kind
cover_mask(const struct candidate *x, const struct policy_column *col)
{
	bool forget = FAULT(MASKS) && x->d && x->d->mask_count > 0;
	enum mask_kind mask = forget ? MASK_NONE : stricter_in(x->g->masks, x->g->mask_count, col, MASK_NONE);

	return x->d ? stricter_in(x->d->masks, x->d->mask_count, col, mask) : mask;
}

static struct openness
openness_of(const struct candidate *x, const struct policy_table *t)
{
	struct openness o = {.filtered = x->g->rows || (x->d && x->d->rows)};
	bool hiding = x->g->hidden_count || x->g->tags || (x->d && x->d->hidden_count), masking = x->g->mask_count || (x->d && x->d->mask_count);

	for (size_t i = 0; (hiding || masking) && i < t->column_count; i++) {
		if (hiding && cover_hides(x, &t->columns[i]))
			o.hidden++;
		else if (masking && cover_mask(x, &t->columns[i]) != MASK_NONE)
			o.masked++;
	}
	return o;
}

/* --- well formed? NULL when it is --- */

static const char *
unknown_mask(const struct policy_mask *masks, size_t n, Str *ret_column)
{
	for (size_t i = 0; i < n; i++)
		if (masks[i].kind >= MASK_KIND_COUNT) {
			*ret_column = masks[i].column;
			return "it has an unknown mask";
		}
	return NULL;
}

/* Nobody but the producer may change what the groups are made of: what a total counts and its groups do not would tell of single rows. */
static bool
hands_on_other_groups(const struct candidate *x, const struct policy_column *col)
{
	const struct policy_delegation *d = x->d;

	if (listed(d->hidden, d->hidden_count, col->name)) return true;
	return stricter_in(d->masks, d->mask_count, col, MASK_NONE) != MASK_NONE || (d->rows && cover_mask(x, col) != MASK_NONE);
}

static const char *
groups_misfit(const struct candidate *x, const struct policy_table *table, Str *ret_column)
{
	const struct policy_terms *t = &x->g->terms;
	const char *why = shape_misfit(t, table, ret_column);

	if (t->min_group == 0) return t->group_by_count || t->unit.n ? "it tells of groups but not how large they must be" : NULL;
	if (why) return why;
	*ret_column = S("");
	if (x->d && !shape_rows_ok(t, x->d->rows)) return "it would change the groups: its row filter names other columns than those they are made of";
	for (size_t i = 0; i < t->group_by_count; i++) {
		const struct policy_column *col = rows_column(table, t->group_by[i]);
		*ret_column = col->name;
		if (x->d && hands_on_other_groups(x, col)) return "it would change the groups";
		if (cover_hides(x, col)) return "it hides what its groups are made of";
	}
	return NULL;
}

static const char *
malformed(const struct candidate *x, const struct policy_table *t, Str *ret_column)
{
	const struct policy_grant *g = x->g;
	const struct policy_delegation *d = x->d;
	const char *why;

	*ret_column = S("");
	if ((g->interactions | (d ? d->interactions : 0)) & ~(uint32_t)INTERACT_ALL) return "it has an unknown way of use";
	if ((why = unknown_mask(g->masks, g->mask_count, ret_column)) || (d && (why = unknown_mask(d->masks, d->mask_count, ret_column)))) return why;
	if (t->column_count > 0 && x->open.hidden == t->column_count) return "it hides every column";
	if ((why = groups_misfit(x, t, ret_column))) return why;
	*ret_column = S("");
	if (g->rows && (why = rows_misfit(g->rows, t, ret_column))) return why;
	return d && d->rows ? rows_misfit(d->rows, t, ret_column) : NULL;
}

/* --- handing on shows nothing more --- */

/* As it is, under the grant and under the center? What was handed on narrower, whoever handed it on may see. */
static bool
seen_plain(const struct work *w, const struct policy_grant *g, const struct policy_column *col)
{
	const struct candidate granted = {.g = g};

	if (cover_hides(&granted, col) || cover_mask(&granted, col) != MASK_NONE) return false;
	for (size_t i = 0; i < w->rule_count; i++)
		if ((w->rules[i]->hide || w->rules[i]->mask != MASK_NONE) && scope_column(w->rules[i], col)) return false;
	return true;
}

/* A filter over a column that the consumer does not see as it is would tell of it, row by row: who hands on chooses the constant, and counts. */
static bool
peeks(const struct work *w, const struct policy_grant *g, const struct predicate *p, Str *ret_column)
{
	if (p->op == PRED_NOT) return peeks(w, g, p->left, ret_column);
	if (p->op == PRED_AND || p->op == PRED_OR) return peeks(w, g, p->left, ret_column) || peeks(w, g, p->right, ret_column);
	*ret_column = p->column;
	return !seen_plain(w, g, rows_column(w->q->table, p->column));
}

/* --- all of it --- */

static enum stage
approved(const struct work *w, struct candidate *x)
{
	for (size_t i = 0; w->approvals && i < w->rule_count; i++) {
		const struct policy_restriction *r = w->rules[i];
		if (r->approvals == 0) continue;
		uint32_t has = policy_approvals(r, w->q->table->domain_id, x->g->asker_human_id, x->g->approvals, x->g->approval_count);
		if (has >= r->approvals || (x->by && !told_before(r, x->by))) continue;
		x->missing = r->approvals - has;
		x->by = r;
	}
	return x->by ? UNAPPROVED : COVERS;
}

/* A domain's grant is used by its owners, by all where it says so, and else by those it was handed on to. */
static bool
handed(const struct work *w, struct candidate *x)
{
	const struct policy_principal *who = w->q->who;

	if (x->d || x->g->to_kind != PRINCIPAL_DOMAIN || who->is_owner || (who->handed_to_all && !w->handing) || (w->handing && FAULT(HANDING))) return true;
	x->by = who->handed_to_all ? w->handing : NULL;
	return false;
}

static enum stage
delegated(const struct candidate *x, const struct policy_table *t)
{
	if (!x->d) return COVERS;
	if (x->d->ended && !FAULT(ENDED)) return REVOKED;
	if (x->d->voided) return VOIDED;
	return x->d->table.n > 0 && !str_eq(x->d->table, t->name) ? NOT_DELEGATED : COVERS;
}

static enum stage
stage_of(const struct work *w, struct candidate *x)
{
	const struct policy_question *q = w->q;
	uint32_t ways = x->g->interactions & (x->d && x->d->interactions ? x->d->interactions : UINT32_MAX);
	enum stage stage = about(x->g, q);

	if (stage == COVERS) stage = delegated(x, q->table);
	if (stage == COVERS) stage = time_stage(w, x);
	if (stage != COVERS) return stage;
	if (!purpose_fits(x, q, false)) return NOT_PURPOSE;
	if (w->purpose && !purpose_fits(x, q, true)) {
		x->by = w->purpose;
		return ANY_PURPOSE;
	}
	if (!(ways & (uint32_t)q->interaction)) return NOT_INTERACTION;
	if (!hours_fit(&x->g->terms.hours, q->now, &x->until)) return NOT_HOURS;
	return handed(w, x) ? approved(w, x) : NOT_HANDED;
}

void
cover(const struct work *w, struct candidate *ret)
{
	ret->stage = stage_of(w, ret);
	if (ret->stage == COVERS) ret->open = openness_of(ret, w->q->table);
}

void
cover_check(const struct work *w, struct candidate *x)
{
	x->misfit = malformed(x, w->q->table, &x->misfit_column);
	if (!x->misfit && x->d && x->d->rows && !FAULT(PEEKS) && peeks(w, x->g, x->d->rows, &x->misfit_column))
		x->misfit = "its row filter names a column that is masked or hidden from the domain that hands on";
	if (x->misfit) x->stage = MALFORMED;
}

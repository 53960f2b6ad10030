#include "core/use/terms.h"

#include "core/request.h"
#include "policy/shape.h"

void
run_terms_copy(struct arena *a, struct policy_terms *t)
{
	Str *by = NEW_N(a, t->group_by_count, Str);

	for (size_t i = 0; i < t->group_by_count; i++) by[i] = arena_str(a, t->group_by[i]);
	t->group_by = by;
	t->unit = arena_str(a, t->unit);
}

/* --- aggregates only --- */

static Str
lines_of(struct arena *a, const struct table_use *u, bool dimensions)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < u->shape.column_count; i++) {
		Str name = u->shape.columns[i].name;
		if (u->decision.columns[i].hidden || shape_is_dimension(&u->decision.terms, name) != dimensions) continue;
		if (b.n) buf_char(&b, '\n');
		buf_str(&b, name);
	}
	return arena_str(a, buf_view(&b));
}

static void
shapes_fill(struct arena *a, const struct table_use *uses, size_t n, List *ret)
{
	Str *v = NEW_N(a, 4 * n, Str);
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		const struct policy_terms *t = &uses[i].decision.terms;
		if (t->min_group == 0) continue;
		v[k++] = uses[i].name;
		v[k++] = lines_of(a, &uses[i], true);
		v[k++] = lines_of(a, &uses[i], false);
		v[k++] = t->unit.n ? arena_printf(a, "at least %u different %.*s", t->min_group, STR(t->unit)) : arena_printf(a, "at least %u rows", t->min_group);
	}
	*ret = (List){v, k};
}

/* --- rows --- */

static void
limit(struct run_terms *t, uint64_t rows, Str why)
{
	if (t->max_rows && t->max_rows <= rows) return;
	t->max_rows = rows;
	t->why = why;
}

static Err
only_looking(struct request *rq, Str format, const struct table_use *u, struct run_terms *t)
{
	bool shown = str_eqc(format, "json") || str_eqc(format, "table");

	if (!u->decision.terms.no_export) return OK;
	if (!shown) rq->hint = S("heddle query … --format json");
	ENSURE(&rq->c, shown, DENIED, "%.*s is granted to be looked at, not to be taken away (no export): its results come as a table or json, at most %d rows",
	       STR(u->name), NO_EXPORT_ROWS);
	limit(t, NO_EXPORT_ROWS,
	      arena_printf(&rq->arena, "%.*s is granted to be looked at, not to be taken away (no export); aggregate, or add LIMIT", STR(u->name)));
	return OK;
}

static bool
is_held(const struct run_terms *t, Str grant_id)
{
	for (size_t i = 0; i < t->hold_count; i++)
		if (str_eq(t->holds[i].grant_id, grant_id)) return true;
	return false;
}

static Err
hold(struct request *rq, struct table_use *u, struct run_terms *t)
{
	const struct policy_decision *d = &u->decision;
	struct budget_hold *h = &t->holds[t->hold_count];
	char until[TIME_TEXT_MAX];

	if (d->terms.row_budget == 0 || is_held(t, d->grant_id)) return OK;
	TRY(budget_reserve(rq->core, &rq->c, d->grant_id, d->terms.row_budget, t->max_rows ? t->max_rows : UINT64_MAX, h));
	t->hold_count++;
	u->reserve = h->rows;
	time_format((h->day + 1) * TIME_DAY, until);
	limit(t, h->rows, arena_printf(&rq->arena, "that much is left until %s of the %llu rows a day of grant %.*s", until,
	                               (unsigned long long)d->terms.row_budget, STR(d->grant_id)));
	return OK;
}

Err
run_terms_keep(struct request *rq, Str format, struct table_use *uses, size_t n, struct run_terms *ret)
{
	*ret = (struct run_terms){.max_rows = rq->core->limits.result_max_rows, .holds = NEW_N(&rq->arena, n + 1, struct budget_hold)};
	shapes_fill(&rq->arena, uses, n, &ret->shapes);
	for (size_t i = 0; i < n; i++) TRY(only_looking(rq, format, &uses[i], ret));
	for (size_t i = 0; i < n; i++) TRY(hold(rq, &uses[i], ret));
	return OK;
}

void
run_terms_settle(struct core *core, struct run_terms *t, uint64_t rows_charged)
{
	for (size_t i = 0; i < t->hold_count; i++) budget_settle(core, &t->holds[i], rows_charged);
	t->hold_count = 0;
}

/* The terms of a grant, read at the door: times, row filter, masks, hidden columns, purposes, and what it demands of use. */
#include "codec/hours.h"
#include "core/access/grants.h"
#include "policy/shape.h"

enum { PURPOSES_MAX = 16, GROUP_BY_MAX = 64 };

static const struct { const char *name; uint32_t bit; } doors[] = {
    {"sql", INTERACT_SQL}, {"api", INTERACT_API}, {"share", INTERACT_SHARE}, {"files", INTERACT_FILES}, {"ml", INTERACT_ML},
};

Err
terms_until(struct request *rq, const char *name, Time *ret)
{
	Str text = arg(rq, name);
	Time t;

	*ret = TIME_FOREVER;
	if (text.n == 0) return OK;
	ENSURE(&rq->c, time_parse(text, true, &t), INVALID, "--%s '%.*s': write a date (2027-06-30) or a time (2027-06-30T12:00:00Z)", name,
	       STR(text));
	ENSURE(&rq->c, t > core_now(), INVALID, "--%s '%.*s' is in the past", name, STR(text));
	*ret = t;
	return OK;
}

/* --- columns --- */

static const struct policy_column *
column_of(const struct mesh_product *p, Str table, Str column)
{
	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		if (table.n && !str_ieq(t->name, table)) continue;
		for (size_t k = 0; k < t->column_count; k++)
			if (str_ieq(t->columns[k].name, column)) return &t->columns[k];
	}
	return NULL;
}

/* Who hands on a grant by tags may not know of all products of the producer: a column of one of those is not there. */
static const struct policy_column *
find_column(struct request *rq, const struct scope *s, Str column)
{
	const struct policy_column *found = NULL;
	const struct mesh_product **products;

	if (s->product) return column_of(s->product, s->table, column);
	size_t n = mesh_products(rq->core->mesh, &rq->arena, &products);
	for (size_t i = 0; i < n && !found; i++)
		if (!products[i]->retired && str_eq(products[i]->domain_id, s->domain_id) && product_visible(rq, products[i]))
			found = column_of(products[i], S(""), column);
	return found;
}

/* The column by its own spelling, or what is wrong with the option that named it. */
static Err
need_column(struct request *rq, const struct scope *s, const char *option, Str name, const struct policy_column **ret)
{
	Str where = s->product ? product_name(rq, s->product) : domain_name(rq, s->domain_id);

	*ret = find_column(rq, s, name);
	ENSURE(&rq->c, *ret, INVALID, "--%s %.*s: no such column in %.*s", option, STR(name), STR(where));
	return OK;
}

static Err
parse_masks(struct request *rq, const struct scope *s, struct terms *t)
{
	List pairs = api_arg_list(&rq->args, &rq->arena, "masks");
	struct policy_mask *masks = NEW_N(&rq->arena, pairs.n / 2, struct policy_mask);
	const struct policy_column *col;

	if (pairs.n == 0) return OK;
	for (size_t i = 0; i + 1 < pairs.n; i += 2) {
		struct policy_mask *m = &masks[i / 2];
		TRY(need_column(rq, s, "mask", pairs.v[i], &col));
		ENSURE(&rq->c, mask_parse(pairs.v[i + 1], &m->kind), INVALID, "--mask %.*s=%.*s: masks are hash, null, constant, last4, year",
		       STR(pairs.v[i]), STR(pairs.v[i + 1]));
		ENSURE(&rq->c, mask_fits(m->kind, col->type), INVALID, "--mask %.*s=%.*s does not fit a column of type %.*s", STR(pairs.v[i]),
		       STR(pairs.v[i + 1]), STR(col->type));
		m->column = arena_str(&rq->arena, col->name);
		for (size_t k = 0; k < i / 2; k++)
			ENSURE(&rq->c, !str_eq(masks[k].column, m->column), INVALID, "--mask %.*s: given twice", STR(m->column));
	}
	t->masks = masks;
	t->mask_count = pairs.n / 2;
	return OK;
}

/* The columns that a list names, as they are spelt; 0 when it is absent. */
static Err
parse_columns(struct request *rq, const struct scope *s, const char *name, const char *option, const Str **ret, size_t *ret_n)
{
	List names = api_arg_list(&rq->args, &rq->arena, name);
	Str *columns = NEW_N(&rq->arena, names.n, Str);
	const struct policy_column *col;

	if (names.n == 0) return OK;
	for (size_t i = 0; i < names.n; i++) {
		TRY(need_column(rq, s, option, names.v[i], &col));
		columns[i] = arena_str(&rq->arena, col->name);
		for (size_t k = 0; k < i; k++) ENSURE(&rq->c, !str_eq(columns[k], columns[i]), INVALID, "--%s %.*s: given twice", option, STR(columns[i]));
	}
	*ret = columns;
	*ret_n = names.n;
	return OK;
}

/* A row filter must make sense on every table that it is about, or it would close them without a word. */
static Err
check_rows(struct request *rq, const struct mesh_product *p, Str table, const struct predicate *rows)
{
	Str *columns;
	size_t n = predicate_columns(rows, &rq->arena, &columns);

	for (size_t i = 0; i < p->table_count; i++) {
		if (table.n && !str_ieq(p->tables[i].policy.name, table)) continue;
		for (size_t k = 0; k < n; k++)
			ENSURE(&rq->c, column_of(p, p->tables[i].policy.name, columns[k]), INVALID,
			       "--rows names column %.*s, which table %.*s does not have", STR(columns[k]), STR(p->tables[i].policy.name));
		BUF_AUTO sql = BUF_INIT;
		Err e = policy_rows_sql(&rq->c, rows, &p->tables[i].policy, &sql);
		if (!err_ok(e)) return err_set(&rq->c, ERR_INVALID, "--rows: %s", arena_str(&rq->arena, str_c(err_detail(&rq->c, e))).p);
	}
	return OK;
}

/* By tags, the tables are not known: one that lacks a column stays closed, but a column that none has is a slip. */
static Err
check_rows_by_tags(struct request *rq, const struct scope *s, const struct predicate *rows)
{
	const struct policy_column *col;
	Str *columns;
	size_t n = predicate_columns(rows, &rq->arena, &columns);

	for (size_t i = 0; i < n; i++) TRY(need_column(rq, s, "rows", columns[i], &col));
	return OK;
}

static Err
parse_rows(struct request *rq, const struct scope *s, struct terms *t)
{
	Str text = arg(rq, "rows");
	BUF_AUTO canonical = BUF_INIT;

	if (text.n == 0) return OK;
	TRY(predicate_parse(&rq->c, text, &t->rows));
	if (s->product)
		TRY(check_rows(rq, s->product, s->table, t->rows));
	else
		TRY(check_rows_by_tags(rq, s, t->rows));
	predicate_print(t->rows, &canonical);
	t->rows_text = arena_str(&rq->arena, buf_view(&canonical));
	return OK;
}

static Err
parse_via(struct request *rq, struct terms *t)
{
	List names = api_arg_list(&rq->args, &rq->arena, "via");
	uint32_t bits = 0;

	for (size_t i = 0; i < names.n; i++) {
		uint32_t bit = 0;
		for (size_t k = 0; k < ARRAY_LEN(doors); k++)
			if (str_eqc(names.v[i], doors[k].name)) bit = doors[k].bit;
		ENSURE(&rq->c, bit, INVALID, "--via '%.*s': doors are sql, api, share, files, ml", STR(names.v[i]));
		bits |= bit;
	}
	if (bits) t->interactions = bits;
	return OK;
}

Err
terms_parse(struct request *rq, const struct scope *s, struct terms *ret)
{
	struct terms t = *ret;
	Str from = arg(rq, "from");

	if (arg(rq, "until").n || t.until == 0) TRY(terms_until(rq, "until", &t.until));
	t.from = core_now(); /* said outright: where policy caps its days, they are counted from here */
	if (from.n) ENSURE(&rq->c, time_parse(from, false, &t.from), INVALID, "--from '%.*s': write a date or a time", STR(from));
	ENSURE(&rq->c, t.from < t.until, INVALID, "--from must be before --until");
	TRY(parse_masks(rq, s, &t));
	TRY(parse_columns(rq, s, "hide", "hide", &t.hidden, &t.hidden_count));
	TRY(parse_rows(rq, s, &t));
	TRY(parse_via(rq, &t));
	*ret = t;
	return OK;
}

/* --- what it demands of use --- */

/* Of every table it is about, cells must be there to be made. */
static Err
check_shape(struct request *rq, const struct scope *s, const struct policy_terms *t)
{
	for (size_t i = 0; i < s->product->table_count; i++) {
		const struct policy_table *table = &s->product->tables[i].policy;
		Str column = S("");
		if (s->table.n && !str_ieq(table->name, s->table)) continue;
		const char *why = shape_misfit(t, table, &column);
		ENSURE(&rq->c, !why, INVALID, "--aggregate-only on table %.*s: %.*s%s%s", STR(table->name), STR(column), column.n ? ": " : "", why);
	}
	return OK;
}

static Err
parse_aggregates(struct request *rq, const struct scope *s, struct policy_terms *t)
{
	uint64_t k = api_arg_u64(&rq->args, "min_group", 0);
	const struct policy_column *col;
	Str unit = arg(rq, "unit");

	ENSURE(&rq->c, !arg(rq, "min_group").p || (k >= 2 && k <= 1000000), INVALID, "--aggregate-only %llu: groups of 2 to 1000000 are expected",
	       (unsigned long long)k);
	if (k) t->min_group = (uint32_t)k;
	TRY(parse_columns(rq, s, "group_by", "by", &t->group_by, &t->group_by_count));
	ENSURE(&rq->c, t->group_by_count <= GROUP_BY_MAX, INVALID, "--by names more than %d columns", GROUP_BY_MAX);
	if (unit.n) {
		TRY(need_column(rq, s, "unit", unit, &col));
		t->unit = arena_str(&rq->arena, col->name);
	}
	ENSURE(&rq->c, t->min_group || (t->group_by_count == 0 && t->unit.n == 0), INVALID, "--by and --unit go with --aggregate-only K");
	return t->min_group && s->product ? check_shape(rq, s, t) : OK;
}

Err
demands_parse(struct request *rq, const struct scope *s, struct policy_terms *ret)
{
	struct policy_terms t = *ret;
	struct hours h;
	Str hours = arg(rq, "hours");

	TRY(parse_aggregates(rq, s, &t));
	t.row_budget = api_arg_u64(&rq->args, "row_budget", t.row_budget);
	ENSURE(&rq->c, !arg(rq, "row_budget").p || t.row_budget > 0, INVALID, "--row-budget 0: a number from 1 on is expected");
	if (api_arg_bool(&rq->args, "no_export")) t.no_export = true;
	if (hours.n) {
		TRY(hours_parse(&rq->c, hours, &h));
		t.hours = (struct policy_hours){.days = h.days, .from_minute = h.from_minute, .until_minute = h.until_minute};
	}
	*ret = t;
	return OK;
}

Err
terms_purposes(struct request *rq, Str text, const Str **ret, size_t *ret_n)
{
	Str *v = NEW_N(&rq->arena, PURPOSES_MAX, Str), one;
	size_t n = 0;

	for (Str rest = text; rest.p;) {
		rest = str_cut(rest, ',', &one);
		one = str_trim(one);
		ENSURE(&rq->c, n < PURPOSES_MAX, INVALID, "at most %d purposes", PURPOSES_MAX);
		if (!str_eqc(one, "*")) TRY(purpose_check(rq, one));
		v[n++] = one;
	}
	ENSURE(&rq->c, n > 0, INVALID, "name the purpose: --purpose P");
	*ret = v;
	*ret_n = n;
	return OK;
}

/* --- into records and answers --- */

void
terms_into_grant(const struct terms *t, struct mesh_grant *g)
{
	g->policy.from = t->from;
	g->policy.until = t->until;
	g->policy.interactions = t->interactions;
	g->policy.rows = t->rows;
	g->policy.masks = t->masks;
	g->policy.mask_count = t->mask_count;
	g->policy.hidden = t->hidden;
	g->policy.hidden_count = t->hidden_count;
	g->rows_text = t->rows_text;
}

void
terms_json(const struct terms *t, struct buf *b, bool *first)
{
	bool any = false;

	member_time(b, "from", t->from, first);
	member_time(b, "until", t->until, first);
	member_text(b, "rows", t->rows_text, first);
	member_key(b, "masks", first);
	buf_char(b, '{');
	for (size_t i = 0; i < t->mask_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, t->masks[i].column);
		buf_printf(b, ":\"%s\"", mask_name(t->masks[i].kind));
	}
	buf_char(b, '}');
	member_texts(b, "hide", t->hidden, t->hidden_count, first);
	member_key(b, "via", first);
	buf_char(b, '[');
	for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
		if (!(t->interactions & doors[i].bit)) continue;
		buf_printf(b, "%s\"%s\"", any ? "," : "", doors[i].name);
		any = true;
	}
	buf_char(b, ']');
}

void
demands_json(const struct policy_terms *t, struct buf *b, bool *first)
{
	if (t->min_group) {
		member_u64(b, "min_group", t->min_group, first);
		member_texts(b, "group_by", t->group_by, t->group_by_count, first);
		member_text(b, "unit", t->unit, first);
	}
	if (t->row_budget) member_u64(b, "row_budget", t->row_budget, first);
	if (t->no_export) member_bool(b, "no_export", true, first);
	if (t->hours.days) {
		BUF_AUTO text = BUF_INIT;
		hours_print(&(struct hours){t->hours.days, t->hours.from_minute, t->hours.until_minute}, &text);
		member_text(b, "hours", buf_view(&text), first);
	}
}

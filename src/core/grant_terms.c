/* The terms of a grant, read at the door: times, row filter, masks, hidden columns, purposes. */
#include "core/grants.h"

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

static const struct policy_column *
find_column(const struct mesh_product *p, Str table, Str column)
{
	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		if (table.n && !str_ieq(t->name, table)) continue;
		for (size_t k = 0; k < t->column_count; k++)
			if (str_ieq(t->columns[k].name, column)) return &t->columns[k];
	}
	return NULL;
}

static Err
parse_masks(struct request *rq, const struct mesh_product *p, Str table, struct terms *t)
{
	List pairs = api_arg_list(&rq->args, &rq->arena, "masks");

	t->masks = NEW_N(&rq->arena, pairs.n / 2, struct policy_mask);
	for (size_t i = 0; i + 1 < pairs.n; i += 2) {
		struct policy_mask *m = &t->masks[t->mask_count++];
		const struct policy_column *col = find_column(p, table, pairs.v[i]);
		ENSURE(&rq->c, col, INVALID, "--mask %.*s: no such column in %.*s", STR(pairs.v[i]), STR(product_name(rq, p)));
		ENSURE(&rq->c, mask_parse(pairs.v[i + 1], &m->kind), INVALID, "--mask %.*s=%.*s: masks are hash, null, constant, last4, year",
		       STR(pairs.v[i]), STR(pairs.v[i + 1]));
		ENSURE(&rq->c, mask_fits(m->kind, col->type), INVALID, "--mask %.*s=%.*s does not fit a column of type %.*s", STR(pairs.v[i]),
		       STR(pairs.v[i + 1]), STR(col->type));
		m->column = arena_str(&rq->arena, col->name);
	}
	return OK;
}

static Err
parse_hidden(struct request *rq, const struct mesh_product *p, Str table, struct terms *t)
{
	List names = api_arg_list(&rq->args, &rq->arena, "hide");
	Str *hidden = NEW_N(&rq->arena, names.n, Str);

	for (size_t i = 0; i < names.n; i++) {
		const struct policy_column *col = find_column(p, table, names.v[i]);
		ENSURE(&rq->c, col, INVALID, "--hide %.*s: no such column in %.*s", STR(names.v[i]), STR(product_name(rq, p)));
		hidden[i] = arena_str(&rq->arena, col->name);
	}
	t->hidden = hidden;
	t->hidden_count = names.n;
	return OK;
}

/* A row filter must make sense on every table that the grant covers, or it would close them without a word. */
static Err
parse_rows(struct request *rq, const struct mesh_product *p, Str table, struct terms *t)
{
	Str text = arg(rq, "rows");
	BUF_AUTO canonical = BUF_INIT;
	Str *columns;

	if (text.n == 0) return OK;
	TRY(predicate_parse(&rq->c, text, &t->rows));
	size_t n = predicate_columns(t->rows, &rq->arena, &columns);
	for (size_t i = 0; i < p->table_count; i++) {
		if (table.n && !str_ieq(p->tables[i].policy.name, table)) continue;
		for (size_t k = 0; k < n; k++)
			ENSURE(&rq->c, find_column(p, p->tables[i].policy.name, columns[k]), INVALID,
			       "--rows names column %.*s, which table %.*s does not have", STR(columns[k]), STR(p->tables[i].policy.name));
		BUF_AUTO sql = BUF_INIT;
		Err e = policy_rows_sql(&rq->c, t->rows, &p->tables[i].policy, &sql);
		if (!err_ok(e)) return err_set(&rq->c, ERR_INVALID, "--rows: %s", arena_str(&rq->arena, str_c(err_detail(&rq->c, e))).p);
	}
	predicate_print(t->rows, &canonical);
	t->rows_text = arena_str(&rq->arena, buf_view(&canonical));
	return OK;
}

Err
terms_parse(struct request *rq, const struct mesh_product *p, Str table, struct terms *ret)
{
	struct terms t = {0};
	Str from = arg(rq, "from");

	TRY(terms_until(rq, "until", &t.until));
	if (from.n) ENSURE(&rq->c, time_parse(from, false, &t.from), INVALID, "--from '%.*s': write a date or a time", STR(from));
	ENSURE(&rq->c, t.from < t.until, INVALID, "--from must be before --until");
	TRY(parse_masks(rq, p, table, &t));
	TRY(parse_hidden(rq, p, table, &t));
	TRY(parse_rows(rq, p, table, &t));
	*ret = t;
	return OK;
}

Err
terms_purposes(struct request *rq, Str text, const Str **ret, size_t *ret_n)
{
	Str *v = NEW_N(&rq->arena, 16, Str), one;
	size_t n = 0;

	for (Str rest = text; rest.p;) {
		rest = str_cut(rest, ',', &one);
		one = str_trim(one);
		ENSURE(&rq->c, n < 16, INVALID, "at most 16 purposes");
		ENSURE(&rq->c, str_is_ident(one) || str_eqc(one, "*"), INVALID, "'%.*s' is no purpose: a-z, 0-9 and _, at most 64", STR(one));
		v[n++] = one;
	}
	ENSURE(&rq->c, n > 0, INVALID, "name the purpose: --purpose P");
	*ret = v;
	*ret_n = n;
	return OK;
}

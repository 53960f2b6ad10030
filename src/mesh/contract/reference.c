#include "mesh/contract/build.h"

/* One end of a relationship, taken apart. */
struct end {
	Str file;          /* "" for this contract */
	Str table, column; /* names or ids */
};

/* "table.column", or "[file.yaml#][/]schema/TABLE/properties/COLUMN" by ids or names. */
static Err
end_parse(struct ctx *c, const struct node *at, Str text, struct end *ret)
{
	Str head, rest = str_cut(text, '#', &head);
	Str part[4];
	size_t n = 0;

	*ret = (struct end){.file = rest.p ? head : S("")};
	if (!rest.p) rest = text;
	if (rest.n && rest.p[0] == '/') rest = str_of(rest.p + 1, rest.n - 1);
	char sep = memchr(rest.p, '/', rest.n) ? '/' : '.';
	while (rest.p && n < ARRAY_LEN(part)) rest = str_cut(rest, sep, &part[n++]);
	ENSURE(c, !rest.p && n == (sep == '/' ? 4 : 2), INVALID, AT "'%.*s' should be table.column or schema/TABLE/properties/COLUMN",
	    PLACE(at), STR(text));
	ENSURE(c, sep == '.' || (str_eqc(part[0], "schema") && str_eqc(part[2], "properties")), INVALID,
	    AT "'%.*s' should be [file.yaml#]schema/TABLE/properties/COLUMN", PLACE(at), STR(text));
	ret->table = part[sep == '/' ? 1 : 0];
	ret->column = part[sep == '/' ? 3 : 1];
	ENSURE(c, ret->table.n && ret->column.n, INVALID, AT "'%.*s' names no column", PLACE(at), STR(text));
	return OK;
}

static bool
node_is(const struct node *n, Str name)
{
	return str_eq(text_at(n, "name"), name) || str_eq(text_at(n, "id"), name) || str_eq(text_at(n, "physicalName"), name);
}

/* Names of this contract become those of the model. */
static Err
end_resolve(struct ctx *c, const struct node *at, const struct node *schema, const struct contract *k, struct end *e)
{
	size_t t = 0, i = 0;
	const struct node *table = schema->first;

	for (; table && !node_is(table, e->table); table = table->next) t++;
	ENSURE(c, table, INVALID, AT "the relationship names table '%.*s', which this contract does not have", PLACE(at), STR(e->table));
	const struct node *column = node_get(table, S("properties"))->first;
	for (; column && !node_is(column, e->column); column = column->next) i++;
	ENSURE(c, column, INVALID, AT "the relationship names column '%.*s', which table %.*s does not have", PLACE(at), STR(e->column),
	    STR(e->table));
	e->table = k->tables[t].name;
	e->column = k->tables[t].columns[i].name;
	return OK;
}

static const struct node *
text_or_first(const struct node *n)
{
	return n->kind == NODE_SEQ ? n->first : n;
}

/* One side: all columns of one table. */
static Err
side_read(struct ctx *c, const struct node *n, const struct node *schema, const struct contract *k, struct end *ret,
    const Str **ret_columns, size_t *ret_n)
{
	size_t count = 0;
	Str *columns = NEW_N(c->arena, n->kind == NODE_SEQ ? n->count : 1, Str);

	ENSURE(c, n->kind == NODE_SCALAR || n->count > 0, INVALID, AT "an empty list of columns", PLACE(n));
	for (const struct node *m = text_or_first(n); m; m = n->kind == NODE_SEQ ? m->next : NULL) {
		struct end e;
		TRY(end_parse(c, m, m->text, &e));
		if (e.file.n == 0) TRY(end_resolve(c, m, schema, k, &e));
		ENSURE(c, count == 0 || (str_eq(e.table, ret->table) && str_eq(e.file, ret->file)), INVALID,
		    AT "all columns of one side must be of one table", PLACE(m));
		*ret = e;
		columns[count++] = e.column;
	}
	*ret_columns = columns;
	*ret_n = count;
	return OK;
}

static void
columns_print(struct buf *b, const Str *columns, size_t n)
{
	if (n > 1) buf_char(b, '(');
	for (size_t i = 0; i < n; i++) {
		if (i) buf_c(b, ", ");
		buf_str(b, columns[i]);
	}
	if (n > 1) buf_char(b, ')');
}

static Str
reference_text(struct arena *a, const struct contract_reference *r)
{
	BUF_AUTO b = BUF_INIT;

	columns_print(&b, r->columns, r->count);
	buf_c(&b, " -> ");
	if (r->external.n) buf_printf(&b, "%.*s ", STR(r->external));
	buf_printf(&b, "%.*s.", STR(r->to_table));
	columns_print(&b, r->to_columns, r->count);
	return arena_str(a, buf_view(&b));
}

static Err
reference_read(struct ctx *c, const struct node *n, const struct node *schema, const struct contract *k, const struct contract_table *t,
    const struct contract_property *column, struct contract_reference *r)
{
	const struct node *from = node_get(n, S("from")), *to = node_get(n, S("to"));
	struct end self = {.table = t->name}, target = {0};
	size_t to_count;

	if (column) {
		ENSURE(c, !from, INVALID, AT "'from' belongs to relationships of the table, not of a column", KEY_PLACE(from));
		r->columns = &column->name;
		r->count = 1;
	} else {
		ENSURE(c, from, INVALID, AT "a relationship of a table needs the key 'from'", PLACE(n));
		ENSURE(c, from->kind == to->kind, INVALID, AT "'from' and 'to' must both be a text or both a list", PLACE(n));
		TRY(side_read(c, from, schema, k, &self, &r->columns, &r->count));
	}
	ENSURE(c, self.file.n == 0 && str_eq(self.table, t->name), INVALID, AT "'from' must name columns of table %.*s", PLACE(n),
	    STR(t->name));
	TRY(side_read(c, to, schema, k, &target, &r->to_columns, &to_count));
	ENSURE(c, to_count == r->count, INVALID, AT "'from' names %zu columns, 'to' names %zu", PLACE(n), r->count, to_count);
	r->to_table = target.table;
	r->external = target.file;
	r->text = reference_text(c->arena, r);
	return OK;
}

static size_t
relationships_count(const struct node *table)
{
	const struct node *own = node_get(table, S("relationships"));
	size_t n = own ? own->count : 0;

	for (const struct node *p = node_get(table, S("properties"))->first; p; p = p->next) {
		const struct node *list = node_get(p, S("relationships"));
		n += list ? list->count : 0;
	}
	return n;
}

static Err
table_read(struct ctx *c, const struct node *table, const struct node *schema, const struct contract *k, struct contract_table *t)
{
	size_t n = relationships_count(table), column = 0;
	const struct node *own = node_get(table, S("relationships"));

	ENSURE(c, n <= CONTRACT_RULES_MAX, TOO_LARGE, AT "more than %d relationships", PLACE(table), CONTRACT_RULES_MAX);
	if (n == 0) return OK;
	struct contract_reference *all = NEW_N(c->arena, n, struct contract_reference);
	t->references = all;
	for (const struct node *m = own ? own->first : NULL; m; m = m->next)
		TRY(reference_read(c, m, schema, k, t, NULL, &all[t->reference_count++]));
	for (const struct node *p = node_get(table, S("properties"))->first; p; p = p->next, column++) {
		const struct node *list = node_get(p, S("relationships"));
		for (const struct node *m = list ? list->first : NULL; m; m = m->next)
			TRY(reference_read(c, m, schema, k, t, &t->columns[column], &all[t->reference_count++]));
	}
	return OK;
}

Err
contract_references_read(struct ctx *c, const struct node *schema, struct contract *k)
{
	struct contract_table *tables = NEW_N(c->arena, k->table_count, struct contract_table);
	size_t i = 0;

	memcpy(tables, k->tables, k->table_count * sizeof *tables);
	k->tables = tables; /* names stay where they were */
	for (const struct node *m = schema->first; m; m = m->next) TRY(table_read(c, m, schema, k, &tables[i++]));
	return OK;
}

#include "core/recorded.h"

#include <stdlib.h>

#include "codec/dsse.h"
#include "ledger/ledger.h"

static const Str JOURNAL = S("journal");
enum { STEP = 1024, QUERY_TABLES_MAX = 64 };

/* A query that began: its tables, until its end tells how many rows it gave. */
struct begun { struct recorded *uses[QUERY_TABLES_MAX]; size_t n; };

struct reading {
	struct arena *keep;       /* of the result */
	struct map by_key, begun; /* struct recorded, struct begun */
	Time since;
};

static Str
js_str(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : S("");
}

static void
keep_columns(struct reading *r, const json_t *table, struct recorded *u)
{
	const json_t *list = json_object_get(table, "columns");
	size_t n = json_array_size(list);
	Str *columns = NEW_N(r->keep, n, Str);

	for (size_t i = 0; i < n; i++) columns[i] = arena_str(r->keep, str_c(json_string_value(json_array_get(list, i))));
	u->columns = columns;
	u->column_count = n;
	u->all = !list; /* entries from before they were noted too */
}

/* The use of this table by this person, for this purpose, with these columns, under this grant: the one there is, or a new one. */
static struct recorded *
use_of(struct reading *r, const struct event *e, const json_t *table)
{
	BUF_AUTO key = BUF_INIT;
	char *columns = json_dumps(json_object_get(table, "columns"), JSON_COMPACT);
	const Str parts[] = {e->actor, js_str(e->body, "purpose"), js_str(table, "table"), js_str(table, "product"), js_str(table, "grant"),
	                     js_str(table, "delegation"), str_c(columns)};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_u32be(&key, (uint32_t)parts[i].n);
		buf_str(&key, parts[i]);
	}
	free(columns);
	struct recorded *u = map_get(&r->by_key, buf_view(&key));
	if (u) return u;
	u = NEW_N(r->keep, 1, struct recorded);
	*u = (struct recorded){.person_id = arena_str(r->keep, parts[0]), .purpose = arena_str(r->keep, parts[1]), .table = arena_str(r->keep, parts[2]),
	                       .product_id = arena_str(r->keep, parts[3]), .grant_id = arena_str(r->keep, parts[4]),
	                       .delegation_id = arena_str(r->keep, parts[5]), .first = e->time};
	keep_columns(r, table, u);
	map_put(&r->by_key, buf_view(&key), u);
	return u;
}

static void
began(struct reading *r, const struct event *e)
{
	struct begun *b = mem_alloc(sizeof *b);
	const json_t *tables = json_object_get(e->body, "tables"), *table;
	size_t i;

	b->n = 0;
	json_array_foreach(tables, i, table) {
		if (b->n == QUERY_TABLES_MAX) break;
		struct recorded *u = use_of(r, e, table);
		u->count++;
		u->last = e->time;
		b->uses[b->n++] = u;
	}
	free(map_put(&r->begun, js_str(e->body, "query"), b));
}

static void
ended(struct reading *r, const struct event *e)
{
	struct begun *b = map_del(&r->begun, js_str(e->body, "query"));
	json_int_t rows = json_integer_value(json_object_get(e->body, "rows"));

	for (size_t i = 0; b && i < b->n; i++) b->uses[i]->rows += (uint64_t)(rows > 0 ? rows : 0);
	free(b);
}

static Err
read_entry(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct reading *r = arg;
	struct dsse d;
	struct event e;
	(void)index;

	TRY(dsse_parse(c, entry, &d));
	TRY(event_parse(c, d.payload, &e));
	if (e.time >= r->since && str_eqc(e.type_text, "journal.query.start")) began(r, &e);
	if (e.time >= r->since && str_eqc(e.type_text, "journal.query.end")) ended(r, &e);
	event_fini(&e);
	return OK;
}

static Err
entry_time(struct core *core, uint64_t index, struct ctx *c, Time *ret)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx in = {.arena = &arena};
	struct dsse d;
	struct event e;
	Str entry;

	Err err = ledger_entry(&in, core->ledger, JOURNAL, index, &entry);
	if (err_ok(err)) err = dsse_parse(&in, entry, &d);
	if (err_ok(err)) err = event_parse(&in, d.payload, &e);
	if (!err_ok(err)) return err_set(c, (enum err_code)err.code, "%s", err_detail(&in, err));
	*ret = e.time;
	event_fini(&e);
	return OK;
}

/* The first entry of that time or later: times in the journal never go back. */
static Err
first_since(struct core *core, struct ctx *c, Time since, uint64_t size, uint64_t *ret)
{
	uint64_t low = 0, high = size;
	Time t = 0;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		TRY(entry_time(core, mid, c, &t));
		if (t < since) low = mid + 1;
		else high = mid;
	}
	*ret = low;
	return OK;
}

static Err
read_all(struct core *core, struct ctx *c, struct reading *r)
{
	struct ledger_head head;
	uint64_t at;

	core_commit(core); /* only what is durable can be read */
	TRY(ledger_head(c, core->ledger, JOURNAL, &head));
	TRY(first_since(core, c, r->since, head.size, &at));
	while (at < head.size) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx in = {.arena = &arena};
		uint64_t n = head.size - at < STEP ? head.size - at : STEP;
		Err e = ledger_read(&in, core->ledger, JOURNAL, at, n, read_entry, r);
		if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
		at += n;
		fiber_sleep_ms(core, 0);
	}
	return OK;
}

static int
by_last(const void *a, const void *b)
{
	const struct recorded *x = a, *y = b;
	int r = (x->last < y->last) - (x->last > y->last);

	if (r == 0) r = str_cmp(x->table, y->table);
	if (r == 0) r = str_cmp(x->person_id, y->person_id);
	return r ? r : str_cmp(x->purpose, y->purpose);
}

Err
recorded_queries(struct core *core, struct ctx *c, Time since, struct recorded **ret, size_t *ret_n)
{
	struct reading r = {.keep = c->arena, .since = since};
	Str key;
	void *value;
	size_t n = 0;

	Err e = read_all(core, c, &r);
	struct recorded *list = NEW_N(c->arena, r.by_key.count, struct recorded);
	for (size_t i = 0; map_next(&r.by_key, &i, &key, &value);) list[n++] = *(struct recorded *)value;
	for (size_t i = 0; map_next(&r.begun, &i, &key, &value);) free(value);
	map_fini(&r.by_key);
	map_fini(&r.begun);
	TRY(e);
	if (n > 1) qsort(list, n, sizeof *list, by_last);
	*ret = list;
	*ret_n = n;
	return OK;
}

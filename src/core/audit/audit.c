/* audit.h: the fold of the journal into its index. What an entry says is read here; the index knows only texts (store/audit.h). */
#include "core/audit/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/dsse.h"
#include "core/request.h"
#include "ledger/tree.h"
#include "os/log.h"

static const Str JOURNAL = S("journal");
static const char PATH[] = "catalog/audit.db", WAL[] = "catalog/audit.db-wal";
/* A slice is about 5 ms of the core's time. */
enum { SLICE = 64, LATER_MS = 1000, AGAIN_MS = 60000, PATIENCE_MS = 20000, THINGS_MAX = 2 * AUDIT_TABLES_MAX + 8 };

/* --- what an entry says --- */

struct reading {
	struct core *core;
	struct ctx *c;
	const struct event *e;
	struct audit_entry out;
	Str things[THINGS_MAX];
};

static Str
text(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : S("");
}

static uint64_t
number(const json_t *obj, const char *key, uint64_t fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v) : fallback;
}

static void
about(struct reading *r, const char *kind, Str id)
{
	if (id.n && r->out.thing_count < THINGS_MAX) r->things[r->out.thing_count++] = audit_thing(r->c->arena, kind, id);
}

static void
about_domain_named(struct reading *r, Str name)
{
	const struct mesh_domain *d = name.n ? mesh_domain_by_name(r->core->mesh, name) : NULL;

	if (d) about(r, "domain", d->id);
}

/* "domain.product.table", or less of it. */
static void
about_object(struct reading *r, Str object)
{
	Str domain, product, rest = str_cut(object, '.', &domain);

	if (!rest.p) return;
	str_cut(rest, '.', &product);
	about(r, "product", str_of(object.p, domain.n + 1 + product.n));
	about_domain_named(r, domain);
}

static Str
outcome_of(Str code)
{
	if (str_eqc(code, "DENIED") || str_eqc(code, "UNAUTHENTICATED")) return S("refused");
	return str_eqc(code, err_name(OK)) ? S("ok") : S("failed");
}

static int
compare_texts(const void *a, const void *b)
{
	return str_cmp(*(const Str *)a, *(const Str *)b);
}

/* "*" first for all of them, the names sorted, one a line. */
static Str
columns_text(struct arena *arena, const json_t *table)
{
	const json_t *names = json_object_get(table, "columns"); /* none: they were not told apart */
	size_t n = json_array_size(names), k = 0;
	Str *v = NEW_N(arena, n, Str);
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const json_t *name = json_array_get(names, i);
		if (json_is_string(name)) v[k++] = str_of(json_string_value(name), json_string_length(name));
	}
	if (k) qsort(v, k, sizeof *v, compare_texts);
	if (!names || json_is_true(json_object_get(table, "all"))) buf_char(&b, '*');
	for (size_t i = 0; i < k; i++) {
		if (b.n) buf_char(&b, '\n');
		buf_str(&b, v[i]);
	}
	return arena_str(arena, buf_view(&b));
}

/* A refused query did not read the tables that were decided before the one at fault: those do not count. */
static Err
read_uses(struct reading *r, bool allowed)
{
	const json_t *body = r->e->body, *tables = json_object_get(body, "tables"), *t;
	size_t i;

	json_array_foreach(tables, i, t) {
		if (i >= AUDIT_TABLES_MAX) break;
		about_object(r, text(t, "table"));
		if (allowed != str_eqc(text(t, "verdict"), "allow")) continue;
		struct audit_use u = {
		    .at = r->e->time, .query = text(body, "query"), .person = r->e->actor, .purpose = text(body, "purpose"),
		    .table = text(t, "table"), .product = text(t, "product"), .grant = allowed ? text(t, "grant") : S(""),
		    .delegation = allowed ? text(t, "delegation") : S(""), .columns = columns_text(r->c->arena, t), .allowed = allowed,
		    .reserved = allowed ? number(t, "reserve", 0) : 0};
		TRY(audit_use(r->c, r->core->audit, &u));
	}
	r->out.operation = S("query");
	r->out.outcome = allowed ? S("ok") : S("refused");
	return OK;
}

static Err
read_end(struct reading *r)
{
	const json_t *body = r->e->body;
	Str *tables;
	size_t n;

	TRY(audit_use_end(r->c, r->core->audit, text(body, "query"), number(body, "rows", 0), number(body, "bytes", 0),
	                  number(body, "charged", UINT64_MAX), &tables, &n));
	for (size_t i = 0; i < n; i++) about_object(r, tables[i]);
	r->out.operation = S("query");
	r->out.outcome = outcome_of(text(body, "outcome"));
	return OK;
}

static Err
read_body(struct reading *r)
{
	const json_t *body = r->e->body;
	Str type = r->e->type_text, operation = text(body, "operation");

	about(r, "domain", text(body, "acting"));
	about(r, "domain", text(body, "owner"));
	about(r, "grant", text(body, "grant"));
	about_domain_named(r, text(body, "domain"));
	about_object(r, text(body, "product"));
	if (str_eqc(type, "journal.query.start") || str_eqc(type, "journal.query.refused"))
		return read_uses(r, str_eqc(type, "journal.query.start"));
	if (str_eqc(type, "journal.query.end")) return read_end(r);
	r->out.operation = operation.n ? operation : str_starts(type, S("journal.")) ? str_of(type.p + 8, type.n - 8) : type;
	r->out.outcome = str_eqc(type, "journal.refused") ? outcome_of(text(body, "code")) : S("ok");
	if (str_eqc(type, "journal.publish.quarantined")) r->out.operation = S("publish"), r->out.outcome = S("failed");
	return OK;
}

static Err
fold_one(struct core *core, struct ctx *c, uint64_t index, Str entry)
{
	struct dsse d;
	struct event e;
	struct reading r = {.core = core, .c = c, .e = &e, .out = {.index = index, .operation = S("unreadable"), .outcome = S("failed")}};

	r.out.things = r.things;
	if (!err_ok(dsse_parse(c, entry, &d)) || !err_ok(event_parse(c, d.payload, &e))) {
		c->detail[0] = 0;
		return audit_put(c, core->audit, &r.out);
	}
	r.out.time = e.time;
	r.out.actor = e.actor;
	Err err = read_body(&r);
	if (err_ok(err)) err = audit_put(c, core->audit, &r.out);
	event_fini(&e);
	return err;
}

/* --- slices --- */

struct slice { Str entry[SLICE]; size_t n; };

static Err
take_entry(struct ctx *c, void *arg, uint64_t index UNUSED, Str entry)
{
	struct slice *s = arg;

	s->entry[s->n++] = arena_str(c->arena, entry);
	return OK;
}

static Err
fold_entries(struct core *core, struct ctx *c, uint64_t from, const struct slice *s)
{
	Hash leaf;

	TRY(audit_begin(c, core->audit));
	for (size_t i = 0; i < s->n; i++) TRY(fold_one(core, c, from + i, s->entry[i]));
	leaf = tree_leaf(s->entry[s->n - 1]);
	TRY(audit_commit(c, core->audit, from + s->n, leaf.b));
	core->audited = from + s->n;
	return OK;
}

static Err audit_anew(struct core *core, struct ctx *c);

/* A file that fails is begun anew: it is derived. But for want of room, which would not be mended by that. */
static Err
fold_failed(struct core *core, struct ctx *c, Err e)
{
	audit_rollback(core->audit);
	if (e.code == ERR_FULL) return e;
	log_line(LOG_ERROR, "the journal's index cannot be written and is begun anew: %s", err_detail(c, e));
	c->detail[0] = 0;
	return audit_anew(core, c);
}

/* Up to SLICE further entries; *ret_left: how many there are beyond. Only what is durable is folded. */
static Err
fold_slice(struct core *core, struct ctx *c, uint64_t *ret_left)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx in = {.arena = &arena};
	struct ledger_head head;
	struct slice s = {.n = 0};

	ENSURE(c, core->audit, UNAVAILABLE, "the journal's index cannot be used; the node's log tells why");
	TRY(ledger_head(c, core->ledger, JOURNAL, &head));
	uint64_t from = core->audited, left = head.size - from, n = left < SLICE ? left : SLICE;
	*ret_left = left - n;
	if (n == 0) return OK;
	Err e = ledger_read(&in, core->ledger, JOURNAL, from, n, take_entry, &s);
	if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
	e = fold_entries(core, &in, from, &s);
	if (err_ok(e)) return OK;
	*ret_left = left;
	e = fold_failed(core, &in, e);
	return err_ok(e) ? OK : err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
}

Err
audit_catch_up(struct core *core, struct ctx *c)
{
	int64_t until = core_ns() + PATIENCE_MS * INT64_C(1000000);

	for (uint64_t left = 1; left > 0;) {
		core_commit(core);
		if (core->dirty) continue;
		TRY(fold_slice(core, c, &left));
		if (left == 0) break;
		ENSURE(c, core_ns() < until, UNAVAILABLE, "the journal's index is being made anew (%llu entries are left), try again",
		       (unsigned long long)left);
		fiber_sleep_ms(core, 0);
	}
	return OK;
}

static void
catch_up_fiber(void *arg)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct core *core = arg;
	uint64_t left = 1;
	Err e = OK;

	while (err_ok(e) && left > 0 && !core->stopping) {
		if (!core->dirty) e = fold_slice(core, &c, &left);
		if (left > 0) fiber_sleep_ms(core, 0);
	}
	if (!err_ok(e)) {
		log_line(LOG_ERROR, "the journal's index does not follow: %s", err_detail(&c, e));
		core->audit_due_ns = core_ns() + AGAIN_MS * INT64_C(1000000);
	}
	core->auditing = false;
}

void
audit_tick(struct core *core)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct ledger_head head;

	if (core->auditing || core_ns() < core->audit_due_ns) return;
	if (!core->audit) audit_start(core);
	if (!core->audit) return;
	if (!err_ok(ledger_head(&c, core->ledger, JOURNAL, &head)) || head.size == core->audited) return;
	core->audit_due_ns = core_ns() + LATER_MS * INT64_C(1000000);
	core->auditing = true;
	if (!fiber_start(catch_up_fiber, core)) core->auditing = false;
}

/* --- the start --- */

static Err
audit_anew(struct core *core, struct ctx *c)
{
	audit_close(TAKE(core->audit, NULL));
	core->audited = 0;
	if ((unlink(PATH) < 0 && errno != ENOENT) || (unlink(WAL) < 0 && errno != ENOENT))
		return err_set(c, ERR_IO, "%s: %s", PATH, strerror(errno));
	return audit_open(c, PATH, &core->audit);
}

/* Is the index of this journal, and not ahead of it? */
static Err
index_fits(struct core *core, struct ctx *c, bool *ret)
{
	struct ledger_head head;
	uint64_t size;
	Hash leaf;
	Str entry;

	TRY(audit_position(c, core->audit, &size, leaf.b));
	TRY(ledger_head(c, core->ledger, JOURNAL, &head));
	*ret = size <= head.size;
	if (*ret && size > 0) {
		TRY(ledger_entry(c, core->ledger, JOURNAL, size - 1, &entry));
		Hash there = tree_leaf(entry);
		*ret = memcmp(there.b, leaf.b, sizeof leaf.b) == 0;
	}
	if (*ret && size == 0 && head.size > 1) log_line(LOG_WARN, "the journal has no index: it is made anew from %llu entries", (unsigned long long)head.size);
	core->audited = *ret ? size : 0;
	return OK;
}

static Err
audit_begin_with(struct core *core, struct ctx *c)
{
	bool fits = false;
	Err e = audit_open(c, PATH, &core->audit);

	if (err_ok(e)) e = index_fits(core, c, &fits);
	if (err_ok(e) && fits) return OK;
	if (!err_ok(e) && e.code != ERR_CORRUPT) return e;
	log_line(LOG_WARN, "the journal's index %s and is made anew%s%s", err_ok(e) ? "is not of this journal" : "is damaged", c->detail[0] ? ": " : "",
	         c->detail);
	c->detail[0] = 0;
	return audit_anew(core, c);
}

void
audit_start(struct core *core)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	Err e = audit_begin_with(core, &c);

	if (err_ok(e)) return;
	log_line(LOG_ERROR, "the journal's index cannot be used: %s", err_detail(&c, e));
	audit_close(TAKE(core->audit, NULL));
	core->audit_due_ns = core_ns() + AGAIN_MS * INT64_C(1000000);
}

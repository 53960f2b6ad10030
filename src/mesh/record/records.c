/* Records: the state as text, kept by the store and put back by mesh_load(). */
#include <assert.h>
#include <stdlib.h>

#include "crypt/hash.h"
#include "mesh/record/record.h"

enum { RECORD_MAX = 1024 * 1024 }; /* a product says the name of a table with each column that came later */

static const Str NAMES[] = {
#define RECORD(id, name) [RECORD_##id] = {#name, sizeof #name - 1},
    RECORDS
#undef RECORD
};

Str record_kind_name(enum record_kind kind) { return NAMES[kind]; }

/* Times in records are whole seconds, as in events. */
void
put_seconds(struct buf *out, Str key, Time t)
{
	put_number(out, key, (uint64_t)(t / TIME_SECOND));
}

void
record_write(const struct change *ch, struct buf *out)
{
	static write_fn *const writers[] = {
#define RECORD(id, name) [RECORD_##id] = write_##name,
	    RECORDS
#undef RECORD
	};

	writers[ch->kind](ch, out);
}

void
record_id(const struct log *log, enum record_kind kind, Str id, struct buf *out)
{
	buf_str(out, log->item.id);
	if (kind == RECORD_DOMAIN || kind == RECORD_POSITION) return;
	buf_char(out, '/');
	buf_str(out, id);
}

/* --- reading --- */

Err
record_read(struct ctx *c, const struct mesh *m, enum record_kind kind, Str body, struct doc *d, struct change *ret)
{
	static load_fn *const loads[] = {
#define RECORD(id, name) [RECORD_##id] = load_##name,
	    RECORDS
#undef RECORD
	};

	TRY(doc_read(c, body, RECORD_MAX, d));
	struct fields f = fields_of(c, NAMES[kind].p, doc_root(d));
	ret->any = true;
	ret->kind = kind;
	loads[kind](&f, m, ret);
	return fields_end(&f);
}

static bool
kind_parse(Str name, enum record_kind *ret)
{
	for (unsigned k = 0; k < RECORD_KIND_COUNT; k++)
		if (str_eq(name, NAMES[k])) return *ret = (enum record_kind)k, true;
	return false;
}

Err
mesh_load(struct ctx *c, struct mesh *m, Str kind, Str id, Str body)
{
	DOC_AUTO d;
	struct ctx inner = {.arena = &m->scratch};
	struct change ch;
	Str log_id, item_id = str_cut(id, '/', &log_id);

	doc_init(&d);
	arena_reset(&m->scratch);
	ENSURE(c, kind_parse(kind, &ch.kind), CORRUPT, "the catalog holds a record of an unknown kind '%.*s'", STR(kind));
	bool of_log = ch.kind == RECORD_DOMAIN || ch.kind == RECORD_POSITION;
	ENSURE(c, hex_ok(log_id, 64) && of_log == (item_id.p == NULL), CORRUPT, "the catalog's %.*s '%.*s' has a malformed id", STR(kind), STR(id));
	Err e = record_read(&inner, m, ch.kind, body, &d, &ch);
	ENSURE(c, err_ok(e), CORRUPT, "the catalog's %.*s '%.*s': %s", STR(kind), STR(id), err_detail(&inner, e));
	ch.id = item_id;
	state_put(m, state_log_make(m, log_id), &ch);
	return OK;
}

/* --- all of them --- */

void
record_of(enum record_kind kind, const struct item *it, struct change *ret)
{
	static of_fn *const ofs[] = {
#define RECORD(id, name) [RECORD_##id] = of_##name,
	    RECORDS
#undef RECORD
	};

	ret->any = true;
	ret->kind = kind;
	ret->id = it->id;
	ofs[kind](it, ret);
}

static int
item_order(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
	int r = x->log == y->log ? 0 : str_cmp(x->log->item.id, y->log->item.id);

	return r ? r : str_cmp(x->id, y->id);
}

size_t
state_gather(const struct mesh *m, enum record_kind kind, state_keep_fn *keep, const void *arg, struct item ***ret)
{
	bool of_log = kind == RECORD_DOMAIN || kind == RECORD_POSITION;
	const struct index *x = of_log ? &m->logs : &m->by_kind[kind];
	size_t n = 0, cap = keep ? 16 : x->count;
	struct item **items = mem_alloc(cap * sizeof *items);
	uint32_t at = 0;

	for (struct item *first; (first = index_next(x, &at));)
		for (struct item *it = first; it; it = it->same) {
			if (kind == RECORD_DOMAIN && !((const struct log *)it)->founded) continue;
			if (keep && !keep(m, it, arg)) continue;
			if (n == cap) items = mem_resize(items, (cap = cap * 2 + 16) * sizeof *items);
			items[n++] = it;
		}
	*ret = items;
	return n;
}

size_t
state_items_that(const struct mesh *m, enum record_kind kind, state_keep_fn *keep, const void *arg, struct item ***ret)
{
	size_t n = state_gather(m, kind, keep, arg, ret);

	qsort(*ret, n, sizeof **ret, item_order);
	return n;
}

size_t
state_items(const struct mesh *m, enum record_kind kind, struct item ***ret)
{
	return state_items_that(m, kind, NULL, NULL, ret);
}

Err
mesh_records(struct ctx *c, const struct mesh *m, mesh_record_fn fn, void *arg)
{
	BUF_AUTO id = BUF_INIT;
	BUF_AUTO body = BUF_INIT;
	struct change ch;
	Err e = OK;

	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		struct item **items;
		size_t n = state_items(m, (enum record_kind)kind, &items);
		for (size_t i = 0; i < n && err_ok(e); i++) {
			id.n = body.n = 0;
			record_of((enum record_kind)kind, items[i], &ch);
			record_id(items[i]->log, ch.kind, ch.id, &id);
			record_write(&ch, &body);
			e = fn(c, arg, NAMES[kind], buf_view(&id), buf_view(&body));
		}
		free(items);
	}
	return e;
}

static void
hash_length(struct crypt_sha256 *h, uint64_t n, size_t bytes)
{
	uint8_t be[8];

	for (size_t i = 0; i < bytes; i++) be[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	crypt_sha256_add(h, str_of(be, bytes));
}

static Err
hash_add(struct ctx *c UNUSED, void *arg, Str kind, Str id, Str body)
{
	hash_length(arg, kind.n, 4);
	crypt_sha256_add(arg, kind);
	hash_length(arg, id.n, 4);
	crypt_sha256_add(arg, id);
	hash_length(arg, body.n, 8);
	crypt_sha256_add(arg, body);
	return OK;
}

void
mesh_hash(const struct mesh *m, uint8_t ret[32])
{
	struct crypt_sha256 h;
	struct ctx c = {0};

	crypt_sha256_init(&h);
	Err e = mesh_records(&c, m, hash_add, &h);
	assert(err_ok(e)); /* hash_add() cannot fail */
	crypt_sha256_end(&h, ret);
}

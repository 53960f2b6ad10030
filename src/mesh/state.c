/* Where things stand: logs, items in them, and how they are found. */
#include <stdlib.h>

#include "crypt/hash.h"
#include "mesh/record/record.h"

/* --- logs and items --- */

static bool
item_is(const void *item, const void *key)
{
	return str_eq(((const struct item *)item)->id, *(const Str *)key);
}

struct log *
state_log(const struct mesh *m, Str id)
{
	void **at = index_find(&m->logs, index_hash(m->seed, id, (Str){"", 0}), item_is, &id);

	return at ? *at : NULL;
}

struct log *
state_log_make(struct mesh *m, Str id)
{
	struct log *log = state_log(m, id);

	if (log) return log;
	log = NEW(&m->mem, struct log);
	log->item = (struct item){.id = state_text(m, id), .log = log};
	log->pub.id = log->item.id;
	log->pub.name = (Str){"", 0};
	index_add(&m->logs, index_hash(m->seed, id, (Str){"", 0}), log);
	if (str_eq(id, m->center)) m->center_log = log;
	return log;
}

struct item *
state_first(const struct mesh *m, enum record_kind kind, Str id)
{
	void **at = index_find(&m->by_kind[kind], index_hash(m->seed, id, (Str){"", 0}), item_is, &id);

	return at ? *at : NULL;
}

struct item *
state_find(const struct mesh *m, enum record_kind kind, const struct log *log, Str id)
{
	struct item *it = state_first(m, kind, id);

	while (it && it->log != log) it = it->same;
	return it;
}

/* What others speak of again and again: kept once, an id equals another at a glance. */
static bool
is_named(enum record_kind kind)
{
	return kind == RECORD_MEMBER || kind == RECORD_PRODUCT || kind == RECORD_GROUP;
}

/* A new item of `size` bytes in its chain; it must not be there yet. */
static void *
item_add(struct mesh *m, enum record_kind kind, struct log *log, Str id, size_t size)
{
	struct item *it = arena_alloc(&m->mem, size);
	uint32_t hash = index_hash(m->seed, id, (Str){"", 0});
	void **at = index_find(&m->by_kind[kind], hash, item_is, &id);

	it->id = is_named(kind) ? state_text(m, id) : state_text_once(m, id);
	it->log = log;
	if (!at) {
		index_add(&m->by_kind[kind], hash, it);
		return it;
	}
	struct item *head = *at, **link = &head;
	while (*link && str_cmp((*link)->log->item.id, log->item.id) < 0) link = &(*link)->same;
	it->same = *link;
	*link = it;
	*at = head;
	return it;
}

void *
item_make(struct mesh *m, enum record_kind kind, struct log *log, Str id, size_t size, bool *ret_new)
{
	struct item *it = state_find(m, kind, log, id);

	if (ret_new) *ret_new = !it;
	return it ? it : item_add(m, kind, log, id, size);
}

void
state_put(struct mesh *m, struct log *log, const struct change *ch)
{
	static put_fn *const puts[] = {
#define RECORD(id, name) [RECORD_##id] = put_##name,
	    RECORDS
#undef RECORD
	};

	if (ch->any) puts[ch->kind](m, log, ch);
}

/* --- life --- */

struct mesh *
mesh_new(void)
{
	struct mesh *m = mem_alloc(sizeof *m);

	crypt_random(&m->seed, sizeof m->seed); /* so that nobody can aim at one slot; no result depends on it */
	m->center = (Str){"", 0};
	return m;
}

void
mesh_free(struct mesh *m)
{
	uint32_t at = 0;

	if (!m) return;
	for (struct item *first; (first = index_next(&m->by_kind[RECORD_PRODUCT], &at));)
		for (struct item *it = first; it; it = it->same) product_fini((struct product *)it);
	for (size_t k = 0; k < RECORD_KIND_COUNT; k++) index_fini(&m->by_kind[k]);
	struct index *others[] = {&m->strings, &m->predicates, &m->tag_exprs, &m->logs, &m->log_names, &m->product_names, &m->group_names,
	                          &m->grant_pairs, &m->grant_requests, &m->product_tags, &m->reports};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) index_fini(others[i]);
	lookup_fini(&m->lookup);
	arena_fini(&m->mem);
	arena_fini(&m->scratch);
	buf_fini(&m->record_id);
	buf_fini(&m->record);
	free(m);
}

void
mesh_set_center(struct mesh *m, Str domain_id)
{
	m->center = state_text(m, domain_id);
	m->center_log = state_log(m, domain_id);
}

Str
mesh_center(const struct mesh *m)
{
	return m->center;
}

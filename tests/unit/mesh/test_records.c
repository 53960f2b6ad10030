/* The state is its records: however the logs arrive, whether folded or put back from the store, it is the same. */
#include <unistd.h>

#include "base/map.h"
#include "sim.h"
#include "store/store.h"

enum { ENTRIES = 6000 };

struct line { int domain; uint64_t index; Str entry; bool verify; };

/* Six logs of right and wrong entries, each in its order. */
struct logs {
	struct sim sim;
	struct world *w;
	struct line *of[DOMAINS];
	size_t n[DOMAINS];
	uint64_t random;
};

/* Records as the sink was told of them. */
struct record { Str kind, id, body; };
struct records { struct arena arena; struct map by_key; };

static void
add(struct logs *l, int domain, Str entry, bool verify)
{
	struct speaker *s = &l->w->d[domain];

	l->of[domain] = mem_resize(l->of[domain], (l->n[domain] + 1) * sizeof(struct line));
	l->of[domain][l->n[domain]++] = (struct line){domain, s->size++, entry, verify};
	s->head = tree_leaf(entry);
}

static int
setup(void **state)
{
	struct logs *l = calloc(1, sizeof *l);
	void *world;

	world_init(&world);
	l->w = world;
	sim_init(&l->sim, l->w, 42);
	mesh_free(l->w->m); /* only the speakers are of use here */
	l->w->m = NULL;
	l->random = 42;
	for (int i = 0; i < DOMAINS; i++) {
		struct speaker *s = &l->w->d[i];
		char name[32];
		s->size = 0;
		s->head = (Hash){{0}};
		l->w->keys = (uint64_t)i;
		snprintf(name, sizeof name, "domain%d", i);
		add(l, i, world_sign(l->w, &s->key, inception(l->w, i, name, is_center(i))), true);
	}
	for (int i = 0; i < ENTRIES; i++) {
		struct choice c = sim_choose(&l->sim);
		Str payload = world_payload(l->w, c.domain, c.type, sim_body(&l->sim, &c));
		bool forged = roll(&l->sim, 50) == 0, garbage = roll(&l->sim, 50) == 0;
		const struct sign_key *key = forged ? &l->w->d[(c.domain + 1) % DOMAINS].key : NULL;
		add(l, c.domain, garbage ? S("\xff\xfe garbage \"\n") : world_sign(l->w, key, payload), forged);
	}
	*state = l;
	return 0;
}

static int
teardown(void **state)
{
	struct logs *l = *state;
	void *world = l->w;

	for (int i = 0; i < DOMAINS; i++) free(l->of[i]);
	world_fini(&world);
	free(l);
	return 0;
}

static Err
record_keep(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	struct records *r = arg;
	struct record *kept = NEW(&r->arena, struct record);
	Str key = arena_printf(&r->arena, "%.*s\n%.*s", STR(kind), STR(id));

	(void)c;
	assert_true(body.n > 0); /* nothing is ever deleted yet */
	*kept = (struct record){arena_str(&r->arena, kind), arena_str(&r->arena, id), arena_str(&r->arena, body)};
	map_put(&r->by_key, key, kept);
	return OK;
}

/* Fold [from, to) of all entries, taking the logs in an order that the seed decides; seed 0: one log after the other. */
static void
fold(struct logs *l, struct mesh *m, uint64_t seed, size_t from[DOMAINS], const size_t to[DOMAINS], mesh_record_fn sink, void *arg)
{
	struct mesh_outcome outcome;

	l->sim.random = seed;
	for (;;) {
		int domain = -1;
		for (int i = 0, start = seed ? (int)roll(&l->sim, DOMAINS) : 0; i < DOMAINS && domain < 0; i++)
			if (from[(start + i) % DOMAINS] < to[(start + i) % DOMAINS]) domain = (start + i) % DOMAINS;
		if (domain < 0) return;
		const struct line *line = &l->of[domain][from[domain]++];
		Err e = mesh_apply(&l->w->c, m, did(l->w, domain), line->index, line->entry, line->verify, sink, arg, &outcome);
		if (!err_ok(e)) fail_msg("%s", err_detail(&l->w->c, e));
	}
}

static void
assert_same(const uint8_t a[32], const uint8_t b[32], const char *what)
{
	if (memcmp(a, b, 32) != 0) fail_msg("%s gives another state", what);
}

static int
by_kind_and_id(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a, *y = *(const struct record *const *)b;
	int r = str_cmp(x->kind, y->kind);

	return r ? r : str_cmp(x->id, y->id);
}

static struct record **
list(const struct records *r, size_t *ret_n)
{
	struct record **all = calloc(r->by_key.count + 1, sizeof *all);
	void *value;

	*ret_n = 0;
	for (size_t i = 0; map_next(&r->by_key, &i, NULL, &value);) all[(*ret_n)++] = value;
	return all;
}

/* The hash as mesh.h defines it, by hand. */
static void
hash_of(const struct records *r, uint8_t ret[32])
{
	struct crypt_sha256 h;
	BUF_AUTO bytes = BUF_INIT;
	size_t n;
	struct record **all = list(r, &n);

	qsort(all, n, sizeof *all, by_kind_and_id);
	for (size_t i = 0; i < n; i++) {
		buf_u32be(&bytes, (uint32_t)all[i]->kind.n);
		buf_str(&bytes, all[i]->kind);
		buf_u32be(&bytes, (uint32_t)all[i]->id.n);
		buf_str(&bytes, all[i]->id);
		buf_u64be(&bytes, all[i]->body.n);
		buf_str(&bytes, all[i]->body);
	}
	crypt_sha256_init(&h);
	crypt_sha256_add(&h, buf_view(&bytes));
	crypt_sha256_end(&h, ret);
	free(all);
}

static void
load(struct logs *l, struct mesh *m, const struct records *r, uint64_t seed)
{
	size_t n;
	struct record **all = list(r, &n);

	l->sim.random = seed;
	for (size_t i = n; i > 1; i--) {
		size_t k = roll(&l->sim, (unsigned)i);
		struct record *t = all[k];
		all[k] = all[i - 1];
		all[i - 1] = t;
	}
	for (size_t i = 0; i < n; i++) {
		Err e = mesh_load(&l->w->c, m, all[i]->kind, all[i]->id, all[i]->body);
		if (!err_ok(e)) fail_msg("%s", err_detail(&l->w->c, e));
	}
	free(all);
}

static void
any_order_gives_one_state(void **state)
{
	struct logs *l = *state;
	uint8_t first[32], hash[32];
	size_t refused = 0;

	for (uint64_t seed = 0; seed < 8; seed++) {
		struct mesh *m = mesh_new();
		fold(l, m, seed, (size_t[DOMAINS]){0}, l->n, NULL, NULL);
		mesh_hash(m, seed ? hash : first);
		if (seed) assert_same(first, hash, "another order of the logs");
		if (!seed) refused = mesh_refused_count(m);
		mesh_free(m);
	}
	assert_in_range(refused, ENTRIES / 20, ENTRIES * 9 / 10);
	/* the comparison can fail: one entry less is another state */
	struct mesh *m = mesh_new();
	size_t to[DOMAINS];
	memcpy(to, l->n, sizeof to);
	to[2]--;
	fold(l, m, 1, (size_t[DOMAINS]){0}, to, NULL, NULL);
	mesh_hash(m, hash);
	assert_memory_not_equal(first, hash, 32);
	mesh_free(m);
}

static void
records_are_the_state(void **state)
{
	struct logs *l = *state;
	struct records told = {0}, listed = {0};
	struct mesh *m = mesh_new(), *again = mesh_new();
	uint8_t hash[32], other[32];

	fold(l, m, 3, (size_t[DOMAINS]){0}, l->n, record_keep, &told);
	mesh_hash(m, hash);
	hash_of(&told, other);
	assert_same(hash, other, "what the sink was told");
	assert_true(err_ok(mesh_records(&l->w->c, m, record_keep, &listed)));
	hash_of(&listed, other);
	assert_same(hash, other, "mesh_records()");
	for (uint64_t seed = 1; seed < 4; seed++) {
		load(l, again, &told, seed); /* also over what is there already */
		mesh_hash(again, other);
		assert_same(hash, other, "mesh_load()");
	}
	mesh_free(m);
	mesh_free(again);
	map_fini(&told.by_key);
	map_fini(&listed.by_key);
	arena_fini(&told.arena);
	arena_fini(&listed.arena);
}

static Err
to_store(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	return store_put(c, arg, kind, id, body);
}

static Err
from_store(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	return mesh_load(c, arg, kind, id, body);
}

/* The store and the mesh agree on what the state is. */
static void
the_store_holds_the_same(void **state)
{
	struct logs *l = *state;
	struct ctx *c = &l->w->c;
	struct store *s;
	struct mesh *m = mesh_new(), *again = mesh_new();
	uint8_t hash[32], other[32];
	char dir[] = "/tmp/heddle-test-XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/catalog.db", dir);
	assert_true(err_ok(store_open(c, path, &s)) && err_ok(store_begin(c, s)));
	fold(l, m, 2, (size_t[DOMAINS]){0}, l->n, to_store, s);
	assert_true(err_ok(store_commit(c, s)));
	mesh_hash(m, hash);
	assert_true(err_ok(store_hash(c, s, other)));
	assert_same(hash, other, "the store");
	assert_true(err_ok(store_each(c, s, from_store, again)));
	mesh_hash(again, other);
	assert_same(hash, other, "loading from the store");
	store_close(s);
	assert_int_equal(unlink(path), 0);
	rmdir(dir);
	mesh_free(m);
	mesh_free(again);
}

/* Put back what was kept at any moment, then fold on: the same as having folded all, in answers too. */
static void
folding_goes_on_after_loading(void **state)
{
	struct logs *l = *state;
	struct mesh *whole = mesh_new();
	uint8_t hash[32], other[32];

	fold(l, whole, 1, (size_t[DOMAINS]){0}, l->n, NULL, NULL);
	mesh_hash(whole, hash);
	for (uint64_t seed = 1; seed < 5; seed++) {
		struct records told = {0};
		struct mesh *m = mesh_new(), *again = mesh_new();
		size_t half[DOMAINS], from[DOMAINS] = {0};
		for (int i = 0; i < DOMAINS; i++) half[i] = l->n[i] * seed / 5;
		fold(l, m, seed, from, half, record_keep, &told);
		load(l, again, &told, seed);
		fold(l, again, seed + 9, from, l->n, NULL, NULL);
		mesh_hash(again, other);
		assert_same(hash, other, "loading half and folding the rest");
		l->sim.random = seed;
		for (int i = 0; i < 2000; i++) {
			struct choice c = sim_choose(&l->sim);
			struct question q = sim_question(&l->sim, &c);
			l->w->m = whole;
			mesh_set_center(whole, did(l->w, OUR_CENTER));
			bool a = mesh_allows(&l->sim, &q);
			l->w->m = again;
			mesh_set_center(again, did(l->w, OUR_CENTER));
			assert_int_equal(a, mesh_allows(&l->sim, &q));
		}
		l->w->m = NULL;
		mesh_free(m);
		mesh_free(again);
		map_fini(&told.by_key);
		arena_fini(&told.arena);
	}
	mesh_free(whole);
}

static void
damaged_records_are_named(void **state)
{
	struct logs *l = *state;
	struct mesh *m = mesh_new();
	static const struct { Str kind, id, body; const char *says; } cases[] = {
	    {S("spell"), S(HEX64), S("{}"), "unknown kind 'spell'"},
	    {S("position"), S("short"), S("{}"), "malformed id"},
	    {S("position"), S(HEX64 "/x"), S("{\"size\":1,\"head\":\"" HEX64 "\"}"), "malformed id"},
	    {S("member"), S(HEX64), S("{}"), "malformed id"},
	    {S("position"), S(HEX64), S("{\"size\":1}"), "'head' is missing"},
	    {S("position"), S(HEX64), S("{\"size\":1,\"head\":\"" HEX64 "\",\"tail\":1}"), "'tail' is unknown"},
	    {S("position"), S(HEX64), S("not json"), "position"},
	    {S("member"), S(HEX64 "/person00"), S("{\"active\":true,\"by\":\"x\",\"seq\":1,\"since\":1,\"body\":{\"person\":\"person00\",\"role\":\"queen\"}}"), "'role'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		l->w->c.detail[0] = 0;
		Err e = mesh_load(&l->w->c, m, cases[i].kind, cases[i].id, cases[i].body);
		if (e.code != ERR_CORRUPT || !strstr(l->w->c.detail, cases[i].says)) fail_msg("case %zu: %s", i, l->w->c.detail);
	}
	mesh_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_order_gives_one_state),
	    cmocka_unit_test(records_are_the_state),
	    cmocka_unit_test(the_store_holds_the_same),
	    cmocka_unit_test(folding_goes_on_after_loading),
	    cmocka_unit_test(damaged_records_are_named),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

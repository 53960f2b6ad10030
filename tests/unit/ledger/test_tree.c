#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypt/encode.h"
#include "ledger/tile.h"

/* The eight leaves used by certificate-transparency's own tests, and the roots of the trees over the first 1 … 8. */
static const struct { const char *bytes; size_t n; const char *root; } known[8] = {
    {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static Hash
hex_hash(const char *hex)
{
	Hash h;

	assert_true(hex_get_n(str_c(hex), h.b, HASH_BYTES));
	return h;
}

static void
assert_hash(Hash got, Hash want)
{
	assert_memory_equal(got.b, want.b, HASH_BYTES);
}

static Hash
known_leaf(size_t i)
{
	return tree_leaf(str_of(known[i].bytes, known[i].n));
}

static void
known_roots(void **state)
{
	struct tree_edge e = {.size = 0};

	(void)state;
	assert_hash(tree_root(&e), hex_hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	for (size_t i = 0; i < 8; i++) {
		Hash leaf = known_leaf(i);
		tree_append(&e, &leaf);
		assert_hash(tree_root(&e), hex_hash(known[i].root));
	}
}

/* Inclusion and consistency paths of the same tree, as published with RFC 6962's reference code. */
static const struct { uint64_t index, size; size_t n; const char *path[3]; } inclusion[] = {
    {0, 1, 0, {0}},
    {0, 8, 3, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
               "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5, 8, 3, {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
               "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2, 3, 1, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {1, 5, 3, {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
               "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static const struct { uint64_t from, to; size_t n; const char *path[3]; } consistency[] = {
    {1, 1, 0, {0}},
    {1, 8, 3, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
               "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {6, 8, 3, {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
               "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2, 5, 2, {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
               "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static void
known_proofs(void **state)
{
	Hash path[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inclusion); i++) {
		Hash leaf = known_leaf(inclusion[i].index), root = hex_hash(known[inclusion[i].size - 1].root);
		for (size_t k = 0; k < inclusion[i].n; k++) path[k] = hex_hash(inclusion[i].path[k]);
		assert_true(tree_check_inclusion(&leaf, inclusion[i].index, inclusion[i].size, path, inclusion[i].n, &root));
	}
	for (size_t i = 0; i < ARRAY_LEN(consistency); i++) {
		Hash from = hex_hash(known[consistency[i].from - 1].root), to = hex_hash(known[consistency[i].to - 1].root);
		for (size_t k = 0; k < consistency[i].n; k++) path[k] = hex_hash(consistency[i].path[k]);
		assert_true(tree_check_consistency(consistency[i].from, &from, consistency[i].to, &to, path, consistency[i].n));
	}
}

/* Every change of a right proof is refused: a bit of any hash, the place, the size, one hash fewer or more. */
static void
wrong_proofs(void **state)
{
	Hash leaf = known_leaf(5), root = hex_hash(known[7].root), path[4] = {{{0}}}, old = hex_hash(known[5].root);

	(void)state;
	for (size_t k = 0; k < 3; k++) path[k] = hex_hash(inclusion[2].path[k]);
	assert_true(tree_check_inclusion(&leaf, 5, 8, path, 3, &root));
	for (size_t bit = 0; bit < 3 * 256; bit++) {
		path[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(tree_check_inclusion(&leaf, 5, 8, path, 3, &root));
		path[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (uint64_t i = 0; i < 10; i++)
		if (i != 5) assert_false(tree_check_inclusion(&leaf, i, 8, path, 3, &root));
	assert_false(tree_check_inclusion(&leaf, 5, 8, path, 2, &root));
	assert_false(tree_check_inclusion(&leaf, 5, 8, path, 4, &root));
	assert_false(tree_check_inclusion(&leaf, 5, 16, path, 3, &root));
	for (size_t k = 0; k < 3; k++) path[k] = hex_hash(consistency[2].path[k]);
	assert_true(tree_check_consistency(6, &old, 8, &root, path, 3));
	for (size_t bit = 0; bit < 3 * 256; bit++) {
		path[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(tree_check_consistency(6, &old, 8, &root, path, 3));
		path[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(tree_check_consistency(5, &old, 8, &root, path, 3));
	assert_false(tree_check_consistency(6, &old, 9, &root, path, 3)); /* 7 would do: a size is bound by the checkpoint, not by hashes */
	assert_false(tree_check_consistency(6, &old, 8, &root, path, 2));
	assert_false(tree_check_consistency(6, &old, 8, &root, path, 4));
	assert_false(tree_check_consistency(8, &root, 6, &old, path, 3));
	assert_false(tree_check_consistency(8, &root, 8, &old, path, 0));
}

static const struct { struct tile_ref t; const char *path; } paths[] = {
    {{0, 0, 256}, "tile/0/000"},
    {{0, 999, 256}, "tile/0/999"},
    {{1, 1000, 256}, "tile/1/x001/000"},
    {{3, 1234067, 256}, "tile/3/x001/x234/067"},
    {{0, 1234067, 8}, "tile/0/x001/x234/067.p/8"},
    {{7, 5, 255}, "tile/7/005.p/255"},
    {{TILE_ENTRIES, 273, 112}, "tile/entries/273.p/112"},
    {{TILE_ENTRIES, UINT64_MAX, 1}, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/1"},
};

static const char *const not_paths[] = {
    "", "checkpoint", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/8/000", "tile/64/000",
    "tile/-1/000", "tile/0/x000/000", "tile/0/x001/x000", "tile/0/001/000", "tile/0/x1/000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0",
    "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/", "tile/0/000/", "/tile/0/000", "tile/0//000", "tile/0/../0/000", "tile/entries/",
    "tile/Entries/000", "tile/0/000.q/1", "tile/0/x018/x446/x744/x073/x709/x551/616", "tile/0/000.p/1.p/1", "tile/0/abc",
};

static void
tile_paths(void **state)
{
	char text[TILE_PATH_MAX];
	struct tile_ref t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		tile_path(paths[i].t, text);
		assert_string_equal(text, paths[i].path);
		assert_true(tile_parse(str_c(text), &t));
		assert_true(t.level == paths[i].t.level && t.n == paths[i].t.n && t.width == paths[i].t.width);
	}
	for (size_t i = 0; i < ARRAY_LEN(not_paths); i++)
		if (tile_parse(str_c(not_paths[i]), &t)) fail_msg("'%s' was taken for a tile", not_paths[i]);
	assert_false(tile_parse(str_of("tile/0/000\0", 11), &t));
}

/* tlog-tiles' own example: 70,000 entries. */
static void
tile_edges(void **state)
{
	(void)state;
	assert_true(tile_edge(0, 70000).n == 273 && tile_edge(0, 70000).width == 112);
	assert_true(tile_edge(1, 70000).n == 1 && tile_edge(1, 70000).width == 17);
	assert_true(tile_edge(2, 70000).n == 0 && tile_edge(2, 70000).width == 1);
	assert_true(tile_edge(3, 70000).n == 0 && tile_edge(3, 70000).width == 0);
	assert_true(tile_edge(0, 256).width == 0 && tile_edge(1, 256).width == 1);
}

static Err
count_full(struct ctx *c, void *arg, struct tile_ref t, const Hash *hashes)
{
	(void)c;
	(void)hashes;
	((uint64_t *)arg)[t.level]++;
	return OK;
}

/* The stack of tiles and the plain edge agree at every size, across two levels of tiles. */
static void
stack_and_edge(void **state)
{
	struct tile_stack s = {.size = 0};
	struct tree_edge e = {.size = 0}, from_tiles;
	struct ctx c = {.arena = NULL};
	uint64_t full[TILE_LEVELS] = {0};

	(void)state;
	for (uint32_t i = 0; i < 66100; i++) {
		Hash leaf = tree_leaf(str_of(&i, sizeof i));
		assert_true(err_ok(tile_stack_push(&c, &s, &leaf, count_full, full)));
		tree_append(&e, &leaf);
		if (i > 1500 && i % 251 != 0 && (i & 255) > 1 && i < 66000) continue;
		tile_stack_edge(&s, &from_tiles);
		assert_hash(tree_root(&from_tiles), tree_root(&e));
	}
	assert_true(full[0] == 258 && full[1] == 1 && full[2] == 0);
	tile_stack_fini(&s);
}

static void
bundles(void **state)
{
	uint32_t at[TILE_WIDTH + 1];
	Str three = str_of("\0\1a\0\0\0\2bc", 9);

	(void)state;
	assert_int_equal(bundle_split(three, 3, at), 3);
	assert_true(str_eq(bundle_entry(three, at, 0), S("a")) && str_eq(bundle_entry(three, at, 1), S("")) && str_eq(bundle_entry(three, at, 2), S("bc")));
	assert_int_equal(bundle_split(three, 4, at), 3);                    /* one is missing */
	assert_int_equal(bundle_split(three, 2, at), 1);                    /* something is left over */
	assert_int_equal(bundle_split(str_of(three.p, 8), 3, at), 2);       /* cut in the last */
	assert_int_equal(bundle_split(str_of("\xff\xff", 2), 1, at), 0);
	assert_int_equal(bundle_split(str_of("\0", 1), 1, at), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_roots), cmocka_unit_test(known_proofs),   cmocka_unit_test(wrong_proofs), cmocka_unit_test(tile_paths),
	    cmocka_unit_test(tile_edges),  cmocka_unit_test(stack_and_edge), cmocka_unit_test(bundles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

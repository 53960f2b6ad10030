#include "ledger/tree.h"

#include <assert.h>

#include "crypt/hash.h"

Hash
tree_leaf(Str entry)
{
	char whole[1 + LEDGER_ENTRY_MAX]; /* only the front is touched: one copy costs less than hashing in parts */
	Hash r;

	assert(entry.n <= LEDGER_ENTRY_MAX);
	whole[0] = 0;
	if (entry.n) memcpy(whole + 1, entry.p, entry.n);
	crypt_sha256(str_of(whole, 1 + entry.n), r.b);
	return r;
}

Hash
tree_node(const Hash *l, const Hash *r)
{
	uint8_t both[1 + 2 * HASH_BYTES] = {1};
	Hash n;

	memcpy(both + 1, l->b, HASH_BYTES);
	memcpy(both + 1 + HASH_BYTES, r->b, HASH_BYTES);
	crypt_sha256(str_of(both, sizeof both), n.b);
	return n;
}

Hash
tree_empty(void)
{
	Hash r;

	crypt_sha256(S(""), r.b);
	return r;
}

void
tree_append(struct tree_edge *e, const Hash *leaf)
{
	int n = __builtin_popcountll(e->size);
	Hash h = *leaf;

	assert(e->size < UINT64_MAX);
	for (uint64_t s = e->size; s & 1; s >>= 1) {
		n--;
		h = tree_node(&e->node[n], &h);
	}
	e->node[n] = h;
	e->size++;
}

Hash
tree_root(const struct tree_edge *e)
{
	int n = __builtin_popcountll(e->size);

	if (n == 0) return tree_empty();
	Hash h = e->node[n - 1];
	for (int i = n - 2; i >= 0; i--) h = tree_node(&e->node[i], &h);
	return h;
}

static bool
equal(const Hash *a, const Hash *b)
{
	return memcmp(a->b, b->b, HASH_BYTES) == 0;
}

/* RFC 9162 2.1.3.2. */
bool
tree_check_inclusion(const Hash *leaf, uint64_t index, uint64_t size, const Hash *path, size_t n, const Hash *root)
{
	if (index >= size) return false;
	uint64_t fn = index, sn = size - 1;
	Hash r = *leaf;

	for (size_t i = 0; i < n; i++) {
		if (sn == 0) return false;
		if ((fn & 1) || fn == sn) {
			r = tree_node(&path[i], &r);
			for (; !(fn & 1) && fn != 0; fn >>= 1) sn >>= 1;
		} else
			r = tree_node(&r, &path[i]);
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && equal(&r, root);
}

/* RFC 9162 2.1.4.2, for 0 < from < to. */
static bool
check_growth(uint64_t from, const Hash *from_root, uint64_t to, const Hash *to_root, const Hash *path, size_t n)
{
	uint64_t fn = from - 1, sn = to - 1;
	bool power = (from & (from - 1)) == 0; /* then the old root itself heads the path, unsaid */
	size_t i = power ? 0 : 1;

	if (n == 0) return false;
	Hash fr = power ? *from_root : path[0], sr = fr;
	for (; fn & 1; fn >>= 1) sn >>= 1;
	for (; i < n; i++) {
		if (sn == 0) return false;
		if ((fn & 1) || fn == sn) {
			fr = tree_node(&path[i], &fr);
			sr = tree_node(&path[i], &sr);
			for (; !(fn & 1) && fn != 0; fn >>= 1) sn >>= 1;
		} else
			sr = tree_node(&sr, &path[i]);
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && equal(&fr, from_root) && equal(&sr, to_root);
}

bool
tree_check_consistency(uint64_t from, const Hash *from_root, uint64_t to, const Hash *to_root, const Hash *path, size_t n)
{
	Hash none = tree_empty();

	if (from > to) return false;
	if (from == to) return n == 0 && equal(from_root, to_root) && (from > 0 || equal(from_root, &none));
	if (from == 0) return n == 0 && equal(from_root, &none);
	return check_growth(from, from_root, to, to_root, path, n);
}

/* RFC 6962 Merkle trees. Pure. */
#ifndef HEDDLE_LEDGER_TREE_H
#define HEDDLE_LEDGER_TREE_H

#include "ledger/ledger.h"

Hash tree_leaf(Str entry);                  /* SHA-256(0x00 || entry) */
Hash tree_node(const Hash *l, const Hash *r); /* SHA-256(0x01 || l || r) */
Hash tree_empty(void);                      /* SHA-256("") */

/* The right edge of a growing tree: hashes of the perfect subtrees, largest first. append is O(log n) amortised O(1). */
struct tree_edge { Hash node[64]; uint64_t size; };
void tree_append(struct tree_edge *e, const Hash *leaf);
Hash tree_root(const struct tree_edge *e);

NODISCARD bool tree_check_inclusion(const Hash *leaf, uint64_t index, uint64_t size, const Hash *path, size_t n, const Hash *root);
NODISCARD bool tree_check_consistency(uint64_t from, const Hash *from_root, uint64_t to, const Hash *to_root, const Hash *path, size_t n);

#endif

/* The shape of ODCS as tables: which keys each block may have, which it must, and of what type. For the contract parser only: after
 * contract_keys_check() it takes every key that is there as being of its type. */
#ifndef HEDDLE_MESH_CONTRACT_KEYS_H
#define HEDDLE_MESH_CONTRACT_KEYS_H

#include "codec/yaml.h"

#define AT "line %u, column %u: "
#define PLACE(n) (n)->line, (n)->column
#define KEY_PLACE(n) (n)->key_line, (n)->key_column

/* What a value has to be. */
enum shape {
	TEXT, ID, NUMBER, INT, BOOL, SCALAR, PORT, ANY, OBJECT, /* single values; OBJECT: a map of anything */
	TEXTS, ANYS, NUMBERS2,                                  /* lists */
	TEXT_OR_TEXTS, TEXT_OR_OBJECT,
	BLOCK, BLOCKS, TEXT_OR_BLOCK, BLOCK_OR_BLOCKS           /* of `block`; the last: `block`, or a list of its first key's blocks */
};

struct block;
struct key {
	const char *name;
	enum shape shape;
	bool must;
	const struct block *block;
	const char *values; /* "a|b|c" */
};

struct block {
	const char *name;   /* with its article */
	const struct key *keys;
	size_t n;
	const struct key *common; /* keys it shares with other blocks */
	size_t common_n;
};

/* Of each type of server the keys it has besides the first CONTRACT_SERVER_COMMON of its block; "!" marks those it must have. */
struct server_type { const char *type, *keys; };
enum { CONTRACT_SERVER_COMMON = 7 };

extern const struct block contract_block_top, contract_block_server;
/* logicalTypeOptions by `enum logical_type`, and the arguments of a library rule. */
extern const struct block contract_block_options[], contract_block_arguments;
extern const struct server_type contract_server_types[];
extern const size_t contract_server_type_count;

/* INVALID names line, column, the key, its block, and the key that was probably meant. O(nodes × keys of the block). */
NODISCARD Err contract_keys_check(struct ctx *c, const struct node *root);
NODISCARD Err contract_block_check(struct ctx *c, const struct block *b, const struct node *n);

#endif

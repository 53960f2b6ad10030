/* YAML, strictly: the part of it that is JSON with indentation. Bytes in, a tree of nodes in the arena out.
 *
 * Refused, each with line and column: anchors, aliases, tags, merge keys, a second document, duplicate keys, keys that are not
 * scalars, plain yes/no/on/off (true to some readers, text to others), NUL and malformed UTF-8. JSON is accepted as it is.
 * Limits: 256 KiB, depth 32, 20,000 nodes. Source: YAML 1.2.2 chapters 3 and 10.3; events by libyaml. */
#ifndef HEDDLE_CODEC_YAML_H
#define HEDDLE_CODEC_YAML_H

#include "base/arena.h"
#include "base/buf.h"

enum { YAML_BYTES_MAX = 256 * 1024, YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 20000 };

enum node_kind { NODE_SCALAR, NODE_SEQ, NODE_MAP };
/* What a scalar means (JSON's types). Quoted and block scalars are always text. */
enum scalar_type { SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_NUMBER, SCALAR_TEXT };

struct node {
	enum node_kind kind;
	enum scalar_type type;         /* of a scalar */
	uint32_t line, column;         /* where it begins, from 1 */
	bool quoted;                   /* quoted or block scalar */
	Str text;                      /* of a scalar, escapes resolved; UTF-8, no NUL; NUL-terminated */
	Str key;                       /* of a map's member; "" elsewhere */
	uint32_t key_line, key_column;
	const struct node *first, *next; /* members in the order of the text */
	size_t count;                  /* of members */
};

/* INVALID or TOO_LARGE say where. O(n log n) in the bytes given. */
NODISCARD Err yaml_parse(struct ctx *c, Str text, const struct node **ret);
/* The member of a map; NULL when there is none or `map` is no map (or NULL). */
const struct node *node_get(const struct node *map, Str key);
/* A scalar as a number; false when it is none or not finite. */
bool node_number(const struct node *n, double *ret);
/* A whole number within int64. */
bool node_int(const struct node *n, int64_t *ret);
bool node_bool(const struct node *n, bool *ret);
/* The node as JSON text, members in their order. */
void node_json(const struct node *n, struct buf *out);

#endif

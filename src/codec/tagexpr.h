/* Tag expressions: which things, by the tags that count for them.
 *
 *   expr := term { OR term } ;  term := factor { AND factor } ;  factor := NOT factor | '(' expr ')' | test
 *   test := tag ( = | != | <> | < | <= | > | >= ) value | tag [NOT] IN '(' value {, value} ')'
 *   tag  := name ;  value := name | 'text' ('' inside)
 * Key words in any case. The canonical form has IN, AND, OR, NOT only, values sorted, and is a function of the tree.
 * Limits: 2,048 bytes, 64 nodes, depth 8, 64 values in a list. */
#ifndef HEDDLE_CODEC_TAGEXPR_H
#define HEDDLE_CODEC_TAGEXPR_H

#include "base/arena.h"
#include "base/buf.h"

enum tag_op { TAG_IN, TAG_AND, TAG_OR, TAG_NOT };

struct tag_expr {
	enum tag_op op;
	const struct tag_expr *left, *right; /* AND, OR: both; NOT: left */
	Str tag;                             /* IN */
	const Str *values;
	size_t value_count;
};

enum { TAGEXPR_TEXT_MAX = 2048 };

/* The values of a tag; ordered: rising. values NULL: any text (no order, and no complement). false: there is no such tag. */
struct tag_values { const Str *values; size_t count; bool ordered; };
typedef bool tag_vocabulary_fn(const void *arg, Str tag, struct tag_values *ret);

/* What a person writes, expanded with the vocabulary: comparisons become the values that fit now. positive: negations become complements too, so that
 * what is signed has no NOT (INVALID where a complement is not known: free tags). INVALID names the byte offset, the unknown tag, or the unknown value. */
NODISCARD Err tagexpr_parse(struct ctx *c, Str text, tag_vocabulary_fn *vocabulary, const void *arg, bool positive, const struct tag_expr **ret);
/* What stands in a log: the canonical form and nothing else. */
NODISCARD Err tagexpr_parse_canonical(struct ctx *c, Str text, const struct tag_expr **ret);
void tagexpr_print(const struct tag_expr *e, struct buf *out);
bool tagexpr_has_not(const struct tag_expr *e);

#endif

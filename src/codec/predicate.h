/* Row filters: a small language of comparisons, parsed once at the door into a tree and never kept as text to be pasted.
 *
 *   expr   := term { OR term } ;  term := factor { AND factor } ;  factor := NOT factor | '(' expr ')' | test
 *   test   := column ( = | <> | != | < | <= | > | >= ) literal | column [NOT] IN '(' literal {, literal} ')'
 *           | column [NOT] BETWEEN literal AND literal | column IS [NOT] NULL | column [NOT] LIKE 'pattern'
 *   literal:= number | 'text' ('' inside) | DATE 'yyyy-mm-dd' | TRUE | FALSE
 *   column := [A-Za-z_][A-Za-z0-9_]* | "any text"
 * Key words in any case. Nothing here can call a function, name a table or fail while rows are read.
 * Limits: 4,096 bytes, 128 nodes, depth 16, 64 literals in a list. */
#ifndef HEDDLE_CODEC_PREDICATE_H
#define HEDDLE_CODEC_PREDICATE_H

#include "base/arena.h"
#include "base/buf.h"

enum pred_op {
	PRED_AND, PRED_OR, PRED_NOT,
	PRED_EQ, PRED_NE, PRED_LT, PRED_LE, PRED_GT, PRED_GE,
	PRED_IN, PRED_NOT_IN, PRED_BETWEEN, PRED_NOT_BETWEEN, PRED_IS_NULL, PRED_NOT_NULL, PRED_LIKE, PRED_NOT_LIKE
};

enum pred_literal_kind { PRED_NUMBER, PRED_TEXT, PRED_DATE, PRED_BOOL };
struct pred_literal { enum pred_literal_kind kind; Str text; }; /* as written, unquoted; BOOL: "true"/"false" */

struct predicate {
	enum pred_op op;
	const struct predicate *left, *right; /* AND, OR: both; NOT: left */
	Str column;
	const struct pred_literal *literals;
	size_t literal_count;
};

enum { PRED_TEXT_MAX = 4096 };

/* Parse; everything in the arena of c. INVALID names the byte offset and what was expected there. */
NODISCARD Err predicate_parse(struct ctx *c, Str text, const struct predicate **ret);
/* The canonical text: parse(print(p)) gives an equal tree, print is a function of the tree. */
void predicate_print(const struct predicate *p, struct buf *out);
/* The columns named, each once, in order of appearance. */
size_t predicate_columns(const struct predicate *p, struct arena *a, Str **ret);

#endif

/* Inside of the SQL gate: how trees are walked. Only sqlgate.c, sqlshape.c, sqlwalk.c and sqltype.c include this. */
#ifndef HEDDLE_QUERY_SQLWALK_H
#define HEDDLE_QUERY_SQLWALK_H

#include <jansson.h>

#include "base/map.h"
#include "query/sqlgate.h"

/* A common table expression that may be named here. */
struct scope {
	const struct scope *up;
	Str name;
};

/* A base table as it stands in a FROM. */
struct use {
	struct use *next, *next_in_frame;
	size_t table;       /* index */
	Str name, alias;    /* lower case; a column of either name alone is the whole row */
	const struct sql_shape *shape; /* NULL: its rows are rows */
};

/* One SELECT: what stands directly in its FROM. */
struct frame {
	const struct frame *up;
	const json_t *node;
	struct use *uses;
	bool all; /* something takes every column of them: *, NATURAL, #1, PIVOT */
};

/* Where in the tree we are. */
struct place {
	const struct scope *ctes;
	struct frame *frame;
	const json_t *self; /* the object whose field this is */
};

struct gate {
	struct ctx *c;
	unsigned depth;
	size_t position;     /* byte in the SQL, from 0, of the innermost part that tells it */
	struct sql_table *tables;
	size_t table_count, table_cap;
	struct map table_index; /* name → index + 1 */
	struct map names;       /* of columns, or what may be one */
	struct map rows;        /* names that may stand for a whole row */
	struct use *uses;
	const struct sql_shape *shapes;
	size_t shape_count;     /* 0: nothing of sqlshape.c applies */
	bool described;         /* only types are asked for here */
	const json_t *taken;    /* a column that may stand where it does */
};

typedef Err Walk(struct gate *g, const json_t *v, struct place at);
struct field {
	const char *key;
	Walk *walk;
};
enum { FIELDS_MAX = 18 };
struct shape {
	const char *name, *types;
	Walk *look;
	struct field fields[FIELDS_MAX];
};

/* Refuse the statement: SQL, with the position of the part that is looked at. */
NODISCARD Err gate_refuse(struct gate *g, const char *fmt, ...) PRINTF(2, 3);
#define REFUSE(g, ...) return gate_refuse((g), __VA_ARGS__)

/* The text of a member, p == NULL when it is none. */
Str gate_text(const json_t *obj, const char *key);
Str gate_lower(struct gate *g, Str s); /* in the arena, NUL-terminated */
/* Is `word` one of the space-separated `words`? */
bool gate_among(const char *words, Str word);
/* One level deeper; the caller takes g->depth back. TOO_LARGE at SQL_DEPTH_MAX. */
NODISCARD Err gate_descend(struct gate *g);
NODISCARD Err gate_each(struct gate *g, const json_t *v, struct place at, Walk *walk);
/* Walk the fields in their order; the object has no others but `head` of them. */
NODISCARD Err gate_fields(struct gate *g, const json_t *v, struct place at, const struct field *fields, size_t head);
/* How many of these fields, which each kind of object has, are there; remembers the position. `keys` ends with NULL. */
size_t gate_head(struct gate *g, const json_t *v, const char *const keys[]);
/* Check the type, look, walk the fields. */
NODISCARD Err gate_shape(struct gate *g, const json_t *v, struct place at, const struct shape *s, size_t head);
const struct shape *gate_shape_find(const struct shape *shapes, size_t n, Str name);

/* --- sqlshape.c: tables of which only aggregates were granted --- */
const struct sql_shape *shape_of(const struct gate *g, Str table);
/* A function: its argument may be a measure. The look of a function. */
void shape_function(struct gate *g, const json_t *v);
/* A key of ORDER BY that is the alias of a result. */
void shape_order(struct gate *g, const json_t *key, struct place at);
/* A column's parts; one name that may be a column, or a table. */
NODISCARD Err shape_column(struct gate *g, const json_t *parts, struct place at);
NODISCARD Err shape_name(struct gate *g, Str name, struct place at);
/* The SELECT takes all columns. */
NODISCARD Err shape_all(struct gate *g, const struct frame *f);

/* Walkers: anything goes; must be the empty text; a type, a list of types; a constant. */
Walk gate_skip, gate_empty, gate_type, gate_list_type, gate_constant;

#endif

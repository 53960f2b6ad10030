/* What a person reads: tables, counts, sizes. Text from outside is printed with control characters and those that reorder a line replaced, so that
 * no name or description can drive the terminal, or show as something else than it is (the lint holds commands to it). */
#ifndef HEDDLE_CMD_CLI_OUT_H
#define HEDDLE_CMD_CLI_OUT_H

#include <jansson.h>
#include <stdio.h>

#include "base/arena.h"

/* One document and a newline on stdout: indented on a terminal, one line elsewhere. */
void out_json(const json_t *doc);
/* Line feeds and tabs become spaces, other control characters and those that reorder '?'. */
void out_text(FILE *f, Str s);
/* On stdout; only the line feeds of what is printed stay. */
void out_printf(const char *fmt, ...) PRINTF(1, 2);
/* Does the text begin with a character (of three bytes) that reorders what is read: LRE to RLO, LRI to PDI, marks of direction? */
bool text_reorders(Str s);
/* Columns on a terminal; East Asian wide characters are counted as one. */
size_t text_width(Str s);
/* Paragraphs wrapped to the terminal's width (100 elsewhere), each line set in. */
void out_wrapped(Str text, size_t indent);
/* A heading: bold on a terminal. */
void out_heading(const char *text);
/* 100 when it is no terminal. */
size_t out_columns(void);

Str text_count(struct arena *a, uint64_t n);   /* "1,469,307" */
Str text_bytes(struct arena *a, uint64_t n);   /* "13.2 MB" */
Str text_seconds(struct arena *a, double s);   /* "63 ms", "4.1 s", "2 h 5 min" */

/* Reading what the node answered, for display: what is missing or of another type is "" or 0. Borrow from the document. */
Str js_text(const json_t *obj, const char *key);
uint64_t js_count(const json_t *obj, const char *key);
double js_real(const json_t *obj, const char *key);
bool js_true(const json_t *obj, const char *key);
/* Any value as one line: texts as they are, lists with commas between, objects as key=value. */
Str js_line(struct arena *a, const json_t *value);

/* A table of texts. Heads: NAME, or ">NAME" for a column set flush right. The last column wraps on a terminal. */
enum { GRID_COLUMNS_MAX = 16 };
struct grid {
	struct arena *arena;
	const char *const *heads;
	size_t columns, n, cap;
	Str *cells;
	size_t indent;
	const char *empty; /* what to say when there is no row; NULL: "(none)" */
};
#define GRID(a, ...)                                                                                                           \
	((struct grid){.arena = (a), .heads = (const char *const[]){__VA_ARGS__},                                             \
	               .columns = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})
void grid_cell(struct grid *g, Str s);
void grid_printf(struct grid *g, const char *fmt, ...) PRINTF(2, 3);
void grid_print(const struct grid *g);

#endif

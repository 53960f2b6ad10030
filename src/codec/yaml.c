#include "codec/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <yaml.h>

/* A collection that is being filled. */
struct open_node {
	struct node *n;
	const struct node **tail; /* where the next member is linked in */
	Str key;                  /* of a map: the key read, waiting for its value */
	uint32_t key_line, key_column;
	bool has_key;
};

struct reader {
	struct ctx *c;
	yaml_parser_t *parser;
	struct open_node stack[YAML_DEPTH_MAX];
	size_t depth, nodes;
	struct node *root;
	bool done; /* the first document has ended */
};

#define AT "line %u, column %u: "

static uint32_t
line_of(yaml_mark_t m)
{
	return (uint32_t)m.line + 1;
}
static uint32_t
column_of(yaml_mark_t m)
{
	return (uint32_t)m.column + 1;
}

/* RFC 8259 6: the only numbers that every reader reads alike. */
static enum scalar_type
number_type(Str s)
{
	size_t i = s.n && s.p[0] == '-' ? 1 : 0, digits = i;
	bool whole = true;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') i++;
	if (i == digits || (s.p[digits] == '0' && i > digits + 1)) return SCALAR_TEXT;
	if (i < s.n && s.p[i] == '.') {
		size_t from = ++i;
		while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') i++;
		if (i == from) return SCALAR_TEXT;
		whole = false;
	}
	if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.n && (s.p[i] == '+' || s.p[i] == '-')) i++;
		size_t from = i;
		while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9') i++;
		if (i == from) return SCALAR_TEXT;
		whole = false;
	}
	return i < s.n ? SCALAR_TEXT : whole ? SCALAR_INT : SCALAR_NUMBER;
}

static bool
one_of(Str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqc(s, words[i])) return true;
	return false;
}

/* YAML 1.2.2, 10.3 core schema. */
static enum scalar_type
plain_type(Str s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
	static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE"};

	if (one_of(s, nulls, ARRAY_LEN(nulls))) return SCALAR_NULL;
	if (one_of(s, bools, ARRAY_LEN(bools))) return SCALAR_BOOL;
	return number_type(s);
}

static Err
member_room(struct reader *r, yaml_mark_t m, const struct open_node *top)
{
	ENSURE(r->c, ++r->nodes <= YAML_NODES_MAX, TOO_LARGE, AT "more than %d values", line_of(m), column_of(m), YAML_NODES_MAX);
	ENSURE(r->c, !top || top->n->kind != NODE_MAP || top->has_key, INVALID, AT "a key must be a single text", line_of(m), column_of(m));
	return OK;
}

/* Put a new node where it belongs. */
static Err
node_add(struct reader *r, enum node_kind kind, yaml_mark_t m, struct node **ret)
{
	struct open_node *top = r->depth ? &r->stack[r->depth - 1] : NULL;

	TRY(member_room(r, m, top));
	struct node *n = NEW(r->c->arena, struct node);
	*n = (struct node){.kind = kind, .line = line_of(m), .column = column_of(m)};
	if (!top) {
		r->root = n;
	} else {
		if (top->n->kind == NODE_MAP) {
			n->key = top->key;
			n->key_line = top->key_line;
			n->key_column = top->key_column;
			top->has_key = false;
		}
		*top->tail = n;
		top->tail = &n->next;
		top->n->count++;
	}
	*ret = n;
	return OK;
}

static Err
no_extras(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t m)
{
	ENSURE(r->c, !anchor, INVALID, AT "anchors (&name) are not allowed: write the value out", line_of(m), column_of(m));
	ENSURE(r->c, !tag, INVALID, AT "tags (!type) are not allowed", line_of(m), column_of(m));
	return OK;
}

static Err
scalar_key(struct reader *r, struct open_node *top, Str text, bool quoted, yaml_mark_t m)
{
	ENSURE(r->c, quoted || !str_eqc(text, "<<"), INVALID, AT "merge keys (<<) are not allowed: write the keys out", line_of(m),
	    column_of(m));
	ENSURE(r->c, text.n > 0, INVALID, AT "a key must not be empty", line_of(m), column_of(m));
	ENSURE(r->c, ++r->nodes <= YAML_NODES_MAX, TOO_LARGE, AT "more than %d values", line_of(m), column_of(m), YAML_NODES_MAX);
	top->key = arena_str(r->c->arena, text);
	top->key_line = line_of(m);
	top->key_column = column_of(m);
	top->has_key = true;
	return OK;
}

static Err
on_scalar(struct reader *r, const yaml_event_t *e)
{
	static const char *const unclear[] = {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"};
	struct open_node *top = r->depth ? &r->stack[r->depth - 1] : NULL;
	Str text = str_of(e->data.scalar.value, e->data.scalar.length);
	bool quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	yaml_mark_t m = e->start_mark;
	struct node *n;

	TRY(no_extras(r, e->data.scalar.anchor, e->data.scalar.tag, m));
	/* escapes can make what the input bytes did not hold */
	ENSURE(r->c, str_is_utf8(text), INVALID, AT "NUL or malformed UTF-8", line_of(m), column_of(m));
	ENSURE(r->c, quoted || !one_of(text, unclear, ARRAY_LEN(unclear)), INVALID,
	    AT "'%.*s' is true or false to some readers and text to others: write true, false, or put it in quotes", line_of(m),
	    column_of(m), STR(text));
	if (top && top->n->kind == NODE_MAP && !top->has_key) return scalar_key(r, top, text, quoted, m);
	TRY(node_add(r, NODE_SCALAR, m, &n));
	n->quoted = quoted;
	n->text = arena_str(r->c->arena, text);
	n->type = quoted ? SCALAR_TEXT : plain_type(text);
	return OK;
}

static Err
on_open(struct reader *r, enum node_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t m)
{
	struct node *n;

	TRY(no_extras(r, anchor, tag, m));
	ENSURE(r->c, r->depth < YAML_DEPTH_MAX, TOO_LARGE, AT "nested deeper than %d", line_of(m), column_of(m), YAML_DEPTH_MAX);
	TRY(node_add(r, kind, m, &n));
	r->stack[r->depth++] = (struct open_node){.n = n, .tail = &n->first};
	return OK;
}

static int
by_key(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int r = str_cmp((*x)->key, (*y)->key);

	return r ? r : ((*x)->key_line > (*y)->key_line) - ((*x)->key_line < (*y)->key_line);
}

static Err
on_close(struct reader *r)
{
	struct node *map = r->stack[--r->depth].n;

	if (map->kind != NODE_MAP || map->count < 2) return OK;
	const struct node **sorted = NEW_N(r->c->arena, map->count, const struct node *);
	size_t n = 0;
	for (const struct node *m = map->first; m; m = m->next) sorted[n++] = m;
	qsort(sorted, n, sizeof *sorted, by_key);
	for (size_t i = 1; i < n; i++)
		ENSURE(r->c, !str_eq(sorted[i]->key, sorted[i - 1]->key), INVALID,
		    AT "key '%.*s' stands here a second time (first in line %u)", sorted[i]->key_line, sorted[i]->key_column,
		    STR(sorted[i]->key), sorted[i - 1]->key_line);
	return OK;
}

static Err
on_document(struct reader *r, const yaml_event_t *e)
{
	yaml_mark_t m = e->start_mark;

	ENSURE(r->c, !r->done, INVALID, AT "a second document begins here: only one is allowed", line_of(m), column_of(m));
	ENSURE(r->c, e->data.document_start.tag_directives.start == e->data.document_start.tag_directives.end, INVALID,
	    AT "%%TAG is not allowed", line_of(m), column_of(m));
	return OK;
}

static Err
on_event(struct reader *r, const yaml_event_t *e)
{
	yaml_mark_t m = e->start_mark;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT: return on_document(r, e);
	case YAML_DOCUMENT_END_EVENT: r->done = true; return OK;
	case YAML_SCALAR_EVENT: return on_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT: return on_open(r, NODE_SEQ, e->data.sequence_start.anchor, e->data.sequence_start.tag, m);
	case YAML_MAPPING_START_EVENT: return on_open(r, NODE_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag, m);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return on_close(r);
	case YAML_ALIAS_EVENT:
		return err_set(r->c, ERR_INVALID, AT "aliases (*name) are not allowed: write the value out", line_of(m), column_of(m));
	default: return OK;
	}
}

static Err
syntax_error(struct reader *r)
{
	const yaml_parser_t *p = r->parser;
	const char *what = p->problem ? p->problem : "not YAML";
	yaml_mark_t m = p->problem_mark;

	ENSURE(r->c, p->error != YAML_MEMORY_ERROR, TOO_LARGE, "out of memory while reading YAML");
	return err_set(r->c, ERR_INVALID, AT "%s", line_of(m), column_of(m), what);
}

static void
event_fini(yaml_event_t *e)
{
	yaml_event_delete(e);
}

static Err
read_all(struct reader *r)
{
	for (;;) {
		__attribute__((cleanup(event_fini))) yaml_event_t e = {.type = YAML_NO_EVENT};
		if (!yaml_parser_parse(r->parser, &e)) return syntax_error(r);
		if (e.type == YAML_STREAM_END_EVENT) return OK;
		TRY(on_event(r, &e));
	}
}

/* Where the bytes stop being UTF-8, told as a line. */
static Err
bytes_check(struct ctx *c, Str text)
{
	unsigned line = 1;

	ENSURE(c, text.n <= YAML_BYTES_MAX, TOO_LARGE, "%zu bytes of YAML: the limit is %d", text.n, YAML_BYTES_MAX);
	if (str_is_utf8(text)) return OK;
	for (Str rest = text, head; rest.p; line++) {
		rest = str_cut(rest, '\n', &head);
		if (!str_is_utf8(head)) break;
	}
	return err_set(c, ERR_INVALID, "line %u: NUL or malformed UTF-8", line);
}

Err
yaml_parse(struct ctx *c, Str text, const struct node **ret)
{
	__attribute__((cleanup(yaml_parser_delete))) yaml_parser_t parser;
	struct reader r = {.c = c, .parser = &parser};

	if (!yaml_parser_initialize(&parser)) abort();
	TRY(bytes_check(c, text));
	if (str_starts(text, S("\xef\xbb\xbf"))) text = str_of(text.p + 3, text.n - 3);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING); /* never guessed from a byte order mark */
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	TRY(read_all(&r));
	ENSURE(c, r.root, INVALID, "the document is empty");
	*ret = r.root;
	return OK;
}

const struct node *
node_get(const struct node *map, Str key)
{
	if (!map || map->kind != NODE_MAP) return NULL;
	for (const struct node *n = map->first; n; n = n->next)
		if (str_eq(n->key, key)) return n;
	return NULL;
}

bool
node_number(const struct node *n, double *ret)
{
	if (!n || n->kind != NODE_SCALAR || (n->type != SCALAR_INT && n->type != SCALAR_NUMBER)) return false;
	double v = strtod(n->text.p, NULL);
	if (!isfinite(v)) return false;
	*ret = v;
	return true;
}

bool
node_int(const struct node *n, int64_t *ret)
{
	if (!n || n->kind != NODE_SCALAR || n->type != SCALAR_INT) return false;
	errno = 0;
	long long v = strtoll(n->text.p, NULL, 10);
	if (errno) return false;
	*ret = v;
	return true;
}

bool
node_bool(const struct node *n, bool *ret)
{
	if (!n || n->kind != NODE_SCALAR || n->type != SCALAR_BOOL) return false;
	*ret = n->text.p[0] == 't' || n->text.p[0] == 'T';
	return true;
}

static void
scalar_json(const struct node *n, struct buf *out)
{
	bool truth = false;

	switch (n->type) {
	case SCALAR_NULL: buf_c(out, "null"); break;
	case SCALAR_BOOL: (void)node_bool(n, &truth), buf_c(out, truth ? "true" : "false"); break;
	case SCALAR_INT:
	case SCALAR_NUMBER: buf_str(out, n->text); break; /* number_type() lets JSON's numbers through only */
	default: buf_json(out, n->text);
	}
}

void
node_json(const struct node *n, struct buf *out)
{
	if (n->kind == NODE_SCALAR) {
		scalar_json(n, out);
		return;
	}
	buf_char(out, n->kind == NODE_MAP ? '{' : '[');
	for (const struct node *m = n->first; m; m = m->next) {
		if (m != n->first) buf_char(out, ',');
		if (n->kind == NODE_MAP) buf_json(out, m->key), buf_char(out, ':');
		node_json(m, out);
	}
	buf_char(out, n->kind == NODE_MAP ? '}' : ']');
}

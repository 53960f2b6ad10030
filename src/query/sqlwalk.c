#include "query/sqlwalk.h"

#include <stdarg.h>
#include <stdio.h>

Err
gate_refuse(struct gate *g, const char *fmt, ...)
{
	char what[CTX_DETAIL_MAX - 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(g->c, ERR_SQL, "%s (at character %zu)", what, g->position + 1);
}

Str
gate_text(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : (Str){NULL, 0};
}

Str
gate_lower(struct gate *g, Str s)
{
	char *p = arena_dup(g->c->arena, s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
	return str_of(p, s.n);
}

bool
gate_among(const char *words, Str word)
{
	for (Str rest = str_c(words), head; rest.p;) {
		rest = str_cut(rest, ' ', &head);
		if (str_eq(head, word)) return true;
	}
	return false;
}

Err
gate_descend(struct gate *g)
{
	ENSURE(g->c, g->depth < SQL_DEPTH_MAX, TOO_LARGE, "the statement is nested deeper than %d levels", SQL_DEPTH_MAX);
	g->depth++;
	return OK;
}

Err
gate_each(struct gate *g, const json_t *v, struct place at, Walk *walk)
{
	if (!json_is_array(v)) REFUSE(g, "this form of statement is not known");
	for (size_t i = 0; i < json_array_size(v); i++) TRY(walk(g, json_array_get(v, i), at));
	return OK;
}

Err
gate_fields(struct gate *g, const json_t *v, struct place at, const struct field *fields, size_t head)
{
	size_t n = 0;

	at.self = v;
	for (; n < FIELDS_MAX && fields[n].key; n++) {
		const json_t *f = json_object_get(v, fields[n].key);
		if (!f) REFUSE(g, "this form of statement is not known (%s is missing)", fields[n].key);
		TRY(fields[n].walk(g, f, at));
	}
	if (json_object_size(v) != n + head) REFUSE(g, "this form of statement is not known");
	return OK;
}

size_t
gate_head(struct gate *g, const json_t *v, const char *const keys[])
{
	const json_t *where = json_object_get(v, "query_location");
	size_t n = 0;

	if (json_is_number(where) && json_number_value(where) < SQL_TEXT_MAX) g->position = (size_t)json_number_value(where);
	for (; *keys; keys++) n += json_object_get(v, *keys) != NULL;
	return n;
}

Err
gate_shape(struct gate *g, const json_t *v, struct place at, const struct shape *s, size_t head)
{
	if (s->types && !gate_among(s->types, gate_text(v, "type"))) REFUSE(g, "%.*s is not allowed", STR(gate_text(v, "type")));
	if (s->look) TRY(s->look(g, v, at));
	return gate_fields(g, v, at, s->fields, head);
}

const struct shape *
gate_shape_find(const struct shape *shapes, size_t n, Str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eqc(name, shapes[i].name)) return &shapes[i];
	return NULL;
}

Err gate_skip(struct gate *g UNUSED, const json_t *v UNUSED, struct place at UNUSED) { return OK; }

Err
gate_empty(struct gate *g, const json_t *v, struct place at UNUSED)
{
	if (!json_is_string(v) || json_string_length(v) != 0) REFUSE(g, "this form of SHOW is not available");
	return OK;
}

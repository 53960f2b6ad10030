/* Objects taken apart by field; see doc.h. */
#include "mesh/doc.h"

static const struct doc_node EMPTY[] = {[DOC_OBJECT] = {.kind = DOC_OBJECT, .skip = 1}, [DOC_ARRAY] = {.kind = DOC_ARRAY, .skip = 1}};

struct fields
fields_of(struct ctx *c, const char *what, const struct doc_node *object)
{
	struct fields f = {.c = c, .what = what, .object = object, .at = doc_first(object), .err = OK};

	if (object->kind == DOC_OBJECT && object->count <= 64) return f;
	f.object = &EMPTY[DOC_OBJECT];
	f.at = NULL;
	f.err = err_set(c, ERR_INVALID, "%s: %s", what, object->kind == DOC_OBJECT ? "more than 64 keys" : "an object was expected");
	return f;
}

void
fields_fail(struct fields *f, Str key, const char *expected)
{
	if (err_ok(f->err)) f->err = err_set(f->c, ERR_INVALID, "%s: '%.*s' must be %s", f->what, STR(key), expected);
}

bool
field_has(const struct fields *f, Str key)
{
	if (!err_ok(f->err) || (uint32_t)__builtin_popcountll(f->taken) == f->object->count) return false;
	for (const struct doc_node *n = f->at; n; n = doc_next(f->object, n))
		if (str_eq(n->key, key)) return true;
	for (const struct doc_node *n = doc_first(f->object); n && n != f->at; n = doc_next(f->object, n))
		if (str_eq(n->key, key)) return true;
	return false;
}

static const struct doc_node *
field_find(struct fields *f, Str key)
{
	const struct doc_node *n = f->at;
	uint32_t i = f->index;

	if (!err_ok(f->err)) return NULL;
	if (!n || !str_eq(n->key, key))
		for (n = doc_first(f->object), i = 0; n && !str_eq(n->key, key); i++) n = doc_next(f->object, n);
	if (!n) {
		f->err = err_set(f->c, ERR_INVALID, "%s: '%.*s' is missing", f->what, STR(key));
		return NULL;
	}
	f->at = doc_next(f->object, n);
	f->index = i + 1;
	f->taken |= UINT64_C(1) << i;
	return n;
}

static const struct doc_node *
field(struct fields *f, Str key, enum doc_kind kind)
{
	static const char *const names[] = {"an object", "a list", "a text", "a whole number from 0", "true or false", ""};
	const struct doc_node *n = field_find(f, key);

	if (!n || n->kind == kind) return n;
	fields_fail(f, key, names[kind]);
	return NULL;
}

Err
fields_end(struct fields *f)
{
	const struct doc_node *n = doc_first(f->object);

	if (!err_ok(f->err) || (uint32_t)__builtin_popcountll(f->taken) == f->object->count) return f->err;
	for (uint32_t i = 0; n && (f->taken >> i & 1); i++) n = doc_next(f->object, n);
	return err_set(f->c, ERR_INVALID, "%s: '%.*s' is unknown", f->what, n ? (int)(n->key.n < 64 ? n->key.n : 64) : 0, n ? n->key.p : "");
}

Str
field_text(struct fields *f, Str key, size_t max_bytes)
{
	const struct doc_node *n = field(f, key, DOC_TEXT);

	if (!n) return (Str){"", 0};
	if (n->text.n <= max_bytes) return n->text;
	if (err_ok(f->err)) f->err = err_set(f->c, ERR_INVALID, "%s: '%.*s' is longer than %zu bytes", f->what, STR(key), max_bytes);
	return (Str){"", 0};
}

bool
id_ok(Str s)
{
	if (s.n < 8 || s.n > 64) return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_')) return false;
	return true;
}

/* One more than the value of a lower-case hex digit; 0, so value 0xff, for anything else. */
static const uint8_t hex_after[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static inline uint8_t
hex_value(char ch)
{
	return (uint8_t)(hex_after[(uint8_t)ch] - 1);
}

bool
hex_ok(Str s, size_t digits)
{
	uint8_t all = 0;

	if (s.n != digits) return false;
	for (size_t i = 0; i < s.n; i++) all |= hex_value(s.p[i]);
	return all < 16;
}

bool
time_read(Str s, Time *ret)
{
	return s.n == 20 && s.p[19] == 'Z' && time_parse(s, false, ret);
}

Str
field_ident(struct fields *f, Str key)
{
	Str s = field_text(f, key, 64);

	if (!str_is_ident(s)) fields_fail(f, key, "a name: 1 to 64 of a-z, 0-9 and _, without __");
	return s;
}

Str
field_id(struct fields *f, Str key)
{
	Str s = field_text(f, key, 64);

	if (!id_ok(s)) fields_fail(f, key, "an id: 8 to 64 of a-z, 0-9 and _");
	return s;
}

Str
field_id_opt(struct fields *f, Str key)
{
	Str s = field_text(f, key, 64);

	if (s.n && !id_ok(s)) fields_fail(f, key, "an id (8 to 64 of a-z, 0-9 and _) or empty");
	return s;
}

Str
field_hex(struct fields *f, Str key, size_t digits)
{
	Str s = field_text(f, key, digits);

	if (!hex_ok(s, digits)) fields_fail(f, key, digits == 64 ? "64 hex digits" : "hex digits");
	return s;
}

Str
field_hex_opt(struct fields *f, Str key, size_t digits)
{
	Str s = field_text(f, key, digits);

	if (s.n && !hex_ok(s, digits)) fields_fail(f, key, digits == 64 ? "64 hex digits or empty" : "hex digits or empty");
	return s;
}

void
field_bytes32(struct fields *f, Str key, uint8_t ret[static 32])
{
	Str s = field_text(f, key, 64);
	uint8_t all = s.n == 64 ? 0 : 0xff;

	for (size_t i = 0; i < s.n / 2; i++) {
		uint8_t high = hex_value(s.p[2 * i]), low = hex_value(s.p[2 * i + 1]);
		all |= high | low;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	if (all >= 16) fields_fail(f, key, "64 hex digits");
}

uint64_t
field_u64(struct fields *f, Str key)
{
	const struct doc_node *n = field(f, key, DOC_NUMBER);

	return n ? n->number : 0;
}

bool
field_bool(struct fields *f, Str key)
{
	const struct doc_node *n = field(f, key, DOC_BOOL);

	return n ? n->truth : false;
}

Time
field_time(struct fields *f, Str key)
{
	Time t = 0;

	if (!time_read(field_text(f, key, 20), &t)) fields_fail(f, key, "a time like 2026-11-21T09:04:14Z");
	return t;
}

Time
field_time_forever(struct fields *f, Str key)
{
	Time t = TIME_FOREVER;
	Str s = field_text(f, key, 20);

	if (!str_eq(s, S("forever")) && !time_read(s, &t)) fields_fail(f, key, "a time like 2026-11-21T09:04:14Z, or forever");
	return t;
}

Time
field_seconds(struct fields *f, Str key)
{
	uint64_t n = field_u64(f, key);

	if (n > INT64_MAX / TIME_SECOND) fields_fail(f, key, "seconds since 1970");
	return err_ok(f->err) ? (Time)n * TIME_SECOND : 0;
}

const struct doc_node *
field_object(struct fields *f, Str key)
{
	const struct doc_node *n = field(f, key, DOC_OBJECT);

	return n ? n : &EMPTY[DOC_OBJECT];
}

const struct doc_node *
field_list(struct fields *f, Str key, uint32_t max)
{
	const struct doc_node *n = field(f, key, DOC_ARRAY);

	if (!n) return &EMPTY[DOC_ARRAY];
	if (n->count <= max) return n;
	if (err_ok(f->err)) f->err = err_set(f->c, ERR_INVALID, "%s: '%.*s' has more than %u entries", f->what, STR(key), max);
	return &EMPTY[DOC_ARRAY];
}

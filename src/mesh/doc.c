#include "mesh/doc.h"

#include <stdlib.h>

#include "base/arena.h"
#include "codec/json.h"
#include "mesh/plain.h"

static const uint64_t NUMBER_MAX = (UINT64_C(1) << 53) - 1;

static struct doc_node *
node_new(struct doc *d, enum doc_kind kind)
{
	if (d->count == d->cap) {
		bool heap = d->nodes != d->small;
		struct doc_node *grown = mem_resize(heap ? d->nodes : NULL, (size_t)d->cap * 4 * sizeof *grown);
		if (!heap) memcpy(grown, d->small, sizeof d->small);
		d->nodes = grown;
		d->cap *= 4;
	}
	struct doc_node *n = &d->nodes[d->count++];
	n->kind = kind;
	n->count = 0;
	n->skip = 1;
	n->key = n->text = (Str){"", 0};
	return n;
}

void
doc_init(struct doc *d)
{
	d->nodes = d->small;
	d->count = 0;
	d->cap = DOC_SMALL;
	d->root = NULL;
	d->unescaped = NULL;
	d->unescaped_n = 0;
}

void
doc_fini(struct doc *d)
{
	if (d->nodes != d->small) free(d->nodes);
	json_decref(d->root);
	free(d->unescaped);
	doc_init(d);
}

/* --- the scanner --- */

struct scan {
	const char *p, *end;
	size_t size; /* of the whole text */
	struct doc *d;
	unsigned depth;
};

static bool scan_value(struct scan *s, Str key);

/* The rest of a string whose beginning [from, p), all bytes of it or'ed in `high`, ends at a backslash. Escapes of one letter; \u is left to jansson. What is
 * unescaped is shorter than the text, so one piece of memory of its size does for all of it. */
static bool
scan_escaped(struct scan *s, const char *from, unsigned char high, Str *ret)
{
	static const char means[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
	struct doc *d = s->d;
	size_t n = (size_t)(s->p - from);

	if (!d->unescaped) d->unescaped = mem_resize(NULL, s->size);
	char *to = d->unescaped + d->unescaped_n;
	memcpy(to, from, n);
	for (; s->p < s->end && *s->p != '"'; s->p++) {
		char b = *s->p;
		if ((unsigned char)b < 0x20) return false;
		if (b == '\\') {
			if (++s->p == s->end || !(b = means[(unsigned char)*s->p])) return false;
		}
		high |= (unsigned char)b;
		to[n++] = b;
	}
	if (s->p == s->end) return false;
	s->p++;
	d->unescaped_n += n;
	*ret = str_of(to, n);
	return high < 0x80 || str_is_utf8(*ret);
}

/* A string; p stands on the opening quote. */
static bool
scan_text(struct scan *s, Str *ret)
{
	const char *from = ++s->p;
	unsigned char high = 0;

	s->p += plain_bytes(s->p, (size_t)(s->end - s->p));
	for (; s->p < s->end && *s->p != '"'; s->p++) {
		unsigned char b = (unsigned char)*s->p;
		if (b == '\\') return scan_escaped(s, from, high, ret);
		if (b < 0x20) return false;
		high |= b;
	}
	if (s->p == s->end) return false;
	*ret = str_of(from, (size_t)(s->p++ - from));
	return high < 0x80 || str_is_utf8(*ret);
}

static bool
scan_number(struct scan *s, uint64_t *ret)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9') s->p++;
	if (s->p == s->end || (*s->p != ',' && *s->p != ']' && *s->p != '}')) return false;
	return str_u64(str_of(from, (size_t)(s->p - from)), ret) && *ret <= NUMBER_MAX;
}

static bool
scan_word(struct scan *s, Str word)
{
	if (!str_starts(str_of(s->p, (size_t)(s->end - s->p)), word)) return false;
	s->p += word.n;
	return true;
}

/* Was the key of the newest member used before? `seen` saves the search for most. */
static bool
key_twice(const struct doc_node *object, Str key, uint64_t *seen)
{
	uint64_t bit = UINT64_C(1) << ((key.n * 7 + (key.n ? (unsigned char)key.p[0] + (unsigned char)key.p[key.n - 1] * 3u : 0)) & 63);

	if (*seen & bit)
		for (const struct doc_node *n = doc_first(object); n; n = doc_next(object, n))
			if (str_eq(n->key, key)) return true;
	*seen |= bit;
	return false;
}

static bool
scan_members(struct scan *s, uint32_t at, char close)
{
	uint64_t seen = 0;

	s->p++;
	if (s->p < s->end && *s->p == close) return s->p++, true;
	for (;;) {
		Str key = {"", 0};
		if (close == '}') {
			if (s->p == s->end || *s->p != '"' || !scan_text(s, &key)) return false;
			if (key_twice(&s->d->nodes[at], key, &seen)) return false;
			if (s->p == s->end || *s->p++ != ':') return false;
		}
		if (!scan_value(s, key)) return false;
		s->d->nodes[at].count++;
		s->d->nodes[at].skip = s->d->count - at;
		if (s->p == s->end) return false;
		char c = *s->p++;
		if (c == close) return true;
		if (c != ',') return false;
	}
}

static bool
scan_container(struct scan *s, Str key)
{
	bool object = *s->p == '{';
	uint32_t at = s->d->count;

	if (++s->depth > DOC_DEPTH_MAX) return false;
	node_new(s->d, object ? DOC_OBJECT : DOC_ARRAY)->key = key;
	bool ok = scan_members(s, at, object ? '}' : ']');
	s->depth--;
	return ok;
}

static bool
scan_value(struct scan *s, Str key)
{
	Str text;
	uint64_t number;

	if (s->p == s->end) return false;
	if (*s->p == '{' || *s->p == '[') return scan_container(s, key);
	if (*s->p == '"') {
		if (!scan_text(s, &text)) return false;
		struct doc_node *n = node_new(s->d, DOC_TEXT);
		n->key = key;
		n->text = text;
		return true;
	}
	if (*s->p == 't' || *s->p == 'f') {
		bool truth = *s->p == 't';
		if (!scan_word(s, truth ? S("true") : S("false"))) return false;
		struct doc_node *n = node_new(s->d, DOC_BOOL);
		n->key = key;
		n->truth = truth;
		return true;
	}
	if (!scan_number(s, &number)) return false;
	struct doc_node *n = node_new(s->d, DOC_NUMBER);
	n->key = key;
	n->number = number;
	return true;
}

bool
doc_scan(Str text, struct doc *d)
{
	struct scan s = {.p = text.p, .end = text.p + text.n, .size = text.n, .d = d};

	if (text.n > 0 && text.p[0] == '{' && scan_value(&s, (Str){"", 0}) && s.p == s.end) return true;
	doc_fini(d);
	return false;
}

/* --- the same from jansson --- */

static void take(struct doc *d, const json_t *v, Str key);

static void
take_members(struct doc *d, const json_t *v, uint32_t at)
{
	const char *name;
	json_t *member;
	size_t i, name_n;

	if (json_is_object(v))
		json_object_keylen_foreach((json_t *)(uintptr_t)v, name, name_n, member) take(d, member, str_of(name, name_n));
	else
		json_array_foreach(v, i, member) take(d, member, (Str){"", 0});
	d->nodes[at].count = (uint32_t)(json_is_object(v) ? json_object_size(v) : json_array_size(v));
	d->nodes[at].skip = d->count - at;
}

static void
take(struct doc *d, const json_t *v, Str key)
{
	uint32_t at = d->count;
	enum doc_kind kind = json_is_object(v)   ? DOC_OBJECT
	                     : json_is_array(v)  ? DOC_ARRAY
	                     : json_is_string(v) ? DOC_TEXT
	                     : json_is_boolean(v) ? DOC_BOOL
	                                          : DOC_OTHER;
	struct doc_node *n = node_new(d, kind);

	n->key = key;
	if (kind == DOC_OBJECT || kind == DOC_ARRAY)
		take_members(d, v, at);
	else if (kind == DOC_TEXT)
		n->text = str_of(json_string_value(v), json_string_length(v));
	else if (kind == DOC_BOOL)
		n->truth = json_is_true(v);
	else if (json_is_integer(v) && json_integer_value(v) >= 0 && (uint64_t)json_integer_value(v) <= NUMBER_MAX) {
		n->kind = DOC_NUMBER;
		n->number = (uint64_t)json_integer_value(v);
	}
}

Err
doc_parse(struct ctx *c, Str text, size_t max_bytes, struct doc *d)
{
	TRY(json_read(c, text, (struct json_limits){.bytes = max_bytes, .depth = DOC_DEPTH_MAX}, &d->root));
	if (!json_is_object(d->root)) {
		doc_fini(d);
		return err_set(c, ERR_INVALID, "an object was expected");
	}
	take(d, d->root, (Str){"", 0});
	return OK;
}

Err
doc_read(struct ctx *c, Str text, size_t max_bytes, struct doc *ret)
{
	if (text.n <= max_bytes && doc_scan(text, ret)) return OK;
	return doc_parse(c, text, max_bytes, ret);
}

const struct doc_node *
doc_first(const struct doc_node *container)
{
	return container->count ? container + 1 : NULL;
}

const struct doc_node *
doc_next(const struct doc_node *container, const struct doc_node *member)
{
	const struct doc_node *next = member + member->skip;

	return next < container + container->skip ? next : NULL;
}

#include "codec/json.h"

enum { DEPTH_DEFAULT = 32, VALUES_DEFAULT = 65536 };

/* Depth and number of values before jansson allocates anything. Counts commas and opening brackets outside of strings, so it
 * is never below the true number of values; text that is not JSON is left to the parser. */
static Err
limits_check(struct ctx *c, Str text, unsigned depth_max, size_t values_max)
{
	size_t values = 1;
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.n; i++) {
		char ch = text.p[i];
		if (in_string) {
			if (ch == '\\') i++;
			if (ch == '"') in_string = false;
			continue;
		}
		in_string = ch == '"';
		if (ch == '{' || ch == '[') {
			ENSURE(c, ++depth <= depth_max, INVALID, "JSON: nested deeper than %u levels", depth_max);
			values++;
		}
		if ((ch == '}' || ch == ']') && depth > 0) depth--;
		if (ch == ',') ENSURE(c, ++values <= values_max, TOO_LARGE, "JSON: more than %zu values", values_max);
	}
	return OK;
}

Err
json_read(struct ctx *c, Str text, struct json_limits limits, json_t **ret)
{
	json_error_t e;

	ENSURE(c, text.n <= limits.bytes, TOO_LARGE, "JSON: %zu bytes, at most %zu are taken", text.n, limits.bytes);
	ENSURE(c, text.n == 0 || !memchr(text.p, 0, text.n), INVALID, "JSON: a NUL byte"); /* jansson 2.14 passes over one behind a number */
	TRY(limits_check(c, text, limits.depth ? limits.depth : DEPTH_DEFAULT, limits.values ? limits.values : VALUES_DEFAULT));
	json_t *root = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &e);
	ENSURE(c, root, INVALID, "JSON: line %d, column %d: %s", e.line, e.column, e.text);
	*ret = root;
	return OK;
}

/* NULL for absent and null. */
static Err
look_up(struct ctx *c, const json_t *obj, const char *key, const json_t **ret)
{
	ENSURE(c, json_is_object(obj), INVALID, "an object with '%s' was expected", key);
	const json_t *v = json_object_get(obj, key);
	*ret = json_is_null(v) ? NULL : v;
	return OK;
}

static Err
need(struct ctx *c, const json_t *obj, const char *key, const json_t **ret)
{
	const json_t *v = NULL;

	TRY(look_up(c, obj, key, &v));
	ENSURE(c, v, INVALID, "'%s' is missing", key);
	*ret = v;
	return OK;
}

Err
json_text(struct ctx *c, const json_t *value, const char *what, Str *ret)
{
	ENSURE(c, json_is_string(value), INVALID, "'%s' must be a text", what);
	*ret = str_of(json_string_value(value), json_string_length(value));
	return OK;
}

Err
json_str(struct ctx *c, const json_t *obj, const char *key, Str *ret)
{
	const json_t *v = NULL;

	TRY(need(c, obj, key, &v));
	return json_text(c, v, key, ret);
}

Err
json_str_opt(struct ctx *c, const json_t *obj, const char *key, Str fallback, Str *ret)
{
	const json_t *v = NULL;

	TRY(look_up(c, obj, key, &v));
	if (v) return json_text(c, v, key, ret);
	*ret = fallback;
	return OK;
}

static Err
i64_of(struct ctx *c, const json_t *v, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	ENSURE(c, json_is_integer(v), INVALID, "'%s' must be a whole number", key);
	int64_t n = json_integer_value(v);
	ENSURE(c, n >= min && n <= max, INVALID, "'%s' is %lld, it must be from %lld to %lld", key, (long long)n, (long long)min,
	       (long long)max);
	*ret = n;
	return OK;
}

Err
json_i64(struct ctx *c, const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const json_t *v = NULL;

	TRY(need(c, obj, key, &v));
	return i64_of(c, v, key, min, max, ret);
}

Err
json_i64_opt(struct ctx *c, const json_t *obj, const char *key, int64_t min, int64_t max, int64_t fallback, int64_t *ret)
{
	const json_t *v = NULL;

	TRY(look_up(c, obj, key, &v));
	if (v) return i64_of(c, v, key, min, max, ret);
	*ret = fallback;
	return OK;
}

Err
json_u64(struct ctx *c, const json_t *obj, const char *key, uint64_t *ret)
{
	int64_t n;

	TRY(json_i64(c, obj, key, 0, INT64_MAX, &n));
	*ret = (uint64_t)n;
	return OK;
}

Err
json_f64(struct ctx *c, const json_t *obj, const char *key, double *ret)
{
	const json_t *v = NULL;

	TRY(need(c, obj, key, &v));
	ENSURE(c, json_is_number(v), INVALID, "'%s' must be a number", key);
	*ret = json_number_value(v);
	return OK;
}

static Err
bool_of(struct ctx *c, const json_t *v, const char *key, bool *ret)
{
	ENSURE(c, json_is_boolean(v), INVALID, "'%s' must be true or false", key);
	*ret = json_is_true(v);
	return OK;
}

Err
json_bool(struct ctx *c, const json_t *obj, const char *key, bool *ret)
{
	const json_t *v = NULL;

	TRY(need(c, obj, key, &v));
	return bool_of(c, v, key, ret);
}

Err
json_bool_opt(struct ctx *c, const json_t *obj, const char *key, bool fallback, bool *ret)
{
	const json_t *v = NULL;

	TRY(look_up(c, obj, key, &v));
	if (v) return bool_of(c, v, key, ret);
	*ret = fallback;
	return OK;
}

/* An array or object; absent is fine when `optional`. */
static Err
container(struct ctx *c, const json_t *obj, const char *key, json_type type, bool optional, json_t **ret)
{
	const json_t *v = NULL;

	TRY(look_up(c, obj, key, &v));
	ENSURE(c, v || optional, INVALID, "'%s' is missing", key);
	ENSURE(c, !v || json_typeof(v) == type, INVALID, "'%s' must be %s", key, type == JSON_ARRAY ? "a list" : "an object");
	*ret = v ? json_object_get(obj, key) : NULL;
	return OK;
}

Err
json_list(struct ctx *c, const json_t *obj, const char *key, json_t **ret)
{
	return container(c, obj, key, JSON_ARRAY, false, ret);
}

Err
json_list_opt(struct ctx *c, const json_t *obj, const char *key, json_t **ret)
{
	return container(c, obj, key, JSON_ARRAY, true, ret);
}

Err
json_obj(struct ctx *c, const json_t *obj, const char *key, json_t **ret)
{
	return container(c, obj, key, JSON_OBJECT, false, ret);
}

Err
json_obj_opt(struct ctx *c, const json_t *obj, const char *key, json_t **ret)
{
	return container(c, obj, key, JSON_OBJECT, true, ret);
}

static bool
listed(const char *key, const char *const keys[])
{
	for (; *keys; keys++)
		if (strcmp(key, *keys) == 0) return true;
	return false;
}

Err
json_only(struct ctx *c, const json_t *obj, const char *const keys[])
{
	const char *key;
	json_t *value;

	ENSURE(c, json_is_object(obj), INVALID, "an object was expected");
	json_object_foreach((json_t *)(uintptr_t)obj, key, value)
		ENSURE(c, listed(key, keys), INVALID, "unknown key '%.64s'", key);
	return OK;
}

/* Reading JSON documents that come from outside: a thin, strict layer over jansson.
 *
 * The document is one object or array. Refused: more than the limits, duplicate keys, invalid UTF-8, NUL (raw or \u0000),
 * bytes behind the end, integers beyond 64 bits, numbers beyond a double. Writing is done with base/buf.h, not here.
 *
 * Getters take the object and the key. A key that is missing or of the wrong type is INVALID, and the detail names it. The
 * _opt forms take an absent key or null as *ret = fallback. A Str borrows from the object and has no NUL inside. */
#ifndef HEDDLE_CODEC_JSON_H
#define HEDDLE_CODEC_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* Released when it leaves its block: JSON_AUTO *root = NULL; */
#define JSON_AUTO json_auto_t

struct json_limits {
	size_t bytes;   /* of the text; more is TOO_LARGE. Required */
	unsigned depth; /* of nested objects and arrays; 0 means 32 */
	size_t values;  /* of values in all (jansson needs up to 250 bytes for one); 0 means 65,536 */
};

/* *ret belongs to the caller: json_decref() or JSON_AUTO. INVALID names line, column and what was wrong. */
NODISCARD Err json_read(struct ctx *c, Str text, struct json_limits limits, json_t **ret);

NODISCARD Err json_str(struct ctx *c, const json_t *obj, const char *key, Str *ret);
NODISCARD Err json_str_opt(struct ctx *c, const json_t *obj, const char *key, Str fallback, Str *ret);
/* An integer (1.0 is none) within [min, max]. */
NODISCARD Err json_i64(struct ctx *c, const json_t *obj, const char *key, int64_t min, int64_t max, int64_t *ret);
NODISCARD Err json_i64_opt(struct ctx *c, const json_t *obj, const char *key, int64_t min, int64_t max, int64_t fallback, int64_t *ret);
NODISCARD Err json_u64(struct ctx *c, const json_t *obj, const char *key, uint64_t *ret); /* 0 … 2^63-1 */
NODISCARD Err json_f64(struct ctx *c, const json_t *obj, const char *key, double *ret);   /* integers too */
NODISCARD Err json_bool(struct ctx *c, const json_t *obj, const char *key, bool *ret);
NODISCARD Err json_bool_opt(struct ctx *c, const json_t *obj, const char *key, bool fallback, bool *ret);
/* *ret borrows from obj; the _opt forms give NULL when absent. Walk with json_array_foreach, json_object_foreach. */
NODISCARD Err json_list(struct ctx *c, const json_t *obj, const char *key, json_t **ret);
NODISCARD Err json_list_opt(struct ctx *c, const json_t *obj, const char *key, json_t **ret);
NODISCARD Err json_obj(struct ctx *c, const json_t *obj, const char *key, json_t **ret);
NODISCARD Err json_obj_opt(struct ctx *c, const json_t *obj, const char *key, json_t **ret);

/* The text of a string value itself (an array's element); `what` names it in the detail. */
NODISCARD Err json_text(struct ctx *c, const json_t *value, const char *what, Str *ret);
/* obj is an object with no other keys than these (NULL ends the list). */
NODISCARD Err json_only(struct ctx *c, const json_t *obj, const char *const keys[]);
#define JSON_ONLY(c, obj, ...) json_only((c), (obj), (const char *const[]){__VA_ARGS__, NULL})

#endif

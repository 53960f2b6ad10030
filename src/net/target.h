/* The request target of HTTP: "/path/segments?name=value&…", decoded once, strictly (RFC 9112 3.2.1, RFC 3986). Sans-I/O. */
#ifndef HEDDLE_NET_TARGET_H
#define HEDDLE_NET_TARGET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { TARGET_MAX = 8 * 1024, TARGET_SEGMENTS_MAX = 64, TARGET_PARAMS_MAX = 64 };

struct target_param { Str name, value; };

/* Segments and parameters decoded; a "%2F" in a segment is a '/' of that segment, never a separator. "/" has no segments; a
 * slash at the end, or two together, give an empty segment. */
struct target {
	const Str *segments;
	size_t segment_count;
	const struct target_param *params; /* in order; a name may come more than once */
	size_t param_count;
};

/* Everything in the arena of c. INVALID: not in origin form, a byte that has no place in a URI, a broken escape, a decoded NUL or
 * control character (parameter values may hold tab, CR and LF), not UTF-8, "." or ".." as a segment, too many parts; TOO_LARGE
 * over TARGET_MAX. In parameters '+' is a space. */
NODISCARD Err target_parse(struct ctx *c, Str text, struct target *ret);
/* The first parameter of that name; false when there is none. */
bool target_param(const struct target *t, Str name, Str *ret);

#endif

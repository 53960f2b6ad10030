/* What a request's head must look like before any of our code acts on it. Sans-I/O.
 *
 * libmicrohttpd before 1.0 is lenient: it ends lines at a bare LF, cuts a header at a NUL, drops a line that starts with one,
 * folds continued lines, takes the first of two Content-Length. Between two programs that read such a head differently lies
 * request smuggling (RFC 9112 11.2). The library keeps what it parsed in place, so every byte of the head is accounted for by
 * where the parts lie: nothing but "SP", ":" OWS and CRLF may lie between them. A library that copied would fail this check on
 * every request, which the first test would show. */
#ifndef HEDDLE_NET_GUARD_H
#define HEDDLE_NET_GUARD_H

#include "base/err.h"
#include "base/str.h"

enum { GUARD_HEADERS_MAX = 100, GUARD_HEAD_BYTES_MAX = 16 * 1024 };

struct guard_field { Str name, value; };

struct guard_head {
	Str method, target, version; /* as they lie in the buffer */
	const struct guard_field *fields;
	size_t field_count;
	size_t size_bytes;           /* from the method's first byte behind the empty line */
};

struct guard_body {
	bool chunked;
	uint64_t length; /* 0 when there is none, or chunked */
};

/* Every byte between the first and the last is one of a part or one that HTTP puts between parts. INVALID otherwise. */
NODISCARD Err guard_layout(struct ctx *c, const struct guard_head *h);
/* Sizes, names, values; Host once (once at least from 1.1 on); at most one Content-Length, decimal; Transfer-Encoding only
 * "chunked", once, and never beside Content-Length. INVALID or TOO_LARGE. */
NODISCARD Err guard_fields(struct ctx *c, const struct guard_head *h, struct guard_body *ret);

#endif

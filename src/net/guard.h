/* What a request's head must look like before any of our code acts on it. Sans-I/O.
 *
 * libmicrohttpd 0.9.75 is lenient, tried on raw sockets (tests/unit/net/test_http.c has the heads): it ends lines at a bare LF, cuts
 * a value or the target at a NUL, drops a line that starts with one, folds continued lines, lets control characters and any header name
 * pass, takes the first of two Host or Content-Length, takes Transfer-Encoding over Content-Length and in HTTP/1.0, knows HTTP/1.2, and
 * waits for ever on a Transfer-Encoding it does not know. It refuses by itself: a Content-Length that is no number, a missing Host, a line
 * without colon, blanks in the target, and versions other than 1.x. Between two programs that read such a head differently lies request
 * smuggling (RFC 9112 11.2).
 *
 * The library keeps what it parsed in place, so every byte of the head is accounted for by where the parts lie: nothing but one
 * blank, ":" and blanks, and CRLF may lie between them. A library that copied would fail this check on every request, which the first
 * test would show. */
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

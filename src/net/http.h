/* HTTP/1.1 server over libmicrohttpd, single-threaded, in a struct loop; TLS 1.2 and 1.3 when given a certificate.
 *
 * A request goes through these steps:
 *   head     the head stands and has passed guard.h: the handler says what to do with the body, or answers at once
 *   request  the body is there (HTTP_BODY_MEMORY), or waits to be sent on (HTTP_BODY_SINK: call http_sink() or http_reply())
 *   sunk     the sink has taken the whole body, or could not
 *   gone     the request ends: answered, or the client went away; last call, the request is freed behind it
 * The answer may be given in any of the first three or at any time between them and gone: exactly once, by http_reply(),
 * http_reply_error() or http_reply_stream(). While nothing is answered the client's socket is watched; when it closes (or half
 * closes: a client that has shut down its sending side has gone) the request ends at once with gone.
 *
 * Refused before any handler sees it, with 400 (or 413) and the connection closed: see guard.h and target.h. Every answer carries
 * X-Request-Id, X-Content-Type-Options: nosniff and Cache-Control: no-store, and never Server. */
#ifndef HEDDLE_NET_HTTP_H
#define HEDDLE_NET_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/loop.h"
#include "net/target.h"

struct http_server;

enum http_body { HTTP_BODY_MEMORY, HTTP_BODY_SINK };

struct http_header { Str name, value; };

struct http_request {
	Str id;                /* 32 hex digits, ours; in X-Request-Id */
	Str method;
	struct target target;
	const struct http_header *headers;
	size_t header_count;
	uint64_t length;       /* Content-Length; 0 when absent or chunked */
	bool chunked;
	Str body;              /* from `request` on, of HTTP_BODY_MEMORY */
	struct ctx c;          /* arena of the request: everything here lives until gone returned */
	void *user;            /* the handler's */
	uint64_t tag;          /* the handler's, for `delivered`; 0: it does not ask */
};

struct http_handler {
	void *arg;
	/* *ret_limit: how many bytes of body are taken; more is answered with TOO_LARGE. */
	enum http_body (*head)(void *arg, struct http_request *r, uint64_t *ret_limit);
	void (*request)(void *arg, struct http_request *r);
	/* bytes written to the sink; e: OK, TOO_LARGE, FULL or IO. The sink's fd is closed. NULL when nothing asks for a sink. */
	void (*sunk)(void *arg, struct http_request *r, uint64_t bytes, Err e);
	/* answered: the whole answer was handed to the kernel. */
	void (*gone)(void *arg, struct http_request *r, bool answered);
	/* Behind gone, of a request with a tag, once: the client's machine has taken all of the answer that it ever will. Until then
	 * http_abort_tail() stops the rest of a stream. NULL when no request has a tag. */
	void (*delivered)(void *arg, uint64_t tag);
};

/* 0 stands for the default in the comment. */
struct http_limits {
	unsigned connections;             /* 512 */
	unsigned connections_per_address; /* 128 */
	unsigned head_ms;                 /* 15,000: from connecting, or the last answer, until a head is complete */
	unsigned body_ms;                 /* 30,000: from there until a body kept in memory is complete */
	unsigned idle_s;                  /* 60: without a byte sent or taken, while a body or an answer is under way */
	uint64_t memory_bytes;            /* 64 MiB: bodies kept in memory, all together; over it BUSY */
};

/* PEM. The key's bytes are not kept by us after http_start() (the TLS library keeps its own). */
struct http_tls { Str certificate, key; };

struct http_stats { uint64_t connections, requests, refused, bytes_in, bytes_out, aborted; unsigned open; };

/* Serve what comes in on a listening socket (net/listen.h), which is taken. tls NULL: plain. INVALID when the certificate or key
 * is not usable. No byte is read before the loop runs, so a sandbox can be entered in between. */
NODISCARD Err http_start(struct ctx *c, struct loop *loop, int listen_fd, const struct http_tls *tls, const struct http_limits *limits,
                         const struct http_handler *handler, struct http_server **ret);
/* Connections are closed, every request gets its gone. */
void http_stop(struct http_server *s);
struct http_stats http_stats(const struct http_server *s);

/* The header's value, "" when absent; a name in any case. */
Str http_header(const struct http_request *r, Str name);

/* body is copied. headers: further ones, without line ends, or NULL. */
void http_reply(struct http_request *r, int status, Str content_type, Str body, const struct http_header *headers, size_t n);
/* {"error":{"code":…,"message":…,"request_id":…}} */
void http_error_body(const struct http_request *r, Err e, const char *message, struct buf *out);
/* That, with the status of err.def and the headers that go with it. */
void http_reply_error(struct http_request *r, Err e, const char *message, const struct http_header *headers, size_t n);
/* The body comes from fd (taken): frames of u32be length and that many bytes; a frame of length 0 is followed by one status byte and
 * ends it. Anything but status 0, and an end without that frame, aborts the connection without the last chunk, so the client
 * notices. The fd is read only as fast as the client takes. HTTP/1.0 gets 505, because it could not tell an abort from an end. */
void http_reply_stream(struct http_request *r, int status, Str content_type, int fd, const struct http_header *headers, size_t n);
/* Not a byte more of the stream: the connection is reset, what was read of the fd and not yet sent is dropped. */
void http_abort_stream(struct http_request *r);
/* The same for one that has gone: what the kernel still holds of it is dropped, with the connection. An unknown tag: nothing happens. A client
 * that takes nothing of it for idle_s is treated so too, and one that closed when `connections` of them are kept already. O(tails). */
void http_abort_tail(struct http_server *s, uint64_t tag);
/* Write the body, at most limit bytes, to fd (taken; a file: writes may block only as long as a disk does), then `sunk`. Only after
 * HTTP_BODY_SINK, once. */
void http_sink(struct http_request *r, int fd, uint64_t limit);

#endif

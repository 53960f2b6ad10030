/* A blocking HTTP client for the command line, over libcurl. Certificates are always verified. */
#ifndef HEDDLE_NET_CLIENT_H
#define HEDDLE_NET_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"

struct client; /* keeps its connection between calls */

struct client_options {
	const char *url;     /* "http://127.0.0.1:8080", with or without a slash at the end */
	const char *token;   /* bearer token, NULL for none; goes to this URL's host only (redirects are not followed) */
	const char *ca_file; /* PEM, NULL for the system's */
};
/* No proxy is used, whatever the environment says: a node is near, and a token is not for others to see. */

/* INVALID when the URL is not http:// or https://. */
NODISCARD Err client_open(struct ctx *c, const struct client_options *o, struct client **ret);
void client_close(struct client *k); /* NULL is fine */

struct client_answer {
	int status;
	Str content_type, mark, request_id; /* "" when absent; arena of c */
	Str body;                           /* at most CLIENT_BODY_MAX */
};

enum { CLIENT_BODY_MAX = 64 * 1024 * 1024 };

/* The body in memory. path: "/api/v1/…", escaped already (client_escape). json: the body to send, {NULL, 0} for none. mark: X-Heddle-Mark to
 * demand, "" for none. A status of 400 and above is an error: that of the answer's {"error":{"code":…,"message":…}} with its message as
 * the detail. UNAVAILABLE when no node answers at the URL. *ret is set also on an error that the node answered. */
NODISCARD Err client_call(struct ctx *c, struct client *k, const char *method, Str path, Str json, Str mark, struct client_answer *ret);

/* Called about ten times a second while a call runs; an error ends the call and is returned. NULL: none. */
typedef Err (*client_tick_fn)(struct ctx *c, void *arg);
void client_tick(struct client *k, client_tick_fn fn, void *arg);
/* A header of the newest answer, "" when it had none; a name in any case. Valid until the next call. */
Str client_header(const struct client *k, const char *name);

typedef void (*client_progress_fn)(void *arg, uint64_t done, uint64_t total);
/* Send a file as it is (application/octet-stream), from its current position on. progress may be NULL; at most ten calls a second. */
NODISCARD Err client_upload(struct ctx *c, struct client *k, Str path, int fd, uint64_t bytes, client_progress_fn progress, void *arg,
                            struct client_answer *ret);

/* A part of the body; an error ends the transfer and is returned. */
typedef Err (*client_part_fn)(struct ctx *c, void *arg, Str part);
/* The body through a callback, as it comes; for status 400 and above as client_call(). An answer cut short (the node aborted it) is
 * INTERNAL: what came so far is not the whole. ret->body is "", but for status 400 and above. */
NODISCARD Err client_stream(struct ctx *c, struct client *k, const char *method, Str path, Str json, client_part_fn part, void *arg,
                            struct client_answer *ret);

/* One segment or parameter value, percent-encoded, appended. */
void client_escape(struct buf *out, Str s);

#endif

/* Shared by http.c (server, connections) and request.c (the way of one request). */
#ifndef HEDDLE_NET_HTTP_PRIVATE_H
#define HEDDLE_NET_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "net/guard.h"
#include "net/http.h"
#include "net/stream.h"

struct request;

/* One TCP connection: what libmicrohttpd does not keep. */
struct connection {
	struct connection *next, **link;
	struct http_server *server;
	struct request *request; /* under way, or NULL */
	int fd;              /* libmicrohttpd's */
	int64_t deadline_ms; /* shut down when this has passed; 0: none */
};

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct http_handler handler;
	struct http_limits limits;
	struct http_stats stats;
	struct connection *connections;
	uint64_t memory_bytes;  /* of bodies being kept */
	int64_t next_sweep_ms, next_tails_ms;
	struct tail *tails;
	unsigned tails_kept;    /* those whose connection is closed */
	bool stopping;          /* no request waits any more */
	bool due;               /* libmicrohttpd has something to do without an event */
	uint64_t moved;         /* of connections, requests and bytes, when that was last looked at */
	unsigned idle_rounds;   /* since when nothing moved */
	char *certificate, *key; /* PEM, while starting */
};

/* Where a request stands. The library calls us again and again; this says what the call is about. */
enum phase {
	PHASE_HEAD,    /* the first call */
	PHASE_HELD,    /* the body waits until the handler gives a sink or an answer */
	PHASE_BODY,    /* the body comes in; the call without bytes ends it */
	PHASE_ANSWER,  /* waiting for the answer, or it is there */
	PHASE_COUNT
};

struct request {
	struct http_request pub; /* first: they are one to the handler */
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct connection *conn;
	struct arena arena;
	Str target;          /* raw; from the library's log hook, before it decodes in place */
	const char *target_at; /* where it lay */
	enum phase phase;
	enum http_body body_kind;
	uint64_t body_limit, body_bytes, discarded;
	struct buf body;
	int sink;            /* -1 when none */
	Err body_error;
	struct MHD_Response *response; /* answered when set */
	unsigned status;
	struct stream stream; /* fd -1 when none */
	struct loop_watch socket_watch, stream_watch;
	bool announced;      /* the handler has seen it and gets its gone */
	bool suspended;
	bool lost;           /* the client went away, or the stream broke: close at the next call */
	bool old;            /* HTTP/1.0 */
	bool reset;          /* nothing more of it may leave */
};

static inline struct request *
request_of(struct http_request *r)
{
	return (struct request *)r;
}

/* request.c, called by the library through http.c */
struct request *request_new(struct http_server *s, struct MHD_Connection *mhd, struct connection *conn, const char *target);
void request_free(struct request *r, bool answered);
void request_lose(struct request *r); /* end it without an answer, soon */
enum MHD_Result request_call(struct request *r, const char *method, const char *version, const char *data, size_t *size);

/* tail.c */
void tail_reset(int fd); /* what the kernel holds is dropped when it is closed */
void tail_add(struct connection *k, uint64_t tag);
void tails_keep(struct connection *k); /* before it is closed */
int tails_look(struct http_server *s); /* for how many ms nothing is due; -1: for ever */
void tails_free(struct http_server *s);

#endif

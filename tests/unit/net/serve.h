/* An HTTP server in the test's own thread, and raw sockets to talk to it: wire_talk() sends bytes and turns the loop until the answer is
 * whole. */
#ifndef HEDDLE_TESTS_NET_SERVE_H
#define HEDDLE_TESTS_NET_SERVE_H

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypt/hash.h"
#include "net/http.h"
#include "net/listen.h"

struct serve {
	struct arena arena;
	struct ctx c;
	struct loop *loop;
	struct http_server *server;
	uint16_t port;
};

static inline void
serve_start(struct serve *s, const struct http_tls *tls, const struct http_limits *limits, const struct http_handler *handler)
{
	int fd;

	*s = (struct serve){.port = 0};
	s->c.arena = &s->arena;
	if (!err_ok(crypt_init(&s->c)) || !err_ok(loop_new(&s->c, &s->loop)) || !err_ok(listen_open(&s->c, S("127.0.0.1:0"), false, &fd, &s->port)) ||
	    !err_ok(http_start(&s->c, s->loop, fd, tls, limits, handler, &s->server))) {
		fprintf(stderr, "%s\n", s->c.detail);
		abort();
	}
}

static inline void
serve_stop(struct serve *s)
{
	http_stop(s->server);
	loop_free(s->loop);
	arena_fini(&s->arena);
}

static inline void
serve_turn(struct serve *s, int timeout_ms)
{
	if (!err_ok(loop_once(&s->c, s->loop, timeout_ms))) abort();
}

static inline int
wire_connect(struct serve *s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) abort();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* All of it, turning the loop when the server does not take more. False: the server has closed. */
static inline bool
wire_send(struct serve *s, int fd, Str bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN) return false;
		if (n > 0) bytes = str_of(bytes.p + n, bytes.n - (size_t)n);
		serve_turn(s, 1);
	}
	return true;
}

/* Is there a whole answer (by Content-Length or the last chunk) in it? */
static inline bool
wire_whole(struct buf *b)
{
	const char *z = buf_z(b), *end = strstr(z, "\r\n\r\n"), *length = strcasestr(z, "\r\nContent-Length: ");

	if (!end || strncmp(z, "HTTP/1.1 100", 12) == 0) return false;
	if (length && length < end) return b->n >= (size_t)(end + 4 - z) + (size_t)atol(length + 18);
	return strstr(end, "0\r\n\r\n") != NULL;
}

/* Turn the loop until the answer is whole or the server closes the connection (*ret_closed), at most so many turns of up to 20 ms. */
static inline void
wire_read(struct serve *s, int fd, struct buf *out, bool *ret_closed, int turns)
{
	char part[65536];

	*ret_closed = false;
	while (turns-- > 0) {
		serve_turn(s, 20);
		ssize_t n = recv(fd, part, sizeof part, 0);
		if (n > 0) buf_add(out, part, (size_t)n);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			*ret_closed = true;
			return;
		}
		if (n < 0 && wire_whole(out)) return;
	}
}

/* Once the answer is there: does the server close? */
static inline bool
wire_closes(struct serve *s, int fd)
{
	char byte;

	for (int i = 0; i < 20; i++) {
		ssize_t n = recv(fd, &byte, 1, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
		serve_turn(s, 5);
	}
	return false;
}

static inline int
wire_status(struct buf *b)
{
	return b->n > 12 ? atoi(buf_z(b) + 9) : 0;
}

#endif

/* Tails of streams: what the kernel holds of a stream that ended, until the client's machine has taken it. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_private.h"

enum { TCP_CLOSED = 7 /* TCP_CLOSE; <netinet/tcp.h>, which names it, and <linux/tcp.h> exclude each other */, LOOK_MS = 50 };

struct tail {
	struct tail *next;
	uint64_t tag;
	struct connection *conn; /* NULL once it was closed: then fd is ours */
	int fd;
	uint64_t acked;          /* bytes of the connection that the client's machine has taken */
	int64_t moved_ms;        /* when that last grew */
};

void
tail_reset(int fd)
{
	struct linger none = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none); /* what the kernel holds goes too, when it is closed */
}

/* All is taken, or nothing will ever be. */
static bool
is_over(struct tail *t)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof info;

	if (getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return true;
	if (info.tcpi_bytes_acked > t->acked) {
		t->acked = info.tcpi_bytes_acked;
		t->moved_ms = loop_now_ms();
	}
	return info.tcpi_state == TCP_CLOSED || (info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0);
}

static void
tail_end(struct http_server *s, struct tail **at)
{
	struct tail *t = *at;
	uint64_t tag = t->tag;

	*at = t->next;
	if (!t->conn && t->fd >= 0) {
		close(t->fd);
		s->tails_kept--;
	}
	free(t);
	s->handler.delivered(s->handler.arg, tag);
}

/* Nothing more of it leaves. Of a connection that lives, the library notices and closes it. */
static void
tail_cut(struct http_server *s, struct tail **at)
{
	tail_reset((*at)->fd);
	if ((*at)->conn) (void)shutdown((*at)->fd, SHUT_RDWR);
	tail_end(s, at);
}

void
tail_add(struct connection *k, uint64_t tag)
{
	struct http_server *s = k->server;
	struct tail *t = mem_alloc(sizeof *t);

	*t = (struct tail){.next = s->tails, .tag = tag, .conn = k, .fd = k->fd, .moved_ms = loop_now_ms()};
	s->tails = t;
	if (is_over(t)) tail_end(s, &s->tails);
}

/* The library is about to close it: keep it open for what it holds. The client sees the end as it would have. No more are kept than connections may
 * be open: these no longer count as such, and who takes nothing must not use up descriptors. */
void
tails_keep(struct connection *k)
{
	struct http_server *s = k->server;

	for (struct tail *t = s->tails; t; t = t->next) {
		if (t->conn != k) continue;
		t->conn = NULL;
		t->fd = s->tails_kept < s->limits.connections ? dup(k->fd) : -1;
		if (t->fd < 0) {
			tail_reset(k->fd); /* what cannot be watched is not sent */
			continue;
		}
		s->tails_kept++;
		(void)shutdown(t->fd, SHUT_WR);
	}
}

int
tails_look(struct http_server *s)
{
	int64_t now = loop_now_ms();

	if (!s->tails) return -1;
	if (now < s->next_tails_ms) return (int)(s->next_tails_ms - now);
	s->next_tails_ms = now + LOOK_MS;
	for (struct tail **at = &s->tails; *at;) {
		if (is_over(*at)) tail_end(s, at);
		else if (now - (*at)->moved_ms > (int64_t)s->limits.idle_s * 1000) tail_cut(s, at);
		else at = &(*at)->next;
	}
	return s->tails ? LOOK_MS : -1;
}

void
tails_free(struct http_server *s)
{
	while (s->tails) {
		struct tail *t = s->tails;
		s->tails = t->next;
		if (!t->conn && t->fd >= 0) close(t->fd);
		free(t);
	}
}

void
http_abort_tail(struct http_server *s, uint64_t tag)
{
	for (struct tail **at = &s->tails; *at; at = &(*at)->next)
		if ((*at)->tag == tag) {
			tail_cut(s, at);
			return;
		}
}

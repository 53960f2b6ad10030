#include "ipc/chan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 16, READ_CHUNK = 64 * 1024 };

struct chan_out {
	struct chan_out *next;
	struct buf bytes;
	size_t sent;
	int fds[CHAN_FDS_MAX];
	size_t fd_count; /* 0 once they have been sent */
};

static void
close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0) close(fds[i]);
}

static void
out_free(struct chan_out *o)
{
	close_all(o->fds, o->fd_count);
	buf_fini(&o->bytes);
	free(o);
}

void
chan_init(struct chan *ch, int fd)
{
	*ch = (struct chan){.fd = fd};
}

void
chan_fini(struct chan *ch)
{
	while (ch->head) {
		struct chan_out *next = ch->head->next;
		out_free(ch->head);
		ch->head = next;
	}
	close_all(ch->fds, ch->fd_count);
	buf_fini(&ch->in);
	if (ch->fd >= 0) close(ch->fd);
	*ch = (struct chan){.fd = -1};
}

Err
chan_pair(struct ctx *c, int ret[2])
{
	int fds[2];

	ENSURE(c, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, IO, "socketpair: %s", strerror(errno));
	ret[0] = fds[0];
	ret[1] = fds[1];
	return OK;
}

Err
chan_nonblock(struct ctx *c, struct chan *ch)
{
	int flags = fcntl(ch->fd, F_GETFL);

	ENSURE(c, flags >= 0 && fcntl(ch->fd, F_SETFL, flags | O_NONBLOCK) == 0, IO, "fcntl: %s", strerror(errno));
	return OK;
}

/* Send what is left of one queued frame; *ret_all tells whether it is through. */
static Err
send_some(struct ctx *c, struct chan *ch, struct chan_out *o, bool *ret_all)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CHAN_FDS_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = o->bytes.p + o->sent, .iov_len = o->bytes.n - o->sent};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (o->fd_count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * o->fd_count);
		struct cmsghdr *cm = &control.align; /* what CMSG_FIRSTHDR() would give */
		*cm = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * o->fd_count)};
		memcpy(CMSG_DATA(cm), o->fds, sizeof(int) * o->fd_count);
	}
	ssize_t n;
	do n = sendmsg(ch->fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	*ret_all = false;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return OK;
	ENSURE(c, n > 0, UNAVAILABLE, "the other end of a channel is gone: %s", strerror(errno));
	close_all(o->fds, o->fd_count);
	o->fd_count = 0;
	o->sent += (size_t)n;
	ch->queued_bytes -= (size_t)n;
	*ret_all = o->sent == o->bytes.n;
	return OK;
}

Err
chan_flush(struct ctx *c, struct chan *ch)
{
	while (ch->head) {
		size_t before = ch->queued_bytes;
		bool all;
		TRY(send_some(c, ch, ch->head, &all));
		if (ch->queued_bytes == before) return OK; /* would block */
		if (!all) continue;
		struct chan_out *o = ch->head;
		ch->head = o->next;
		if (!ch->head) ch->tail = NULL;
		out_free(o);
	}
	return OK;
}

Err
chan_send(struct ctx *c, struct chan *ch, enum msg_type type, uint64_t id, Str payload, const int *fds, size_t fd_count)
{
	assert(fd_count <= CHAN_FDS_MAX);
	struct chan_out *o = mem_alloc(sizeof *o);

	if (fd_count) memcpy(o->fds, fds, fd_count * sizeof *fds);
	o->fd_count = fd_count;
	if (ch->fd < 0 || payload.n > CHAN_FRAME_MAX || ch->queued_bytes + payload.n > CHAN_QUEUE_MAX) {
		out_free(o);
		ENSURE(c, ch->fd >= 0, UNAVAILABLE, "the channel is closed");
		return err_set(c, ERR_TOO_LARGE, "message %s of %zu bytes does not fit its channel", msg_name(type), payload.n);
	}
	buf_reserve(&o->bytes, HEADER + payload.n);
	buf_u32be(&o->bytes, (uint32_t)payload.n);
	buf_u16be(&o->bytes, (uint16_t)type);
	buf_u16be(&o->bytes, (uint16_t)fd_count);
	buf_u64be(&o->bytes, id);
	buf_str(&o->bytes, payload);
	ch->queued_bytes += o->bytes.n;
	if (ch->tail)
		ch->tail->next = o;
	else
		ch->head = o;
	ch->tail = o;
	return chan_flush(c, ch);
}

static Err
take_fds(struct ctx *c, struct chan *ch, struct msghdr *msg)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS) continue;
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[2 * CHAN_FDS_MAX];
		size_t fit = n <= ARRAY_LEN(fds) ? n : ARRAY_LEN(fds);
		memcpy(fds, CMSG_DATA(cm), fit * sizeof(int));
		if (ch->fd_count + n > ARRAY_LEN(ch->fds)) {
			close_all(fds, fit);
			return err_set(c, ERR_INVALID, "too many file descriptors on a channel");
		}
		memcpy(ch->fds + ch->fd_count, fds, n * sizeof(int));
		ch->fd_count += n;
	}
	ENSURE(c, !(msg->msg_flags & MSG_CTRUNC), INVALID, "too many file descriptors on a channel");
	return OK;
}

Err
chan_read(struct ctx *c, struct chan *ch)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 2 * CHAN_FDS_MAX)];
	} control;

	ENSURE(c, ch->fd >= 0, UNAVAILABLE, "the channel is closed");
	buf_drop(&ch->in, ch->in_used);
	ch->in_used = 0;
	buf_reserve(&ch->in, READ_CHUNK);
	struct iovec iov = {.iov_base = ch->in.p + ch->in.n, .iov_len = ch->in.cap - ch->in.n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	ssize_t n;
	do n = recvmsg(ch->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return OK;
	ENSURE(c, n > 0, UNAVAILABLE, "the other end of a channel is gone");
	ch->in.n += (size_t)n;
	return take_fds(c, ch, &msg);
}

static uint64_t
be(const char *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++) v = v << 8 | (unsigned char)p[i];
	return v;
}

Err
chan_next(struct ctx *c, struct chan *ch, bool *ret_got, struct frame *ret)
{
	size_t have = ch->in.n - ch->in_used;

	*ret_got = false;
	if (have < HEADER) return OK;
	const char *p = ch->in.p + ch->in_used;
	size_t length = be(p, 4), type = be(p + 4, 2), fds = be(p + 6, 2);
	ENSURE(c, length <= CHAN_FRAME_MAX && type > MSG_NONE && type < MSG_TYPE_COUNT && fds <= CHAN_FDS_MAX, INVALID,
	       "malformed frame on a channel");
	if (have < HEADER + length) return OK;
	ENSURE(c, fds <= ch->fd_count, INVALID, "a frame claims file descriptors that did not come");
	*ret = (struct frame){.type = (enum msg_type)type, .id = be(p + 8, 8), .payload = str_of(p + HEADER, length), .fd_count = fds};
	memcpy(ret->fds, ch->fds, fds * sizeof(int));
	ch->fd_count -= fds;
	memmove(ch->fds, ch->fds + fds, ch->fd_count * sizeof(int));
	ch->in_used += HEADER + length;
	*ret_got = true;
	return OK;
}

Err
chan_recv(struct ctx *c, struct chan *ch, struct frame *ret)
{
	for (;;) {
		bool got;
		TRY(chan_next(c, ch, &got, ret));
		if (got) return OK;
		TRY(chan_read(c, ch));
	}
}

void
frame_fini(struct frame *f)
{
	close_all(f->fds, f->fd_count);
	f->fd_count = 0;
}

Err
frame_expect(struct ctx *c, const struct frame *f, enum msg_type want)
{
	struct msg_FAILED m;

	if (f->type == want) return OK;
	ENSURE(c, f->type == MSG_FAILED, INVALID, "expected %s, got %s", msg_name(want), msg_name(f->type));
	TRY(msg_get_FAILED(c, f->payload, &m));
	ENSURE(c, m.code > ERR_NONE && m.code < ERR_COUNT, INVALID, "a role answered with an unknown error");
	return err_set(c, (enum err_code)m.code, "%.*s", STR(m.detail));
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/chan.h"

struct bench {
	struct arena arena;
	struct ctx c;
	struct chan a, b;
	int fds_before;
};

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
setup(void **state)
{
	struct bench *t = mem_alloc(sizeof *t);
	int ends[2];

	t->fds_before = open_fds();
	t->c.arena = &t->arena;
	if (!err_ok(chan_pair(&t->c, ends))) return -1;
	chan_init(&t->a, ends[0]);
	chan_init(&t->b, ends[1]);
	*state = t;
	return 0;
}

/* Whatever a test did, no descriptor stays. */
static int
teardown(void **state)
{
	struct bench *t = *state;

	chan_fini(&t->a);
	chan_fini(&t->b);
	chan_fini(&t->b); /* twice is fine */
	int leaked = open_fds() - t->fds_before;
	arena_fini(&t->arena);
	free(t);
	return leaked;
}

#define GOOD(e) assert_int_equal((e).code, ERR_NONE)
#define BAD(kind, e) assert_int_equal((e).code, ERR_##kind)

static struct frame
receive(struct bench *t)
{
	struct frame f;

	GOOD(chan_recv(&t->c, &t->b, &f));
	return f;
}

static ino_t
inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void
test_frames(void **state)
{
	struct bench *t = *state;

	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 7, S("payload"), NULL, 0));
	GOOD(chan_send(&t->c, &t->a, MSG_FAILED, UINT64_MAX, S(""), NULL, 0));
	struct frame f = receive(t);
	assert_int_equal(f.type, MSG_DONE);
	assert_int_equal(f.id, 7);
	assert_true(str_eqc(f.payload, "payload"));
	assert_int_equal(f.fd_count, 0);
	f = receive(t);
	assert_int_equal(f.type, MSG_FAILED);
	assert_true(f.id == UINT64_MAX && f.payload.n == 0);
	chan_fini(&t->a);
	BAD(UNAVAILABLE, chan_recv(&t->c, &t->b, &f));
}

static void
test_fds(void **state)
{
	struct bench *t = *state;
	int pipes[2], extra[4];
	struct stat st;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(fstat(pipes[0], &st), 0);
	for (int i = 0; i < 4; i++) extra[i] = dup(pipes[i & 1]);
	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 1, S("one"), &pipes[0], 1));
	assert_int_equal(fcntl(pipes[0], F_GETFD), -1); /* taken */
	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 2, S("none"), NULL, 0));
	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 3, S("four"), extra, 4));
	struct frame f = receive(t);
	assert_int_equal(f.fd_count, 1);
	assert_int_equal(inode(f.fds[0]), st.st_ino);
	assert_true(fcntl(f.fds[0], F_GETFD) & FD_CLOEXEC);
	frame_fini(&f);
	assert_int_equal(f.fd_count, 0);
	f = receive(t);
	assert_int_equal(f.fd_count, 0);
	f = receive(t);
	assert_int_equal(f.fd_count, 4);
	close(TAKE(f.fds[2], -1));
	frame_fini(&f); /* the one taken is not closed again */
	close(pipes[1]);
}

/* Frames and fds that were not taken go with the channel. */
static void
test_untaken(void **state)
{
	struct bench *t = *state;
	int pipes[2];
	struct frame f;
	bool got;

	assert_int_equal(pipe(pipes), 0);
	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 1, S(""), pipes, 2));
	GOOD(chan_read(&t->c, &t->b));
	assert_int_equal(t->b.fd_count, 2);
	chan_fini(&t->b);
	(void)f, (void)got;
	GOOD(chan_nonblock(&t->c, &t->a));
	assert_int_equal(pipe(pipes), 0);
	BAD(UNAVAILABLE, chan_send(&t->c, &t->a, MSG_DONE, 2, S(""), pipes, 2)); /* taken and closed in any case */
}

static void
raw(struct bench *t, const void *bytes, size_t n)
{
	assert_int_equal(send(t->a.fd, bytes, n, MSG_NOSIGNAL), n);
}

/* One byte at a time is a frame too. */
static void
test_bytewise(void **state)
{
	struct bench *t = *state;
	BUF_AUTO b = BUF_INIT;
	struct frame f;
	bool got;

	for (int i = 0; i < 3; i++) {
		buf_u32be(&b, (uint32_t)i);
		buf_u16be(&b, MSG_DONE);
		buf_u16be(&b, 0);
		buf_u64be(&b, (uint64_t)i + 1);
		buf_add(&b, "xyz", (size_t)i);
	}
	GOOD(chan_nonblock(&t->c, &t->b));
	uint64_t seen = 0;
	for (size_t i = 0; i < b.n; i++) {
		GOOD(chan_read(&t->c, &t->b)); /* nothing there: fine */
		GOOD(chan_next(&t->c, &t->b, &got, &f));
		assert_false(got);
		raw(t, b.p + i, 1);
		GOOD(chan_read(&t->c, &t->b));
		GOOD(chan_next(&t->c, &t->b, &got, &f));
		if (!got) continue;
		assert_int_equal(f.id, ++seen);
		assert_int_equal(f.payload.n, seen - 1);
	}
	assert_int_equal(seen, 3);
}

/* What a hostile role may send. */
static void
test_hostile(void **state)
{
	struct bench *t = *state;
	static const struct {
		const char *what;
		unsigned char head[16];
	} table[] = {
	    {"over the limit", {0x01, 0x80, 0, 1, 0, MSG_DONE}},
	    {"as long as can be", {0xff, 0xff, 0xff, 0xff, 0, MSG_DONE}},
	    {"no type", {0, 0, 0, 0, 0, MSG_NONE}},
	    {"unknown type", {0, 0, 0, 0, MSG_TYPE_COUNT >> 8, MSG_TYPE_COUNT & 255}},
	    {"far unknown type", {0, 0, 0, 0, 0xff, 0xff}},
	    {"too many fds", {0, 0, 0, 0, 0, MSG_DONE, 0, CHAN_FDS_MAX + 1}},
	    {"fds that did not come", {0, 0, 0, 0, 0, MSG_DONE, 0, 1}},
	};
	struct frame f;

	_Static_assert(CHAN_FRAME_MAX == 0x01800000, "the first head is one byte over");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		raw(t, table[i].head, sizeof table[i].head);
		Err e = chan_recv(&t->c, &t->b, &f);
		if (e.code != ERR_INVALID) fail_msg("%s: %s", table[i].what, err_name(e));
		chan_fini(&t->a);
		chan_fini(&t->b);
		int ends[2];
		GOOD(chan_pair(&t->c, ends));
		chan_init(&t->a, ends[0]);
		chan_init(&t->b, ends[1]);
	}
}

/* Descriptors without a frame that claims them pile up to the limit and no further; all of them are closed in the end. */
static void
test_fd_flood(void **state)
{
	struct bench *t = *state;
	int fds[8];
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof fds)];
	} control = {0};
	struct iovec iov = {.iov_base = (char[]){0}, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	Err e = OK;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) fds[i] = dup(t->a.fd);
	control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fds)};
	memcpy(CMSG_DATA(&control.head), fds, sizeof fds);
	for (int i = 0; i < 3; i++) assert_int_equal(sendmsg(t->a.fd, &msg, MSG_NOSIGNAL), 1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) close(fds[i]);
	for (int i = 0; i < 3 && err_ok(e); i++) e = chan_read(&t->c, &t->b);
	BAD(INVALID, e);
	assert_true(t->b.fd_count <= 2 * CHAN_FDS_MAX);
}

static void
test_large(void **state)
{
	struct bench *t = *state;
	size_t n = CHAN_FRAME_MAX;
	char *big = malloc(n + 1);
	struct frame f = {0};
	bool got = false;

	memset(big, 'x', n + 1);
	big[n - 1] = 'y';
	GOOD(chan_nonblock(&t->c, &t->a));
	GOOD(chan_nonblock(&t->c, &t->b));
	BAD(TOO_LARGE, chan_send(&t->c, &t->a, MSG_DONE, 1, str_of(big, n + 1), NULL, 0));
	assert_false(chan_pending(&t->a));
	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 2, str_of(big, n), NULL, 0));
	assert_true(chan_pending(&t->a)); /* more than a socket holds */
	GOOD(chan_send(&t->c, &t->a, MSG_DONE, 3, S("behind"), NULL, 0));
	while (!got) {
		GOOD(chan_flush(&t->c, &t->a));
		GOOD(chan_read(&t->c, &t->b));
		GOOD(chan_next(&t->c, &t->b, &got, &f));
	}
	assert_true(f.id == 2 && f.payload.n == n && f.payload.p[n - 1] == 'y' && f.payload.p[0] == 'x');
	GOOD(chan_next(&t->c, &t->b, &got, &f));
	while (!got) {
		GOOD(chan_flush(&t->c, &t->a));
		GOOD(chan_read(&t->c, &t->b));
		GOOD(chan_next(&t->c, &t->b, &got, &f));
	}
	assert_true(f.id == 3 && str_eqc(f.payload, "behind"));
	assert_false(chan_pending(&t->a));
	assert_int_equal(t->a.queued_bytes, 0);
	free(big);
}

/* A peer that does not read costs a bounded amount of memory. */
static void
test_queue_limit(void **state)
{
	struct bench *t = *state;
	size_t n = CHAN_FRAME_MAX, sent = 0;
	char *big = calloc(1, n);
	Err e = OK;
	int pipes[2];

	GOOD(chan_nonblock(&t->c, &t->a));
	while (err_ok(e) && sent < 100) {
		e = chan_send(&t->c, &t->a, MSG_DONE, 1, str_of(big, n), NULL, 0);
		sent += err_ok(e) ? 1 : 0;
	}
	BAD(TOO_LARGE, e);
	assert_true(sent >= 3 && sent <= CHAN_QUEUE_MAX / CHAN_FRAME_MAX + 1);
	assert_true(t->a.queued_bytes <= CHAN_QUEUE_MAX);
	assert_int_equal(pipe(pipes), 0);
	BAD(TOO_LARGE, chan_send(&t->c, &t->a, MSG_DONE, 1, str_of(big, n), pipes, 2)); /* the fds are closed nevertheless */
	free(big);
}

/* Fds that wait in the queue arrive with their own frame. */
static void
test_queued_fds(void **state)
{
	struct bench *t = *state;
	size_t n = 4 << 20;
	char *big = calloc(1, n);
	struct frame f;
	ino_t want[5];
	bool got;

	GOOD(chan_nonblock(&t->c, &t->a));
	GOOD(chan_nonblock(&t->c, &t->b));
	for (uint64_t i = 0; i < 5; i++) {
		int pipes[2];
		assert_int_equal(pipe(pipes), 0);
		want[i] = inode(pipes[0]);
		close(pipes[1]);
		GOOD(chan_send(&t->c, &t->a, MSG_DONE, i, str_of(big, n), pipes, 1));
	}
	for (uint64_t i = 0; i < 5; i++) {
		for (got = false; !got;) {
			GOOD(chan_next(&t->c, &t->b, &got, &f));
			if (got) break;
			GOOD(chan_flush(&t->c, &t->a));
			GOOD(chan_read(&t->c, &t->b));
		}
		assert_true(f.id == i && f.fd_count == 1);
		assert_int_equal(inode(f.fds[0]), want[i]);
		frame_fini(&f);
	}
	free(big);
}

static void
test_expect(void **state)
{
	struct bench *t = *state;
	struct frame f;

	GOOD(chan_post(&t->c, &t->a, FAILED, 1, -1, .code = ERR_FULL, .detail = S("no room")));
	f = receive(t);
	BAD(FULL, frame_expect(&t->c, &f, MSG_DONE));
	assert_string_equal(t->c.detail, "no room");
	GOOD(frame_expect(&t->c, &f, MSG_FAILED));
	GOOD(chan_post(&t->c, &t->a, FAILED, 1, -1, .code = ERR_COUNT, .detail = S("")));
	f = receive(t);
	BAD(INVALID, frame_expect(&t->c, &f, MSG_DONE));
	GOOD(chan_post(&t->c, &t->a, FAILED, 1, -1, .code = ERR_NONE, .detail = S("")));
	f = receive(t);
	BAD(INVALID, frame_expect(&t->c, &f, MSG_DONE)); /* a failure never counts as success */
	GOOD(chan_post(&t->c, &t->a, DONE, 1, -1, .value = 3));
	f = receive(t);
	BAD(INVALID, frame_expect(&t->c, &f, MSG_P_SPAWNED));
	GOOD(frame_expect(&t->c, &f, MSG_DONE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_frames), TEST(test_fds),   TEST(test_untaken),     TEST(test_bytewise),   TEST(test_hostile),
	    TEST(test_fd_flood), TEST(test_large), TEST(test_queue_limit), TEST(test_queued_fds), TEST(test_expect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

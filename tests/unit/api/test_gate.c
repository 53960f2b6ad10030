/* The gate in a process of its own, in its sandbox; this process is its core and its clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/args.h"
#include "api/gate.h"
#include "crypt/hash.h"
#include "ipc/chan.h"
#include "net/listen.h"
#include "os/log.h"

struct bench {
	struct arena arena;
	struct ctx c;
	struct chan core;
	pid_t gate;
	uint16_t port;
	struct frame f; /* the newest from the gate */
};

#define assert_ok(b, expr)                                                                                                     \
	do {                                                                                                                   \
		Err e_ = (expr);                                                                                               \
		if (!err_ok(e_)) fail_msg("%s: %s: %s", #expr, err_name(e_), (b)->c.detail);                                   \
	} while (0)

static void
receive(struct bench *b, enum msg_type type)
{
	frame_fini(&b->f);
	assert_ok(b, chan_recv(&b->c, &b->core, &b->f));
	assert_string_equal(msg_name(b->f.type), msg_name(type));
}

static int
setup(void **state)
{
	struct bench *b = mem_alloc(sizeof *b);
	int ends[2], fd;
	struct timeval patience = {.tv_sec = 20};

	signal(SIGPIPE, SIG_IGN);
	b->c.arena = &b->arena;
	assert_ok(b, crypt_init(&b->c));
	assert_ok(b, listen_open(&b->c, S("127.0.0.1:0"), false, &fd, &b->port));
	assert_ok(b, chan_pair(&b->c, ends));
	b->gate = fork();
	if (b->gate == 0) {
		close(ends[0]);
		log_open("gate");
		_exit(gate_main(&(struct gate_setup){.listen_fd = fd, .core_fd = ends[1], .own_net = true}));
	}
	close(fd);
	close(ends[1]);
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	chan_init(&b->core, ends[0]);
	receive(b, MSG_READY);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	int status = -1;

	frame_fini(&b->f);
	chan_fini(&b->core);
	assert_int_equal(waitpid(b->gate, &status, 0), b->gate);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0); /* it ends by itself when the core is gone */
	arena_fini(&b->arena);
	free(b);
	return 0;
}

/* --- a client --- */

static int
client(struct bench *b, const char *text)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(b->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

/* Requests are sent with "Connection: close", so the answer ends with the connection. */
static void
answer(int fd, struct buf *out)
{
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) > 0) buf_add(out, part, (size_t)n);
	close(fd);
	assert_true(out->n > 0);
}

#define assert_in(b, text)                                                                                                     \
	do {                                                                                                                   \
		if (!strstr(buf_z(b), text)) fail_msg("'%s' is not in:\n%s", text, buf_z(b));                                  \
	} while (0)

#define HEAD "Host: x\r\nConnection: close\r\nAuthorization: Bearer hdl_t\r\nX-Heddle-Mark: 41\r\n"

static struct msg_G_REQUEST
asked(struct bench *b, enum route_id route)
{
	struct msg_G_REQUEST m = {0};

	receive(b, MSG_G_REQUEST);
	assert_ok(b, msg_get_G_REQUEST(&b->c, b->f.payload, &m));
	assert_int_equal(m.route, route);
	return m;
}

static void
reply(struct bench *b, uint64_t id, unsigned status, const char *body)
{
	Str headers[] = {S("X-Heddle-Mark"), S("42")};

	assert_ok(b, chan_post(&b->c, &b->core, G_REPLY, id, -1, .status = status, .content_type = S("application/json"), .headers = {headers, 2},
	                       .body = str_c(body)));
}

/* --- tests --- */

static void
test_request_and_reply(void **state)
{
	struct bench *b = *state;
	BUF_AUTO out = BUF_INIT;
	struct msg_G_REQUEST m;
	int fd = client(b, "POST /api/v1/domains HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 32\r\n\r\n"
	               "{\"name\":\"stores\",\"owner\":\"olga\"}");
	m = asked(b, ROUTE_DOMAIN_ADD);
	struct api_args args = {m.args};
	assert_true(str_eqc(m.token, "hdl_t"));
	assert_true(str_eqc(m.mark, "41"));
	assert_int_equal(m.request_id.n, 32);
	assert_true(str_eqc(api_arg_str(&args, "owner"), "olga"));
	reply(b, b->f.id, 201, "{\"id\":\"d1\"}");
	answer(fd, &out);
	assert_in(&out, "HTTP/1.1 201 ");
	assert_in(&out, "X-Heddle-Mark: 42");
	assert_in(&out, "{\"id\":\"d1\"}");
}

static void
test_answered_without_the_core(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *send, *expect, *also;
	} rows[] = {
	    {"GET /nowhere HTTP/1.1\r\n" HEAD "\r\n", "HTTP/1.1 404 ", "\"code\":\"NOT_FOUND\""},
	    {"DELETE /api/v1/domains HTTP/1.1\r\n" HEAD "\r\n", "HTTP/1.1 405 ", "Allow: POST, GET"},
	    {"HEAD /healthz HTTP/1.1\r\n" HEAD "\r\n", "HTTP/1.1 405 ", "Allow: GET"},
	    {"GET /openapi.json HTTP/1.1\r\n" HEAD "\r\n", "HTTP/1.1 200 ", "\"openapi\":\"3.1.0\""},
	    {"GET /api/v1/products?x=1 HTTP/1.1\r\n" HEAD "\r\n", "HTTP/1.1 400 ", "the parameter 'x' is not known here"},
	    {"POST /api/v1/query HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n\r\n{}", "HTTP/1.1 400 ", "Content-Type: application/json"},
	    {"POST /api/v1/query HTTP/1.1\r\n" HEAD "Content-Length: 300000000\r\n\r\n", "HTTP/1.1 413 ", "\"code\":\"TOO_LARGE\""},
	    {"GET /healthz HTTP/1.1\r\n" HEAD "Content-Length: 1\r\n\r\nx", "HTTP/1.1 413 ", "\"request_id\":\""},
	    {"GET /healthz HTTP/1.1\r\n" HEAD "Host: y\r\n\r\n", "HTTP/1.1 400 ", "Host comes more than once"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		BUF_AUTO out = BUF_INIT;
		answer(client(b, rows[i].send), &out);
		assert_in(&out, rows[i].expect);
		assert_in(&out, rows[i].also);
	}
	int fd = client(b, "GET /healthz HTTP/1.1\r\n" HEAD "\r\n");
	struct msg_G_REQUEST m = asked(b, ROUTE_HEALTHZ); /* and this is the first that the core hears */
	assert_int_equal(m.args.n, 0);
	reply(b, b->f.id, 200, "{}");
	close(fd);
}

static void
test_failures_and_nonsense_of_the_core(void **state)
{
	struct bench *b = *state;
	BUF_AUTO out = BUF_INIT;
	int fd = client(b, "GET /api/v1/status HTTP/1.1\r\n" HEAD "\r\n");

	asked(b, ROUTE_STATUS);
	assert_ok(b, chan_post(&b->c, &b->core, FAILED, b->f.id, -1, .code = ERR_UNAVAILABLE, .detail = S("starting")));
	reply(b, b->f.id, 200, "late");
	answer(fd, &out);
	assert_in(&out, "HTTP/1.1 503 ");
	assert_in(&out, "\"message\":\"starting\"");
	assert_in(&out, "Retry-After: 1");
	out.n = 0;
	fd = client(b, "GET /api/v1/status HTTP/1.1\r\n" HEAD "\r\n");
	asked(b, ROUTE_STATUS);
	assert_ok(b, chan_post(&b->c, &b->core, G_STREAM, b->f.id, -1, .status = 200)); /* without a descriptor */
	answer(fd, &out);
	assert_in(&out, "HTTP/1.1 500 ");
	out.n = 0;
	fd = client(b, "GET /api/v1/status HTTP/1.1\r\n" HEAD "\r\n");
	asked(b, ROUTE_STATUS);
	assert_ok(b, chan_post(&b->c, &b->core, G_SINK, b->f.id, dup(2), .limit_bytes = 1)); /* not asked for */
	answer(fd, &out);
	assert_in(&out, "HTTP/1.1 500 ");
	out.n = 0;
	Str split[] = {S("X-A"), S("1\r\nX-Evil: 1")};
	fd = client(b, "GET /api/v1/status HTTP/1.1\r\n" HEAD "\r\n");
	asked(b, ROUTE_STATUS);
	assert_ok(b, chan_post(&b->c, &b->core, G_REPLY, b->f.id, -1, .status = 200, .headers = {split, 2}));
	answer(fd, &out);
	assert_in(&out, "X-A: 1  X-Evil: 1");
}

/* A client that goes away before its answer: the core hears of it. */
static void
test_disconnect_cancels(void **state)
{
	struct bench *b = *state;
	struct msg_G_CANCEL m;
	int fd = client(b, "POST /api/v1/query HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"sql\":\"SELECT 1\"}");

	asked(b, ROUTE_QUERY);
	uint64_t id = b->f.id;
	close(fd);
	receive(b, MSG_G_CANCEL);
	assert_ok(b, msg_get_G_CANCEL(&b->c, b->f.payload, &m));
	assert_int_equal(m.request, id);
	reply(b, id, 200, "too late"); /* harmless */
	fd = client(b, "GET /healthz HTTP/1.1\r\n" HEAD "\r\n");
	asked(b, ROUTE_HEALTHZ);
	reply(b, b->f.id, 200, "{}");
	close(fd);
}

static int
start_stream(struct bench *b, int *ret_client)
{
	int ends[2];

	*ret_client =
	    client(b, "POST /api/v1/query HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"sql\":\"SELECT 1\"}");
	asked(b, ROUTE_QUERY);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_ok(b, chan_post(&b->c, &b->core, G_STREAM, b->f.id, ends[0], .status = 200, .content_type = S("text/csv")));
	return ends[1];
}

static void
test_stream(void **state)
{
	struct bench *b = *state;
	BUF_AUTO out = BUF_INIT;
	int fd, in = start_stream(b, &fd);

	assert_int_equal(write(in, "\0\0\0\4a,b\n\0\0\0\0\0", 13), 13);
	answer(fd, &out);
	assert_in(&out, "a,b\n");
	assert_in(&out, "\r\n0\r\n\r\n");
	close(in);
	uint64_t id = b->f.id;
	receive(b, MSG_G_STREAMED); /* the client has it */
	assert_int_equal(b->f.id, id);
	reply(b, id, 500, "an error when nothing is left to stop"); /* harmless */
	assert_ok(b, chan_post(&b->c, &b->core, FAILED, id, -1, .code = ERR_DENIED));
	/* broken off by the client: the core hears of it and the source is closed */
	in = start_stream(b, &fd);
	id = b->f.id;
	assert_int_equal(write(in, "\0\0\0\4a,b\n", 8), 8);
	reply(b, id, 500, "an error when it is too late for one");
	close(fd);
	receive(b, MSG_G_CANCEL);
	assert_int_equal(b->f.id, id);
	receive(b, MSG_G_STREAMED);
	assert_int_equal(b->f.id, id);
	char byte;
	assert_true(read(in, &byte, 1) <= 0);
	close(in);
}

static void
test_upload(void **state)
{
	struct bench *b = *state;
	BUF_AUTO out = BUF_INIT;
	struct msg_G_UPLOADED m;
	FILE *f = tmpfile();
	char got[16] = "";
	int fd = client(b, "POST /api/v1/uploads HTTP/1.1\r\n" HEAD "Content-Length: 6\r\n\r\nabcdef");

	asked(b, ROUTE_UPLOAD);
	assert_ok(b, chan_post(&b->c, &b->core, G_SINK, b->f.id, dup(fileno(f)), .limit_bytes = 100));
	receive(b, MSG_G_UPLOADED);
	assert_ok(b, msg_get_G_UPLOADED(&b->c, b->f.payload, &m));
	assert_int_equal(m.bytes, 6);
	assert_int_equal(m.complete, 1);
	rewind(f);
	assert_int_equal(fread(got, 1, sizeof got, f), 6);
	assert_string_equal(got, "abcdef");
	reply(b, b->f.id, 201, "{\"upload\":\"u\"}");
	answer(fd, &out);
	assert_in(&out, "HTTP/1.1 201 ");
	fclose(f);
	/* the client goes away in the middle */
	fd = client(b, "POST /api/v1/uploads HTTP/1.1\r\n" HEAD "Content-Length: 6\r\n\r\nabc");
	asked(b, ROUTE_UPLOAD);
	f = tmpfile();
	assert_ok(b, chan_post(&b->c, &b->core, G_SINK, b->f.id, dup(fileno(f)), .limit_bytes = 100));
	close(fd);
	receive(b, MSG_G_CANCEL);
	receive(b, MSG_G_UPLOADED);
	assert_ok(b, msg_get_G_UPLOADED(&b->c, b->f.payload, &m));
	assert_int_equal(m.complete, 0);
	fclose(f);
}

static void
test_metrics_have_the_gates_own(void **state)
{
	struct bench *b = *state;
	BUF_AUTO out = BUF_INIT;
	int fd = client(b, "GET /metrics HTTP/1.1\r\n" HEAD "\r\n");

	asked(b, ROUTE_METRICS);
	assert_ok(b, chan_post(&b->c, &b->core, G_REPLY, b->f.id, -1, .status = 200, .content_type = S("text/plain"), .body = S("heddle_core 1\n")));
	answer(fd, &out);
	assert_in(&out, "heddle_core 1\n");
	assert_in(&out, "heddle_http_requests_total 1\n");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_request_and_reply), T(test_answered_without_the_core), T(test_failures_and_nonsense_of_the_core), T(test_disconnect_cancels),
	    T(test_stream), T(test_upload), T(test_metrics_have_the_gates_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

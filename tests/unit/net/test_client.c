/* The client against the server, in a process of its own, plain and over TLS with a certificate made on the spot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "net/client.h"
#include "serve.h"

/* --- the node --- */

static enum http_body
on_head(void *arg, struct http_request *r, uint64_t *ret_limit)
{
	(void)arg;
	*ret_limit = 1 << 20;
	return str_eqc(r->target.segments[0], "upload") ? HTTP_BODY_SINK : HTTP_BODY_MEMORY;
}

static void
stream(struct http_request *r, int status)
{
	BUF_AUTO b = BUF_INIT;
	int ends[2];

	if (pipe(ends) != 0) abort();
	for (int i = 0; i < 100; i++) {
		buf_u32be(&b, 4);
		buf_printf(&b, "%03d\n", i);
	}
	buf_u32be(&b, 0);
	buf_char(&b, (char)status);
	if (write(ends[1], b.p, b.n) != (ssize_t)b.n) abort();
	close(ends[1]);
	http_reply_stream(r, 200, S("text/csv"), ends[0], NULL, 0);
}

static void
on_request(void *arg, struct http_request *r)
{
	Str what = r->target.segments[0];
	struct http_header mark = {S("X-Heddle-Mark"), S("17")};
	BUF_AUTO b = BUF_INIT;

	(void)arg;
	if (str_eqc(what, "upload")) {
		FILE *f = tmpfile();
		http_sink(r, dup(fileno(f)), 1 << 20);
		fclose(f);
	} else if (str_eqc(what, "whole")) {
		stream(r, 0);
	} else if (str_eqc(what, "broken")) {
		stream(r, 1);
	} else if (str_eqc(what, "denied")) {
		http_reply_error(r, err_set(&r->c, ERR_DENIED, "no"), "no grant \"covers\" it", NULL, 0);
	} else if (str_eqc(what, "foreign")) {
		http_reply(r, 502, S("text/html"), S("<h1>oh</h1>"), NULL, 0);
	} else if (!str_eqc(what, "never")) {
		buf_printf(&b, "%.*s %.*s %.*s %.*s %.*s", STR(r->method), STR(what), STR(http_header(r, S("Authorization"))),
		           STR(http_header(r, S("X-Heddle-Mark"))), STR(r->body));
		http_reply(r, 201, S("text/plain"), buf_view(&b), &mark, 1);
	}
}

static void
on_sunk(void *arg, struct http_request *r, uint64_t bytes, Err e)
{
	BUF_AUTO b = BUF_INIT;

	(void)arg;
	buf_printf(&b, "%s %llu", err_name(e), (unsigned long long)bytes);
	http_reply(r, 200, S("text/plain"), buf_view(&b), NULL, 0);
}

static void
on_gone(void *arg, struct http_request *r, bool answered)
{
	(void)arg, (void)r, (void)answered;
}

struct bench {
	struct arena arena;
	struct ctx c;
	pid_t node;
	struct client *k;
	char url[64], ca[64];
};

static void
serve_until_killed(const struct http_tls *tls, int tell)
{
	struct http_handler h = {.head = on_head, .request = on_request, .sunk = on_sunk, .gone = on_gone};
	struct serve s;

	signal(SIGPIPE, SIG_IGN);
	serve_start(&s, tls, NULL, &h);
	if (write(tell, &s.port, sizeof s.port) != sizeof s.port) abort();
	for (;;) serve_turn(&s, -1);
}

static void
node_start(struct bench *b, const struct http_tls *tls)
{
	uint16_t port;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	b->node = fork();
	if (b->node == 0) serve_until_killed(tls, ends[1]);
	assert_int_equal(read(ends[0], &port, sizeof port), sizeof port);
	close(ends[0]);
	close(ends[1]);
	snprintf(b->url, sizeof b->url, "%s://127.0.0.1:%u/", tls ? "https" : "http", port);
}

static void
node_stop(struct bench *b)
{
	kill(b->node, SIGKILL);
	waitpid(b->node, NULL, 0);
}

#define assert_ok(b, expr)                                                                                                     \
	do {                                                                                                                   \
		Err e_ = (expr);                                                                                               \
		if (!err_ok(e_)) fail_msg("%s: %s: %s", #expr, err_name(e_), (b)->c.detail);                                   \
	} while (0)
#define assert_err(expr, name) assert_string_equal(err_name(expr), name)

static int
setup(void **state)
{
	struct bench *b = mem_alloc(sizeof *b);

	b->c.arena = &b->arena;
	node_start(b, NULL);
	assert_ok(b, client_open(&b->c, &(struct client_options){.url = b->url, .token = "hdl_x"}, &b->k));
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	client_close(b->k);
	node_stop(b);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

/* --- tests --- */

static void
test_call(void **state)
{
	struct bench *b = *state;
	struct client_answer a;
	BUF_AUTO path = BUF_INIT;

	assert_ok(b, client_call(&b->c, b->k, "POST", S("/x"), S("{\"a\":1}"), S("12"), &a));
	assert_int_equal(a.status, 201);
	assert_true(str_eqc(a.body, "POST x Bearer hdl_x 12 {\"a\":1}"));
	assert_true(str_eqc(a.content_type, "text/plain"));
	assert_true(str_eqc(a.mark, "17"));
	assert_int_equal(a.request_id.n, 32);
	assert_true(str_eqc(client_header(b->k, "x-heddle-mark"), "17"));
	assert_int_equal(client_header(b->k, "x-none").n, 0);
	assert_ok(b, client_call(&b->c, b->k, "DELETE", S("/x"), (Str){0}, S(""), &a));
	assert_true(str_eqc(a.body, "DELETE x Bearer hdl_x  "));
	buf_c(&path, "/");
	client_escape(&path, S("a/b ?%\xc3\xa4~"));
	assert_string_equal(buf_z(&path), "/a%2Fb%20%3F%25%C3%A4~");
	assert_ok(b, client_call(&b->c, b->k, "GET", buf_view(&path), (Str){0}, S(""), &a));
	assert_true(str_eqc(a.body, "GET a/b ?%\xc3\xa4~ Bearer hdl_x  "));
}

static void
test_errors(void **state)
{
	struct bench *b = *state;
	struct client_answer a = {0};
	struct client *k;

	assert_err(client_call(&b->c, b->k, "GET", S("/denied"), (Str){0}, S(""), &a), "DENIED");
	assert_string_equal(b->c.detail, "no grant \"covers\" it");
	assert_int_equal(a.status, 403);
	assert_non_null(strstr(a.body.p, "request_id"));
	assert_err(client_call(&b->c, b->k, "GET", S("/foreign"), (Str){0}, S(""), &a), "INTERNAL");
	assert_int_equal(a.status, 502);
	assert_err(client_open(&b->c, &(struct client_options){.url = "ftp://x"}, &k), "INVALID");
	assert_err(client_open(&b->c, &(struct client_options){.url = b->url, .token = "a\r\nX: y"}, &k), "INVALID");
	node_stop(b);
	a.status = 0;
	assert_err(client_call(&b->c, b->k, "GET", S("/x"), (Str){0}, S(""), &a), "UNAVAILABLE");
	assert_non_null(strstr(b->c.detail, "heddle serve --data DIR"));
	assert_int_equal(a.status, 0);
	node_start(b, NULL); /* for the teardown */
}

static Err
add_part(struct ctx *c, void *arg, Str part)
{
	struct buf *all = arg;

	buf_str(all, part);
	return all->n > 300 ? err_set(c, ERR_IO, "enough") : OK;
}

static void
test_stream(void **state)
{
	struct bench *b = *state;
	struct client_answer a;
	BUF_AUTO all = BUF_INIT;

	all.n = 0;
	assert_err(client_stream(&b->c, b->k, "GET", S("/whole"), (Str){0}, add_part, &all, &a), "IO"); /* its own error ends it */
	BUF_AUTO short_one = BUF_INIT;
	assert_err(client_stream(&b->c, b->k, "GET", S("/denied"), (Str){0}, add_part, &short_one, &a), "DENIED");
	assert_int_equal(short_one.n, 0);
	assert_true(a.body.n > 0);
	assert_ok(b, client_call(&b->c, b->k, "GET", S("/whole"), (Str){0}, S(""), &a));
	assert_int_equal(a.body.n, 400);
	assert_err(client_call(&b->c, b->k, "GET", S("/broken"), (Str){0}, S(""), &a), "INTERNAL");
	assert_non_null(strstr(b->c.detail, "not the whole"));
}

static void
count(void *arg, uint64_t done, uint64_t total)
{
	assert_true(done <= total);
	*(uint64_t *)arg = done;
}

static void
test_upload(void **state)
{
	struct bench *b = *state;
	struct client_answer a;
	uint64_t done = 0;
	FILE *f = tmpfile();

	for (int i = 0; i < 100000; i++) fputs("0123456789", f);
	rewind(f);
	assert_ok(b, client_upload(&b->c, b->k, S("/upload"), fileno(f), 1000000, count, &done, &a));
	assert_true(str_eqc(a.body, "OK 1000000"));
	assert_int_equal(done, 1000000);
	lseek(fileno(f), 0, SEEK_SET);
	assert_err(client_upload(&b->c, b->k, S("/upload"), fileno(f), 1000001, NULL, NULL, &a), "IO"); /* shorter than told */
	lseek(fileno(f), 0, SEEK_SET);
	for (int i = 0; i < 10000; i++) fputs("0123456789", f);
	lseek(fileno(f), 0, SEEK_SET);
	assert_err(client_upload(&b->c, b->k, S("/upload"), fileno(f), (1 << 20) + 1, NULL, NULL, &a), "TOO_LARGE");
	fclose(f);
}

static Err
stop_at_third(struct ctx *c, void *arg)
{
	return ++*(int *)arg == 3 ? err_set(c, ERR_CANCELLED, "stopped") : OK;
}

static void
test_tick_ends_a_call(void **state)
{
	struct bench *b = *state;
	struct client_answer a;
	int ticks = 0;

	client_tick(b->k, stop_at_third, &ticks);
	assert_err(client_call(&b->c, b->k, "GET", S("/never"), (Str){0}, S(""), &a), "CANCELLED");
	assert_int_equal(ticks, 3);
	client_tick(b->k, NULL, NULL);
	assert_ok(b, client_call(&b->c, b->k, "GET", S("/x"), (Str){0}, S(""), &a));
}

/* --- TLS --- */

static Str
pem(struct arena *a, gnutls_datum_t *d)
{
	Str s = arena_str(a, str_of(d->data, d->size));

	gnutls_free(d->data);
	return s;
}

/* Self-signed, for 127.0.0.1, one day. */
static void
make_certificate(struct arena *a, struct http_tls *ret)
{
	static const unsigned char address[4] = {127, 0, 0, 1};
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t d;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\x07", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "heddle test", 11);
	gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, sizeof address, GNUTLS_FSAN_SET);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &d), 0);
	ret->certificate = pem(a, &d);
	assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &d), 0);
	ret->key = pem(a, &d);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void
test_tls(void **state)
{
	struct bench *b = *state;
	struct client_answer a;
	struct client *k;
	struct http_tls tls;
	uint64_t done = 0;
	char ca[] = "/tmp/heddle-ca-XXXXXX";
	int fd = mkstemp(ca);
	FILE *f = tmpfile();

	make_certificate(&b->arena, &tls);
	assert_int_equal(write(fd, tls.certificate.p, tls.certificate.n), tls.certificate.n);
	close(fd);
	node_stop(b);
	node_start(b, &tls);
	assert_ok(b, client_open(&b->c, &(struct client_options){.url = b->url, .ca_file = ca}, &k));
	assert_ok(b, client_call(&b->c, k, "POST", S("/x"), S("{}"), S(""), &a));
	assert_true(str_eqc(a.body, "POST x   {}"));
	assert_ok(b, client_call(&b->c, k, "GET", S("/whole"), (Str){0}, S(""), &a));
	assert_int_equal(a.body.n, 400);
	assert_err(client_call(&b->c, k, "GET", S("/broken"), (Str){0}, S(""), &a), "INTERNAL");
	for (int i = 0; i < 50000; i++) fputs("0123456789", f);
	rewind(f);
	assert_ok(b, client_upload(&b->c, k, S("/upload"), fileno(f), 500000, count, &done, &a));
	assert_true(str_eqc(a.body, "OK 500000"));
	client_close(k);
	/* without knowing the certificate: nothing is said to it */
	assert_ok(b, client_open(&b->c, &(struct client_options){.url = b->url, .token = "t"}, &k));
	assert_err(client_call(&b->c, k, "GET", S("/x"), (Str){0}, S(""), &a), "INVALID");
	assert_non_null(strstr(b->c.detail, "not trusted"));
	client_close(k);
	fclose(f);
	unlink(ca);
}

static void
test_tls_wants_a_pair(void **state)
{
	struct bench *b = *state;
	struct http_handler h = {.head = on_head, .request = on_request, .sunk = on_sunk, .gone = on_gone};
	struct http_tls one, other;
	struct loop *loop;
	struct http_server *server;
	uint16_t port;
	int fd;

	make_certificate(&b->arena, &one);
	make_certificate(&b->arena, &other);
	one.key = other.key;
	assert_ok(b, loop_new(&b->c, &loop));
	assert_ok(b, listen_open(&b->c, S("127.0.0.1:0"), true, &fd, &port));
	assert_err(http_start(&b->c, loop, fd, &one, NULL, &h, &server), "INVALID");
	loop_free(loop);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_call), T(test_errors), T(test_stream), T(test_upload), T(test_tick_ends_a_call), T(test_tls), T(test_tls_wants_a_pair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The way of one request through the library's calls; see enum phase. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypt/hash.h"
#include "net/http_private.h"

enum {
	SINK_DISCARD_MAX = 256 * 1024 * 1024, /* the same for an upload whose sink failed when it was under way */
	DISCARD_MAX = 2 * 1024 * 1024, /* of a body that is refused are read: closed before, the client might not get to see the answer */
	STREAM_BLOCK_BYTES = 64 * 1024,
};

static void on_socket(void *arg, uint32_t events);
static void on_stream(void *arg, uint32_t events);

/* The library would list the parameters, for which nobody asks it, in the connection's memory; a thousand do not fit, and it would close the
 * connection without a word. So it gets to see one: its own copy may be written to, and is where it would cut them apart. */
static void
hide_params(const char *target)
{
	for (char *p = (char *)(uintptr_t)target; p && (p = strchr(p, '&'));) *p = '_';
}

struct request *
request_new(struct http_server *s, struct MHD_Connection *mhd, struct connection *conn, const char *target)
{
	struct request *r = mem_alloc(sizeof *r);
	char id[CRYPT_ID_MAX];

	r->server = s;
	r->mhd = mhd;
	r->conn = conn;
	conn->request = r;
	r->sink = r->stream.fd = -1;
	r->socket_watch = (struct loop_watch){.fd = conn->fd, .fn = on_socket, .arg = r};
	r->stream_watch = (struct loop_watch){.fd = -1, .fn = on_stream, .arg = r};
	r->pub.c.arena = &r->arena;
	r->target_at = target;
	r->target = target ? arena_str(&r->arena, str_c(target)) : (Str){0};
	hide_params(target);
	crypt_random_id(id);
	r->pub.id = arena_str(&r->arena, str_c(id));
	return r;
}

static void
body_forget(struct request *r)
{
	r->server->memory_bytes -= r->body.n;
	buf_fini(&r->body);
	r->body = BUF_INIT;
}

/* A stream, also one that broke off, may have left bytes behind that the client has yet to take. */
static void
deliver(struct request *r)
{
	if (r->pub.tag == 0) return;
	if (r->stream.fd >= 0 && !r->reset) tail_add(r->conn, r->pub.tag);
	else r->server->handler.delivered(r->server->handler.arg, r->pub.tag);
}

void
request_free(struct request *r, bool answered)
{
	struct http_server *s = r->server;

	answered = answered && r->response && !r->lost;
	loop_remove(s->loop, &r->socket_watch);
	loop_remove(s->loop, &r->stream_watch);
	if (r->announced) s->handler.gone(s->handler.arg, &r->pub, answered);
	deliver(r);
	s->stats.aborted += !answered;
	if (r->response) MHD_destroy_response(r->response);
	if (r->stream.fd >= 0) close(r->stream.fd);
	if (r->sink >= 0) close(r->sink);
	body_forget(r);
	r->conn->request = NULL;
	arena_fini(&r->arena);
	free(r);
}

/* --- waiting and going on --- */

/* The library forgets a suspended connection's socket, so we watch whether the client goes away. */
static void
suspend(struct request *r)
{
	struct ctx c = {0};

	if (r->server->stopping) r->lost = true;
	if (r->lost) return; /* closed at the next call */
	MHD_suspend_connection(r->mhd);
	r->suspended = true;
	if (!err_ok(loop_set(&c, r->server->loop, &r->socket_watch, EPOLLRDHUP))) abort();
}

static void
resume(struct request *r)
{
	if (!r->suspended) return;
	r->suspended = false;
	loop_remove(r->server->loop, &r->socket_watch);
	loop_remove(r->server->loop, &r->stream_watch);
	MHD_resume_connection(r->mhd);
	r->server->due = true;
}

void
request_lose(struct request *r)
{
	r->lost = true;
	resume(r);
}

static void
on_socket(void *arg, uint32_t events UNUSED)
{
	request_lose(arg);
}

static void
on_stream(void *arg, uint32_t events UNUSED)
{
	resume(arg);
}

/* --- answers --- */

static void
add_header(struct MHD_Response *m, Str name, Str value)
{
	BUF_AUTO n = BUF_INIT;
	BUF_AUTO v = BUF_INIT;

	buf_str(&n, name);
	buf_str(&v, value);
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f) v.p[i] = ' '; /* no line end may split the answer */
	if (MHD_add_response_header(m, buf_z(&n), buf_z(&v)) != MHD_YES) abort();
}

static void
answer(struct request *r, int status, Str content_type, struct MHD_Response *m, const struct http_header *headers, size_t n)
{
	assert(!r->response && m);
	r->response = m;
	r->status = (unsigned)status;
	if (content_type.n) add_header(m, S("Content-Type"), content_type);
	add_header(m, S("X-Request-Id"), r->pub.id);
	add_header(m, S("X-Content-Type-Options"), S("nosniff"));
	add_header(m, S("Cache-Control"), S("no-store"));
	for (size_t i = 0; i < n; i++) add_header(m, headers[i].name, headers[i].value);
	resume(r);
}

void
http_reply(struct http_request *pub, int status, Str content_type, Str body, const struct http_header *headers, size_t n)
{
	struct MHD_Response *m = MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);

	if (!m) abort();
	request_of(pub)->server->stats.bytes_out += body.n;
	answer(request_of(pub), status, content_type, m, headers, n);
}

void
http_error_body(const struct http_request *pub, Err e, const char *message, struct buf *out)
{
	buf_c(out, "{\"error\":{\"code\":");
	buf_json(out, str_c(err_name(e)));
	buf_c(out, ",\"message\":");
	buf_json(out, str_c(message));
	buf_c(out, ",\"request_id\":");
	buf_json(out, pub->id);
	buf_c(out, "}}\n");
}

void
http_reply_error(struct http_request *pub, Err e, const char *message, const struct http_header *headers, size_t n)
{
	BUF_AUTO body = BUF_INIT;
	struct http_header all[8];
	size_t count = 0;

	assert(n <= ARRAY_LEN(all) - 1);
	for (size_t i = 0; i < n; i++) all[count++] = headers[i];
	if (err_http(e) == 401) all[count++] = (struct http_header){S("WWW-Authenticate"), S("Bearer")};
	else if (err_http(e) == 429 || err_http(e) == 503) all[count++] = (struct http_header){S("Retry-After"), S("1")};
	http_error_body(pub, e, message, &body);
	http_reply(pub, err_http(e), S("application/json"), buf_view(&body), all, count);
}

static ssize_t
stream_pull(void *arg, uint64_t position UNUSED, char *out, size_t max)
{
	struct request *r = arg;
	struct ctx c = {0};
	size_t n = 0;

	if (r->lost) return MHD_CONTENT_READER_END_WITH_ERROR;
	switch (stream_read(&r->stream, out, max, &n)) {
	case STREAM_BYTES: r->server->stats.bytes_out += n; return (ssize_t)n;
	case STREAM_END: return MHD_CONTENT_READER_END_OF_STREAM;
	case STREAM_WAIT:
		suspend(r);
		if (!err_ok(loop_set(&c, r->server->loop, &r->stream_watch, EPOLLIN))) abort();
		return 0;
	case STREAM_BROKEN: break;
	}
	r->lost = true;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

void
http_reply_stream(struct http_request *pub, int status, Str content_type, int fd, const struct http_header *headers, size_t n)
{
	struct request *r = request_of(pub);

	if (r->old) {
		close(fd);
		http_reply(pub, 505, S("text/plain"), S("results are streamed with HTTP/1.1\n"), NULL, 0);
		return;
	}
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) abort();
	r->stream = (struct stream){.fd = fd};
	r->stream_watch.fd = fd;
	struct MHD_Response *m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_pull, r, NULL);
	if (!m) abort();
	answer(r, status, content_type, m, headers, n);
}

void
http_abort_stream(struct http_request *pub)
{
	struct request *r = request_of(pub);

	r->reset = true;
	tail_reset(r->socket_watch.fd);
	(void)shutdown(r->socket_watch.fd, SHUT_RDWR);
	request_lose(r);
}

void
http_sink(struct http_request *pub, int fd, uint64_t limit)
{
	struct request *r = request_of(pub);

	assert(r->body_kind == HTTP_BODY_SINK && r->phase == PHASE_HELD && r->sink < 0 && !r->response);
	r->sink = fd;
	if (limit < r->body_limit) r->body_limit = limit;
	resume(r);
}

/* --- the phases --- */

static enum MHD_Result
answer_now(struct request *r)
{
	r->phase = PHASE_ANSWER;
	body_forget(r);
	return MHD_queue_response(r->mhd, r->status, r->response);
}

/* Answer before the body was read: the library then closes the connection behind the answer. */
static enum MHD_Result
refuse(struct request *r, Err e)
{
	r->server->stats.refused++;
	http_reply_error(&r->pub, e, err_detail(&r->pub.c, e), NULL, 0);
	return answer_now(r);
}

struct collect {
	struct guard_field *fields;
	size_t n;
};

static enum MHD_Result
collect_field(void *arg, enum MHD_ValueKind kind UNUSED, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct collect *k = arg;

	k->fields[k->n++] = (struct guard_field){str_of(name, name_n), str_of(value ? value : "", value_n)};
	return MHD_YES;
}

static void
keep_headers(struct request *r, const struct collect *k)
{
	struct http_header *headers = NEW_N(&r->arena, k->n, struct http_header);

	for (size_t i = 0; i < k->n; i++)
		headers[i] = (struct http_header){arena_str(&r->arena, k->fields[i].name), arena_str(&r->arena, str_trim(k->fields[i].value))};
	r->pub.headers = headers;
	r->pub.header_count = k->n;
}

static Err
read_head(struct request *r, const char *method, const char *version)
{
	struct ctx *c = &r->pub.c;
	int count = MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, NULL, NULL);
	struct collect k = {.fields = NEW_N(&r->arena, (size_t)count, struct guard_field)};
	struct guard_body body;

	MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, collect_field, &k);
	struct guard_head head = {
	    .method = str_c(method),
	    .target = str_of(r->target_at, r->target.n),
	    .version = str_c(version),
	    .fields = k.fields,
	    .field_count = k.n,
	    .size_bytes = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size,
	};
	TRY(guard_layout(c, &head));
	TRY(guard_fields(c, &head, &body));
	TRY(target_parse(c, r->target, &r->pub.target));
	keep_headers(r, &k);
	r->pub.method = arena_str(&r->arena, head.method);
	r->old = str_eqc(head.version, "HTTP/1.0");
	r->pub.length = body.length;
	r->pub.chunked = body.chunked;
	return OK;
}

static bool
has_body(const struct request *r)
{
	return r->pub.length > 0 || r->pub.chunked;
}

/* The answer is there and the body is not wanted. A short one that is on its way anyway is read and dropped first; else the library
 * closes the connection behind the answer. */
static enum MHD_Result
answer_without_body(struct request *r)
{
	if (!has_body(r)) {
		r->phase = PHASE_ANSWER; /* at the next call: answered now, the library would close */
		return MHD_YES;
	}
	if (r->pub.length > DISCARD_MAX || http_header(&r->pub, S("Expect")).n) return answer_now(r);
	r->phase = PHASE_BODY;
	r->conn->deadline_ms = loop_now_ms() + r->server->limits.body_ms;
	return MHD_YES;
}

static enum MHD_Result
hold(struct request *r)
{
	r->phase = PHASE_HELD;
	r->conn->deadline_ms = 0;
	r->server->handler.request(r->server->handler.arg, &r->pub);
	if (r->response) return answer_without_body(r);
	if (r->sink >= 0) r->phase = PHASE_BODY;
	else suspend(r);
	return MHD_YES;
}

static const char *
over_limit(struct request *r)
{
	return arena_printf(&r->arena, "the body has %llu bytes, at most %llu are taken here", (unsigned long long)r->pub.length,
	                    (unsigned long long)r->body_limit).p;
}

static enum MHD_Result
call_head(struct request *r, const char *method, const char *version)
{
	struct http_server *s = r->server;
	Err e = read_head(r, method, version);

	s->stats.requests++;
	if (!err_ok(e)) return refuse(r, e);
	r->announced = true;
	r->body_kind = s->handler.head(s->handler.arg, &r->pub, &r->body_limit);
	if (!r->response && r->pub.length > r->body_limit) {
		s->stats.refused++;
		http_reply_error(&r->pub, (Err){ERR_TOO_LARGE}, over_limit(r), NULL, 0);
	}
	if (r->response) return answer_without_body(r);
	if (r->body_kind == HTTP_BODY_SINK) return hold(r);
	r->conn->deadline_ms = loop_now_ms() + s->limits.body_ms;
	r->phase = PHASE_BODY;
	return MHD_YES;
}

static enum MHD_Result
call_held(struct request *r)
{
	if (r->response) return answer_without_body(r);
	if (r->sink < 0) suspend(r); /* woken for nothing */
	else r->phase = PHASE_BODY;
	return MHD_YES;
}

static Err
sink_write(struct ctx *c, int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR) continue;
		ENSURE(c, done >= 0 || (errno != ENOSPC && errno != EDQUOT), FULL, "the disk is full");
		ENSURE(c, done >= 0, IO, "the upload could not be written: %s", strerror(errno));
		p += done;
		n -= (size_t)done;
	}
	return OK;
}

static Err
take_bytes(struct request *r, const char *data, size_t n)
{
	struct ctx *c = &r->pub.c;
	struct http_server *s = r->server;

	ENSURE(c, n <= r->body_limit - r->body_bytes, TOO_LARGE, "the body has more than the %llu bytes that are taken",
	       (unsigned long long)r->body_limit);
	if (r->body_kind == HTTP_BODY_SINK) TRY(sink_write(c, r->sink, data, n));
	else {
		ENSURE(c, s->memory_bytes + n <= s->limits.memory_bytes, BUSY, "too many requests with bodies at once, try again");
		buf_add(&r->body, data, n);
		s->memory_bytes += n;
	}
	r->body_bytes += n;
	return OK;
}

static enum MHD_Result
call_bytes(struct request *r, const char *data, size_t *size)
{
	size_t n = *size;

	assert(r->phase == PHASE_BODY);
	*size = 0;
	r->server->stats.bytes_in += n;
	if (err_ok(r->body_error) && !r->response) {
		r->body_error = take_bytes(r, data, n);
	} else {
		r->discarded += n;
		if (r->discarded > (r->body_kind == HTTP_BODY_SINK && r->body_bytes ? SINK_DISCARD_MAX : DISCARD_MAX)) return MHD_NO;
	}
	return MHD_YES;
}

static enum MHD_Result
call_body_end(struct request *r)
{
	const struct http_handler *h = &r->server->handler;

	r->phase = PHASE_ANSWER;
	r->conn->deadline_ms = 0;
	if (r->response) return answer_now(r); /* while the body was still on its way */
	if (r->body_kind == HTTP_BODY_SINK) {
		close(TAKE(r->sink, -1));
		h->sunk(h->arg, &r->pub, r->body_bytes, r->body_error);
	} else if (!err_ok(r->body_error)) {
		return refuse(r, r->body_error);
	} else {
		r->pub.body = buf_view(&r->body);
		h->request(h->arg, &r->pub);
	}
	if (r->response) return answer_now(r);
	suspend(r);
	return MHD_YES;
}

static enum MHD_Result
call_answer(struct request *r)
{
	if (r->response) return answer_now(r);
	suspend(r); /* woken for nothing */
	return MHD_YES;
}

enum MHD_Result
request_call(struct request *r, const char *method, const char *version, const char *data, size_t *size)
{
	if (r->lost) return MHD_NO;
	if (*size > 0) return call_bytes(r, data, size);
	switch (r->phase) {
	case PHASE_HEAD: return call_head(r, method, version);
	case PHASE_HELD: return call_held(r);
	case PHASE_BODY: return call_body_end(r);
	case PHASE_ANSWER: return call_answer(r);
	case PHASE_COUNT: break;
	}
	return MHD_NO;
}

Str
http_header(const struct http_request *r, Str name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (str_ieq(r->headers[i].name, name)) return r->headers[i].value;
	return S("");
}

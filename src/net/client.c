#include "net/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/json.h"
#include "net/curl.h"
#include "net/loop.h"

static struct curl_api curl;

enum { TICK_MS = 100, CONNECT_TIMEOUT_S = 10, ERROR_BODY_MAX = 1024 * 1024, HEADERS_BYTES_MAX = 64 * 1024 };

struct client {
	CURL *easy;
	CURLM *multi;
	char *base;          /* without a slash at the end */
	char *authorization; /* the header line, NULL for none */
	client_tick_fn tick;
	void *tick_arg;
	struct buf headers;  /* of the newest answer, "name: value\n" */
};

/* One transfer: what the callbacks fill. */
struct transfer {
	struct ctx *c;
	struct client *k;
	struct buf body;
	client_part_fn part; /* NULL: into body */
	void *part_arg;
	int fd;              /* of an upload, -1 for none */
	uint64_t sent, total;
	client_progress_fn progress;
	void *progress_arg;
	int64_t next_tick_ms;
	Err e;               /* of a callback: it ended the transfer */
};

static Err
text_option(struct ctx *c, CURL *easy, CURLoption option, const char *value)
{
	CURLcode code = curl.easy_setopt(easy, option, value);

	ENSURE(c, code == CURLE_OK, INVALID, "%s: %s", value, curl.easy_strerror(code));
	return OK;
}

Err
client_open(struct ctx *c, const struct client_options *o, struct client **ret)
{
	Str url = str_c(o->url);

	ENSURE(c, str_starts(url, S("http://")) || str_starts(url, S("https://")), INVALID,
	       "'%s' is not the URL of a node; use http://ADDR:PORT or https://NAME:PORT", o->url);
	for (const char *p = o->token; p && *p; p++)
		ENSURE(c, *p > ' ' && *p < 0x7f, INVALID, "the token holds a character that no token has");
	while (str_ends(url, S("/"))) url.n--;
	TRY(curl_load(c, &curl));
	struct client *k = mem_alloc(sizeof *k);
	k->easy = curl.easy_init();
	k->multi = curl.multi_init();
	if (!k->easy || !k->multi) abort();
	k->base = mem_dup(url.p, url.n);
	if (o->token) {
		BUF_AUTO line = BUF_INIT;
		buf_printf(&line, "Authorization: Bearer %s", o->token);
		k->authorization = mem_dup(line.p, line.n);
	}
	Err e = OK;
	if (o->ca_file) e = text_option(c, k->easy, CURLOPT_CAINFO, o->ca_file);
	if (!err_ok(e)) {
		client_close(k);
		return e;
	}
	*ret = k;
	return OK;
}

void
client_close(struct client *k)
{
	if (!k) return;
	curl.easy_cleanup(k->easy);
	curl.multi_cleanup(k->multi);
	free(k->base);
	free(k->authorization);
	buf_fini(&k->headers);
	free(k);
}

void
client_tick(struct client *k, client_tick_fn fn, void *arg)
{
	k->tick = fn;
	k->tick_arg = arg;
}

void
client_escape(struct buf *out, Str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || (ch && strchr("-._~", ch));
		if (plain) buf_char(out, (char)ch);
		else buf_printf(out, "%%%02X", ch);
	}
}

/* --- callbacks --- */

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	Str line = str_of(p, size * n);

	if (str_starts(line, S("HTTP/"))) t->k->headers.n = 0; /* a 100 came before */
	if (t->k->headers.n + line.n > HEADERS_BYTES_MAX) return 0;
	while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n')) line.n--;
	buf_str(&t->k->headers, line);
	buf_char(&t->k->headers, '\n');
	return size * n;
}

Str
client_header(const struct client *k, const char *name)
{
	Str rest = buf_view(&k->headers), line, head;

	do {
		rest = str_cut(rest, '\n', &line);
		Str value = str_cut(line, ':', &head);
		if (value.p && str_ieq(head, str_c(name))) return str_trim(value);
	} while (rest.p);
	return S("");
}

static int
status_of(const struct client *k)
{
	long status = 0;

	curl.easy_getinfo(k->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static Err
take_part(struct transfer *t, Str part)
{
	bool refused = status_of(t->k) >= 400;
	size_t limit = refused ? ERROR_BODY_MAX : CLIENT_BODY_MAX;

	if (t->part && !refused) return t->part(t->c, t->part_arg, part);
	ENSURE(t->c, t->body.n + part.n <= limit, TOO_LARGE, "the node's answer has more than %zu bytes", limit);
	buf_str(&t->body, part);
	return OK;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	t->e = take_part(t, str_of(p, size * n));
	return err_ok(t->e) ? size * n : 0;
}

static size_t
on_send(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	uint64_t left = t->total - t->sent;
	size_t want = size * n < left ? size * n : (size_t)left;
	ssize_t got;

	do got = read(t->fd, p, want);
	while (got < 0 && errno == EINTR);
	if (got < 0 || (got == 0 && want > 0)) {
		t->e = err_set(t->c, ERR_IO, "the file cannot be read: %s", got < 0 ? strerror(errno) : "it became shorter meanwhile");
		return CURL_READFUNC_ABORT;
	}
	t->sent += (uint64_t)got;
	return (size_t)got;
}

/* --- transfer --- */

static void
tick(struct transfer *t)
{
	int64_t now = loop_now_ms();

	if (now < t->next_tick_ms || !err_ok(t->e)) return;
	t->next_tick_ms = now + TICK_MS;
	if (t->progress) t->progress(t->progress_arg, t->sent, t->total);
	if (t->k->tick) t->e = t->k->tick(t->c, t->k->tick_arg);
}

/* curl.easy_perform() would look up only once a second. */
static CURLcode
perform(struct transfer *t)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;

	curl.multi_add_handle(t->k->multi, t->k->easy);
	while (running && err_ok(t->e)) {
		if (curl.multi_perform(t->k->multi, &running) != CURLM_OK) abort();
		tick(t);
		if (running && err_ok(t->e)) curl.multi_poll(t->k->multi, NULL, 0, TICK_MS, NULL);
	}
	const CURLMsg *m = curl.multi_info_read(t->k->multi, &left);
	if (m && m->msg == CURLMSG_DONE) result = m->data.result;
	curl.multi_remove_handle(t->k->multi, t->k->easy);
	return result;
}

static Err
transport_error(struct ctx *c, const struct client *k, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(c, ERR_UNAVAILABLE, "no node answers at %s; start one with: heddle serve --data DIR", k->base);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(c, ERR_INVALID, "the certificate of %s is not trusted: %s", k->base, curl.easy_strerror(code));
	case CURLE_URL_MALFORMAT: return err_set(c, ERR_INVALID, "'%s' is not a URL", k->base);
	default: break;
	}
	if (status_of(k) >= 200)
		return err_set(c, ERR_INTERNAL, "the node at %s broke its answer off: what came is not the whole", k->base);
	return err_set(c, ERR_UNAVAILABLE, "%s: %s", k->base, curl.easy_strerror(code));
}

/* For an answer that is not ours: what err.def has for the status. */
static enum err_code
code_of_status(int status)
{
	for (uint16_t i = ERR_NONE + 1; i < ERR_COUNT; i++)
		if (err_http((Err){i}) == status) return (enum err_code)i;
	return status >= 500 ? ERR_INTERNAL : ERR_INVALID;
}

static Err
answered_error(struct ctx *c, int status, Str body)
{
	static const struct json_limits limits = {.bytes = ERROR_BODY_MAX};
	struct ctx quiet = {.arena = c->arena};
	JSON_AUTO *doc = NULL;
	json_t *error;
	Str code, message;

	if (err_ok(json_read(&quiet, body, limits, &doc)) && err_ok(json_obj(&quiet, doc, "error", &error)) &&
	    err_ok(json_str(&quiet, error, "code", &code)) && err_ok(json_str(&quiet, error, "message", &message)))
		return err_set(c, (enum err_code)err_by_name(arena_dup(c->arena, code.p, code.n)).code, "%.*s", STR(message));
	return err_set(c, code_of_status(status), "the node answered with status %d", status);
}

static struct curl_slist *
header_lines(const struct client *k, const char *type, Str mark, bool upload)
{
	BUF_AUTO line = BUF_INIT;
	struct curl_slist *list = curl.slist_append(NULL, upload ? "Expect: 100-continue" : "Expect:");

	if (k->authorization) list = curl.slist_append(list, k->authorization);
	buf_printf(&line, "Content-Type: %s", type ? type : "");
	list = curl.slist_append(list, type ? buf_z(&line) : "Content-Type:");
	if (mark.n) {
		line.n = 0;
		buf_printf(&line, "X-Heddle-Mark: %.*s", STR(mark));
		list = curl.slist_append(list, buf_z(&line));
	}
	if (!list) abort();
	return list;
}

static void
set_common(struct transfer *t, const char *method, const char *url, struct curl_slist *headers)
{
	CURL *e = t->k->easy;

	curl.easy_setopt(e, CURLOPT_URL, url);
	curl.easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
	curl.easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl.easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(e, CURLOPT_PROXY, "");
	curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	/* On a connection used before, curl would send again by itself what it did not see answered; only asking may be done twice. */
	curl.easy_setopt(e, CURLOPT_FRESH_CONNECT, strcmp(method, "GET") != 0 ? 1L : 0L);
	curl.easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl.easy_setopt(e, CURLOPT_HTTPGET, 1L);
}

static void
set_body(struct transfer *t, Str json)
{
	CURL *e = t->k->easy;

	if (!json.p && t->fd < 0) return;
	curl.easy_setopt(e, CURLOPT_POST, 1L);
	curl.easy_setopt(e, CURLOPT_POSTFIELDS, t->fd >= 0 ? NULL : json.p);
	curl.easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(t->fd >= 0 ? t->total : json.n));
	curl.easy_setopt(e, CURLOPT_READFUNCTION, t->fd >= 0 ? on_send : NULL);
	curl.easy_setopt(e, CURLOPT_READDATA, t);
}

static Err
run(struct transfer *t, const char *method, Str path, Str json, Str mark, struct client_answer *ret)
{
	struct client *k = t->k;
	BUF_AUTO url = BUF_INIT;
	const char *type = t->fd >= 0 ? "application/octet-stream" : json.p ? "application/json" : NULL;
	struct curl_slist *headers = header_lines(k, type, mark, t->fd >= 0);

	buf_printf(&url, "%s%.*s", k->base, STR(path));
	k->headers.n = 0;
	set_common(t, method, buf_z(&url), headers);
	set_body(t, json);
	curl.easy_setopt(k->easy, CURLOPT_CUSTOMREQUEST, method); /* setting the kind of body resets it */
	CURLcode code = perform(t);
	curl.slist_free_all(headers);
	if (!err_ok(t->e)) return t->e;
	int status = status_of(k);
	/* A refusal may come, and the connection go, while the body is still being sent. */
	if (code != CURLE_OK && !(status >= 400 && t->body.n > 0)) return transport_error(t->c, k, code);
	*ret = (struct client_answer){
	    .status = status,
	    .content_type = arena_str(t->c->arena, client_header(k, "Content-Type")),
	    .mark = arena_str(t->c->arena, client_header(k, "X-Heddle-Mark")),
	    .request_id = arena_str(t->c->arena, client_header(k, "X-Request-Id")),
	    .body = arena_str(t->c->arena, buf_view(&t->body)),
	};
	return status >= 400 ? answered_error(t->c, status, ret->body) : OK;
}

Err
client_call(struct ctx *c, struct client *k, const char *method, Str path, Str json, Str mark, struct client_answer *ret)
{
	struct transfer t = {.c = c, .k = k, .fd = -1};
	Err e = run(&t, method, path, json, mark, ret);

	buf_fini(&t.body);
	return e;
}

Err
client_upload(struct ctx *c, struct client *k, Str path, int fd, uint64_t bytes, client_progress_fn progress, void *arg,
              struct client_answer *ret)
{
	struct transfer t = {.c = c, .k = k, .fd = fd, .total = bytes, .progress = progress, .progress_arg = arg};
	Err e = run(&t, "POST", path, (Str){0}, S(""), ret);

	if (err_ok(e) && progress) progress(arg, t.sent, t.total);
	buf_fini(&t.body);
	return e;
}

Err
client_stream(struct ctx *c, struct client *k, const char *method, Str path, Str json, client_part_fn part, void *arg,
              struct client_answer *ret)
{
	struct transfer t = {.c = c, .k = k, .fd = -1, .part = part, .part_arg = arg};
	Err e = run(&t, method, path, json, S(""), ret);

	buf_fini(&t.body);
	return e;
}

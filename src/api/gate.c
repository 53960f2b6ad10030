#include "api/gate.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/edge.h"
#include "api/openapi.h"
#include "base/map.h"
#include "crypt/hash.h"
#include "ipc/chan.h"
#include "os/log.h"
#include "os/sandbox.h"

enum { TOKEN_BYTES_MAX = 512, HEADERS_MAX = 16, NOFILE_MAX = 4096 };

struct gate {
	struct loop *loop;
	struct http_server *server;
	struct chan core;
	struct loop_watch watch; /* of the core's channel */
	bool watch_out;
	struct map pending;      /* id, 8 bytes → struct pending */
	uint64_t next_id;
	struct buf openapi;
	struct ctx c;
	struct arena arena;
};

/* A request that the core has to answer. Lives in the request's arena. */
struct pending {
	uint64_t id;  /* 0: not asked yet, or answered whole */
	enum route_id route;
	bool sink_given; /* the core asked for the body */
	bool sinking;    /* and waits for its end */
	bool streaming;  /* the answer is on its way; only its end is of interest */
};

static Str
key_of(const uint64_t *id)
{
	return str_of(id, sizeof *id);
}

/* --- the core's channel --- */

/* Wait for writing only while something is queued. */
static void
channel_watch(struct gate *g)
{
	struct ctx c = {0};
	bool out = chan_pending(&g->core);

	if (g->watch.added && out == g->watch_out) return;
	g->watch_out = out;
	if (!err_ok(loop_set(&c, g->loop, &g->watch, out ? EPOLLIN | EPOLLOUT : EPOLLIN))) abort();
}

/* Without the core nothing can be answered: the parent starts both anew. */
static void
channel_lost(struct gate *g, Err e, const struct ctx *c)
{
	if (e.code != ERR_UNAVAILABLE) log_error("channel to the core: %s", err_detail(c, e));
	loop_stop(g->loop);
}

#define POST(g, NAME, id, ...)                                                                                                 \
	do {                                                                                                                   \
		struct ctx post_c_ = {0};                                                                                      \
		Err post_e_ = chan_post(&post_c_, &(g)->core, NAME, (id), -1, __VA_ARGS__);                                    \
		if (err_ok(post_e_)) channel_watch(g);                                                                         \
		else channel_lost((g), post_e_, &post_c_);                                                                     \
	} while (0)

/* --- from HTTP to the core --- */

static void
wrong_method(struct http_request *r, Str allow)
{
	struct http_header h = {S("Allow"), allow};
	BUF_AUTO body = BUF_INIT;

	http_error_body(r, (Err){ERR_INVALID}, arena_printf(r->c.arena, "this path takes %.*s", STR(allow)).p, &body);
	http_reply(r, 405, S("application/json"), buf_view(&body), &h, 1);
}

static enum http_body
on_head(void *arg, struct http_request *r, uint64_t *ret_limit)
{
	static const uint64_t limits[] = {[API_BODY_NONE] = 0, [API_BODY_JSON] = API_JSON_MAX, [API_BODY_BINARY] = API_UPLOAD_MAX};
	struct gate *g = arg;
	struct pending *p = NEW(r->c.arena, struct pending);
	Str allow;
	Err e = api_route(&r->c, r->method, &r->target, &p->route, &allow);

	*ret_limit = 0;
	r->user = p;
	if (!err_ok(e)) {
		http_reply_error(r, e, err_detail(&r->c, e), NULL, 0);
	} else if (p->route == ROUTE_COUNT) {
		wrong_method(r, allow);
	} else if (p->route == ROUTE_OPENAPI) {
		http_reply(r, 200, S("application/json"), buf_view(&g->openapi), NULL, 0);
	} else {
		*ret_limit = limits[api_routes[p->route].body];
		return api_routes[p->route].body == API_BODY_BINARY ? HTTP_BODY_SINK : HTTP_BODY_MEMORY;
	}
	return HTTP_BODY_MEMORY;
}

/* "Bearer x" → x; anything else counts as none. */
static Str
token_of(const struct http_request *r)
{
	Str scheme, token = str_cut(http_header(r, S("Authorization")), ' ', &scheme);

	token = str_trim(token);
	return str_ieq(scheme, S("Bearer")) && token.n <= TOKEN_BYTES_MAX ? token : S("");
}

static void
on_request(void *arg, struct http_request *r)
{
	struct gate *g = arg;
	struct pending *p = r->user;
	struct api_args args;
	Err e = api_args(&r->c, p->route, &r->target, http_header(r, S("Content-Type")), r->body, &args);

	if (!err_ok(e)) {
		http_reply_error(r, e, err_detail(&r->c, e), NULL, 0);
		return;
	}
	p->id = ++g->next_id;
	map_put(&g->pending, key_of(&p->id), r);
	POST(g, G_REQUEST, p->id, .route = p->route, .token = token_of(r), .mark = http_header(r, S("X-Heddle-Mark")), .request_id = r->id,
	     .args = args.list);
}

static void
on_sunk(void *arg, struct http_request *r, uint64_t bytes, Err e)
{
	struct gate *g = arg;
	struct pending *p = r->user;

	p->sinking = false;
	POST(g, G_UPLOADED, p->id, .bytes = bytes, .complete = err_ok(e) ? 1 : 0);
	if (err_ok(e)) return;
	map_del(&g->pending, key_of(&p->id));
	p->id = 0;
	http_reply_error(r, e, err_detail(&r->c, e), NULL, 0);
}

/* The core is told when a client goes away before the last byte of its answer. */
static void
on_gone(void *arg, struct http_request *r, bool answered)
{
	struct gate *g = arg;
	struct pending *p = r->user;

	if (p->id == 0) return;
	map_del(&g->pending, key_of(&p->id));
	if (answered) return;
	POST(g, G_CANCEL, p->id, .request = p->id);
	if (p->sinking) POST(g, G_UPLOADED, p->id, .complete = 0);
}

static void
on_delivered(void *arg, uint64_t id)
{
	struct gate *g = arg;

	POST(g, G_STREAMED, id, .request = id);
}

/* --- from the core to HTTP --- */

static size_t
headers_of(List list, struct http_header headers[static HEADERS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < list.n && n < HEADERS_MAX; i += 2) headers[n++] = (struct http_header){list.v[i], list.v[i + 1]};
	return n;
}

/* Nothing of this request comes from the core any more. */
static void
settle(struct gate *g, struct http_request *r)
{
	struct pending *p = r->user;

	map_del(&g->pending, key_of(&p->id));
	p->id = 0;
}

/* The gate's own counters go behind the core's. */
static void
put_metrics(const struct gate *g, struct buf *b)
{
	struct http_stats s = http_stats(g->server);
	const struct {
		const char *name, *kind, *help;
		uint64_t value;
	} rows[] = {
	    {"connections_total", "counter", "Connections taken.", s.connections},
	    {"connections_open", "gauge", "Connections open.", s.open},
	    {"requests_total", "counter", "Requests whose head was read.", s.requests},
	    {"requests_refused_total", "counter", "Requests refused for their form or size.", s.refused},
	    {"requests_aborted_total", "counter", "Requests that ended before their whole answer was sent.", s.aborted},
	    {"received_bytes_total", "counter", "Bytes of bodies taken.", s.bytes_in},
	    {"sent_bytes_total", "counter", "Bytes of bodies sent.", s.bytes_out},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		buf_printf(b, "# HELP heddle_http_%s %s\n# TYPE heddle_http_%s %s\nheddle_http_%s %llu\n", rows[i].name, rows[i].help, rows[i].name,
		           rows[i].kind, rows[i].name, (unsigned long long)rows[i].value);
}

static bool
is_status(uint64_t status)
{
	return status >= 200 && status <= 599;
}

static Err
take_reply(struct gate *g, struct http_request *r, struct frame *f)
{
	struct msg_G_REPLY m;
	struct http_header headers[HEADERS_MAX];
	struct pending *p = r->user;
	BUF_AUTO body = BUF_INIT;

	TRY(msg_get_G_REPLY(&r->c, f->payload, &m));
	ENSURE(&r->c, is_status(m.status), INVALID, "status %llu", (unsigned long long)m.status);
	buf_str(&body, m.body);
	if (p->route == ROUTE_METRICS && m.status == 200) put_metrics(g, &body);
	settle(g, r);
	http_reply(r, (int)m.status, m.content_type, buf_view(&body), headers, headers_of(m.headers, headers));
	return OK;
}

static Err
take_stream(struct gate *g UNUSED, struct http_request *r, struct frame *f)
{
	struct msg_G_STREAM m;
	struct http_header headers[HEADERS_MAX];

	TRY(msg_get_G_STREAM(&r->c, f->payload, &m));
	ENSURE(&r->c, f->fd_count == 1 && is_status(m.status), INVALID, "no descriptor with a stream");
	/* Still pending: a client that goes away in the middle cancels the query. */
	((struct pending *)r->user)->streaming = true;
	r->tag = f->id;
	http_reply_stream(r, (int)m.status, m.content_type, TAKE(f->fds[0], -1), headers, headers_of(m.headers, headers));
	return OK;
}

static Err
take_sink(struct gate *g UNUSED, struct http_request *r, struct frame *f)
{
	struct pending *p = r->user;
	struct msg_G_SINK m;

	TRY(msg_get_G_SINK(&r->c, f->payload, &m));
	ENSURE(&r->c, f->fd_count == 1 && api_routes[p->route].body == API_BODY_BINARY && !p->sink_given, INVALID,
	       "no sink was asked for");
	p->sink_given = p->sinking = true;
	http_sink(r, TAKE(f->fds[0], -1), m.limit_bytes);
	return OK;
}

static Err
take_failed(struct gate *g, struct http_request *r, struct frame *f)
{
	struct msg_FAILED m;

	TRY(msg_get_FAILED(&r->c, f->payload, &m));
	Err e = {(uint16_t)(m.code > ERR_NONE && m.code < ERR_COUNT ? m.code : ERR_INTERNAL)};
	settle(g, r);
	r->c.detail[0] = 0;
	http_reply_error(r, e, m.detail.n ? arena_str(r->c.arena, m.detail).p : err_text(e), NULL, 0);
	return OK;
}

typedef Err (*take_fn)(struct gate *g, struct http_request *r, struct frame *f);

static take_fn
take_of(enum msg_type type)
{
	static const struct {
		enum msg_type type;
		take_fn fn;
	} takes[] = {{MSG_G_REPLY, take_reply}, {MSG_G_STREAM, take_stream}, {MSG_G_SINK, take_sink}, {MSG_FAILED, take_failed}};

	for (size_t i = 0; i < ARRAY_LEN(takes); i++)
		if (takes[i].type == type) return takes[i].fn;
	return NULL;
}

static void
on_frame(struct gate *g, struct frame *f)
{
	struct http_request *r = map_get(&g->pending, key_of(&f->id));
	take_fn take = take_of(f->type);

	if (r && f->type == MSG_FAILED && ((struct pending *)r->user)->streaming) { /* access ended: what is on its way is stopped */
		settle(g, r);
		http_abort_stream(r);
		return;
	}
	if (!r && f->type == MSG_FAILED) http_abort_tail(g->server, f->id);
	if (!r || !take || ((struct pending *)r->user)->streaming) return; /* answered, or the client went away meanwhile */
	Err e = take(g, r, f);
	if (err_ok(e)) return;
	log_error("the core sent a bad %s: %s", msg_name(f->type), err_detail(&r->c, e));
	settle(g, r);
	http_reply_error(r, (Err){ERR_INTERNAL}, err_text((Err){ERR_INTERNAL}), NULL, 0);
}

static Err
read_frames(struct gate *g, struct ctx *c)
{
	bool got = true;

	TRY(chan_read(c, &g->core));
	while (got) {
		struct frame f;
		TRY(chan_next(c, &g->core, &got, &f));
		if (!got) break;
		on_frame(g, &f);
		frame_fini(&f);
	}
	return OK;
}

static void
on_channel(void *arg, uint32_t events)
{
	struct gate *g = arg;
	struct ctx c = {0};
	Err e = OK;

	if (events & EPOLLOUT) e = chan_flush(&c, &g->core);
	if (err_ok(e) && (events & ~(uint32_t)EPOLLOUT)) e = read_frames(g, &c);
	if (err_ok(e)) channel_watch(g);
	else channel_lost(g, e, &c);
}

/* --- the role --- */

static Err
enter_sandbox(struct ctx *c, const struct gate_setup *setup, struct sandbox_state *ret)
{
	struct sandbox_spec spec = {
	    .profile = SANDBOX_GATE,
	    .limits = {.nofile = NOFILE_MAX},
	    .uid = setup->uid,
	    .gid = setup->gid,
	    .own_net = setup->own_net,
	};

	TRY(sandbox_enter(c, &spec, ret));
	return sandbox_self_test(c, &spec, ret);
}

static Err
start(struct gate *g, const struct gate_setup *setup)
{
	static const struct http_limits limits = {0};
	struct http_handler handler = {.arg = g, .head = on_head, .request = on_request, .sunk = on_sunk, .gone = on_gone, .delivered = on_delivered};
	struct ctx *c = &g->c;
	struct sandbox_state sandbox;

	TRY(crypt_init(c));
	TRY(loop_new(c, &g->loop));
	api_openapi(&g->openapi);
	TRY(http_start(c, g->loop, setup->listen_fd, setup->tls, &limits, &handler, &g->server));
	TRY(enter_sandbox(c, setup, &sandbox));
	TRY(chan_nonblock(c, &g->core));
	TRY(chan_post(c, &g->core, READY, 0, -1, .level = (uint64_t)sandbox.level, .note = sandbox_text(c->arena, &sandbox)));
	channel_watch(g);
	return loop_run(c, g->loop);
}

int
gate_main(const struct gate_setup *setup)
{
	struct gate *g = mem_alloc(sizeof *g);

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* for the parent, which ends us by closing the channel */
	g->c.arena = &g->arena;
	chan_init(&g->core, setup->core_fd);
	g->watch = (struct loop_watch){.fd = setup->core_fd, .fn = on_channel, .arg = g};
	Err e = start(g, setup);
	if (!err_ok(e)) log_error("the gate ends: %s", err_detail(&g->c, e));
	http_stop(g->server);
	if (g->loop) loop_remove(g->loop, &g->watch);
	loop_free(g->loop);
	chan_fini(&g->core);
	map_fini(&g->pending);
	buf_fini(&g->openapi);
	arena_fini(&g->arena);
	free(g);
	return err_exit(e);
}

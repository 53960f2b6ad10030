#include "net/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypt/hash.h"
#include "net/http_private.h"

enum {
	SWEEP_MS = 1000,
	POOL_BYTES = 64 * 1024, /* per connection, for the head and for the chunk being sent */
	RUNS_MAX = 8,           /* of the library between two looks at other descriptors */
	IDLE_ROUNDS_MAX = 16,   /* of so many runs, in which nothing moved */
	IDLE_MS = 10,
};

static void
connection_open(struct http_server *s, struct MHD_Connection *mhd, void **ret)
{
	struct connection *k = mem_alloc(sizeof *k);

	k->server = s;
	k->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	k->deadline_ms = loop_now_ms() + s->limits.head_ms;
	k->next = s->connections;
	k->link = &s->connections;
	if (k->next) k->next->link = &k->next;
	s->connections = k;
	s->stats.connections++;
	s->stats.open++;
	*ret = k;
}

static void
connection_close(struct connection *k)
{
	tails_keep(k);
	k->server->stats.open--;
	*k->link = k->next;
	if (k->next) k->next->link = k->link;
	free(k);
}

static void
on_connection(void *arg, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) connection_open(arg, mhd, socket_context);
	else if (*socket_context) {
		connection_close(*socket_context);
		*socket_context = NULL;
	}
}

/* The first the library tells of a request: its target as sent. What is returned comes back as *context. */
static void *
on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return request_new(arg, mhd, info->socket_context, target);
}

static enum MHD_Result
on_call(void *arg UNUSED, struct MHD_Connection *mhd UNUSED, const char *url UNUSED, const char *method, const char *version,
        const char *data, size_t *size, void **context)
{
	return *context ? request_call(*context, method, version, data, size) : MHD_NO;
}

static void
on_completed(void *arg UNUSED, struct MHD_Connection *mhd UNUSED, void **context, enum MHD_RequestTerminationCode code)
{
	struct request *r = *context;

	if (!r) return;
	*context = NULL;
	r->conn->deadline_ms = loop_now_ms() + r->server->limits.head_ms;
	request_free(r, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

/* Slow heads and bodies: shutting the socket down lets the library end the connection its own way. */
static void
sweep(struct http_server *s)
{
	int64_t now = loop_now_ms();

	if (now < s->next_sweep_ms) return;
	s->next_sweep_ms = now + SWEEP_MS;
	for (struct connection *k = s->connections; k; k = k->next)
		if (k->deadline_ms && now > k->deadline_ms) {
			shutdown(k->fd, SHUT_RDWR);
			k->deadline_ms = 0;
		}
}

static void
run(struct http_server *s)
{
	s->due = false;
	if (MHD_run(s->daemon) != MHD_YES) abort();
}

static void
on_events(void *arg, uint32_t events UNUSED)
{
	run(arg);
}

static bool
is_idle(const struct http_server *s)
{
	return s->idle_rounds >= IDLE_ROUNDS_MAX;
}

/* How long until the library is run again that wants to be run at once. It wants that also for a connection that it cannot help: a chunk's head that is longer than its
 * buffer, read again each time, until the time for the body is over. When nothing moves, a look now and then is enough; whatever happens ends the sleep. */
static int
pause_ms(struct http_server *s)
{
	uint64_t moved = s->stats.connections + s->stats.requests + s->stats.bytes_in + s->stats.bytes_out;

	if (moved != s->moved) s->idle_rounds = 0;
	else if (!is_idle(s)) s->idle_rounds++;
	s->moved = moved;
	return is_idle(s) ? IDLE_MS : 0;
}

/* Before each sleep: what became due by our own doing, then how long the library can wait. */
static int
on_idle(void *arg)
{
	struct http_server *s = arg;
	MHD_UNSIGNED_LONG_LONG timeout_ms = SWEEP_MS;

	sweep(s);
	for (int i = is_idle(s) ? RUNS_MAX - 1 : 0; i < RUNS_MAX; i++) {
		if (s->due) run(s);
		bool timed = MHD_get_timeout(s->daemon, &timeout_ms) == MHD_YES;
		if (!timed) timeout_ms = SWEEP_MS;
		if (timeout_ms > 0 && !s->due) break;
		s->due = true;
	}
	if (s->due) return pause_ms(s);
	int tails_ms = tails_look(s);
	if (s->due) return 0;
	if (!s->connections) return tails_ms;
	int most = tails_ms >= 0 && tails_ms < SWEEP_MS ? tails_ms : SWEEP_MS;
	return timeout_ms < (unsigned)most ? (int)timeout_ms : most;
}

/* The library would only say that it could not start; here it says why. */
static Err
check_tls(struct ctx *c, const struct http_tls *tls)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t certificate = {(unsigned char *)(uintptr_t)tls->certificate.p, (unsigned)tls->certificate.n};
	gnutls_datum_t key = {(unsigned char *)(uintptr_t)tls->key.p, (unsigned)tls->key.n};

	if (gnutls_certificate_allocate_credentials(&credentials) < 0) abort();
	int result = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	ENSURE(c, result >= 0, INVALID, "the TLS certificate and key cannot be used together: %s", gnutls_strerror(result));
	return OK;
}

static void
set_defaults(struct http_limits *l)
{
	if (!l->connections) l->connections = 512;
	if (!l->connections_per_address) l->connections_per_address = 128;
	if (!l->head_ms) l->head_ms = 15000;
	if (!l->body_ms) l->body_ms = 30000;
	if (!l->idle_s) l->idle_s = 60;
	if (!l->memory_bytes) l->memory_bytes = 64 * 1024 * 1024;
}

static void
forget_tls(struct http_server *s)
{
	if (s->key) crypt_wipe(s->key, strlen(s->key));
	free(s->certificate);
	free(s->key);
	s->certificate = s->key = NULL;
}

static struct MHD_Daemon *
daemon_start(struct http_server *s, int listen_fd)
{
	struct MHD_OptionItem tls[] = {
	    {MHD_OPTION_HTTPS_MEM_CERT, 0, s->certificate},
	    {MHD_OPTION_HTTPS_MEM_KEY, 0, s->key},
	    {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
	    {MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (s->key ? MHD_USE_TLS : 0U);

	/* clang-format off */
	return MHD_start_daemon(flags, 0, NULL, NULL, on_call, s,
	    MHD_OPTION_LISTEN_SOCKET, listen_fd,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
	    MHD_OPTION_CONNECTION_LIMIT, s->limits.connections,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->limits.connections_per_address,
	    MHD_OPTION_CONNECTION_TIMEOUT, s->limits.idle_s,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_ARRAY, s->key ? tls : none,
	    MHD_OPTION_END);
	/* clang-format on */
}

static Err
start(struct ctx *c, struct http_server *s, int listen_fd, const struct http_tls *tls)
{
	if (tls) {
		TRY(check_tls(c, tls));
		s->certificate = mem_dup(tls->certificate.p, tls->certificate.n);
		s->key = mem_dup(tls->key.p, tls->key.n);
	}
	s->daemon = daemon_start(s, listen_fd);
	forget_tls(s);
	ENSURE(c, s->daemon, INTERNAL, "the HTTP server could not be started");
	s->watch = (struct loop_watch){
	    .fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
	    .fn = on_events,
	    .arg = s,
	};
	TRY(loop_set(c, s->loop, &s->watch, EPOLLIN));
	loop_hook(s->loop, on_idle, s);
	return OK;
}

Err
http_start(struct ctx *c, struct loop *loop, int listen_fd, const struct http_tls *tls, const struct http_limits *limits,
           const struct http_handler *handler, struct http_server **ret)
{
	struct http_server *s = mem_alloc(sizeof *s);

	s->loop = loop;
	s->handler = *handler;
	if (limits) s->limits = *limits;
	set_defaults(&s->limits);
	s->due = true; /* the library adds the listening socket to its set when it runs first */
	Err e = start(c, s, listen_fd, tls);
	if (!err_ok(e)) {
		if (s->daemon) MHD_stop_daemon(s->daemon);
		else close(listen_fd);
		free(s);
		return e;
	}
	*ret = s;
	return OK;
}

void
http_stop(struct http_server *s)
{
	if (!s) return;
	loop_remove(s->loop, &s->watch);
	loop_unhook(s->loop, on_idle, s);
	/* The library panics when it is stopped with suspended connections; what comes in meanwhile is not suspended (request.c). */
	s->stopping = true;
	for (struct connection *k = s->connections; k; k = k->next)
		if (k->request) request_lose(k->request);
	run(s);
	MHD_stop_daemon(s->daemon);
	assert(!s->connections);
	tails_free(s);
	free(s);
}

struct http_stats
http_stats(const struct http_server *s)
{
	return s->stats;
}

#include "cmd/parent.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/parent_private.h"
#include "cmd/settings.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "query/duck.h"

#define MS UINT64_C(1000000)
#define LIVED_NS (10000 * MS) /* whoever lived so long has not died quickly */
#define STOP_NS (10000 * MS)
#define FIRST_NS (5000 * MS)  /* a role that cannot start says so within this time; the core may have to read first */

static const uint64_t backoff_ns[] = {0, 50 * MS, 200 * MS, 1000 * MS, 5000 * MS};

/* --- descriptors and arguments --- */

size_t
parent_uid_args(struct parent *p, enum process_kind kind, const char **list, size_t n)
{
	uid_t base = p->setup->dir->uid_base;

	if (base == 0) return n;
	unsigned uid = (unsigned)base + process_uid_offset(kind);
	list[n++] = arena_printf(&p->arena, "uid=%u", uid).p;
	list[n++] = arena_printf(&p->arena, "gid=%u", uid).p;
	return n;
}

static size_t
role_args(struct parent *p, enum process_kind kind, const char **list)
{
	size_t n = parent_uid_args(p, kind, list, 0);

	/* Where logs have been signed there were keys: then none are made. */
	if (kind == PROCESS_KEYS && file_exists(p->setup->dir->fd, "ledger/logs/journal/keys")) list[n++] = "had_keys=1";
	if (kind != PROCESS_CORE) return n;
	list[n++] = arena_printf(&p->arena, "node=%s", p->setup->dir->node_id).p;
	return n + settings_args(&p->arena, p->setup->limits, list + n);
}

/* Behind the channel. */
static size_t
role_fds(const struct parent *p, enum process_kind kind, int *list)
{
	size_t n = 0;

	if (kind == PROCESS_CORE) list[n++] = p->setup->dir->fd;
	if (kind == PROCESS_LAKE) list[n++] = p->lake_fd;
	if (kind == PROCESS_KEYS) list[n++] = p->keys_fd, list[n++] = p->setup->root_fd;
	if (kind == PROCESS_GATE) list[n++] = p->setup->listen_fd;
	if (kind == PROCESS_GATE && p->setup->cert_fd >= 0) list[n++] = p->setup->cert_fd, list[n++] = p->setup->key_fd;
	return n;
}

void
spawned_forget(struct spawned *s)
{
	if (s->pid > 0) fd_close(&s->pidfd);
	*s = (struct spawned){.pidfd = -1};
}

/* --- telling the core --- */

static void
kill_role(struct parent *p, enum process_kind kind)
{
	if (p->lasting[kind].proc.pid) spawn_kill(&p->lasting[kind].proc, SIGKILL);
}

void
parent_tell(struct parent *p, Err sent)
{
	if (err_ok(sent) || sent.code == ERR_UNAVAILABLE) return; /* gone: its end is reaped in a moment */
	log_error("channel of the core: %s", p->c.detail);
	kill_role(p, PROCESS_CORE);
}

static void
add_line(struct parent *p, Str *lines, size_t *n, const char *role, pid_t pid, unsigned long restarts)
{
	lines[(*n)++] = str_c(role);
	lines[(*n)++] = arena_printf(&p->arena, "%d", (int)pid);
	lines[(*n)++] = arena_printf(&p->arena, "%lu", restarts);
}

static void
tell_roles(struct parent *p)
{
	Str lines[3 * (1 + PROCESS_LASTING + GUESTS_MAX)];
	size_t n = 0;

	p->roles_changed = false;
	if (p->core.fd < 0) return;
	add_line(p, lines, &n, "parent", getpid(), 0);
	for (enum process_kind kind = 0; kind < PROCESS_LASTING; kind++)
		add_line(p, lines, &n, process_name(kind), p->lasting[kind].proc.pid, p->lasting[kind].restarts);
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (p->guests[i].proc.pid) add_line(p, lines, &n, process_name(p->guests[i].kind), p->guests[i].proc.pid, 0);
	parent_tell(p, chan_post(&p->c, &p->core, P_ROLES, 0, -1, .roles = {lines, n}));
}

/* --- starting --- */

static Err
start_role(struct ctx *c, struct parent *p, enum process_kind kind)
{
	struct lasting *role = &p->lasting[kind];
	const char *args[SPAWN_ARGS_MAX + 1] = {0};
	int ends[2], fds[SPAWN_FDS_MAX];

	role_args(p, kind, args);
	TRY(chan_pair(c, ends));
	FD_AUTO ours = ends[0], theirs = ends[1];
	fds[0] = theirs;
	size_t n = 1 + role_fds(p, kind, fds + 1);
	TRY(spawn_role(c, &(struct spawn_spec){.role = process_name(kind), .fds = fds, .fd_count = n, .args = args}, &role->proc));
	role->started_ns = clock_boot_ns();
	if (kind != PROCESS_CORE) {
		tell_roles(p); /* first, so that nobody who comes through the gate is told of fewer */
		return chan_post(c, &p->core, P_CHANNEL, 0, TAKE(ours, -1), .role = str_c(process_name(kind)));
	}
	chan_init(&p->core, TAKE(ours, -1));
	return chan_nonblock(c, &p->core);
}

/* The next try, later the oftener it died. */
static void
schedule(struct parent *p, enum process_kind kind, bool quick)
{
	struct lasting *role = &p->lasting[kind];
	size_t step = role->quick_deaths < ARRAY_LEN(backoff_ns) ? role->quick_deaths : ARRAY_LEN(backoff_ns) - 1;

	role->quick_deaths = quick ? role->quick_deaths + 1 : 1;
	if (!quick) step = 0;
	role->due_ns = clock_boot_ns() + backoff_ns[step];
}

static void
start_due(struct parent *p)
{
	uint64_t now = clock_boot_ns();

	for (enum process_kind kind = 0; kind < PROCESS_LASTING; kind++) {
		struct lasting *role = &p->lasting[kind];
		bool possible = kind == PROCESS_CORE || p->core.fd >= 0;
		if (role->proc.pid || !possible || role->due_ns > now || p->stopping) continue;
		Err e = start_role(&p->c, p, kind);
		if (!err_ok(e)) {
			log_error("%s", err_detail(&p->c, e));
			schedule(p, kind, true);
			if (role->proc.pid) spawn_kill(&role->proc, SIGKILL);
		}
		p->roles_changed = true;
		arena_reset(&p->arena);
	}
}

/* --- hearing from it --- */

static void
on_ready(struct parent *p)
{
	log_info("the core is up after=%llums", (unsigned long long)((clock_boot_ns() - p->lasting[PROCESS_CORE].started_ns) / MS));
	p->up = true;
}

static void
on_frame(struct parent *p, struct frame *f)
{
	switch ((int)f->type) {
	case MSG_P_SPAWN: guests_spawn(p, f); break;
	case MSG_P_KILL: guests_kill(p, f); break;
	case MSG_READY: on_ready(p); break;
	default: log_warn("the core sent %s", msg_name(f->type));
	}
	frame_fini(f);
	arena_reset(&p->arena);
}

static void
read_core(struct parent *p)
{
	struct frame f;
	bool got = true;
	Err e = chan_read(&p->c, &p->core);

	while (err_ok(e) && err_ok(e = chan_next(&p->c, &p->core, &got, &f)) && got) on_frame(p, &f);
	if (err_ok(e)) return;
	if (e.code != ERR_UNAVAILABLE) log_error("channel of the core: %s", p->c.detail);
	chan_fini(&p->core);
	if (!p->stopping) kill_role(p, PROCESS_CORE); /* a core that cannot be talked to is none */
}

/* --- ends --- */

static void
stop(struct parent *p)
{
	if (p->stopping) { /* asked twice: at once */
		p->stop_ns = 0;
		return;
	}
	log_info("stopping");
	p->stopping = true;
	p->stop_ns = clock_boot_ns() + STOP_NS;
	if (p->core.fd >= 0) parent_tell(p, chan_post(&p->c, &p->core, P_STOP, 0, -1, .reason = 0));
}

static void
log_exit(const struct parent *p, enum process_kind kind, int status)
{
	const char *name = process_name(kind);

	if (p->stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		log_debug("role %s ended", name);
		return;
	}
	if (WIFSIGNALED(status))
		log_warn("role %s ended by signal=%d (%s)", name, WTERMSIG(status), WTERMSIG(status) == SIGSYS ? "a system call that is never made" : "killed");
	else if (kind == PROCESS_CORE && WEXITSTATUS(status) == ROLE_EXIT_LEDGER)
		log_error("THE LEDGER CANNOT BE WRITTEN: nothing was acknowledged since; look at the disk. The core is started again");
	else
		log_warn("role %s ended status=%d", name, WEXITSTATUS(status));
}

/* Nothing works without the core, and nobody can take up what a dead one had under way: all start anew. */
static void
core_ended(struct parent *p)
{
	chan_fini(&p->core);
	guests_kill_all(p);
	if (p->stopping) return;
	for (enum process_kind kind = PROCESS_CORE + 1; kind < PROCESS_LASTING; kind++) {
		kill_role(p, kind);
		p->lasting[kind].due_ns = 0;
	}
}

/* Only at the first start: later on, a role that says so (or one that was taken over) must not end the node. */
static bool
cannot_start(const struct parent *p, enum process_kind kind, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != ROLE_EXIT_OPERATOR || p->lasting[kind].restarts > 0) return false;
	return kind == PROCESS_CORE ? !p->up : clock_boot_ns() - p->lasting[kind].started_ns < FIRST_NS;
}

static void
lasting_ended(struct parent *p, enum process_kind kind, int status)
{
	struct lasting *role = &p->lasting[kind];
	bool quick = clock_boot_ns() - role->started_ns < LIVED_NS;
	bool with_core = kind != PROCESS_CORE && p->core.fd < 0;

	spawned_forget(&role->proc);
	p->roles_changed = true;
	if (with_core) { /* ended by us, or by the end of its channel */
		role->restarts += !p->stopping;
		return;
	}
	log_exit(p, kind, status);
	if (cannot_start(p, kind, status) && !p->stopping) {
		p->failed = true;
		stop(p);
	}
	if (!p->stopping) {
		role->restarts++;
		schedule(p, kind, quick);
	}
	if (kind == PROCESS_CORE) core_ended(p);
}

static void
reap(struct parent *p)
{
	int status;

	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		bool known = guests_exited(p, pid, status);
		for (enum process_kind kind = 0; kind < PROCESS_LASTING && !known; kind++) {
			known = p->lasting[kind].proc.pid == pid;
			if (known) lasting_ended(p, kind, status);
		}
		arena_reset(&p->arena);
	}
}

/* --- signals and the loop --- */

static void
read_signals(struct parent *p)
{
	struct signalfd_siginfo s;

	while (read(p->signals, &s, sizeof s) == sizeof s) {
		if (s.ssi_signo == SIGCHLD)
			reap(p);
		else
			stop(p);
	}
}

static int
wait_ms(const struct parent *p)
{
	uint64_t now = clock_boot_ns(), next = p->stopping ? p->stop_ns : UINT64_MAX;

	for (enum process_kind kind = 0; kind < PROCESS_LASTING && !p->stopping; kind++)
		if (!p->lasting[kind].proc.pid && (kind == PROCESS_CORE || p->core.fd >= 0) && p->lasting[kind].due_ns < next)
			next = p->lasting[kind].due_ns;
	if (next == UINT64_MAX) return -1;
	return next <= now ? 0 : (int)((next - now) / MS) + 1;
}

static void
turn(struct parent *p)
{
	struct pollfd polled[2] = {{.fd = p->signals, .events = POLLIN},
	    {.fd = p->core.fd, .events = (short)(POLLIN | (chan_pending(&p->core) ? POLLOUT : 0))}};
	int n = poll(polled, 2, wait_ms(p));

	if (n <= 0) return;
	if (polled[1].revents & POLLOUT) parent_tell(p, chan_flush(&p->c, &p->core));
	if (polled[1].revents & (POLLIN | POLLHUP | POLLERR)) read_core(p);
	if (polled[0].revents) read_signals(p);
}

/* True while something of it runs, or may have to be started. */
static bool
goes_on(const struct parent *p)
{
	if (!p->stopping) return true;
	return p->lasting[PROCESS_CORE].proc.pid && clock_boot_ns() < p->stop_ns;
}

static void
loop(struct parent *p)
{
	while (goes_on(p)) {
		start_due(p);
		if (p->roles_changed) tell_roles(p);
		arena_reset(&p->arena);
		p->c.detail[0] = 0;
		turn(p);
	}
}

static void
end_all(struct parent *p)
{
	if (p->lasting[PROCESS_CORE].proc.pid) log_error("the core did not end in time and is killed");
	guests_kill_all(p);
	for (enum process_kind kind = 0; kind < PROCESS_LASTING; kind++) kill_role(p, kind);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
	}
	guests_clean(p);
}

/* --- setting up --- */

static Err
open_signals(struct ctx *c, struct parent *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return os_err(c, errno, "signals", NULL);
	signal(SIGPIPE, SIG_IGN);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signals < 0 ? os_err(c, errno, "signals", NULL) : OK;
}

static Err
open_all(struct ctx *c, struct parent *p)
{
	int dir = p->setup->dir->fd;

	TRY(open_signals(c, p));
	TRY(dir_open(c, dir, "keys", &p->keys_fd));
	TRY(dir_open(c, dir, "lake", &p->lake_fd));
	TRY(dir_make(c, dir, "temp", 0711));
	TRY(dir_open(c, dir, "temp", &p->temp_fd));
	return duck_open(c, &p->duck_fd);
}

static void
close_all(struct parent *p)
{
	int *fds[] = {&p->signals, &p->keys_fd, &p->lake_fd, &p->temp_fd, &p->duck_fd};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) fd_close(fds[i]);
	chan_fini(&p->core);
	arena_fini(&p->arena);
}

Err
parent_run(struct ctx *c, const struct parent_setup *setup)
{
	static struct parent p; /* one per process; large */

	p = (struct parent){.setup = setup, .core = {.fd = -1}, .signals = -1, .keys_fd = -1, .lake_fd = -1, .temp_fd = -1,
	    .duck_fd = -1};
	p.c.arena = &p.arena;
	mallopt(M_ARENA_MAX, 1);
	Err e = open_all(c, &p);
	if (err_ok(e)) {
		guests_clean(&p);
		loop(&p);
		end_all(&p);
		if (p.failed) e = err_set(c, ERR_INTERNAL, "the node cannot start; the lines above say why");
	}
	close_all(&p);
	return e;
}

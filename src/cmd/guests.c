/* Readers, workers and senders: started when the core asks, with the descriptors that came with the message; ended when it says so. Readers
 * and workers get a folder of their own to spill into and the engine's library, which is checked before the first of them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/parent_private.h"
#include "os/file.h"
#include "os/log.h"

enum { TEMP_NAMES_MAX = 4096 };
/* DuckDB maps more than it uses: libraries, stacks, allocator. */
static const uint64_t ADDRESSES_BESIDE = UINT64_C(3) << 30;

static void
refuse(struct parent *p, uint64_t id, enum err_code code, const char *why)
{
	parent_tell(p, chan_post(&p->c, &p->core, FAILED, id, -1, .code = code, .detail = str_c(why)));
}

static void
wanted_close(struct wanted *w)
{
	for (size_t i = 0; i < w->fd_count; i++) fd_close(&w->fds[i]);
	w->fd_count = 0;
}

static bool
needs_engine(enum process_kind kind)
{
	return kind != PROCESS_SENDER;
}

/* --- their folders --- */

static void
temp_name(unsigned long temp, char ret[static 32])
{
	snprintf(ret, 32, "%lu", temp);
}

static Err
temp_make(struct parent *p, struct guest *g, int *ret_fd)
{
	struct ctx *c = &p->c;
	uid_t base = p->setup->dir->uid_base, uid = base + process_uid_offset(g->kind);
	char name[32];
	FD_AUTO fd = -1;

	g->temp = ++p->next_temp;
	temp_name(g->temp, name);
	TRY(dir_remove(c, p->temp_fd, name));
	TRY(dir_make(c, p->temp_fd, name, 0700));
	TRY(file_open_beneath(c, p->temp_fd, name, O_RDONLY | O_DIRECTORY, 0, &fd));
	if (base && fchown(fd, uid, uid) < 0) return os_err(c, errno, "give away", name);
	*ret_fd = TAKE(fd, -1);
	return OK;
}

static void
temp_drop(struct parent *p, const struct guest *g)
{
	char name[32];

	if (g->temp == 0) return;

	temp_name(g->temp, name);
	Err e = dir_remove(&p->c, p->temp_fd, name);
	if (!err_ok(e)) log_warn("%s", err_detail(&p->c, e));
}

void
guests_clean(struct parent *p)
{
	Str *names;
	size_t n;
	Err e = dir_list(&p->c, p->temp_fd, ".", TEMP_NAMES_MAX, &names, &n);

	for (size_t i = 0; err_ok(e) && i < n; i++) e = dir_remove(&p->c, p->temp_fd, names[i].p);
	if (!err_ok(e)) log_warn("%s", err_detail(&p->c, e));
	arena_reset(&p->arena);
}

/* --- starting --- */

static Err
start(struct parent *p, struct guest *g, const struct wanted *w)
{
	struct ctx *c = &p->c;
	const char *args[SPAWN_ARGS_MAX + 1] = {0};
	const struct core_limits *l = p->setup->limits;
	uint64_t memory = g->kind == PROCESS_WORKER ? l->worker_memory_bytes : l->reader_memory_bytes;
	int fds[CHAN_FDS_MAX + 2];
	FD_AUTO temp = -1;
	size_t n = parent_uid_args(p, g->kind, args, 0);

	if (needs_engine(g->kind)) {
		args[n] = arena_printf(c->arena, "as=%llu", (unsigned long long)(memory + ADDRESSES_BESIDE)).p;
		TRY(temp_make(p, g, &temp));
	}
	for (n = 0; n < w->fd_count; n++) fds[n] = w->fds[n];
	if (!needs_engine(g->kind))
		return spawn_role(c, &(struct spawn_spec){.role = process_name(g->kind), .fds = fds, .fd_count = n, .args = args}, &g->proc);
	fds[n++] = p->duck_fd;
	fds[n++] = temp;
	Err e = spawn_role(c, &(struct spawn_spec){.role = process_name(g->kind), .fds = fds, .fd_count = n, .args = args}, &g->proc);
	if (!err_ok(e)) temp_drop(p, g);
	return e;
}

static void
start_wanted(struct parent *p, struct wanted *w)
{
	size_t i = 0;

	while (i < GUESTS_MAX && p->guests[i].proc.pid) i++;
	if (i == GUESTS_MAX) {
		refuse(p, w->id, ERR_BUSY, "too many processes at once");
	} else {
		struct guest *g = &p->guests[i];
		*g = (struct guest){.kind = w->kind};
		Err e = start(p, g, w);
		if (err_ok(e))
			parent_tell(p, chan_post(&p->c, &p->core, P_SPAWNED, w->id, -1, .pid = (uint64_t)g->proc.pid));
		else
			refuse(p, w->id, (enum err_code)e.code, p->c.detail);
		p->roles_changed = true;
	}
	wanted_close(w);
}

/* --- the library --- */

static void
check_start(struct parent *p)
{
	const char *args[SPAWN_ARGS_MAX + 1] = {0};
	uid_t base = p->setup->dir->uid_base;
	struct spawn_spec spec = {.role = process_name(PROCESS_CHECK), .fds = &p->duck_fd, .fd_count = 1, .args = args,
	    .uid = base ? base + process_uid_offset(PROCESS_CHECK) : 0, .gid = base ? base + process_uid_offset(PROCESS_CHECK) : 0};
	Err e = spawn_role(&p->c, &spec, &p->checker);

	if (err_ok(e))
		p->duck = DUCK_CHECKING;
	else
		log_error("%s", err_detail(&p->c, e));
}

static void
queue_answer(struct parent *p)
{
	for (size_t i = 0; i < p->queue_n; i++) {
		struct wanted *w = &p->queue[i];
		if (p->duck == DUCK_GOOD) {
			start_wanted(p, w);
			continue;
		}
		refuse(p, w->id, ERR_UNAVAILABLE,
		    p->duck == DUCK_ALTERED ? "libduckdb.so is not the pinned one" : "libduckdb.so could not be checked");
		wanted_close(w);
	}
	p->queue_n = 0;
}

static void
check_ended(struct parent *p, int status)
{
	spawned_forget(&p->checker);
	p->duck = DUCK_UNKNOWN;
	if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_OK) p->duck = DUCK_GOOD;
	if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_ALTERED) p->duck = DUCK_ALTERED;
	if (p->duck == DUCK_ALTERED)
		log_error("LIBDUCKDB.SO IS NOT THE ONE THIS PROGRAM WAS BUILT FOR: no query is run; put the pinned file back and start again");
	queue_answer(p);
}

/* --- what the core says --- */

static bool
kind_of(Str role, size_t fd_count, enum process_kind *ret)
{
	*ret = str_eqc(role, process_name(PROCESS_WORKER)) ? PROCESS_WORKER : PROCESS_READER;
	if (*ret == PROCESS_WORKER) return fd_count == 2;
	if (str_eqc(role, process_name(PROCESS_SENDER))) {
		*ret = PROCESS_SENDER;
		return fd_count == 1;
	}
	return str_eqc(role, process_name(PROCESS_READER)) && fd_count == 3;
}

void
guests_spawn(struct parent *p, struct frame *f)
{
	struct msg_P_SPAWN m;
	struct wanted w = {.id = f->id};

	if (!err_ok(msg_get_P_SPAWN(&p->c, f->payload, &m)) || !kind_of(m.role, f->fd_count, &w.kind)) {
		refuse(p, f->id, ERR_INVALID, "malformed P_SPAWN");
		return;
	}
	if (p->stopping || p->queue_n == QUEUE_MAX) {
		refuse(p, f->id, ERR_UNAVAILABLE, p->stopping ? "the node is being stopped" : "too many processes at once");
		return;
	}
	for (; w.fd_count < f->fd_count; w.fd_count++) w.fds[w.fd_count] = TAKE(f->fds[w.fd_count], -1);
	if (!needs_engine(w.kind)) {
		start_wanted(p, &w);
		return;
	}
	p->queue[p->queue_n++] = w;
	if (p->duck == DUCK_UNKNOWN) check_start(p);
	if (p->duck != DUCK_CHECKING) queue_answer(p);
}

void
guests_kill(struct parent *p, const struct frame *f)
{
	struct msg_P_KILL m;

	if (!err_ok(msg_get_P_KILL(&p->c, f->payload, &m))) return;
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (p->guests[i].proc.pid && (uint64_t)p->guests[i].proc.pid == m.pid) spawn_kill(&p->guests[i].proc, SIGKILL);
}

void
guests_kill_all(struct parent *p)
{
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (p->guests[i].proc.pid) spawn_kill(&p->guests[i].proc, SIGKILL);
	for (size_t i = 0; i < p->queue_n; i++) wanted_close(&p->queue[i]);
	p->queue_n = 0;
}

bool
guests_exited(struct parent *p, pid_t pid, int status)
{
	if (p->checker.pid == pid) {
		check_ended(p, status);
		return true;
	}
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct guest *g = &p->guests[i];
		if (g->proc.pid != pid) continue;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			log_warn("%s ended by signal=%d", process_name(g->kind), WTERMSIG(status));
		temp_drop(p, g);
		if (p->core.fd >= 0)
			parent_tell(p, chan_post(&p->c, &p->core, P_EXITED, 0, -1, .pid = (uint64_t)pid, .status = (uint64_t)(unsigned)status,
			    .role = str_c(process_name(g->kind))));
		spawned_forget(&g->proc);
		p->roles_changed = true;
		return true;
	}
	return false;
}

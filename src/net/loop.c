#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

enum { HOOKS_MAX = 4 };

struct loop {
	int epoll_fd;
	bool stop;
	size_t hook_count;
	struct {
		loop_hook_fn fn;
		void *arg;
	} hooks[HOOKS_MAX];
};

int64_t
loop_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

Err
loop_new(struct ctx *c, struct loop **ret)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	ENSURE(c, fd >= 0, IO, "epoll: %s", strerror(errno));
	*ret = mem_alloc(sizeof **ret);
	(*ret)->epoll_fd = fd;
	return OK;
}

void
loop_free(struct loop *l)
{
	if (!l) return;
	close(l->epoll_fd);
	free(l);
}

Err
loop_set(struct ctx *c, struct loop *l, struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	ENSURE(c, epoll_ctl(l->epoll_fd, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) == 0, IO, "epoll: %s", strerror(errno));
	w->added = true;
	return OK;
}

void
loop_remove(struct loop *l, struct loop_watch *w)
{
	if (!w->added) return;
	int result = epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	assert(result == 0); /* a descriptor closed too early would be another watch's by now */
	w->added = false;
}

void
loop_hook(struct loop *l, loop_hook_fn fn, void *arg)
{
	assert(l->hook_count < HOOKS_MAX);
	l->hooks[l->hook_count].fn = fn;
	l->hooks[l->hook_count++].arg = arg;
}

void
loop_unhook(struct loop *l, loop_hook_fn fn, void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < l->hook_count; i++)
		if (l->hooks[i].fn != fn || l->hooks[i].arg != arg) l->hooks[n++] = l->hooks[i];
	l->hook_count = n;
}

static int
shorter(int a, int b)
{
	if (a < 0) return b;
	return b < 0 || a < b ? a : b;
}

Err
loop_once(struct ctx *c, struct loop *l, int timeout_ms)
{
	struct epoll_event e;

	for (size_t i = 0; i < l->hook_count; i++) timeout_ms = shorter(timeout_ms, l->hooks[i].fn(l->hooks[i].arg));
	if (l->stop) return OK;
	int n = epoll_wait(l->epoll_fd, &e, 1, timeout_ms);
	ENSURE(c, n >= 0 || errno == EINTR, IO, "epoll: %s", strerror(errno));
	if (n == 1) {
		struct loop_watch *w = e.data.ptr;
		w->fn(w->arg, e.events);
	}
	return OK;
}

Err
loop_run(struct ctx *c, struct loop *l)
{
	l->stop = false;
	while (!l->stop) TRY(loop_once(c, l, -1));
	return OK;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}

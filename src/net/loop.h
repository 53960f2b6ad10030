/* A small event loop over epoll, for roles whose one thread serves many descriptors.
 *
 * A watch is a struct of its owner's; it must stay where it is while added. Callbacks may add and remove any watch, their own
 * too: events are taken from the kernel one at a time, so none of a removed watch is under way. Level-triggered. */
#ifndef HEDDLE_NET_LOOP_H
#define HEDDLE_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct loop;

struct loop_watch {
	int fd;                                  /* borrowed */
	void (*fn)(void *arg, uint32_t events);  /* EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR */
	void *arg;
	bool added;                              /* the loop's */
};

/* Run before each sleep: does what is due and returns for how many milliseconds the loop may sleep, -1 for ever. */
typedef int (*loop_hook_fn)(void *arg);

NODISCARD Err loop_new(struct ctx *c, struct loop **ret);
void loop_free(struct loop *l); /* NULL is fine */
/* Add, or change the events waited for. A descriptor may be in one watch only. */
NODISCARD Err loop_set(struct ctx *c, struct loop *l, struct loop_watch *w, uint32_t events);
void loop_remove(struct loop *l, struct loop_watch *w); /* before its fd is closed; not added: nothing happens */
/* At most 4 hooks. */
void loop_hook(struct loop *l, loop_hook_fn fn, void *arg);
void loop_unhook(struct loop *l, loop_hook_fn fn, void *arg);
/* Hooks, then at most one event. timeout_ms -1: as long as the hooks allow. */
NODISCARD Err loop_once(struct ctx *c, struct loop *l, int timeout_ms);
NODISCARD Err loop_run(struct ctx *c, struct loop *l); /* until loop_stop() */
void loop_stop(struct loop *l);
int64_t loop_now_ms(void); /* CLOCK_MONOTONIC */

#endif

/* Fibers: one request is one straight piece of code, although the core is one thread and never blocks.
 *
 * A fiber runs until it waits (fiber_wait) and goes on when somebody wakes it with a value. Stacks are mapped with a guard page
 * below; one that ends is kept for the next. No preemption: between two waits a fiber has the state for itself. What it holds
 * in pointers into shared state it must look up anew after a wait. */
#ifndef HEDDLE_CORE_FIBER_H
#define HEDDLE_CORE_FIBER_H

#include <stdbool.h>

enum { FIBER_STACK_BYTES = 256 * 1024, FIBER_MAX = 512 };

struct fiber;

/* Start fn(arg) at once; returns when it waits for the first time or ends. false: FIBER_MAX are under way. */
bool fiber_start(void (*fn)(void *arg), void *arg);
/* The running fiber, NULL outside of any. */
struct fiber *fiber_self(void);
/* Give way until woken; returns the value given to fiber_wake(). Only inside a fiber. */
void *fiber_wait(void);
/* Go on in that fiber now; returns when it waits again or ends. From the loop or from another fiber. */
void fiber_wake(struct fiber *f, void *value);
unsigned fiber_count(void);

#endif

#include "core/fiber.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define SWITCH_START(save, bottom, size) __sanitizer_start_switch_fiber((save), (bottom), (size))
#define SWITCH_END(save, bottom, size) __sanitizer_finish_switch_fiber((save), (bottom), (size))
#else
#define SWITCH_START(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#define SWITCH_END(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#endif

enum { GUARD_BYTES = 4096 };

struct fiber {
	ucontext_t here, back;
	struct fiber *resumed_by; /* who runs when this one gives way */
	struct fiber *next_free;
	char *stack;
	void (*fn)(void *);
	void *arg, *value;
	bool done;
	void *fake_stack, *back_fake;  /* the address sanitizer's books */
	const void *back_bottom;
	size_t back_size;
};

static struct fiber *running, *spare;
static unsigned live;

struct fiber *fiber_self(void) { return running; }
unsigned fiber_count(void) { return live; }

static void
entry(void)
{
	struct fiber *f = running;

	SWITCH_END(NULL, &f->back_bottom, &f->back_size);
	f->fn(f->arg);
	f->done = true;
	SWITCH_START(NULL, f->back_bottom, f->back_size);
	setcontext(&f->back);
	abort();
}

static struct fiber *
fiber_new(void)
{
	struct fiber *f = spare;

	if (f) {
		spare = f->next_free;
		return f;
	}
	f = mem_alloc(sizeof *f);
	f->stack = mmap(NULL, FIBER_STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (f->stack == MAP_FAILED || mprotect(f->stack, GUARD_BYTES, PROT_NONE) != 0) abort();
	return f;
}

static void
switch_to(struct fiber *f)
{
	f->resumed_by = running;
	running = f;
	SWITCH_START(&f->back_fake, f->stack + GUARD_BYTES, FIBER_STACK_BYTES);
	swapcontext(&f->back, &f->here);
	SWITCH_END(f->back_fake, NULL, NULL);
	running = f->resumed_by;
	if (!f->done) return;
	live--;
	f->next_free = spare;
	spare = f;
}

static void
prepare(struct fiber *f)
{
	getcontext(&f->here);
	f->here.uc_stack.ss_sp = f->stack + GUARD_BYTES;
	f->here.uc_stack.ss_size = FIBER_STACK_BYTES;
	f->here.uc_link = NULL;
	makecontext(&f->here, entry, 0);
}

bool
fiber_start(void (*fn)(void *arg), void *arg)
{
	if (live >= FIBER_MAX) return false;
	struct fiber *f = fiber_new();
	f->fn = fn;
	f->arg = arg;
	f->done = false;
	prepare(f);
	live++;
	switch_to(f);
	return true;
}

void *
fiber_wait(void)
{
	struct fiber *f = running;

	assert(f);
	SWITCH_START(&f->fake_stack, f->back_bottom, f->back_size);
	swapcontext(&f->here, &f->back);
	SWITCH_END(f->fake_stack, &f->back_bottom, &f->back_size);
	return f->value;
}

void
fiber_wake(struct fiber *f, void *value)
{
	assert(f && !f->done && f != running);
	f->value = value;
	switch_to(f);
}

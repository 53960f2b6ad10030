/* Every input and output of a little life fails in turn, in each of four ways: nothing acknowledged is lost, and it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "kit.h"

/* What was acknowledged; also into a file when fd is not 0, for whoever outlives the process. */
struct acked { uint64_t size[KIT_LOGS]; int fd; };

/* A little life: create, commits, publishes over tile borders. */
static Err
life(struct ctx *c, const struct kit *k, struct acked *acked)
{
	struct ledger *l = NULL;

	TRY(ledger_open(c, k->fd, &l));
	Err e = OK;
	for (size_t i = 0; i < KIT_LOGS && err_ok(e); i++) {
		e = ledger_create(c, l, kit_ids[i]);
		if (err_ok(e)) e = kit_set_key(c, l, kit_ids[i]);
	}
	for (unsigned step = 0; step < 5 && err_ok(e); step++) {
		struct ledger_head h[KIT_LOGS];
		for (size_t i = 0; i < KIT_LOGS && err_ok(e); i++) e = kit_append(c, l, kit_ids[i], i == 1 && step == 1 ? 257 : (unsigned)i + 1);
		for (size_t i = 0; i < KIT_LOGS && err_ok(e); i++) e = ledger_head(c, l, kit_ids[i], &h[i]);
		if (err_ok(e)) e = ledger_commit(c, l);
		for (size_t i = 0; i < KIT_LOGS && err_ok(e); i++) acked->size[i] = h[i].size;
		if (err_ok(e) && acked->fd) assert_true(pwrite(acked->fd, acked->size, sizeof acked->size, 0) == sizeof acked->size);
		if (err_ok(e) && step % 2 == 1) e = ledger_publish(c, l, kit_sign, NULL);
	}
	ledger_close(l);
	return e;
}

/* After whatever happened: it opens, nothing acknowledged is lost, what is there is the model's, it can go on and be proven. */
static void
check_after(struct ctx *c, const struct kit *k, const struct acked *acked, uint64_t n)
{
	struct ledger_head h;
	struct ledger_state *s;

	fault_armed = (struct fault){.at = 0};
	struct ledger *l = kit_open(c, k);
	size_t count = ledger_states(l, c->arena, &s);
	for (size_t i = 0; i < count; i++)
		if (s[i].damaged) fail_msg("fault %llu: damaged: %s", (unsigned long long)n, s[i].damage);
	kit_create(c, l);
	for (size_t i = 0; i < KIT_LOGS; i++) {
		assert_done(c, ledger_head(c, l, kit_ids[i], &h));
		if (h.size < acked->size[i]) fail_msg("fault %llu: %llu acknowledged, %llu there", (unsigned long long)n, (unsigned long long)acked->size[i], (unsigned long long)h.size);
		Hash root = kit_root(kit_ids[i], h.size);
		assert_memory_equal(h.root.b, root.b, HASH_BYTES);
		assert_done(c, ledger_read(c, l, kit_ids[i], 0, h.size, kit_compare, (void *)(uintptr_t)&kit_ids[i]));
		assert_done(c, kit_append(c, l, kit_ids[i], 2));
	}
	assert_done(c, ledger_commit(c, l));
	assert_done(c, ledger_publish(c, l, kit_sign, NULL));
	ledger_close(l);
	kit_verify(c, k);
}

static void
sweep_errors(int error, enum fault_kind kind)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	bool failed = true;
	uint64_t n = 0;

	while (failed) {
		struct kit k;
		struct acked acked = {.fd = 0};
		kit_init(&k);
		fault_armed = (struct fault){.at = ++n, .kind = kind, .error = error};
		Err e = life(&c, &k, &acked);
		failed = fault_armed.hits >= n;
		if (!failed) assert_done(&c, e); /* past the last fault point */
		check_after(&c, &k, &acked, n);
		kit_fini(&k);
		arena_reset(&a);
	}
	assert_true(n > 150); /* the sweep did go over all of it */
}

static void fault_eio(void **state) { (void)state; sweep_errors(EIO, FAULT_ERRNO); }
static void fault_enospc(void **state) { (void)state; sweep_errors(ENOSPC, FAULT_ERRNO); }
static void fault_short(void **state) { (void)state; sweep_errors(0, FAULT_SHORT); }

/* The process dies at the n-th input or output; what it had acknowledged stands in a file. */
static void
fault_kill(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	bool killed = true;
	uint64_t n = 0;

	(void)state;
	while (killed) {
		struct kit k;
		int status;
		kit_init(&k);
		struct acked acked = {.fd = open(k.path, O_TMPFILE | O_RDWR, 0600)};
		assert_true(acked.fd > 0);
		n++;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			fault_armed = (struct fault){.at = n, .kind = FAULT_KILL};
			_exit(err_ok(life(&c, &k, &acked)) ? 0 : 3);
		}
		assert_true(waitpid(pid, &status, 0) == pid);
		killed = WIFSIGNALED(status);
		if (!killed) assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_true(pread(acked.fd, acked.size, sizeof acked.size, 0) >= 0);
		close(acked.fd);
		check_after(&c, &k, &acked, n);
		kit_fini(&k);
		arena_reset(&a);
	}
	assert_true(n > 150);
}

/* Faults while opening after an unfinished life: the second opening finds everything. */
static void
fault_open(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	bool failed = true;

	(void)state;
	for (uint64_t n = 1; failed; n++) {
		struct kit k;
		struct acked acked = {.fd = 0};
		struct ledger *l = NULL;
		kit_init(&k);
		assert_done(&c, life(&c, &k, &acked));
		fault_armed = (struct fault){.at = n, .kind = FAULT_ERRNO, .error = n % 2 ? EIO : ENOSPC};
		Err e = ledger_open(&c, k.fd, &l);
		failed = fault_armed.hits >= n;
		if (!failed) assert_done(&c, e);
		if (err_ok(e)) ledger_close(l);
		check_after(&c, &k, &acked, n);
		kit_fini(&k);
		arena_reset(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fault_eio),  cmocka_unit_test(fault_enospc), cmocka_unit_test(fault_short),
	    cmocka_unit_test(fault_kill), cmocka_unit_test(fault_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

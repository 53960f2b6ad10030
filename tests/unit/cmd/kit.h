/* Shared by the tests of cmd: a folder of its own with an arena, removed at the end; sweeps over every file operation. */
#ifndef CMD_KIT_H
#define CMD_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "crypt/hash.h"
#include "os/file.h"

struct kit {
	struct arena arena;
	struct ctx c;
	char path[64];
	int fd;
};

#define GOOD(e) kit_good((e), &k->c, __LINE__)
#define BAD(kind, e) assert_int_equal((e).code, ERR_##kind)

static inline void
kit_good(Err e, const struct ctx *c, int line)
{
	if (!err_ok(e)) fail_msg("line %d: %s: %s", line, err_name(e), err_detail(c, e));
}

static inline int
kit_setup(void **state)
{
	struct kit *k = mem_alloc(sizeof *k);

	umask(0);
	k->c.arena = &k->arena;
	assert_true(err_ok(crypt_init(&k->c)));
	snprintf(k->path, sizeof k->path, "/tmp/heddle-cmd-XXXXXX");
	assert_non_null(mkdtemp(k->path));
	k->fd = open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = k;
	return k->fd < 0;
}

static inline int
kit_teardown(void **state)
{
	struct kit *k = *state;

	fault_armed = (struct fault){0};
	GOOD(dir_remove(&k->c, AT_FDCWD, k->path));
	close(k->fd);
	arena_fini(&k->arena);
	free(k);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

/* Let the n-th file operation fail from now on. */
static inline void
kit_fail_at(uint64_t n, enum fault_kind kind, int error)
{
	fault_armed = (struct fault){.at = n, .kind = kind, .error = error};
}

/* Run work(k) in a child that dies at the n-th file operation; true when it died there, false when it got through. */
static inline bool
kit_dies_at(struct kit *k, uint64_t n, void (*work)(struct kit *k))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		kit_fail_at(n, FAULT_KILL, 0);
		work(k);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) return WTERMSIG(status) == 9;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

/* What stands in a file, "" when it is not there; at most 64 KiB. */
static inline Str
kit_read(struct kit *k, const char *path)
{
	struct ctx c = {.arena = &k->arena};
	Str s = S("");

	return err_ok(file_read_path(&c, k->fd, path, 65536, &s)) ? s : S("");
}

static inline void
kit_write(struct kit *k, const char *path, Str bytes)
{
	int fd = openat(k->fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
}

#endif

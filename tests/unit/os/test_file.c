#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "os/file.h"

struct place {
	struct arena arena;
	struct ctx c;
	char path[64];
	int dir;
};

static int
place_make(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	strcpy(p->path, "/tmp/heddle-file-XXXXXX");
	if (!mkdtemp(p->path)) return -1;
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->c.arena = &p->arena;
	fault_armed = (struct fault){0};
	*state = p;
	return 0;
}

static int
place_drop(void **state)
{
	struct place *p = *state;

	fault_armed = (struct fault){0};
	Err e = dir_remove(&p->c, AT_FDCWD, p->path);
	close(p->dir);
	arena_fini(&p->arena);
	free(p);
	return err_ok(e) ? 0 : -1;
}

static bool
content_is(struct place *p, const char *name, const char *want)
{
	Str got;

	return err_ok(file_read_path(&p->c, p->dir, name, 1000, &got)) && str_eqc(got, want);
}

static void
replace_and_read(void **state)
{
	struct place *p = *state;
	struct stat st;
	Str got = S("untouched");

	assert_true(err_ok(file_replace(&p->c, p->dir, "a", S("one"), 0600)));
	assert_true(content_is(p, "a", "one"));
	assert_int_equal(fstatat(p->dir, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(err_ok(dir_make(&p->c, p->dir, "sub", 0700)) && err_ok(dir_make(&p->c, p->dir, "sub", 0700)));
	assert_true(err_ok(file_replace(&p->c, p->dir, "sub/b", S(""), 0600)));
	assert_true(content_is(p, "sub/b", ""));
	assert_int_equal(file_read_path(&p->c, p->dir, "a", 2, &got).code, ERR_TOO_LARGE);
	assert_int_equal(file_read_path(&p->c, p->dir, "none", 2, &got).code, ERR_NOT_FOUND);
	assert_true(str_eqc(got, "untouched"));
	assert_true(err_ok(file_read_path(&p->c, p->dir, "a", 3, &got)));
}

/* Neither the folder nor anything above it stands in what a client may see. */
static void
details_keep_the_folder_out(void **state)
{
	struct place *p = *state;
	char path[128];
	int fd = -7;

	snprintf(path, sizeof path, "%s/none/deep.parquet", p->path);
	assert_int_equal(file_open(&p->c, AT_FDCWD, path, O_RDONLY, 0, &fd).code, ERR_NOT_FOUND);
	assert_int_equal(fd, -7);
	assert_string_equal(p->c.detail, "open 'deep.parquet': No such file or directory");
	assert_int_equal(os_err(&p->c, ENOSPC, "write", "/x/y").code, ERR_FULL);
	assert_int_equal(os_err(&p->c, EDQUOT, "write", "/x/y").code, ERR_FULL);
	assert_int_equal(os_err(&p->c, EEXIST, "link", "/x/y").code, ERR_CONFLICT);
	assert_int_equal(os_err(&p->c, EIO, "sync", NULL).code, ERR_IO);
	assert_string_equal(p->c.detail, "sync: Input/output error");
	p->c.detail[0] = 0;
	assert_int_equal(os_err(&p->c, ENOENT, "open", "some/where/").code, ERR_NOT_FOUND); /* a folder */
	assert_string_equal(p->c.detail, "open 'where/': No such file or directory");
}

static void
positions(void **state)
{
	struct place *p = *state;
	char got[4] = "";
	uint64_t size = 0;
	FD_AUTO fd = -1;

	assert_true(err_ok(file_open(&p->c, p->dir, "f", O_RDWR | O_CREAT | O_EXCL, 0600, &fd)));
	assert_true(err_ok(file_write(&p->c, fd, "f", S("hello"))) && err_ok(file_write_at(&p->c, fd, "f", S("J"), 0)));
	assert_true(err_ok(file_read_at(&p->c, fd, "f", got, 3, 0)));
	assert_memory_equal(got, "Jel", 3);
	assert_int_equal(file_read_at(&p->c, fd, "f", got, 3, 3).code, ERR_CORRUPT);
	assert_true(err_ok(file_truncate(&p->c, fd, "f", 2)) && err_ok(file_size(&p->c, fd, "f", &size)));
	assert_int_equal(size, 2);
	assert_int_equal(file_open(&p->c, p->dir, "f", O_RDWR | O_CREAT | O_EXCL, 0600, &fd).code, ERR_CONFLICT);
}

static const char *const outside[] = {"../a", "in/../../a", "/etc/passwd", "link", "in/up/a", "in/../../../../etc/passwd"};

static bool
stays_beneath(struct place *p, int sub)
{
	FD_AUTO fd = -1;

	for (size_t i = 0; i < ARRAY_LEN(outside); i++)
		if (file_open_beneath(&p->c, sub, outside[i], O_RDONLY, 0, &fd).code != ERR_DENIED) return false;
	if (!err_ok(file_open_beneath(&p->c, sub, "in/b", O_RDONLY, 0, &fd))) return false;
	fd_close(&fd);
	if (file_open_beneath(&p->c, sub, "in/none", O_RDONLY, 0, &fd).code != ERR_NOT_FOUND) return false;
	return err_ok(file_open_beneath(&p->c, sub, "in/new", O_WRONLY | O_CREAT, 0600, &fd));
}

/* As an old kernel answers. */
static int
without_openat2(struct place *p, int sub)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	if (!f || seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0) < 0 || seccomp_load(f) < 0) return 2;
	return stays_beneath(p, sub) ? 0 : 1;
}

static void
beneath(void **state)
{
	struct place *p = *state;
	FD_AUTO sub = -1;
	int status;

	assert_true(err_ok(dir_make(&p->c, p->dir, "root", 0700)) && err_ok(dir_make(&p->c, p->dir, "root/in", 0700)));
	assert_true(err_ok(file_replace(&p->c, p->dir, "a", S("secret"), 0600)));
	assert_true(err_ok(file_replace(&p->c, p->dir, "root/in/b", S("fine"), 0600)));
	assert_int_equal(symlinkat("/etc/passwd", p->dir, "root/link") | symlinkat("../..", p->dir, "root/in/up"), 0);
	assert_true(err_ok(dir_open(&p->c, p->dir, "root", &sub)));
	for (size_t i = 0; i < ARRAY_LEN(outside); i++) { /* control: a plain open follows */
		FD_AUTO fd = openat(sub, outside[i], O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
	}
	assert_true(stays_beneath(p, sub));
	pid_t pid = fork();
	if (pid == 0) _exit(without_openat2(p, sub));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
links_and_lists(void **state)
{
	struct place *p = *state;
	Str *names;
	size_t n = 0;
	FD_AUTO fd = -1;

	assert_true(err_ok(file_replace(&p->c, p->dir, "b", S("x"), 0600)));
	assert_true(err_ok(file_link(&p->c, p->dir, "b", p->dir, "a")));
	assert_int_equal(file_link(&p->c, p->dir, "b", p->dir, "a").code, ERR_CONFLICT);
	assert_true(err_ok(file_rename(&p->c, p->dir, "b", p->dir, "c")));
	assert_true(err_ok(file_open(&p->c, p->dir, ".", O_TMPFILE | O_WRONLY, 0600, &fd)));
	assert_true(err_ok(file_write(&p->c, fd, "tmp", S("t"))) && err_ok(file_link_fd(&p->c, fd, p->dir, "t")));
	assert_true(err_ok(dir_list(&p->c, p->dir, ".", 10, &names, &n)));
	assert_int_equal(n, 3);
	assert_true(str_eqc(names[0], "a") && str_eqc(names[1], "c") && str_eqc(names[2], "t"));
	assert_int_equal(dir_list(&p->c, p->dir, ".", 2, &names, &n).code, ERR_TOO_LARGE);
	assert_true(err_ok(file_unlink(&p->c, p->dir, "a")) && !file_exists(p->dir, "a") && file_exists(p->dir, "c"));
	assert_int_equal(file_unlink(&p->c, p->dir, "a").code, ERR_NOT_FOUND);
}

static void
removes_trees_not_targets(void **state)
{
	struct place *p = *state;

	assert_true(err_ok(file_replace(&p->c, p->dir, "keep", S("k"), 0600)));
	assert_true(err_ok(dir_make(&p->c, p->dir, "keepdir", 0700)) && err_ok(file_replace(&p->c, p->dir, "keepdir/x", S(""), 0600)));
	assert_true(err_ok(dir_make(&p->c, p->dir, "t", 0700)) && err_ok(dir_make(&p->c, p->dir, "t/u", 0700)));
	assert_true(err_ok(file_replace(&p->c, p->dir, "t/u/v", S(""), 0600)));
	assert_int_equal(symlinkat("../../keepdir", p->dir, "t/u/link"), 0);
	assert_true(err_ok(dir_remove(&p->c, p->dir, "t")) && !file_exists(p->dir, "t"));
	assert_true(file_exists(p->dir, "keepdir/x"));
	assert_true(err_ok(dir_remove(&p->c, p->dir, "t")));
}

static void
one_holder(void **state)
{
	struct place *p = *state;
	FD_AUTO a = -1;
	FD_AUTO b = -1;

	assert_true(err_ok(file_open(&p->c, p->dir, "lock", O_RDWR | O_CREAT, 0600, &a)));
	assert_true(err_ok(file_open(&p->c, p->dir, "lock", O_RDWR | O_CREAT, 0600, &b)));
	assert_true(err_ok(file_lock(&p->c, a, "lock", 0)));
	assert_int_equal(file_lock(&p->c, b, "lock", 20).code, ERR_CONFLICT);
	fd_close(&a);
	assert_true(err_ok(file_lock(&p->c, b, "lock", 0)));
}

static void
waits_for_a_holder_that_ends(void **state)
{
	struct place *p = *state;
	FD_AUTO a = -1;
	FD_AUTO b = -1;

	assert_true(err_ok(file_open(&p->c, p->dir, "lock", O_RDWR | O_CREAT, 0600, &a)));
	assert_true(err_ok(file_lock(&p->c, a, "lock", 0)));
	pid_t child = fork();
	if (child == 0) {
		usleep(100000); /* the last holder of a */
		_exit(0);
	}
	assert_true(child > 0);
	fd_close(&a);
	assert_true(err_ok(file_open(&p->c, p->dir, "lock", O_RDWR, 0600, &b)));
	assert_int_equal(file_lock(&p->c, b, "lock", 0).code, ERR_CONFLICT);
	assert_true(err_ok(file_lock(&p->c, b, "lock", 60000)));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Fail, cut short or die at every input or output of a replacement: the old content or the new stands there, never a mix, and an
 * answer of OK means the new. The sweep must find more than a handful of points, and end. */
static void
sweep_kind(struct place *p, enum fault_kind kind)
{
	bool ended = false;
	uint64_t n;

	for (n = 1; n < 50 && !ended; n++) {
		assert_true(err_ok(file_replace(&p->c, p->dir, "f", S("old content"), 0600)));
		fault_armed = (struct fault){.at = n, .kind = kind, .error = ENOSPC};
		Err e = file_replace(&p->c, p->dir, "f", S("the new content"), 0600);
		ended = fault_armed.hits < n;
		fault_armed = (struct fault){0};
		bool fresh = content_is(p, "f", "the new content");
		assert_true(fresh || content_is(p, "f", "old content"));
		assert_true(err_ok(e) ? fresh && ended : !ended);
		if (kind == FAULT_ERRNO && !ended) assert_int_equal(e.code, ERR_FULL);
	}
	assert_true(ended && n > 6);
}

static void
faults_leave_old_or_new(void **state)
{
	sweep_kind(*state, FAULT_ERRNO);
	sweep_kind(*state, FAULT_SHORT);
}

static void
kills_leave_old_or_new(void **state)
{
	struct place *p = *state;
	bool ended = false;
	int status;

	for (uint64_t n = 1; n < 50 && !ended; n++) {
		assert_true(err_ok(file_replace(&p->c, p->dir, "f", S("old content"), 0600)));
		pid_t pid = fork();
		if (pid == 0) {
			fault_armed = (struct fault){.at = n, .kind = FAULT_KILL};
			_exit(err_ok(file_replace(&p->c, p->dir, "f", S("the new content"), 0600)) ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		ended = WIFEXITED(status);
		bool fresh = content_is(p, "f", "the new content");
		assert_true(fresh || content_is(p, "f", "old content"));
		if (ended) assert_true(WEXITSTATUS(status) == 0 && fresh);
	}
	assert_true(ended);
}

/* Planted: writing in place is what the sweep has to catch. */
static void
sweep_catches_writing_in_place(void **state)
{
	struct place *p = *state;
	FD_AUTO fd = -1;

	assert_true(err_ok(file_replace(&p->c, p->dir, "f", S("old content"), 0600)));
	assert_true(err_ok(file_open(&p->c, p->dir, "f", O_WRONLY, 0600, &fd)));
	fault_armed = (struct fault){.at = 1, .kind = FAULT_SHORT};
	assert_int_equal(file_write(&p->c, fd, "f", S("the new content")).code, ERR_FULL);
	fault_armed = (struct fault){0};
	assert_false(content_is(p, "f", "the new content") || content_is(p, "f", "old content"));
}

#ifdef HEDDLE_FAULTS
static void
armed_from_the_environment(void **state)
{
	static const struct { const char *text; uint64_t at; enum fault_kind kind; int error; } table[] = {
	    {"3", 3, FAULT_ERRNO, EIO}, {"4:28", 4, FAULT_ERRNO, ENOSPC}, {"5:kill", 5, FAULT_KILL, EIO}, {"6:short", 6, FAULT_SHORT, EIO},
	    {"core=7:kill", 7, FAULT_KILL, EIO}, {"lake=7:kill", 0, FAULT_NONE, 0}, {"x", 0, FAULT_NONE, 0}, {"0", 0, FAULT_NONE, 0},
	    {"3:oops", 0, FAULT_NONE, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		fault_armed = (struct fault){0};
		setenv("HEDDLE_FAULT", table[i].text, 1);
		os_fault_from_env("core");
		assert_int_equal(fault_armed.at, table[i].at);
		assert_int_equal(fault_armed.kind, table[i].kind);
		assert_int_equal(fault_armed.error, table[i].error);
	}
	unsetenv("HEDDLE_FAULT");
}
#endif

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, place_make, place_drop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(replace_and_read), TEST(details_keep_the_folder_out), TEST(positions), TEST(beneath), TEST(links_and_lists),
	    TEST(removes_trees_not_targets), TEST(one_holder), TEST(waits_for_a_holder_that_ends), TEST(faults_leave_old_or_new), TEST(kills_leave_old_or_new),
	    TEST(sweep_catches_writing_in_place),
#ifdef HEDDLE_FAULTS
	    TEST(armed_from_the_environment),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

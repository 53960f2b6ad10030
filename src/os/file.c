#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fault.h"
#include "os/log.h"

#define LOCK_POLL_NS 5000000

void
fd_close(int *fd)
{
	int keep = errno;

	if (*fd >= 0) close(*fd); /* closing a file loses nothing here: whoever wanted it durable has synced */
	*fd = -1;
	errno = keep;
}

static const char *
last_part(const char *path)
{
	const char *part = path;

	for (const char *p = path; *p; p++)
		if (*p == '/' && p[1] && p[1] != '/') part = p + 1;
	return part;
}

Err
os_err(struct ctx *c, int error, const char *doing, const char *path)
{
	enum err_code code = error == ENOSPC || error == EDQUOT ? ERR_FULL
	    : error == ENOENT                                ? ERR_NOT_FOUND
	    : error == EEXIST                                ? ERR_CONFLICT
	                                                     : ERR_IO;

	if (!path) return err_set(c, code, "%s: %s", doing, strerror(error));
	return err_set(c, code, "%s '%s': %s", doing, last_part(path), strerror(error));
}

enum fault_kind
os_fault_hit(const char *what)
{
	enum fault_kind kind = fault_hit(what);

	if ((kind != FAULT_NONE && fault_armed.tell) || (fault_armed.trace && fault_armed.hits >= fault_armed.at))
		log_line(LOG_WARN, "fault point %llu: %s%s", (unsigned long long)fault_armed.hits, what, kind != FAULT_NONE ? " fails" : "");
	return kind;
}

/* One hit; the errno to act out, 0 for none. *ret_short: let half of it happen first. */
static int
fault(const char *what, bool *ret_short)
{
	switch (os_fault_hit(what)) {
	case FAULT_KILL: kill(getpid(), SIGKILL); abort();
	case FAULT_ERRNO: return fault_armed.error;
	case FAULT_SHORT:
		if (ret_short) *ret_short = true;
		return ret_short ? ENOSPC : EIO;
	case FAULT_NONE: break;
	}
	return 0;
}

#define FAULT(c, doing, path)                                                                                                  \
	do {                                                                                                                   \
		int fault_error_ = fault((doing), NULL);                                                                       \
		if (fault_error_) return os_err((c), fault_error_, (doing), (path));                                           \
	} while (0)

#define CALL(c, doing, path, expr)                                                                                             \
	do {                                                                                                                   \
		FAULT(c, doing, path);                                                                                         \
		if ((expr) < 0) return os_err((c), errno, (doing), (path));                                                    \
	} while (0)

Err
file_open(struct ctx *c, int dirfd, const char *path, int flags, mode_t mode, int *ret_fd)
{
	int fd;

	FAULT(c, "open", path);
	do
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	if (fd < 0) return os_err(c, errno, "open", path);
	*ret_fd = fd;
	return OK;
}

static bool
is_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* For kernels without openat2: each part opened in turn, links refused. ELOOP and EXDEV mean an attempt to leave. */
static int
open_steps(int dirfd, const char *path, int flags, mode_t mode)
{
	FD_AUTO at = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);

	for (Str rest = str_c(path), part; at >= 0;) {
		char name[256];
		rest = str_cut(rest, '/', &part);
		bool last = rest.p == NULL;
		if (part.n == 0 || part.n >= sizeof name || str_eqc(part, "..")) {
			errno = EXDEV;
			return -1;
		}
		memcpy(name, part.p, part.n);
		name[part.n] = 0;
		int next = openat(at, name, O_CLOEXEC | O_NOFOLLOW | (last ? flags : O_PATH | O_DIRECTORY), mode);
		if (next < 0 && errno == ENOTDIR) errno = is_link(at, name) ? ELOOP : ENOTDIR;
		fd_close(&at);
		if (last || next < 0) return next;
		at = next;
	}
	return -1;
}

Err
file_open_beneath(struct ctx *c, int dirfd, const char *path, int flags, mode_t mode, int *ret_fd)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	    .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	FAULT(c, "open", path);
	do
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = open_steps(dirfd, path, flags, mode);
	ENSURE(c, fd >= 0 || (errno != EXDEV && errno != ELOOP), DENIED, "open '%s': it leads outside", last_part(path));
	if (fd < 0) return os_err(c, errno, "open", path);
	*ret_fd = fd;
	return OK;
}

Err
file_size(struct ctx *c, int fd, const char *name, uint64_t *ret)
{
	struct stat st;

	CALL(c, "look at", name, fstat(fd, &st));
	*ret = (uint64_t)st.st_size;
	return OK;
}

bool
file_exists(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, 0) == 0;
}

Err
file_read_all(struct ctx *c, int fd, const char *name, size_t limit, Str *ret)
{
	BUF_AUTO b = BUF_INIT;
	off_t at = lseek(fd, 0, SEEK_SET);

	(void)at; /* pipes stay where they are */
	FAULT(c, "read", name);
	for (;;) {
		buf_reserve(&b, 65536);
		ssize_t got = read(fd, b.p + b.n, b.cap - b.n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return os_err(c, errno, "read", name);
		if (got == 0) break;
		b.n += (size_t)got;
		ENSURE(c, b.n <= limit, TOO_LARGE, "'%s' has more than %zu bytes", last_part(name), limit);
	}
	*ret = str_of(arena_dup(c->arena, b.p ? b.p : "", b.n), b.n);
	return OK;
}

Err
file_read_path(struct ctx *c, int dirfd, const char *path, size_t limit, Str *ret)
{
	FD_AUTO fd = -1;

	TRY(file_open(c, dirfd, path, O_RDONLY, 0, &fd));
	return file_read_all(c, fd, path, limit, ret);
}

Err
file_read_at(struct ctx *c, int fd, const char *name, void *buf, size_t n, uint64_t offset)
{
	char *p = buf;

	FAULT(c, "read", name);
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)offset);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return os_err(c, errno, "read", name);
		ENSURE(c, got > 0, CORRUPT, "'%s' ends too early", last_part(name));
		p += got, n -= (size_t)got, offset += (uint64_t)got;
	}
	return OK;
}

/* offset < 0: where the descriptor stands. */
static Err
write_all(struct ctx *c, int fd, const char *name, Str data, off_t offset)
{
	bool half = false;
	int error = fault("write", &half);

	if (error && !half) return os_err(c, error, "write", name);
	for (Str rest = {data.p, half ? data.n / 2 : data.n}; rest.n > 0;) {
		ssize_t put = offset < 0 ? write(fd, rest.p, rest.n) : pwrite(fd, rest.p, rest.n, offset);
		if (put < 0 && errno == EINTR) continue;
		if (put < 0) return os_err(c, errno, "write", name);
		rest.p += put, rest.n -= (size_t)put;
		if (offset >= 0) offset += put;
	}
	return error ? os_err(c, error, "write", name) : OK;
}

Err
file_write(struct ctx *c, int fd, const char *name, Str data)
{
	return write_all(c, fd, name, data, -1);
}

Err
file_write_at(struct ctx *c, int fd, const char *name, Str data, uint64_t offset)
{
	return write_all(c, fd, name, data, (off_t)offset);
}

Err
file_truncate(struct ctx *c, int fd, const char *name, uint64_t size)
{
	CALL(c, "cut", name, ftruncate(fd, (off_t)size));
	return OK;
}

Err
file_sync(struct ctx *c, int fd, const char *name)
{
	CALL(c, "sync", name, fdatasync(fd));
	return OK;
}

Err
dir_make(struct ctx *c, int dirfd, const char *path, mode_t mode)
{
	CALL(c, "make folder", path, mkdirat(dirfd, path, mode) < 0 && errno != EEXIST ? -1 : 0);
	return OK;
}

Err
dir_open(struct ctx *c, int dirfd, const char *path, int *ret_fd)
{
	return file_open(c, dirfd, path, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

Err
dir_sync(struct ctx *c, int dirfd, const char *name)
{
	CALL(c, "sync folder", name, fsync(dirfd));
	return OK;
}

static int
name_cmp(const void *a, const void *b)
{
	return str_cmp(*(const Str *)a, *(const Str *)b);
}

static Err
names_of(struct ctx *c, DIR *d, const char *path, size_t limit, Str **ret, size_t *ret_n)
{
	BUF_AUTO rows = BUF_INIT;
	size_t n = 0;

	for (struct dirent *e; errno = 0, (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
		ENSURE(c, n < limit, TOO_LARGE, "'%s' holds more than %zu files", last_part(path), limit);
		Str name = arena_str(c->arena, str_c(e->d_name));
		buf_add(&rows, &name, sizeof name);
		n++;
	}
	if (errno) return os_err(c, errno, "list", path);
	*ret = NEW_N(c->arena, n, Str);
	if (n) memcpy(*ret, rows.p, n * sizeof(Str));
	if (n) qsort(*ret, n, sizeof(Str), name_cmp);
	*ret_n = n;
	return OK;
}

Err
dir_list(struct ctx *c, int dirfd, const char *path, size_t limit, Str **ret, size_t *ret_n)
{
	FD_AUTO fd = -1;

	TRY(dir_open(c, dirfd, path, &fd));
	DIR *d = fdopendir(fd);
	if (!d) return os_err(c, errno, "list", path);
	fd = -1; /* closedir() has it */
	Err e = names_of(c, d, path, limit, ret, ret_n);
	closedir(d);
	return e;
}

/* depth: a bound on recursion, not on use; our trees are at most 8 deep. */
static Err
remove_tree(struct ctx *c, int dirfd, const char *path, int depth)
{
	FD_AUTO fd = -1;
	Str *names;
	size_t n;

	FAULT(c, "remove", path);
	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT) return OK;
	if (errno != EISDIR && errno != EPERM) return os_err(c, errno, "remove", path);
	ENSURE(c, depth > 0, IO, "remove '%s': too many folders in one another", last_part(path));
	TRY(file_open(c, dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd));
	TRY(dir_list(c, fd, ".", 1u << 20, &names, &n));
	for (size_t i = 0; i < n; i++) TRY(remove_tree(c, fd, names[i].p, depth - 1));
	CALL(c, "remove", path, unlinkat(dirfd, path, AT_REMOVEDIR));
	return OK;
}

Err
dir_remove(struct ctx *c, int dirfd, const char *path)
{
	return remove_tree(c, dirfd, path, 32);
}

Err
file_rename(struct ctx *c, int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	CALL(c, "rename", from, renameat(from_dirfd, from, to_dirfd, to));
	return OK;
}

Err
file_link(struct ctx *c, int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	CALL(c, "link", to, linkat(from_dirfd, from, to_dirfd, to, 0));
	return OK;
}

Err
file_link_fd(struct ctx *c, int fd, int to_dirfd, const char *to)
{
	char self[32];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	CALL(c, "link", to, linkat(AT_FDCWD, self, to_dirfd, to, AT_SYMLINK_FOLLOW));
	return OK;
}

Err
file_unlink(struct ctx *c, int dirfd, const char *path)
{
	CALL(c, "remove", path, unlinkat(dirfd, path, 0));
	return OK;
}

static Err
write_new(struct ctx *c, int dirfd, const char *path, Str data, mode_t mode)
{
	FD_AUTO fd = -1;

	TRY(file_open(c, dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode, &fd));
	TRY(file_write(c, fd, path, data));
	return file_sync(c, fd, path);
}

Err
file_replace(struct ctx *c, int dirfd, const char *path, Str data, mode_t mode)
{
	const char *base = last_part(path);
	char folder[256] = ".", fresh[272];
	FD_AUTO at = -1;

	ENSURE(c, strlen(path) < sizeof folder, INVALID, "the file name is too long");
	if (base > path) snprintf(folder, sizeof folder, "%.*s", (int)(base - path), path);
	snprintf(fresh, sizeof fresh, ".%s.new", base);
	TRY(dir_open(c, dirfd, folder, &at));
	TRY(write_new(c, at, fresh, data, mode));
	TRY(file_rename(c, at, fresh, at, base));
	return dir_sync(c, at, base);
}

Err
file_lock(struct ctx *c, int fd, const char *name, unsigned wait_ms)
{
	const uint64_t end = clock_boot_ns() + wait_ms * UINT64_C(1000000);

	FAULT(c, "lock", name);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) return os_err(c, errno, "lock", name);
		ENSURE(c, clock_boot_ns() < end, CONFLICT, "'%s' is held by another process", last_part(name));
		(void)nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_NS}, NULL);
	}
	return OK;
}

#ifdef HEDDLE_FAULTS
void
os_fault_from_env(const char *role)
{
	Str at, text = str_c(getenv("HEDDLE_FAULT")), head;
	uint64_t n, error = EIO;

	if (!text.p) return;
	Str behind = str_cut(text, '=', &head);
	if (behind.p && !str_eqc(head, role)) return;
	Str how = str_cut(behind.p ? behind : text, ':', &at);
	if (!str_u64(at, &n) || n == 0) return;
	bool trace = str_eqc(how, "trace");
	enum fault_kind kind = trace ? FAULT_NONE : str_eqc(how, "kill") ? FAULT_KILL : str_eqc(how, "short") ? FAULT_SHORT : FAULT_ERRNO;
	if (kind == FAULT_ERRNO && how.n && (!str_u64(how, &error) || error == 0 || error > 4095)) return;
	fault_armed = (struct fault){.at = n, .kind = kind, .error = (int)error, .tell = true, .trace = trace};
}
#else
void
os_fault_from_env(const char *role)
{
	(void)role;
}
#endif

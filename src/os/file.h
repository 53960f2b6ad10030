/* Files. Every function here is a fault point (base/fault.h): the sweeps make the n-th of them fail, die or write half.
 *
 * Errors: FULL (ENOSPC, EDQUOT), NOT_FOUND (ENOENT), CONFLICT (EEXIST), else IO. The detail names the last part of the path and
 * never the folder it stands in, so it may reach a client. Interrupted calls go on; a failed sync is never retried (the kernel
 * may have dropped the dirty pages): whoever gets it stops writing.
 *
 * `name`, where a function takes an fd, is only for the message. Paths are relative to dirfd (AT_FDCWD or absolute ones work
 * too). Descriptors are opened O_CLOEXEC. */
#ifndef HEDDLE_OS_FILE_H
#define HEDDLE_OS_FILE_H

#include <fcntl.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"

void fd_close(int *fd); /* closes unless -1; leaves -1; errno kept */
#define FD_AUTO __attribute__((cleanup(fd_close))) int

/* The Err for an errno, with "<doing> '<last part of path>': <reason>" as detail. path may be NULL. */
NODISCARD Err os_err(struct ctx *c, int error, const char *doing, const char *path);

NODISCARD Err file_open(struct ctx *c, int dirfd, const char *path, int flags, mode_t mode, int *ret_fd);
/* The path may not leave dirfd: no "..", no absolute path, no symbolic link on the way (openat2 RESOLVE_BENEATH |
 * NO_SYMLINKS | NO_MAGICLINKS; before Linux 5.6, or where it is filtered, step by step with O_NOFOLLOW). DENIED if it tries. */
NODISCARD Err file_open_beneath(struct ctx *c, int dirfd, const char *path, int flags, mode_t mode, int *ret_fd);
NODISCARD Err file_size(struct ctx *c, int fd, const char *name, uint64_t *ret);
bool file_exists(int dirfd, const char *path); /* no fault point */

/* From offset 0 to the end, in the arena of c. TOO_LARGE when there are more than `limit` bytes. Works on pipes too. */
NODISCARD Err file_read_all(struct ctx *c, int fd, const char *name, size_t limit, Str *ret);
/* open, read, close. */
NODISCARD Err file_read_path(struct ctx *c, int dirfd, const char *path, size_t limit, Str *ret);
/* Exactly n bytes at offset; CORRUPT when the file ends before. */
NODISCARD Err file_read_at(struct ctx *c, int fd, const char *name, void *buf, size_t n, uint64_t offset);
/* All of it, or an error; then a part may stand there. */
NODISCARD Err file_write(struct ctx *c, int fd, const char *name, Str data);
NODISCARD Err file_write_at(struct ctx *c, int fd, const char *name, Str data, uint64_t offset);
NODISCARD Err file_truncate(struct ctx *c, int fd, const char *name, uint64_t size);
NODISCARD Err file_sync(struct ctx *c, int fd, const char *name); /* fdatasync */

NODISCARD Err dir_make(struct ctx *c, int dirfd, const char *path, mode_t mode); /* fine when it is there already */
NODISCARD Err dir_open(struct ctx *c, int dirfd, const char *path, int *ret_fd);
NODISCARD Err dir_sync(struct ctx *c, int dirfd, const char *name); /* fsync: makes renames, links, unlinks in it durable */
/* Names without "." and "..", sorted bytewise, in the arena of c, NUL-terminated; at most `limit`, else TOO_LARGE. */
NODISCARD Err dir_list(struct ctx *c, int dirfd, const char *path, size_t limit, Str **ret, size_t *ret_n);
/* A folder with everything beneath, never following a link; fine when it is not there. */
NODISCARD Err dir_remove(struct ctx *c, int dirfd, const char *path);

NODISCARD Err file_rename(struct ctx *c, int from_dirfd, const char *from, int to_dirfd, const char *to); /* replaces `to` */
NODISCARD Err file_link(struct ctx *c, int from_dirfd, const char *from, int to_dirfd, const char *to);
NODISCARD Err file_link_fd(struct ctx *c, int fd, int to_dirfd, const char *to); /* gives an O_TMPFILE its name */
NODISCARD Err file_unlink(struct ctx *c, int dirfd, const char *path);           /* NOT_FOUND when it is not there */
/* The file has the old content or the new at any instant, and the new one durably on return: writes ".<name>.new" beside it,
 * fdatasync, rename, fsync of the folder. path may name sub-folders. */
NODISCARD Err file_replace(struct ctx *c, int dirfd, const char *path, Str data, mode_t mode);

/* flock, exclusive: CONFLICT when somebody else has it for the next wait_ms too (0: does not wait). Waiting blocks the thread.
 * Released when the last copy of fd is closed, which for a killed process is a moment after its parent may have heard of it. */
NODISCARD Err file_lock(struct ctx *c, int fd, const char *name, unsigned wait_ms);

/* Arm the fault point from HEDDLE_FAULT="[role=]N[:errno|kill|short|trace]" (default EIO): the N-th hit in this process, only in
 * the process of that role when one is named. Does nothing unless built with -DHEDDLE_FAULTS. A short write leaves half of the
 * bytes and fails like a full disk. */
void os_fault_from_env(const char *role);

#endif

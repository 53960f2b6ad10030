#include "cmd/lakestore.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/encode.h"
#include "os/file.h"
#include "os/log.h"

enum { SEAL_STEP = 2 * 1024 * 1024, SEAL_READ = 256 * 1024, FILES_MAX = 1 << 20, LEASE_TRIES = 50, LEASE_WAIT_US = 1000 };

Err
lake_name(struct ctx *c, Str s, LakeName *ret)
{
	ENSURE(c, s.n >= 1 && s.n <= LAKE_NAME_MAX && s.p[0] != '.', INVALID, "not a name in the lake");
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		bool ok = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '.' || ch == '-';
		ENSURE(c, ok, INVALID, "not a name in the lake");
	}
	memcpy(ret->z, s.p, s.n);
	ret->z[s.n] = 0;
	return OK;
}

/* --- opening --- */

static Err
empty_folder(struct ctx *c, int dirfd)
{
	Str *names;
	size_t n;

	TRY(dir_list(c, dirfd, ".", FILES_MAX, &names, &n));
	for (size_t i = 0; i < n; i++) TRY(dir_remove(c, dirfd, names[i].p));
	return OK;
}

static Err
open_folders(struct ctx *c, int dirfd, struct lake *l)
{
	const struct {
		const char *name;
		int *fd;
	} folders[] = {{"staging", &l->staging}, {"objects", &l->objects}, {"quarantine", &l->quarantine}, {"views", &l->views}, {"extracts", &l->extracts}};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		TRY(file_open_beneath(c, dirfd, folders[i].name, O_RDONLY | O_DIRECTORY, 0, folders[i].fd));
	TRY(empty_folder(c, l->staging));
	TRY(empty_folder(c, l->views));
	return empty_folder(c, l->extracts);
}

Err
lake_open(struct ctx *c, int dirfd, struct lake *ret)
{
	struct lake l = {dirfd, -1, -1, -1, -1, -1, MAP_INIT};
	Err e = open_folders(c, dirfd, &l);

	if (!err_ok(e)) {
		lake_close(&l);
		return e;
	}
	*ret = l;
	return OK;
}

void
lake_close(struct lake *l)
{
	int *fds[] = {&l->staging, &l->objects, &l->quarantine, &l->views, &l->extracts};
	Str key;
	void *value;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) fd_close(fds[i]);
	for (size_t i = 0; map_next(&l->sealed, &i, &key, &value);) free(value);
	map_fini(&l->sealed);
}

/* --- uploads and their sealing --- */

static void
forget_sealed(struct lake *l, Str upload)
{
	free(map_del(&l->sealed, upload));
}

Err
lake_upload(struct ctx *c, struct lake *l, Str upload, int *ret_fd)
{
	LakeName name;

	TRY(lake_name(c, upload, &name));
	TRY(file_open_beneath(c, l->staging, name.z, O_WRONLY | O_CREAT | O_EXCL, 0444, ret_fd));
	forget_sealed(l, upload);
	return OK;
}

/* Whoever got the descriptor to write must have closed it, or sealed bytes could still change: the kernel gives a read lease only
 * on a file that nobody has open for writing. The other end may be just about to close. */
static Err
no_writers(struct ctx *c, int fd)
{
	for (int i = 0; i < LEASE_TRIES; i++) {
		if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
			fcntl(fd, F_SETLEASE, F_UNLCK);
			return OK;
		}
		if (errno != EAGAIN) { /* not every file system has leases, not every kernel lets us ask */
			log_debug("no lease on a staged file: %s", strerror(errno));
			return OK;
		}
		usleep(LEASE_WAIT_US);
	}
	return err_set(c, ERR_CONFLICT, "the upload is still being written");
}

static Err
is_file(struct ctx *c, int fd, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0) return os_err(c, errno, "look at", NULL);
	ENSURE(c, S_ISREG(st.st_mode), CORRUPT, "something that is no file lies in the lake");
	*ret_bytes = (uint64_t)st.st_size;
	return OK;
}

Err
lake_seal_begin(struct ctx *c, struct lake *l, Str upload, struct lake_seal *ret)
{
	LakeName name;
	FD_AUTO fd = -1;
	uint64_t bytes;

	TRY(lake_name(c, upload, &name));
	TRY(file_open_beneath(c, l->staging, name.z, O_RDONLY | O_NONBLOCK, 0, &fd));
	TRY(is_file(c, fd, &bytes));
	TRY(no_writers(c, fd));
	TRY(file_size(c, fd, name.z, &bytes));
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* lets the disk begin; durable it is by the sync at the end */
	*ret = (struct lake_seal){.fd = TAKE(fd, -1), .total_bytes = bytes};
	memcpy(ret->upload, name.z, sizeof ret->upload);
	crypt_sha256_init(&ret->hash);
	return OK;
}

static Err
seal_end(struct ctx *c, struct lake *l, struct lake_seal *s)
{
	uint8_t digest[CRYPT_HASH_BYTES];

	TRY(file_sync(c, s->fd, s->upload));
	struct lake_sealed *found = mem_alloc(sizeof *found);
	crypt_sha256_end(&s->hash, digest);
	hex_text(digest, sizeof digest, found->sha256);
	found->bytes = s->total_bytes;
	free(map_put(&l->sealed, str_c(s->upload), found));
	return OK;
}

Err
lake_seal_step(struct ctx *c, struct lake *l, struct lake_seal *s, bool *ret_done)
{
	static char chunk[SEAL_READ]; /* one thread */
	uint64_t stop = s->done_bytes + SEAL_STEP;

	while (s->done_bytes < s->total_bytes && s->done_bytes < stop) {
		uint64_t left = s->total_bytes - s->done_bytes;
		size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;
		TRY(file_read_at(c, s->fd, s->upload, chunk, n, s->done_bytes));
		crypt_sha256_add(&s->hash, str_of(chunk, n));
		s->done_bytes += n;
	}
	bool done = s->done_bytes == s->total_bytes;
	if (done) TRY(seal_end(c, l, s));
	*ret_done = done;
	return OK;
}

void
lake_seal_fini(struct lake_seal *s)
{
	fd_close(&s->fd);
}

const struct lake_sealed *
lake_sealed(const struct lake *l, Str upload)
{
	return map_get(&l->sealed, upload);
}

/* --- keeping --- */

/* Is the object there, whole? One of another length is what a broken disk left: it gives way. */
static Err
object_there(struct ctx *c, const struct lake *l, const struct lake_sealed *s, bool *ret_there, bool *ret_broken)
{
	FD_AUTO fd = -1;
	uint64_t bytes;
	Err e = file_open_beneath(c, l->objects, s->sha256, O_RDONLY | O_NONBLOCK, 0, &fd);

	*ret_there = *ret_broken = false;
	if (e.code == ERR_NOT_FOUND) return OK;
	TRY(e);
	TRY(is_file(c, fd, &bytes));
	*ret_there = bytes == s->bytes;
	*ret_broken = !*ret_there;
	return OK;
}

/* *ret_made: a link that was not there before. */
static Err
keep_one(struct ctx *c, struct lake *l, Str upload, bool *ret_made)
{
	const struct lake_sealed *s = lake_sealed(l, upload);
	LakeName name;
	bool there, broken;

	*ret_made = false;
	TRY(lake_name(c, upload, &name));
	ENSURE(c, s, NOT_FOUND, "no sealed upload '%s'", name.z);
	TRY(object_there(c, l, s, &there, &broken));
	if (there) return OK;
	if (broken) {
		log_error("object %.12s was damaged and is replaced by a new upload of it", s->sha256);
		TRY(file_unlink(c, l->objects, s->sha256));
	}
	TRY(file_link(c, l->staging, name.z, l->objects, s->sha256));
	*ret_made = true;
	return OK;
}

/* Missing ones are fine. What was sealed of them stays known, so that a repeated call can be answered. */
static Err
unstage(struct ctx *c, struct lake *l, List uploads)
{
	for (size_t i = 0; i < uploads.n; i++) {
		LakeName name;
		TRY(lake_name(c, uploads.v[i], &name));
		Err e = file_unlink(c, l->staging, name.z);
		if (e.code != ERR_NOT_FOUND) TRY(e);
	}
	return OK;
}

Err
lake_keep(struct ctx *c, struct lake *l, List uploads)
{
	bool *made = NEW_N(c->arena, uploads.n, bool);
	Err e = OK;

	for (size_t i = 0; i < uploads.n && err_ok(e); i++) e = keep_one(c, l, uploads.v[i], &made[i]);
	if (err_ok(e)) e = dir_sync(c, l->objects, "objects");
	if (err_ok(e)) return unstage(c, l, uploads);
	for (size_t i = 0; i < uploads.n; i++)
		if (made[i]) (void)unlinkat(l->objects, lake_sealed(l, uploads.v[i])->sha256, 0);
	return e;
}

Err
lake_discard(struct ctx *c, struct lake *l, List uploads)
{
	TRY(unstage(c, l, uploads));
	for (size_t i = 0; i < uploads.n; i++) forget_sealed(l, uploads.v[i]);
	return OK;
}

/* --- setting aside --- */

static Err
fill_batch(struct ctx *c, struct lake *l, const char *folder, List uploads, Str report)
{
	FD_AUTO at = -1, files = -1;

	TRY(dir_make(c, l->quarantine, folder, 0700));
	TRY(file_open_beneath(c, l->quarantine, folder, O_RDONLY | O_DIRECTORY, 0, &at));
	TRY(dir_make(c, at, "files", 0700));
	TRY(file_open_beneath(c, at, "files", O_RDONLY | O_DIRECTORY, 0, &files));
	for (size_t i = 0; i < uploads.n; i++) {
		LakeName name;
		TRY(lake_name(c, uploads.v[i], &name));
		TRY(file_link(c, l->staging, name.z, files, name.z));
	}
	TRY(dir_sync(c, files, "files"));
	return file_replace(c, at, "report.json", report, 0400); /* syncs `at` */
}

Err
lake_quarantine(struct ctx *c, struct lake *l, Str batch, List uploads, Str report)
{
	LakeName name;
	char folder[LAKE_NAME_MAX + 8];

	TRY(lake_name(c, batch, &name));
	if (file_exists(l->quarantine, name.z)) return unstage(c, l, uploads);
	snprintf(folder, sizeof folder, ".new-%s", name.z);
	TRY(dir_remove(c, l->quarantine, folder));
	Err e = fill_batch(c, l, folder, uploads, report);
	if (err_ok(e)) e = file_rename(c, l->quarantine, folder, l->quarantine, name.z);
	if (!err_ok(e)) {
		struct ctx ignored = {.arena = c->arena};
		(void)!err_ok(dir_remove(&ignored, l->quarantine, folder)); /* else the next one of this name does it */
		return e;
	}
	TRY(dir_sync(c, l->quarantine, "quarantine"));
	return unstage(c, l, uploads);
}

/* Views and extracts: the folders that readers and workers get to see (cmd/lakestore.h). */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/lakestore.h"
#include "os/file.h"

/* --- views --- */

Err
lake_view(struct ctx *c, struct lake *l, Str view, int *ret_fd)
{
	LakeName name;

	TRY(lake_name(c, view, &name));
	ENSURE(c, !file_exists(l->views, name.z), CONFLICT, "the view '%s' exists", name.z);
	TRY(dir_make(c, l->views, name.z, 0755));
	return file_open_beneath(c, l->views, name.z, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static Err
view_open(struct ctx *c, const struct lake *l, Str view, int *ret_fd)
{
	LakeName name;

	TRY(lake_name(c, view, &name));
	return file_open_beneath(c, l->views, name.z, O_RDONLY | O_DIRECTORY, 0, ret_fd);
}

static Err
source_folder(struct ctx *c, const struct lake *l, Str kind, int *ret)
{
	if (str_eqc(kind, "object"))
		*ret = l->objects;
	else if (str_eqc(kind, "upload"))
		*ret = l->staging;
	else if (str_eqc(kind, "extract"))
		*ret = l->extracts;
	else
		return err_set(c, ERR_INVALID, "the lake has no '%.*s'", STR(kind));
	return OK;
}

static bool
same_file(int a_dir, const char *a, int b_dir, const char *b)
{
	struct stat x, y;

	return fstatat(a_dir, a, &x, AT_SYMLINK_NOFOLLOW) == 0 && fstatat(b_dir, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

/* *ret_made: a link that was not there before. */
static Err
link_one(struct ctx *c, const struct lake *l, int view, const Str source[static 3], bool *ret_made)
{
	LakeName from, to;
	int folder = -1;
	struct stat st;

	*ret_made = false;
	TRY(source_folder(c, l, source[0], &folder));
	TRY(lake_name(c, source[1], &from));
	TRY(lake_name(c, source[2], &to));
	if (fstatat(folder, from.z, &st, AT_SYMLINK_NOFOLLOW) < 0) return os_err(c, errno, "link", from.z);
	ENSURE(c, S_ISREG(st.st_mode), CORRUPT, "something that is no file lies in the lake");
	Err e = file_link(c, folder, from.z, view, to.z);
	if (e.code == ERR_CONFLICT && same_file(folder, from.z, view, to.z)) return OK;
	TRY(e);
	*ret_made = true;
	return OK;
}

Err
lake_link(struct ctx *c, struct lake *l, Str view, List sources)
{
	FD_AUTO at = -1;
	size_t n = sources.n / 3;
	bool *made = NEW_N(c->arena, n, bool);
	Err e = OK;

	ENSURE(c, sources.n % 3 == 0, INVALID, "malformed list of links");
	TRY(view_open(c, l, view, &at));
	for (size_t i = 0; i < n && err_ok(e); i++) e = link_one(c, l, at, sources.v + 3 * i, &made[i]);
	for (size_t i = 0; i < n && !err_ok(e); i++) {
		LakeName to;
		struct ctx ignored = {0};
		if (made[i] && err_ok(lake_name(&ignored, sources.v[3 * i + 2], &to))) (void)unlinkat(at, to.z, 0);
	}
	return e;
}

/* Missing ones are fine. */
static Err
unlink_all(struct ctx *c, int dirfd, List names)
{
	for (size_t i = 0; i < names.n; i++) {
		LakeName name;
		TRY(lake_name(c, names.v[i], &name));
		Err e = file_unlink(c, dirfd, name.z);
		if (e.code != ERR_NOT_FOUND) TRY(e);
	}
	return OK;
}

/* --- extracts --- */

static Err
fresh_name(struct ctx *c, Str view, char ret[static LAKE_NAME_MAX + 8])
{
	LakeName name;

	TRY(lake_name(c, view, &name));
	snprintf(ret, LAKE_NAME_MAX + 8, ".new-%s", name.z); /* no name from outside begins with a dot */
	return OK;
}

Err
lake_view_drop(struct ctx *c, struct lake *l, Str view)
{
	LakeName name;
	char fresh[LAKE_NAME_MAX + 8];

	TRY(lake_name(c, view, &name));
	TRY(fresh_name(c, view, fresh));
	TRY(dir_remove(c, l->views, name.z));
	return dir_remove(c, l->extracts, fresh);
}

/* Owned by the lake, so that it may link them later although another uid wrote them (fs.protected_hardlinks). */
static Err
make_empty(struct ctx *c, int dirfd, Str file)
{
	LakeName name;
	FD_AUTO fd = -1;

	TRY(lake_name(c, file, &name));
	return file_open_beneath(c, dirfd, name.z, O_WRONLY | O_CREAT | O_EXCL, 0666, &fd);
}

Err
lake_extract(struct ctx *c, struct lake *l, Str view, List names, int *ret_fd)
{
	char fresh[LAKE_NAME_MAX + 8];
	FD_AUTO at = -1;
	Err e = OK;
	size_t made = 0;

	TRY(fresh_name(c, view, fresh));
	TRY(dir_make(c, l->extracts, fresh, 0755));
	TRY(file_open_beneath(c, l->extracts, fresh, O_RDONLY | O_DIRECTORY, 0, &at));
	while (made < names.n && err_ok(e = make_empty(c, at, names.v[made]))) made++;
	if (!err_ok(e)) {
		struct ctx ignored = {0};
		(void)!err_ok(unlink_all(&ignored, at, (List){names.v, made})); /* else with the folder */
		return e;
	}
	*ret_fd = TAKE(at, -1);
	return OK;
}

static Err
check_filled(struct ctx *c, int dirfd, const char *name, uint64_t *bytes)
{
	FD_AUTO fd = -1;
	struct stat st;

	TRY(file_open_beneath(c, dirfd, name, O_RDONLY | O_NONBLOCK, 0, &fd));
	if (fstat(fd, &st) < 0) return os_err(c, errno, "look at", name);
	ENSURE(c, S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid(), CORRUPT, "a reader put something else in the place of an extract");
	ENSURE(c, st.st_size > 0, CORRUPT, "a reader left an extract empty");
	if (fchmod(fd, 0444) < 0) return os_err(c, errno, "close", name);
	*bytes += (uint64_t)st.st_size;
	return OK;
}

Err
lake_extract_keep(struct ctx *c, struct lake *l, Str view, List names, uint64_t *ret_bytes)
{
	char fresh[LAKE_NAME_MAX + 8];
	FD_AUTO at = -1;
	uint64_t bytes = 0;
	LakeName name;

	TRY(fresh_name(c, view, fresh));
	TRY(file_open_beneath(c, l->extracts, fresh, O_RDONLY | O_DIRECTORY, 0, &at));
	for (size_t i = 0; i < names.n; i++) {
		TRY(lake_name(c, names.v[i], &name));
		TRY(check_filled(c, at, name.z, &bytes));
	}
	for (size_t i = 0; i < names.n; i++) {
		TRY(lake_name(c, names.v[i], &name));
		TRY(file_rename(c, at, name.z, l->extracts, name.z));
	}
	*ret_bytes = bytes;
	return OK;
}

Err
lake_extract_drop(struct ctx *c, struct lake *l, List names)
{
	return unlink_all(c, l->extracts, names);
}

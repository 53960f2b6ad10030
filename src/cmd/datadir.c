#include "cmd/datadir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/role.h"
#include "cmd/rootkey.h"
#include "crypt/encode.h"
#include "os/file.h"

enum { NAMES_MAX = 64, TOKEN_BYTES = 32 };

struct folder {
	const char *path;
	mode_t mode;
	unsigned owner; /* offset of the uid; 0: stays ours */
};

static const struct folder folders[] = {
    {"keys", 0700, UID_KEYS},        {"ledger", 0700, UID_CORE},        {"ledger/logs", 0755, UID_CORE},
    {"catalog", 0700, UID_CORE},     {"catalog/blobs", 0700, UID_CORE}, {"lake", 0700, UID_LAKE},
    {"lake/objects", 0700, UID_LAKE}, {"lake/staging", 0700, UID_LAKE},  {"lake/views", 0700, UID_LAKE},
    {"lake/extracts", 0700, UID_LAKE}, {"lake/quarantine", 0700, UID_LAKE}, {"temp", 0711, 0},
};

/* --- who owns what --- */

static uid_t
base_wanted(void)
{
	uint64_t base;

	if (geteuid() != 0) return 0;
	return str_u64(str_c(getenv("HEDDLE_UID_BASE")), &base) && base > 0 && base < 1u << 30 ? (uid_t)base : UID_BASE_DEFAULT;
}

static Err
give(struct ctx *c, const struct datadir *d, const char *path, unsigned owner, mode_t mode)
{
	uid_t uid = d->uid_base + owner;

	if (fchmodat(d->fd, path, mode, 0) < 0) return os_err(c, errno, "set the mode of", path);
	if (d->uid_base && owner && fchownat(d->fd, path, uid, uid, AT_SYMLINK_NOFOLLOW) < 0) return os_err(c, errno, "give away", path);
	return OK;
}

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- making --- */

/* The names that init makes; files being replaced have a dot before and ".new" behind. */
static bool
is_ours(Str name)
{
	static const char *const names[] = {"lock", "root.key", "admin.token", "keys", "ledger", "catalog", "lake", "temp"};

	if (name.n > 5 && name.p[0] == '.' && str_ends(name, S(".new"))) return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqc(name, names[i])) return true;
	return false;
}

static Err
check_free(struct ctx *c, const char *path, int fd)
{
	Str *names;
	size_t n;

	ENSURE(c, !file_exists(fd, "node.id"), CONFLICT, "'%s' is a node already; nothing was changed", path);
	Err e = dir_list(c, fd, ".", NAMES_MAX, &names, &n);
	ENSURE(c, e.code != ERR_TOO_LARGE, INVALID, "'%s' is not empty; choose a new or an empty folder", path);
	TRY(e);
	for (size_t i = 0; i < n; i++)
		ENSURE(c, is_ours(names[i]), INVALID, "'%s' is not empty ('%.*s' is in it); choose a new or an empty folder", path, STR(names[i]));
	return OK;
}

static Err
make_folders(struct ctx *c, const struct datadir *d)
{
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		TRY(dir_make(c, d->fd, folders[i].path, folders[i].mode));
		TRY(give(c, d, folders[i].path, folders[i].owner, folders[i].mode));
	}
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		FD_AUTO at = -1;
		TRY(dir_open(c, d->fd, folders[i].path, &at));
		TRY(dir_sync(c, at, folders[i].path));
	}
	return OK;
}

static Err
make_root_key(struct ctx *c, const struct datadir *d)
{
	SECRET_AUTO root;
	char line[2 * CRYPT_KEY_BYTES + 2];

	crypt_random(root.secret_bytes, sizeof root.secret_bytes);
	hex_text(root.secret_bytes, sizeof root.secret_bytes, line);
	memcpy(line + 2 * CRYPT_KEY_BYTES, "\n", 2);
	Err e = file_replace(c, d->fd, "root.key", str_c(line), 0600);
	crypt_wipe(line, sizeof line);
	return e;
}

/* The token for its owner; its hash for the core, which takes it into the directory at its first start. */
static Err
make_token(struct ctx *c, const struct datadir *d)
{
	SECRET_AUTO secret;
	char hex[CRYPT_HASH_TEXT];
	BUF_AUTO token = BUF_INIT;

	buf_reserve(&token, 128); /* never moved, so wiped in one place */
	crypt_random(secret.secret_bytes, sizeof secret.secret_bytes);
	buf_c(&token, "hdl_");
	base64url_put(&token, str_of(secret.secret_bytes, sizeof secret.secret_bytes));
	crypt_sha256_text(buf_view(&token), hex);
	Err e = file_replace(c, d->fd, "catalog/bootstrap", str_c(hex), 0600);
	if (err_ok(e)) e = give(c, d, "catalog/bootstrap", UID_CORE, 0600);
	buf_char(&token, '\n');
	if (err_ok(e)) e = file_replace(c, d->fd, "admin.token", buf_view(&token), 0600);
	crypt_wipe(token.p, token.cap);
	return e;
}

static Err
lock_folder(struct ctx *c, struct datadir *d)
{
	char pid[32] = "";
	Str line;

	TRY(file_open(c, d->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &d->lock));
	Err e = file_lock(c, d->lock, "lock", 0);
	if (e.code == ERR_CONFLICT) {
		ssize_t n = pread(d->lock, pid, sizeof pid - 1, 0);
		str_cut(str_of(pid, n > 0 ? (size_t)n : 0), '\n', &line);
		return err_set(c, ERR_CONFLICT, "another heddle runs on this data folder (pid %.*s)", STR(line));
	}
	TRY(e);
	TRY(file_truncate(c, d->lock, "lock", 0));
	snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	return file_write_at(c, d->lock, "lock", str_c(pid), 0);
}

static Err
make_folder(struct ctx *c, const char *path, struct datadir *d)
{
	mode_t mode = d->uid_base ? 0711 : 0700; /* the roles' uids pass through it */

	if (mkdir(path, mode) < 0 && errno != EEXIST) return os_err(c, errno, "make folder", path);
	ENSURE(c, is_folder(path), INVALID, "'%s' is not a folder", path);
	TRY(dir_open(c, AT_FDCWD, path, &d->fd));
	TRY(check_free(c, path, d->fd));
	if (fchmod(d->fd, mode) < 0) return os_err(c, errno, "set the mode of", path);
	if (!realpath(path, d->path)) return os_err(c, errno, "find", path);
	return OK;
}

static Err
sync_parent(struct ctx *c, const struct datadir *d)
{
	FD_AUTO up = -1;

	TRY(file_open(c, d->fd, "..", O_RDONLY | O_DIRECTORY, 0, &up));
	return dir_sync(c, up, "the folder above");
}

static Err
make_all(struct ctx *c, const char *path, struct datadir *d)
{
	TRY(make_folder(c, path, d));
	TRY(lock_folder(c, d));
	TRY(check_free(c, path, d->fd)); /* now that nobody else is at it */
	TRY(make_folders(c, d));
	if (!rootkey_in_environment()) TRY(make_root_key(c, d));
	TRY(make_token(c, d));
	TRY(sync_parent(c, d));
	crypt_random_id(d->node_id);
	return file_replace(c, d->fd, "node.id", str_c(d->node_id), 0644);
}

Err
datadir_make(struct ctx *c, const char *path, struct datadir *ret)
{
	struct datadir d = {.fd = -1, .lock = -1, .uid_base = base_wanted()};
	mode_t mask = umask(0); /* the modes in the code are the modes on disk */
	Err e = make_all(c, path, &d);

	umask(mask);
	fd_close(&d.lock);
	if (!err_ok(e)) {
		datadir_close(&d);
		return e;
	}
	*ret = d;
	return OK;
}

/* --- opening --- */

static Err
owner_of(struct ctx *c, const struct datadir *d, const char *path, uid_t *ret)
{
	struct stat st;

	if (fstatat(d->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) return os_err(c, errno, "look at", path);
	ENSURE(c, S_ISDIR(st.st_mode), CORRUPT, "'%s' in the data folder is no folder", path);
	*ret = st.st_uid;
	return OK;
}

/* The uids were chosen by init: the owners of the folders tell them. */
static Err
find_uids(struct ctx *c, struct datadir *d)
{
	uid_t core, keys, lake;

	TRY(owner_of(c, d, "ledger", &core));
	TRY(owner_of(c, d, "keys", &keys));
	TRY(owner_of(c, d, "lake", &lake));
	if (geteuid() != 0) {
		bool own = core == geteuid() && keys == geteuid() && lake == geteuid();
		ENSURE(c, own, INVALID, "this node was made by %s; serve it as that user", core >= 1000 && core == keys ? "another user" : "root");
		return OK;
	}
	ENSURE(c, core > UID_CORE && core - UID_CORE == keys - UID_KEYS && core - UID_CORE == lake - UID_LAKE, INVALID,
	       "this node was made by user %u; serve it as that user", (unsigned)core);
	d->uid_base = core - UID_CORE;
	return OK;
}

/* Whoever opened a pipe in place of one would wait for ever; a link leads where the roles cannot look. */
static Err
check_files(struct ctx *c, const struct datadir *d)
{
	static const char *const files[] = {"node.id", "lock", "catalog/center", "catalog/bootstrap"};
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		ENSURE(c, fstatat(d->fd, files[i], &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISREG(st.st_mode), CORRUPT,
		       "'%s' in the data folder is no file; put the file back from a copy of the folder", files[i]);
	return OK;
}

static Err
read_id(struct ctx *c, struct datadir *d)
{
	uint8_t bytes[16];
	Str text;

	TRY(file_read_path(c, d->fd, "node.id", 64, &text));
	ENSURE(c, hex_get_n(str_trim(text), bytes, sizeof bytes), CORRUPT, "node.id is damaged: it must hold 32 hex digits");
	hex_text(bytes, sizeof bytes, d->node_id);
	return OK;
}

static Err
open_all(struct ctx *c, const char *path, struct datadir *d)
{
	ENSURE(c, is_folder(path), NOT_FOUND, "no node in '%s'; make one with: heddle init --data %s", path, path);
	TRY(dir_open(c, AT_FDCWD, path, &d->fd));
	ENSURE(c, file_exists(d->fd, "node.id"), NOT_FOUND, "no node in '%s'; make one with: heddle init --data %s", path, path);
	if (!realpath(path, d->path)) return os_err(c, errno, "find", path);
	TRY(find_uids(c, d));
	TRY(check_files(c, d));
	TRY(lock_folder(c, d));
	return read_id(c, d);
}

Err
datadir_open(struct ctx *c, const char *path, struct datadir *ret)
{
	struct datadir d = {.fd = -1, .lock = -1};
	Err e = open_all(c, path, &d);

	if (!err_ok(e)) {
		datadir_close(&d);
		return e;
	}
	*ret = d;
	return OK;
}

void
datadir_close(struct datadir *d)
{
	fd_close(&d->fd);
	fd_close(&d->lock);
}

#include "cmd/rootkey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/encode.h"
#include "os/capture.h"
#include "os/file.h"

#define VARIABLE "HEDDLE_ROOT_KEY"
enum { COMMAND_BYTES_MAX = 256, COMMAND_MS = 30000 };

bool
rootkey_in_environment(void)
{
	const char *v = getenv(VARIABLE);

	return v && *v;
}

/* The variable's bytes stand in this process's memory as long as it lives, and in /proc/self/environ. */
static void
forget_variable(void)
{
	char *v = getenv(VARIABLE);

	if (v) crypt_wipe(v, strlen(v));
	unsetenv(VARIABLE);
}

static Err
in_memory(struct ctx *c, const char *from, Str text, int *ret_fd)
{
	uint8_t key[CRYPT_KEY_BYTES];

	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r' || text.p[text.n - 1] == ' ')) text.n--;
	bool good = hex_get_n(text, key, sizeof key);

	crypt_wipe(key, sizeof key);
	ENSURE(c, good, INVALID, "%s must give the root key: 64 hex digits", from);
	FD_AUTO fd = memfd_create("root key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) return os_err(c, errno, "keep the root key", NULL);
	TRY(file_write(c, fd, "root key", text));
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) return os_err(c, errno, "keep the root key", NULL);
	*ret_fd = TAKE(fd, -1);
	return OK;
}

static Err
from_command(struct ctx *c, const char *const *argv, int *ret_fd)
{
	BUF_AUTO out = BUF_INIT;

	buf_reserve(&out, 2 * COMMAND_BYTES_MAX + 1024); /* never moved, so wiped in one place */
	Err e = capture(c, argv, VARIABLE, COMMAND_BYTES_MAX, COMMAND_MS, &out);
	if (err_ok(e))
		e = in_memory(c, "root_key_command", buf_view(&out), ret_fd);
	else
		e = err_set(c, (enum err_code)e.code, "root_key_command: %.400s", arena_printf(c->arena, "%s", c->detail).p);
	crypt_wipe(out.p, out.cap);
	return e;
}

static Err
from_environment(struct ctx *c, int *ret_fd)
{
	Err e = in_memory(c, VARIABLE, str_c(getenv(VARIABLE)), ret_fd);

	forget_variable();
	return e;
}

/* Of the data folder: a pipe in place of it would be waited for without end. */
static Err
from_folder(struct ctx *c, int folder, int *ret_fd)
{
	struct stat st;
	FD_AUTO fd = -1;

	TRY(file_open_beneath(c, folder, "root.key", O_RDONLY | O_NONBLOCK, 0, &fd));
	ENSURE(c, fstat(fd, &st) == 0 && S_ISREG(st.st_mode), CORRUPT, "'root.key' in the data folder is no file; put the copy back");
	*ret_fd = TAKE(fd, -1);
	return OK;
}

Err
rootkey_open(struct ctx *c, const struct datadir *d, const struct settings *s, int *ret_fd)
{
	int given = rootkey_in_environment() + (s->root_key_command != NULL) + (s->root_key_file != NULL);
	Err e;

	if (given > 1) {
		forget_variable();
		return err_set(c, ERR_INVALID, "the root key is named twice; use one of " VARIABLE ", root_key_command and root_key_file");
	}
	if (rootkey_in_environment()) return from_environment(c, ret_fd);
	if (s->root_key_command) return from_command(c, s->root_key_command, ret_fd);
	if (s->root_key_file)
		e = file_open(c, AT_FDCWD, s->root_key_file, O_RDONLY, 0, ret_fd);
	else
		e = from_folder(c, d->fd, ret_fd);
	if (e.code != ERR_NOT_FOUND) return e;
	return err_set(c, ERR_NOT_FOUND, "the root key is not there: neither %s nor " VARIABLE " nor root_key_command; put the copy back, no new one is made for keys "
	               "that are sealed", s->root_key_file ? s->root_key_file : "root.key in the data folder");
}

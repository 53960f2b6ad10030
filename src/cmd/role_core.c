/* The core role's main: into its folder, into its sandbox, then core/role.h. */
#include <errno.h>
#include <unistd.h>

#include "cmd/role.h"
#include "cmd/settings.h"
#include "core/role.h"
#include "os/file.h"
#include "os/log.h"

/* SQLite works with absolute paths, and the folders above the data folder need not let our uid pass: so where we are root the data
 * folder becomes the root folder, which is one more wall besides. */
static Err
enter_folder(struct ctx *c, bool own_root)
{
	if (fchdir(CORE_FD_DATA) < 0) return os_err(c, errno, "enter the data folder", NULL);
	if (own_root && (chroot(".") < 0 || chdir("/") < 0)) return os_err(c, errno, "enter the data folder", NULL);
	return OK;
}

static Err
start(struct ctx *c, char *const *argv, struct sandbox_state *ret)
{
	FD_AUTO ledger = -1, catalog = -1;

	TRY(enter_folder(c, role_arg_u64(argv, "uid") != 0));
	TRY(dir_open(c, AT_FDCWD, "ledger", &ledger));
	TRY(dir_open(c, AT_FDCWD, "catalog", &catalog));
	int dirs[] = {ledger, catalog};
	struct sandbox_spec spec = {.profile = SANDBOX_CORE, .write_dirs = dirs, .write_dir_count = ARRAY_LEN(dirs), .own_net = true,
	    .limits = {.nofile = 4096}};
	close(CORE_FD_DATA);
	return role_sandbox(c, argv, &spec, ret);
}

int
role_core_main(char *const *argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct core_limits limits = {0};
	struct sandbox_state state;
	const char *node = role_arg(argv, "node");
	Err e = start(&c, argv, &state);

	settings_from_args(argv, &limits);
	if (err_ok(e)) e = core_role(&c, FD_CHANNEL, &limits, node ? node : "", state.level);
	if (err_ok(e)) return ROLE_EXIT_OK;
	log_error("%s", err_detail(&c, e));
	return ROLE_EXIT_OPERATOR;
}

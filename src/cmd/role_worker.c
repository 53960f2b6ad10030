/* The worker role's main. */
#include "cmd/role.h"
#include "query/worker.h"

int
role_worker_main(char *const *argv)
{
	return worker_main(&(struct worker_setup){.channel_fd = FD_CHANNEL, .read_dir_fd = WORKER_FD_READ, .library_fd = WORKER_FD_DUCK,
	    .temp_dir_fd = WORKER_FD_TEMP, .uid = (uid_t)role_arg_u64(argv, "uid"), .gid = (gid_t)role_arg_u64(argv, "gid"),
	    .as_bytes = role_arg_u64(argv, "as")});
}

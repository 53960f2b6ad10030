/* The reader role's main. */
#include "cmd/role.h"
#include "query/reader.h"

int
role_reader_main(char *const *argv)
{
	return reader_main(&(struct reader_setup){.channel_fd = FD_CHANNEL, .read_dir_fd = READER_FD_READ, .write_dir_fd = READER_FD_WRITE,
	    .library_fd = READER_FD_DUCK, .temp_dir_fd = READER_FD_TEMP, .uid = (uid_t)role_arg_u64(argv, "uid"),
	    .gid = (gid_t)role_arg_u64(argv, "gid"), .as_bytes = role_arg_u64(argv, "as")});
}

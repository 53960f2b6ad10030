#include "os/landlock.h"

#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* linux/landlock.h */
enum {
	FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4, FS_REMOVE_FILE = 1 << 5, FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8,
	FS_REFER = 1 << 13, FS_TRUNCATE = 1 << 14, FS_IOCTL_DEV = 1 << 15,
	NET_TCP = 3,      /* bind, connect */
	SCOPE = 3,        /* abstract sockets, signals */
	VERSION_FLAG = 1, /* LANDLOCK_CREATE_RULESET_VERSION */
	RULE_PATH_BENEATH = 1,
};

struct ruleset_attr { uint64_t fs, net, scoped; };
struct path_beneath_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

static uint64_t
fs_rights(int abi)
{
	uint64_t all = (1 << 13) - 1;

	if (abi >= 2) all |= FS_REFER;
	if (abi >= 3) all |= FS_TRUNCATE;
	if (abi >= 5) all |= FS_IOCTL_DEV;
	return all;
}

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

	return abi > 0 ? (int)abi : 0;
}

int
landlock_new(int abi, bool no_net)
{
	struct ruleset_attr attr = {
	    .fs = fs_rights(abi),
	    .net = abi >= 4 && no_net ? NET_TCP : 0,
	    .scoped = abi >= 6 ? SCOPE : 0,
	};

	return (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
}

int
landlock_allow(int rules, int abi, int fd, bool write)
{
	uint64_t of_file = FS_READ_FILE, of_dir = FS_READ_DIR;
	struct path_beneath_attr attr = {.fd = fd};
	struct stat st;

	if (fstat(fd, &st) < 0) return -1;
	if (write) {
		of_file |= FS_WRITE_FILE | FS_TRUNCATE;
		of_dir |= FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER;
	}
	attr.allowed = (S_ISDIR(st.st_mode) ? of_file | of_dir : of_file) & fs_rights(abi);
	return (int)syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &attr, 0);
}

int
landlock_enter(int rules)
{
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

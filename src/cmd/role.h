/* What the mains of the roles have in common: which descriptors they find, what they are told on their command line, how they end.
 *
 * A role is this program again with argv[0] "heddle: <role>", arguments of the form name=value, and its descriptors from
 * SPAWN_FIRST_FD on, in the order of the enums below. It takes its uid itself, when it enters its sandbox. */
#ifndef HEDDLE_CMD_ROLE_H
#define HEDDLE_CMD_ROLE_H

#include "base/arena.h"
#include "os/sandbox.h"
#include "os/spawn.h"

enum process_kind {
#define PROCESS(NAME, name, uid) PROCESS_##NAME,
#include "cmd/roles.def"
#undef PROCESS
	PROCESS_COUNT,
	PROCESS_LASTING = PROCESS_READER /* those before run as long as the node */
};

const char *process_name(enum process_kind kind);
unsigned process_uid_offset(enum process_kind kind);

enum { UID_BASE_DEFAULT = 64100, UID_CORE = 2, UID_KEYS = 3, UID_LAKE = 4 };

/* Descriptors. Every role but `check` has its channel first: to the parent for the core, to the core for the others. */
enum { FD_CHANNEL = SPAWN_FIRST_FD };
enum { CORE_FD_DATA = FD_CHANNEL + 1 };                             /* the data folder */
enum { KEYS_FD_DIR = FD_CHANNEL + 1, KEYS_FD_ROOT };                /* its folder, the file with the root key */
enum { LAKE_FD_DIR = FD_CHANNEL + 1 };
enum { GATE_FD_LISTEN = FD_CHANNEL + 1, GATE_FD_CERT, GATE_FD_KEY }; /* the last two when it speaks TLS */
enum { WORKER_FD_READ = FD_CHANNEL + 1, WORKER_FD_DUCK, WORKER_FD_TEMP };
enum { READER_FD_READ = FD_CHANNEL + 1, READER_FD_WRITE, READER_FD_DUCK, READER_FD_TEMP };
/* The sender has its channel only. */
enum { CHECK_FD_DUCK = SPAWN_FIRST_FD };

/* Exit statuses that mean something to the parent. */
enum {
	ROLE_EXIT_OK = 0,         /* told to end */
	ROLE_EXIT_ALTERED = 3,    /* check: the library is not the pinned one */
	ROLE_EXIT_LEDGER = 70,    /* core: the ledger cannot be written */
	ROLE_EXIT_OPERATOR = 78   /* it cannot start and trying again will not help; the log says why */
};

/* The value of the argument `name`, NULL when it is not there. */
const char *role_arg(char *const *argv, const char *name);
/* The same as a number; 0 when it is not there or none. */
uint64_t role_arg_u64(char *const *argv, const char *name);

/* Enter the sandbox as the uid on the command line and try whether it holds. */
NODISCARD Err role_sandbox(struct ctx *c, char *const *argv, struct sandbox_spec *spec, struct sandbox_state *ret);

/* The mains; each returns the exit status of its process. */
int role_core_main(char *const *argv);
int role_keys_main(char *const *argv);
int role_lake_main(char *const *argv);
int role_gate_main(char *const *argv);
int role_reader_main(char *const *argv);
int role_worker_main(char *const *argv);
int role_sender_main(char *const *argv);
int role_check_main(char *const *argv);

/* Run as the role that argv[0] names. */
int role_main(const char *role, char *const *argv);

#endif

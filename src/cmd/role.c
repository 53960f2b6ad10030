#include "cmd/role.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "crypt/hash.h"
#include "os/file.h"
#include "os/log.h"

struct process_row {
	const char *name;
	unsigned uid;
	int (*run)(char *const *argv);
};

static const struct process_row rows[PROCESS_COUNT] = {
#define PROCESS(NAME, name, uid) [PROCESS_##NAME] = {#name, uid, role_##name##_main},
#include "cmd/roles.def"
#undef PROCESS
};

const char *process_name(enum process_kind kind) { return rows[kind].name; }
unsigned process_uid_offset(enum process_kind kind) { return rows[kind].uid; }

const char *
role_arg(char *const *argv, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 1; argv[i]; i++)
		if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') return argv[i] + n + 1;
	return NULL;
}

uint64_t
role_arg_u64(char *const *argv, const char *name)
{
	uint64_t v = 0;

	if (!str_u64(str_c(role_arg(argv, name)), &v)) return 0;
	return v;
}

Err
role_sandbox(struct ctx *c, char *const *argv, struct sandbox_spec *spec, struct sandbox_state *ret)
{
	spec->uid = (uid_t)role_arg_u64(argv, "uid");
	spec->gid = (gid_t)role_arg_u64(argv, "gid");
	TRY(sandbox_enter(c, spec, ret));
	return sandbox_self_test(c, spec, ret);
}

int
role_main(const char *role, char *const *argv)
{
	struct ctx c = {0};
	uint64_t seed;

	log_open(role);
	os_fault_from_env(role);
	/* Ctrl-C and service managers signal the whole group; the parent alone takes it, and ends us in order. */
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++) signal(ignored[i], SIG_IGN);
	if (!err_ok(crypt_init(&c))) {
		log_error("%s", c.detail);
		return ROLE_EXIT_OPERATOR;
	}
	crypt_random(&seed, sizeof seed);
	map_seed(seed);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(role, rows[i].name) != 0) continue;
		/* arenas of malloc are for threads: these have none, or few that allocate little at once */
		mallopt(M_ARENA_MAX, i < PROCESS_LASTING ? 1 : 2);
		return rows[i].run(argv);
	}
	log_error("no such role");
	return ROLE_EXIT_OPERATOR;
}

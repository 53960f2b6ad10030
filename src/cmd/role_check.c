/* The check: is libduckdb.so beside the program the one this program was built for? A process of its own, because it hashes 60 MB. */
#include "cmd/role.h"
#include "os/log.h"
#include "pins.h"
#include "query/duck.h"

int
role_check_main(char *const *argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	Err e = duck_check(&c, CHECK_FD_DUCK, S(HEDDLE_DUCKDB_SHA256));

	(void)argv;
	if (err_ok(e)) return ROLE_EXIT_OK;
	log_error("%s", err_detail(&c, e));
	return e.code == ERR_CORRUPT ? ROLE_EXIT_ALTERED : 1;
}

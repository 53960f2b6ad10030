#include "query/sqlgate.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A tree that passes names only tables of three identifiers. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct sql_statement s;

	if (!err_ok(sqlgate_check(&c, str_of(p, n), &s))) return 0;
	for (size_t i = 0; i < s.table_count; i++) {
		Str rest = s.tables[i].name, part;
		for (int k = 0; k < 3; k++) {
			rest = str_cut(rest, '.', &part);
			if (!str_is_ident(part) || (rest.p != NULL) != (k < 2)) __builtin_trap();
		}
	}
	return 0;
}

#include "query/sqlgate.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A tree that passes names only tables of three identifiers. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	const struct sql_shape shape = {S("d.p.t"), &(Str){"a", 1}, 1, &(Str){"b", 1}, 1, S("at least 5 rows")};
	struct sql_statement s;

	(void)sqlgate_check_shapes(&c, str_of(p, n), &shape, 1).code;
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

#include "mesh/contract/contract.h"

/* What is accepted must be whole: compared with itself it has not changed. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	const struct contract *k;

	if (!err_ok(contract_parse(&c, str_of(p, n), &k))) return 0;
	if (k->table_count == 0 || !err_ok(contract_version_check(&c, k, k))) __builtin_trap();
	return 0;
}

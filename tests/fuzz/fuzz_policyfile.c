#include "mesh/policyfile.h"

/* What is accepted closes something, and names what it is about. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct policy_file f;

	if (!err_ok(policy_file_parse(&c, str_of(p, n), &f))) return 0;
	const struct policy_restriction *r = &f.effects;
	if (!r->mask && !r->hide && !r->max_days && !r->approvals && !r->demand_purpose && !r->demand_handing && !r->min_level && !r->suspend &&
	    !r->freeze)
		__builtin_trap();
	if (!str_is_ident(f.name) || (r->freeze && f.domain.n == 0)) __builtin_trap();
	return 0;
}

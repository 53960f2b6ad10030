#include "codec/tagexpr.h"

/* What a log may hold is read back as it was written; what a person wrote becomes that, and without NOT where it must. */
static bool
vocabulary(const void *arg, Str tag, struct tag_values *ret)
{
	static const Str values[] = {{"public", 6}, {"internal", 8}, {"secret", 6}};

	*ret = tag.n % 2 ? (struct tag_values){values, 3, true} : (struct tag_values){NULL, 0, false};
	return arg == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	const struct tag_expr *e;

	if (err_ok(tagexpr_parse(&c, str_of(p, n), vocabulary, NULL, true, &e)) && tagexpr_has_not(e)) __builtin_trap();
	(void)!err_ok(tagexpr_parse(&c, str_of(p, n), vocabulary, NULL, false, &e));
	return (void)!err_ok(tagexpr_parse_canonical(&c, str_of(p, n), &e)), 0;
}

#include "codec/predicate.h"

/* What was parsed is written out as a text that parses to what is written out the same. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	BUF_AUTO once = BUF_INIT;
	BUF_AUTO twice = BUF_INIT;
	struct ctx c = {.arena = &arena};
	const struct predicate *tree;
	Str *columns;

	if (!err_ok(predicate_parse(&c, str_of(p, n), &tree))) return 0;
	predicate_print(tree, &once);
	if (!err_ok(predicate_parse(&c, buf_view(&once), &tree))) __builtin_trap();
	predicate_print(tree, &twice);
	if (!str_eq(buf_view(&once), buf_view(&twice)) || predicate_columns(tree, &arena, &columns) == 0) __builtin_trap();
	return 0;
}

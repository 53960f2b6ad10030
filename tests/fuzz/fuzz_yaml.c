#include "codec/yaml.h"

/* The tree must be well-formed whatever came in: every text UTF-8, every count true. */
static void
walk(const struct node *n, int depth)
{
	size_t count = 0;

	if (depth > YAML_DEPTH_MAX || !str_is_utf8(n->text) || !str_is_utf8(n->key)) __builtin_trap();
	for (const struct node *m = n->first; m; m = m->next, count++) walk(m, depth + 1);
	if (count != n->count) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	const struct node *root;

	if (err_ok(yaml_parse(&c, str_of(p, n), &root))) walk(root, 0);
	return 0;
}

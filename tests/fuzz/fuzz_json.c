#include <stdlib.h>

#include "codec/json.h"

/* What is taken is UTF-8, within the limits, and the same when written and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ctx c = {.arena = NULL};
	struct json_limits limits = {.bytes = 1 << 16, .depth = 16, .values = 1000};
	JSON_AUTO *root = NULL, *again = NULL;

	if (!err_ok(json_read(&c, str_of(p, n), limits, &root))) return 0;
	if (n > limits.bytes || !str_is_utf8(str_of(p, n))) __builtin_trap();
	char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
	if (!text || !err_ok(json_read(&c, str_c(text), (struct json_limits){.bytes = 1 << 20, .depth = 16}, &again))) __builtin_trap();
	if (!json_equal(root, again)) __builtin_trap();
	free(text);
	return 0;
}

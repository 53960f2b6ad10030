/* The target of an HTTP request: decoded parts are UTF-8 without NUL, within the limits, and point into nothing foreign. */
#include <stdlib.h>

#include "net/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct target t;

	if (!err_ok(target_parse(&c, str_of(data, n), &t))) return 0;
	for (size_t i = 0; i < t.segment_count; i++)
		if (!str_is_utf8(t.segments[i]) || str_eqc(t.segments[i], "..")) abort();
	for (size_t i = 0; i < t.param_count; i++)
		if (!str_is_utf8(t.params[i].name) || !str_is_utf8(t.params[i].value)) abort();
	return 0;
}

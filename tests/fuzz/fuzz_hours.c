#include "codec/hours.h"

/* What was parsed is written out as a text that parses to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	BUF_AUTO text = BUF_INIT;
	struct ctx c = {.arena = &arena};
	struct hours h, again;

	if (!err_ok(hours_parse(&c, str_of(p, n), &h))) return 0;
	hours_print(&h, &text);
	if (!err_ok(hours_parse(&c, buf_view(&text), &again))) __builtin_trap();
	if (h.days != again.days || h.from_minute != again.from_minute || h.until_minute != again.until_minute) __builtin_trap();
	return 0;
}

#include "ipc/msg.h"

/* The first byte chooses the message; what decodes must encode to the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	BUF_AUTO b = BUF_INIT;

	if (n == 0) return 0;
	Str bytes = str_of(p + 1, n - 1);
#define MSG(name, fields)                                                                                                      \
	if (p[0] == MSG_##name) {                                                                                              \
		struct msg_##name m;                                                                                           \
		if (!err_ok(msg_get_##name(&c, bytes, &m))) return 0;                                                          \
		msg_put_##name(&b, &m);                                                                                        \
		if (!str_eq(buf_view(&b), bytes)) __builtin_trap();                                                            \
	}
#include "ipc/msg.def"
	return 0;
}

#include "codec/dsse.h"

/* The fast way and jansson agree: a leading space sends the same envelope the slow way. What is taken is written and read back. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	BUF_AUTO spaced = BUF_INIT;
	struct dsse a, b;

	buf_char(&spaced, ' ');
	buf_add(&spaced, p, n);
	bool good = err_ok(dsse_parse(&c, str_of(p, n), &a));
	if (n >= DSSE_MAX || good != err_ok(dsse_parse(&c, buf_view(&spaced), &b))) return n >= DSSE_MAX || (__builtin_trap(), 0);
	if (!good) return 0;
	if (!str_eq(a.payload, b.payload) || !str_eq(a.keyid, b.keyid) || memcmp(a.sig, b.sig, DSSE_SIG_BYTES) != 0) __builtin_trap();
	spaced.n = 0;
	dsse_encode(a.payload_type, a.payload, a.keyid, a.sig, &spaced);
	if (spaced.n <= DSSE_MAX && (!err_ok(dsse_parse(&c, buf_view(&spaced), &b)) || !str_eq(a.payload, b.payload))) __builtin_trap();
	return 0;
}

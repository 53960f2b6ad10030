#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/stream.h"

/* Feed bytes in pieces of `piece`, read with room for `room`; what came, then '.', '!' or '?' for end, broken, still waiting. */
static void
check(Str bytes, size_t piece, size_t room, bool close_after, const char *expected)
{
	BUF_AUTO got = BUF_INIT;
	struct stream s = {0};
	enum stream_result r = STREAM_WAIT;
	int ends[2];
	char out[64];
	size_t n;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	s.fd = ends[0];
	for (size_t at = 0; at < bytes.n; at += piece) {
		size_t some = at + piece > bytes.n ? bytes.n - at : piece;
		assert_int_equal(write(ends[1], bytes.p + at, some), some);
		if (close_after && at + piece >= bytes.n) close(ends[1]);
		while ((r = stream_read(&s, out, room, &n)) == STREAM_BYTES) buf_add(&got, out, n);
		if (r != STREAM_WAIT) break;
	}
	buf_char(&got, r == STREAM_END ? '.' : r == STREAM_BROKEN ? '!' : '?');
	assert_string_equal(buf_z(&got), expected);
	if (!close_after) close(ends[1]);
	close(ends[0]);
}

static void
test_stream(void **state)
{
	static const char all[] = "\0\0\0\3abc\0\0\0\1d\0\0\0\0\0";
	Str whole = str_of(all, sizeof all - 1);

	(void)state;
	for (size_t piece = 1; piece <= whole.n; piece++)
		for (size_t room = 1; room < 6; room++) check(whole, piece, room, false, "abcd.");
	for (size_t n = 1; n < whole.n; n++) {
		char expected[8];
		size_t payload = n <= 4 ? 0 : n <= 7 ? n - 4 : n <= 11 ? 3 : 4;
		memcpy(expected, "abcd", payload);
		strcpy(expected + payload, "?");
		check(str_of(all, n), 100, 64, false, expected); /* not there yet */
		strcpy(expected + payload, "!");
		check(str_of(all, n), 100, 64, true, expected); /* never coming */
	}
	check(S("\0\0\0\1x\0\0\0\0\1"), 100, 64, false, "x!");
	check(S("\0\0\0\0\0"), 100, 64, false, ".");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stream)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

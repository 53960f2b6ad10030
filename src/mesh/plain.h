/* Bytes that stand in a JSON string as they are, looked for eight at a time. Private to mesh/. */
#ifndef HEDDLE_MESH_PLAIN_H
#define HEDDLE_MESH_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lowest byte comes first");

/* How many bytes from p on, of n, are ASCII from 0x20 to 0x7e but neither quote nor backslash. The test for a zero byte is that of
 * Henry Warren, Hacker's Delight, 6-1: exact up to the first that it finds, which is all that is used. */
static inline size_t
plain_bytes(const char *p, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w, odd;
		memcpy(&w, p + i, 8);
		odd = w | (w - ones * 0x20);
		odd |= ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones) | ((w ^ ones * 0x7f) - ones);
		odd &= high;
		if (odd) return i + (size_t)(__builtin_ctzll(odd) >> 3);
	}
	for (; i < n; i++) {
		unsigned char b = (unsigned char)p[i];
		if (b < 0x20 || b >= 0x7f || b == '"' || b == '\\') return i;
	}
	return n;
}

#endif

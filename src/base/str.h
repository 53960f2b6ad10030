/* Str borrows bytes that somebody else owns; it never outlives them. Not NUL-terminated unless its maker says so. */
#ifndef HEDDLE_BASE_STR_H
#define HEDDLE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	const char *p;
	size_t n;
} Str;

#define S(literal) ((Str){"" literal, sizeof(literal) - 1})
/* for printf("%.*s", STR(s)) */
#define STR(s) (int)(s).n, (s).p ? (s).p : ""

static inline Str str_c(const char *z) { return (Str){z, z ? strlen(z) : 0}; }
static inline Str str_of(const void *p, size_t n) { return (Str){(const char *)p, n}; }
static inline bool str_eq(Str a, Str b) { return a.n == b.n && (a.n == 0 || a.p == b.p || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_eqc(Str a, const char *z) { return str_eq(a, str_c(z)); }
int str_cmp(Str a, Str b); /* bytewise, shorter first */
bool str_starts(Str s, Str prefix);
bool str_ends(Str s, Str suffix);
/* Cut at the first `sep`: *ret_head is what stands before it, the return value what stands after ("" with p==NULL when absent). */
Str str_cut(Str s, char sep, Str *ret_head);
Str str_trim(Str s); /* spaces and tabs at both ends */
/* A whole decimal number without sign, spaces or leading zeros (but "0"); false otherwise, *ret untouched. */
bool str_u64(Str s, uint64_t *ret);
/* An identifier of the mesh: [a-z0-9_]{1,64}, no "__". */
bool str_is_ident(Str s);
/* Well-formed UTF-8 (no surrogates, no overlong forms), no NUL. */
bool str_is_utf8(Str s);
/* Case-insensitive compare, ASCII only. */
bool str_ieq(Str a, Str b);

#endif

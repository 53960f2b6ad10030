/* A growable byte buffer on the heap. Invariant: n <= cap; bytes p[0..n) are set. Free with buf_fini(). */
#ifndef HEDDLE_BASE_BUF_H
#define HEDDLE_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap;
};

#define BUF_INIT ((struct buf){0})
#define BUF_AUTO __attribute__((cleanup(buf_fini))) struct buf

void buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind n */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, Str s);
void buf_c(struct buf *b, const char *z);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_u16be(struct buf *b, uint16_t v);
void buf_u32be(struct buf *b, uint32_t v);
void buf_u64be(struct buf *b, uint64_t v);
/* A JSON string with quotes and escapes; s must be UTF-8 (bad bytes become U+FFFD). */
void buf_json(struct buf *b, Str s);
/* An SQL identifier in double quotes, a literal in single quotes. NUL is dropped. */
void buf_sql_ident(struct buf *b, Str s);
void buf_sql_text(struct buf *b, Str s);
void buf_drop(struct buf *b, size_t n); /* the first n bytes */
void buf_fini(struct buf *b);
static inline Str buf_view(const struct buf *b) { return str_of(b->p ? b->p : "", b->n); }
/* NUL-terminated, valid until the next change. */
const char *buf_z(struct buf *b);

#endif

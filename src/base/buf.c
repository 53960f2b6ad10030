#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

void
buf_reserve(struct buf *b, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(b->n, more, &need)) abort();
	if (need <= b->cap) return;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need)
		if (__builtin_mul_overflow(cap, 2u, &cap)) abort();
	b->p = mem_resize(b->p, cap);
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0) return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void buf_str(struct buf *b, Str s) { buf_add(b, s.p, s.n); }
void buf_c(struct buf *b, const char *z) { buf_add(b, z, strlen(z)); }
void buf_char(struct buf *b, char c) { buf_add(b, &c, 1); }

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) abort();
	buf_reserve(b, (size_t)n + 1);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
	va_end(again);
	b->n += (size_t)n;
}

void
buf_u16be(struct buf *b, uint16_t v)
{
	buf_add(b, (unsigned char[]){(unsigned char)(v >> 8), (unsigned char)v}, 2);
}

void
buf_u32be(struct buf *b, uint32_t v)
{
	buf_u16be(b, (uint16_t)(v >> 16));
	buf_u16be(b, (uint16_t)v);
}

void
buf_u64be(struct buf *b, uint64_t v)
{
	buf_u32be(b, (uint32_t)(v >> 32));
	buf_u32be(b, (uint32_t)v);
}

void
buf_json(struct buf *b, Str s)
{
	if (!str_is_utf8(s)) { /* keep what is ASCII, so that a hostile name stays recognisable */
		buf_char(b, '"');
		for (size_t i = 0; i < s.n; i++) {
			unsigned char c = (unsigned char)s.p[i];
			if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
				buf_c(b, "\xef\xbf\xbd");
			else
				buf_char(b, (char)c);
		}
		buf_char(b, '"');
		return;
	}
	buf_char(b, '"');
	for (size_t i = 0, from = 0; i <= s.n; i++) {
		unsigned char c = i < s.n ? (unsigned char)s.p[i] : 0;
		if (i < s.n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
		if (i > from) buf_add(b, s.p + from, i - from);
		from = i + 1;
		if (i == s.n) break;
		switch (c) {
		case '"': buf_c(b, "\\\""); break;
		case '\\': buf_c(b, "\\\\"); break;
		case '\n': buf_c(b, "\\n"); break;
		case '\r': buf_c(b, "\\r"); break;
		case '\t': buf_c(b, "\\t"); break;
		default: buf_printf(b, "\\u%04x", c);
		}
	}
	buf_char(b, '"');
}

static void
quoted(struct buf *b, Str s, char q)
{
	buf_char(b, q);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == 0) continue;
		if (s.p[i] == q) buf_char(b, q);
		buf_char(b, s.p[i]);
	}
	buf_char(b, q);
}

void buf_sql_ident(struct buf *b, Str s) { quoted(b, s, '"'); }
void buf_sql_text(struct buf *b, Str s) { quoted(b, s, '\''); }

void
buf_drop(struct buf *b, size_t n)
{
	if (n > b->n) n = b->n;
	if (n == 0) return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT;
}

const char *
buf_z(struct buf *b)
{
	buf_reserve(b, 1);
	b->p[b->n] = 0;
	return b->p;
}

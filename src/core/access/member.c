#include "core/request.h"

void
member_key(struct buf *b, const char *key, bool *first)
{
	if (!*first) buf_char(b, ',');
	*first = false;
	buf_json(b, str_c(key));
	buf_char(b, ':');
}

void
member_text(struct buf *b, const char *key, Str value, bool *first)
{
	member_key(b, key, first);
	buf_json(b, value);
}

void
member_time(struct buf *b, const char *key, Time t, bool *first)
{
	char text[TIME_TEXT_MAX];

	member_key(b, key, first);
	if (t == TIME_FOREVER || t == 0) {
		buf_c(b, "null");
		return;
	}
	time_format(t, text);
	buf_json(b, str_c(text));
}

void
member_u64(struct buf *b, const char *key, uint64_t v, bool *first)
{
	member_key(b, key, first);
	buf_printf(b, "%llu", (unsigned long long)v);
}

void
member_bool(struct buf *b, const char *key, bool v, bool *first)
{
	member_key(b, key, first);
	buf_c(b, v ? "true" : "false");
}

void
member_texts(struct buf *b, const char *key, const Str *v, size_t n, bool *first)
{
	member_key(b, key, first);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, v[i]);
	}
	buf_char(b, ']');
}

#include "core/request.h"

void
put_key(struct buf *b, const char *key, bool *first)
{
	if (!*first) buf_char(b, ',');
	*first = false;
	buf_json(b, str_c(key));
	buf_char(b, ':');
}

void
put_text(struct buf *b, const char *key, Str value, bool *first)
{
	put_key(b, key, first);
	buf_json(b, value);
}

void
put_time(struct buf *b, const char *key, Time t, bool *first)
{
	char text[TIME_TEXT_MAX];

	put_key(b, key, first);
	if (t == TIME_FOREVER || t == 0) {
		buf_c(b, "null");
		return;
	}
	time_format(t, text);
	buf_json(b, str_c(text));
}

void
put_u64(struct buf *b, const char *key, uint64_t v, bool *first)
{
	put_key(b, key, first);
	buf_printf(b, "%llu", (unsigned long long)v);
}

void
put_bool(struct buf *b, const char *key, bool v, bool *first)
{
	put_key(b, key, first);
	buf_c(b, v ? "true" : "false");
}

#include "net/guard.h"

/* From the end of a to the start of b: n bytes? By number, not by pointer: they need not be in one array. */
static bool
gap_is(Str a, Str b, size_t n)
{
	return (uintptr_t)b.p - (uintptr_t)a.p == a.n + n;
}

static Err
field_layout(struct ctx *c, Str before, const struct guard_field *f)
{
	uintptr_t gap = (uintptr_t)f->value.p - (uintptr_t)f->name.p - f->name.n;

	ENSURE(c, gap_is(before, f->name, 2), INVALID, "the head holds a NUL, a line end that is not CRLF, or a continued line");
	ENSURE(c, gap >= 1 && gap < GUARD_HEAD_BYTES_MAX, INVALID, "a header line is malformed");
	for (size_t i = 1; i < gap; i++)
		ENSURE(c, f->name.p[f->name.n + i] == ' ' || f->name.p[f->name.n + i] == '\t', INVALID, "a header line is malformed");
	return OK;
}

Err
guard_layout(struct ctx *c, const struct guard_head *h)
{
	Str last = h->version;

	ENSURE(c, gap_is(h->method, h->target, 1) && gap_is(h->target, h->version, 1), INVALID,
	       "the request line must be 'METHOD path HTTP/1.1' with single spaces");
	for (size_t i = 0; i < h->field_count; i++) {
		TRY(field_layout(c, last, &h->fields[i]));
		last = h->fields[i].value;
	}
	ENSURE(c, (uintptr_t)h->method.p + h->size_bytes == (uintptr_t)last.p + last.n + 4, INVALID,
	       "the head holds a NUL, a line end that is not CRLF, or a continued line");
	return OK;
}

/* tchar of RFC 9110 5.6.2 */
static bool
is_token(Str s)
{
	static const char extra[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		bool ok = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
		          (ch && memchr(extra, ch, sizeof extra - 1));
		if (!ok) return false;
	}
	return s.n > 0;
}

static bool
is_value(Str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if ((ch < 0x20 && ch != '\t') || ch == 0x7f) return false;
	}
	return true;
}

static Err
check_shape(struct ctx *c, const struct guard_head *h)
{
	ENSURE(c, h->size_bytes <= GUARD_HEAD_BYTES_MAX, TOO_LARGE, "the request's head has more than %d bytes", GUARD_HEAD_BYTES_MAX);
	ENSURE(c, h->field_count <= GUARD_HEADERS_MAX, TOO_LARGE, "the request has more than %d headers", GUARD_HEADERS_MAX);
	ENSURE(c, str_eqc(h->version, "HTTP/1.1") || str_eqc(h->version, "HTTP/1.0"), INVALID, "HTTP/1.1 is spoken here");
	ENSURE(c, is_token(h->method) && h->method.n <= 16, INVALID, "the method is malformed");
	for (size_t i = 0; i < h->field_count; i++) {
		ENSURE(c, is_token(h->fields[i].name), INVALID, "a header's name is malformed");
		ENSURE(c, is_value(h->fields[i].value), INVALID, "a header's value holds a control character");
	}
	return OK;
}

/* How often does the header come, and with which value the last time? */
static size_t
find(const struct guard_head *h, Str name, Str *ret_value)
{
	size_t n = 0;

	for (size_t i = 0; i < h->field_count; i++)
		if (str_ieq(h->fields[i].name, name)) {
			*ret_value = h->fields[i].value;
			n++;
		}
	return n;
}

Err
guard_fields(struct ctx *c, const struct guard_head *h, struct guard_body *ret)
{
	struct guard_body body = {0};
	Str host = {0}, length = {0}, coding = {0};

	TRY(check_shape(c, h));
	size_t hosts = find(h, S("Host"), &host), lengths = find(h, S("Content-Length"), &length);
	size_t codings = find(h, S("Transfer-Encoding"), &coding);
	ENSURE(c, hosts <= 1, INVALID, "the header Host comes more than once");
	ENSURE(c, hosts == 1 || str_eqc(h->version, "HTTP/1.0"), INVALID, "the header Host is missing");
	ENSURE(c, lengths <= 1, INVALID, "the header Content-Length comes more than once");
	ENSURE(c, codings <= 1, INVALID, "the header Transfer-Encoding comes more than once");
	ENSURE(c, lengths == 0 || codings == 0, INVALID, "Content-Length and Transfer-Encoding exclude each other");
	ENSURE(c, codings == 0 || (str_ieq(coding, S("chunked")) && str_eqc(h->version, "HTTP/1.1")), INVALID,
	       "the only Transfer-Encoding taken is 'chunked', with HTTP/1.1");
	ENSURE(c, lengths == 0 || str_u64(length, &body.length), INVALID, "Content-Length is not a number");
	body.chunked = codings == 1;
	*ret = body;
	return OK;
}

#include "net/target.h"

/* What may stand in a path or query unescaped: unreserved, sub-delims, ":@/" and "?" (RFC 3986 3.3, 3.4); '%' starts an escape.
 * '|', '[', ']', '{', '}' are sent bare by enough clients that refusing them would only annoy. */
static bool
is_target_char(char ch)
{
	static const char extra[] = "-._~!$&'()*+,;=:@/?%|[]{}";

	if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9')) return true;
	return ch && memchr(extra, ch, sizeof extra - 1);
}

static int
hex_value(char ch)
{
	if (ch >= '0' && ch <= '9') return ch - '0';
	if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
	return -1;
}

static bool
is_control(char ch, bool text)
{
	if (text && (ch == '\t' || ch == '\n' || ch == '\r')) return false;
	return (unsigned char)ch < 0x20 || ch == 0x7f;
}

/* text: a parameter ('+' is a space, line ends are fine) rather than a segment. */
static Err
decode(struct ctx *c, Str s, bool text, Str *ret)
{
	char *out = arena_dup(c->arena, "", 0);
	size_t n = 0;

	if (s.n) out = arena_alloc(c->arena, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		if (ch == '+' && text) ch = ' ';
		else if (ch == '%') {
			int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			ENSURE(c, high >= 0 && low >= 0, INVALID, "the URL has a '%%' that is not followed by two hex digits");
			ch = (char)(high * 16 + low);
			i += 2;
		}
		ENSURE(c, !is_control(ch, text), INVALID, "the URL holds a control character");
		out[n++] = ch;
	}
	*ret = str_of(out, n);
	ENSURE(c, str_is_utf8(*ret), INVALID, "the URL is not UTF-8 when decoded");
	return OK;
}

static Err
parse_path(struct ctx *c, Str path, struct target *t)
{
	Str *segments = NEW_N(c->arena, TARGET_SEGMENTS_MAX, Str);
	Str rest = path, raw;

	if (path.n == 0) return OK;
	do {
		ENSURE(c, t->segment_count < TARGET_SEGMENTS_MAX, INVALID, "the path has more than %d segments", TARGET_SEGMENTS_MAX);
		rest = str_cut(rest, '/', &raw);
		Str *seg = &segments[t->segment_count++];
		TRY(decode(c, raw, false, seg));
		ENSURE(c, !str_eqc(*seg, ".") && !str_eqc(*seg, ".."), INVALID, "the path has '.' or '..' as a segment");
	} while (rest.p);
	t->segments = segments;
	return OK;
}

static Err
parse_params(struct ctx *c, Str query, struct target *t)
{
	struct target_param *params = NEW_N(c->arena, TARGET_PARAMS_MAX, struct target_param);
	Str rest = query, pair, name;

	do {
		rest = str_cut(rest, '&', &pair);
		if (pair.n == 0) continue;
		ENSURE(c, t->param_count < TARGET_PARAMS_MAX, INVALID, "the query has more than %d parameters", TARGET_PARAMS_MAX);
		struct target_param *p = &params[t->param_count++];
		Str value = str_cut(pair, '=', &name);
		TRY(decode(c, name, true, &p->name));
		TRY(decode(c, value, true, &p->value));
	} while (rest.p);
	t->params = params;
	return OK;
}

Err
target_parse(struct ctx *c, Str text, struct target *ret)
{
	struct target t = {0};
	Str path, query;

	ENSURE(c, text.n <= TARGET_MAX, TOO_LARGE, "the URL has %zu bytes, at most %d are taken", text.n, TARGET_MAX);
	ENSURE(c, text.n > 0 && text.p[0] == '/', INVALID, "the request target must be a path that starts with '/'");
	for (size_t i = 0; i < text.n; i++)
		ENSURE(c, is_target_char(text.p[i]), INVALID, "the URL holds a byte that must be escaped (at %zu)", i);
	query = str_cut(str_of(text.p + 1, text.n - 1), '?', &path);
	TRY(parse_path(c, path, &t));
	if (query.p) TRY(parse_params(c, query, &t));
	*ret = t;
	return OK;
}

bool
target_param(const struct target *t, Str name, Str *ret)
{
	for (size_t i = 0; i < t->param_count; i++)
		if (str_eq(t->params[i].name, name)) {
			*ret = t->params[i].value;
			return true;
		}
	return false;
}

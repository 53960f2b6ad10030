#include "cmd/cli/out.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"

enum { COLUMNS_DEFAULT = 100, COLUMNS_MIN = 40, WRAP_MIN = 24 };

void
out_json(const json_t *doc)
{
	json_dumpf(doc, stdout, JSON_ENCODE_ANY | (isatty(STDOUT_FILENO) ? JSON_INDENT(2) : 0));
	putchar('\n');
}

bool
text_reorders(Str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n < 3 || p[0] != 0xe2) return false;
	return (p[1] == 0x80 && ((p[2] >= 0xaa && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f)) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

void
out_text(FILE *f, Str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		if (c == '\n' || c == '\t')
			fputc(' ', f);
		else if (c < 0x20 || c == 0x7f)
			fputc('?', f);
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0) /* U+0080 … U+009F control terminals, too */
			fputc('?', f), i++;
		else if (text_reorders(str_of(s.p + i, s.n - i)))
			fputc('?', f), i += 2;
		else
			fputc(c, f);
	}
}

void
out_printf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) abort();
	for (Str line, rest = str_of(text, (size_t)n); rest.p;) {
		rest = str_cut(rest, '\n', &line);
		out_text(stdout, line);
		if (rest.p) putchar('\n');
	}
	free(text);
}

size_t
text_width(Str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

size_t
out_columns(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0) return COLUMNS_DEFAULT;
	return w.ws_col < COLUMNS_MIN ? COLUMNS_MIN : w.ws_col;
}

void
out_heading(const char *text)
{
	const char *plain = getenv("NO_COLOR");
	bool bold = isatty(STDOUT_FILENO) && !(plain && *plain);

	printf("%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}

/* What of `s` goes on a line of `width`: cut at a space when there is one; *ret_rest is what follows. */
static Str
wrap_line(Str s, size_t width, Str *ret_rest)
{
	size_t columns = 0, space = 0, i = 0;

	for (; i < s.n && s.p[i] != '\n'; i++) {
		if (s.p[i] == ' ') space = i;
		if (((unsigned char)s.p[i] & 0xc0) == 0x80) continue;
		if (columns++ == width) break;
	}
	bool whole = i == s.n || s.p[i] == '\n';
	size_t cut = whole || space == 0 ? i : space, skip = i == s.n ? 0 : whole || space > 0;
	*ret_rest = str_of(s.p + cut + skip, s.n - cut - skip);
	return str_of(s.p, cut);
}

void
out_wrapped(Str text, size_t indent)
{
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == ' ')) text.n--;
	while (text.n) {
		Str line = wrap_line(text, out_columns() - indent, &text);
		printf("%*s", (int)indent, "");
		out_text(stdout, line);
		putchar('\n');
	}
}

Str
text_count(struct arena *a, uint64_t n)
{
	char digits[24], out[32];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), o = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0) out[o++] = ',';
		out[o++] = digits[i];
	}
	return arena_str(a, str_of(out, (size_t)o));
}

Str
text_bytes(struct arena *a, uint64_t n)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
	double v = (double)n / 1000;
	size_t u = 0;

	if (n < 1000) return arena_printf(a, "%u bytes", (unsigned)n);
	while (v >= 999.95 && u + 1 < ARRAY_LEN(units)) v /= 1000, u++;
	return arena_printf(a, "%.1f %s", v, units[u]);
}

Str
text_seconds(struct arena *a, double s)
{
	if (s <= 0) return S("0 s");
	if (s < 0.001) return arena_printf(a, "%.0f µs", s * 1e6);
	if (s < 1) return arena_printf(a, "%.0f ms", s * 1e3);
	if (s < 60) return arena_printf(a, "%.1f s", s);
	unsigned long long m = (unsigned long long)(s / 60);
	if (m < 60) return arena_printf(a, "%llu min %.0f s", m, s - 60 * (double)m);
	if (m < 48 * 60) return arena_printf(a, "%llu h %llu min", m / 60, m % 60);
	return arena_printf(a, "%llu days", m / 60 / 24);
}

Str
js_text(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : S("");
}

uint64_t
js_count(const json_t *obj, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(obj, key));

	return v < 0 ? 0 : (uint64_t)v;
}

double js_real(const json_t *obj, const char *key) { return json_number_value(json_object_get(obj, key)); }
bool js_true(const json_t *obj, const char *key) { return json_is_true(json_object_get(obj, key)); }

static void
line_of(struct buf *b, const json_t *v)
{
	const char *key, *between = "";
	json_t *member;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, member) {
			buf_printf(b, "%s%s=", between, key);
			line_of(b, member);
			between = ", ";
		}
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, member) {
			buf_c(b, between);
			line_of(b, member);
			between = ", ";
		}
	} else if (json_is_string(v)) {
		buf_add(b, json_string_value(v), json_string_length(v));
	} else if (v && !json_is_null(v)) {
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		if (text) buf_c(b, text);
		free(text);
	}
}

Str
js_line(struct arena *a, const json_t *value)
{
	BUF_AUTO b = BUF_INIT;

	line_of(&b, value);
	return arena_str(a, buf_view(&b));
}

void
grid_cell(struct grid *g, Str s)
{
	if (g->n == g->cap) {
		Str *more = NEW_N(g->arena, g->cap = g->cap ? g->cap * 2 : 64, Str);
		if (g->n) memcpy(more, g->cells, g->n * sizeof(Str));
		g->cells = more;
	}
	g->cells[g->n++] = s;
}

void
grid_printf(struct grid *g, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	grid_cell(g, arena_str(g->arena, str_c(text)));
}

static bool right(const struct grid *g, size_t column) { return g->heads[column][0] == '>'; }

static void
pad(size_t n)
{
	printf("%*s", (int)n, "");
}

/* One row; what does not fit into the last column goes on below it. */
static void
row_print(const struct grid *g, const Str *cells, const size_t *widths, size_t last_width)
{
	size_t left = g->indent;

	pad(g->indent);
	for (size_t i = 0; i + 1 < g->columns; i++) {
		size_t gap = widths[i] - text_width(cells[i]);
		if (right(g, i)) pad(gap);
		out_text(stdout, cells[i]);
		if (!right(g, i)) pad(gap);
		pad(2);
		left += widths[i] + 2;
	}
	Str rest = cells[g->columns - 1];
	if (right(g, g->columns - 1)) pad(widths[g->columns - 1] - text_width(rest));
	do {
		Str line = wrap_line(rest, last_width, &rest);
		out_text(stdout, line);
		putchar('\n');
		if (rest.n) pad(left);
	} while (rest.n);
}

void
grid_print(const struct grid *g)
{
	size_t widths[GRID_COLUMNS_MAX] = {0}, left = g->indent;
	Str heads[GRID_COLUMNS_MAX];

	assert(g->columns > 0 && g->columns <= GRID_COLUMNS_MAX && g->n % g->columns == 0);
	if (g->n == 0) {
		printf("%*s%s\n", (int)g->indent, "", g->empty ? g->empty : "(none)");
		return;
	}
	for (size_t i = 0; i < g->columns; i++) {
		heads[i] = str_c(g->heads[i] + right(g, i));
		widths[i] = text_width(heads[i]);
	}
	for (size_t i = 0; i < g->n; i++)
		if (text_width(g->cells[i]) > widths[i % g->columns]) widths[i % g->columns] = text_width(g->cells[i]);
	for (size_t i = 0; i + 1 < g->columns; i++) left += widths[i] + 2;
	size_t room = out_columns() > left + WRAP_MIN ? out_columns() - left : WRAP_MIN;
	size_t last = isatty(STDOUT_FILENO) && !right(g, g->columns - 1) ? room : SIZE_MAX;
	row_print(g, heads, widths, last);
	for (size_t i = 0; i < g->n; i += g->columns) row_print(g, g->cells + i, widths, last);
}

#include "codec/lexer.h"

static bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static char
peek(const struct lexer *l, size_t ahead)
{
	return l->at + ahead < l->in.n ? l->in.p[l->at + ahead] : 0;
}

static void
digits(struct lexer *l)
{
	while (is_digit(peek(l, 0))) l->at++;
}

/* As in JSON: no leading zeros, no bare point. */
static enum token_kind
number(struct lexer *l)
{
	if (peek(l, 0) == '-') l->at++;
	if (!is_digit(peek(l, 0))) return T_BAD;
	if (peek(l, 0) == '0')
		l->at++;
	else
		digits(l);
	if (peek(l, 0) == '.') {
		l->at++;
		if (!is_digit(peek(l, 0))) return T_BAD;
		digits(l);
	}
	if (peek(l, 0) == 'e' || peek(l, 0) == 'E') {
		l->at++;
		if (peek(l, 0) == '+' || peek(l, 0) == '-') l->at++;
		if (!is_digit(peek(l, 0))) return T_BAD;
		digits(l);
	}
	return is_letter(peek(l, 0)) || is_digit(peek(l, 0)) || peek(l, 0) == '.' ? T_BAD : T_NUMBER;
}

/* Where the text that starts at l->at ends: at its closing quote, doubled quotes skipped; false when there is none. */
static bool
quote_end(const struct lexer *l, char quote, size_t *ret_end, bool *ret_doubled)
{
	for (size_t i = l->at; i < l->in.n; i++) {
		if (l->in.p[i] != quote) continue;
		if (i + 1 >= l->in.n || l->in.p[i + 1] != quote) {
			*ret_end = i;
			return true;
		}
		*ret_doubled = true;
		i++;
	}
	return false;
}

/* Behind the opening quote; doubled quotes stand for one. */
static enum token_kind
quoted(struct lexer *l, char quote, Str *ret)
{
	size_t end, n = 0;
	bool doubled = false;

	if (!quote_end(l, quote, &end, &doubled)) {
		l->at = l->in.n;
		return T_BAD;
	}
	Str raw = str_of(l->in.p + l->at, end - l->at);
	l->at = end + 1;
	*ret = raw;
	if (doubled) {
		char *out = arena_alloc(l->c->arena, raw.n);
		for (size_t i = 0; i < raw.n; i++) {
			out[n++] = raw.p[i];
			if (raw.p[i] == quote) i++;
		}
		*ret = str_of(out, n);
	}
	return quote == '"' ? T_QUOTED : T_TEXT;
}

static enum token_kind
sign(struct lexer *l)
{
	char a = peek(l, 0), b = peek(l, 1);
	bool two = (a == '<' && (b == '=' || b == '>')) || (a == '>' && b == '=') || (a == '!' && b == '=');

	l->at += two ? 2 : 1;
	return two || memchr("=<>(),", a, 6) ? T_SIGN : T_BAD;
}

static enum token_kind
unquoted(struct lexer *l)
{
	char ch = peek(l, 0);

	if (l->sql && (is_digit(ch) || ch == '-')) return number(l);
	if (!is_letter(ch) && !is_digit(ch)) return sign(l);
	while (is_letter(peek(l, 0)) || is_digit(peek(l, 0))) l->at++;
	return T_WORD;
}

void
lexer_next(struct lexer *l)
{
	while (l->at < l->in.n && memchr(" \t\r\n", l->in.p[l->at], 4)) l->at++;
	struct token t = {.kind = T_END, .at = l->at};
	char ch = peek(l, 0);
	if (l->at < l->in.n && (ch == '\'' || (l->sql && ch == '"'))) {
		l->at++;
		t.kind = quoted(l, ch, &t.text);
	} else if (l->at < l->in.n) {
		t.kind = unquoted(l);
		t.text = str_of(l->in.p + t.at, l->at - t.at);
	}
	l->now = t;
}

Err
lexer_open(struct lexer *l, Str text, size_t max)
{
	ENSURE(l->c, text.n <= max, INVALID, "%s: longer than %zu bytes", l->what, max);
	ENSURE(l->c, str_is_utf8(text), INVALID, "%s: not UTF-8 text", l->what);
	l->in = arena_str(l->c->arena, text);
	l->at = 0;
	lexer_next(l);
	return OK;
}

bool
lexer_is_word(const struct lexer *l, const char *word)
{
	return l->now.kind == T_WORD && str_ieq(l->now.text, str_c(word));
}

bool
lexer_take_word(struct lexer *l, const char *word)
{
	if (!lexer_is_word(l, word)) return false;
	lexer_next(l);
	return true;
}

bool
lexer_take_sign(struct lexer *l, const char *s)
{
	if (l->now.kind != T_SIGN || !str_eqc(l->now.text, s)) return false;
	lexer_next(l);
	return true;
}

Err
lexer_expected(struct lexer *l, const char *what)
{
	return err_set(l->c, ERR_INVALID, "%s, byte %zu: expected %s%s", l->what, l->now.at, what,
	    l->now.kind == T_BAD ? "; what stands there is not well formed" : l->now.kind == T_END ? ", found the end" : "");
}

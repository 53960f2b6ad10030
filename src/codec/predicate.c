#include "codec/predicate.h"

#include <stdio.h>

enum { NODES_MAX = 128, DEPTH_MAX = 16, LIST_MAX = 64, NUMBER_MAX = 40 };

enum token_kind { T_END, T_WORD, T_QUOTED, T_TEXT, T_NUMBER, T_SIGN, T_BAD };

struct token {
	enum token_kind kind;
	size_t at;  /* byte offset */
	Str text;   /* as written; quotes taken off and doubled ones undone; for T_BAD what is wrong */
};

struct parser {
	struct ctx *c;
	Str in;
	size_t at;          /* behind the current token */
	struct token now;
	size_t nodes;
	int depth;
};

/* --- tokens --- */

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
peek(const struct parser *p, size_t ahead)
{
	return p->at + ahead < p->in.n ? p->in.p[p->at + ahead] : 0;
}

static void
digits(struct parser *p)
{
	while (is_digit(peek(p, 0))) p->at++;
}

/* As in JSON: no leading zeros, no bare point. */
static enum token_kind
number(struct parser *p)
{
	if (peek(p, 0) == '-') p->at++;
	if (!is_digit(peek(p, 0))) return T_BAD;
	if (peek(p, 0) == '0')
		p->at++;
	else
		digits(p);
	if (peek(p, 0) == '.') {
		p->at++;
		if (!is_digit(peek(p, 0))) return T_BAD;
		digits(p);
	}
	if (peek(p, 0) == 'e' || peek(p, 0) == 'E') {
		p->at++;
		if (peek(p, 0) == '+' || peek(p, 0) == '-') p->at++;
		if (!is_digit(peek(p, 0))) return T_BAD;
		digits(p);
	}
	return is_letter(peek(p, 0)) || is_digit(peek(p, 0)) || peek(p, 0) == '.' ? T_BAD : T_NUMBER;
}

/* Where the text that starts at p->at ends: at its closing quote, doubled quotes skipped; false when there is none. */
static bool
quote_end(const struct parser *p, char quote, size_t *ret_end, bool *ret_doubled)
{
	for (size_t i = p->at; i < p->in.n; i++) {
		if (p->in.p[i] != quote) continue;
		if (i + 1 >= p->in.n || p->in.p[i + 1] != quote) {
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
quoted(struct parser *p, char quote, Str *ret)
{
	size_t end, n = 0;
	bool doubled = false;

	if (!quote_end(p, quote, &end, &doubled)) {
		p->at = p->in.n;
		return T_BAD;
	}
	Str raw = str_of(p->in.p + p->at, end - p->at);
	p->at = end + 1;
	*ret = raw;
	if (doubled) {
		char *out = arena_alloc(p->c->arena, raw.n);
		for (size_t i = 0; i < raw.n; i++) {
			out[n++] = raw.p[i];
			if (raw.p[i] == quote) i++;
		}
		*ret = str_of(out, n);
	}
	return quote == '"' ? T_QUOTED : T_TEXT;
}

static enum token_kind
sign(struct parser *p)
{
	char a = peek(p, 0), b = peek(p, 1);
	bool two = (a == '<' && (b == '=' || b == '>')) || (a == '>' && b == '=') || (a == '!' && b == '=');

	p->at += two ? 2 : 1;
	return two || strchr("=<>(),", a) ? T_SIGN : T_BAD;
}

static void
advance(struct parser *p)
{
	while (p->at < p->in.n && strchr(" \t\r\n", p->in.p[p->at])) p->at++;
	struct token t = {.kind = T_END, .at = p->at};
	char ch = peek(p, 0);
	if (p->at < p->in.n) {
		if (ch == '"' || ch == '\'') {
			p->at++;
			t.kind = quoted(p, ch, &t.text);
		} else {
			if (is_letter(ch)) {
				while (is_letter(peek(p, 0)) || is_digit(peek(p, 0))) p->at++;
				t.kind = T_WORD;
			} else
				t.kind = is_digit(ch) || ch == '-' ? number(p) : sign(p);
			t.text = str_of(p->in.p + t.at, p->at - t.at);
		}
	}
	p->now = t;
}

static bool
is_word(const struct parser *p, const char *word)
{
	return p->now.kind == T_WORD && str_ieq(p->now.text, str_c(word));
}

static bool
is_sign(const struct parser *p, const char *s)
{
	return p->now.kind == T_SIGN && str_eqc(p->now.text, s);
}

static bool
take_word(struct parser *p, const char *word)
{
	if (!is_word(p, word)) return false;
	advance(p);
	return true;
}

static bool
take_sign(struct parser *p, const char *s)
{
	if (!is_sign(p, s)) return false;
	advance(p);
	return true;
}

static Err
expected(struct parser *p, const char *what)
{
	return err_set(p->c, ERR_INVALID, "row filter, byte %zu: expected %s%s", p->now.at, what,
	    p->now.kind == T_BAD ? "; what stands there is not well formed" : p->now.kind == T_END ? ", found the end" : "");
}

/* --- literals --- */

static bool
is_date(Str s)
{
	static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned v[3] = {0};

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-') return false;
	for (size_t i = 0, part = 0; i < s.n; i++) {
		if (i == 4 || i == 7)
			part++;
		else if (is_digit(s.p[i]))
			v[part] = v[part] * 10 + (unsigned)(s.p[i] - '0');
		else
			return false;
	}
	bool leap = (v[0] % 4 == 0 && v[0] % 100 != 0) || v[0] % 400 == 0;
	return v[0] >= 1 && v[1] >= 1 && v[1] <= 12 && v[2] >= 1 && v[2] <= days[v[1] - 1] + (leap && v[1] == 2);
}

static Err
date(struct parser *p, struct pred_literal *ret)
{
	advance(p);
	if (p->now.kind != T_TEXT || !is_date(p->now.text)) return expected(p, "a date as 'yyyy-mm-dd'");
	*ret = (struct pred_literal){PRED_DATE, p->now.text};
	advance(p);
	return OK;
}

static Err
literal(struct parser *p, struct pred_literal *ret)
{
	if (is_word(p, "DATE")) return date(p, ret);
	if (p->now.kind == T_NUMBER && p->now.text.n <= NUMBER_MAX)
		*ret = (struct pred_literal){PRED_NUMBER, p->now.text};
	else if (p->now.kind == T_TEXT)
		*ret = (struct pred_literal){PRED_TEXT, p->now.text};
	else if (is_word(p, "TRUE") || is_word(p, "FALSE"))
		*ret = (struct pred_literal){PRED_BOOL, is_word(p, "TRUE") ? S("true") : S("false")};
	else
		return expected(p, "a number, 'text', DATE 'yyyy-mm-dd', TRUE or FALSE");
	advance(p);
	return OK;
}

/* `max` literals at most, with commas between; the last one is followed by ')'. */
static Err
literal_list(struct parser *p, struct predicate *node)
{
	struct pred_literal list[LIST_MAX];
	size_t n = 0;

	if (!take_sign(p, "(")) return expected(p, "'('");
	do {
		ENSURE(p->c, n < LIST_MAX, INVALID, "row filter, byte %zu: more than %d values in a list", p->now.at, LIST_MAX);
		TRY(literal(p, &list[n++]));
	} while (take_sign(p, ","));
	if (!take_sign(p, ")")) return expected(p, "',' or ')'");
	node->literals = memcpy(NEW_N(p->c->arena, n, struct pred_literal), list, n * sizeof list[0]);
	node->literal_count = n;
	return OK;
}

/* --- the grammar --- */

static Err expr(struct parser *p, const struct predicate **ret);

static Err
node_new(struct parser *p, enum pred_op op, struct predicate **ret)
{
	ENSURE(p->c, p->nodes < NODES_MAX, INVALID, "row filter, byte %zu: more than %d conditions", p->now.at, NODES_MAX);
	p->nodes++;
	*ret = NEW(p->c->arena, struct predicate);
	(*ret)->op = op;
	return OK;
}

static const struct { const char *sign; enum pred_op op; } signs[] = {
    {"=", PRED_EQ}, {"<>", PRED_NE}, {"!=", PRED_NE}, {"<", PRED_LT}, {"<=", PRED_LE}, {">", PRED_GT}, {">=", PRED_GE}};

static Err
test_sign(struct parser *p, struct predicate *node)
{
	struct pred_literal *one = NEW(p->c->arena, struct pred_literal);

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (take_sign(p, signs[i].sign)) {
			node->op = signs[i].op;
			node->literals = one;
			node->literal_count = 1;
			return literal(p, one);
		}
	return expected(p, "a comparison");
}

static Err
test_between(struct parser *p, struct predicate *node)
{
	struct pred_literal *two = NEW_N(p->c->arena, 2, struct pred_literal);

	TRY(literal(p, &two[0]));
	if (!take_word(p, "AND")) return expected(p, "AND");
	node->literals = two;
	node->literal_count = 2;
	return literal(p, &two[1]);
}

static Err
test_like(struct parser *p, struct predicate *node)
{
	struct pred_literal *one = NEW(p->c->arena, struct pred_literal);

	if (p->now.kind != T_TEXT) return expected(p, "a 'pattern'");
	node->literals = one;
	node->literal_count = 1;
	return literal(p, one);
}

static Err
test_null(struct parser *p, struct predicate *node)
{
	node->op = take_word(p, "NOT") ? PRED_NOT_NULL : PRED_IS_NULL;
	return take_word(p, "NULL") ? OK : expected(p, "NULL");
}

/* What follows the column. */
static Err
test_rest(struct parser *p, struct predicate *node)
{
	if (take_word(p, "IS")) return test_null(p, node);
	bool not = take_word(p, "NOT");
	if (take_word(p, "IN")) {
		node->op = not ? PRED_NOT_IN : PRED_IN;
		return literal_list(p, node);
	}
	if (take_word(p, "BETWEEN")) {
		node->op = not ? PRED_NOT_BETWEEN : PRED_BETWEEN;
		return test_between(p, node);
	}
	if (take_word(p, "LIKE")) {
		node->op = not ? PRED_NOT_LIKE : PRED_LIKE;
		return test_like(p, node);
	}
	return not ? expected(p, "IN, BETWEEN or LIKE") : test_sign(p, node);
}

static bool
is_column(const struct parser *p)
{
	static const char *const reserved[] = {"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "LIKE", "TRUE", "FALSE"};

	if (p->now.kind == T_QUOTED) return p->now.text.n > 0;
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (is_word(p, reserved[i])) return false;
	return p->now.kind == T_WORD;
}

static Err
test(struct parser *p, const struct predicate **ret)
{
	struct predicate *node;

	if (!is_column(p)) return expected(p, "a column");
	TRY(node_new(p, PRED_EQ, &node));
	node->column = p->now.text;
	advance(p);
	TRY(test_rest(p, node));
	*ret = node;
	return OK;
}

static Err
nested(struct parser *p, const struct predicate **ret)
{
	TRY(expr(p, ret));
	return take_sign(p, ")") ? OK : expected(p, "AND, OR or ')'");
}

static Err
factor(struct parser *p, const struct predicate **ret)
{
	struct predicate *node;
	Err e;

	ENSURE(p->c, p->depth < DEPTH_MAX, INVALID, "row filter, byte %zu: nested deeper than %d", p->now.at, DEPTH_MAX);
	p->depth++;
	if (take_word(p, "NOT")) {
		TRY(node_new(p, PRED_NOT, &node));
		e = factor(p, &node->left);
		*ret = node;
	} else
		e = take_sign(p, "(") ? nested(p, ret) : test(p, ret);
	p->depth--;
	return e;
}

/* term with AND of factors, expr with OR of terms: both grow to the left. */
static Err
chain(struct parser *p, enum pred_op op, const struct predicate **ret)
{
	const struct predicate *left;
	struct predicate *node;

	TRY(op == PRED_AND ? factor(p, &left) : chain(p, PRED_AND, &left));
	while (take_word(p, op == PRED_AND ? "AND" : "OR")) {
		TRY(node_new(p, op, &node));
		node->left = left;
		TRY(op == PRED_AND ? factor(p, &node->right) : chain(p, PRED_AND, &node->right));
		left = node;
	}
	*ret = left;
	return OK;
}

static Err
expr(struct parser *p, const struct predicate **ret)
{
	return chain(p, PRED_OR, ret);
}

Err
predicate_parse(struct ctx *c, Str text, const struct predicate **ret)
{
	struct parser p = {.c = c, .in = text};
	const struct predicate *got;
	BUF_AUTO canonical = BUF_INIT;

	ENSURE(c, text.n <= PRED_TEXT_MAX, INVALID, "row filter: longer than %d bytes", PRED_TEXT_MAX);
	ENSURE(c, str_is_utf8(text), INVALID, "row filter: not UTF-8 text");
	p.in = arena_str(c->arena, text); /* columns and literals borrow from it */
	advance(&p);
	TRY(expr(&p, &got));
	if (p.now.kind != T_END) return expected(&p, "AND, OR or the end");
	predicate_print(got, &canonical); /* what is kept and parsed again later must fit, too */
	ENSURE(c, canonical.n <= PRED_TEXT_MAX, INVALID, "row filter: longer than %d bytes when written out", PRED_TEXT_MAX);
	*ret = got;
	return OK;
}

/* --- printing --- */

static void
print_literal(const struct pred_literal *l, struct buf *out)
{
	if (l->kind == PRED_NUMBER) {
		buf_str(out, l->text);
	} else if (l->kind == PRED_BOOL) {
		buf_c(out, str_eqc(l->text, "true") ? "TRUE" : "FALSE");
	} else {
		if (l->kind == PRED_DATE) buf_c(out, "DATE ");
		buf_sql_text(out, l->text);
	}
}

static void
print_literals(const struct predicate *p, const char *between, struct buf *out)
{
	for (size_t i = 0; i < p->literal_count; i++) {
		if (i) buf_c(out, between);
		print_literal(&p->literals[i], out);
	}
}

static void
print_test(const struct predicate *p, struct buf *out)
{
	static const char *const words[] = {
	    [PRED_EQ] = " = ", [PRED_NE] = " <> ", [PRED_LT] = " < ", [PRED_LE] = " <= ", [PRED_GT] = " > ", [PRED_GE] = " >= ",
	    [PRED_IN] = " IN (", [PRED_NOT_IN] = " NOT IN (", [PRED_BETWEEN] = " BETWEEN ", [PRED_NOT_BETWEEN] = " NOT BETWEEN ",
	    [PRED_IS_NULL] = " IS NULL", [PRED_NOT_NULL] = " IS NOT NULL", [PRED_LIKE] = " LIKE ", [PRED_NOT_LIKE] = " NOT LIKE "};
	bool list = p->op == PRED_IN || p->op == PRED_NOT_IN;

	buf_sql_ident(out, p->column);
	buf_c(out, words[p->op]);
	print_literals(p, list ? ", " : " AND ", out);
	if (list) buf_char(out, ')');
}

static void
print_child(const struct predicate *p, bool brackets, struct buf *out)
{
	if (brackets) buf_char(out, '(');
	predicate_print(p, out);
	if (brackets) buf_char(out, ')');
}

/* The left side of a chain needs brackets only around OR in AND; the right side around any chain that would else be drawn left. */
void
predicate_print(const struct predicate *p, struct buf *out)
{
	if (p->op == PRED_NOT) {
		buf_c(out, "NOT ");
		print_child(p->left, p->left->op <= PRED_OR, out);
	} else if (p->op == PRED_AND) {
		print_child(p->left, p->left->op == PRED_OR, out);
		buf_c(out, " AND ");
		print_child(p->right, p->right->op <= PRED_OR, out);
	} else if (p->op == PRED_OR) {
		predicate_print(p->left, out);
		buf_c(out, " OR ");
		print_child(p->right, p->right->op == PRED_OR, out);
	} else
		print_test(p, out);
}

/* --- columns --- */

static void
collect(const struct predicate *p, Str *list, size_t *n)
{
	if (p->op <= PRED_NOT) {
		collect(p->left, list, n);
		if (p->right) collect(p->right, list, n);
		return;
	}
	for (size_t i = 0; i < *n; i++)
		if (str_eq(list[i], p->column)) return;
	list[(*n)++] = p->column;
}

size_t
predicate_columns(const struct predicate *p, struct arena *a, Str **ret)
{
	size_t n = 0;

	*ret = NEW_N(a, NODES_MAX, Str);
	collect(p, *ret, &n);
	return n;
}

#include "codec/predicate.h"

#include "codec/lexer.h"

enum { NODES_MAX = 128, DEPTH_MAX = 16, LIST_MAX = 64, NUMBER_MAX = 40 };

struct parser {
	struct ctx *c;
	struct lexer l;
	size_t nodes;
	int depth;
};

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
		else if (s.p[i] >= '0' && s.p[i] <= '9')
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
	lexer_next(&p->l);
	if (p->l.now.kind != T_TEXT || !is_date(p->l.now.text)) return lexer_expected(&p->l, "a date as 'yyyy-mm-dd'");
	*ret = (struct pred_literal){PRED_DATE, p->l.now.text};
	lexer_next(&p->l);
	return OK;
}

static Err
literal(struct parser *p, struct pred_literal *ret)
{
	if (lexer_is_word(&p->l, "DATE")) return date(p, ret);
	if (p->l.now.kind == T_NUMBER && p->l.now.text.n <= NUMBER_MAX)
		*ret = (struct pred_literal){PRED_NUMBER, p->l.now.text};
	else if (p->l.now.kind == T_TEXT)
		*ret = (struct pred_literal){PRED_TEXT, p->l.now.text};
	else if (lexer_is_word(&p->l, "TRUE") || lexer_is_word(&p->l, "FALSE"))
		*ret = (struct pred_literal){PRED_BOOL, lexer_is_word(&p->l, "TRUE") ? S("true") : S("false")};
	else
		return lexer_expected(&p->l, "a number, 'text', DATE 'yyyy-mm-dd', TRUE or FALSE");
	lexer_next(&p->l);
	return OK;
}

/* `max` literals at most, with commas between; the last one is followed by ')'. */
static Err
literal_list(struct parser *p, struct predicate *node)
{
	struct pred_literal list[LIST_MAX];
	size_t n = 0;

	if (!lexer_take_sign(&p->l, "(")) return lexer_expected(&p->l, "'('");
	do {
		ENSURE(p->c, n < LIST_MAX, INVALID, "row filter, byte %zu: more than %d values in a list", p->l.now.at, LIST_MAX);
		TRY(literal(p, &list[n++]));
	} while (lexer_take_sign(&p->l, ","));
	if (!lexer_take_sign(&p->l, ")")) return lexer_expected(&p->l, "',' or ')'");
	node->literals = memcpy(NEW_N(p->c->arena, n, struct pred_literal), list, n * sizeof list[0]);
	node->literal_count = n;
	return OK;
}

/* --- the grammar --- */

static Err expr(struct parser *p, const struct predicate **ret);

static Err
node_new(struct parser *p, enum pred_op op, struct predicate **ret)
{
	ENSURE(p->c, p->nodes < NODES_MAX, INVALID, "row filter, byte %zu: more than %d conditions", p->l.now.at, NODES_MAX);
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
		if (lexer_take_sign(&p->l, signs[i].sign)) {
			node->op = signs[i].op;
			node->literals = one;
			node->literal_count = 1;
			return literal(p, one);
		}
	return lexer_expected(&p->l, "a comparison");
}

static Err
test_between(struct parser *p, struct predicate *node)
{
	struct pred_literal *two = NEW_N(p->c->arena, 2, struct pred_literal);

	TRY(literal(p, &two[0]));
	if (!lexer_take_word(&p->l, "AND")) return lexer_expected(&p->l, "AND");
	node->literals = two;
	node->literal_count = 2;
	return literal(p, &two[1]);
}

static Err
test_like(struct parser *p, struct predicate *node)
{
	struct pred_literal *one = NEW(p->c->arena, struct pred_literal);

	if (p->l.now.kind != T_TEXT) return lexer_expected(&p->l, "a 'pattern'");
	node->literals = one;
	node->literal_count = 1;
	return literal(p, one);
}

static Err
test_null(struct parser *p, struct predicate *node)
{
	node->op = lexer_take_word(&p->l, "NOT") ? PRED_NOT_NULL : PRED_IS_NULL;
	return lexer_take_word(&p->l, "NULL") ? OK : lexer_expected(&p->l, "NULL");
}

/* What follows the column. */
static Err
test_rest(struct parser *p, struct predicate *node)
{
	if (lexer_take_word(&p->l, "IS")) return test_null(p, node);
	bool not = lexer_take_word(&p->l, "NOT");
	if (lexer_take_word(&p->l, "IN")) {
		node->op = not ? PRED_NOT_IN : PRED_IN;
		return literal_list(p, node);
	}
	if (lexer_take_word(&p->l, "BETWEEN")) {
		node->op = not ? PRED_NOT_BETWEEN : PRED_BETWEEN;
		return test_between(p, node);
	}
	if (lexer_take_word(&p->l, "LIKE")) {
		node->op = not ? PRED_NOT_LIKE : PRED_LIKE;
		return test_like(p, node);
	}
	return not ? lexer_expected(&p->l, "IN, BETWEEN or LIKE") : test_sign(p, node);
}

static bool
is_column(const struct parser *p)
{
	static const char *const reserved[] = {"AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "LIKE", "TRUE", "FALSE"};

	if (p->l.now.kind == T_QUOTED) return p->l.now.text.n > 0;
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (lexer_is_word(&p->l, reserved[i])) return false;
	return p->l.now.kind == T_WORD;
}

static Err
test(struct parser *p, const struct predicate **ret)
{
	struct predicate *node;

	if (!is_column(p)) return lexer_expected(&p->l, "a column");
	TRY(node_new(p, PRED_EQ, &node));
	node->column = p->l.now.text;
	lexer_next(&p->l);
	TRY(test_rest(p, node));
	*ret = node;
	return OK;
}

static Err
nested(struct parser *p, const struct predicate **ret)
{
	TRY(expr(p, ret));
	return lexer_take_sign(&p->l, ")") ? OK : lexer_expected(&p->l, "AND, OR or ')'");
}

static Err
factor(struct parser *p, const struct predicate **ret)
{
	struct predicate *node;
	Err e;

	ENSURE(p->c, p->depth < DEPTH_MAX, INVALID, "row filter, byte %zu: nested deeper than %d", p->l.now.at, DEPTH_MAX);
	p->depth++;
	if (lexer_take_word(&p->l, "NOT")) {
		TRY(node_new(p, PRED_NOT, &node));
		e = factor(p, &node->left);
		*ret = node;
	} else
		e = lexer_take_sign(&p->l, "(") ? nested(p, ret) : test(p, ret);
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
	while (lexer_take_word(&p->l, op == PRED_AND ? "AND" : "OR")) {
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
	struct parser p = {.c = c, .l = {.c = c, .what = "row filter", .sql = true}};
	const struct predicate *got;
	BUF_AUTO canonical = BUF_INIT;

	TRY(lexer_open(&p.l, text, PRED_TEXT_MAX));
	TRY(expr(&p, &got));
	if (p.l.now.kind != T_END) return lexer_expected(&p.l, "AND, OR or the end");
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

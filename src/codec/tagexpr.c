#include "codec/tagexpr.h"

#include <stdlib.h>

enum { NODES_MAX = 64, DEPTH_MAX = 8, LIST_MAX = 64 };

enum token_kind { T_END, T_WORD, T_TEXT, T_SIGN, T_BAD };

struct token {
	enum token_kind kind;
	size_t at;  /* byte offset */
	Str text;   /* as written; of a text what it says */
};

struct parser {
	struct ctx *c;
	Str in;
	size_t at;                     /* behind the current token */
	struct token now;
	tag_vocabulary_fn *vocabulary; /* NULL: what stands in a log, IN only */
	const void *arg;
	bool positive;
	size_t nodes;
	int depth;
};

/* --- tokens --- */

static bool
is_word_byte(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_';
}

/* From the opening quote on; doubled quotes stand for one. */
static enum token_kind
quoted(struct parser *p, Str *ret)
{
	char *out = arena_alloc(p->c->arena, p->in.n - p->at);
	size_t n = 0;

	for (p->at++; p->at < p->in.n; p->at++) {
		if (p->in.p[p->at] == '\'') {
			p->at++;
			if (p->at >= p->in.n || p->in.p[p->at] != '\'') {
				*ret = str_of(out, n);
				return T_TEXT;
			}
		}
		out[n++] = p->in.p[p->at];
	}
	return T_BAD;
}

static enum token_kind
sign(struct parser *p)
{
	char a = p->in.p[p->at], b = p->at + 1 < p->in.n ? p->in.p[p->at + 1] : 0;
	bool two = (a == '<' && (b == '=' || b == '>')) || (a == '>' && b == '=') || (a == '!' && b == '=');

	p->at += two ? 2 : 1;
	return two || memchr("=<>(),", a, 6) ? T_SIGN : T_BAD;
}

static void
advance(struct parser *p)
{
	while (p->at < p->in.n && memchr(" \t\r\n", p->in.p[p->at], 4)) p->at++;
	struct token t = {.kind = T_END, .at = p->at};
	if (p->at < p->in.n) {
		if (p->in.p[p->at] == '\'') {
			t.kind = quoted(p, &t.text);
		} else {
			if (is_word_byte(p->in.p[p->at])) {
				while (p->at < p->in.n && is_word_byte(p->in.p[p->at])) p->at++;
				t.kind = T_WORD;
			} else
				t.kind = sign(p);
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
take_word(struct parser *p, const char *word)
{
	if (!is_word(p, word)) return false;
	advance(p);
	return true;
}

static bool
take_sign(struct parser *p, const char *s)
{
	if (p->now.kind != T_SIGN || !str_eqc(p->now.text, s)) return false;
	advance(p);
	return true;
}

static bool
is_key_word(const struct parser *p)
{
	return is_word(p, "AND") || is_word(p, "OR") || is_word(p, "NOT") || is_word(p, "IN");
}

static Err
expected(struct parser *p, const char *what)
{
	return err_set(p->c, ERR_INVALID, "tag expression, byte %zu: expected %s%s", p->now.at, what,
	    p->now.kind == T_BAD ? "; what stands there is not well formed" : p->now.kind == T_END ? ", found the end" : "");
}

/* --- a test of one tag: written with comparisons, kept as the values that fit --- */

struct test {
	size_t at;                  /* of the tag */
	Str tag;
	struct tag_values known;
	Str values[LIST_MAX];
	size_t count;
};

static bool
among(const Str *list, size_t n, Str s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], s)) return true;
	return false;
}

static Err
value(struct parser *p, const struct test *t, Str *ret)
{
	if (p->now.kind != T_TEXT && (p->now.kind != T_WORD || is_key_word(p))) return expected(p, "a value");
	ENSURE(p->c, p->now.text.n > 0, INVALID, "tag expression, byte %zu: an empty value fits nothing", p->now.at);
	ENSURE(p->c, !t->known.values || among(t->known.values, t->known.count, p->now.text), INVALID,
	    "tag expression, byte %zu: '%.*s' is no value of %.*s; `heddle tags` shows them", p->now.at, STR(p->now.text), STR(t->tag));
	*ret = p->now.text;
	advance(p);
	return OK;
}

static Err
value_list(struct parser *p, struct test *t)
{
	Str one;

	if (!take_sign(p, "(")) return expected(p, "'('");
	do {
		ENSURE(p->c, t->count < LIST_MAX, INVALID, "tag expression, byte %zu: more than %d values in a list", p->now.at, LIST_MAX);
		TRY(value(p, t, &one));
		if (!among(t->values, t->count, one)) t->values[t->count++] = one;
	} while (take_sign(p, ","));
	return take_sign(p, ")") ? OK : expected(p, "',' or ')'");
}

/* Those of all that the tag may have that do not stand in the list. */
static Err
complement(struct parser *p, struct test *t)
{
	struct test all = *t;

	ENSURE(p->c, t->known.values, INVALID, "tag expression, byte %zu: %.*s may have any value, so what it is not cannot be told; name the values it has",
	    t->at, STR(t->tag));
	t->count = 0;
	for (size_t i = 0; i < all.known.count && i < LIST_MAX; i++)
		if (!among(all.values, all.count, all.known.values[i])) t->values[t->count++] = all.known.values[i];
	return OK;
}

static Err
ordered(struct parser *p, struct test *t, bool below, bool equal)
{
	Str bound;
	bool passed = false;

	ENSURE(p->c, t->known.values && t->known.ordered, INVALID, "tag expression, byte %zu: the values of %.*s have no order; use = or IN", t->at, STR(t->tag));
	TRY(value(p, t, &bound));
	for (size_t i = 0; i < t->known.count && t->count < LIST_MAX; i++) {
		bool is = str_eq(t->known.values[i], bound);
		if (is ? equal : passed != below) t->values[t->count++] = t->known.values[i];
		passed |= is;
	}
	return OK;
}

/* What follows the tag. *ret_not: the values are those it must not have. */
static Err
comparison(struct parser *p, struct test *t, bool *ret_not)
{
	*ret_not = take_word(p, "NOT");
	if (take_word(p, "IN")) return value_list(p, t);
	if (*ret_not) return expected(p, "IN");
	if (take_sign(p, "<")) return ordered(p, t, true, false);
	if (take_sign(p, "<=")) return ordered(p, t, true, true);
	if (take_sign(p, ">")) return ordered(p, t, false, false);
	if (take_sign(p, ">=")) return ordered(p, t, false, true);
	*ret_not = take_sign(p, "<>") || take_sign(p, "!=");
	if (!*ret_not && !take_sign(p, "=")) return expected(p, "a comparison or IN");
	t->count = 1;
	return value(p, t, &t->values[0]);
}

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const Str *)a, *(const Str *)b);
}

static Err
node_new(struct parser *p, enum tag_op op, struct tag_expr **ret)
{
	ENSURE(p->c, p->nodes < NODES_MAX, INVALID, "tag expression, byte %zu: more than %d conditions", p->now.at, NODES_MAX);
	p->nodes++;
	*ret = NEW(p->c->arena, struct tag_expr);
	(*ret)->op = op;
	return OK;
}

/* negate: an odd number of NOT stands before it, all of them to be taken into the values. */
static Err
test(struct parser *p, bool negate, const struct tag_expr **ret)
{
	struct test *t = NEW(p->c->arena, struct test);
	struct tag_expr *node, *outer;
	bool not;

	if (p->now.kind != T_WORD || is_key_word(p)) return expected(p, "a tag");
	t->at = p->now.at;
	t->tag = p->now.text;
	ENSURE(p->c, str_is_ident(t->tag) && (!p->vocabulary || p->vocabulary(p->arg, t->tag, &t->known)), INVALID,
	    "tag expression, byte %zu: there is no tag '%.*s'; `heddle tags` shows those there are", t->at, STR(t->tag));
	advance(p);
	TRY(node_new(p, TAG_IN, &node));
	TRY(comparison(p, t, &not));
	if (p->positive && not != negate) TRY(complement(p, t));
	ENSURE(p->c, t->count > 0, INVALID, "tag expression, byte %zu: no value of %.*s fits that", t->at, STR(t->tag));
	qsort(t->values, t->count, sizeof t->values[0], by_text);
	*node = (struct tag_expr){.op = TAG_IN, .tag = t->tag, .values = t->values, .value_count = t->count};
	*ret = node;
	if (p->positive || !not) return OK;
	TRY(node_new(p, TAG_NOT, &outer));
	outer->left = node;
	*ret = outer;
	return OK;
}

/* --- the grammar --- */

static Err expr(struct parser *p, bool negate, const struct tag_expr **ret);

static Err negated(struct parser *p, bool negate, const struct tag_expr **ret);

static Err
factor(struct parser *p, bool negate, const struct tag_expr **ret)
{
	Err e;

	ENSURE(p->c, p->depth < DEPTH_MAX, INVALID, "tag expression, byte %zu: nested deeper than %d", p->now.at, DEPTH_MAX);
	p->depth++;
	if (take_word(p, "NOT")) {
		e = negated(p, negate, ret);
	} else if (take_sign(p, "(")) {
		e = expr(p, negate, ret);
		if (err_ok(e) && !take_sign(p, ")")) e = expected(p, "AND, OR or ')'");
	} else
		e = test(p, negate, ret);
	p->depth--;
	return e;
}

static Err
negated(struct parser *p, bool negate, const struct tag_expr **ret)
{
	struct tag_expr *node;

	if (p->positive) return factor(p, !negate, ret);
	TRY(node_new(p, TAG_NOT, &node));
	TRY(factor(p, false, &node->left));
	*ret = node;
	return OK;
}

/* AND of factors, OR of those: both grow to the left. Under a NOT that is taken into the values the one becomes the other. */
static Err
chain(struct parser *p, bool and, bool negate, const struct tag_expr **ret)
{
	const struct tag_expr *left;
	struct tag_expr *node;

	TRY(and ? factor(p, negate, &left) : chain(p, true, negate, &left));
	while (take_word(p, and ? "AND" : "OR")) {
		TRY(node_new(p, and != negate ? TAG_AND : TAG_OR, &node));
		node->left = left;
		TRY(and ? factor(p, negate, &node->right) : chain(p, true, negate, &node->right));
		left = node;
	}
	*ret = left;
	return OK;
}

static Err
expr(struct parser *p, bool negate, const struct tag_expr **ret)
{
	return chain(p, false, negate, ret);
}

static Err
parse(struct parser *p, Str text, const struct tag_expr **ret)
{
	ENSURE(p->c, text.n <= TAGEXPR_TEXT_MAX, INVALID, "tag expression: longer than %d bytes", TAGEXPR_TEXT_MAX);
	ENSURE(p->c, str_is_utf8(text), INVALID, "tag expression: not UTF-8 text");
	p->in = arena_str(p->c->arena, text); /* tags and values borrow from it */
	advance(p);
	TRY(expr(p, false, ret));
	return p->now.kind == T_END ? OK : expected(p, "AND, OR or the end");
}

Err
tagexpr_parse_canonical(struct ctx *c, Str text, const struct tag_expr **ret)
{
	struct parser p = {.c = c};
	const struct tag_expr *got;
	BUF_AUTO canonical = BUF_INIT;

	TRY(parse(&p, text, &got));
	tagexpr_print(got, &canonical);
	ENSURE(c, str_eq(buf_view(&canonical), text), INVALID, "tag expression: not in its canonical form");
	*ret = got;
	return OK;
}

Err
tagexpr_parse(struct ctx *c, Str text, tag_vocabulary_fn *vocabulary, const void *arg, bool positive, const struct tag_expr **ret)
{
	struct parser p = {.c = c, .vocabulary = vocabulary, .arg = arg, .positive = positive};
	const struct tag_expr *got, *again;
	BUF_AUTO canonical = BUF_INIT;

	TRY(parse(&p, text, &got));
	tagexpr_print(got, &canonical); /* written out it may be longer and deeper; what is kept must be readable */
	TRY(tagexpr_parse_canonical(c, buf_view(&canonical), &again));
	*ret = again;
	return OK;
}

/* --- printing --- */

static void
print_child(const struct tag_expr *e, bool brackets, struct buf *out)
{
	if (brackets) buf_char(out, '(');
	tagexpr_print(e, out);
	if (brackets) buf_char(out, ')');
}

/* As of row filters: the left side of a chain needs brackets only around OR in AND, the right side around any chain of its kind. */
void
tagexpr_print(const struct tag_expr *e, struct buf *out)
{
	if (e->op == TAG_NOT) {
		buf_c(out, "NOT ");
		print_child(e->left, e->left->op == TAG_AND || e->left->op == TAG_OR, out);
	} else if (e->op == TAG_AND) {
		print_child(e->left, e->left->op == TAG_OR, out);
		buf_c(out, " AND ");
		print_child(e->right, e->right->op == TAG_OR || e->right->op == TAG_AND, out);
	} else if (e->op == TAG_OR) {
		tagexpr_print(e->left, out);
		buf_c(out, " OR ");
		print_child(e->right, e->right->op == TAG_OR, out);
	} else {
		buf_str(out, e->tag);
		for (size_t i = 0; i < e->value_count; i++) {
			buf_c(out, i ? ", " : " IN (");
			buf_sql_text(out, e->values[i]);
		}
		buf_char(out, ')');
	}
}

bool
tagexpr_has_not(const struct tag_expr *e)
{
	if (e->op == TAG_NOT) return true;
	return e->op != TAG_IN && (tagexpr_has_not(e->left) || tagexpr_has_not(e->right));
}

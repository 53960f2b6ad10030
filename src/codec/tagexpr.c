#include "codec/tagexpr.h"

#include <stdlib.h>

#include "codec/lexer.h"

enum { NODES_MAX = 64, DEPTH_MAX = 8, LIST_MAX = 64 };

struct parser {
	struct ctx *c;
	struct lexer l;
	tag_vocabulary_fn *vocabulary; /* NULL: what stands in a log, IN only */
	const void *arg;
	bool positive;
	size_t nodes;
	int depth;
};

static bool
is_key_word(const struct parser *p)
{
	return lexer_is_word(&p->l, "AND") || lexer_is_word(&p->l, "OR") || lexer_is_word(&p->l, "NOT") || lexer_is_word(&p->l, "IN");
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
	if (p->l.now.kind != T_TEXT && (p->l.now.kind != T_WORD || is_key_word(p))) return lexer_expected(&p->l, "a value");
	ENSURE(p->c, p->l.now.text.n > 0, INVALID, "tag expression, byte %zu: an empty value fits nothing", p->l.now.at);
	ENSURE(p->c, !t->known.values || among(t->known.values, t->known.count, p->l.now.text), INVALID,
	    "tag expression, byte %zu: '%.*s' is no value of %.*s; `heddle tags` shows them", p->l.now.at, STR(p->l.now.text), STR(t->tag));
	*ret = p->l.now.text;
	lexer_next(&p->l);
	return OK;
}

static Err
value_list(struct parser *p, struct test *t)
{
	Str one;

	if (!lexer_take_sign(&p->l, "(")) return lexer_expected(&p->l, "'('");
	do {
		ENSURE(p->c, t->count < LIST_MAX, INVALID, "tag expression, byte %zu: more than %d values in a list", p->l.now.at, LIST_MAX);
		TRY(value(p, t, &one));
		if (!among(t->values, t->count, one)) t->values[t->count++] = one;
	} while (lexer_take_sign(&p->l, ","));
	return lexer_take_sign(&p->l, ")") ? OK : lexer_expected(&p->l, "',' or ')'");
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
	*ret_not = lexer_take_word(&p->l, "NOT");
	if (lexer_take_word(&p->l, "IN")) return value_list(p, t);
	if (*ret_not) return lexer_expected(&p->l, "IN");
	if (lexer_take_sign(&p->l, "<")) return ordered(p, t, true, false);
	if (lexer_take_sign(&p->l, "<=")) return ordered(p, t, true, true);
	if (lexer_take_sign(&p->l, ">")) return ordered(p, t, false, false);
	if (lexer_take_sign(&p->l, ">=")) return ordered(p, t, false, true);
	*ret_not = lexer_take_sign(&p->l, "<>") || lexer_take_sign(&p->l, "!=");
	if (!*ret_not && !lexer_take_sign(&p->l, "=")) return lexer_expected(&p->l, "a comparison or IN");
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
	ENSURE(p->c, p->nodes < NODES_MAX, INVALID, "tag expression, byte %zu: more than %d conditions", p->l.now.at, NODES_MAX);
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

	if (p->l.now.kind != T_WORD || is_key_word(p)) return lexer_expected(&p->l, "a tag");
	t->at = p->l.now.at;
	t->tag = p->l.now.text;
	ENSURE(p->c, str_is_ident(t->tag) && (!p->vocabulary || p->vocabulary(p->arg, t->tag, &t->known)), INVALID,
	    "tag expression, byte %zu: there is no tag '%.*s'; `heddle tags` shows those there are", t->at, STR(t->tag));
	lexer_next(&p->l);
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

	ENSURE(p->c, p->depth < DEPTH_MAX, INVALID, "tag expression, byte %zu: nested deeper than %d", p->l.now.at, DEPTH_MAX);
	p->depth++;
	if (lexer_take_word(&p->l, "NOT")) {
		e = negated(p, negate, ret);
	} else if (lexer_take_sign(&p->l, "(")) {
		e = expr(p, negate, ret);
		if (err_ok(e) && !lexer_take_sign(&p->l, ")")) e = lexer_expected(&p->l, "AND, OR or ')'");
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
	while (lexer_take_word(&p->l, and ? "AND" : "OR")) {
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
	p->l = (struct lexer){.c = p->c, .what = "tag expression"};
	TRY(lexer_open(&p->l, text, TAGEXPR_TEXT_MAX));
	TRY(expr(p, false, ret));
	return p->l.now.kind == T_END ? OK : lexer_expected(&p->l, "AND, OR or the end");
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

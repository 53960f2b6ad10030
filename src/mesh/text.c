/* Texts that the state keeps, and what is parsed from them: each once. */
#include <assert.h>

#include "mesh/record/record.h"

struct text { uint32_t n; char p[]; };

static bool
text_is(const void *item, const void *key)
{
	const struct text *t = item;

	return str_eq(str_of(t->p, t->n), *(const Str *)key);
}

static Str
text_keep(struct mesh *m, Str s, struct text **ret)
{
	struct text *t = arena_alloc(&m->mem, sizeof *t + s.n + 1);

	t->n = (uint32_t)s.n;
	if (s.n) memcpy(t->p, s.p, s.n);
	*ret = t;
	return str_of(t->p, t->n);
}

Str
state_text(struct mesh *m, Str s)
{
	struct text *t;

	if (s.n == 0) return (Str){"", 0};
	uint32_t hash = index_hash(m->seed, s, (Str){"", 0});
	void **at = index_find(&m->strings, hash, text_is, &s);
	if (at) return str_of(((struct text *)*at)->p, s.n);
	s = text_keep(m, s, &t);
	index_add(&m->strings, hash, t);
	return s;
}

Str
state_text_once(struct mesh *m, Str s)
{
	struct text *t;

	return s.n ? text_keep(m, s, &t) : (Str){"", 0};
}

struct kept_predicate { Str text; const struct predicate *tree; };

static bool
predicate_is(const void *item, const void *key)
{
	return str_eq(((const struct kept_predicate *)item)->text, *(const Str *)key);
}

const struct predicate *
state_predicate_find(const struct mesh *m, Str canonical)
{
	void **at = index_find(&m->predicates, index_hash(m->seed, canonical, (Str){"", 0}), predicate_is, &canonical);

	return at ? ((struct kept_predicate *)*at)->tree : NULL;
}

const struct predicate *
state_predicate_keep(struct mesh *m, Str canonical)
{
	const struct predicate *tree = canonical.n ? state_predicate_find(m, canonical) : NULL;
	struct ctx c = {.arena = &m->mem};

	if (canonical.n == 0 || tree) return tree;
	struct kept_predicate *k = NEW(&m->mem, struct kept_predicate);
	k->text = state_text(m, canonical);
	Err e = predicate_parse(&c, k->text, &k->tree);
	assert(err_ok(e)); /* the reader parsed it before */
	index_add(&m->predicates, index_hash(m->seed, k->text, (Str){"", 0}), k);
	return k->tree;
}

struct kept_tags { Str text; const struct tag_expr *tree; };

static bool
tags_are(const void *item, const void *key)
{
	return str_eq(((const struct kept_tags *)item)->text, *(const Str *)key);
}

const struct tag_expr *
state_tag_expr_find(const struct mesh *m, Str canonical)
{
	void **at = index_find(&m->tag_exprs, index_hash(m->seed, canonical, (Str){"", 0}), tags_are, &canonical);

	return at ? ((struct kept_tags *)*at)->tree : NULL;
}

const struct tag_expr *
state_tag_expr_keep(struct mesh *m, Str canonical)
{
	const struct tag_expr *tree = canonical.n ? state_tag_expr_find(m, canonical) : NULL;
	struct ctx c = {.arena = &m->mem};

	if (canonical.n == 0 || tree) return tree;
	struct kept_tags *k = NEW(&m->mem, struct kept_tags);
	k->text = state_text(m, canonical);
	Err e = tagexpr_parse_canonical(&c, k->text, &k->tree);
	assert(err_ok(e)); /* the reader parsed it before */
	index_add(&m->tag_exprs, index_hash(m->seed, k->text, (Str){"", 0}), k);
	return k->tree;
}

const Str *
state_texts(struct mesh *m, const Str *list, size_t n)
{
	Str *kept = NEW_N(&m->mem, n, Str);

	for (size_t i = 0; i < n; i++) kept[i] = state_text(m, list[i]);
	return kept;
}

const struct policy_mask *
state_masks(struct mesh *m, const struct policy_mask *list, size_t n)
{
	struct policy_mask *kept = NEW_N(&m->mem, n, struct policy_mask);

	for (size_t i = 0; i < n; i++) kept[i] = (struct policy_mask){state_text(m, list[i].column), list[i].kind};
	return kept;
}

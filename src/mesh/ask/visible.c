/* What a person sees, without looking at what they do not: from what was granted to the products, and each table decided as ever. */
#include <stdlib.h>

#include "codec/tagexpr.h"
#include "mesh/ask/ask.h"

struct looking { const struct mesh *m; struct arena *a; struct found products; };

/* --- products that a grant by tags may be about --- */

static size_t
tagged_count(const struct mesh *m, const struct log *log, const struct tag_expr *e)
{
	size_t n = 0;

	if (e->op == TAG_IN) {
		for (size_t i = 0; i < e->value_count; i++)
			for (const struct tagged *t = lookup_tagged(m, log, e->tag, e->values[i]); t; t = t->next) n++;
		return n;
	}
	size_t left = tagged_count(m, log, e->left), right = tagged_count(m, log, e->right);
	return e->op == TAG_OR ? left + right : left < right ? left : right;
}

static void
add_tagged(struct looking *l, const struct log *log, const struct tag_expr *e)
{
	if (e->op == TAG_IN) {
		for (size_t i = 0; i < e->value_count; i++)
			for (const struct tagged *t = lookup_tagged(l->m, log, e->tag, e->values[i]); t; t = t->next) found_add(&l->products, t->p);
		return;
	}
	bool left = e->op == TAG_OR || tagged_count(l->m, log, e->left) <= tagged_count(l->m, log, e->right);
	if (left) add_tagged(l, log, e->left);
	if (e->op == TAG_OR || !left) add_tagged(l, log, e->right);
}

static void
add_granted(struct looking *l, Str to_id)
{
	for (const struct grant *g = to_id.n ? lookup_grants_to(l->m, to_id) : NULL; g; g = g->same_to) {
		const struct policy_grant *p = &g->pub.policy;
		if (p->revoked || !suppose_counts(l->m, g)) continue;
		if (p->tags && !tagexpr_has_not(p->tags)) add_tagged(l, g->item.log, p->tags);
		const struct item *it = p->tags ? NULL : state_find(l->m, RECORD_PRODUCT, g->item.log, p->product_id);
		if (it) found_add(&l->products, it);
	}
}

/* --- all of it --- */

static int
by_place(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const void *const *)a, y = (uintptr_t) * (const void *const *)b;

	return (x > y) - (x < y);
}

static size_t
unique(const void **list, size_t n)
{
	size_t count = 0;

	if (n) qsort(list, n, sizeof *list, by_place);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || list[i] != list[i - 1]) list[count++] = list[i];
	return count;
}

/* By id of domain and product, which is the same on each node. */
static int
by_ids(const void *a, const void *b)
{
	const struct mesh_visible *x = a, *y = b;
	int r = str_cmp(x->product->domain_id, y->product->domain_id);

	if (r == 0) r = str_cmp(x->product->id, y->product->id);
	return r ? r : (x->table > y->table) - (x->table < y->table);
}

size_t
mesh_visible_tables(const struct mesh *m, struct arena *a, Str person_id, Time now, struct mesh_visible **ret)
{
	struct looking l = {.m = m, .a = a, .products = {.a = a}};
	const struct log *home;
	struct policy_principal who = ask_person(m, a, person_id, &home);
	ARENA_AUTO scratch = ARENA_INIT;
	size_t room = 0, n = 0;

	add_granted(&l, who.person_id);
	add_granted(&l, who.domain_id);
	for (size_t i = 0; i < who.group_count; i++) add_granted(&l, who.groups[i]);
	for (const struct product *p = who.is_owner && home ? home->lookup.products : NULL; p; p = p->next) found_add(&l.products, p);
	size_t count = unique(l.products.list, l.products.n);
	for (size_t i = 0; i < count; i++) room += ((const struct product *)l.products.list[i])->pub.table_count;
	struct mesh_visible *list = NEW_N(a, room, struct mesh_visible);
	for (size_t i = 0; i < count; i++) {
		const struct mesh_product *p = &((const struct product *)l.products.list[i])->pub;
		for (size_t k = 0; k < p->table_count; k++) {
			struct policy_decision d;
			arena_reset(&scratch);
			ask_shown(m, &scratch, &who, home, p, &p->tables[k], now, &d);
			if (d.verdict == VERDICT_ALLOW) list[n++] = (struct mesh_visible){p, &p->tables[k]};
		}
	}
	if (n) qsort(list, n, sizeof *list, by_ids);
	*ret = list;
	return n;
}

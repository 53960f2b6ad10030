/* Which restrictions bear on a table. */
#include "mesh/ask/ask.h"

enum { PAIRS_MAX = 48 };

/* The pairs of tag and value that were looked for already; texts are kept once, so places do. */
struct pairs { const struct policy_tag *seen[PAIRS_MAX]; size_t n; };

struct rules { struct found found; const struct mesh *m; const struct log *center; bool demands; /* approvals: those alone */ struct pairs pairs; };

static void
add(struct rules *r, const struct anchor *an, bool once)
{
	for (; an; an = an->next) {
		const struct policy_restriction *p = &an->r->pub.policy;
		if (p->lifted) continue;
		if (once)
			found_once(&r->found, p);
		else
			found_add(&r->found, p);
	}
}

static bool
looked_for(struct pairs *pairs, const struct policy_tag *tag)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (pairs->seen[i]->value.p == tag->value.p && pairs->seen[i]->name.p == tag->name.p) return true;
	if (pairs->n < PAIRS_MAX) pairs->seen[pairs->n++] = tag;
	return false;
}

static void
add_tags(struct rules *r, const struct policy_tags *tags)
{
	for (size_t i = 0; i < tags->count; i++)
		if (!looked_for(&r->pairs, &tags->list[i])) add(r, lookup_rules_tag(r->m, r->center, r->demands, tags->list[i].name, tags->list[i].value), true);
}

static void
add_of_tags(struct rules *r, const struct policy_table *t)
{
	const struct policy_tag *done = t->tags.list;
	const char *class = "";

	add_tags(r, &t->tags);
	add_tags(r, &t->tags_before);
	for (size_t i = 0; i < t->column_count; i++) {
		const struct policy_column *col = &t->columns[i];
		if (col->tags.list != done) add_tags(r, &col->tags);
		done = col->tags.list;
		add_tags(r, &col->tags_before);
		/* the class of the contract alone, where it is not among the tags (whose texts are kept once) */
		for (size_t k = 0; k < col->tags.count; k++)
			if (col->tags.list[k].value.p == col->classification.p) class = col->classification.p;
		if (col->classification.n && col->classification.p != class)
			add(r, lookup_rules_tag(r->m, r->center, r->demands, S("classification"), col->classification), true);
		class = col->classification.p;
	}
}

/* One that no center said. The id orders it among others; people are told why. */
static void
add_freeze(struct rules *r, const struct log *log, Str id, Str why)
{
	struct policy_restriction *freeze = NEW(r->found.a, struct policy_restriction);

	*freeze = (struct policy_restriction){.id = id, .domain_id = log->item.id, .freeze = true, .freeze_why = why};
	found_add(&r->found, freeze);
}

/* A log with two histories is frozen, whoever is the center. */
static void
add_fork(struct rules *r, const struct log *log)
{
	if (!log || !log->pub.frozen) return;
	add_freeze(r, log, S("fork"), S("is frozen: its log has two histories, and its owners have not settled them"));
}

/* What a stolen key published is for its own domain alone: the classes it gave may fit a grant by tags, and leave what the center restricts. */
static void
add_void_publish(struct rules *r, const struct log *log, Str product_id)
{
	const struct mesh_product *p = log && log->keys.void_count ? PUB(product, state_find(r->m, RECORD_PRODUCT, log, product_id)) : NULL;

	if (!p || !(keys_voids(log, p->seq) || keys_voids(log, p->doubt))) return;
	add_freeze(r, log, S("key"), S("published this product with a stolen key, and has not confirmed it since"));
}

static void
add_freezes(struct rules *r, Str domain_id)
{
	for (const struct anchor *an = lookup_rules_domain(r->m, r->center, false, domain_id); an; an = an->next)
		if (an->r->pub.policy.freeze && !an->r->pub.policy.lifted) found_add(&r->found, &an->r->pub.policy);
}

static void
add_about(struct rules *r, const struct policy_table *t)
{
	const struct lookup_log *l = &r->center->lookup;

	add(r, lookup_rules_all(r->m, r->center, r->demands), false);
	add(r, lookup_rules_product(r->m, r->center, r->demands, t->product_id), false);
	add(r, lookup_rules_domain(r->m, r->center, r->demands, t->domain_id), false);
	if (r->demands ? l->demands_by_tags : l->rules_by_tags) add_of_tags(r, t);
}

size_t
ask_rules(const struct mesh *m, struct arena *a, const struct policy_table *t, const struct log *producer, const struct log *asking,
          const struct policy_restriction *const **ret)
{
	struct rules r = {.found = {.a = a}, .m = m, .center = state_center(m)};
	bool elsewhere = asking && asking != producer;

	add_fork(&r, producer);
	if (elsewhere) add_fork(&r, asking);
	add_void_publish(&r, producer, t->product_id);
	if (r.center) {
		add_about(&r, t);
		if (elsewhere && r.center->lookup.rules_of_freezes) add_freezes(&r, asking->item.id);
	}
	*ret = (const struct policy_restriction *const *)r.found.list;
	return suppose_restrictions(m, a, ret, r.found.n);
}

size_t
ask_rules_of_approvals(const struct mesh *m, struct arena *a, const struct policy_table *t, const struct policy_restriction *const **ret)
{
	struct rules r = {.found = {.a = a}, .m = m, .center = state_center(m), .demands = true};
	size_t n, count = 0;

	if (r.center) add_about(&r, t);
	*ret = (const struct policy_restriction *const *)r.found.list;
	n = suppose_restrictions(m, a, ret, r.found.n);
	const struct policy_restriction **list = NEW_N(a, n, const struct policy_restriction *);
	for (size_t i = 0; i < n; i++)
		if ((*ret)[i]->approvals) list[count++] = (*ret)[i]; /* the one that is supposed may demand none */
	*ret = list;
	return count;
}

/* Facts looked up in the index of a judgement: one search for all that is kept in order. */
#include "policy/controls_run.h"

/* Two parts of a key: (domain, id), (id, domain); the second is "" where the first is all. */
struct sought { Str first, second; };
/* The i-th of the index against what is sought: below 0 when it stands before. */
typedef int order_fn(const struct control_index *x, size_t i, const struct sought *s);

static int
in_order(Str first, Str second, const struct sought *s)
{
	int by = str_cmp(first, s->first);

	return by ? by : str_cmp(second, s->second);
}

static int
product_of_domain(const struct control_index *x, size_t i, const struct sought *s)
{
	return str_cmp(x->products[i]->domain_id, s->first);
}

static int
product_itself(const struct control_index *x, size_t i, const struct sought *s)
{
	return in_order(x->products[i]->domain_id, x->products[i]->id, s);
}

static int
person_of_domain(const struct control_index *x, size_t i, const struct sought *s)
{
	return str_cmp(x->people[i]->domain_id, s->first);
}

static int
membership_of_person(const struct control_index *x, size_t i, const struct sought *s)
{
	return str_cmp(x->by_id[i]->person_id, s->first);
}

static int
domain_itself(const struct control_index *x, size_t i, const struct sought *s)
{
	return str_cmp(x->domains[i]->id, s->first);
}

static int
group_itself(const struct control_index *x, size_t i, const struct sought *s)
{
	return in_order(x->groups[i]->id, x->groups[i]->domain_id, s);
}

static int
use_of_grant(const struct control_index *x, size_t i, const struct sought *s)
{
	return in_order(x->uses[i]->grant_id, x->uses[i]->issuer_domain_id, s);
}

/* Of n the first that does not stand before it; whether that is one. */
static bool
find(const struct control_run *r, size_t n, order_fn *order, struct sought s, size_t *ret_at)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (order(r->index, mid, &s) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_at = low;
	return low < n && order(r->index, low, &s) == 0;
}

static void
find_all(const struct control_run *r, size_t n, order_fn *order, struct sought s, size_t *ret_from, size_t *ret_to)
{
	find(r, n, order, s, ret_from);
	for (*ret_to = *ret_from; *ret_to < n && order(r->index, *ret_to, &s) == 0;) ++*ret_to;
}

Str
run_domain_name(const struct control_run *r, Str id)
{
	size_t at;

	if (find(r, r->f->domains_count, domain_itself, (struct sought){.first = id}, &at)) return r->index->domains[at]->name;
	return str_of(id.p, id.n < 12 ? id.n : 12);
}

void
run_products(const struct control_run *r, Str domain_id, size_t *ret_from, size_t *ret_to)
{
	find_all(r, r->f->products_count, product_of_domain, (struct sought){.first = domain_id}, ret_from, ret_to);
}

void
run_people(const struct control_run *r, Str domain_id, size_t *ret_from, size_t *ret_to)
{
	find_all(r, r->f->people_count, person_of_domain, (struct sought){.first = domain_id}, ret_from, ret_to);
}

const struct posture_product *
run_product(const struct control_run *r, Str domain_id, Str id)
{
	size_t at;

	return find(r, r->f->products_count, product_itself, (struct sought){domain_id, id}, &at) ? r->index->products[at] : NULL;
}

void
run_memberships(const struct control_run *r, Str person_id, size_t *ret_from, size_t *ret_to)
{
	find_all(r, r->f->people_count, membership_of_person, (struct sought){.first = person_id}, ret_from, ret_to);
}

void
run_uses(const struct control_run *r, const struct policy_grant *g, size_t *ret_from, size_t *ret_to)
{
	find_all(r, r->f->uses_count, use_of_grant, (struct sought){g->id, g->issuer_domain_id}, ret_from, ret_to);
}

const struct posture_group *
run_group(const struct control_run *r, Str domain_id, Str id)
{
	size_t at;

	return find(r, r->f->groups_count, group_itself, (struct sought){id, domain_id}, &at) ? r->index->groups[at] : NULL;
}

/* Lists, in an order that does not depend on how the state came about. */
#include <stdlib.h>

#include "mesh/ask/ask.h"


static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const Str *)a, *(const Str *)b);
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int
by_domain_name(const void *a, const void *b)
{
	const struct mesh_domain *x = *(const struct mesh_domain *const *)a, *y = *(const struct mesh_domain *const *)b;
	int r = str_cmp(x->name, y->name);

	return r ? r : str_cmp(x->id, y->id);
}

int
mesh_request_order(const struct mesh_request *a, const struct mesh_request *b)
{
	int r = ORDER(a->opened, b->opened);

	if (r == 0) r = str_cmp(a->id, b->id);
	return r ? r : str_cmp(a->consumer_domain_id, b->consumer_domain_id);
}

static int
by_opened(const void *a, const void *b)
{
	return mesh_request_order(*(const struct mesh_request *const *)a, *(const struct mesh_request *const *)b);
}

int
mesh_grant_order(const struct mesh_grant *a, const struct mesh_grant *b)
{
	int r = ORDER(a->added, b->added);

	if (r == 0) r = str_cmp(a->policy.id, b->policy.id);
	return r ? r : str_cmp(a->policy.issuer_domain_id, b->policy.issuer_domain_id);
}

static int
by_grant_added(const void *a, const void *b)
{
	return mesh_grant_order(*(const struct mesh_grant *const *)a, *(const struct mesh_grant *const *)b);
}

static int
by_restriction_added(const void *a, const void *b)
{
	const struct mesh_restriction *x = *(const struct mesh_restriction *const *)a, *y = *(const struct mesh_restriction *const *)b;
	int r = ORDER(x->added, y->added);

	return r ? r : str_cmp(x->policy.id, y->policy.id);
}

/* Products sort by their domain's name, which they do not hold themselves. */
struct named_product { const struct log *log; const struct mesh_product *product; };

static int
by_full_name(const void *a, const void *b)
{
	const struct named_product *x = a, *y = b;
	int r = x->log == y->log ? 0 : str_cmp(x->log->pub.name, y->log->pub.name);

	if (r == 0) r = str_cmp(x->product->name, y->product->name);
	if (r == 0) r = str_cmp(x->log->item.id, y->log->item.id);
	return r ? r : str_cmp(x->product->id, y->product->id);
}

size_t
mesh_domains(const struct mesh *m, struct arena *a, const struct mesh_domain ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_DOMAIN, &items);
	const struct mesh_domain **list = NEW_N(a, n, const struct mesh_domain *);

	for (size_t i = 0; i < n; i++) list[i] = &((const struct log *)items[i])->pub;
	free(items);
	qsort(list, n, sizeof *list, by_domain_name);
	*ret = list;
	return n;
}

size_t
mesh_products(const struct mesh *m, struct arena *a, const struct mesh_product ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_PRODUCT, &items);
	struct named_product *named = mem_alloc(n * sizeof *named);
	const struct mesh_product **list = NEW_N(a, n, const struct mesh_product *);

	for (size_t i = 0; i < n; i++) named[i] = (struct named_product){items[i]->log, &((const struct product *)items[i])->pub};
	qsort(named, n, sizeof *named, by_full_name);
	for (size_t i = 0; i < n; i++) list[i] = named[i].product;
	free(named);
	free(items);
	*ret = list;
	return n;
}

size_t
mesh_grants(const struct mesh *m, struct arena *a, const struct mesh_grant ***ret)
{
	struct item **items;
	size_t n = state_gather(m, RECORD_GRANT, NULL, NULL, &items);
	const struct mesh_grant **list = NEW_N(a, n, const struct mesh_grant *);

	for (size_t i = 0; i < n; i++) list[i] = &((const struct grant *)items[i])->pub;
	free(items);
	qsort(list, n, sizeof *list, by_grant_added);
	*ret = list;
	return n;
}

const struct mesh_grant *
mesh_grant_next(const struct mesh *m, struct mesh_place *at)
{
	const struct item *it = at->item;

	it = it && it->same ? it->same : index_next(&m->by_kind[RECORD_GRANT], &at->slot);
	at->item = it;
	return PUB(grant, it);
}

const struct mesh_grant *
mesh_grant_of(const struct mesh *m, Str domain_id, const struct mesh_grant *after)
{
	const struct log *log = after ? NULL : state_log(m, domain_id);

	return PUB(grant, after ? HOLDER(grant, after)->same_log : log ? log->lookup.grants : NULL);
}

const struct mesh_grant *
mesh_grant_to(const struct mesh *m, Str to_id, const struct mesh_grant *after)
{
	return PUB(grant, after ? HOLDER(grant, after)->same_to : lookup_grants_to(m, to_id));
}

const struct mesh_product *
mesh_product_of(const struct mesh *m, const struct mesh_grant *g, const struct mesh_product *after)
{
	const struct log *log = state_log(m, g->policy.issuer_domain_id);

	if (!log || (after && !g->policy.tags)) return NULL;
	if (!g->policy.tags) return PUB(product, state_find(m, RECORD_PRODUCT, log, g->policy.product_id));
	return PUB(product, after ? HOLDER(product, after)->next : log->lookup.products);
}

const struct mesh_request *
mesh_request_of(const struct mesh *m, Str domain_id, const struct mesh_request *after)
{
	const struct log *log = after ? NULL : state_log(m, domain_id);

	return PUB(request, after ? HOLDER(request, after)->same_log : log ? log->lookup.requests : NULL);
}

const struct mesh_request *
mesh_request_to(const struct mesh *m, Str producer_domain_id, const struct mesh_request *after)
{
	return PUB(request, after ? HOLDER(request, after)->same_producer : lookup_requests_to(m, producer_domain_id));
}

size_t
mesh_requests(const struct mesh *m, struct arena *a, const struct mesh_request ***ret)
{
	struct item **items;
	size_t n = state_gather(m, RECORD_REQUEST, NULL, NULL, &items);
	const struct mesh_request **list = NEW_N(a, n, const struct mesh_request *);

	for (size_t i = 0; i < n; i++) list[i] = &((const struct request *)items[i])->pub;
	free(items);
	qsort(list, n, sizeof *list, by_opened);
	*ret = list;
	return n;
}

/* --- governance --- */

/* The things of a kind that keep() keeps, in the arena. */
static size_t
kept(const struct mesh *m, struct arena *a, enum record_kind kind, size_t offset, state_keep_fn *keep, const void *arg, int (*by)(const void *, const void *),
     const void *ret)
{
	struct item **items;
	size_t n = state_items_that(m, kind, keep, arg, &items);
	const void **list = NEW_N(a, n, const void *);

	for (size_t i = 0; i < n; i++) list[i] = (const char *)items[i] + offset;
	free(items);
	if (n && by) qsort(list, n, sizeof *list, by);
	memcpy((void *)(uintptr_t)ret, &list, sizeof list);
	return n;
}

/* What the caller sees of each stands at the same place in all of a kind. */
#define KEPT(kind, type, keep, arg, by) kept(m, a, RECORD_##kind, offsetof(struct type, pub), keep, arg, by, ret)

static bool
in_domain(const struct mesh *m UNUSED, const struct item *it, const void *arg)
{
	const Str *domain_id = arg;

	return domain_id->n == 0 || str_eq(it->log->item.id, *domain_id);
}

static bool
of_center(const struct mesh *m, const struct item *it, const void *arg UNUSED)
{
	return it->log == state_center(m);
}

size_t
mesh_members(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_member ***ret)
{
	return KEPT(MEMBER, member, in_domain, &domain_id, NULL);
}

size_t
mesh_restrictions(const struct mesh *m, struct arena *a, const struct mesh_restriction ***ret)
{
	return KEPT(RESTRICTION, restriction, of_center, NULL, by_restriction_added);
}

static bool
demands_approvals(const struct mesh *m, const struct item *it, const void *arg UNUSED)
{
	const struct policy_restriction *p = &((const struct restriction *)it)->pub.policy;

	return it->log == state_center(m) && !p->lifted && p->approvals > 0;
}

bool
mesh_approvals_demanded(const struct mesh *m)
{
	const struct log *center = state_center(m);
	struct item **items;
	size_t n = center && center->lookup.rules_of_approvals ? state_gather(m, RECORD_RESTRICTION, demands_approvals, NULL, &items) : 0;

	if (center && center->lookup.rules_of_approvals) free(items);
	return n > 0;
}

/* --- what was granted to somebody --- */

static void
add_grants_to(struct found *f, const struct mesh *m, enum principal_kind kind, Str id, Str domain_id)
{
	for (const struct grant *g = id.n ? lookup_grants_to(m, id) : NULL; g; g = g->same_to) {
		const struct policy_grant *p = &g->pub.policy;
		if (p->to_kind == kind && (kind != PRINCIPAL_GROUP || str_eq(p->to_domain_id, domain_id))) found_add(f, &g->pub);
	}
}

size_t
mesh_grants_to(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_grant ***ret)
{
	const struct log *home;
	struct policy_principal who = ask_person(m, a, person_id, &home);
	struct found f = {.a = a};

	add_grants_to(&f, m, PRINCIPAL_PERSON, person_id, who.domain_id);
	add_grants_to(&f, m, PRINCIPAL_DOMAIN, who.domain_id, who.domain_id);
	for (size_t i = 0; i < who.group_count; i++) add_grants_to(&f, m, PRINCIPAL_GROUP, who.groups[i], who.domain_id);
	if (f.n) qsort(f.list, f.n, sizeof *f.list, by_grant_added);
	*ret = (const struct mesh_grant **)f.list;
	return f.n;
}

#define BY(name, type, first, second)                                                                                          \
	static int name(const void *a, const void *b)                                                                          \
	{                                                                                                                      \
		const struct type *x = *(const struct type *const *)a, *y = *(const struct type *const *)b;                    \
		int r = first;                                                                                                 \
		return r ? r : second;                                                                                         \
	}
BY(by_group_name, mesh_group, str_cmp(x->name, y->name), str_cmp(x->id, y->id))
BY(by_delegation_added, mesh_delegation, ORDER(x->added, y->added), str_cmp(x->policy.id, y->policy.id))
BY(by_tag_at, mesh_tag, ORDER(x->at, y->at), str_cmp(x->id, y->id))
BY(by_comment_at, mesh_comment, ORDER(x->at, y->at), str_cmp(x->id, y->id))
BY(by_exception_added, mesh_exception, ORDER(x->added, y->added), str_cmp(x->id, y->id))
BY(by_review_at, mesh_review, ORDER(x->at, y->at), str_cmp(x->id, y->id))
BY(by_evidence_at, mesh_evidence, ORDER(x->at, y->at), str_cmp(x->id, y->id))

size_t
mesh_groups(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_group ***ret)
{
	return KEPT(GROUP, group, in_domain, &domain_id, by_group_name);
}

const struct mesh_group *
mesh_group_named(const struct mesh *m, Str domain_id, Str name)
{
	const struct log *log = state_log(m, domain_id);

	return log ? PUB(group, state_group_named(m, log, name)) : NULL;
}

size_t
mesh_group_members(const struct mesh *m, struct arena *a, const struct mesh_group *g, Str **ret_person_ids)
{
	const struct log *log = state_log(m, g->domain_id);
	const struct group_member *first = log ? lookup_people_of(m, log, g->id) : NULL, *gm;
	size_t n = 0;

	for (gm = first; gm; gm = gm->same_group) n++;
	Str *list = NEW_N(a, n, Str);
	n = 0;
	for (gm = first; gm; gm = gm->same_group)
		if (group_member_counts(m, gm) && !keys_voids(log, gm->seq)) list[n++] = gm->person_id;
	if (n) qsort(list, n, sizeof *list, by_text);
	*ret_person_ids = list;
	return n;
}

size_t
mesh_delegations(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_delegation ***ret)
{
	return KEPT(DELEGATION, delegation, in_domain, &domain_id, by_delegation_added);
}

/* The newest of each (thing, tag) of the product, in all logs; standing: that say a value. */
struct tags_wanted { Str product_id; bool standing; };

static bool
tag_wanted(const struct mesh *m, const struct item *it, const void *arg)
{
	const struct tag *t = (const struct tag *)it, *other;
	const struct tags_wanted *want = arg;

	if ((want->product_id.n && !str_eq(t->pub.product_id, want->product_id)) || (want->standing && t->pub.value.n == 0)) return false;
	for (other = state_tags_of(m, it->log, t->pub.product_id); other && other != t; other = other->older)
		if (str_eq(other->pub.table, t->pub.table) && str_eq(other->pub.column, t->pub.column) && str_eq(other->pub.tag, t->pub.tag)) return false;
	return true;
}

size_t
mesh_tags(const struct mesh *m, struct arena *a, Str product_id, const struct mesh_tag ***ret)
{
	return KEPT(TAG, tag, tag_wanted, (&(struct tags_wanted){product_id, true}), by_tag_at);
}

size_t
mesh_tag_changes(const struct mesh *m, struct arena *a, Str product_id, const struct mesh_tag ***ret)
{
	return KEPT(TAG, tag, tag_wanted, (&(struct tags_wanted){product_id, false}), by_tag_at);
}

static bool
comment_of(const struct mesh *m UNUSED, const struct item *it, const void *arg)
{
	const struct mesh_comment *x = &((const struct comment *)it)->pub;
	const struct mesh_request *r = arg;
	bool party = str_eq(it->log->item.id, r->consumer_domain_id) || str_eq(it->log->item.id, r->producer_domain_id);

	return party && str_eq(x->request_id, r->id) && str_eq(x->consumer_domain_id, r->consumer_domain_id);
}

size_t
mesh_comments(const struct mesh *m, struct arena *a, const struct mesh_request *r, const struct mesh_comment ***ret)
{
	return KEPT(COMMENT, comment, comment_of, r, by_comment_at);
}

static bool
exception_counts(const struct mesh *m, const struct item *it, const void *arg UNUSED)
{
	return it->log == state_center(m) && !keys_voids(it->log, ((const struct exception *)it)->pub.seq);
}

static bool
evidence_counts(const struct mesh *m, const struct item *it, const void *arg UNUSED)
{
	return it->log == state_center(m) && !keys_voids(it->log, ((const struct evidence *)it)->pub.seq);
}

size_t
mesh_exceptions(const struct mesh *m, struct arena *a, const struct mesh_exception ***ret)
{
	return KEPT(EXCEPTION, exception, exception_counts, NULL, by_exception_added);
}

static bool
review_of(const struct mesh *m UNUSED, const struct item *it, const void *arg)
{
	const Str *product_id = arg;
	const struct mesh_review *x = &((const struct review *)it)->pub;

	return (product_id->n == 0 || str_eq(x->product_id, *product_id)) && !keys_voids(it->log, x->seq);
}

size_t
mesh_reviews(const struct mesh *m, struct arena *a, Str product_id, const struct mesh_review ***ret)
{
	return KEPT(REVIEW, review, review_of, &product_id, by_review_at);
}

size_t
mesh_evidence(const struct mesh *m, struct arena *a, const struct mesh_evidence ***ret)
{
	return KEPT(EVIDENCE, evidence, evidence_counts, NULL, by_evidence_at);
}

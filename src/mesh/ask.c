/* Asking: lists, joins over logs, and the decision. */
#include <stdlib.h>

#include "mesh/state.h"

/* What the caller may see of an item, NULL for none. */
#define PUB(type, found)                                                                                                       \
	__extension__({                                                                                                        \
		const struct item *pub_it_ = (const struct item *)(found);                                                     \
		pub_it_ ? &((const struct type *)pub_it_)->pub : NULL;                                                         \
	})

const struct mesh_domain *
mesh_domain(const struct mesh *m, Str id)
{
	const struct log *log = state_log(m, id);

	return log && log->founded ? &log->pub : NULL;
}

const struct mesh_domain *
mesh_domain_by_name(const struct mesh *m, Str name)
{
	const struct log *log = state_log_named(m, name);

	return log ? &log->pub : NULL;
}

const struct mesh_product *
mesh_product(const struct mesh *m, Str id)
{
	return PUB(product, state_first(m, RECORD_PRODUCT, id));
}

const struct mesh_product *
mesh_product_by_name(const struct mesh *m, Str domain_dot_product)
{
	Str domain, product = str_cut(domain_dot_product, '.', &domain);
	const struct log *log = product.p ? state_log_named(m, domain) : NULL;

	return log ? PUB(product, state_product_named(m, log, product)) : NULL;
}

const struct mesh_table *
mesh_table_by_name(const struct mesh *m, Str domain_dot_product_dot_table, const struct mesh_product **ret_product)
{
	Str domain, product, rest = str_cut(domain_dot_product_dot_table, '.', &domain), table = str_cut(rest, '.', &product);

	if (!table.p) return NULL;
	const struct mesh_product *p = mesh_product_by_name(m, str_of(domain.p, domain.n + 1 + product.n));
	for (size_t i = 0; p && i < p->table_count; i++)
		if (str_eq(p->tables[i].policy.name, table)) {
			if (ret_product) *ret_product = p;
			return &p->tables[i];
		}
	return NULL;
}

const struct mesh_member *
mesh_member(const struct mesh *m, Str person_id)
{
	const struct item *first = state_first(m, RECORD_MEMBER, person_id), *it = first;

	while (it && !((const struct member *)it)->pub.active) it = it->same;
	return PUB(member, it ? it : first);
}

const struct mesh_grant *
mesh_grant(const struct mesh *m, Str id)
{
	return PUB(grant, state_first(m, RECORD_GRANT, id));
}

const struct mesh_grant *
mesh_grant_in(const struct mesh *m, Str domain_id, Str id)
{
	const struct log *log = state_log(m, domain_id);

	return log ? PUB(grant, state_find(m, RECORD_GRANT, log, id)) : NULL;
}

const struct mesh_request *
mesh_request(const struct mesh *m, Str id)
{
	return PUB(request, state_first(m, RECORD_REQUEST, id));
}

const struct mesh_restriction *
mesh_restriction(const struct mesh *m, Str id)
{
	const struct log *center = state_log(m, m->center);

	return center ? PUB(restriction, state_find(m, RECORD_RESTRICTION, center, id)) : NULL;
}

/* --- joins --- */

/* Only a grant to the asker, their domain or a group of it, on what was asked for, answers: ids of requests may be used twice by a stranger. */
static bool
answers(const struct policy_grant *g, const struct mesh_request *r)
{
	if (!str_eq(g->product_id, r->product_id)) return false;
	if (g->to_kind == PRINCIPAL_GROUP) return str_eq(g->to_domain_id, r->consumer_domain_id);
	return str_eq(g->to_id, g->to_kind == PRINCIPAL_PERSON ? r->person_id : r->consumer_domain_id);
}

static const struct mesh_grant *
answering_grant(const struct log *producer, const struct mesh *m, const struct mesh_request *r)
{
	const struct mesh_grant *best = NULL;

	for (const struct grant *g = state_grants_for(m, producer, r->id); g; g = g->same_request) {
		const struct policy_grant *p = &g->pub.policy;
		if (!answers(p, r)) continue;
		bool better = !best || (best->policy.revoked && !p->revoked);
		if (better || (best->policy.revoked == p->revoked && str_cmp(p->id, best->policy.id) < 0)) best = &g->pub;
	}
	return best;
}

enum request_state
mesh_request_state(const struct mesh *m, const struct mesh_request *r, Time now, const struct mesh_grant **ret_grant, Str *ret_deny_reason)
{
	const struct log *producer = state_log(m, r->producer_domain_id), *consumer = state_log(m, r->consumer_domain_id);
	const struct item *asked = consumer ? state_find(m, RECORD_REQUEST, consumer, r->id) : NULL;
	const struct item *denied = producer ? state_find(m, RECORD_ANSWER, producer, r->id) : NULL;
	const struct mesh_grant *grant = producer ? answering_grant(producer, m, r) : NULL;

	if (ret_grant) *ret_grant = grant;
	if (ret_deny_reason) *ret_deny_reason = !grant && denied ? ((const struct answer *)denied)->reason : (Str){"", 0};
	if (grant) return REQUEST_APPROVED;
	if (asked && ((const struct request *)asked)->withdrawn) return REQUEST_WITHDRAWN;
	if (denied) return REQUEST_DENIED;
	if (r->draft) return REQUEST_DRAFT;
	return now - r->opened >= REQUEST_LIFE_DAYS * TIME_DAY ? REQUEST_EXPIRED : REQUEST_PENDING;
}

/* --- lists --- */

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

static int
by_domain_name(const void *a, const void *b)
{
	const struct mesh_domain *x = *(const struct mesh_domain *const *)a, *y = *(const struct mesh_domain *const *)b;
	int r = str_cmp(x->name, y->name);

	return r ? r : str_cmp(x->id, y->id);
}

static int
by_opened(const void *a, const void *b)
{
	const struct mesh_request *x = *(const struct mesh_request *const *)a, *y = *(const struct mesh_request *const *)b;
	int r = ORDER(x->opened, y->opened);

	return r ? r : str_cmp(x->id, y->id);
}

static int
by_grant_added(const void *a, const void *b)
{
	const struct mesh_grant *x = *(const struct mesh_grant *const *)a, *y = *(const struct mesh_grant *const *)b;
	int r = ORDER(x->added, y->added);

	return r ? r : str_cmp(x->policy.id, y->policy.id);
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
mesh_members(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_member ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_MEMBER, &items), count = 0;
	const struct mesh_member **list = NEW_N(a, n, const struct mesh_member *);

	for (size_t i = 0; i < n; i++)
		if (domain_id.n == 0 || str_eq(items[i]->log->item.id, domain_id)) list[count++] = &((const struct member *)items[i])->pub;
	free(items);
	*ret = list;
	return count;
}

size_t
mesh_grants(const struct mesh *m, struct arena *a, const struct mesh_grant ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_GRANT, &items);
	const struct mesh_grant **list = NEW_N(a, n, const struct mesh_grant *);

	for (size_t i = 0; i < n; i++) list[i] = &((const struct grant *)items[i])->pub;
	free(items);
	qsort(list, n, sizeof *list, by_grant_added);
	*ret = list;
	return n;
}

size_t
mesh_requests(const struct mesh *m, struct arena *a, const struct mesh_request ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_REQUEST, &items);
	const struct mesh_request **list = NEW_N(a, n, const struct mesh_request *);

	for (size_t i = 0; i < n; i++) list[i] = &((const struct request *)items[i])->pub;
	free(items);
	qsort(list, n, sizeof *list, by_opened);
	*ret = list;
	return n;
}

size_t
mesh_restrictions(const struct mesh *m, struct arena *a, const struct mesh_restriction ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_RESTRICTION, &items), count = 0;
	const struct mesh_restriction **list = NEW_N(a, n, const struct mesh_restriction *);

	for (size_t i = 0; i < n; i++)
		if (str_eq(items[i]->log->item.id, m->center)) list[count++] = &((const struct restriction *)items[i])->pub;
	free(items);
	qsort(list, count, sizeof *list, by_restriction_added);
	*ret = list;
	return count;
}

/* --- the decision --- */

static size_t
grants_add(const struct mesh *m, const struct grant *g, const struct policy_grant **list, size_t n)
{
	for (; g; g = g->same_pair)
		if (suppose_counts(m, g)) {
			if (list) list[n] = &g->pub.policy;
			n++;
		}
	return n;
}

static int
by_grant_id(const void *a, const void *b)
{
	const struct policy_grant *x = *(const struct policy_grant *const *)a, *y = *(const struct policy_grant *const *)b;

	return str_cmp(x->id, y->id);
}

static size_t
restrictions_live(const struct mesh *m, struct arena *a, Str product_id, const struct policy_restriction *const **ret)
{
	const struct log *center = state_log(m, m->center);
	const struct restriction *first = center ? center->restrictions : NULL, *r;
	const struct policy_restriction **list;
	size_t n = 0;

	for (r = first; r; r = r->next) n++;
	list = NEW_N(a, n, const struct policy_restriction *);
	n = 0;
	for (r = first; r; r = r->next) {
		const struct policy_restriction *p = &r->pub.policy;
		if (!p->lifted && (p->product_id.n == 0 || str_eq(p->product_id, product_id))) list[n++] = p;
	}
	*ret = list;
	return suppose_restrictions(m, a, product_id, ret, n);
}

/* Fill in the grants and restrictions that bear on the question, and decide. */
static void
decide(const struct mesh *m, struct arena *a, const struct mesh_product *product, struct policy_question *q, struct policy_trace *trace,
       struct policy_decision *ret)
{
	const struct log *producer = state_log(m, product->domain_id);
	Str person = q->who->person_id, domain = q->who->domain_id;
	const struct grant *direct = person.n ? state_grants_of(m, producer, product->id, person) : NULL;
	const struct grant *shared = domain.n ? state_grants_of(m, producer, product->id, domain) : NULL;
	size_t n = grants_add(m, shared, NULL, grants_add(m, direct, NULL, 0));
	const struct policy_grant **grants = NEW_N(a, n, const struct policy_grant *);

	grants_add(m, shared, grants, grants_add(m, direct, grants, 0));
	if (n > 1) qsort(grants, n, sizeof *grants, by_grant_id); /* so that an explanation does not depend on how the state came about */
	q->grants = grants;
	q->grant_count = n;
	q->restriction_count = restrictions_live(m, a, product->id, &q->restrictions);
	policy_decide(a, q, trace, ret);
}

static struct policy_principal
principal_of(const struct mesh *m, Str person_id)
{
	const struct mesh_member *member = mesh_member(m, person_id);
	const struct mesh_domain *domain = member ? mesh_domain(m, member->domain_id) : NULL;

	return (struct policy_principal){
	    .person_id = person_id,
	    .domain_id = member ? member->domain_id : (Str){"", 0},
	    .is_owner = member && member->role == ROLE_OWNER,
	    .active = member && member->active,
	    .handed_to_all = domain && !domain->handing_named,
	};
}

void
mesh_decide(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product, const struct mesh_table *table,
            Str purpose, enum interaction interaction, uint32_t level, Time now, struct policy_trace *trace, struct policy_decision *ret)
{
	struct policy_principal who = principal_of(m, person_id);
	struct policy_question q = {.who = &who, .table = &table->policy, .purpose = purpose, .interaction = interaction,
	                            .level = level, .now = now};

	decide(m, a, product, &q, trace, ret);
}

void
mesh_decide_any_purpose(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product,
                        const struct mesh_table *table, Time now, struct policy_decision *ret)
{
	struct policy_principal who = principal_of(m, person_id);
	struct policy_question q = {.who = &who, .table = &table->policy, .any_purpose = true, .interaction = INTERACT_SQL, .level = UINT32_MAX,
	                            .now = now};

	decide(m, a, product, &q, NULL, ret);
}

void
mesh_explain(const struct mesh *m, struct arena *a, enum principal_kind kind, Str id, const struct mesh_product *product,
             const struct mesh_table *table, Str purpose, Time now, struct policy_trace *trace, struct policy_decision *ret)
{
	struct policy_principal who = {.person_id = {"", 0}, .domain_id = id, .active = true, .handed_to_all = true};
	struct policy_question q = {.who = &who, .table = &table->policy, .purpose = purpose, .any_purpose = purpose.n == 0,
	                            .interaction = INTERACT_SQL, .level = UINT32_MAX, .now = now};

	if (kind == PRINCIPAL_PERSON) who = principal_of(m, id);
	decide(m, a, product, &q, trace, ret);
}

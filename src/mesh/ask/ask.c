/* Single things, and how a request stands. */
#include "mesh/ask/ask.h"

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
	const struct item *first = state_first(m, RECORD_MEMBER, person_id), *active = NULL;

	for (const struct item *it = first; it; it = it->same) {
		const struct member *one = (const struct member *)it;
		if (!one->pub.active) continue;
		if (!keys_voids(it->log, one->pub.set_seq)) return &one->pub;
		if (!active) active = it; /* a claim said with a stolen key stands behind every other */
	}
	return PUB(member, active ? active : first);
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
	const struct log *center = state_center(m);

	return center ? PUB(restriction, state_find(m, RECORD_RESTRICTION, center, id)) : NULL;
}

const struct mesh_group *
mesh_group_in(const struct mesh *m, Str domain_id, Str id)
{
	const struct log *log = state_log(m, domain_id);

	return log ? PUB(group, state_find(m, RECORD_GROUP, log, id)) : NULL;
}

const struct mesh_delegation *
mesh_delegation(const struct mesh *m, Str domain_id, Str id)
{
	const struct log *log = state_log(m, domain_id);

	return log ? PUB(delegation, state_find(m, RECORD_DELEGATION, log, id)) : NULL;
}

const struct mesh_tag *
mesh_tag_in(const struct mesh *m, Str domain_id, Str tag_set_id)
{
	const struct log *log = state_log(m, domain_id);

	return log ? PUB(tag, state_find(m, RECORD_TAG, log, tag_set_id)) : NULL;
}

/* --- requests --- */

bool
ask_answers(const struct policy_grant *g, const struct mesh_request *r)
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
		if (!ask_answers(p, r)) continue;
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

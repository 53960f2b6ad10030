/* Controls about people: who answers for what, who left, who looked at it. */
#include "policy/controls_run.h"

static const Time HOUR = 3600 * TIME_SECOND, REVIEW_DAYS = 90 * TIME_DAY;

/* --- C01 --- */

struct owners {
	size_t humans;   /* different ones */
	Time last_ended; /* of those who left */
};

static struct owners
owners_of(const struct control_run *r, Str domain_id)
{
	struct owners o = {0};
	size_t from, to;

	run_people(r, domain_id, &from, &to);
	for (size_t i = from; i < to; i++) {
		const struct posture_person *p = r->index->people[i];
		bool again = !p->owner || !p->active || p->service;
		if (p->owner && !p->active && p->ended > o.last_ended) o.last_ended = p->ended;
		for (size_t k = from; k < i && !again; k++) {
			const struct posture_person *other = r->index->people[k];
			again = other->owner && other->active && !other->service && str_eq(other->human_id, p->human_id);
		}
		o.humans += !again;
	}
	return o;
}

void
check_C01(struct control_run *r)
{
	for (size_t i = 0; i < r->f->domains_count && run_goes_on(r); i++) {
		const struct posture_domain *d = &r->f->domains[i];
		Time first = TIME_FOREVER;
		size_t from, to;
		run_products(r, d->id, &from, &to);
		if (from == to) continue;
		r->examined++;
		for (size_t k = from; k < to; k++)
			if (r->index->products[k]->first_published < first) first = r->index->products[k]->first_published;
		struct owners o = owners_of(r, d->id);
		if (o.humans >= 2) continue;
		Time since = o.last_ended > first ? o.last_ended : first;
		if (o.last_ended > 0 && r->now - o.last_ended <= TIME_DAY) continue; /* a day to find somebody */
		struct finding *f = run_find(r, d->id, d->name, since, d->ref);
		f->severity = o.humans == 0 ? SEVERITY_CRITICAL : f->severity;
		f->text = TEXT(r, "%.*s has %zu live product%s and %s", STR(d->name), to - from, to - from == 1 ? "" : "s",
		               o.humans == 0 ? "no active owner" : "one owner, without a deputy");
		f->remedy = TEXT(r, "heddle user add NAME --domain %.*s --role owner", STR(d->name));
	}
}

/* --- C06 --- */

static bool
sensitive(const struct policy_table *t)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (column_rank(&t->columns[i]) >= RANK_CONFIDENTIAL || column_personal(&t->columns[i])) return true;
	return false;
}

/* Would a grant that only this owner stands behind count? Asked of the decision itself, with a grant that nobody made. */
static bool
alone_suffices(struct control_run *r, const struct posture_person *owner, const struct policy_table *t)
{
	static const Str purpose = S("any"), somebody = S("somebody");
	struct policy_approval one = {.log_id = t->domain_id, .person_id = owner->person_id, .human_id = owner->human_id, .role = 1};
	struct policy_grant g = {.id = S("grt_none"), .issuer_domain_id = t->domain_id, .product_id = t->product_id, .table = t->name,
	                         .to_kind = PRINCIPAL_PERSON, .to_id = somebody, .purposes = &purpose, .purpose_count = 1, .from = r->now,
	                         .until = r->now + TIME_SECOND, .interactions = INTERACT_SQL, .approvals = &one, .approval_count = 1};
	const struct policy_grant *grants[] = {&g};
	struct policy_principal who = {.person_id = somebody, .domain_id = somebody, .active = true, .handed_to_all = true};
	struct policy_question q = {.who = &who, .table = t, .purpose = purpose, .interaction = INTERACT_SQL, .level = UINT32_MAX, .now = r->now,
	                            .grants = grants, .grant_count = 1, .restrictions = r->f->restrictions,
	                            .restriction_count = r->f->restrictions_count};
	struct policy_decision d;

	policy_decide(r->a, &q, NULL, &d);
	return d.verdict == VERDICT_ALLOW;
}

static bool
anybody_alone(struct control_run *r, const struct posture_product *p)
{
	size_t from, to;

	run_people(r, p->domain_id, &from, &to);
	for (size_t t = 0; t < p->table_count; t++) {
		if (!sensitive(p->tables[t])) continue;
		for (size_t i = from; i < to; i++) {
			const struct posture_person *o = r->index->people[i];
			if (o->owner && o->active && !o->service && alone_suffices(r, o, p->tables[t])) return true;
		}
	}
	return false;
}

void
check_C06(struct control_run *r)
{
	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		const struct posture_grant *g = &r->f->grants[i];
		const struct policy_grant *p = g->policy;
		r->examined++;
		if (p->revoked || p->asker_human_id.n == 0 || p->approval_count == 0) continue;
		if (!str_eq(p->approvals[0].human_id, p->asker_human_id)) continue;
		struct finding *f = run_find(r, p->issuer_domain_id, run_subject(r, p), g->added, g->ref);
		f->severity = SEVERITY_CRITICAL;
		f->person_id = p->approvals[0].person_id;
		f->text = TEXT(r, "grant %.*s answers a request of the very person who granted it", STR(p->id));
		f->remedy = TEXT(r, "heddle revoke %.*s", STR(p->id));
	}
	for (size_t i = 0; i < r->f->products_count && run_goes_on(r); i++) {
		const struct posture_product *p = &r->f->products[i];
		r->examined++;
		if (!anybody_alone(r, p)) continue;
		struct finding *f = run_find(r, p->domain_id, p->name, p->first_published, p->ref);
		f->severity = SEVERITY_MEDIUM; /* it may happen, it has not */
		f->text = TEXT(r, "%.*s has confidential or personal data, and one owner alone can lower its tags and grant it", STR(p->name));
		f->remedy = TEXT(r, "heddle policy add FILE  # a policy for %.*s with approvals: 2", STR(p->name));
	}
}

/* --- C08 --- */

/* Active in any domain: a grant to a person follows them. *ret_ended: when they left the last one, 0 when never there. */
static bool
still_there(const struct control_run *r, Str person_id, Time *ret_ended)
{
	size_t from, to;

	*ret_ended = 0;
	run_memberships(r, person_id, &from, &to);
	for (size_t i = from; i < to; i++) {
		const struct posture_person *p = r->index->by_id[i];
		if (p->active) return true;
		if (p->ended > *ret_ended) *ret_ended = p->ended;
	}
	return false;
}

static bool
group_there(const struct control_run *r, Str domain_id, Str id)
{
	const struct posture_group *g = run_group(r, domain_id, id);

	return g && !g->ended;
}

static bool
left_since(const struct control_run *r, enum principal_kind kind, Str id, Str domain_id, Time added, Time *ret_since)
{
	Time ended = 0;

	if (kind == PRINCIPAL_DOMAIN || (kind == PRINCIPAL_GROUP && group_there(r, domain_id, id))) return false;
	if (kind == PRINCIPAL_PERSON && still_there(r, id, &ended)) return false;
	*ret_since = ended > added ? ended : added;
	return r->now - *ret_since > HOUR;
}

void
check_C08(struct control_run *r)
{
	Time since;

	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		const struct posture_grant *g = &r->f->grants[i];
		const struct policy_grant *p = g->policy;
		if (!grant_live(p, r->now)) continue;
		r->examined++;
		if (!left_since(r, p->to_kind, p->to_id, p->to_domain_id, g->added, &since)) continue;
		struct finding *f = run_find(r, p->issuer_domain_id, run_subject(r, p), since, g->ref);
		if (p->to_kind == PRINCIPAL_PERSON) f->person_id = p->to_id;
		f->text = TEXT(r, "grant %.*s names a %s that is no longer there", STR(p->id), p->to_kind == PRINCIPAL_PERSON ? "person" : "group");
		f->remedy = TEXT(r, "heddle revoke %.*s", STR(p->id));
	}
	for (size_t i = 0; i < r->f->delegations_count && run_goes_on(r); i++) {
		const struct posture_delegation *g = &r->f->delegations[i];
		const struct policy_delegation *p = g->policy;
		if (p->ended || p->voided || r->now < p->from || r->now >= p->until) continue;
		r->examined++;
		if (!left_since(r, p->to_kind, p->to_id, p->domain_id, g->added, &since)) continue;
		struct finding *f = run_find(r, p->domain_id, TEXT(r, "%.*s/%.*s", STR(run_domain_name(r, p->domain_id)), STR(p->id)), since, g->ref);
		if (p->to_kind == PRINCIPAL_PERSON) f->person_id = p->to_id;
		f->text = TEXT(r, "delegation %.*s names a %s that is no longer there", STR(p->id), p->to_kind == PRINCIPAL_PERSON ? "person" : "group");
		f->remedy = TEXT(r, "heddle undelegate %.*s", STR(p->id));
	}
}

/* --- C09 --- */

void
check_C09(struct control_run *r)
{
	for (size_t i = 0; i < r->f->products_count && run_goes_on(r); i++) {
		const struct posture_product *p = &r->f->products[i];
		struct posture_ref ref = p->ref;
		Time last = 0;
		if (product_rank(p) < RANK_RESTRICTED) continue;
		r->examined++;
		for (size_t k = 0; k < r->f->reviews_count; k++) {
			const struct posture_review *v = &r->f->reviews[k];
			if (!str_eq(v->product_id, p->id) || !str_eq(v->domain_id, p->domain_id) || v->at <= last) continue;
			last = v->at;
			ref = v->ref;
		}
		Time since = (last > p->first_published ? last : p->first_published) + REVIEW_DAYS;
		if (r->now <= since) continue;
		struct finding *f = run_find(r, p->domain_id, p->name, since, ref);
		f->text = TEXT(r, "who has access to %.*s was last reviewed: %.*s", STR(p->name), STR(run_date(r, last)));
		f->remedy = TEXT(r, "heddle review %.*s", STR(p->name));
	}
	if (r->examined == 0) r->note = S("no product has data classified restricted or above");
}

#include "policy/controls_run.h"

/* --- findings --- */

static Str
owner_of(const struct control_run *r, Str domain_id)
{
	size_t from, to;

	run_people(r, domain_id, &from, &to);
	if (from == to) return S("");
	const struct posture_person *p = r->index->people[from]; /* active owners come first */
	return p->owner && p->active && !p->service ? p->person_id : S("");
}

static Str
center_of(const struct control_run *r)
{
	for (size_t i = 0; i < r->f->domains_count; i++)
		if (r->f->domains[i].center) return r->f->domains[i].id;
	return S("");
}

struct finding *
run_find(struct control_run *r, Str domain_id, Str subject, Time since, struct posture_ref ref)
{
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct finding *more = NEW_N(r->a, cap, struct finding);
		if (r->count) memcpy(more, r->findings, r->count * sizeof *more);
		r->findings = more;
		r->cap = cap;
	}
	struct finding *f = &r->findings[r->count++];
	*f = (struct finding){.control = r->id, .severity = r->control->severity, .subject = subject, .since = since, .ref = ref};
	f->domain_id = domain_id.n ? domain_id : center_of(r);
	f->owner_id = owner_of(r, f->domain_id);
	if (f->owner_id.n == 0) f->owner_id = owner_of(r, center_of(r));
	f->due = since + (Time)r->control->days * TIME_DAY;
	return f;
}

bool
run_unknown(struct control_run *r, Str what)
{
	if (!r->f->past) return false;
	r->not_applicable = true;
	r->note = TEXT(r, "%.*s: no log tells how that was then", STR(what));
	return true;
}

Str
run_date(struct control_run *r, Time t)
{
	char text[TIME_TEXT_MAX];

	if (t <= 0) return S("never");
	time_format(t, text);
	return arena_str(r->a, str_of(text, 10));
}

/* --- looking up --- */

Str
run_domain_name(const struct control_run *r, Str id)
{
	for (size_t i = 0; i < r->f->domains_count; i++)
		if (str_eq(r->f->domains[i].id, id)) return r->f->domains[i].name;
	return str_of(id.p, id.n < 12 ? id.n : 12);
}

void
run_products(const struct control_run *r, Str domain_id, size_t *ret_from, size_t *ret_to)
{
	size_t low = 0, high = r->f->products_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (str_cmp(r->index->products[mid]->domain_id, domain_id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_from = low;
	while (low < r->f->products_count && str_eq(r->index->products[low]->domain_id, domain_id)) low++;
	*ret_to = low;
}

void
run_people(const struct control_run *r, Str domain_id, size_t *ret_from, size_t *ret_to)
{
	size_t low = 0, high = r->f->people_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (str_cmp(r->index->people[mid]->domain_id, domain_id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_from = low;
	while (low < r->f->people_count && str_eq(r->index->people[low]->domain_id, domain_id)) low++;
	*ret_to = low;
}

const struct posture_product *
run_product(const struct control_run *r, Str domain_id, Str id)
{
	size_t low = 0, high = r->f->products_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct posture_product *p = r->index->products[mid];
		int by = str_cmp(p->domain_id, domain_id);
		if (by == 0) by = str_cmp(p->id, id);
		if (by == 0) return p;
		if (by < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void
run_memberships(const struct control_run *r, Str person_id, size_t *ret_from, size_t *ret_to)
{
	size_t low = 0, high = r->f->people_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (str_cmp(r->index->by_id[mid]->person_id, person_id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_from = low;
	while (low < r->f->people_count && str_eq(r->index->by_id[low]->person_id, person_id)) low++;
	*ret_to = low;
}

const struct posture_grant *
run_grant(const struct control_run *r, Str domain_id, Str id)
{
	size_t low = 0, high = r->f->grants_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct posture_grant *g = r->index->grants[mid];
		int by = str_cmp(g->policy->id, id);
		if (by == 0) by = str_cmp(g->policy->issuer_domain_id, domain_id);
		if (by == 0) return g;
		if (by < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

Str
run_subject(struct control_run *r, const struct policy_grant *g)
{
	return TEXT(r, "%.*s/%.*s", STR(run_domain_name(r, g->issuer_domain_id)), STR(g->id));
}

/* --- grants --- */

bool
grant_live(const struct policy_grant *g, Time now)
{
	return !g->revoked && !g->voided && now >= g->from && (g->until == TIME_FOREVER || now < g->until);
}

struct grant_tables
grant_tables(const struct control_run *r, const struct policy_grant *g)
{
	struct grant_tables it = {.r = r, .g = g};

	run_products(r, g->issuer_domain_id, &it.at, &it.end);
	return it;
}

/* Whether a grant by tags fits the table is for the decision to say. */
bool
grant_tables_next(struct grant_tables *it)
{
	for (; it->at < it->end; it->at++, it->table = 0) {
		it->product = it->r->index->products[it->at];
		if (it->g->product_id.n && !str_eq(it->g->product_id, it->product->id)) continue;
		while (it->table < it->product->table_count) {
			it->t = it->product->tables[it->table++];
			if (it->g->table.n == 0 || str_eq(it->g->table, it->t->name)) return true;
		}
	}
	return false;
}

static struct policy_principal
holder_of(const struct control_run *r, const struct policy_grant *g)
{
	struct policy_principal who = {.active = true, .handed_to_all = true};
	size_t from, to;

	switch (g->to_kind) {
	case PRINCIPAL_DOMAIN: who.domain_id = g->to_id; break;
	case PRINCIPAL_PERSON:
		who.person_id = g->to_id;
		run_memberships(r, g->to_id, &from, &to);
		for (size_t i = from; i < to && !who.domain_id.n; i++) /* of the smallest domain id, as the decision does */
			if (r->index->by_id[i]->active) who.domain_id = r->index->by_id[i]->domain_id;
		break;
	case PRINCIPAL_GROUP:
		who.domain_id = g->to_domain_id;
		who.groups = &g->to_id;
		who.group_count = 1;
		break;
	}
	if (who.person_id.n == 0) who.person_id = S("any"); /* no id of a person */
	return who;
}

bool
grant_reads(struct control_run *r, const struct policy_grant *g, const struct policy_table *t, struct policy_decision *ret)
{
	struct policy_principal who = holder_of(r, g);
	struct policy_grant always = *g;
	const struct policy_grant *grants[] = {&always};
	struct policy_question q = {.who = &who, .table = t, .any_purpose = true, .level = UINT32_MAX, .now = r->now, .grants = grants,
	                            .grant_count = 1, .restrictions = r->f->restrictions, .restriction_count = r->f->restrictions_count};

	always.terms.hours = (struct policy_hours){0};
	q.interaction = (enum interaction)(g->interactions & (~g->interactions + 1)); /* one that it is for */
	policy_decide(r->a, &q, NULL, ret);
	return ret->verdict == VERDICT_ALLOW;
}

/* --- classes --- */

int
rank_of_class(Str classification)
{
	static const char *const known[] = {"public", "internal", "confidential", "restricted"};

	if (classification.n == 0) return RANK_NONE;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eqc(classification, known[i])) return (int)i;
	return RANK_UNKNOWN;
}

static Str
tag_of(const struct policy_column *c, const char *name)
{
	for (size_t i = 0; i < c->tags.count; i++)
		if (str_eqc(c->tags.list[i].name, name)) return c->tags.list[i].value;
	return S("");
}

int
column_rank(const struct policy_column *c)
{
	int contract = rank_of_class(c->classification), tag = rank_of_class(tag_of(c, "classification"));

	return contract > tag ? contract : tag;
}

bool
column_personal(const struct policy_column *c)
{
	Str tag = tag_of(c, "classification");

	return tag_of(c, "personal_data").n > 0 || str_eqc(c->classification, "personal") || str_eqc(c->classification, "pii") ||
	       str_eqc(tag, "personal") || str_eqc(tag, "pii");
}

int
product_rank(const struct posture_product *p)
{
	int highest = RANK_NONE;

	for (size_t i = 0; i < p->table_count; i++)
		for (size_t m = 0; m < p->tables[i]->column_count; m++) {
			int rank = column_rank(&p->tables[i]->columns[m]);
			if (rank > highest) highest = rank;
		}
	return highest;
}

/* Controls about grants: what they show, how long, for what. */
#include "policy/controls_run.h"

static const Time DAYS_90 = 90 * TIME_DAY, DAYS_365 = 365 * TIME_DAY;

/* "stores.transactions.transactions.card" */
static Str
column_name(struct control_run *r, const struct grant_tables *it, const struct policy_column *c)
{
	return TEXT(r, "%.*s.%.*s.%.*s", STR(it->product->name), STR(it->t->name), STR(c->name));
}

static bool
any_column(const struct policy_table *t, bool (*is)(const struct policy_column *c))
{
	for (size_t i = 0; i < t->column_count; i++)
		if (is(&t->columns[i])) return true;
	return false;
}

/* --- C02 --- */

static void
open_columns(struct control_run *r, const struct posture_grant *g, const struct grant_tables *it, const struct policy_decision *d)
{
	for (size_t i = 0; i < it->t->column_count; i++) {
		const struct policy_column *c = &it->t->columns[i];
		if (!column_personal(c) || d->columns[i].hidden || d->columns[i].mask != MASK_NONE) continue;
		Str name = column_name(r, it, c), grant = run_subject(r, g->policy);
		struct finding *f = run_find(r, g->policy->issuer_domain_id, TEXT(r, "%.*s/%.*s", STR(grant), STR(name)), g->added, g->ref);
		f->text = TEXT(r, "%.*s is personal data and grant %.*s shows it unmasked in all rows", STR(name), STR(g->policy->id));
		f->remedy = TEXT(r, "heddle revoke %.*s  # and grant again with --mask %.*s=hash, --hide or --rows", STR(g->policy->id), STR(c->name));
	}
}

void
check_C02(struct control_run *r)
{
	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		const struct posture_grant *g = &r->f->grants[i];
		struct policy_decision d;
		if (!grant_live(g->policy, r->now)) continue;
		r->examined++;
		for (struct grant_tables it = grant_tables(r, g->policy); grant_tables_next(&it);)
			if (any_column(it.t, column_personal) && grant_reads(r, g->policy, it.t, &d) && !d.rows && d.terms.min_group == 0)
				open_columns(r, g, &it, &d);
	}
}

/* --- C03 --- */

/* When it ends in effect: the center may have capped it. */
static Time
effective_until(struct control_run *r, const struct policy_grant *g, int *ret_rank)
{
	Time until = 0;
	struct policy_decision d;

	*ret_rank = RANK_NONE;
	for (struct grant_tables it = grant_tables(r, g); grant_tables_next(&it);) {
		if (!grant_reads(r, g, it.t, &d)) continue;
		if (d.until > until) until = d.until;
		for (size_t i = 0; i < it.t->column_count; i++) {
			int rank = column_rank(&it.t->columns[i]);
			if (!d.columns[i].hidden && rank > *ret_rank) *ret_rank = rank;
		}
	}
	return until > 0 && until < g->until ? until : g->until;
}

void
check_C03(struct control_run *r)
{
	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		const struct posture_grant *g = &r->f->grants[i];
		const struct policy_grant *p = g->policy;
		int rank;
		if (!grant_live(p, r->now)) continue;
		r->examined++;
		Time until = effective_until(r, p, &rank), from = p->from > g->added ? p->from : g->added;
		Time most = rank >= RANK_RESTRICTED ? DAYS_90 : DAYS_365;
		if (until != TIME_FOREVER && until - from <= most + TIME_DAY) continue; /* a date includes its day */
		struct finding *f = run_find(r, p->issuer_domain_id, run_subject(r, p), g->added, g->ref);
		if (until == TIME_FOREVER)
			f->text = TEXT(r, "grant %.*s never ends; %d days are the most%s", STR(p->id), (int)(most / TIME_DAY),
			               most == DAYS_90 ? " on restricted data" : "");
		else
			f->text = TEXT(r, "grant %.*s runs for %lld days, until %.*s; %d are the most%s", STR(p->id), (long long)((until - from) / TIME_DAY),
			               STR(run_date(r, until)), (int)(most / TIME_DAY), most == DAYS_90 ? " on restricted data" : "");
		f->remedy = TEXT(r, "heddle revoke %.*s  # and grant again with --until within %d days", STR(p->id), (int)(most / TIME_DAY));
	}
}

/* --- C04 --- */

void
check_C04(struct control_run *r)
{
	if (run_unknown(r, S("use"))) return;
	if (r->f->usage_since == TIME_FOREVER) {
		r->not_applicable = true;
		r->note = S("this node keeps no record of use");
		return;
	}
	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		const struct posture_grant *g = &r->f->grants[i];
		Time idle_since = g->added > g->policy->from ? g->added : g->policy->from;
		if (!grant_live(g->policy, r->now)) continue;
		r->examined++;
		if (r->f->usage_since > idle_since) idle_since = r->f->usage_since; /* what was before, nobody knows */
		if (g->last_used > idle_since) idle_since = g->last_used;
		if (r->now - idle_since <= DAYS_90) continue;
		struct finding *f = run_find(r, g->policy->issuer_domain_id, run_subject(r, g->policy), idle_since + DAYS_90, g->ref);
		f->text = g->last_used > 0 ? TEXT(r, "grant %.*s was last used on %.*s", STR(g->policy->id), STR(run_date(r, g->last_used)))
		                           : TEXT(r, "grant %.*s was never used since %.*s", STR(g->policy->id), STR(run_date(r, idle_since)));
		f->remedy = TEXT(r, "heddle revoke %.*s", STR(g->policy->id));
	}
}

/* --- C05 --- */

static bool
for_any(const struct policy_grant *g)
{
	for (size_t i = 0; i < g->purpose_count; i++)
		if (str_eqc(g->purposes[i], "*")) return true;
	return g->purpose_count == 0;
}

static bool
granted_for(const struct policy_grant *g, Str used)
{
	for (size_t i = 0; i < g->purpose_count; i++)
		if (policy_purpose_within(g->purposes[i], used)) return true;
	return for_any(g);
}

static bool
known_purpose(const struct control_run *r, Str purpose)
{
	for (size_t i = 0; i < r->f->purposes_count; i++)
		if (str_eq(r->f->purposes[i], purpose)) return true;
	return r->f->purposes_count == 0;
}

static void
purposes_of(struct control_run *r, const struct posture_grant *g)
{
	const struct policy_grant *p = g->policy;
	Str subject = run_subject(r, p);

	if (for_any(p)) {
		struct finding *f = run_find(r, p->issuer_domain_id, subject, g->added, g->ref);
		f->text = TEXT(r, "grant %.*s is for any purpose", STR(p->id));
		f->remedy = TEXT(r, "heddle revoke %.*s  # and grant again with the purposes it is for", STR(p->id));
		return;
	}
	for (size_t i = 0; i < p->purpose_count; i++) {
		if (known_purpose(r, p->purposes[i])) continue;
		struct finding *f = run_find(r, p->issuer_domain_id, TEXT(r, "%.*s/%.*s", STR(subject), STR(p->purposes[i])), g->added, g->ref);
		f->severity = SEVERITY_LOW; /* such a use is refused */
		f->text = TEXT(r, "grant %.*s is for '%.*s', which is none of the center's purposes", STR(p->id), STR(p->purposes[i]));
		f->remedy = TEXT(r, "heddle revoke %.*s  # and grant again for a known purpose", STR(p->id));
	}
}

static void
uses_of(struct control_run *r, const struct policy_grant *g)
{
	size_t from, to;

	run_uses(r, g, &from, &to);
	for (; from < to; from++) {
		const struct posture_use *u = r->index->uses[from];
		if (granted_for(g, u->purpose)) continue;
		struct finding *f = run_find(r, u->issuer_domain_id, TEXT(r, "%.*s/use/%.*s", STR(run_subject(r, g)), STR(u->purpose)), u->last, u->ref);
		f->severity = SEVERITY_CRITICAL;
		f->text = TEXT(r, "grant %.*s was used %llu times for '%.*s', last on %.*s, which it is not for", STR(u->grant_id),
		               (unsigned long long)u->count, STR(u->purpose), STR(run_date(r, u->last)));
		f->remedy = TEXT(r, "heddle revoke %.*s", STR(u->grant_id));
	}
}

void
check_C05(struct control_run *r)
{
	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		if (!grant_live(r->f->grants[i].policy, r->now)) continue;
		r->examined++;
		purposes_of(r, &r->f->grants[i]);
	}
	r->examined += r->f->uses_count;
	for (size_t i = 0; r->f->uses_count && i < r->f->grants_count && run_goes_on(r); i++) uses_of(r, r->f->grants[i].policy);
}

/* --- C07 --- */

static bool
column_confidential(const struct policy_column *c)
{
	return column_rank(c) >= RANK_CONFIDENTIAL || column_personal(c);
}

static const struct policy_column *
shown_confidential(const struct policy_table *t, const struct policy_decision *d)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (column_confidential(&t->columns[i]) && !d->columns[i].hidden && d->columns[i].mask == MASK_NONE) return &t->columns[i];
	return NULL;
}

static void
open_door(struct control_run *r, const struct posture_grant *g)
{
	struct policy_decision d;

	for (struct grant_tables it = grant_tables(r, g->policy); grant_tables_next(&it);) {
		if (!any_column(it.t, column_confidential) || !grant_reads(r, g->policy, it.t, &d)) continue;
		const struct policy_column *c = shown_confidential(it.t, &d);
		if (!c || d.terms.min_group > 0) continue;
		struct finding *f = run_find(r, g->policy->issuer_domain_id, run_subject(r, g->policy), g->added, g->ref);
		f->text = g->policy->tags ? TEXT(r, "grant %.*s opens what will be published later too, and already %.*s", STR(g->policy->id), STR(column_name(r, &it, c)))
		                          : TEXT(r, "grant %.*s opens %.*s to a whole domain for any purpose", STR(g->policy->id), STR(column_name(r, &it, c)));
		f->remedy = TEXT(r, "heddle revoke %.*s  # and grant again to whom needs it, for a purpose", STR(g->policy->id));
		return;
	}
}

void
check_C07(struct control_run *r)
{
	for (size_t i = 0; i < r->f->grants_count && run_goes_on(r); i++) {
		const struct policy_grant *g = r->f->grants[i].policy;
		if (!grant_live(g, r->now)) continue;
		r->examined++;
		if ((g->to_kind == PRINCIPAL_DOMAIN && for_any(g)) || (g->tags && g->future)) open_door(r, &r->f->grants[i]);
	}
}

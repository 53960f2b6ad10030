#include "policy/controls_run.h"

#include <stdlib.h>

const struct control controls[CONTROL_COUNT] = {
#define CONTROL(id, severity, days, title, checked, gdpr, soc2, iso)                                                           \
	[CONTROL_##id] = {#id, SEVERITY_##severity, days, title, checked, gdpr, soc2, iso, check_##id},
#include "policy/controls.def"
#undef CONTROL
};

const char *
severity_name(enum severity s)
{
	static const char *const names[SEVERITY_COUNT] = {"low", "medium", "high", "critical"};

	return s < SEVERITY_COUNT ? names[s] : "critical";
}

const char *
control_status_name(enum control_status s)
{
	return s == CONTROL_PASS ? "pass" : s == CONTROL_NOT_APPLICABLE ? "not_applicable" : "fail";
}

bool
control_parse(Str text, enum control_id *ret)
{
	for (size_t i = 0; i < CONTROL_COUNT; i++)
		if (str_eqc(text, controls[i].id)) {
			*ret = (enum control_id)i;
			return true;
		}
	return false;
}

/* --- one control --- */

/* An exception that stands now; of several the one that lasts longest, then the smaller id. */
static const struct posture_exception *
accepted_by(const struct control_run *r, Str subject)
{
	const struct posture_exception *best = NULL;

	for (size_t i = 0; i < r->f->exceptions_count; i++) {
		const struct posture_exception *x = &r->f->exceptions[i];
		if (x->ended || r->now >= x->until || !str_eqc(x->control, r->control->id) || !str_eq(x->subject, subject)) continue;
		if (!best || x->until > best->until || (x->until == best->until && str_cmp(x->id, best->id) < 0)) best = x;
	}
	return best;
}

static int
by_subject(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int by = str_cmp(x->subject, y->subject);

	return by ? by : str_cmp(x->text, y->text);
}

/* What comes of the findings; an exception of the center sets one aside, it does not take it away. */
static struct control_result
result_of(struct control_run *r)
{
	struct control_result x = {.examined = r->examined, .note = r->note, .findings = r->findings, .count = r->count};

	if (r->count) qsort(r->findings, r->count, sizeof *r->findings, by_subject);
	for (size_t i = 0; i < r->count; i++) {
		r->findings[i].exception = accepted_by(r, r->findings[i].subject);
		x.accepted += r->findings[i].exception != NULL;
	}
	if (x.count > x.accepted)
		x.status = CONTROL_FAIL;
	else
		x.status = r->not_applicable && x.count == 0 ? CONTROL_NOT_APPLICABLE : CONTROL_PASS;
	return x;
}

static void
count_result(struct posture *p, const struct control_result *x, Time now)
{
	p->passed += x->status == CONTROL_PASS;
	p->failed += x->status == CONTROL_FAIL;
	p->not_applicable += x->status == CONTROL_NOT_APPLICABLE;
	for (size_t i = 0; i < x->count; i++) {
		const struct finding *f = &x->findings[i];
		(f->exception ? p->accepted : p->open)[f->severity]++;
		p->overdue[f->severity] += !f->exception && now > f->due;
	}
}

/* --- all of them --- */

static int
by_product(const void *a, const void *b)
{
	const struct posture_product *x = *(const struct posture_product *const *)a, *y = *(const struct posture_product *const *)b;
	int by = str_cmp(x->domain_id, y->domain_id);

	return by ? by : str_cmp(x->id, y->id);
}

static int
by_person(const void *a, const void *b)
{
	const struct posture_person *x = *(const struct posture_person *const *)a, *y = *(const struct posture_person *const *)b;
	bool owns_x = x->owner && x->active && !x->service, owns_y = y->owner && y->active && !y->service;
	int by = str_cmp(x->domain_id, y->domain_id);

	if (by) return by;
	if (owns_x != owns_y) return owns_x ? -1 : 1;
	if (x->since != y->since) return x->since < y->since ? -1 : 1;
	return str_cmp(x->person_id, y->person_id);
}

static int
by_person_id(const void *a, const void *b)
{
	const struct posture_person *x = *(const struct posture_person *const *)a, *y = *(const struct posture_person *const *)b;
	int by = str_cmp(x->person_id, y->person_id);

	return by ? by : str_cmp(x->domain_id, y->domain_id);
}

static int
by_grant(const void *a, const void *b)
{
	const struct policy_grant *x = (*(const struct posture_grant *const *)a)->policy, *y = (*(const struct posture_grant *const *)b)->policy;
	int by = str_cmp(x->id, y->id);

	return by ? by : str_cmp(x->issuer_domain_id, y->issuer_domain_id);
}

static struct control_index
index_of(struct arena *a, const struct posture_facts *f)
{
	struct control_index x = {.products = NEW_N(a, f->products_count, const struct posture_product *),
	                          .people = NEW_N(a, f->people_count, const struct posture_person *),
	                          .by_id = NEW_N(a, f->people_count, const struct posture_person *),
	                          .grants = NEW_N(a, f->grants_count, const struct posture_grant *)};

	for (size_t i = 0; i < f->products_count; i++) x.products[i] = &f->products[i];
	for (size_t i = 0; i < f->people_count; i++) x.people[i] = x.by_id[i] = &f->people[i];
	for (size_t i = 0; i < f->grants_count; i++) x.grants[i] = &f->grants[i];
	qsort(x.products, f->products_count, sizeof *x.products, by_product);
	qsort(x.people, f->people_count, sizeof *x.people, by_person);
	qsort(x.by_id, f->people_count, sizeof *x.by_id, by_person_id);
	qsort(x.grants, f->grants_count, sizeof *x.grants, by_grant);
	return x;
}

void
posture_judge(struct arena *a, const struct posture_facts *f, Time now, const struct control *table, struct posture *ret)
{
	struct control_index index = index_of(a, f);
	struct posture p = {0};

	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		struct control_run r = {.a = a, .f = f, .index = &index, .now = now, .id = (enum control_id)i, .control = &table[i]};
		table[i].check(&r);
		p.controls[i] = result_of(&r);
		count_result(&p, &p.controls[i], now);
	}
	*ret = p;
}

static struct control_result
result_of_domain(struct arena *a, const struct control_result *all, Str domain_id)
{
	struct finding *own = NEW_N(a, all->count, struct finding);
	struct control_result x = {.examined = all->examined, .note = all->note, .findings = own};

	for (size_t i = 0; i < all->count; i++) {
		if (!str_eq(all->findings[i].domain_id, domain_id)) continue;
		own[x.count++] = all->findings[i];
		x.accepted += all->findings[i].exception != NULL;
	}
	x.status = x.count > x.accepted ? CONTROL_FAIL : all->status == CONTROL_NOT_APPLICABLE ? CONTROL_NOT_APPLICABLE : CONTROL_PASS;
	return x;
}

void
posture_of_domain(struct arena *a, const struct posture *all, Str domain_id, Time now, struct posture *ret)
{
	static const enum control_id of_the_node[] = {CONTROL_C18, CONTROL_C19, CONTROL_C24};
	struct posture p = {0};

	for (size_t i = 0; i < CONTROL_COUNT; i++) p.controls[i] = result_of_domain(a, &all->controls[i], domain_id);
	for (size_t i = 0; i < ARRAY_LEN(of_the_node); i++) {
		struct control_result *x = &p.controls[of_the_node[i]];
		if (x->count) continue; /* the center looks at its own */
		x->status = CONTROL_NOT_APPLICABLE;
		x->note = S("a matter of the node, which the center answers for");
	}
	for (size_t i = 0; i < CONTROL_COUNT; i++) count_result(&p, &p.controls[i], now);
	*ret = p;
}

static struct posture_exception *
own_exception(struct arena *a, const struct posture_exception *x)
{
	struct posture_exception *own = NEW(a, struct posture_exception);

	*own = *x;
	own->id = arena_str(a, x->id);
	own->control = arena_str(a, x->control);
	own->subject = arena_str(a, x->subject);
	return own;
}

void
posture_own(struct arena *a, struct posture *p)
{
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		struct control_result *x = &p->controls[i];
		struct finding *own = NEW_N(a, x->count, struct finding);
		for (size_t k = 0; k < x->count; k++) {
			own[k] = x->findings[k];
			Str *texts[] = {&own[k].subject, &own[k].text, &own[k].remedy, &own[k].domain_id, &own[k].owner_id, &own[k].person_id, &own[k].ref.log_id};
			for (size_t t = 0; t < ARRAY_LEN(texts); t++) *texts[t] = arena_str(a, *texts[t]);
			if (own[k].exception) own[k].exception = own_exception(a, own[k].exception);
		}
		x->findings = own;
		x->note = arena_str(a, x->note);
	}
}

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
by_domain_id(const void *a, const void *b)
{
	return str_cmp((*(const struct posture_domain *const *)a)->id, (*(const struct posture_domain *const *)b)->id);
}

static int
by_group_id(const void *a, const void *b)
{
	const struct posture_group *x = *(const struct posture_group *const *)a, *y = *(const struct posture_group *const *)b;
	int by = str_cmp(x->id, y->id);

	return by ? by : str_cmp(x->domain_id, y->domain_id);
}

static int
by_grant_used(const void *a, const void *b)
{
	const struct posture_use *x = *(const struct posture_use *const *)a, *y = *(const struct posture_use *const *)b;
	int by = str_cmp(x->grant_id, y->grant_id);

	return by ? by : str_cmp(x->issuer_domain_id, y->issuer_domain_id);
}

#define SORTED(a, list, count, by)                                                                                             \
	__extension__({                                                                                                        \
		const __typeof__(*(list)) **sorted_ = NEW_N((a), (count), const __typeof__(*(list)) *);                        \
		for (size_t i_ = 0; i_ < (count); i_++) sorted_[i_] = &(list)[i_];                                             \
		qsort(sorted_, (count), sizeof *sorted_, (by));                                                                \
		sorted_;                                                                                                       \
	})

static struct control_index
index_of(struct arena *a, const struct posture_facts *f)
{
	struct control_index x = {.products = SORTED(a, f->products, f->products_count, by_product),
	                          .people = SORTED(a, f->people, f->people_count, by_person),
	                          .by_id = SORTED(a, f->people, f->people_count, by_person_id),
	                          .domains = SORTED(a, f->domains, f->domains_count, by_domain_id),
	                          .groups = SORTED(a, f->groups, f->groups_count, by_group_id),
	                          .uses = SORTED(a, f->uses, f->uses_count, by_grant_used), .center = S("")};

	for (size_t i = 0; i < f->domains_count; i++)
		if (f->domains[i].center) x.center = f->domains[i].id;
	return x;
}

/* What the node does is for its center to answer, unless the domain is that center: then it was found there. */
static void
leave_to_center(struct posture *p)
{
	static const enum control_id of_the_node[] = {CONTROL_C18, CONTROL_C19, CONTROL_C24};

	for (size_t i = 0; i < ARRAY_LEN(of_the_node); i++) {
		struct control_result *x = &p->controls[of_the_node[i]];
		if (x->count) continue;
		x->status = CONTROL_NOT_APPLICABLE;
		x->note = S("a matter of the node, which the center answers for");
	}
}

static void
count_result(struct posture *p, const struct control_result *x)
{
	p->passed += x->status == CONTROL_PASS;
	p->failed += x->status == CONTROL_FAIL;
	p->not_applicable += x->status == CONTROL_NOT_APPLICABLE;
	for (size_t s = 0; s < SEVERITY_COUNT; s++) {
		p->open[s] += x->open_by[s];
		p->accepted[s] += x->accepted_by[s];
		p->overdue[s] += x->overdue_by[s];
	}
}

bool
posture_judge(struct arena *a, const struct posture_facts *f, Time now, const struct control *table, const struct posture_wish *wish, struct posture *ret)
{
	static const struct posture_wish everything = {0};
	struct control_index index = index_of(a, f);
	struct posture p = {0};
	bool ended = false;

	if (!wish) wish = &everything;
	for (size_t i = 0; i < CONTROL_COUNT && !ended; i++) {
		struct control_run r = {.wish = wish, .f = f, .index = &index, .now = now, .id = (enum control_id)i, .control = &table[i]};
		r.a = &r.scratch[0];
		table[i].check(&r);
		p.controls[i] = run_end(&r, a);
		ended = r.ended;
	}
	if (ended) return false;
	if (wish->domain_id.n) leave_to_center(&p);
	for (size_t i = 0; i < CONTROL_COUNT; i++) count_result(&p, &p.controls[i]);
	*ret = p;
	return true;
}

/* Controls about products: their contracts, their changes, their words. */
#include "policy/controls_run.h"

static const Time UNCLASSIFIED_DAYS = 7 * TIME_DAY, NOTICE_DAYS = 90 * TIME_DAY;

static Str
duration(struct control_run *r, Time t)
{
	if (t >= 2 * TIME_DAY) return TEXT(r, "%lld days", (long long)(t / TIME_DAY));
	if (t >= 7200 * TIME_SECOND) return TEXT(r, "%lld hours", (long long)(t / (3600 * TIME_SECOND)));
	return TEXT(r, "%lld minutes", (long long)(t / (60 * TIME_SECOND)));
}

/* --- C10 --- */

static struct finding *
breach(struct control_run *r, const struct posture_product *p, const char *what, Time since)
{
	struct finding *f = run_find(r, p->domain_id, TEXT(r, "%.*s/%s", STR(p->name), what), since, p->ref);

	f->remedy = TEXT(r, "heddle publish CONTRACT.yaml --data TABLE=FILE  # of %.*s, with data that keeps its contract", STR(p->name));
	return f;
}

void
check_C10(struct control_run *r)
{
	for (size_t i = 0; i < r->f->products_count && run_goes_on(r); i++) {
		const struct posture_product *p = &r->f->products[i];
		r->examined++;
		if (!p->report)
			breach(r, p, "unchecked", p->published)->text = TEXT(r, "%.*s was published without a check of its contract", STR(p->name));
		if (p->failed)
			breach(r, p, "failed", p->checked)->text =
			    TEXT(r, "%llu check%s of %.*s failed", (unsigned long long)p->failed, p->failed == 1 ? "" : "s", STR(p->name));
		if (p->window > 0 && r->now - p->published > p->window)
			breach(r, p, "late", p->published + p->window)->text =
			    TEXT(r, "%.*s promises new data every %.*s; the newest is of %.*s", STR(p->name), STR(duration(r, p->window)), STR(run_date(r, p->published)));
		if (p->quarantined > p->published && r->now - p->quarantined >= p->window)
			breach(r, p, "quarantined", p->quarantined)->text =
			    TEXT(r, "the newest batch of %.*s broke its contract on %.*s and is set aside", STR(p->name), STR(run_date(r, p->quarantined)));
	}
}

/* --- C11 --- */

void
check_C11(struct control_run *r)
{
	if (run_unknown(r, S("what a publish broke"))) return;
	for (size_t i = 0; i < r->f->changes_count && run_goes_on(r); i++) {
		const struct posture_change *x = &r->f->changes[i];
		const struct posture_product *p = run_product(r, x->domain_id, x->product_id);
		r->examined++;
		if (!p || x->breaking == 0 || (x->major && (x->noticed || r->now - x->at > NOTICE_DAYS))) continue;
		struct finding *f = run_find(r, x->domain_id, TEXT(r, "%.*s/%.*s", STR(p->name), STR(x->to)), x->at, x->ref);
		if (x->major) f->severity = SEVERITY_LOW; /* who pins a version can see it */
		f->text = TEXT(r, "version %.*s of %.*s breaks %llu thing%s of %.*s %s", STR(x->to), STR(p->name), (unsigned long long)x->breaking,
		               x->breaking == 1 ? "" : "s", STR(x->from), x->major ? "without notice" : "without a new major version");
		f->remedy = x->major ? TEXT(r, "tell the consumers of %.*s; next time publish it with status: deprecated first", STR(p->name))
		                     : TEXT(r, "heddle publish CONTRACT.yaml --data TABLE=FILE  # of %.*s, with a new major version", STR(p->name));
	}
}

/* --- C12 --- */

static const struct posture_tag_def *
def_of(const struct control_run *r, Str tag)
{
	for (size_t i = 0; i < r->f->tag_defs_count; i++)
		if (str_eq(r->f->tag_defs[i].tag, tag)) return &r->f->tag_defs[i];
	return NULL;
}

static bool
value_known(const struct posture_tag_def *d, Str value)
{
	for (size_t i = 0; i < d->value_count; i++)
		if (str_eq(d->values[i], value)) return true;
	return d->value_count == 0;
}

static bool
stands(const struct posture_product *p, const struct posture_tag *t)
{
	if (t->table.n == 0) return true;
	for (size_t i = 0; i < p->table_count; i++) {
		if (!str_eq(p->tables[i]->name, t->table)) continue;
		if (t->column.n == 0) return true;
		for (size_t k = 0; k < p->tables[i]->column_count; k++)
			if (str_ieq(p->tables[i]->columns[k].name, t->column)) return true;
	}
	return false;
}

static Str
thing_name(struct control_run *r, const struct posture_product *p, const struct posture_tag *t)
{
	return TEXT(r, "%.*s%s%.*s%s%.*s", STR(p->name), t->table.n ? "." : "", STR(t->table), t->column.n ? "." : "", STR(t->column));
}

static void
check_tag(struct control_run *r, const struct posture_tag *t)
{
	const struct posture_product *p = run_product(r, t->domain_id, t->product_id);
	const struct posture_tag_def *d = def_of(r, t->tag);

	if (!p || (d && value_known(d, t->value) && stands(p, t))) return; /* what was retired hurts nobody */
	Str thing = thing_name(r, p, t);
	struct finding *f = run_find(r, t->domain_id, TEXT(r, "%.*s/%.*s", STR(thing), STR(t->tag)), t->at, t->ref);
	if (!stands(p, t))
		f->text = TEXT(r, "%.*s has the tag %.*s and is not there any more", STR(thing), STR(t->tag));
	else if (!d)
		f->text = TEXT(r, "%.*s has the tag %.*s, which is not in the vocabulary", STR(thing), STR(t->tag));
	else
		f->text = TEXT(r, "%.*s has %.*s = %.*s, which is none of its values", STR(thing), STR(t->tag), STR(t->value));
	f->remedy = TEXT(r, "heddle tag unset %.*s %.*s", STR(thing), STR(t->tag));
}

/* One line for a table, not one for each column: they are mended together, in its contract. */
static void
check_classes(struct control_run *r, const struct posture_product *p, const struct policy_table *t)
{
	const struct posture_tag_def *classes = def_of(r, S("classification"));
	Str none = S(""), strange = S("");
	size_t without = 0;

	for (size_t i = 0; i < t->column_count; i++) {
		const struct policy_column *c = &t->columns[i];
		if (column_rank(c) == RANK_NONE && ++without <= 5) none = TEXT(r, "%.*s%s%.*s", STR(none), none.n ? ", " : "", STR(c->name));
		if (c->classification.n && classes && !value_known(classes, c->classification) && strange.n == 0) strange = c->classification;
	}
	Str name = TEXT(r, "%.*s.%.*s", STR(p->name), STR(t->name));
	if (without && r->now - p->first_published > UNCLASSIFIED_DAYS) {
		struct finding *f = run_find(r, p->domain_id, TEXT(r, "%.*s/unclassified", STR(name)), p->first_published + UNCLASSIFIED_DAYS, p->ref);
		f->text = TEXT(r, "%zu column%s of %.*s %s no classification: %.*s%s", without, without == 1 ? "" : "s", STR(name), without == 1 ? "has" : "have",
		               STR(none), without > 5 ? ", …" : "");
		f->remedy = TEXT(r, "heddle tag set %.*s classification=internal  # or a class for each column in its contract", STR(name));
	}
	if (strange.n) {
		struct finding *f = run_find(r, p->domain_id, TEXT(r, "%.*s/class", STR(name)), p->published, p->ref);
		f->text = TEXT(r, "%.*s uses the class '%.*s', which is not in the vocabulary", STR(name), STR(strange));
		f->remedy = TEXT(r, "use public, internal, confidential or restricted in the contract of %.*s, and the tag personal_data for its kind", STR(p->name));
	}
}

void
check_C12(struct control_run *r)
{
	r->examined = r->f->tags_count;
	for (size_t i = 0; i < r->f->tags_count && run_goes_on(r); i++) check_tag(r, &r->f->tags[i]);
	for (size_t i = 0; i < r->f->products_count && run_goes_on(r); i++)
		for (size_t k = 0; k < r->f->products[i].table_count; k++) {
			r->examined++;
			check_classes(r, &r->f->products[i], r->f->products[i].tables[k]);
		}
}

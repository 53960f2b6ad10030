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

static const struct posture_exception *
own_exception(struct arena *a, const struct posture_exception *x)
{
	struct posture_exception *own = NEW(a, struct posture_exception);

	*own = *x;
	own->id = arena_str(a, x->id);
	own->control = arena_str(a, x->control);
	own->subject = arena_str(a, x->subject);
	return own;
}

static struct finding
own_finding(struct arena *a, const struct finding *f)
{
	struct finding own = *f;
	Str *texts[] = {&own.subject, &own.text, &own.remedy, &own.domain_id, &own.owner_id, &own.person_id, &own.ref.log_id};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = arena_str(a, *texts[i]);
	if (own.exception) own.exception = own_exception(a, own.exception);
	return own;
}

static int
by_subject(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int by = str_cmp(x->subject, y->subject);

	return by ? by : str_cmp(x->text, y->text);
}

static void
keep(struct control_run *r, const struct finding *f)
{
	struct first *kept = &r->kept[f->exception != NULL];

	*kept = (struct first){kept->list, kept->n, r->wish->most ? r->wish->most : SIZE_MAX, kept->cap, by_subject, r->a};
	if (kept->n == kept->most && by_subject(f, kept->list[0]) >= 0) return;
	first_add(kept, memcpy(NEW(r->a, struct finding), f, sizeof *f));
}

/* The last finding is filled in: count it, and keep it if it is one of the first. An exception of the center sets one aside, it does not take
 * it away. */
static void
settle(struct control_run *r)
{
	struct finding *f = &r->last;
	struct control_result *sum = &r->sum;

	if (!r->filling) return;
	r->filling = false;
	r->count++;
	if ((r->wish->domain_id.n && !str_eq(f->domain_id, r->wish->domain_id)) || (r->wish->subject.n && !str_eq(f->subject, r->wish->subject))) return;
	f->exception = accepted_by(r, f->subject);
	sum->count++;
	sum->accepted += f->exception != NULL;
	(f->exception ? sum->accepted_by : sum->open_by)[f->severity]++;
	sum->overdue_by[f->severity] += !f->exception && r->now > f->due;
	keep(r, f);
}

struct finding *
run_find(struct control_run *r, Str domain_id, Str subject, Time since, struct posture_ref ref)
{
	struct finding *f = &r->last;

	settle(r);
	r->filling = true;
	*f = (struct finding){.control = r->id, .severity = r->control->severity, .subject = subject, .since = since, .ref = ref};
	f->domain_id = domain_id.n ? domain_id : r->index->center;
	f->owner_id = owner_of(r, f->domain_id);
	if (f->owner_id.n == 0) f->owner_id = owner_of(r, r->index->center);
	f->due = since + (Time)r->control->days * TIME_DAY;
	return f;
}

enum { SCRATCH_BYTES = 1 << 20 };

static void
move_kept(struct control_run *r, struct arena *to)
{
	for (size_t k = 0; k < ARRAY_LEN(r->kept); k++) {
		struct first *x = &r->kept[k];
		const void **list = NEW_N(to, x->n, const void *);
		for (size_t i = 0; i < x->n; i++) {
			struct finding *own = NEW(to, struct finding);
			*own = own_finding(to, x->list[i]);
			list[i] = own;
		}
		x->list = list;
		x->cap = x->n;
	}
	r->note = arena_str(to, r->note);
}

bool
run_goes_on(struct control_run *r)
{
	settle(r);
	if (r->a->total_bytes > r->full + SCRATCH_BYTES && r->wish->most) {
		struct arena *other = &r->scratch[r->a == &r->scratch[0]];
		move_kept(r, other);
		arena_reset(r->a);
		r->a = other;
		r->full = other->total_bytes;
	}
	if (!r->ended && r->wish->goes_on) r->ended = !r->wish->goes_on(r->wish->arg);
	return !r->ended;
}

struct control_result
run_end(struct control_run *r, struct arena *a)
{
	struct control_result x;
	struct first all = {.most = SIZE_MAX, .by = by_subject, .a = a};

	settle(r);
	x = r->sum;
	for (size_t k = 0; k < ARRAY_LEN(r->kept); k++)
		for (size_t i = 0; i < r->kept[k].n; i++) first_add(&all, r->kept[k].list[i]);
	first_sort(&all);
	struct finding *list = NEW_N(a, all.n, struct finding);
	for (size_t i = 0; i < all.n; i++) list[i] = own_finding(a, all.list[i]);
	x.findings = list;
	x.kept = all.n;
	x.examined = r->examined;
	x.note = arena_str(a, r->note);
	if (x.count > x.accepted)
		x.status = CONTROL_FAIL;
	else
		x.status = r->not_applicable && r->count == 0 ? CONTROL_NOT_APPLICABLE : CONTROL_PASS;
	for (size_t i = 0; i < ARRAY_LEN(r->scratch); i++) arena_fini(&r->scratch[i]);
	return x;
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
grant_tables(struct control_run *r, const struct policy_grant *g)
{
	struct grant_tables it = {.r = r, .g = g};

	run_products(r, g->issuer_domain_id, &it.at, &it.end);
	return it;
}

/* Whether a grant by tags fits the table is for the decision to say. */
bool
grant_tables_next(struct grant_tables *it)
{
	for (; it->at < it->end && run_goes_on(it->r); it->at++, it->table = 0) {
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

#include "policy/decide.h"

#include "policy/shape.h"

static void
tell(struct work *w, Str line)
{
	struct policy_trace *t = w->trace;

	if (!t) return;
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		Str *lines = NEW_N(w->a, cap, Str);
		if (t->count) memcpy(lines, t->lines, t->count * sizeof *lines);
		t->lines = lines;
		t->cap = cap;
	}
	t->lines[t->count++] = line;
}

#define TELL(w, ...)                                                                                                           \
	do {                                                                                                                   \
		if ((w)->trace) tell((w), arena_printf((w)->a, __VA_ARGS__));                                                  \
	} while (0)

/* --- choosing among what covers --- */

static int
order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static Str
delegation_id(const struct candidate *x)
{
	return x->d ? x->d->id : S("");
}

static bool
is_open(const struct openness *o)
{
	return !o->hidden && !o->masked && !o->filtered;
}

/* Below 0: a shows more, or the same under fewer terms. Restrictions have no part in this order. */
static int
candidate_cmp(const struct candidate *a, const struct candidate *b)
{
	const struct policy_terms *ta = &a->g->terms, *tb = &b->g->terms;
	int r = order(ta->min_group > 0, tb->min_group > 0);

	if (r || (r = order(!is_open(&a->open), !is_open(&b->open))) || (r = order(a->open.hidden, b->open.hidden)) ||
	    (r = order(a->open.masked, b->open.masked)) || (r = order(a->open.filtered, b->open.filtered)) ||
	    (r = order(ta->no_export, tb->no_export)) || (r = order(ta->row_budget > 0, tb->row_budget > 0)) || (r = order(a->d != NULL, b->d != NULL)))
		return r;
	int ids = str_cmp(a->g->id, b->g->id);
	return ids ? ids : str_cmp(delegation_id(a), delegation_id(b));
}

/* Nothing goes before it but the same with a smaller id. */
static bool
unsurpassed(const struct candidate *x)
{
	const struct policy_terms *t = &x->g->terms;

	return !x->d && is_open(&x->open) && !t->min_group && !t->no_export && !t->row_budget;
}

/* Of those that got as far, the one of the smallest id tells why: an answer does not depend on the order of the list. */
static void
keep_nearest(struct work *w, const struct candidate *x)
{
	struct candidate *n = &w->nearest;
	int ids = n->g ? str_cmp(x->g->id, n->g->id) : -1;

	if (ids == 0) ids = str_cmp(delegation_id(x), delegation_id(n));
	if (!n->g || x->stage > n->stage || (x->stage == n->stage && ids < 0)) *n = *x;
}

static void
try(struct work *w, const struct policy_grant *g, const struct policy_delegation *d, struct candidate *best)
{
	struct candidate x = {.g = g, .d = d};

	if (!w->trace && best->g && unsurpassed(best) && (d || str_cmp(best->g->id, g->id) < 0)) return;
	cover(w, &x);
	if (!w->trace && best->g && (x.stage != COVERS || candidate_cmp(&x, best) > 0)) return; /* nobody asks what else is wrong with it */
	if (x.stage == COVERS) cover_check(w, &x);
	TELL(w, "%.*s: %.*s", STR(words_name(w, &x)), STR(words_of(w, &x)));
	if (x.stage != COVERS)
		keep_nearest(w, &x);
	else if (!best->g || candidate_cmp(&x, best) < 0)
		*best = x;
}

/* g NULL when nothing covers. */
static struct candidate
choose(struct work *w)
{
	const struct policy_question *q = w->q;
	struct candidate best = {0};

	for (size_t i = 0; i < q->grant_count; i++) {
		try(w, q->grants[i], NULL, &best);
		for (size_t k = 0; k < q->delegation_count; k++)
			if (cover_hands_on(q->delegations[k], q->grants[i], q->who)) try(w, q->grants[i], q->delegations[k], &best);
	}
	return best;
}

/* --- restrictions --- */

/* stricter: below 0 where r demands less than what is held. */
static void
demand(const struct policy_restriction **held, const struct policy_restriction *r, bool demands, int stricter)
{
	if (demands && (!*held || stricter > 0 || (stricter == 0 && told_before(r, *held)))) *held = r;
}

/* Which of them are about the table, and the strictest of what they demand. */
static void
gather(struct work *w)
{
	const struct policy_question *q = w->q;

	w->rules = NEW_N(w->a, q->restriction_count, const struct policy_restriction *);
	for (size_t i = 0; i < q->restriction_count; i++) {
		const struct policy_restriction *r = q->restrictions[i];
		if (!policy_is_about(r, q->table)) continue;
		w->rules[w->rule_count++] = r;
		w->approvals |= r->approvals > 0;
		demand(&w->cap, r, r->max_days > 0, w->cap ? order(w->cap->max_days, r->max_days) : 1);
		demand(&w->purpose, r, r->demand_purpose, 0);
		demand(&w->handing, r, r->demand_handing, 0);
		demand(&w->level, r, r->min_level > 0, w->level ? order(r->min_level, w->level->min_level) : 1);
	}
}

static void
mask_more(struct work *w, const struct policy_restriction *r, const struct policy_column *col, struct policy_column_rule *rule)
{
	enum mask_kind mask = FAULT(LOOSEN) ? mask_fitting(r->mask, col) : mask_stricter(rule->mask, mask_fitting(r->mask, col));
	Str class = r->classification.n ? r->classification : S("one of those it is about");

	if (mask != rule->mask)
		TELL(w, "restriction %.*s: column '%.*s' is %.*s: %s instead of %s", STR(r->id), STR(col->name), STR(class), mask_name(mask),
		    mask_name(rule->mask));
	rule->mask = mask;
}

static void
tighten(struct work *w, const struct policy_restriction *r, struct policy_decision *d)
{
	for (size_t i = 0; (r->mask != MASK_NONE || r->hide) && i < w->q->table->column_count; i++) {
		const struct policy_column *col = &w->q->table->columns[i];
		struct policy_column_rule *rule = &d->columns[i];
		if ((rule->hidden && !FAULT(UNHIDE)) || !scope_column(r, col)) continue;
		rule->hidden = false;
		if (r->hide) {
			TELL(w, "restriction %.*s: column '%.*s' is hidden", STR(r->id), STR(col->name));
			*rule = (struct policy_column_rule){.hidden = true};
		} else
			mask_more(w, r, col, rule);
	}
}

/* --- the decision --- */

static void
refuse(struct work *w, struct policy_decision *d, Str reason)
{
	*d = (struct policy_decision){.verdict = VERDICT_REFUSE, .reason = reason, .until = w->q->now};
	d->columns = NEW_N(w->a, w->q->table->column_count, struct policy_column_rule);
	for (size_t i = 0; i < w->q->table->column_count; i++) d->columns[i] = (struct policy_column_rule){true, MASK_NULL};
	TELL(w, "refused: %.*s", STR(reason));
}

static bool
is_plain(const struct policy_decision *d, size_t columns)
{
	for (size_t i = 0; i < columns; i++)
		if (d->columns[i].hidden || d->columns[i].mask != MASK_NONE) return false;
	return d->rows == NULL && d->terms.min_group == 0;
}

static bool
all_hidden(const struct policy_decision *d, size_t columns)
{
	for (size_t i = 0; i < columns; i++)
		if (!d->columns[i].hidden) return false;
	return columns > 0;
}

static const struct predicate *
rows_of(struct work *w, const struct candidate *x)
{
	const struct predicate *g = x->g->rows, *d = x->d ? x->d->rows : NULL;

	if (!g || !d || FAULT(ROWS)) return d ? d : g;
	struct predicate *both = NEW(w->a, struct predicate);
	*both = (struct predicate){.op = PRED_AND, .left = g, .right = d};
	return both;
}

/* What the candidate shows by itself. */
static void
show(struct work *w, const struct candidate *x, struct policy_decision *d)
{
	const struct policy_table *t = w->q->table;

	d->grant_id = x->g->id;
	d->delegation_id = delegation_id(x);
	d->terms = x->g->terms;
	d->until = x->until;
	d->rows = rows_of(w, x);
	d->reason = x->d ? arena_printf(w->a, "grant %.*s covers it, handed on by delegation %.*s", STR(x->g->id), STR(x->d->id)) :
	                   arena_printf(w->a, "grant %.*s covers it", STR(x->g->id));
	for (size_t i = 0; !is_open(&x->open) && i < t->column_count; i++) {
		d->columns[i].hidden = cover_hides(x, &t->columns[i]);
		d->columns[i].mask = d->columns[i].hidden ? MASK_NONE : cover_mask(x, &t->columns[i]);
	}
}

/* Aggregates only: the groups and numbers are shown. "" unless the center would change what the groups are made of: coarser ones beside finer ones
 * seen before would tell of those that were too small. */
static Str
shape(struct work *w, const struct candidate *x, struct policy_decision *d)
{
	const struct policy_table *t = w->q->table;

	for (size_t i = 0; d->terms.min_group && i < t->column_count; i++) {
		const struct policy_column *col = &t->columns[i];
		struct policy_column_rule *rule = &d->columns[i];
		if (shape_is_dimension(&d->terms, col->name) && (rule->hidden || rule->mask != cover_mask(x, col)))
			return arena_printf(w->a, "the center hides or masks '%.*s', of which the groups of grant %.*s are made", STR(col->name), STR(x->g->id));
		/* a masked number has no mean: hidden under one mask and shown under a stricter one, a restriction more would show it */
		bool number = shape_is_dimension(&d->terms, col->name) || rule->mask == MASK_NONE;
		if (!number || !shape_shows(&d->terms, col, rule->mask)) *rule = (struct policy_column_rule){.hidden = true};
	}
	return all_hidden(d, t->column_count) ? S("the center hides every column that would be shown") : S("");
}

/* Does the consumer's own domain choose what is hashed, as the producer or as the one that hands on? Then it can hash what it knows. */
static bool
hashes_own(const struct work *w, const struct candidate *x)
{
	const struct candidate granted = {.g = x->g};
	const struct policy_table *t = w->q->table;

	if (FAULT(APART)) return false;
	if (same_id(w->q->who->domain_id, t->domain_id)) return true;
	for (size_t i = 0; x->d && x->d->mask_count && i < t->column_count; i++)
		if (cover_mask(x, &t->columns[i]) == MASK_HASH && cover_mask(&granted, &t->columns[i]) != MASK_HASH) return true;
	return false;
}

/* x->g is NULL when the owner reads their own. */
static void
allow(struct work *w, const struct candidate *x, struct policy_decision *d)
{
	const struct policy_table *t = w->q->table;

	*d = (struct policy_decision){.verdict = VERDICT_ALLOW, .until = TIME_FOREVER, .grant_id = S(""), .delegation_id = S("")};
	d->reason = S("an owner reads what their own domain publishes");
	d->columns = NEW_N(w->a, t->column_count, struct policy_column_rule);
	if (x->g) show(w, x, d);
	for (size_t i = 0; i < w->rule_count; i++) tighten(w, w->rules[i], d);
	Str why = shape(w, x, d);
	if (why.n) {
		refuse(w, d, why);
		return;
	}
	d->min_level = w->level ? w->level->min_level : 0;
	d->plain = is_plain(d, t->column_count);
	d->apart = hashes_own(w, x);
	TELL(w, "allowed: %.*s%s", STR(d->reason), d->plain ? ", all of it" : "");
	digest(w->q, d);
}

static Str
closed_by(struct work *w)
{
	const struct policy_question *q = w->q;
	const struct policy_restriction *closes = NULL, *freezes = NULL;

	for (size_t i = 0; i < w->rule_count; i++)
		if (scope_closes(w->rules[i]) && told_before(w->rules[i], closes)) closes = w->rules[i];
	for (size_t i = 0; i < q->restriction_count; i++)
		if (scope_freezes(q->restrictions[i], q) && told_before(q->restrictions[i], freezes)) freezes = q->restrictions[i];
	if (closes && closes->suspend) return arena_printf(w->a, "the center has closed the product (restriction %.*s)", STR(closes->id));
	if (closes) return arena_printf(w->a, "restriction %.*s is of an unknown kind", STR(closes->id));
	if (!freezes) return S("");
	const char *whose = str_eq(freezes->domain_id, q->table->domain_id) ? "producer's" : "asker's";
	if (freezes->freeze_why.n) return arena_printf(w->a, "the %s domain %.*s", whose, STR(freezes->freeze_why));
	return arena_printf(w->a, "the %s domain is frozen (restriction %.*s)", whose, STR(freezes->id));
}

/* What the center demands of the use itself, whatever was granted. */
static Str
demanded(struct work *w)
{
	const struct policy_question *q = w->q;

	if (w->level && q->level < w->level->min_level)
		return arena_printf(w->a, "restriction %.*s demands a sandbox of level L%u; statements run at L%u here", STR(w->level->id), w->level->min_level,
		    q->level);
	if (q->any_purpose) return S("");
	if (w->purpose && q->purpose.n == 0) return arena_printf(w->a, "restriction %.*s demands that a purpose is named", STR(w->purpose->id));
	if (!q->purpose_unknown) return S("");
	if (q->purpose.n == 0) return S("a purpose must be named; `heddle purposes` shows them");
	return arena_printf(w->a, "there is no purpose '%.*s'; `heddle purposes` shows those there are", STR(q->purpose));
}

/* What is wrong with the question itself, whatever was granted; "" for nothing. */
static Str
bar(struct work *w)
{
	const struct policy_question *q = w->q;
	uint32_t way = (uint32_t)q->interaction;

	if (!q->who->active) return S("the person is no longer a member of a domain");
	if (way == 0 || (way & ~(uint32_t)INTERACT_ALL) || (way & (way - 1))) return S("an unknown way of use");
	if (!q->table->product_live) return S("the product is suspended or retired");
	Str closed = closed_by(w);
	return closed.n ? closed : demanded(w);
}

static Str
no_grant(struct work *w)
{
	const struct candidate *n = &w->nearest;

	if (!n->g || n->stage <= NOT_TO)
		return arena_printf(w->a, "no grant on '%.*s' is made out to this person or their domain", STR(w->q->table->name));
	return arena_printf(w->a, "no grant on '%.*s' covers this: %.*s: %.*s", STR(w->q->table->name), STR(words_name(w, n)), STR(words_of(w, n)));
}

void
policy_decide(struct arena *a, const struct policy_question *q, struct policy_trace *trace, struct policy_decision *ret)
{
	struct work w = {.a = a, .q = q, .trace = trace};
	struct candidate best = {0};

	gather(&w);
	Str why = bar(&w);
	if (why.n == 0 && !(q->who->is_owner && same_id(q->who->domain_id, q->table->domain_id))) {
		best = choose(&w);
		if (!best.g) why = no_grant(&w);
	}
	if (why.n)
		refuse(&w, ret, why);
	else
		allow(&w, &best, ret);
}

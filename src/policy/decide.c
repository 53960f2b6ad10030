#include "policy/policy.h"

#include "crypt/hash.h"
#include "policy/rows.h"

enum { INTERACT_ALL = INTERACT_SQL | INTERACT_API | INTERACT_SHARE | INTERACT_FILES | INTERACT_ML };

/* How far a grant got; the furthest one tells the reason of a refusal. */
enum stage { NOT_ABOUT, NOT_TO, NOT_TABLE, REVOKED, TOO_EARLY, TOO_LATE, NOT_PURPOSE, NOT_INTERACTION, MALFORMED, COVERS };

struct work {
	struct arena *a;
	const struct policy_question *q;
	struct policy_trace *trace;
	enum stage furthest;
	const struct policy_grant *nearest; /* the grant that got furthest */
	const char *misfit;                 /* of nearest, when MALFORMED */
	Str misfit_column;
};

/* How much a grant shows on this table; smaller is more open. */
struct openness { size_t hidden, masked; bool filtered; };

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

static bool
same_id(Str a, Str b)
{
	return a.n > 0 && str_eq(a, b);
}

/* --- one grant --- */

static bool
is_to(const struct policy_grant *g, const struct policy_principal *who)
{
	if (g->to_kind == PRINCIPAL_DOMAIN) return same_id(g->to_id, who->domain_id);
	return g->to_kind == PRINCIPAL_PERSON && same_id(g->to_id, who->person_id);
}

static bool
has_purpose(const struct policy_grant *g, Str purpose)
{
	for (size_t i = 0; i < g->purpose_count; i++)
		if (str_eq(g->purposes[i], S("*")) || same_id(purpose, g->purposes[i])) return true;
	return false;
}

static bool
hides(const struct policy_grant *g, Str column)
{
	for (size_t i = 0; i < g->hidden_count; i++)
		if (str_ieq(g->hidden[i], column)) return true;
	return false;
}

/* What does not suit the column's type shows nothing. */
static enum mask_kind
fitting(enum mask_kind kind, const struct policy_column *col)
{
	return mask_fits(kind, col->type) ? kind : MASK_NULL;
}

static enum mask_kind
mask_of(const struct policy_grant *g, const struct policy_column *col)
{
	enum mask_kind mask = MASK_NONE;

	for (size_t i = 0; i < g->mask_count; i++)
		if (str_ieq(g->masks[i].column, col->name)) mask = mask_stricter(mask, fitting(g->masks[i].kind, col));
	return mask;
}

static struct openness
openness_of(const struct policy_grant *g, const struct policy_table *t)
{
	struct openness o = {.filtered = g->rows != NULL};

	for (size_t i = 0; i < t->column_count; i++) {
		if (hides(g, t->columns[i].name))
			o.hidden++;
		else if (mask_of(g, &t->columns[i]) != MASK_NONE)
			o.masked++;
	}
	return o;
}

/* NULL when well formed. */
static const char *
malformed(const struct policy_grant *g, const struct policy_table *t, const struct openness *o, Str *ret_column)
{
	*ret_column = S("");
	if (g->interactions & ~(uint32_t)INTERACT_ALL) return "it has an unknown way of use";
	for (size_t i = 0; i < g->mask_count; i++)
		if (g->masks[i].kind >= MASK_KIND_COUNT) {
			*ret_column = g->masks[i].column;
			return "it has an unknown mask";
		}
	if (t->column_count > 0 && o->hidden == t->column_count) return "it hides every column";
	return g->rows ? rows_misfit(g->rows, t, ret_column) : NULL;
}

static enum stage
stage_of(const struct policy_grant *g, const struct policy_question *q)
{
	if (!same_id(g->product_id, q->table->product_id) || !same_id(g->issuer_domain_id, q->table->domain_id)) return NOT_ABOUT;
	if (!is_to(g, q->who)) return NOT_TO;
	if (g->table.n > 0 && !str_eq(g->table, q->table->name)) return NOT_TABLE;
	if (g->revoked) return REVOKED;
	if (q->now < g->from) return TOO_EARLY;
	if (q->now >= g->until && g->until != TIME_FOREVER) return TOO_LATE;
	if (q->any_purpose ? g->purpose_count == 0 : !has_purpose(g, q->purpose)) return NOT_PURPOSE;
	return g->interactions & (uint32_t)q->interaction ? COVERS : NOT_INTERACTION;
}

static Str
time_text(struct arena *a, Time t)
{
	char z[TIME_TEXT_MAX];

	time_format(t, z);
	return arena_str(a, str_c(z));
}

static Str
purposes_text(struct arena *a, const struct policy_grant *g)
{
	Str text = S("");

	for (size_t i = 0; i < g->purpose_count; i++)
		text = arena_printf(a, "%.*s%s'%.*s'", STR(text), i ? ", " : "", STR(g->purposes[i]));
	return text;
}

static Str
stage_text(struct work *w, const struct policy_grant *g, enum stage stage)
{
	const struct policy_question *q = w->q;

	switch (stage) {
	case NOT_ABOUT: return S("it is about another product, or does not stand in the producer's log");
	case NOT_TO: return S("it is made out to somebody else");
	case NOT_TABLE: return arena_printf(w->a, "it is for the table '%.*s' alone", STR(g->table));
	case REVOKED: return S("it was revoked");
	case TOO_EARLY: return arena_printf(w->a, "it begins at %.*s", STR(time_text(w->a, g->from)));
	case TOO_LATE: return arena_printf(w->a, "it ended at %.*s", STR(time_text(w->a, g->until)));
	case NOT_PURPOSE:
		if (q->purpose.n == 0) return arena_printf(w->a, "no purpose was named; it covers %.*s", STR(purposes_text(w->a, g)));
		return arena_printf(w->a, "it does not cover purpose '%.*s' but %.*s", STR(q->purpose), STR(purposes_text(w->a, g)));
	case NOT_INTERACTION: return S("it does not allow this way of use");
	case MALFORMED:
		if (w->misfit_column.n == 0) return str_c(w->misfit);
		return arena_printf(w->a, "%s: column '%.*s'", w->misfit, STR(w->misfit_column));
	case COVERS: break;
	}
	return S("it covers");
}

static bool
covers(struct work *w, const struct policy_grant *g, struct openness *ret)
{
	enum stage stage = stage_of(g, w->q);
	const char *misfit = NULL;
	Str column = {0};

	if (stage == COVERS) {
		*ret = openness_of(g, w->q->table);
		misfit = malformed(g, w->q->table, ret, &column);
		if (misfit) stage = MALFORMED;
	}
	if (!w->nearest || stage > w->furthest) {
		w->furthest = stage;
		w->nearest = g;
	}
	if (misfit) w->misfit = misfit, w->misfit_column = column;
	if (w->trace) TELL(w, "grant %.*s: %.*s", STR(g->id), STR(stage_text(w, g, stage)));
	return stage == COVERS;
}

static int
order(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

/* Below 0: a shows more. Restrictions have no part in this: were they to, one more could turn the choice to a grant that shows
 * other rows. */
static int
grant_cmp(const struct policy_grant *a, const struct openness *oa, const struct policy_grant *b, const struct openness *ob)
{
	bool plain_a = !oa->hidden && !oa->masked && !oa->filtered, plain_b = !ob->hidden && !ob->masked && !ob->filtered;

	if (plain_a != plain_b) return plain_a ? -1 : 1;
	if (oa->hidden != ob->hidden) return order(oa->hidden, ob->hidden);
	if (oa->masked != ob->masked) return order(oa->masked, ob->masked);
	if (oa->filtered != ob->filtered) return oa->filtered ? 1 : -1;
	return str_cmp(a->id, b->id);
}

static const struct policy_grant *
grant_choose(struct work *w)
{
	const struct policy_grant *best = NULL;
	struct openness open = {0}, o = {0};

	for (size_t i = 0; i < w->q->grant_count; i++) {
		const struct policy_grant *g = w->q->grants[i];
		if (!covers(w, g, &o)) continue;
		if (!best || grant_cmp(g, &o, best, &open) < 0) {
			best = g;
			open = o;
		}
	}
	return best;
}

/* --- restrictions --- */

static bool
applies(const struct policy_restriction *r, const struct policy_table *t)
{
	return !r->lifted && (r->product_id.n == 0 || str_eq(r->product_id, t->product_id));
}

/* One that suspends, or whose meaning is not known, closes all. */
static bool
closes(const struct policy_restriction *r)
{
	return r->suspend || r->classification.n == 0 || r->mask >= MASK_KIND_COUNT;
}

static const struct policy_restriction *
closing(const struct policy_question *q)
{
	for (size_t i = 0; i < q->restriction_count; i++)
		if (applies(q->restrictions[i], q->table) && closes(q->restrictions[i])) return q->restrictions[i];
	return NULL;
}

static void
tighten(struct work *w, const struct policy_restriction *r, struct policy_decision *d)
{
	for (size_t i = 0; i < w->q->table->column_count; i++) {
		const struct policy_column *col = &w->q->table->columns[i];
		struct policy_column_rule *rule = &d->columns[i];
		if (rule->hidden || !str_ieq(col->classification, r->classification)) continue;
		enum mask_kind mask = mask_stricter(rule->mask, fitting(r->mask, col));
		if (mask != rule->mask)
			TELL(w, "restriction %.*s: column '%.*s' is %.*s: %s instead of %s", STR(r->id), STR(col->name), STR(r->classification),
			    mask_name(mask), mask_name(rule->mask));
		rule->mask = mask;
	}
}

/* --- the hash: every part with its length or a tag in front, so that no two decisions give the same bytes --- */

/* Gathers small pieces: the hash function is costly to enter. */
struct hasher {
	struct crypt_sha256 h;
	size_t n;
	char bytes[1024];
};

static void
hash_bytes(struct hasher *h, Str s)
{
	if (h->n + s.n > sizeof h->bytes) {
		crypt_sha256_add(&h->h, str_of(h->bytes, h->n));
		h->n = 0;
	}
	if (s.n > sizeof h->bytes) {
		crypt_sha256_add(&h->h, s);
	} else if (s.n) {
		memcpy(h->bytes + h->n, s.p, s.n);
		h->n += s.n;
	}
}

static void
hash_number(struct hasher *h, uint32_t v)
{
	const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	hash_bytes(h, str_of(b, sizeof b));
}

static void
hash_text(struct hasher *h, Str s)
{
	hash_number(h, (uint32_t)s.n);
	hash_bytes(h, s);
}

static void
hash_rows(struct hasher *h, const struct predicate *p)
{
	if (!p) {
		hash_number(h, UINT32_MAX);
		return;
	}
	hash_number(h, (uint32_t)p->op);
	if (p->op == PRED_AND || p->op == PRED_OR || p->op == PRED_NOT) {
		hash_rows(h, p->left);
		if (p->op != PRED_NOT) hash_rows(h, p->right);
		return;
	}
	hash_text(h, p->column);
	hash_number(h, (uint32_t)p->literal_count);
	for (size_t i = 0; i < p->literal_count; i++) {
		hash_number(h, (uint32_t)p->literals[i].kind);
		hash_text(h, p->literals[i].text);
	}
}

static void
hash_decision(const struct policy_question *q, struct policy_decision *d)
{
	struct hasher h;
	bool keyed = false;

	h.n = 0;
	crypt_sha256_init(&h.h);
	hash_text(&h, S("heddle decision v1"));
	hash_rows(&h, d->rows);
	for (size_t i = 0; i < q->table->column_count; i++) {
		const struct policy_column_rule *r = &d->columns[i];
		if (!r->hidden && r->mask == MASK_NONE) continue;
		hash_text(&h, q->table->columns[i].name);
		hash_number(&h, r->hidden ? UINT32_MAX : (uint32_t)r->mask);
		keyed |= !r->hidden && r->mask == MASK_HASH;
	}
	hash_number(&h, keyed);
	if (keyed) {
		hash_text(&h, q->who->domain_id);
		hash_text(&h, q->purpose);
	}
	crypt_sha256_add(&h.h, str_of(h.bytes, h.n));
	crypt_sha256_end(&h.h, d->hash);
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
	return d->rows == NULL;
}

/* g is NULL when the owner reads their own. */
static void
allow(struct work *w, const struct policy_grant *g, struct policy_decision *d)
{
	const struct policy_table *t = w->q->table;

	*d = (struct policy_decision){.verdict = VERDICT_ALLOW, .until = g ? g->until : TIME_FOREVER};
	d->grant_id = g ? g->id : S("");
	d->rows = g ? g->rows : NULL;
	d->columns = NEW_N(w->a, t->column_count, struct policy_column_rule);
	for (size_t i = 0; g && i < t->column_count; i++) {
		d->columns[i].hidden = hides(g, t->columns[i].name);
		d->columns[i].mask = d->columns[i].hidden ? MASK_NONE : mask_of(g, &t->columns[i]);
	}
	for (size_t i = 0; i < w->q->restriction_count; i++)
		if (applies(w->q->restrictions[i], t)) tighten(w, w->q->restrictions[i], d);
	d->plain = is_plain(d, t->column_count);
	d->reason = g ? arena_printf(w->a, "grant %.*s covers it", STR(g->id)) : S("an owner reads what their own domain publishes");
	TELL(w, "allowed: %.*s%s", STR(d->reason), d->plain ? ", all of it" : "");
	hash_decision(w->q, d);
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
	const struct policy_restriction *r = closing(q);
	if (!r) return S("");
	if (r->suspend) return arena_printf(w->a, "the center has closed the product (restriction %.*s)", STR(r->id));
	return arena_printf(w->a, "restriction %.*s is of an unknown kind", STR(r->id));
}

static Str
no_grant(struct work *w)
{
	const struct policy_question *q = w->q;

	if (!w->nearest || w->furthest <= NOT_TO)
		return arena_printf(w->a, "no grant on '%.*s' is made out to this person or their domain", STR(q->table->name));
	return arena_printf(w->a, "no grant on '%.*s' covers this: grant %.*s: %.*s", STR(q->table->name), STR(w->nearest->id),
	    STR(stage_text(w, w->nearest, w->furthest)));
}

void
policy_decide(struct arena *a, const struct policy_question *q, struct policy_trace *trace, struct policy_decision *ret)
{
	struct work w = {.a = a, .q = q, .trace = trace};
	Str why = bar(&w);

	if (why.n) {
		refuse(&w, ret, why);
		return;
	}
	if (q->who->is_owner && same_id(q->who->domain_id, q->table->domain_id)) {
		allow(&w, NULL, ret);
		return;
	}
	const struct policy_grant *g = grant_choose(&w);
	if (g)
		allow(&w, g, ret);
	else
		refuse(&w, ret, no_grant(&w));
}

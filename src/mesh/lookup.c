#include "mesh/lookup.h"

#include <stdlib.h>

#include "codec/tagexpr.h"
#include "mesh/fold/fold.h"
#include "mesh/state.h"

/* --- shelves: where a chain begins, by (log, what, a, b) --- */

enum what { GRANTS_TO, REQUESTS_TO, RULES, DEMANDS /* those of RULES that demand approvals */, DELEGATIONS, DELEGATIONS_TO, APPROVALS, GROUPS_OF, PEOPLE_OF, TAGGED };

struct shelf { const struct log *log; enum what what; Str a, b; void *first; };

static bool
shelf_is(const void *item, const void *key)
{
	const struct shelf *s = item, *k = key;

	return s->log == k->log && s->what == k->what && str_eq(s->a, k->a) && str_eq(s->b, k->b);
}

/* Seeded by the log too: many logs have the same tags. */
static uint32_t
shelf_hash(const struct mesh *m, const struct shelf *key)
{
	return index_hash(m->seed ^ ((uint64_t)(uintptr_t)key->log << 8 | key->what), key->a, key->b);
}

static void *
shelf_first(const struct mesh *m, struct shelf key)
{
	void **at = index_find(&m->lookup.shelves, shelf_hash(m, &key), shelf_is, &key);

	return at ? ((struct shelf *)*at)->first : NULL;
}

/* The texts of the key must live as long as the state. */
static void **
shelf_make(struct mesh *m, struct shelf key)
{
	uint32_t hash = shelf_hash(m, &key);
	void **at = index_find(&m->lookup.shelves, hash, shelf_is, &key);
	struct shelf *s = at ? *at : NULL;

	if (!s) {
		s = memcpy(NEW(&m->mem, struct shelf), &key, sizeof key);
		index_add(&m->lookup.shelves, hash, s);
	}
	return &s->first;
}

/* Put before what stands there: `link` is the thing's own pointer to the next. */
#define SHELVE(m, thing, link, ...)                                                                                            \
	do {                                                                                                                   \
		void **first_ = shelf_make((m), (struct shelf){__VA_ARGS__});                                                  \
		(thing)->link = *first_;                                                                                       \
		*first_ = (thing);                                                                                             \
	} while (0)

void
lookup_fini(struct lookup *l)
{
	index_fini(&l->shelves);
}

/* --- grants, delegations, approvals, groups --- */

enum { FILTER_BITS = 1024 };

static uint32_t
filter_bit(const struct mesh *m, Str id)
{
	return index_hash(m->seed, id, S("")) % FILTER_BITS;
}

bool
lookup_tag_grants_to(const struct mesh *m, const struct log *log, Str to_id)
{
	uint32_t bit = log->lookup.tag_grants ? filter_bit(m, to_id) : 0;

	return log->lookup.tag_grants && log->lookup.tag_grants_to[bit / 64] >> bit % 64 & 1;
}

void
lookup_grant(struct mesh *m, struct grant *g)
{
	SHELVE(m, g, same_to, .what = GRANTS_TO, .a = g->pub.policy.to_id);
	g->same_log = g->item.log->lookup.grants;
	g->item.log->lookup.grants = g;
	if (!g->pub.policy.tags) return;
	g->next_by_tags = g->item.log->lookup.tag_grants;
	g->item.log->lookup.tag_grants = g;
	uint32_t bit = filter_bit(m, g->pub.policy.to_id);
	g->item.log->lookup.tag_grants_to[bit / 64] |= UINT64_C(1) << bit % 64;
}

const struct grant *
lookup_grants_to(const struct mesh *m, Str to_id)
{
	return shelf_first(m, (struct shelf){.what = GRANTS_TO, .a = to_id});
}

void
lookup_request(struct mesh *m, struct request *r)
{
	SHELVE(m, r, same_producer, .what = REQUESTS_TO, .a = r->pub.producer_domain_id);
	r->same_log = r->item.log->lookup.requests;
	r->item.log->lookup.requests = r;
}

const struct request *
lookup_requests_to(const struct mesh *m, Str producer_id)
{
	return shelf_first(m, (struct shelf){.what = REQUESTS_TO, .a = producer_id});
}

void
lookup_delegation(struct mesh *m, struct delegation *d)
{
	const struct policy_delegation *p = &d->pub.policy;

	SHELVE(m, d, same_grant, .what = DELEGATIONS, .log = d->item.log, .a = p->grant_id, .b = p->to_id);
	SHELVE(m, d, same_to, .what = DELEGATIONS_TO, .log = d->item.log, .a = p->to_id);
}

const struct delegation *
lookup_delegations(const struct mesh *m, const struct log *consumer, Str grant_id, Str to_id)
{
	return shelf_first(m, (struct shelf){.what = DELEGATIONS, .log = consumer, .a = grant_id, .b = to_id});
}

const struct delegation *
lookup_delegations_to(const struct mesh *m, const struct log *consumer, Str to_id)
{
	return shelf_first(m, (struct shelf){.what = DELEGATIONS_TO, .log = consumer, .a = to_id});
}

void
lookup_approval(struct mesh *m, struct approval *ap)
{
	SHELVE(m, ap, same_subject, .what = APPROVALS, .a = ap->subject_log, .b = ap->subject_id);
}

const struct approval *
lookup_approvals(const struct mesh *m, Str subject_log, Str subject_id)
{
	return shelf_first(m, (struct shelf){.what = APPROVALS, .a = subject_log, .b = subject_id});
}

/* Into the groups, too, that came before the member: records are loaded in any order. */
void
lookup_member(struct mesh *m, struct member *it)
{
	if (FAULT(LATE_MEMBER)) return;
	it->groups = shelf_first(m, (struct shelf){.what = GROUPS_OF, .log = it->item.log, .a = it->item.id});
}

void
lookup_group_member(struct mesh *m, struct group_member *gm)
{
	gm->group = (struct group *)state_find(m, RECORD_GROUP, gm->item.log, gm->group_id); /* there already, but for records in another order */
	SHELVE(m, gm, same_person, .what = GROUPS_OF, .log = gm->item.log, .a = gm->person_id);
	struct member *who = (struct member *)state_find(m, RECORD_MEMBER, gm->item.log, gm->person_id);
	if (who) who->groups = gm;
	SHELVE(m, gm, same_group, .what = PEOPLE_OF, .log = gm->item.log, .a = gm->group_id);
}

const struct group_member *
lookup_people_of(const struct mesh *m, const struct log *log, Str group_id)
{
	return shelf_first(m, (struct shelf){.what = PEOPLE_OF, .log = log, .a = group_id});
}

/* --- restrictions: each under the fewest things such that none that it is about is missed --- */

#define ALL S("=all") /* no tag begins like that */
#define PRODUCT S("=product")
#define DOMAIN S("=domain")
enum { VALUE_ROOM = 256 };

/* Values of tags are compared in any case where something closes. */
static Str
lower(Str s, char *out)
{
	for (size_t i = 0; i < s.n; i++) out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + ('a' - 'A')) : s.p[i];
	return str_of(out, s.n);
}

static void
anchor_put(struct mesh *m, const struct restriction *r, Str what, Str value)
{
	enum what last = r->pub.policy.approvals ? DEMANDS : RULES;

	for (enum what shelf = RULES; shelf <= last; shelf++) {
		struct anchor *an = NEW(&m->mem, struct anchor);
		an->r = r;
		SHELVE(m, an, next, .what = shelf, .log = r->item.log, .a = what, .b = value);
	}
}

static void
anchor_tag(struct mesh *m, const struct restriction *r, Str tag, Str value)
{
	r->item.log->lookup.rules_by_tags = true;
	r->item.log->lookup.demands_by_tags |= r->pub.policy.approvals > 0;
	anchor_put(m, r, tag, lower(value, arena_alloc(&m->mem, value.n)));
}

/* In how many pairs of tag and value one must be where the expression fits; SIZE_MAX where it may fit without any. */
static size_t
cover_size(const struct tag_expr *e)
{
	if (e->op == TAG_IN) return e->value_count;
	if (e->op == TAG_NOT) return SIZE_MAX;
	size_t left = cover_size(e->left), right = cover_size(e->right);
	if (e->op == TAG_AND) return left < right ? left : right;
	return left == SIZE_MAX || right == SIZE_MAX ? SIZE_MAX : left + right;
}

static void
anchor_cover(struct mesh *m, const struct restriction *r, const struct tag_expr *e)
{
	for (size_t i = 0; e->op == TAG_IN && i < (FAULT(ONE_SHELF) ? 1 : e->value_count); i++) anchor_tag(m, r, e->tag, e->values[i]);
	if (e->op == TAG_IN) return;
	bool left = e->op == TAG_OR || cover_size(e->left) <= cover_size(e->right);
	if (left) anchor_cover(m, r, e->left);
	if (e->op == TAG_OR || !left) anchor_cover(m, r, e->right);
}

void
lookup_restriction(struct mesh *m, struct restriction *r)
{
	const struct policy_restriction *p = &r->pub.policy;

	r->item.log->lookup.rules_of_approvals |= p->approvals > 0;
	r->item.log->lookup.rules_of_freezes |= p->freeze;
	if (p->freeze && p->domain_id.n && p->product_id.n) anchor_put(m, r, DOMAIN, p->domain_id);
	if (p->product_id.n)
		anchor_put(m, r, PRODUCT, p->product_id);
	else if (p->domain_id.n)
		anchor_put(m, r, DOMAIN, p->domain_id);
	else if (p->tags && cover_size(p->tags) != SIZE_MAX)
		anchor_cover(m, r, p->tags);
	else if (p->classification.n) /* last: many tables have a column of it */
		anchor_tag(m, r, S("classification"), p->classification);
	else
		anchor_put(m, r, ALL, S(""));
}

static const struct anchor *
rules_under(const struct mesh *m, const struct log *center, bool demands, Str what, Str value)
{
	return shelf_first(m, (struct shelf){.what = demands ? DEMANDS : RULES, .log = center, .a = what, .b = value});
}

const struct anchor *
lookup_rules_all(const struct mesh *m, const struct log *center, bool demands)
{
	return rules_under(m, center, demands, ALL, S(""));
}

const struct anchor *
lookup_rules_product(const struct mesh *m, const struct log *center, bool demands, Str product_id)
{
	return rules_under(m, center, demands, PRODUCT, product_id);
}

const struct anchor *
lookup_rules_domain(const struct mesh *m, const struct log *center, bool demands, Str domain_id)
{
	return rules_under(m, center, demands, DOMAIN, domain_id);
}

const struct anchor *
lookup_rules_tag(const struct mesh *m, const struct log *center, bool demands, Str tag, Str value)
{
	char room[VALUE_ROOM], *heap = value.n > sizeof room ? mem_alloc(value.n) : NULL;
	const struct anchor *an = rules_under(m, center, demands, tag, lower(value, heap ? heap : room));

	free(heap);
	return an;
}

/* --- products, by the tags in them --- */

void
lookup_product(struct mesh *m UNUSED, struct product *p)
{
	p->next = p->item.log->lookup.products;
	p->item.log->lookup.products = p;
}

static bool
is_filed(const struct product *p, const struct policy_tag *tag)
{
	for (const struct filed *f = p->filed; f; f = f->next)
		if (str_eq(f->tag, tag->name) && str_eq(f->value, tag->value)) return true;
	return false;
}

static void
tagged_put(struct mesh *m, struct product *p, const struct policy_tags *tags)
{
	for (size_t i = 0; i < tags->count; i++) {
		if (is_filed(p, &tags->list[i])) continue;
		struct filed *f = NEW(&m->mem, struct filed);
		struct tagged *t = NEW(&m->mem, struct tagged);
		*f = (struct filed){state_text(m, tags->list[i].name), state_text(m, tags->list[i].value), p->filed};
		p->filed = f;
		t->p = p;
		SHELVE(m, t, next, .what = TAGGED, .log = p->item.log, .a = f->tag, .b = f->value);
	}
}

void
lookup_product_tags(struct mesh *m, struct product *p)
{
	for (size_t i = 0; i < p->pub.table_count; i++) {
		const struct policy_table *t = &p->pub.tables[i].policy;
		const struct policy_tag *done = t->tags.list;
		tagged_put(m, p, &t->tags);
		for (size_t k = 0; k < t->column_count; k++) {
			if (t->columns[k].tags.list != done) tagged_put(m, p, &t->columns[k].tags);
			done = t->columns[k].tags.list;
		}
	}
}

const struct tagged *
lookup_tagged(const struct mesh *m, const struct log *log, Str tag, Str value)
{
	return shelf_first(m, (struct shelf){.what = TAGGED, .log = log, .a = tag, .b = value});
}

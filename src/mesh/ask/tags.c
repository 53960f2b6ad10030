/* Changes of tags that policy has not seen approved: until it has, what opens must fit before and after, and what closes need fit only one. */
#include "mesh/ask/ask.h"

/* Each tag.set of a (thing, tag), from the newest back to the last that was demanded to be approved and is; what counted before them and still matters. */
struct changes {
	const struct mesh *m;
	struct arena *a;
	const struct log *log;
	const struct policy_table *now;
	const struct policy_restriction *const *rules;
	size_t rule_count;
	struct policy_column *columns; /* of a copy of the table, to ask what it would be about */
	const struct tag **list;       /* whose `before` matters */
	struct policy_tag *before;     /* of those, with room for one more */
	size_t n;
};

static bool
same_thing(const struct tag *a, const struct tag *b)
{
	return str_eq(a->pub.table, b->pub.table) && str_eq(a->pub.column, b->pub.column) && str_eq(a->pub.tag, b->pub.tag);
}

static bool
concerns(const struct tag *t, const struct policy_table *table)
{
	return t->pub.table.n == 0 || str_eq(t->pub.table, table->name);
}

static bool
is_newest(const struct tag *first, const struct tag *t)
{
	while (first != t && !same_thing(first, t)) first = first->older;
	return first == t;
}

/* The older one of the same thing; NULL when there is none. */
static const struct tag *
previous(const struct tag *t)
{
	const struct tag *older = t->older;

	while (older && !same_thing(older, t)) older = older->older;
	return older;
}

size_t
ask_tag_approvals(const struct mesh *m, struct arena *a, const struct mesh_tag *t, struct policy_approval **ret)
{
	const struct log *log = state_log(m, t->domain_id);
	const struct mesh_member *by = PUB(member, state_find(m, RECORD_MEMBER, log, t->by));

	return ask_approvals(m, a, log, t->id, t->by, by ? 1u << by->role : 0, ret);
}

enum standing { UNDEMANDED, APPROVED, UNAPPROVED };

/* The table as though what counted before this change counted too, with all that is known to: does policy demand approvals for that? */
static enum standing
standing_of(struct changes *c, const struct tag *t)
{
	struct policy_table view = *c->now;
	struct policy_approval *approvals;
	enum standing standing = UNDEMANDED;

	if (keys_voids(c->log, t->pub.seq)) return UNAPPROVED;
	c->before[c->n] = (struct policy_tag){t->pub.tag, t->pub.before};
	view.tags_before = (struct policy_tags){c->before, c->n + 1};
	for (size_t i = 0; i < view.column_count; i++) c->columns[i].tags_before = view.tags_before;
	view.columns = c->columns;
	size_t n = c->rule_count ? ask_tag_approvals(c->m, c->a, &t->pub, &approvals) : 0;
	for (size_t i = 0; i < c->rule_count; i++) {
		if (!policy_is_about(c->rules[i], &view)) continue;
		standing = APPROVED;
		if (policy_approvals(c->rules[i], c->log->item.id, (Str){"", 0}, approvals, n) < c->rules[i]->approvals) return UNAPPROVED;
	}
	return standing;
}

static bool
is_listed(const struct changes *c, const struct tag *t)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i] == t) return true;
	return false;
}

/* All from the newest down to the oldest that is not approved: each step between may have been the one that closed. What is void is so until it is
 * confirmed, whatever was approved after it: else demanding approvals would open. */
static void
walk(struct changes *c, const struct tag *newest)
{
	const struct tag *t, *deepest = NULL;
	bool approved = false;

	for (t = newest; t; t = previous(t)) {
		enum standing s = approved ? UNDEMANDED : standing_of(c, t);
		if (s == UNAPPROVED || keys_voids(c->log, t->pub.seq)) deepest = t;
		approved |= s == APPROVED || (s == UNDEMANDED && FAULT(LAST_STEP));
	}
	for (t = newest; deepest && t; t = t == deepest ? NULL : previous(t))
		if (!is_listed(c, t)) {
			c->before[c->n] = (struct policy_tag){t->pub.tag, t->pub.before};
			c->list[c->n++] = t;
		}
}

/* --- what counted before, for each column --- */

/* Does the column, or the table, say itself what the tag is? Then what changed further up is nothing to it. */
static bool
says_itself(const struct tag *first, const struct policy_table *table, Str column, Str tag)
{
	for (const struct tag *t = first; t; t = t->older)
		if (str_eq(t->pub.table, table->name) && str_eq(t->pub.column, column) && str_eq(t->pub.tag, tag)) return t->pub.value.n > 0;
	return false;
}

static bool
reaches(const struct tag *first, const struct tag *t, const struct policy_table *table, Str column)
{
	if (t->pub.column.n > 0) return str_eq(t->pub.column, column);
	if (column.n > 0 && says_itself(first, table, column, t->pub.tag)) return false;
	return t->pub.table.n > 0 || !says_itself(first, table, (Str){"", 0}, t->pub.tag);
}

static struct policy_tags
before_of(const struct changes *c, const struct tag *first, Str column)
{
	struct policy_tag *list = NEW_N(c->a, c->n, struct policy_tag);
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (reaches(first, c->list[i], c->now, column)) list[n++] = (struct policy_tag){c->list[i]->pub.tag, c->list[i]->pub.before};
	return (struct policy_tags){list, n};
}

static const struct policy_table *
with_before(const struct changes *c, const struct tag *first)
{
	struct policy_table *t = NEW(c->a, struct policy_table);

	*t = *c->now;
	t->columns = c->columns;
	t->tags_before = before_of(c, first, (Str){"", 0});
	for (size_t i = 0; i < t->column_count; i++) c->columns[i].tags_before = before_of(c, first, t->columns[i].name);
	return t;
}

/* --- all of it --- */

/* May the center demand approvals of anything, or is a change void? Most often not, and then there is nothing to look back for. */
static bool
needs_looking(const struct mesh *m, const struct log *log, const struct tag *first, const struct policy_table *t, size_t *ret_changes, bool *ret_void)
{
	const struct log *center = state_center(m);
	bool demanded = (center && center->lookup.rules_of_approvals) || (m->suppose && m->suppose->added && m->suppose->added->approvals);

	*ret_void = false;
	for (*ret_changes = 0; first; first = first->older) {
		*ret_changes += concerns(first, t);
		*ret_void |= keys_voids(log, first->pub.seq);
	}
	return (demanded || *ret_void) && *ret_changes > 0;
}

/* With all that ever counted: no restriction that may demand approvals of a change is missed. */
static void
gather_rules(struct changes *c, const struct tag *first)
{
	struct policy_table ever = *c->now;
	size_t n = 0;

	for (const struct tag *t = first; t; t = t->older)
		if (concerns(t, c->now)) c->before[n++] = (struct policy_tag){t->pub.tag, t->pub.before};
	ever.tags_before = (struct policy_tags){c->before, n};
	c->rule_count = ask_rules_of_approvals(c->m, c->a, &ever, &c->rules);
}

const struct policy_table *
ask_table(const struct mesh *m, struct arena *a, const struct product *p, const struct policy_table *t)
{
	const struct log *log = p->item.log;
	const struct tag *first = p->newest;
	size_t n, known;
	bool any_void;

	if (!first || !needs_looking(m, log, first, t, &n, &any_void)) return t;
	struct changes c = {.m = m, .a = a, .log = log, .now = t, .before = NEW_N(a, n + 1, struct policy_tag)};
	gather_rules(&c, first);
	if (c.rule_count == 0 && !any_void) return t; /* nobody demands anything of this one */
	c.list = NEW_N(a, n, const struct tag *);
	c.columns = NEW_N(a, t->column_count, struct policy_column);
	if (t->column_count) memcpy(c.columns, t->columns, t->column_count * sizeof *c.columns);
	do { /* what counted before may bring more restrictions in, which demand more */
		known = c.n;
		for (const struct tag *one = first; one; one = one->older)
			if (concerns(one, t) && is_newest(first, one)) walk(&c, one);
	} while (c.n > known);
	return c.n ? with_before(&c, first) : t;
}

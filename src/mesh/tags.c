/* Which tags count: a thing's own, else its table's, else its product's. The class that a contract gives a column counts too: as a floor
 * under what tags say, which a publish can only raise. A tag.set of the class on that very column sets the floor aside, until the next
 * publish says more. */
#include <stdlib.h>

#include "mesh/record/record.h"

static const Str CLASS = S("classification"), NONE = {"", 0};

unsigned
class_rank(Str class)
{
	static const char *const ranks[] = {"", "public", "internal", "confidential", "restricted"};

	for (unsigned i = 0; i < ARRAY_LEN(ranks); i++)
		if (str_eqc(class, ranks[i])) return i;
	return ARRAY_LEN(ranks);
}

static Str
class_of(Str floor, Str inherited, const struct tag *own, uint64_t published)
{
	Str said = own && own->pub.value.n ? own->pub.value : inherited;

	if (own && own->pub.seq > published) return said;
	return class_rank(floor) >= class_rank(said) ? floor : said;
}

/* --- one thing --- */

static const struct tag *
newest_of(const struct tag *t, Str table, Str column, Str tag)
{
	while (t && !(str_eq(t->pub.tag, tag) && str_eq(t->pub.column, column) && str_eq(t->pub.table, table))) t = t->older;
	return t;
}

static Str
value_of(const struct tag *t)
{
	return t ? t->pub.value : NONE;
}

static Str
floor_of(const struct mesh_product *p, Str table, Str column)
{
	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		for (size_t k = 0; str_eq(t->name, table) && k < t->column_count; k++)
			if (str_eq(t->columns[k].name, column)) return p->tables[i].floors[k];
	}
	return NONE;
}

Str
tags_value(const struct mesh_product *p, const struct tag *newest, Str table, Str column, Str tag)
{
	const struct tag *own = newest_of(newest, table, column, tag);
	Str inherited = column.n ? value_of(newest_of(newest, table, NONE, tag)) : NONE;

	if (inherited.n == 0 && table.n) inherited = value_of(newest_of(newest, NONE, NONE, tag));
	if (column.n && str_eq(tag, CLASS)) return class_of(floor_of(p, table, column), inherited, own, p->seq);
	return own && own->pub.value.n ? own->pub.value : inherited;
}

Str
tags_floor(const struct mesh_table *was, size_t column, const struct tag *newest, uint64_t published, Str class)
{
	const struct tag *own = newest_of(newest, was->policy.name, was->policy.columns[column].name, CLASS);
	Str floor = own && own->pub.seq > published ? NONE : was->floors[column];

	return class_rank(class) >= class_rank(floor) ? class : floor;
}

Str
tags_published(const struct mesh_product *p, const struct mesh_table *t, size_t column, const struct tag *newest, Str class)
{
	Str name = t->policy.columns[column].name, inherited = value_of(newest_of(newest, t->policy.name, NONE, CLASS));

	if (inherited.n == 0) inherited = value_of(newest_of(newest, NONE, NONE, CLASS));
	return class_of(tags_floor(t, column, newest, p->seq, class), inherited, newest_of(newest, t->policy.name, name, CLASS), UINT64_MAX);
}

/* --- all of a product --- */

/* The tag.sets that stand, by (table, column, tag); those that removed a tag too. */
struct standing { const struct tag **list; size_t n; };

struct slice { const struct tag *const *list; size_t n; };

struct join { struct standing all; uint64_t published; struct policy_tag *out; size_t n, cap; };

static int
by_thing(const void *a, const void *b)
{
	const struct mesh_tag *x = &(*(const struct tag *const *)a)->pub, *y = &(*(const struct tag *const *)b)->pub;
	int r = str_cmp(x->table, y->table);

	if (r == 0) r = str_cmp(x->column, y->column);
	if (r == 0) r = str_cmp(x->tag, y->tag);
	return r ? r : (x->seq < y->seq) - (x->seq > y->seq);
}

static bool
same_tag(const struct mesh_tag *x, const struct mesh_tag *y)
{
	return str_eq(x->tag, y->tag) && str_eq(x->column, y->column) && str_eq(x->table, y->table);
}

static void
standing_of(const struct tag *newest, struct standing *ret)
{
	size_t n = 0, kept = 0;

	for (const struct tag *t = newest; t; t = t->older) n++;
	const struct tag **list = n ? mem_alloc(n * sizeof *list) : NULL;
	n = 0;
	for (const struct tag *t = newest; t; t = t->older) list[n++] = t;
	if (n) qsort(list, n, sizeof *list, by_thing);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !same_tag(&list[kept - 1]->pub, &list[i]->pub)) list[kept++] = list[i];
	*ret = (struct standing){list, kept};
}

static int
thing_cmp(const struct mesh_tag *t, Str table, Str column)
{
	int r = str_cmp(t->table, table);

	return r ? r : str_cmp(t->column, column);
}

static struct slice
slice_of(const struct standing *all, Str table, Str column)
{
	size_t from = 0, to = all->n, end;

	while (from < to) {
		size_t mid = (from + to) / 2;
		if (thing_cmp(&all->list[mid]->pub, table, column) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	for (end = from; end < all->n && thing_cmp(&all->list[end]->pub, table, column) == 0;) end++;
	return (struct slice){all->n ? all->list + from : NULL, end - from};
}

static void
emit(struct join *j, Str name, Str value)
{
	if (value.n == 0) return;
	if (j->n == j->cap) j->out = mem_resize(j->out, (j->cap = j->cap * 2 + 8) * sizeof *j->out);
	j->out[j->n++] = (struct policy_tag){name, value};
}

static const struct tag *
take(struct slice *s, Str name)
{
	if (s->n == 0 || !str_eq(s->list[0]->pub.tag, name)) return NULL;
	s->n--;
	return *s->list++;
}

/* Merge what a column, its table and its product have, each by rising names; floor NULL for what is no column. */
static void
join_thing(struct join *j, struct slice own, struct slice table, struct slice product, const Str *floor)
{
	struct slice *all[] = {&own, &table, &product};
	bool class_due = floor && floor->n;

	while (own.n || table.n || product.n || class_due) {
		Str name = class_due ? CLASS : NONE;
		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			if (all[i]->n && (name.n == 0 || str_cmp(all[i]->list[0]->pub.tag, name) < 0)) name = all[i]->list[0]->pub.tag;
		const struct tag *of_own = take(&own, name), *of_table = take(&table, name), *of_product = take(&product, name);
		Str inherited = of_table && of_table->pub.value.n ? of_table->pub.value : value_of(of_product);
		if (floor && str_eq(name, CLASS)) {
			emit(j, CLASS, class_of(*floor, inherited, of_own, j->published));
			class_due = false;
		} else
			emit(j, name, of_own && of_own->pub.value.n ? of_own->pub.value : inherited);
	}
}

static const struct slice EMPTY;

/* Counts go into the lists first; their places, once `out` no longer moves, are handed out in the same order. */
static void
join_table(struct join *j, struct mesh_table *t, struct slice product)
{
	struct policy_column *columns = (struct policy_column *)(uintptr_t)t->policy.columns;
	struct slice table = slice_of(&j->all, t->policy.name, NONE);
	size_t before = j->n;

	join_thing(j, EMPTY, table, product, NULL);
	t->policy.tags.count = j->n - before;
	for (size_t k = 0; k < t->policy.column_count; k++) {
		before = j->n;
		join_thing(j, slice_of(&j->all, t->policy.name, columns[k].name), table, product, &t->floors[k]);
		columns[k].tags.count = j->n - before;
	}
}

static void
hand_out(const struct policy_tag **at, struct policy_tags *tags)
{
	tags->list = tags->count ? *at : NULL;
	*at += tags->count;
}

void
tags_join(struct product *p, const struct tag *newest)
{
	struct join j = {.published = p->pub.seq};
	const struct policy_tag *at;

	standing_of(newest, &j.all);
	struct slice product = slice_of(&j.all, NONE, NONE);
	for (size_t i = 0; i < p->pub.table_count; i++) join_table(&j, &p->pub.tables[i], product);
	free(p->tags);
	at = p->tags = j.out;
	for (size_t i = 0; i < p->pub.table_count; i++) {
		struct policy_table *t = &p->pub.tables[i].policy;
		struct policy_column *columns = (struct policy_column *)(uintptr_t)t->columns;
		hand_out(&at, &t->tags);
		for (size_t k = 0; k < t->column_count; k++) hand_out(&at, &columns[k].tags);
	}
	free(j.all.list);
}

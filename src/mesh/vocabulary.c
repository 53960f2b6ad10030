/* The words of governance: tags and purposes, built in or of the center. */
#include <stdlib.h>

#include "mesh/state.h"

#define VALUES(name) .values = (name), .value_count = ARRAY_LEN(name)

static const Str CLASSES[] = {S("public"), S("internal"), S("confidential"), S("restricted")};
static const Str ENVIRONMENTS[] = {S("dev"), S("test"), S("prod")};
static const Str PERSONAL_DATA[] = {S("name"),    S("email"),    S("phone"),  S("address"),   S("birth_date"), S("national_id"),
                                    S("payment"), S("location"), S("health"), S("online_id"), S("other")};

static const struct mesh_tag_def BUILT_IN[] = {
    {.tag = S("classification"), .kind = TAG_ORDERED, .built_in = true, VALUES(CLASSES)},
    {.tag = S("cost_center"), .kind = TAG_FREE, .built_in = true},
    {.tag = S("environment"), .kind = TAG_CHOICE, .built_in = true, VALUES(ENVIRONMENTS)},
    {.tag = S("personal_data"), .kind = TAG_CHOICE, .built_in = true, VALUES(PERSONAL_DATA)},
};

const struct mesh_tag_def *
tag_built_in(Str tag)
{
	for (size_t i = 0; i < ARRAY_LEN(BUILT_IN); i++)
		if (str_eq(BUILT_IN[i].tag, tag)) return &BUILT_IN[i];
	return NULL;
}

const struct mesh_tag_def *
mesh_tag_def(const struct mesh *m, Str tag)
{
	const struct log *center = state_center(m);
	const struct tag_def *d = center ? (const struct tag_def *)state_find(m, RECORD_TAG_DEF, center, tag) : NULL;

	return d && !d->pub.retired ? &d->pub : tag_built_in(tag);
}

static int
by_tag(const void *a, const void *b)
{
	return str_cmp((*(const struct mesh_tag_def *const *)a)->tag, (*(const struct mesh_tag_def *const *)b)->tag);
}

size_t
mesh_tag_defs(const struct mesh *m, struct arena *a, const struct mesh_tag_def ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_TAG_DEF, &items), count = 0;
	const struct mesh_tag_def **list = NEW_N(a, n + ARRAY_LEN(BUILT_IN), const struct mesh_tag_def *);

	for (size_t i = 0; i < ARRAY_LEN(BUILT_IN); i++) list[count++] = mesh_tag_def(m, BUILT_IN[i].tag);
	for (size_t i = 0; i < n; i++) {
		const struct mesh_tag_def *d = &((const struct tag_def *)items[i])->pub;
		if (str_eq(items[i]->log->item.id, m->center) && !d->retired && !tag_built_in(d->tag)) list[count++] = d;
	}
	free(items);
	qsort(list, count, sizeof *list, by_tag);
	*ret = list;
	return count;
}

bool
mesh_purpose_path(Str s)
{
	Str part, rest = s;
	size_t parts = 0;

	if (s.n == 0 || s.n > 128) return false;
	while (rest.p) {
		rest = str_cut(rest, '/', &part);
		if (!str_is_ident(part) || ++parts > 8) return false;
	}
	return true;
}

static int
by_path(const void *a, const void *b)
{
	return str_cmp((*(const struct mesh_purpose *const *)a)->purpose, (*(const struct mesh_purpose *const *)b)->purpose);
}

static bool
may_use(const struct purpose *p)
{
	return !p->pub.retired && !keys_voids(p->item.log, p->pub.seq);
}

size_t
mesh_purposes(const struct mesh *m, struct arena *a, const struct mesh_purpose ***ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_PURPOSE, &items), count = 0;
	const struct mesh_purpose **list = NEW_N(a, n, const struct mesh_purpose *);

	for (size_t i = 0; i < n; i++) {
		const struct mesh_purpose *p = &((const struct purpose *)items[i])->pub;
		if (str_eq(items[i]->log->item.id, m->center) && may_use((const struct purpose *)items[i])) list[count++] = p;
	}
	free(items);
	if (count) qsort(list, count, sizeof *list, by_path);
	*ret = list;
	return count;
}

bool
mesh_purpose_ok(const struct mesh *m, Str purpose)
{
	const struct log *center = state_center(m);
	const struct item *it = center ? state_find(m, RECORD_PURPOSE, center, purpose) : NULL;

	return !center || center->purposes == 0 || (it && may_use((const struct purpose *)it));
}

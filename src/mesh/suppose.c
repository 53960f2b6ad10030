/* Views: what would be decided, were one thing otherwise. */
#include "mesh/state.h"

const struct mesh *
mesh_suppose(const struct mesh *m, struct arena *a, const struct mesh_suppose *s)
{
	struct mesh *view = NEW_N(a, 1, struct mesh);

	*view = *m; /* what it points to is shared; nobody folds into a view */
	view->suppose = s;
	return view;
}

bool
suppose_counts(const struct mesh *m, const struct grant *g)
{
	const struct mesh_suppose *s = m->suppose;

	if (!s || s->grant_id.n == 0) return true;
	bool named = str_eq(g->item.id, s->grant_id) && str_eq(g->item.log->item.id, s->grant_domain_id);
	return named == s->alone;
}

const struct grant *
suppose_alone(const struct mesh *m)
{
	const struct mesh_suppose *s = m->suppose;
	const struct log *log = s && s->alone ? state_log(m, s->grant_domain_id) : NULL;

	return log ? (const struct grant *)state_find(m, RECORD_GRANT, log, s->grant_id) : NULL;
}

size_t
suppose_restrictions(const struct mesh *m, struct arena *a, const struct policy_restriction *const **list, size_t n)
{
	const struct mesh_suppose *s = m->suppose;
	size_t count = 0;

	if (!s || (!s->added && s->lifted.n == 0)) return n;
	const struct policy_restriction **changed = NEW_N(a, n + 1, const struct policy_restriction *);
	for (size_t i = 0; i < n; i++)
		if (!str_eq((*list)[i]->id, s->lifted)) changed[count++] = (*list)[i];
	if (s->added) changed[count++] = s->added; /* policy sees whether it is about the table */
	*list = changed;
	return count;
}

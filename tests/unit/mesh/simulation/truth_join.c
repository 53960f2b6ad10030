/* Keys, forks, people and tags: what spans entries and logs. */
#include "truth.h"

/* --- keys and forks --- */

static bool
settled(const struct t_log *l, uint64_t at)
{
	for (int i = 0; i < l->resolve_count; i++)
		if (at >= l->resolves[i].from && at < l->resolves[i].to) return true;
	return false;
}

uint64_t
truth_forked_at(const struct truth *t, int domain)
{
	uint64_t at = UINT64_MAX;

	for (int i = 0; i < t->fork_count; i++) {
		const struct t_fork *f = &t->forks[i];
		if (f->proven && f->domain == domain && f->at < at && !settled(&t->logs[domain], f->at)) at = f->at;
	}
	return at;
}

/* Confirmations from `fork` on do not count. */
static bool
stolen_before(const struct t_log *l, uint64_t seq, uint64_t fork)
{
	bool stolen = false;

	for (int i = 0; i < l->void_count; i++) stolen |= seq >= l->voids[i].from && seq < l->voids[i].to;
	for (int i = 0; stolen && i < l->confirm_count; i++)
		if (l->confirms[i].from == seq && l->confirms[i].to < fork) return false;
	return stolen;
}

bool
truth_stolen(const struct t_log *l, uint64_t seq)
{
	return stolen_before(l, seq, UINT64_MAX);
}

bool
truth_void(const struct truth *t, int domain, uint64_t seq)
{
	uint64_t fork = truth_forked_at(t, domain);

	return seq >= fork || stolen_before(&t->logs[domain], seq, fork);
}

bool
truth_ended_elsewhere(const struct truth *t, int domain, int id, bool delegation)
{
	for (int i = 0; i < t->fork_count; i++) {
		const struct t_fork *f = &t->forks[i];
		if (f->proven && f->domain == domain && f->ends == id && f->delegation == delegation) return true;
	}
	return false;
}

/* --- people --- */

/* Whose newest member.set is void is nobody there. */
int
truth_home(const struct truth *t, int person)
{
	for (int i = 0; i < DOMAINS; i++) {
		const struct t_member *m = &t->logs[t->by_id[i]].members[person];
		if (m->active && !truth_void(t, t->by_id[i], m->set_seq)) return t->by_id[i];
	}
	return -1;
}

bool
truth_is_owner(const struct truth *t, int domain, int person)
{
	const struct t_member *m = &t->logs[domain].members[person];

	return m->active && m->role == ROLE_OWNER && !truth_void(t, domain, m->set_seq);
}

bool
truth_in_group(const struct truth *t, int domain, int group, int person)
{
	const struct t_log *l = &t->logs[domain];
	bool in = l->groups[group].there && !l->groups[group].ended && l->groups[group].members[person].in && l->members[person].active;
	uint64_t seq = l->groups[group].members[person].seq;

	return in && seq > l->members[person].seq && !truth_void(t, domain, seq);
}

int
truth_human(const struct truth *t, int domain, int person)
{
	const struct t_member *m = &t->logs[domain].members[person];

	return m->there ? m->human : person;
}

bool
truth_is_to(const struct truth *t, const struct t_use *u, int home, int person)
{
	if (u->to_kind == PRINCIPAL_DOMAIN) return u->to == home;
	if (u->to_kind == PRINCIPAL_PERSON) return u->to == person;
	return u->to_domain == home && truth_in_group(t, home, u->to, person);
}

/* --- tags --- */

static bool
is_of(const struct t_tag *g, int product, int table, int column)
{
	return g->there && g->product == product && g->table == table && g->column == column;
}

/* The newest of the thing that was said before `seq`. */
static const struct t_tag *
newest_before(const struct t_log *l, int product, int table, int column, uint64_t seq)
{
	const struct t_tag *newest = NULL;

	for (int i = 0; i < TAGS; i++) {
		const struct t_tag *g = &l->tags[i];
		if (is_of(g, product, table, column) && g->seq < seq && (!newest || g->seq > newest->seq)) newest = g;
	}
	return newest;
}

const struct t_tag *
truth_tag(const struct t_log *l, int product, int table, int column)
{
	return newest_before(l, product, table, column, UINT64_MAX);
}

const struct t_tag *
truth_tag_before(const struct t_log *l, const struct t_tag *of)
{
	return newest_before(l, of->product, of->table, of->column, of->seq);
}

/* Its own, else its table's, else its product's. */
int
truth_area(const struct t_log *l, int product, int table, int column)
{
	const struct t_tag *own[] = {column < 0 ? NULL : truth_tag(l, product, table, column), table < 0 ? NULL : truth_tag(l, product, table, -1),
	                             truth_tag(l, product, -1, -1)};

	for (int i = 0; i < 3; i++)
		if (own[i] && own[i]->value != AREA_NONE) return own[i]->value;
	return AREA_NONE;
}

/* --- purposes --- */

/* One that was retired by a stolen key may not be used, and is yet a part of the tree. */
bool
truth_purpose_known(const struct truth *t, int purpose)
{
	bool tree = false;

	for (int i = 0; i < PURPOSES; i++) {
		const struct t_purpose *p = &t->logs[OUR_CENTER].purposes[i];
		bool is_void = p->there && truth_void(t, OUR_CENTER, p->seq);
		if (i == purpose && p->there && !p->retired && !is_void) return true;
		tree |= p->there && (!p->retired || is_void);
	}
	return !tree;
}

/* named: a grant for any purpose does not do. */
bool
truth_purpose_fits(int granted, int asked, bool named)
{
	switch (granted) {
	case PURPOSE_ANY: return !named;
	case PURPOSE_CAMPAIGN: return asked == PURPOSE_CAMPAIGN;
	default: return asked == PURPOSE_MARKETING || asked == PURPOSE_PART;
	}
}

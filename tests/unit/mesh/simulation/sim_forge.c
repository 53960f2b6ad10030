/* What a log's domain did not say there: by other keys, of other places, said before; and second histories. */
#include "simulation.h"

/* Right in all but that it is of another log. */
static Str
of_another_log(struct sim *s, const struct choice *c, int other)
{
	struct speaker kept = s->w->d[c->domain];

	memcpy(s->w->d[c->domain].id, s->w->d[other].id, sizeof kept.id);
	Str payload = world_payload(s->w, c->domain, c->type, sim_body(s, c));
	s->w->d[c->domain] = kept;
	return world_sign(s->w, NULL, payload);
}

/* Said too late, or too early; or behind something else. */
static Str
out_of_place(struct sim *s, const struct choice *c)
{
	struct speaker kept = s->w->d[c->domain], *d = &s->w->d[c->domain];

	if (one_in(s, 2))
		d->size += one_in(s, 2) ? 1 : (uint64_t)-1;
	else
		d->head.b[roll(s, HASH_BYTES)] ^= 1;
	Str payload = world_payload(s->w, c->domain, c->type, sim_body(s, c));
	*d = kept;
	return world_sign(s->w, NULL, payload);
}

/* The thief has the domain's key and one recovery key, and says that nothing was stolen. */
static Str
takeover(struct sim *s, struct choice *c)
{
	struct vault *v = &s->vaults[c->domain];
	const struct sign_key *key = &s->w->d[c->domain].key;
	const struct sign_key *by[] = {one_in(s, 2) ? key : &v->recovery[0], &v->recovery[0]};
	struct sign_key mine, behind;

	c->stolen = false;
	c->type = one_in(s, 2) ? EVENT_KEY_ROTATE : EVENT_FORK_RESOLVE;
	if (c->since == 0 || c->since >= s->w->d[c->domain].size) c->since = 1;
	if (c->type == EVENT_FORK_RESOLVE) return world_sign(s->w, key, world_payload(s->w, c->domain, c->type, sim_resolve(s, c, by)));
	world_key(s->w, &mine);
	world_key(s->w, &behind);
	return world_sign(s->w, &mine, world_payload(s->w, c->domain, c->type, sim_rotation(s, c, &mine, &behind, by)));
}

static Str
signed_before(struct sim *s, int domain)
{
	const struct vault *v = &s->vaults[domain];
	unsigned n = v->signed_count < SIGNED ? v->signed_count : SIGNED;

	return v->signed_entries[roll(s, n)];
}

/* What is out of its log or place need not be signed to be tried: what refuses it is asked apart from signatures, which a checkpoint may vouch for. */
Str
sim_forge(struct sim *s, struct choice *c, bool *ret_verify)
{
	struct world *w = s->w;
	struct vault *v = &s->vaults[c->domain];
	int other = (c->domain + 1 + (int)roll(s, DOMAINS - 1)) % DOMAINS;
	unsigned how = roll(s, 16);

	if (c->type == EVENT_KEY_ROTATE || (c->type == EVENT_FORK_RESOLVE && how != 0)) c->type = EVENT_GRANT_REVOKE;
	*ret_verify = how < 9;
	switch (how) {
	case 0: return takeover(s, c);
	case 1: case 2: return signed_before(s, c->domain);
	case 3: case 4: return signed_before(s, other);
	case 5: case 6: return world_sign(w, &w->d[other].key, world_payload(w, c->domain, c->type, sim_body(s, c)));
	case 7: case 8: /* the key of before the rotation, or the one that is not revealed yet */
		w->now = DAY(0) - (Time)roll(s, 300) * TIME_DAY;
		return world_sign(w, v->rotated ? &v->old : &v->next, world_payload(w, c->domain, c->type, sim_body(s, c)));
	case 9: case 10: return s->told[roll(s, s->told_count)].entry;
	case 11: case 12: case 13: return of_another_log(s, c, other);
	default: return out_of_place(s, c);
	}
}

void
sim_remember_signed(struct sim *s, int domain, Str entry)
{
	struct vault *v = &s->vaults[domain];

	v->signed_entries[v->signed_count++ % SIGNED] = entry;
}

void
sim_fork_off(struct sim *s, const struct choice *c, Str entry)
{
	static const enum event_type types[] = {EVENT_GRANT_REVOKE, EVENT_GRANT_REVOKE, EVENT_DELEGATION_END, EVENT_GRANT_ADD, EVENT_MEMBER_SET};
	struct choice other = sim_choose(s);
	struct truth *t = &s->t;

	other.domain = c->domain;
	other.type = types[roll(s, ARRAY_LEN(types))];
	Str b = world_sign(s->w, &s->w->d[c->domain].key, world_payload(s->w, c->domain, other.type, sim_body(s, &other)));
	if (str_eq(entry, b)) return;
	int n = t->fork_count++;
	s->branches[n][0] = in_base64(&s->kept, entry);
	s->branches[n][1] = in_base64(&s->kept, b);
	t->forks[n] = (struct t_fork){.domain = c->domain, .at = s->w->d[c->domain].size, .delegation = other.type == EVENT_DELEGATION_END,
	    .ends = other.type == EVENT_GRANT_REVOKE ? other.grant : other.type == EVENT_DELEGATION_END ? other.delegation : -1};
}

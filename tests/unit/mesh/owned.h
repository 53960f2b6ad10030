/* A domain with a chain of keys, its rotations, and second histories of its log. Included by one test file each, behind mesh/fork.c. */
#ifndef TESTS_MESH_OWNED_H
#define TESTS_MESH_OWNED_H

#include "world.h"

enum { STORES, INSIGHTS, WITNESS, CENTER };
enum { KEYS = 12 };

/* stores with a chain of keys and three recovery keys; insights reads what it is granted. */
struct owner { struct sign_key key[KEYS], recovery[3]; int now; };

static inline void
digest_of(const struct sign_key *k, uint8_t ret[static 32])
{
	crypt_sha256(str_of(k->pub, sizeof k->pub), ret);
}

static inline void
found_as(struct world *w, struct owner *o, bool center)
{
	struct custody k = {.owner_keeps = true, .recoverable = true};
	struct speaker *s = &w->d[STORES];

	o->now = 0;
	for (int i = 0; i < KEYS; i++) world_key(w, &o->key[i]);
	for (int i = 0; i < 3; i++) {
		world_key(w, &o->recovery[i]);
		memcpy(k.recovery[i], o->recovery[i].pub, 32);
	}
	memcpy(k.event_pub, o->key[0].pub, 32);
	digest_of(&o->key[1], k.next);
	w->body.n = 0;
	body_founding(&w->body, S("stores"), center, S("00112233445566778899aabbccddeeff"), &k);
	Str payload = world_payload(w, STORES, EVENT_DOMAIN_INCEPTION, arena_str(&w->arena, buf_view(&w->body)));
	crypt_sha256_text(payload, s->id);
	s->key = o->key[0];
	assert_true(world_apply(w, STORES, world_sign(w, &s->key, payload), true));
}

static inline void
found_with(struct world *w, struct owner *o)
{
	found_as(w, o, false);
}

static inline void
set_up(struct world *w, struct owner *o)
{
	found_with(w, o);
	world_found(w, INSIGHTS, "insights", false);
	world_found(w, WITNESS, "witness", false);
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person00"), ROLE_OWNER, false, S(""))));
	assert_true(SAY(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S("person07"), ROLE_ANALYST, false, S(""))));
	assert_true(publish(w, STORES, "prd_00000001", "sales"));
}

static inline bool
grant(struct world *w, const char *id, const char *table)
{
	struct mesh_grant g = a_grant(id, "prd_00000001", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	g.policy.table = str_c(table);
	return say_grant(w, STORES, &g);
}

static inline bool
revoke(struct world *w, const char *id)
{
	return SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, str_c(id)));
}

static inline bool
confirm(struct world *w, uint64_t seq)
{
	return SAY(w, STORES, CONFIRM, body_confirm(&w->body, &seq, 1));
}

static inline void
endorse(const struct sign_key *by, Str text, struct endorsement *ret)
{
	memcpy(ret->pub, by->pub, sizeof ret->pub);
	sign_make(by, text, ret->signature);
}

/* The rotation to `to`, committing to `next`, endorsed by these; as a payload. since 0: nothing was compromised. */
static inline Str
rotation_of(struct world *w, const struct sign_key *to, const struct sign_key *next, uint64_t since, const struct sign_key *const *by, size_t n)
{
	struct speaker *s = &w->d[STORES];
	struct rotation r = {.compromised = since > 0, .since = since, .count = n};
	BUF_AUTO text = BUF_INIT;

	memcpy(r.pub, to->pub, sizeof r.pub);
	digest_of(next, r.next);
	mesh_rotate_text(&text, did(w, STORES), s->size, &s->head, &r);
	for (size_t i = 0; i < n; i++) endorse(by[i], buf_view(&text), &r.endorsements[i]);
	w->body.n = 0;
	body_rotate(&w->body, &r);
	return world_payload(w, STORES, EVENT_KEY_ROTATE, arena_str(&w->arena, buf_view(&w->body)));
}

#define BY(...) (const struct sign_key *const[]){__VA_ARGS__}, sizeof((const struct sign_key *const[]){__VA_ARGS__}) / sizeof(struct sign_key *)

static inline bool
say_rotation(struct world *w, const struct sign_key *signer, Str payload)
{
	return world_apply(w, STORES, world_sign(w, signer, payload), true);
}

/* The next key in its turn. */
static inline bool
rotate(struct world *w, struct owner *o, uint64_t since)
{
	int i = o->now;

	if (!say_rotation(w, &o->key[i + 1], rotation_of(w, &o->key[i + 1], &o->key[i + 2], since, BY(&o->key[i])))) return false;
	o->now++;
	w->d[STORES].key = o->key[o->now];
	return true;
}

/* --- forks --- */

/* Entries of a second history of stores from its entry `at` on, as the thief of its key, or a node restored from a backup, signs them. */
struct branch_maker { struct world *w; uint64_t seq; Hash prev; Str entries[8]; size_t n; };

static inline void
branch_say(struct branch_maker *b, const struct sign_key *key, enum event_type type, Str body)
{
	BUF_AUTO out = BUF_INIT;

	event_write(&(struct event_head){.origin = did(b->w, STORES), .actor = S("person00"), .idem = S(""), .seq = b->seq, .prev = b->prev, .time = b->w->now,
	                                 .type = type}, body, &out);
	Str entry = world_sign(b->w, key, arena_str(&b->w->arena, buf_view(&out)));
	b->entries[b->n++] = entry;
	b->prev = tree_leaf(entry);
	b->seq++;
}

static inline void
branch_grant(struct branch_maker *b, const struct sign_key *key, const char *id)
{
	struct mesh_grant g = a_grant(id, "prd_00000001", PRINCIPAL_DOMAIN, did(b->w, INSIGHTS));

	b->w->body.n = 0;
	body_grant(&b->w->body, &g);
	branch_say(b, key, EVENT_GRANT_ADD, arena_str(&b->w->arena, buf_view(&b->w->body)));
}

static inline void
branch_revoke(struct branch_maker *b, const struct sign_key *key, const char *id)
{
	b->w->body.n = 0;
	body_revoke(&b->w->body, str_c(id));
	branch_say(b, key, EVENT_GRANT_REVOKE, arena_str(&b->w->arena, buf_view(&b->w->body)));
}

static inline Str
in_base64(struct world *w, Str entry)
{
	BUF_AUTO text = BUF_INIT;

	base64_put(&text, entry);
	return arena_str(&w->arena, buf_view(&text));
}

static inline bool
report(struct world *w, int by, const char *id, const struct branch_maker *a, const struct branch_maker *b)
{
	Str x[8], y[8];

	for (size_t i = 0; i < a->n; i++) x[i] = in_base64(w, a->entries[i]);
	for (size_t i = 0; i < b->n; i++) y[i] = in_base64(w, b->entries[i]);
	return SAY(w, by, FORK_REPORT, body_fork(&w->body, str_c(id), did(w, STORES), x, a->n, y, b->n));
}

static inline size_t
forks_of(struct world *w)
{
	struct mesh_fork *forks;

	return mesh_forks(w->m, &w->arena, &forks);
}

static inline bool
in_a_world(unsigned fault, bool (*check)(struct world *w))
{
	void *state;

	world_init(&state);
	mesh_faults = fault;
	bool held = check(state);
	mesh_faults = 0;
	world_fini(&state);
	return held;
}

#endif

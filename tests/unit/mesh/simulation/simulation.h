/* A seeded mesh of domains that say right and wrong things.
 *
 * sim_choose.c   what is said next, and where
 * sim_aim.c      about what: mostly about something that stands already
 * sim_write.c    its body
 * sim_forge.c    entries that their log's domain did not say there; second histories
 * sim_ask.c      who asks for what: about what was just said, and about what stands
 * sim_check.c    the properties
 * sim_world.c    the life of one world
 * sim_memo.c     a signature is checked once
 * truth.h        what must not come of it */
#ifndef TESTS_MESH_SIMULATION_H
#define TESTS_MESH_SIMULATION_H

#include "truth.h"
#include "../world.h"

enum { WORLD_EVENTS = 1000, SIGNED = 32, EXTRACTS = 512 };

/* What a world is mostly about: the same events everywhere, other frequencies. */
enum theme { THEME_ALL, THEME_APPROVALS, THEME_DELEGATIONS, THEME_TAGS, THEME_KEYS, THEMES };

/* What was found and done, of one world or of many. */
struct outcome {
	unsigned events, hostile, overreaching, accepted, questions, allows, isolated, uncentered, orders, forks, extracts, violations;
	unsigned said[EVENT_TYPE_COUNT];   /* and accepted, of each type */
	unsigned opened[EVENT_TYPE_COUNT]; /* what turned a deny into an allow */
	unsigned closed[EVENT_TYPE_COUNT];
	unsigned by_group, by_delegation, by_tags, approved; /* allowed so; the last: where the center demands approvals */
	uint64_t seed;                     /* of the first violation */
	char first[400];
};

/* What a domain keeps for itself, and a thief may get hold of. */
struct vault { struct sign_key old, next, after, recovery[RECOVERY_KEYS]; bool rotated; Str signed_entries[SIGNED]; unsigned signed_count; };
struct told { int domain; Str entry; bool verify; };
/* Of decisions: what is promised to be one extract, and what it is. */
struct extract { bool there; uint8_t hash[32]; uint64_t shape; };

struct sim {
	struct world *w;
	struct truth t;
	struct outcome *o;
	uint64_t random;
	enum theme theme;
	int producer, consumer;            /* where most of it happens */
	struct arena kept;
	struct vault vaults[DOMAINS];
	Str branches[FORKS][2];            /* the two entries of each fork, in base64 */
	struct told told[WORLD_EVENTS + DOMAINS];
	unsigned told_count, reports;
	struct mesh *uncentered;           /* everything but the log of the center */
	struct mesh *pair;                 /* the logs of the producer and the consumer and nothing else */
	struct extract extracts[EXTRACTS];
};

extern const char *const TABLE_NAMES[], *const PURPOSE_NAMES[]; /* tables by table + 1 */

unsigned roll(struct sim *s, unsigned below);
bool one_in(struct sim *s, unsigned n);
void violation(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- sim_choose.c --- */
struct choice sim_choose(struct sim *s);

/* --- sim_aim.c --- */
void sim_aim(struct sim *s, struct choice *c); /* at what c->type in c->domain is about */
unsigned sim_live_rules(const struct sim *s);

/* --- sim_write.c; all in the world's arena, valid until the end of the event --- */
Str sim_id(struct sim *s, const char *prefix, int n);
Str sim_body(struct sim *s, const struct choice *c); /* of keys: with all that is needed; a thief's are made in sim_forge.c */
Str in_base64(struct arena *a, Str entry);
/* To `key`, with `next` behind it, endorsed by two. */
Str sim_rotation(struct sim *s, const struct choice *c, const struct sign_key *key, const struct sign_key *next, const struct sign_key *const by[2]);
Str sim_resolve(struct sim *s, const struct choice *c, const struct sign_key *const by[2]);

/* --- sim_forge.c --- */
/* An entry that its log's domain did not say there. *ret_verify false: a checkpoint vouches for its signature, and it is wrong otherwise. */
Str sim_forge(struct sim *s, struct choice *c, bool *ret_verify);
/* Another thing said in the same place, by the same key: a node restored from a backup, or a thief. */
void sim_fork_off(struct sim *s, const struct choice *c, Str entry);
void sim_remember_signed(struct sim *s, int domain, Str entry);

/* --- sim_ask.c --- */
bool sim_ask(const struct mesh *m, const struct sim *s, const struct question *q, struct policy_decision *ret); /* allowed? */
struct question sim_any_question(struct sim *s);
struct question sim_question_of_grant(struct sim *s, int domain, int grant);
struct question sim_question_of_delegation(struct sim *s, int domain, int delegation);
struct question sim_question_about(struct sim *s, const struct choice *c); /* as it will be when it is said */

/* --- sim_check.c --- */
enum { ASKED = 3 }; /* questions about each event */
struct asked { struct question q[ASKED]; bool before[ASKED]; struct policy_decision after[ASKED]; int home[ASKED]; };
void sim_check_answer(struct sim *s, const struct question *q, const struct policy_decision *d);
void sim_check_change(struct sim *s, const struct choice *c, const struct asked *a, bool hostile, bool is_false);
void sim_check_same(struct sim *s, const struct mesh *other, const char *what);

/* --- sim_world.c --- */
/* One world of WORLD_EVENTS, its counts and the first violation added to o. until_noticed: end at the first. */
void sim_run_world(uint64_t seed, bool until_noticed, struct outcome *o);

/* --- sim_memo.c --- */
void sim_memo_forget(void);

#endif

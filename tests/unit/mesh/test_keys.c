/* Keys and forks of logs, rule by rule: rotation with a committed next key, recovery by two of three, stolen keys, two histories. Each rule that
 * guards something is a check that must hold, and must fail when the fault that it guards against is planted in the fold. */
#define HEDDLE_MESH_FAULTS
extern unsigned mesh_faults;
#include "mesh/fold/fold.c"
#include "mesh/fork.c"
#include "mesh/keys.c"

#include "mesh/verify.h"
#include "owned.h"

unsigned mesh_faults;

/* --- inception --- */

static void
an_inception_declares_custody_and_three_recovery_keys(void **state)
{
	struct world *w = *state;
	struct owner o;
	uint8_t recovery[3][32];

	found_with(w, &o);
	const struct mesh_domain *d = mesh_domain(w->m, did(w, STORES));
	assert_true(d->owner_keeps_key && d->recovery && d->next_committed && d->key_since == w->now);
	assert_true(mesh_recovery(w->m, did(w, STORES), recovery));
	for (int i = 0; i < 3; i++) assert_memory_equal(recovery[i], o.recovery[i].pub, 32);
	world_found(w, INSIGHTS, "insights", false);
	d = mesh_domain(w->m, did(w, INSIGHTS));
	assert_true(!d->owner_keeps_key && !d->recovery && !mesh_recovery(w->m, did(w, INSIGHTS), recovery));
}

static void
wrong_custody_is_refused(void **state)
{
	struct world *w = *state;
	static const struct { const char *body, *says; } bad[] = {
	    {"\"custody\":\"mine\"", "node or owner"},
	    {"\"custody\":\"owner\"", "declares recovery keys"},
	    {"\"recovery\":[]", "three different"},
	    {NULL, "three different"}, /* one key three times */
	    {"\"recovery\":[1,2,3]", "three different"},
	    {"\"custody\":\"node\",\"more\":1", "unknown"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char hex[65], text[512];
		uint8_t next[32] = {9};
		world_key(w, &w->d[i].key);
		hex_text(w->d[i].key.pub, 32, hex);
		w->body.n = 0;
		body_inception(&w->body, S("x"), w->d[i].key.pub, next, false, S("00112233445566778899aabbccddeeff"));
		w->body.n--;
		snprintf(text, sizeof text, "\"recovery\":[\"%s\",\"%s\",\"%s\"]", hex, hex, hex);
		buf_printf(&w->body, ",%s}", bad[i].body ? bad[i].body : text);
		Str payload = world_payload(w, (int)i, EVENT_DOMAIN_INCEPTION, arena_str(&w->arena, buf_view(&w->body)));
		crypt_sha256_text(payload, w->d[i].id);
		assert_false(world_apply(w, (int)i, world_sign(w, &w->d[i].key, payload), true));
		REFUSED(w, bad[i].says);
	}
}

/* --- rotation --- */

static void
a_rotation_reveals_the_committed_key_and_commits_to_another(void **state)
{
	struct world *w = *state;
	struct owner o;
	uint8_t next[32], want[32];

	set_up(w, &o);
	w->now = DAY(5);
	assert_true(rotate(w, &o, 0));
	assert_true(mesh_domain(w->m, did(w, STORES))->key_since == DAY(5));
	assert_memory_equal(mesh_domain(w->m, did(w, STORES))->event_pub, o.key[1].pub, 32);
	mesh_next_key(w->m, did(w, STORES), next);
	digest_of(&o.key[2], want);
	assert_memory_equal(next, want, 32);
	assert_true(grant(w, "grt_00000001", ""));
	assert_true(rotate(w, &o, 0));
	assert_true(allowed(w, "person07", "stores.sales.transactions"));
}

static bool
only_the_committed_key_follows(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	return !say_rotation(w, &o.key[5], rotation_of(w, &o.key[5], &o.key[6], 0, BY(&o.key[0])));
}

static bool
a_rotation_is_endorsed(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	return !say_rotation(w, &o.key[1], rotation_of(w, &o.key[1], &o.key[2], 0, BY(&o.key[5])));
}

static void
a_rotation_is_signed_by_the_new_key(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	Str payload = rotation_of(w, &o.key[1], &o.key[2], 0, BY(&o.key[0]));
	assert_false(say_rotation(w, &o.key[0], payload));
	REFUSED(w, "the new key has to sign");
	payload = rotation_of(w, &o.key[1], &o.key[2], 0, BY(&o.key[0]));
	assert_false(say_rotation(w, &o.key[7], payload));
	REFUSED(w, "signature");
	assert_true(rotate(w, &o, 0)); /* the log goes on behind what was refused */
}

static void
a_rotation_needs_the_old_key_or_two_different_recovery_keys(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	const struct sign_key *one = &o.recovery[0], *two = &o.recovery[2], *stranger = &o.key[9];
	assert_false(say_rotation(w, &o.key[1], rotation_of(w, &o.key[1], &o.key[2], 0, NULL, 0)));
	assert_false(say_rotation(w, &o.key[1], rotation_of(w, &o.key[1], &o.key[2], 0, BY(one))));
	REFUSED(w, "neither the key before nor two");
	assert_false(say_rotation(w, &o.key[1], rotation_of(w, &o.key[1], &o.key[2], 0, BY(one, one, one)))); /* keys count, not signatures */
	assert_false(say_rotation(w, &o.key[1], rotation_of(w, &o.key[1], &o.key[2], 0, BY(one, stranger))));
	assert_true(say_rotation(w, &o.key[1], rotation_of(w, &o.key[1], &o.key[2], 0, BY(one, two))));
}

/* Security.md attack 12. */
static void
an_endorsement_is_for_one_place_and_one_pair_of_keys(void **state)
{
	struct world *w = *state;
	struct owner o;
	struct rotation r = {.count = 1};
	struct speaker *s = &w->d[STORES];
	BUF_AUTO text = BUF_INIT;

	set_up(w, &o);
	memcpy(r.pub, o.key[1].pub, 32);
	digest_of(&o.key[2], r.next);
	mesh_rotate_text(&text, did(w, STORES), s->size, &s->head, &r);
	endorse(&o.key[0], buf_view(&text), &r.endorsements[0]);
	struct rotation other[] = {r, r, r};
	digest_of(&o.key[3], other[0].next);
	other[1].compromised = true, other[1].since = 1;
	for (int i = 0; i < 2; i++) {
		assert_false(SAY(w, STORES, KEY_ROTATE, body_rotate(&w->body, &other[i])));
		w->body.n = 0;
		body_rotate(&w->body, &other[i]);
		assert_false(say_rotation(w, &o.key[1], world_payload(w, STORES, EVENT_KEY_ROTATE, arena_str(&w->arena, buf_view(&w->body)))));
		REFUSED(w, "neither the key before");
	}
	w->body.n = 0;
	body_rotate(&w->body, &r); /* good, but by now the place is another */
	assert_false(say_rotation(w, &o.key[1], world_payload(w, STORES, EVENT_KEY_ROTATE, arena_str(&w->arena, buf_view(&w->body)))));
	REFUSED(w, "neither the key before");
}

/* Security.md attack 13: stolen old keys. */
static void
an_old_key_says_nothing_after_a_rotation(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	assert_true(rotate(w, &o, 0));
	w->d[STORES].key = o.key[0];
	assert_false(grant(w, "grt_00000001", ""));
	REFUSED(w, "not by this domain's key");
	Str back = rotation_of(w, &o.key[0], &o.key[1], 0, BY(&o.key[1]));
	assert_false(say_rotation(w, &o.key[0], back));
	assert_false(allowed(w, "person07", "stores.sales.transactions"));
}

/* --- stolen keys --- */

static bool
compromise_voids(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	uint64_t since = w->d[STORES].size;
	assert_true(grant(w, "grt_stolen01", ""));
	assert_true(rotate(w, &o, since));
	return !allowed(w, "person07", "stores.sales.transactions");
}

/* Security.md 1c: grants from there on are void unless confirmed, revokes stay; attack 13: a back-dated grant. */
static void
compromised_since_voids_grants_and_keeps_revokes(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	assert_true(grant(w, "grt_before01", "returns"));
	assert_true(grant(w, "grt_before02", ""));
	uint64_t since = w->d[STORES].size;
	w->now = DAY(-300); /* the thief's clock says that it was long ago: places count, not clocks */
	assert_true(grant(w, "grt_stolen01", "transactions"));
	w->now = DAY(0);
	assert_true(revoke(w, "grt_before02"));
	assert_true(allowed(w, "person07", "stores.sales.transactions"));
	assert_true(rotate(w, &o, since));
	assert_false(allowed(w, "person07", "stores.sales.transactions"));
	assert_true(allowed(w, "person07", "stores.sales.returns"));
	assert_true(mesh_is_void(w->m, did(w, STORES), since) && !mesh_is_void(w->m, did(w, STORES), since - 1));
	assert_true(grant(w, "grt_after001", ""));
	assert_true(allowed(w, "person07", "stores.sales.transactions"));
}

static void
a_confirmation_is_one_by_one_and_dies_with_its_key(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	uint64_t since = w->d[STORES].size;
	assert_true(grant(w, "grt_mine0001", "transactions"));
	assert_true(grant(w, "grt_mine0002", "returns"));
	assert_false(confirm(w, since)); /* nothing is void yet */
	REFUSED(w, "is not void");
	assert_true(rotate(w, &o, since));
	uint64_t confirmed = w->d[STORES].size;
	assert_true(confirm(w, since));
	assert_true(allowed(w, "person07", "stores.sales.transactions") && !allowed(w, "person07", "stores.sales.returns"));
	assert_false(confirm(w, since));
	assert_false(confirm(w, 0));
	assert_true(rotate(w, &o, confirmed)); /* that key was stolen too: what it confirmed is void again */
	assert_false(allowed(w, "person07", "stores.sales.transactions"));
}

/* --- forks --- */

/* A grant before the fork; then one history with a grant of returns, another that revokes the first. */
struct forked { struct owner o; uint64_t at; struct branch_maker a, b; };

static void
make_fork(struct world *w, struct forked *f)
{
	set_up(w, &f->o);
	assert_true(grant(w, "grt_prefix01", "transactions"));
	f->at = w->d[STORES].size;
	f->a = f->b = (struct branch_maker){.w = w, .seq = f->at, .prev = w->d[STORES].head};
	branch_grant(&f->a, &f->o.key[0], "grt_behind01");
	branch_revoke(&f->b, &f->o.key[0], "grt_prefix01");
	assert_true(world_apply(w, STORES, f->a.entries[0], true));
}

static bool
resolve(struct world *w, uint64_t from, const struct sign_key *const *by, size_t n)
{
	struct endorsement list[3];
	struct speaker *s = &w->d[STORES];
	BUF_AUTO text = BUF_INIT;

	mesh_resolve_text(&text, did(w, STORES), s->size, &s->head, from);
	for (size_t i = 0; i < n; i++) endorse(by[i], buf_view(&text), &list[i]);
	return SAY(w, STORES, FORK_RESOLVE, body_resolve(&w->body, from, list, n));
}

static bool
a_fork_closes(struct world *w)
{
	struct forked f;

	make_fork(w, &f);
	assert_true(report(w, WITNESS, "frk_00000001", &f.a, &f.b));
	return !allowed(w, "person07", "stores.sales.transactions") && !allowed(w, "person07", "stores.sales.returns") && forks_of(w) == 1;
}

static bool
a_fork_needs_the_signatures_of_its_log(struct world *w)
{
	struct forked f;
	struct sign_key thief;

	make_fork(w, &f);
	world_key(w, &thief);
	struct branch_maker b = {.w = w, .seq = f.at};
	/* the place is right, the key is not */
	struct dsse d;
	struct event e;
	assert_true(err_ok(dsse_parse(&w->c, f.a.entries[0], &d)) && err_ok(event_parse(&w->c, d.payload, &e)));
	b.prev = e.prev;
	event_fini(&e);
	branch_revoke(&b, &thief, "grt_prefix01");
	assert_true(report(w, WITNESS, "frk_00000001", &f.a, &b));
	return forks_of(w) == 0 && allowed(w, "person07", "stores.sales.transactions");
}

/* Security.md 1c: grants only from the common prefix, revokes from the union of branches, frozen until a recovery-signed resolve. */
static void
two_entries_of_one_place_freeze_the_domain_until_it_is_resolved(void **state)
{
	struct world *w = *state;
	struct forked f;
	struct mesh_fork *forks;

	make_fork(w, &f);
	assert_true(allowed(w, "person07", "stores.sales.transactions"));
	assert_true(report(w, WITNESS, "frk_00000001", &f.a, &f.b));
	assert_int_equal(mesh_forks(w->m, &w->arena, &forks), 1);
	assert_true(forks[0].at == f.at && !forks[0].settled && mesh_domain(w->m, did(w, STORES))->frozen);
	assert_refused(w, "person07", "stores.sales.transactions", "the producer's domain is frozen: its log has two histories, and its owners have not settled them");
	assert_true(mesh_is_void(w->m, did(w, STORES), f.at) && !mesh_is_void(w->m, did(w, STORES), f.at - 1));
	assert_false(resolve(w, f.at, BY(&f.o.recovery[0])));
	REFUSED(w, "two of the recovery keys");
	assert_false(resolve(w, f.at, BY(&f.o.recovery[0], &f.o.recovery[0])));
	assert_false(resolve(w, f.at, BY(&f.o.key[0], &f.o.key[1])));
	assert_true(mesh_domain(w->m, did(w, STORES))->frozen);
	assert_true(resolve(w, f.at, BY(&f.o.recovery[0], &f.o.recovery[1])));
	assert_int_equal(mesh_forks(w->m, &w->arena, &forks), 1);
	assert_true(forks[0].settled && !mesh_domain(w->m, did(w, STORES))->frozen);
	/* transactions: its own grant was revoked on the other branch, the one for everything stands on this */
	assert_true(fork_ended(state_log(w->m, did(w, STORES)), RECORD_GRANT, S("grt_prefix01")));
	assert_true(allowed(w, "person07", "stores.sales.returns"));
	assert_true(revoke(w, "grt_behind01"));
	assert_false(allowed(w, "person07", "stores.sales.transactions")); /* the other branch's revoke stays for ever */
}

static void
what_is_no_fork_is_refused_or_has_no_effect(void **state)
{
	struct world *w = *state;
	struct forked f;

	make_fork(w, &f);
	assert_false(report(w, WITNESS, "frk_00000001", &f.a, &f.a));
	REFUSED(w, "say the same");
	struct branch_maker again = f.a; /* the same words in another envelope: who copies a log can make that */
	again.entries[0] = arena_str(&w->arena, f.a.entries[0]);
	struct dsse d;
	BUF_AUTO other = BUF_INIT;
	assert_true(err_ok(dsse_parse(&w->c, f.a.entries[0], &d)));
	dsse_encode(d.payload_type, d.payload, S("another-key-id"), d.sig, &other);
	again.entries[0] = arena_str(&w->arena, buf_view(&other));
	assert_false(report(w, WITNESS, "frk_00000002", &f.a, &again));
	REFUSED(w, "say the same");
	struct branch_maker later = {.w = w, .seq = f.at + 1, .prev = f.a.prev};
	branch_revoke(&later, &f.o.key[0], "grt_prefix01");
	assert_false(report(w, WITNESS, "frk_00000003", &f.a, &later));
	REFUSED(w, "do not begin at one place");
	struct branch_maker gap = f.b;
	branch_revoke(&gap, &f.o.key[0], "grt_prefix01");
	gap.entries[1] = later.entries[0];
	assert_false(report(w, WITNESS, "frk_00000004", &f.a, &gap));
	REFUSED(w, "do not follow each other");
	assert_true(forks_of(w) == 0 && allowed(w, "person07", "stores.sales.transactions"));
}

/* An old key that was stolen can still prove a fork of its time: closing is the safe direction. It cannot fork what came after. */
static void
a_stolen_old_key_forks_only_its_own_time(void **state)
{
	struct world *w = *state;
	struct forked f;

	make_fork(w, &f);
	assert_true(rotate(w, &f.o, 0));
	struct branch_maker a = {.w = w, .seq = w->d[STORES].size, .prev = w->d[STORES].head}, b = a;
	branch_grant(&a, &f.o.key[1], "grt_later001");
	assert_true(world_apply(w, STORES, a.entries[0], true));
	branch_revoke(&b, &f.o.key[0], "grt_prefix01");
	assert_true(report(w, WITNESS, "frk_00000001", &a, &b));
	assert_true(forks_of(w) == 0 && allowed(w, "person07", "stores.sales.transactions"));
	assert_true(report(w, WITNESS, "frk_00000002", &f.a, &f.b));
	assert_true(forks_of(w) == 1 && mesh_domain(w->m, did(w, STORES))->frozen);
}

/* --- faults --- */

static void
each_rule_is_kept_and_its_fault_noticed(void **state)
{
	static const struct { unsigned fault; bool (*check)(struct world *w); const char *name; } rules[] = {
	    {MESH_FAULT_NO_COMMITMENT, only_the_committed_key_follows, "NO_COMMITMENT"},
	    {MESH_FAULT_NO_ENDORSEMENT, a_rotation_is_endorsed, "NO_ENDORSEMENT"},
	    {MESH_FAULT_NO_COMPROMISE, compromise_voids, "NO_COMPROMISE"},
	    {MESH_FAULT_NO_FORK_PROOF, a_fork_needs_the_signatures_of_its_log, "NO_FORK_PROOF"},
	    {MESH_FAULT_NO_FORKS, a_fork_closes, "NO_FORKS"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (!in_a_world(0, rules[i].check)) fail_msg("the rule of %s does not hold", rules[i].name);
		if (in_a_world(rules[i].fault, rules[i].check)) fail_msg("the fault %s was not noticed", rules[i].name);
	}
}

/* --- any order --- */

enum { SAID_MAX = 64 };
struct said { int domain; uint64_t index; Str entry; };
static struct said said[SAID_MAX];
static size_t said_n;

/* A history with everything in it; what was applied since is told by how the logs grew. */
static void
say_all(struct world *w)
{
	struct forked f;

	make_fork(w, &f);
	assert_true(rotate(w, &f.o, f.at));
	assert_true(confirm(w, f.at));
	assert_true(report(w, WITNESS, "frk_00000001", &f.a, &f.b));
	assert_true(report(w, INSIGHTS, "frk_00000002", &f.b, &f.a));
	assert_true(resolve(w, f.at, BY(&f.o.recovery[1], &f.o.recovery[2])));
	assert_true(grant(w, "grt_last0001", "returns"));
	assert_true(rotate(w, &f.o, 0));
}

static void
remember(int domain, uint64_t index, Str entry)
{
	assert_true(said_n < SAID_MAX);
	said[said_n++] = (struct said){domain, index, entry};
}

/* The logs in a random interleaving; each log in its own order. */
static void
fold_shuffled(struct world *w, struct mesh *m, uint64_t seed)
{
	size_t at[WORLD_DOMAINS] = {0}, done = 0;
	struct mesh_outcome o;

	while (done < said_n) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		int domain = (int)((seed >> 33) % 3);
		for (size_t i = 0; i < said_n; i++) {
			if (said[i].domain != domain || said[i].index != at[domain]) continue;
			assert_true(err_ok(mesh_apply(&w->c, m, did(w, domain), said[i].index, said[i].entry, true, NULL, NULL, &o)));
			assert_true(o.accepted);
			at[domain]++;
			done++;
			break;
		}
	}
}

static void
any_order_of_logs_gives_one_state(void **state)
{
	struct world *w = *state;
	struct mesh_fork *forks;
	uint8_t want[32], got[32];

	said_n = 0;
	world_told = remember;
	say_all(w);
	world_told = NULL;
	mesh_hash(w->m, want);
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct mesh *m = mesh_new(), *own = w->m;
		fold_shuffled(w, m, seed);
		mesh_hash(m, got);
		assert_memory_equal(want, got, 32);
		w->m = m;
		assert_true(mesh_forks(m, &w->arena, &forks) == 2 && forks[0].settled && forks[1].settled);
		assert_true(fork_ended(state_log(m, did(w, STORES)), RECORD_GRANT, S("grt_prefix01")));
		assert_true(allowed(w, "person07", "stores.sales.returns"));
		w->m = own;
		mesh_free(m);
	}
}

/* A copy of the log is proven by who has nothing but it. */
static void
a_verifier_follows_rotations(void **state)
{
	struct world *w = *state;
	struct mesh_verifier *v = mesh_verifier_new();
	Hash prev = {{0}};

	said_n = 0;
	world_told = remember;
	say_all(w);
	world_told = NULL;
	for (size_t i = 0; i < said_n; i++) {
		if (said[i].domain != STORES) continue;
		Err e = mesh_verify_entry(&w->c, v, did(w, STORES), said[i].index, said[i].entry, &prev);
		if (!err_ok(e)) fail_msg("entry %zu: %s", i, err_detail(&w->c, e));
		prev = tree_leaf(said[i].entry);
	}
	mesh_verifier_free(v);
}

struct copied { struct mesh *m; };

static Err
load_into(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	return mesh_load(c, ((struct copied *)arg)->m, kind, id, body);
}

static void
records_bring_back_keys_and_forks(void **state)
{
	struct world *w = *state;
	struct copied to = {mesh_new()};
	struct mesh_fork *was, *now;
	uint8_t a[32], b[32];
	size_t n;

	say_all(w);
	assert_true(err_ok(mesh_records(&w->c, w->m, load_into, &to)));
	mesh_hash(w->m, a);
	mesh_hash(to.m, b);
	assert_memory_equal(a, b, 32);
	n = mesh_forks(w->m, &w->arena, &was);
	assert_true(n == 2 && mesh_forks(to.m, &w->arena, &now) == 2);
	assert_true(was[0].settled && now[0].settled);
	for (uint64_t seq = 0; seq < w->d[STORES].size; seq++)
		assert_int_equal(mesh_is_void(w->m, did(w, STORES), seq), mesh_is_void(to.m, did(w, STORES), seq));
	assert_true(fork_ended(state_log(to.m, did(w, STORES)), RECORD_GRANT, S("grt_prefix01")));
	mesh_free(to.m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_init, world_fini)
	    T(an_inception_declares_custody_and_three_recovery_keys), T(wrong_custody_is_refused),
	    T(a_rotation_reveals_the_committed_key_and_commits_to_another), T(a_rotation_is_signed_by_the_new_key),
	    T(a_rotation_needs_the_old_key_or_two_different_recovery_keys), T(an_endorsement_is_for_one_place_and_one_pair_of_keys),
	    T(an_old_key_says_nothing_after_a_rotation), T(compromised_since_voids_grants_and_keeps_revokes),
	    T(a_confirmation_is_one_by_one_and_dies_with_its_key), T(two_entries_of_one_place_freeze_the_domain_until_it_is_resolved),
	    T(what_is_no_fork_is_refused_or_has_no_effect), T(a_stolen_old_key_forks_only_its_own_time),
	    T(records_bring_back_keys_and_forks), T(any_order_of_logs_gives_one_state), T(a_verifier_follows_rotations), cmocka_unit_test(each_rule_is_kept_and_its_fault_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The offline check of entries, and the frame of a payload. */
#include "mesh/verify.h"
#include "world.h"

struct kept { Str entry; Hash leaf; };
struct chain { struct kept of[16]; size_t n; };

static void
push(struct chain *k, Str entry)
{
	k->of[k->n++] = (struct kept){entry, tree_leaf(entry)};
}

static Err
check(struct world *w, struct mesh_verifier *v, Str log_id, const struct chain *k, size_t at)
{
	Hash none = {{0}};

	w->c.detail[0] = 0;
	return mesh_verify_entry(&w->c, v, log_id, at, k->of[at].entry, at ? &k->of[at - 1].leaf : &none);
}

static void
said(struct world *w, struct chain *k, int domain, Str entry)
{
	struct speaker *s = &w->d[domain];

	push(k, entry);
	s->size++;
	s->head = tree_leaf(entry);
}

static void
domain_log(struct world *w, struct chain *k, int domain)
{
	Str payload = inception(w, domain, "stores", false);

	said(w, k, domain, world_sign(w, &w->d[domain].key, payload));
	for (int i = 0; i < 4; i++) {
		w->body.n = 0;
		body_revoke(&w->body, world_str(w, "grt_%08d", i)); /* what it says does not matter here */
		said(w, k, domain, world_sign(w, &w->d[domain].key, world_payload(w, domain, EVENT_GRANT_REVOKE, arena_str(&w->arena, buf_view(&w->body)))));
	}
}

static void
good_log(void **state)
{
	struct world *w = *state;
	struct mesh_verifier *v = mesh_verifier_new();
	struct chain k = {0}, other = {0};

	domain_log(w, &k, 0);
	domain_log(w, &other, 1);
	for (size_t i = 0; i < k.n; i++) {
		if (!err_ok(check(w, v, did(w, 0), &k, i))) fail_msg("entry %zu: %s", i, w->c.detail);
		if (!err_ok(check(w, v, did(w, 1), &other, i))) fail_msg("entry %zu: %s", i, w->c.detail);
	}
	uint8_t pub[32];
	assert_false(mesh_verifier_journal_key(v, pub));
	mesh_verifier_free(v);
}

#define BAD(says)                                                                                                              \
	do {                                                                                                                   \
		Err bad_err_ = check(w, v, did(w, 0), &k, k.n - 1);                                                            \
		if (bad_err_.code != ERR_INVALID || !strstr(w->c.detail, says)) fail_msg("'%s', expected '%s'", w->c.detail, says); \
	} while (0)

static void
bad_entries(void **state)
{
	struct world *w = *state;
	struct mesh_verifier *v = mesh_verifier_new();
	struct chain k = {0}, other = {0};

	domain_log(w, &k, 0);
	domain_log(w, &other, 1);
	for (size_t i = 0; i < k.n; i++) assert_true(err_ok(check(w, v, did(w, 0), &k, i)));
	w->body.n = 0;
	body_revoke(&w->body, S("grt_00000009"));
	Str body = arena_str(&w->arena, buf_view(&w->body));
	push(&k, world_sign(w, &w->d[1].key, world_payload(w, 0, EVENT_GRANT_REVOKE, body)));
	BAD("signature");
	k.of[k.n - 1].entry = other.of[2].entry;
	BAD("signature");
	k.of[k.n - 1].entry = world_sign(w, &w->d[0].key, world_payload(w, 1, EVENT_GRANT_REVOKE, body));
	BAD("'origin'");
	k.of[k.n - 1].entry = k.of[2].entry;
	BAD("'seq'");
	struct speaker keep = w->d[0];
	w->d[0].head.b[5] ^= 1;
	k.of[k.n - 1].entry = world_sign(w, &w->d[0].key, world_payload(w, 0, EVENT_GRANT_REVOKE, body));
	w->d[0] = keep;
	BAD("'prev'");
	k.of[k.n - 1].entry = S("{}");
	assert_false(err_ok(check(w, v, did(w, 0), &k, k.n - 1)));
	/* what is good afterwards is good */
	k.of[k.n - 1].entry = world_sign(w, &w->d[0].key, world_payload(w, 0, EVENT_GRANT_REVOKE, body));
	assert_true(err_ok(check(w, v, did(w, 0), &k, k.n - 1)));
	mesh_verifier_free(v);
}

static void
bad_beginnings(void **state)
{
	struct world *w = *state;
	struct mesh_verifier *v = mesh_verifier_new();
	struct chain k = {0};
	Hash none = {{0}};

	domain_log(w, &k, 0);
	/* under another id; entries behind have no key then */
	assert_false(err_ok(mesh_verify_entry(&w->c, v, S(HEX64), 0, k.of[0].entry, &none)));
	assert_non_null(strstr(w->c.detail, "not the hash of its first event"));
	assert_false(err_ok(mesh_verify_entry(&w->c, v, S(HEX64), 1, k.of[1].entry, &k.of[0].leaf)));
	assert_non_null(strstr(w->c.detail, "key of the log is not known"));
	/* an inception that another key signed */
	Str payload = inception(w, 1, "x", false);
	assert_false(err_ok(mesh_verify_entry(&w->c, v, did(w, 1), 0, world_sign(w, &w->d[0].key, payload), &none)));
	assert_non_null(strstr(w->c.detail, "signature"));
	mesh_verifier_free(v);
}

static Str
journal_payload(struct world *w, const struct chain *k, const char *origin, const char *type, const char *body)
{
	char prev[65];
	Hash none = {{0}};

	hex_text(k->n ? k->of[k->n - 1].leaf.b : none.b, 32, prev);
	return arena_printf(&w->arena,
	    "{\"v\":1,\"origin\":\"%s\",\"seq\":%zu,\"prev\":\"%s\",\"type\":\"%s\",\"actor\":\"\",\"time\":\"2026-11-21T09:04:14Z\",\"idem\":\"\",\"requires\":[],\"body\":%s}",
	    origin, k->n, prev, type, body);
}

static void
journal(void **state)
{
	struct world *w = *state;
	struct mesh_verifier *v = mesh_verifier_new();
	struct sign_key key;
	struct chain k = {0};
	char pub[65], body[128];
	uint8_t told[32];

	world_key(w, &key);
	hex_text(key.pub, 32, pub);
	snprintf(body, sizeof body, "{\"pub\":\"%s\",\"node\":\"x\"}", pub);
	push(&k, world_sign(w, &key, journal_payload(w, &k, "journal", "journal.open", body)));
	assert_true(err_ok(check(w, v, S("journal"), &k, 0)));
	assert_true(mesh_verifier_journal_key(v, told));
	assert_memory_equal(told, key.pub, 32);
	push(&k, world_sign(w, &key, journal_payload(w, &k, "journal", "journal.query", "{\"rows\":12,\"x\":[null,-1.5]}")));
	if (!err_ok(check(w, v, S("journal"), &k, 1))) fail_msg("%s", w->c.detail);
	push(&k, world_sign(w, &key, journal_payload(w, &k, "elsewhere", "journal.query", "{}")));
	assert_false(err_ok(check(w, v, S("journal"), &k, 2)));
	world_key(w, &w->d[0].key);
	k.n--;
	push(&k, world_sign(w, &w->d[0].key, journal_payload(w, &k, "journal", "journal.query", "{}")));
	assert_false(err_ok(check(w, v, S("journal"), &k, 2)));
	mesh_verifier_free(v);
}

static void
payload_round_trip(void **state)
{
	struct world *w = *state;
	BUF_AUTO out = BUF_INIT;
	struct event e;
	struct event_head h = {.origin = S(HEX64), .actor = S("person00"), .idem = S("key \"1\""), .seq = 77, .time = DAY(3) + 5, .type = EVENT_GRANT_REVOKE};

	h.prev.b[3] = 9;
	event_write(&h, S("{\"grant\":\"grt_00000001\"}"), &out);
	assert_true(err_ok(event_parse(&w->c, buf_view(&out), &e)));
	assert_true(str_eq(e.origin, h.origin) && str_eq(e.actor, h.actor) && str_eq(e.idem, h.idem) && str_eq(e.type_text, S("grant.revoke")));
	assert_true(e.seq == 77 && e.time == DAY(3) && e.type == EVENT_GRANT_REVOKE && memcmp(e.prev.b, h.prev.b, 32) == 0);
	assert_string_equal(json_string_value(json_object_get(e.body, "grant")), "grt_00000001");
	event_fini(&e);
	for (unsigned t = EVENT_UNKNOWN + 1; t < EVENT_TYPE_COUNT; t++) {
		out.n = 0;
		h.type = (enum event_type)t;
		event_write(&h, S("{}"), &out);
		assert_true(err_ok(event_parse(&w->c, buf_view(&out), &e)));
		assert_int_equal(e.type, t);
		event_fini(&e);
	}
	assert_false(err_ok(event_parse(&w->c, S("{\"v\":1}"), &e)));
	out.n = 0;
	while (out.n < 70000) buf_c(&out, "{\"v\":1,");
	assert_int_equal(event_parse(&w->c, buf_view(&out), &e).code, ERR_TOO_LARGE);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_init, world_fini)
	const struct CMUnitTest tests[] = {T(good_log), T(bad_entries), T(bad_beginnings), T(journal), T(payload_round_trip)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

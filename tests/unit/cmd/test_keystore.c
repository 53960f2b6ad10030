#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/keystore.h"
#include "codec/dsse.h"
#include "codec/note.h"
#include "crypt/encode.h"
#include "kit.h"

#define LOG_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LOG_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct secret32 root_a = {{1}}, root_b = {{2}};

static struct keystore *
open_store(struct kit *k)
{
	struct keystore *s;

	GOOD(keystore_open(&k->c, k->fd, &root_a, true, &s));
	return s;
}

static struct new_keys
add_log(struct kit *k, struct keystore *s, Str log)
{
	struct new_keys made;

	GOOD(keystore_create(&k->c, s, S("fresh"), false, &made));
	GOOD(keystore_name(&k->c, s, S("fresh"), log));
	return made;
}

static Str
checkpoint(struct kit *k, Str log, uint64_t size, uint8_t fill)
{
	BUF_AUTO b = BUF_INIT;
	struct checkpoint p = {.origin = arena_printf(&k->arena, "heddle/%.*s", STR(log)), .size = size};

	memset(p.root, fill, sizeof p.root);
	checkpoint_text(&p, &b);
	return arena_str(&k->arena, buf_view(&b));
}

static Err
sign(struct kit *k, struct keystore *s, Str log, Str note)
{
	BUF_AUTO line = BUF_INIT;
	Err e = keystore_sign_note(&k->c, s, log, note, &line);

	assert_true(err_ok(e) == (line.n > 0)); /* a refusal gives nothing away */
	return e;
}

static bool
signs_event(struct kit *k, struct keystore *s, Str log, const uint8_t *pub)
{
	uint8_t signature[SIGN_BYTES];
	BUF_AUTO pae = BUF_INIT;

	if (!err_ok(keystore_sign_event(&k->c, s, log, S("{\"v\":1}"), signature))) return false;
	dsse_pae(S(DSSE_EVENT_TYPE), S("{\"v\":1}"), &pae);
	return sign_check(pub, buf_view(&pae), signature);
}

static void
test_sign(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	struct new_keys a = add_log(k, s, S(LOG_A)), b = add_log(k, s, S(LOG_B));
	uint8_t pub[SIGN_PUB_BYTES];

	assert_memory_not_equal(a.event_pub, b.event_pub, SIGN_PUB_BYTES);
	assert_memory_not_equal(a.event_pub, a.note_pub, SIGN_PUB_BYTES);
	for (int again = 0; again < 2; again++) {
		assert_true(signs_event(k, s, S(LOG_A), a.event_pub));
		assert_true(signs_event(k, s, S(LOG_B), b.event_pub));
		assert_false(signs_event(k, s, S(LOG_A), b.event_pub));
		GOOD(keystore_event_pub(&k->c, s, S(LOG_A), pub));
		assert_memory_equal(pub, a.event_pub, sizeof pub);
		GOOD(keystore_note_pub(&k->c, s, S(LOG_A), pub));
		assert_memory_equal(pub, a.note_pub, sizeof pub);
		GOOD(keystore_event_pub(&k->c, s, S("journal"), pub));
		assert_true(signs_event(k, s, S("journal"), pub));
		keystore_close(s);
		s = open_store(k); /* and the same after a restart */
	}
	keystore_close(s);
}

/* Before it has a name, a log's first event is signed under the temporary one. */
static void
test_naming(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	struct new_keys made, other;

	GOOD(keystore_create(&k->c, s, S("fresh"), false, &made));
	assert_true(signs_event(k, s, S("fresh"), made.event_pub));
	BAD(NOT_FOUND, keystore_name(&k->c, s, S("stale"), S(LOG_A)));
	BAD(INVALID, keystore_name(&k->c, s, S("fresh"), S("journal")));
	BAD(INVALID, keystore_name(&k->c, s, S("fresh"), S("../" LOG_A)));
	GOOD(keystore_name(&k->c, s, S("fresh"), S(LOG_A)));
	GOOD(keystore_name(&k->c, s, S("fresh"), S(LOG_A))); /* the answer was lost: asked again */
	assert_true(signs_event(k, s, S(LOG_A), made.event_pub));
	GOOD(keystore_create(&k->c, s, S("second"), false, &other));
	BAD(CONFLICT, keystore_name(&k->c, s, S("second"), S(LOG_A))); /* never over another's keys */
	assert_true(signs_event(k, s, S(LOG_A), made.event_pub));
	for (int i = 0; i < 40; i++) GOOD(keystore_create(&k->c, s, arena_printf(&k->arena, "n%d", i), false, &other));
	BAD(NOT_FOUND, keystore_name(&k->c, s, S("fresh"), S(LOG_B))); /* only so many wait */
	BAD(INVALID, keystore_create(&k->c, s, S(LOG_B), false, &other));
	BAD(INVALID, keystore_create(&k->c, s, S(""), false, &other));
	BAD(INVALID, keystore_create(&k->c, s, S("a/b"), false, &other));
	keystore_close(s);
}

static void
test_committed_successor(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	struct new_keys made = add_log(k, s, S(LOG_A));
	uint8_t digest[CRYPT_HASH_BYTES];

	crypt_sha256(str_of(made.event_pub, sizeof made.event_pub), digest);
	assert_memory_not_equal(digest, made.next_digest, sizeof digest); /* the successor is another key */
	assert_true(file_exists(k->fd, LOG_A ".next"));
	assert_int_equal(renameat(k->fd, LOG_A ".next", k->fd, "taken-away"), 0);
	keystore_close(s);
	s = open_store(k);
	assert_true(signs_event(k, s, S(LOG_A), made.event_pub)); /* and need not be here */
	keystore_close(s);
}

static void
test_note(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	struct new_keys made = add_log(k, s, S(LOG_A));
	struct note_key key = {.name = S("heddle/" LOG_A)};
	BUF_AUTO text = BUF_INIT;
	struct note note;

	buf_str(&text, checkpoint(k, S(LOG_A), 5, 5));
	Str body = arena_str(&k->arena, buf_view(&text));
	buf_char(&text, '\n');
	GOOD(keystore_sign_note(&k->c, s, S(LOG_A), body, &text));
	memcpy(key.pub, made.note_pub, sizeof key.pub);
	key.id = note_key_id(key.name, key.pub);
	GOOD(note_parse(&k->c, buf_view(&text), &note));
	GOOD(note_verify(&k->c, &note, &key));
	keystore_close(s);
}

/* History only grows: also after a restart, also for the journal. */
static void
test_never_back(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	uint8_t empty[CRYPT_HASH_BYTES];
	BUF_AUTO b = BUF_INIT;

	add_log(k, s, S(LOG_A));
	BAD(DENIED, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 0, 9))); /* the empty tree has one root */
	crypt_sha256(S(""), empty);
	struct checkpoint none = {.origin = S("heddle/" LOG_A)};
	memcpy(none.root, empty, sizeof none.root);
	checkpoint_text(&none, &b);
	GOOD(sign(k, s, S(LOG_A), buf_view(&b)));
	GOOD(sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 10, 1)));
	for (int again = 0; again < 2; again++) {
		GOOD(sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 10, 1)));
		BAD(DENIED, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 10, 2)));
		BAD(DENIED, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 9, 1)));
		BAD(DENIED, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_B), 11, 1))); /* another log's text under this log's key */
		GOOD(sign(k, s, S("journal"), checkpoint(k, S("journal"), (uint64_t)again + 1, 1)));
		keystore_close(s);
		s = open_store(k);
	}
	BAD(DENIED, sign(k, s, S("journal"), checkpoint(k, S("journal"), 1, 1)));
	BAD(INVALID, sign(k, s, S(LOG_A), S("heddle/" LOG_A "\n11\nnot a root\n")));
	BAD(INVALID, sign(k, s, S("fresh"), checkpoint(k, S("fresh"), 1, 1)));
	keystore_close(s);
}

/* The memory of what was signed cannot be wiped by removing or putting back a file of another log or time. */
static void
test_state_file(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);

	add_log(k, s, S(LOG_A));
	add_log(k, s, S(LOG_B));
	GOOD(sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 10, 1)));
	Str good = kit_read(k, LOG_A ".signed");
	kit_write(k, LOG_A ".signed", kit_read(k, LOG_B ".signed"));
	BAD(CORRUPT, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 11, 1)));
	kit_write(k, LOG_A ".signed", S(""));
	BAD(CORRUPT, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 11, 1)));
	unlinkat(k->fd, LOG_A ".signed", 0);
	BAD(NOT_FOUND, sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 11, 1)));
	kit_write(k, LOG_A ".signed", good);
	GOOD(sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 11, 1)));
	keystore_close(s);
}

/* Sealed files swapped between logs or purposes, or cut, do not open; nor does anything under another root key. */
static void
test_swapped(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k), *other;
	struct new_keys a = add_log(k, s, S(LOG_A));
	uint8_t pub[SIGN_PUB_BYTES];

	add_log(k, s, S(LOG_B));
	keystore_close(s);
	Str event = kit_read(k, LOG_A ".event");
	static const char *const wrong[] = {LOG_B ".event", LOG_A ".note", LOG_A ".next", "journal.event"};
	for (size_t i = 0; i < ARRAY_LEN(wrong) + 2; i++) {
		if (i < ARRAY_LEN(wrong))
			kit_write(k, LOG_A ".event", kit_read(k, wrong[i]));
		else
			kit_write(k, LOG_A ".event", str_of(event.p, i == ARRAY_LEN(wrong) ? event.n - 1 : 0));
		s = open_store(k);
		BAD(CORRUPT, keystore_event_pub(&k->c, s, S(LOG_A), pub));
		assert_false(signs_event(k, s, S(LOG_A), a.event_pub));
		keystore_close(s);
	}
	for (size_t i = 0; i < event.n; i++) { /* any bit of it */
		char *bent = arena_dup(&k->arena, event.p, event.n);
		bent[i] = (char)(bent[i] ^ (1 << i % 8));
		kit_write(k, LOG_A ".event", str_of(bent, event.n));
		s = open_store(k);
		BAD(CORRUPT, keystore_event_pub(&k->c, s, S(LOG_A), pub));
		keystore_close(s);
	}
	kit_write(k, LOG_A ".event", event);
	BAD(CORRUPT, keystore_open(&k->c, k->fd, &root_b, true, &other));
	assert_non_null(strstr(k->c.detail, "root key"));
	s = open_store(k); /* and the try changed nothing */
	assert_true(signs_event(k, s, S(LOG_A), a.event_pub));
	keystore_close(s);
}

/* A symbolic link in the folder is not followed. */
static void
test_link(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	uint8_t pub[SIGN_PUB_BYTES];

	add_log(k, s, S(LOG_A));
	keystore_close(s);
	assert_int_equal(renameat(k->fd, LOG_A ".event", k->fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", k->fd, LOG_A ".event"), 0);
	s = open_store(k);
	BAD(DENIED, keystore_event_pub(&k->c, s, S(LOG_A), pub));
	BAD(NOT_FOUND, keystore_event_pub(&k->c, s, S(LOG_B), pub));
	BAD(INVALID, keystore_event_pub(&k->c, s, S("../" LOG_A), pub));
	BAD(INVALID, keystore_event_pub(&k->c, s, S("mask"), pub));
	keystore_close(s);
}

static void
test_mask(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	static const Str pairs[][2] = {{S("insights"), S("research")}, {S("insights"), S("billing")}, {S("insight"), S("sresearch")},
	    {S("insightsresearch"), S("")}, {S("other"), S("research")}};
	struct secret32 keys[ARRAY_LEN(pairs)], again;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) GOOD(keystore_mask_key(&k->c, s, pairs[i][0], pairs[i][1], &keys[i]));
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		for (size_t j = 0; j < i; j++) assert_memory_not_equal(&keys[i], &keys[j], sizeof keys[i]);
	BAD(INVALID, keystore_mask_key(&k->c, s, S(""), S("research"), &again));
	keystore_close(s);
	s = open_store(k);
	GOOD(keystore_mask_key(&k->c, s, pairs[0][0], pairs[0][1], &again)); /* masked keys join across restarts */
	assert_memory_equal(&again, &keys[0], sizeof again);
	keystore_close(s);
}

/* More logs than are cached. */
static void
test_many(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	enum { LOGS = 200 };
	static uint8_t pubs[LOGS][SIGN_PUB_BYTES];

	for (unsigned i = 0; i < LOGS; i++) {
		struct new_keys made = add_log(k, s, arena_printf(&k->arena, "%064x", i));
		memcpy(pubs[i], made.event_pub, SIGN_PUB_BYTES);
	}
	for (unsigned i = 0; i < 3 * LOGS; i++)
		assert_true(signs_event(k, s, arena_printf(&k->arena, "%064x", i * 7 % LOGS), pubs[i * 7 % LOGS]));
	keystore_close(s);
}

/* --- faults --- */

static void
first_start(struct kit *k)
{
	struct keystore *s;
	struct ctx c = {.arena = &k->arena};

	if (err_ok(keystore_open(&c, k->fd, &root_a, true, &s))) keystore_close(s);
}

/* A first start killed anywhere is repeated by the next. */
static void
test_killed_first_start(void **state)
{
	struct kit *k = *state;
	uint64_t n = 0;

	while (kit_dies_at(k, ++n, first_start)) {
		struct keystore *s = open_store(k);
		uint8_t pub[SIGN_PUB_BYTES];
		GOOD(keystore_event_pub(&k->c, s, S("journal"), pub));
		assert_true(signs_event(k, s, S("journal"), pub));
		GOOD(sign(k, s, S("journal"), checkpoint(k, S("journal"), 1, 1)));
		keystore_close(s);
		Str *names;
		size_t count;
		GOOD(dir_list(&k->c, k->fd, ".", 100, &names, &count));
		for (size_t i = 0; i < count; i++) unlinkat(k->fd, names[i].p, 0);
	}
	assert_true(n > 15);
}

static void
sign_ten(struct kit *k)
{
	struct keystore *s;
	struct ctx c = {.arena = &k->arena};
	BUF_AUTO line = BUF_INIT;

	if (!err_ok(keystore_open(&c, k->fd, &root_a, true, &s))) _exit(1);
	if (err_ok(keystore_sign_note(&c, s, S("journal"), checkpoint(k, S("journal"), 10, 1), &line))) kit_write(k, "left", S("signature"));
	keystore_close(s);
}

/* Killed while signing: if the signature left, the other history is never signed; if it did not, it may be. */
static void
test_killed_signing(void **state)
{
	struct kit *k = *state;
	uint64_t n = 0, refused = 0;
	bool died = true;

	while (died) {
		struct keystore *s = open_store(k);
		keystore_close(s);
		died = kit_dies_at(k, ++n, sign_ten);
		s = open_store(k);
		Err e = sign(k, s, S("journal"), checkpoint(k, S("journal"), 10, 2));
		if (file_exists(k->fd, "left")) BAD(DENIED, e);
		refused += !err_ok(e) ? 1 : 0;
		if (!err_ok(e)) GOOD(sign(k, s, S("journal"), checkpoint(k, S("journal"), 10, 1)));
		keystore_close(s);
		Str *names;
		size_t count;
		GOOD(dir_list(&k->c, k->fd, ".", 100, &names, &count));
		for (size_t i = 0; i < count; i++) unlinkat(k->fd, names[i].p, 0);
	}
	assert_true(n > 5 && refused >= 1);
}

/* No signature leaves when what it stands for could not be made durable; a failed sync ends all signing. */
static void
test_failed_sync(void **state)
{
	struct kit *k = *state;
	unsigned stopped = 0;

	for (uint64_t n = 1; n < 40; n++) {
		struct keystore *s = open_store(k);
		uint64_t size = n + 1;
		add_log(k, s, arena_printf(&k->arena, "%064x", (unsigned)n));
		GOOD(sign(k, s, S("journal"), checkpoint(k, S("journal"), size, 1)));
		kit_fail_at(n, FAULT_ERRNO, n % 2 ? EIO : ENOSPC);
		Err e = sign(k, s, S("journal"), checkpoint(k, S("journal"), size + 1000, 1));
		bool hit = fault_armed.hits >= n;
		kit_fail_at(0, FAULT_NONE, 0);
		assert_int_equal(hit, !err_ok(e));
		Err next = sign(k, s, S("journal"), checkpoint(k, S("journal"), size + 2000, 1));
		assert_true(err_ok(next) || (e.code == ERR_IO && next.code == ERR_READ_ONLY)); /* a failed read, or a full disk, is not for ever */
		stopped += !err_ok(next) ? 1 : 0;
		keystore_close(s);
		if (!hit) break;
		assert_true(n < 39);
		unlinkat(k->fd, "journal.signed", 0);
		unlinkat(k->fd, "journal.event", 0);
	}
	assert_true(stopped >= 3);
}

/* --- rotation --- */

static Str
rotation_payload(struct kit *k, Str log, const struct successor *s, const char *type)
{
	BUF_AUTO b = BUF_INIT;

	buf_printf(&b, "{\"v\":1,\"origin\":\"%.*s\",\"seq\":3,\"prev\":\"%064d\",\"type\":\"%s\",\"actor\":\"person00\","
	               "\"time\":\"2026-11-21T09:04:14Z\",\"idem\":\"\",\"requires\":[],\"body\":{\"event_pub\":\"", STR(log), 0, type);
	hex_put(&b, str_of(s->event_pub, sizeof s->event_pub));
	buf_c(&b, "\",\"next\":\"");
	hex_put(&b, str_of(s->next_digest, sizeof s->next_digest));
	buf_c(&b, "\",\"endorsements\":[]}}");
	return arena_str(&k->arena, buf_view(&b));
}

/* The next key signs its own rotation and nothing else, and takes over when told. */
static void
test_rotation(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	struct new_keys made = add_log(k, s, S(LOG_A));
	struct successor one, again, two;
	uint8_t sig[SIGN_BYTES], digest[CRYPT_HASH_BYTES], pub[SIGN_PUB_BYTES];

	GOOD(keystore_successor(&k->c, s, S(LOG_A), &one));
	GOOD(keystore_successor(&k->c, s, S(LOG_A), &again));
	assert_memory_equal(&one, &again, sizeof one);
	crypt_sha256(str_of(one.event_pub, sizeof one.event_pub), digest);
	assert_memory_equal(digest, made.next_digest, sizeof digest);
	BAD(DENIED, keystore_endorse(&k->c, s, S(LOG_A), S("heddle.rotate.v1\n" LOG_B "\n"), sig));
	BAD(DENIED, keystore_endorse(&k->c, s, S(LOG_A), S("DSSEv1 anything"), sig));
	GOOD(keystore_endorse(&k->c, s, S(LOG_A), S("heddle.rotate.v1\n" LOG_A "\n1\n"), sig));
	BAD(DENIED, keystore_sign_rotation(&k->c, s, S(LOG_A), rotation_payload(k, S(LOG_A), &one, "grant.add"), sig));
	BAD(DENIED, keystore_sign_rotation(&k->c, s, S(LOG_A), rotation_payload(k, S(LOG_B), &one, "key.rotate"), sig));
	two = one;
	two.next_digest[0] ^= 1;
	BAD(DENIED, keystore_sign_rotation(&k->c, s, S(LOG_A), rotation_payload(k, S(LOG_A), &two, "key.rotate"), sig));
	GOOD(keystore_sign_rotation(&k->c, s, S(LOG_A), rotation_payload(k, S(LOG_A), &one, "key.rotate"), sig));
	assert_true(signs_event(k, s, S(LOG_A), made.event_pub));
	GOOD(keystore_promote(&k->c, s, S(LOG_A)));
	GOOD(keystore_event_pub(&k->c, s, S(LOG_A), pub));
	assert_memory_equal(pub, one.event_pub, sizeof pub);
	assert_true(signs_event(k, s, S(LOG_A), one.event_pub));
	BAD(NOT_FOUND, keystore_promote(&k->c, s, S(LOG_A)));
	GOOD(keystore_successor(&k->c, s, S(LOG_A), &two));
	crypt_sha256(str_of(two.event_pub, sizeof two.event_pub), digest);
	assert_memory_equal(digest, one.next_digest, sizeof digest);
	keystore_close(s);
}

static void
promote_once(struct kit *k)
{
	struct keystore *s;
	struct ctx c = {.arena = &k->arena};

	if (!err_ok(keystore_open(&c, k->fd, &root_a, true, &s))) _exit(1);
	Err e = keystore_promote(&c, s, S(LOG_A));
	(void)e;
	keystore_close(s);
}

/* Killed anywhere in between, another call finishes it: the key in force is the one that the log revealed, and its successor is there. */
static void
test_killed_promotion(void **state)
{
	struct kit *k = *state;
	bool died = true;

	for (uint64_t n = 1; died; n++) {
		struct keystore *s = open_store(k);
		struct successor one, two;
		uint8_t pub[SIGN_PUB_BYTES], digest[CRYPT_HASH_BYTES];
		add_log(k, s, S(LOG_A));
		GOOD(keystore_successor(&k->c, s, S(LOG_A), &one));
		keystore_close(s);
		died = kit_dies_at(k, n, promote_once);
		s = open_store(k);
		GOOD(keystore_event_pub(&k->c, s, S(LOG_A), pub));
		if (memcmp(pub, one.event_pub, sizeof pub) != 0) GOOD(keystore_promote(&k->c, s, S(LOG_A)));
		GOOD(keystore_event_pub(&k->c, s, S(LOG_A), pub));
		assert_memory_equal(pub, one.event_pub, sizeof pub);
		Err e = keystore_promote(&k->c, s, S(LOG_A));
		assert_true(err_ok(e) || e.code == ERR_NOT_FOUND);
		GOOD(keystore_event_pub(&k->c, s, S(LOG_A), pub));
		assert_memory_equal(pub, one.event_pub, sizeof pub);
		GOOD(keystore_successor(&k->c, s, S(LOG_A), &two));
		crypt_sha256(str_of(two.event_pub, sizeof two.event_pub), digest);
		assert_memory_equal(digest, one.next_digest, sizeof digest);
		keystore_close(s);
		Str *names;
		size_t count;
		GOOD(dir_list(&k->c, k->fd, ".", 100, &names, &count));
		for (size_t i = 0; i < count; i++) unlinkat(k->fd, names[i].p, 0);
	}
}

/* Where the owner keeps the key there is one for checkpoints, and none that signs events; and keys that are gone are not made anew. */
static void
test_owner_keeps(void **state)
{
	struct kit *k = *state;
	struct keystore *s = open_store(k);
	struct new_keys made;
	uint8_t sig[SIGN_BYTES];

	GOOD(keystore_create(&k->c, s, S("fresh"), true, &made));
	BAD(NOT_FOUND, keystore_sign_event(&k->c, s, S("fresh"), S("{}"), sig));
	GOOD(keystore_name(&k->c, s, S("fresh"), S(LOG_A)));
	BAD(NOT_FOUND, keystore_sign_event(&k->c, s, S(LOG_A), S("{}"), sig));
	GOOD(sign(k, s, S(LOG_A), checkpoint(k, S(LOG_A), 1, 1)));
	assert_false(file_exists(k->fd, LOG_A ".event") || file_exists(k->fd, LOG_A ".next"));
	keystore_close(s);
	unlinkat(k->fd, "journal.event", 0);
	BAD(CORRUPT, keystore_open(&k->c, k->fd, &root_a, false, &s));
	assert_false(file_exists(k->fd, "journal.event"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_sign),  TEST(test_naming), TEST(test_committed_successor), TEST(test_note), TEST(test_never_back), TEST(test_state_file),
	    TEST(test_swapped), TEST(test_link), TEST(test_mask), TEST(test_many), TEST(test_killed_first_start), TEST(test_killed_signing),
	    TEST(test_failed_sync), TEST(test_rotation), TEST(test_killed_promotion), TEST(test_owner_keeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

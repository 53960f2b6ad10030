#include "cmd/keystore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "codec/dsse.h"
#include "codec/json.h"
#include "codec/note.h"
#include "crypt/encode.h"
#include "crypt/seal.h"
#include "mesh/event.h"
#include "os/file.h"

enum { NAME_MAX_BYTES = 64, CACHED_MAX = 128, PENDING_MAX = 16, FILE_BYTES_MAX = 256, PAYLOAD_MAX = 65535 };

enum purpose { KEY_EVENT, KEY_NEXT, KEY_NOTE, PURPOSES, KEY_AFTER = PURPOSES };
static const char *const purpose_names[] = {"event", "next", "note", "after"};

struct cached {
	char log[NAME_MAX_BYTES + 1];
	enum purpose purpose;
	uint64_t used; /* 0: free */
	struct sign_key key;
};

struct pending {
	char name[NAME_MAX_BYTES + 1]; /* "": free */
	uint64_t made;
	bool note_only; /* the owner keeps the others */
	struct sign_key keys[PURPOSES];
};

/* One mapping, locked and left out of dumps. */
struct keystore {
	struct secret32 root, mask;
	struct cached cached[CACHED_MAX];
	struct pending pending[PENDING_MAX];
	uint64_t clock;
	int dirfd;
	bool failed; /* a sync failed: what is on disk is not known any more */
};

/* --- names --- */

static bool
is_name(Str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9')) return false;
	return s.n >= 1 && s.n <= NAME_MAX_BYTES;
}

static bool
is_log(Str s)
{
	if (str_eq(s, S("journal"))) return true;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'f') && !(s.p[i] >= '0' && s.p[i] <= '9')) return false;
	return s.n == 64;
}

static void
file_of(Str log, const char *suffix, char ret[static NAME_MAX_BYTES + 16])
{
	snprintf(ret, NAME_MAX_BYTES + 16, "%.*s.%s", STR(log), suffix);
}

/* --- sealed files --- */

static struct seal_label
label_of(Str log, const char *object)
{
	return (struct seal_label){.domain = log, .object = str_c(object), .version = 1, .purpose = S("heddle")};
}

static Err
sealed_write(struct ctx *c, const struct keystore *k, Str log, const char *object, Str plain)
{
	char path[NAME_MAX_BYTES + 16];
	struct seal_label label = label_of(log, object);
	BUF_AUTO sealed = BUF_INIT;

	file_of(log, object, path);
	seal_close(&k->root, &label, plain, &sealed);
	return file_replace(c, k->dirfd, path, buf_view(&sealed), 0600);
}

/* Exactly n bytes. */
static Err
sealed_read(struct ctx *c, const struct keystore *k, Str log, const char *object, void *ret, size_t n)
{
	char path[NAME_MAX_BYTES + 16];
	struct seal_label label = label_of(log, object);
	BUF_AUTO plain = BUF_INIT;
	FD_AUTO fd = -1;
	Str sealed;

	file_of(log, object, path);
	TRY(file_open_beneath(c, k->dirfd, path, O_RDONLY, 0, &fd));
	TRY(file_read_all(c, fd, path, FILE_BYTES_MAX, &sealed));
	buf_reserve(&plain, FILE_BYTES_MAX); /* never moved, so wiped in one place */
	Err e = seal_open(c, &k->root, &label, sealed, &plain);
	bool fits = err_ok(e) && plain.n == n;
	if (fits) memcpy(ret, plain.p, n);
	crypt_wipe(plain.p, plain.cap);
	ENSURE(c, fits, CORRUPT, "key file '%s' does not open: it is damaged, belongs to something else, or the root key is not the one of this node", path);
	return OK;
}

/* --- keys --- */

static Err
key_write(struct ctx *c, const struct keystore *k, Str log, enum purpose purpose, const struct sign_key *key)
{
	SECRET_AUTO seed;

	sign_key_seed(key, &seed);
	return sealed_write(c, k, log, purpose_names[purpose], str_of(seed.secret_bytes, sizeof seed.secret_bytes));
}

static Err
key_read(struct ctx *c, const struct keystore *k, Str log, enum purpose purpose, struct sign_key *ret)
{
	SECRET_AUTO seed;

	TRY(sealed_read(c, k, log, purpose_names[purpose], seed.secret_bytes, sizeof seed.secret_bytes));
	sign_key_from_seed(&seed, ret);
	return OK;
}

static struct pending *
pending_find(struct keystore *k, Str name)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (k->pending[i].name[0] && str_eqc(name, k->pending[i].name)) return &k->pending[i];
	return NULL;
}

static struct cached *
cached_oldest(struct keystore *k)
{
	struct cached *oldest = &k->cached[0];

	for (size_t i = 1; i < CACHED_MAX; i++)
		if (k->cached[i].used < oldest->used) oldest = &k->cached[i];
	return oldest;
}

/* The key, in the store's memory until the next call. */
static Err
key_get(struct ctx *c, struct keystore *k, Str log, enum purpose purpose, const struct sign_key **ret)
{
	const struct pending *p = pending_find(k, log);

	if (p) {
		ENSURE(c, !p->note_only || purpose == KEY_NOTE, NOT_FOUND, "this log's owner keeps its key");
		*ret = &p->keys[purpose];
		return OK;
	}
	ENSURE(c, is_log(log), INVALID, "not the id of a log");
	for (size_t i = 0; i < CACHED_MAX; i++) {
		struct cached *at = &k->cached[i];
		if (!at->used || at->purpose != purpose || !str_eqc(log, at->log)) continue;
		at->used = ++k->clock;
		*ret = &at->key;
		return OK;
	}
	SIGN_KEY_AUTO key;
	TRY(key_read(c, k, log, purpose, &key));
	struct cached *slot = cached_oldest(k);
	*slot = (struct cached){.purpose = purpose, .used = ++k->clock, .key = key};
	snprintf(slot->log, sizeof slot->log, "%.*s", STR(log));
	*ret = &slot->key;
	return OK;
}

/* --- the newest checkpoint signed --- */

struct signed_state {
	uint64_t size;
	uint8_t root[32];
};

enum { STATE_BYTES = 8 + 32 };

static Err
state_write(struct ctx *c, const struct keystore *k, Str log, const struct signed_state *s)
{
	BUF_AUTO b = BUF_INIT;

	buf_u64be(&b, s->size);
	buf_add(&b, s->root, sizeof s->root);
	return sealed_write(c, k, log, "signed", buf_view(&b));
}

static Err
state_read(struct ctx *c, const struct keystore *k, Str log, struct signed_state *ret)
{
	uint8_t bytes[STATE_BYTES];
	struct signed_state s = {0};

	TRY(sealed_read(c, k, log, "signed", bytes, sizeof bytes));
	for (size_t i = 0; i < 8; i++) s.size = s.size << 8 | bytes[i];
	memcpy(s.root, bytes + 8, sizeof s.root);
	*ret = s;
	return OK;
}

/* What every log starts from: nothing, under the root of the empty tree (RFC 6962 2.1). */
static Err
state_start(struct ctx *c, const struct keystore *k, Str log)
{
	struct signed_state s = {0};
	char path[NAME_MAX_BYTES + 16];

	file_of(log, "signed", path);
	if (file_exists(k->dirfd, path)) return OK;
	crypt_sha256(S(""), s.root);
	return state_write(c, k, log, &s);
}

/* --- opening --- */

/* The event key is written last: where it is, the rest was. */
static Err
keys_save(struct ctx *c, const struct keystore *k, Str log, const struct sign_key keys[static PURPOSES], bool note_only)
{
	TRY(state_start(c, k, log));
	TRY(key_write(c, k, log, KEY_NOTE, &keys[KEY_NOTE]));
	if (note_only) return OK;
	TRY(key_write(c, k, log, KEY_NEXT, &keys[KEY_NEXT]));
	return key_write(c, k, log, KEY_EVENT, &keys[KEY_EVENT]);
}

static void
keys_wipe(struct sign_key keys[static PURPOSES])
{
	for (size_t i = 0; i < PURPOSES; i++) sign_key_wipe(&keys[i]);
}

static Err
first_start(struct ctx *c, struct keystore *k)
{
	struct sign_key keys[PURPOSES];

	crypt_random(k->mask.secret_bytes, sizeof k->mask.secret_bytes);
	TRY(sealed_write(c, k, S("mask"), "root", str_of(k->mask.secret_bytes, sizeof k->mask.secret_bytes)));
	for (size_t i = 0; i < PURPOSES; i++) sign_key_new(&keys[i]);
	Err e = keys_save(c, k, S("journal"), keys, false);
	keys_wipe(keys);
	return e;
}

static Err
start(struct ctx *c, struct keystore *k, bool make)
{
	const struct sign_key *key;

	if (!file_exists(k->dirfd, "journal.event")) {
		ENSURE(c, make, CORRUPT, "the keys of this node are gone from its folder 'keys'; put the copy back, new ones are not made for logs that were signed");
		return first_start(c, k);
	}
	TRY(key_get(c, k, S("journal"), KEY_EVENT, &key));
	return sealed_read(c, k, S("mask"), "root", k->mask.secret_bytes, sizeof k->mask.secret_bytes);
}

Err
keystore_open(struct ctx *c, int dirfd, const struct secret32 *root, bool make, struct keystore **ret)
{
	struct keystore *k = mmap(NULL, sizeof *k, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ENSURE(c, k != MAP_FAILED, UNAVAILABLE, "no memory for keys");
	(void)mlock(k, sizeof *k); /* as far as the limit goes */
	(void)madvise(k, sizeof *k, MADV_DONTDUMP);
	k->dirfd = dirfd;
	k->root = *root;
	Err e = start(c, k, make);
	if (!err_ok(e)) {
		keystore_close(k);
		return e;
	}
	*ret = k;
	return OK;
}

void
keystore_close(struct keystore *k)
{
	if (!k) return;
	crypt_wipe(k, sizeof *k);
	munmap(k, sizeof *k);
}

/* --- making and naming --- */

static struct pending *
pending_slot(struct keystore *k)
{
	struct pending *oldest = &k->pending[0];

	for (size_t i = 0; i < PENDING_MAX; i++)
		if (k->pending[i].made < oldest->made) oldest = &k->pending[i];
	return oldest;
}

Err
keystore_create(struct ctx *c, struct keystore *k, Str name, bool note_only, struct new_keys *ret)
{
	struct pending *p = pending_find(k, name);

	ENSURE(c, is_name(name) && !is_log(name), INVALID, "not a name for new keys");
	if (!p) p = pending_slot(k);
	p->made = ++k->clock;
	p->note_only = note_only;
	for (size_t i = 0; i < PURPOSES; i++) sign_key_new(&p->keys[i]);
	snprintf(p->name, sizeof p->name, "%.*s", STR(name));
	memcpy(ret->event_pub, p->keys[KEY_EVENT].pub, SIGN_PUB_BYTES);
	memcpy(ret->note_pub, p->keys[KEY_NOTE].pub, SIGN_PUB_BYTES);
	crypt_sha256(str_of(p->keys[KEY_NEXT].pub, SIGN_PUB_BYTES), ret->next_digest);
	return OK;
}

/* Half of it may stand there from a try that did not end; it must be of the same keys. */
static Err
no_other_keys(struct ctx *c, const struct keystore *k, Str log, const struct pending *p)
{
	for (size_t i = 0; i < PURPOSES; i++) {
		char path[NAME_MAX_BYTES + 16];
		SIGN_KEY_AUTO key;
		file_of(log, purpose_names[i], path);
		if (!file_exists(k->dirfd, path)) continue;
		TRY(key_read(c, k, log, (enum purpose)i, &key));
		ENSURE(c, crypt_equal(key.pub, p->keys[i].pub, SIGN_PUB_BYTES), CONFLICT, "the log has keys already");
	}
	return OK;
}

Err
keystore_name(struct ctx *c, struct keystore *k, Str name, Str log)
{
	struct pending *p = pending_find(k, name);
	const struct sign_key *key;

	ENSURE(c, is_log(log) && !str_eq(log, S("journal")), INVALID, "not the id of a log");
	ENSURE(c, p, NOT_FOUND, "no new keys of that name; make them again");
	TRY(no_other_keys(c, k, log, p));
	TRY(keys_save(c, k, log, p->keys, p->note_only));
	return key_get(c, k, log, KEY_NOTE, &key); /* p stays for a second call; its place is taken by newer ones */
}

/* --- signing --- */

Err
keystore_sign_event(struct ctx *c, struct keystore *k, Str log, Str payload, uint8_t ret[static SIGN_BYTES])
{
	const struct sign_key *key;
	BUF_AUTO pae = BUF_INIT;

	ENSURE(c, payload.n > 0 && payload.n <= PAYLOAD_MAX, TOO_LARGE, "an event has at most %d bytes", PAYLOAD_MAX);
	TRY(key_get(c, k, log, KEY_EVENT, &key));
	dsse_pae(S(DSSE_EVENT_TYPE), payload, &pae);
	sign_make(key, buf_view(&pae), ret);
	return OK;
}

static Err
note_allowed(struct ctx *c, const struct keystore *k, Str log, Str note, struct checkpoint *ret, bool *ret_known)
{
	char origin[NAME_MAX_BYTES + 16];
	struct signed_state last;

	ENSURE(c, is_log(log), INVALID, "not the id of a log");
	snprintf(origin, sizeof origin, "heddle/%.*s", STR(log));
	TRY(checkpoint_parse(c, note, ret));
	ENSURE(c, str_eqc(ret->origin, origin), DENIED, "a checkpoint of another log is not signed");
	TRY(state_read(c, k, log, &last));
	ENSURE(c, ret->size >= last.size, DENIED, "a checkpoint of %llu entries was signed already; one of %llu is not",
	       (unsigned long long)last.size, (unsigned long long)ret->size);
	*ret_known = ret->size == last.size;
	ENSURE(c, !*ret_known || memcmp(ret->root, last.root, sizeof last.root) == 0, DENIED,
	       "another history of %llu entries was signed already", (unsigned long long)last.size);
	return OK;
}

Err
keystore_sign_note(struct ctx *c, struct keystore *k, Str log, Str note, struct buf *out)
{
	struct checkpoint p;
	const struct sign_key *key;
	uint8_t signature[SIGN_BYTES];
	bool known;

	ENSURE(c, !k->failed, READ_ONLY, "the keys' folder could not be written; nothing more is signed");
	TRY(note_allowed(c, k, log, note, &p, &known));
	TRY(key_get(c, k, log, KEY_NOTE, &key));
	if (!known) {
		struct signed_state s = {.size = p.size};
		memcpy(s.root, p.root, sizeof s.root);
		Err e = state_write(c, k, log, &s);
		k->failed = e.code == ERR_IO;
		TRY(e);
	}
	sign_make(key, note, signature);
	note_sig_line(p.origin, note_key_id(p.origin, key->pub), signature, out);
	return OK;
}

static Err
pub_of(struct ctx *c, struct keystore *k, Str log, enum purpose purpose, uint8_t *ret)
{
	const struct sign_key *key;

	TRY(key_get(c, k, log, purpose, &key));
	memcpy(ret, key->pub, SIGN_PUB_BYTES);
	return OK;
}

Err
keystore_event_pub(struct ctx *c, struct keystore *k, Str log, uint8_t ret[static SIGN_PUB_BYTES])
{
	return pub_of(c, k, log, KEY_EVENT, ret);
}

Err
keystore_note_pub(struct ctx *c, struct keystore *k, Str log, uint8_t ret[static SIGN_PUB_BYTES])
{
	return pub_of(c, k, log, KEY_NOTE, ret);
}

Err
keystore_mask_key(struct ctx *c, struct keystore *k, Str consumer, Str purpose, struct secret32 *ret)
{
	BUF_AUTO b = BUF_INIT;

	ENSURE(c, consumer.n > 0 && consumer.n <= 255 && purpose.n <= 255, INVALID, "not a consumer and a purpose");
	buf_c(&b, "heddle mask key v1");
	buf_char(&b, '\0');
	buf_u16be(&b, (uint16_t)consumer.n);
	buf_str(&b, consumer);
	buf_u16be(&b, (uint16_t)purpose.n);
	buf_str(&b, purpose);
	crypt_hmac_sha256(str_of(k->mask.secret_bytes, sizeof k->mask.secret_bytes), buf_view(&b), ret->secret_bytes);
	return OK;
}

/* --- rotation --- */

static void
forget(struct keystore *k, Str log)
{
	for (size_t i = 0; i < CACHED_MAX; i++)
		if (k->cached[i].used && str_eqc(log, k->cached[i].log)) crypt_wipe(&k->cached[i], sizeof k->cached[i]);
}

static bool
has_file(const struct keystore *k, Str log, enum purpose purpose)
{
	char path[NAME_MAX_BYTES + 16];

	file_of(log, purpose_names[purpose], path);
	return file_exists(k->dirfd, path);
}

Err
keystore_successor(struct ctx *c, struct keystore *k, Str log, struct successor *ret)
{
	const struct sign_key *next;
	SIGN_KEY_AUTO after;

	ENSURE(c, is_log(log) && !str_eq(log, S("journal")), INVALID, "not the id of a domain's log");
	TRY(key_get(c, k, log, KEY_NEXT, &next));
	bool made = has_file(k, log, KEY_AFTER);
	if (made) TRY(key_read(c, k, log, KEY_AFTER, &after));
	if (!made || crypt_equal(after.pub, next->pub, sizeof after.pub)) { /* equal: left from a rotation that is done */
		sign_key_new(&after);
		TRY(key_write(c, k, log, KEY_AFTER, &after));
	}
	memcpy(ret->event_pub, next->pub, sizeof ret->event_pub);
	crypt_sha256(str_of(after.pub, sizeof after.pub), ret->next_digest);
	return OK;
}

Err
keystore_endorse(struct ctx *c, struct keystore *k, Str log, Str text, uint8_t ret[static SIGN_BYTES])
{
	const struct sign_key *key;
	char head[NAME_MAX_BYTES + 32];

	ENSURE(c, is_log(log), INVALID, "not the id of a log");
	snprintf(head, sizeof head, "heddle.rotate.v1\n%.*s\n", STR(log));
	ENSURE(c, str_starts(text, str_c(head)), DENIED, "only the rotation of its own key is endorsed");
	TRY(key_get(c, k, log, KEY_EVENT, &key));
	sign_make(key, text, ret);
	return OK;
}

/* Does it reveal the next key, and commit to the one made for it? */
static Err
is_rotation(struct ctx *c, Str log, Str payload, const struct successor *s)
{
	uint8_t pub[SIGN_PUB_BYTES], next[CRYPT_HASH_BYTES];
	struct event e;
	Str pub_text = {0}, next_text = {0};

	TRY(event_parse(c, payload, &e));
	bool good = e.type == EVENT_KEY_ROTATE && str_eq(e.origin, log) && err_ok(json_str(c, e.body, "event_pub", &pub_text)) &&
	            err_ok(json_str(c, e.body, "next", &next_text)) && hex_get_n(pub_text, pub, sizeof pub) && hex_get_n(next_text, next, sizeof next) &&
	            memcmp(pub, s->event_pub, sizeof pub) == 0 && memcmp(next, s->next_digest, sizeof next) == 0;
	event_fini(&e);
	ENSURE(c, good, DENIED, "the next key signs its own rotation and nothing else");
	return OK;
}

Err
keystore_sign_rotation(struct ctx *c, struct keystore *k, Str log, Str payload, uint8_t ret[static SIGN_BYTES])
{
	const struct sign_key *key;
	struct successor s;
	BUF_AUTO pae = BUF_INIT;

	ENSURE(c, payload.n > 0 && payload.n <= PAYLOAD_MAX, TOO_LARGE, "an event has at most %d bytes", PAYLOAD_MAX);
	TRY(keystore_successor(c, k, log, &s));
	TRY(is_rotation(c, log, payload, &s));
	TRY(key_get(c, k, log, KEY_NEXT, &key));
	dsse_pae(S(DSSE_EVENT_TYPE), payload, &pae);
	sign_make(key, buf_view(&pae), ret);
	return OK;
}

/* Each step leaves what the one after it needs, so a death in between is made good by another call. */
Err
keystore_promote(struct ctx *c, struct keystore *k, Str log)
{
	char path[NAME_MAX_BYTES + 16];
	SIGN_KEY_AUTO next;
	SIGN_KEY_AUTO after;

	ENSURE(c, is_log(log) && has_file(k, log, KEY_AFTER), NOT_FOUND, "no rotation of that log's key was begun");
	TRY(key_read(c, k, log, KEY_NEXT, &next));
	TRY(key_read(c, k, log, KEY_AFTER, &after));
	forget(k, log);
	if (!crypt_equal(next.pub, after.pub, sizeof next.pub)) {
		TRY(key_write(c, k, log, KEY_EVENT, &next));
		TRY(key_write(c, k, log, KEY_NEXT, &after));
	}
	file_of(log, purpose_names[KEY_AFTER], path);
	TRY(file_unlink(c, k->dirfd, path));
	return dir_sync(c, k->dirfd, "keys");
}

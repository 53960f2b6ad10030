#include "cmd/keystore_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "codec/dsse.h"
#include "codec/note.h"
#include "os/file.h"

/* --- names --- */

static bool
is_name(Str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9')) return false;
	return s.n >= 1 && s.n <= NAME_MAX_BYTES;
}

/* --- keys --- */

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
Err
keystore_key(struct ctx *c, struct keystore *k, Str log, enum purpose purpose, const struct sign_key **ret)
{
	const struct pending *p = pending_find(k, log);

	if (p) {
		ENSURE(c, !p->note_only || purpose == KEY_NOTE, NOT_FOUND, "this log's owner keeps its key");
		*ret = &p->keys[purpose];
		return OK;
	}
	ENSURE(c, keystore_is_log(log), INVALID, "not the id of a log");
	for (size_t i = 0; i < CACHED_MAX; i++) {
		struct cached *at = &k->cached[i];
		if (!at->used || at->purpose != purpose || !str_eqc(log, at->log)) continue;
		at->used = ++k->clock;
		*ret = &at->key;
		return OK;
	}
	SIGN_KEY_AUTO key;
	TRY(keystore_key_read(c, k, log, purpose, &key));
	struct cached *slot = cached_oldest(k);
	*slot = (struct cached){.purpose = purpose, .used = ++k->clock, .key = key};
	snprintf(slot->log, sizeof slot->log, "%.*s", STR(log));
	*ret = &slot->key;
	return OK;
}

void
keystore_forget(struct keystore *k, Str log)
{
	for (size_t i = 0; i < CACHED_MAX; i++)
		if (k->cached[i].used && str_eqc(log, k->cached[i].log)) crypt_wipe(&k->cached[i], sizeof k->cached[i]);
}

/* --- opening --- */

/* The event key is written last: where it is, the rest was. */
static Err
keys_save(struct ctx *c, const struct keystore *k, Str log, const struct sign_key keys[static PURPOSES], bool note_only)
{
	TRY(keystore_state_start(c, k, log));
	TRY(keystore_key_write(c, k, log, KEY_NOTE, &keys[KEY_NOTE]));
	if (note_only) return OK;
	TRY(keystore_key_write(c, k, log, KEY_NEXT, &keys[KEY_NEXT]));
	return keystore_key_write(c, k, log, KEY_EVENT, &keys[KEY_EVENT]);
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
	TRY(keystore_write(c, k, S("mask"), "root", str_of(k->mask.secret_bytes, sizeof k->mask.secret_bytes)));
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
	TRY(keystore_key(c, k, S("journal"), KEY_EVENT, &key));
	return keystore_read(c, k, S("mask"), "root", k->mask.secret_bytes, sizeof k->mask.secret_bytes);
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

	ENSURE(c, is_name(name) && !keystore_is_log(name), INVALID, "not a name for new keys");
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
		keystore_file_of(log, keystore_objects[i], path);
		if (!file_exists(k->dirfd, path)) continue;
		TRY(keystore_key_read(c, k, log, (enum purpose)i, &key));
		ENSURE(c, crypt_equal(key.pub, p->keys[i].pub, SIGN_PUB_BYTES), CONFLICT, "the log has keys already");
	}
	return OK;
}

Err
keystore_name(struct ctx *c, struct keystore *k, Str name, Str log)
{
	struct pending *p = pending_find(k, name);
	const struct sign_key *key;

	ENSURE(c, keystore_is_log(log) && !str_eq(log, S("journal")), INVALID, "not the id of a log");
	ENSURE(c, p, NOT_FOUND, "no new keys of that name; make them again");
	TRY(no_other_keys(c, k, log, p));
	TRY(keys_save(c, k, log, p->keys, p->note_only));
	return keystore_key(c, k, log, KEY_NOTE, &key); /* p stays for a second call; its place is taken by newer ones */
}

/* --- signing --- */

Err
keystore_sign_event(struct ctx *c, struct keystore *k, Str log, Str payload, uint8_t ret[static SIGN_BYTES])
{
	const struct sign_key *key;
	BUF_AUTO pae = BUF_INIT;

	ENSURE(c, payload.n > 0 && payload.n <= PAYLOAD_MAX, TOO_LARGE, "an event has at most %d bytes", PAYLOAD_MAX);
	TRY(keystore_key(c, k, log, KEY_EVENT, &key));
	dsse_pae(S(DSSE_EVENT_TYPE), payload, &pae);
	sign_make(key, buf_view(&pae), ret);
	return OK;
}

static Err
note_allowed(struct ctx *c, const struct keystore *k, Str log, Str note, struct checkpoint *ret, bool *ret_known)
{
	char origin[NAME_MAX_BYTES + 16];
	struct signed_state last;

	ENSURE(c, keystore_is_log(log), INVALID, "not the id of a log");
	snprintf(origin, sizeof origin, "heddle/%.*s", STR(log));
	TRY(checkpoint_parse(c, note, ret));
	ENSURE(c, str_eqc(ret->origin, origin), DENIED, "a checkpoint of another log is not signed");
	TRY(keystore_state_read(c, k, log, &last));
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
	TRY(keystore_key(c, k, log, KEY_NOTE, &key));
	if (!known) {
		struct signed_state s = {.size = p.size};
		memcpy(s.root, p.root, sizeof s.root);
		Err e = keystore_state_write(c, k, log, &s);
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

	TRY(keystore_key(c, k, log, purpose, &key));
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

/* Rotation of the keys that the node keeps: the next one signs its own rotation, and takes its place once that stands in the log. */
#include <stdio.h>
#include <string.h>

#include "cmd/keystore_private.h"
#include "codec/dsse.h"
#include "codec/json.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "mesh/event.h"
#include "os/file.h"

Err
keystore_successor(struct ctx *c, struct keystore *k, Str log, struct successor *ret)
{
	const struct sign_key *next;
	SIGN_KEY_AUTO after;

	ENSURE(c, keystore_is_log(log) && !str_eq(log, S("journal")), INVALID, "not the id of a domain's log");
	TRY(keystore_key(c, k, log, KEY_NEXT, &next));
	bool made = keystore_has(k, log, KEY_AFTER);
	if (made) TRY(keystore_key_read(c, k, log, KEY_AFTER, &after));
	if (!made || crypt_equal(after.pub, next->pub, sizeof after.pub)) { /* equal: left from a rotation that is done */
		sign_key_new(&after);
		TRY(keystore_key_write(c, k, log, KEY_AFTER, &after));
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

	ENSURE(c, keystore_is_log(log), INVALID, "not the id of a log");
	snprintf(head, sizeof head, "heddle.rotate.v1\n%.*s\n", STR(log));
	ENSURE(c, str_starts(text, str_c(head)), DENIED, "only the rotation of its own key is endorsed");
	TRY(keystore_key(c, k, log, KEY_EVENT, &key));
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
	TRY(keystore_key(c, k, log, KEY_NEXT, &key));
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

	ENSURE(c, keystore_is_log(log) && keystore_has(k, log, KEY_AFTER), NOT_FOUND, "no rotation of that log's key was begun");
	TRY(keystore_key_read(c, k, log, KEY_NEXT, &next));
	TRY(keystore_key_read(c, k, log, KEY_AFTER, &after));
	keystore_forget(k, log);
	if (!crypt_equal(next.pub, after.pub, sizeof next.pub)) {
		TRY(keystore_key_write(c, k, log, KEY_EVENT, &next));
		TRY(keystore_key_write(c, k, log, KEY_NEXT, &after));
	}
	keystore_file_of(log, keystore_objects[KEY_AFTER], path);
	TRY(file_unlink(c, k->dirfd, path));
	return dir_sync(c, k->dirfd, "keys");
}

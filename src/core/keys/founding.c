/* New domains: a log of their own with its first entry, and the keys of both. */
#include <string.h>

#include "core/keys/drafts.h"
#include "core/keys/founding.h"
#include "crypt/encode.h"

/* The keys of a log under a name of their own, until its id is known. *ret_keys borrows from the arena. */
static Err
make_keys(struct core *core, struct ctx *c, Str name, const struct custody *owner, struct msg_K_KEYS *ret_keys)
{
	struct frame f;

	TRY(ask_keys(core, c, K_CREATE, K_KEYS, &f, .name = name, .note_only = owner ? 1 : 0));
	TRY(msg_get_K_KEYS(c, f.payload, ret_keys));
	ENSURE(c, ret_keys->event_pub.n == 32 && ret_keys->next_digest.n == 32 && ret_keys->log_pub.n == 32, INTERNAL, "the keys role gave no keys");
	return OK;
}

static Err
inception_signature(struct core *core, struct ctx *c, Str name, Str id, Str key_name, Str payload, const struct custody *owner,
                    uint8_t ret[static SIGN_BYTES])
{
	struct frame f;
	struct msg_DONE done;

	if (owner->owner_keeps) return draft_wait(core, c, id, name, payload, owner->event_pub, ret);
	TRY(ask_keys(core, c, K_SIGN_EVENT, DONE, &f, .log = key_name, .payload = payload));
	TRY(msg_get_DONE(c, f.payload, &done));
	ENSURE(c, done.text.n == SIGN_BYTES, INTERNAL, "the keys role gave no signature");
	memcpy(ret, done.text.p, SIGN_BYTES);
	return OK;
}

Err
core_new_domain(struct core *core, struct ctx *c, Str name, bool center, Str actor, const struct custody *custody, Str *ret_id)
{
	struct frame f;
	struct msg_K_KEYS keys;
	struct custody own = custody ? *custody : (struct custody){0};
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO payload = BUF_INIT;
	char salt[CRYPT_ID_MAX], id[CRYPT_HASH_TEXT];
	uint8_t signature[SIGN_BYTES];

	crypt_random_id(salt);
	if (!own.owner_keeps) {
		TRY(make_keys(core, c, str_c(salt), NULL, &keys));
		memcpy(own.event_pub, keys.event_pub.p, sizeof own.event_pub);
		memcpy(own.next, keys.next_digest.p, sizeof own.next);
	}
	body_founding(&body, name, center, str_c(salt), &own);
	event_write(&(struct event_head){.actor = actor, .time = core_now(), .type = EVENT_DOMAIN_INCEPTION}, buf_view(&body), &payload);
	crypt_sha256_text(buf_view(&payload), id);
	TRY(mesh_check(c, core->mesh, str_c(id), buf_view(&payload)));
	TRY(inception_signature(core, c, name, str_c(id), str_c(salt), buf_view(&payload), &own, signature));
	if (own.owner_keeps) TRY(make_keys(core, c, str_c(salt), &own, &keys)); /* only now: they live in memory until named, the newest do */
	TRY(ask_keys(core, c, K_NAME, DONE, &f, .name = str_c(salt), .log = str_c(id)));
	TRY(ledger_create(c, core->ledger, str_c(id)));
	TRY(core_set_log_key(core, c, str_c(id)));
	TRY(core_append_event(core, c, str_c(id), buf_view(&payload), signature));
	*ret_id = arena_str(c->arena, str_c(id));
	return OK;
}

Err
custody_read(struct request *rq, struct custody *ret, bool *ret_any)
{
	struct ctx *c = &rq->c;
	List recovery = api_arg_list(&rq->args, &rq->arena, "recovery");
	struct custody k = {.owner_keeps = arg(rq, "key").p != NULL, .recoverable = recovery.n > 0};

	ENSURE(c, !k.owner_keeps || hex_get_n(arg(rq, "key"), k.event_pub, sizeof k.event_pub), INVALID, "key: 64 hex digits are expected");
	ENSURE(c, k.owner_keeps == (arg(rq, "next").p != NULL), INVALID, "next: goes with key");
	ENSURE(c, !k.owner_keeps || hex_get_n(arg(rq, "next"), k.next, sizeof k.next), INVALID, "next: 64 hex digits are expected");
	ENSURE(c, recovery.n == RECOVERY_KEYS || (recovery.n == 0 && !k.owner_keeps), INVALID, "recovery: three keys are expected");
	for (size_t i = 0; i < recovery.n; i++)
		ENSURE(c, hex_get_n(recovery.v[i], k.recovery[i], sizeof k.recovery[i]), INVALID, "recovery: 64 hex digits are expected");
	*ret = k;
	*ret_any = k.owner_keeps || k.recoverable;
	return OK;
}

/* The keys role: answers the core's K_ messages from a keystore; reads its own folder and nothing else. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/keystore.h"
#include "cmd/role.h"
#include "crypt/encode.h"
#include "ipc/chan.h"
#include "os/file.h"
#include "os/log.h"

struct keys {
	struct keystore *store;
	struct chan chan;
};

static Err
done(struct ctx *c, struct keys *k, uint64_t id, const void *bytes, size_t n)
{
	return chan_post(c, &k->chan, DONE, id, -1, .text = str_of(bytes, n));
}

static Err
on_create(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_CREATE m;
	struct new_keys made;

	TRY(msg_get_K_CREATE(c, f->payload, &m));
	TRY(keystore_create(c, k->store, m.name, m.note_only != 0, &made));
	return chan_post(c, &k->chan, K_KEYS, f->id, -1, .event_pub = str_of(made.event_pub, sizeof made.event_pub),
	    .next_digest = str_of(made.next_digest, sizeof made.next_digest), .log_pub = str_of(made.note_pub, sizeof made.note_pub));
}

static Err
on_name(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_NAME m;

	TRY(msg_get_K_NAME(c, f->payload, &m));
	TRY(keystore_name(c, k->store, m.name, m.log));
	return done(c, k, f->id, "", 0);
}

static Err
on_sign_event(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_SIGN_EVENT m;
	uint8_t signature[SIGN_BYTES];

	TRY(msg_get_K_SIGN_EVENT(c, f->payload, &m));
	TRY(keystore_sign_event(c, k->store, m.log, m.payload, signature));
	return done(c, k, f->id, signature, sizeof signature);
}

static Err
on_sign_note(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_SIGN_NOTE m;
	BUF_AUTO line = BUF_INIT;

	TRY(msg_get_K_SIGN_NOTE(c, f->payload, &m));
	TRY(keystore_sign_note(c, k->store, m.log, m.note, &line));
	return done(c, k, f->id, line.p, line.n);
}

static Err
on_event_pub(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_EVENT_PUB m;
	uint8_t pub[SIGN_PUB_BYTES];

	TRY(msg_get_K_EVENT_PUB(c, f->payload, &m));
	TRY(keystore_event_pub(c, k->store, m.log, pub));
	return done(c, k, f->id, pub, sizeof pub);
}

static Err
on_note_pub(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_NOTE_PUB m;
	uint8_t pub[SIGN_PUB_BYTES];

	TRY(msg_get_K_NOTE_PUB(c, f->payload, &m));
	TRY(keystore_note_pub(c, k->store, m.log, pub));
	return done(c, k, f->id, pub, sizeof pub);
}

static Err
on_mask_key(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_MASK_KEY m;
	SECRET_AUTO key;

	TRY(msg_get_K_MASK_KEY(c, f->payload, &m));
	TRY(keystore_mask_key(c, k->store, m.consumer, m.purpose, &key));
	return done(c, k, f->id, key.secret_bytes, sizeof key.secret_bytes);
}

static Err
on_successor(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_SUCCESSOR m;
	struct successor s;

	TRY(msg_get_K_SUCCESSOR(c, f->payload, &m));
	TRY(keystore_successor(c, k->store, m.log, &s));
	return chan_post(c, &k->chan, K_KEYS, f->id, -1, .event_pub = str_of(s.event_pub, sizeof s.event_pub),
	    .next_digest = str_of(s.next_digest, sizeof s.next_digest));
}

static Err
on_endorse(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_ENDORSE m;
	uint8_t signature[SIGN_BYTES];

	TRY(msg_get_K_ENDORSE(c, f->payload, &m));
	TRY(keystore_endorse(c, k->store, m.log, m.text, signature));
	return done(c, k, f->id, signature, sizeof signature);
}

static Err
on_sign_rotation(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_SIGN_ROTATION m;
	uint8_t signature[SIGN_BYTES];

	TRY(msg_get_K_SIGN_ROTATION(c, f->payload, &m));
	TRY(keystore_sign_rotation(c, k->store, m.log, m.payload, signature));
	return done(c, k, f->id, signature, sizeof signature);
}

static Err
on_promote(struct ctx *c, struct keys *k, const struct frame *f)
{
	struct msg_K_PROMOTE m;

	TRY(msg_get_K_PROMOTE(c, f->payload, &m));
	TRY(keystore_promote(c, k->store, m.log));
	return done(c, k, f->id, "", 0);
}

static const struct {
	enum msg_type type;
	Err (*run)(struct ctx *c, struct keys *k, const struct frame *f);
} handlers[] = {
    {MSG_K_SIGN_EVENT, on_sign_event}, {MSG_K_SIGN_NOTE, on_sign_note}, {MSG_K_EVENT_PUB, on_event_pub}, {MSG_K_NOTE_PUB, on_note_pub},
    {MSG_K_MASK_KEY, on_mask_key},     {MSG_K_CREATE, on_create},       {MSG_K_NAME, on_name},
    {MSG_K_SUCCESSOR, on_successor},   {MSG_K_ENDORSE, on_endorse},     {MSG_K_SIGN_ROTATION, on_sign_rotation}, {MSG_K_PROMOTE, on_promote},
};

static Err
answer(struct ctx *c, struct keys *k, const struct frame *f)
{
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == f->type) return handlers[i].run(c, k, f);
	return err_set(c, ERR_INVALID, "the keys role does not take %s", msg_name(f->type));
}

static Err
serve(struct ctx *c, struct keys *k)
{
	for (;;) {
		struct frame f;
		TRY(chan_recv(c, &k->chan, &f));
		Err e = answer(c, k, &f);
		frame_fini(&f);
		if (!err_ok(e)) TRY(chan_post(c, &k->chan, FAILED, f.id, -1, .code = e.code, .detail = str_c(c->detail)));
		arena_reset(c->arena);
		c->detail[0] = 0;
	}
}

static Err
read_root(struct ctx *c, struct secret32 *ret)
{
	char hex[2 * CRYPT_KEY_BYTES + 1] = "";
	ssize_t n = pread(KEYS_FD_ROOT, hex, sizeof hex, 0);
	bool ok = n >= 2 * CRYPT_KEY_BYTES && hex_get_n(str_of(hex, 2 * CRYPT_KEY_BYTES), ret->secret_bytes, sizeof ret->secret_bytes);

	crypt_wipe(hex, sizeof hex);
	close(KEYS_FD_ROOT);
	ENSURE(c, ok, CORRUPT, "the root key is damaged: it must be 64 hex digits");
	return OK;
}

static Err
start(struct ctx *c, char *const *argv, struct keys *k, struct sandbox_state *ret)
{
	SECRET_AUTO root;
	int dir = KEYS_FD_DIR;
	struct sandbox_spec spec = {.profile = SANDBOX_KEYS, .keep_fds_below = KEYS_FD_DIR + 1, .write_dirs = &dir, .write_dir_count = 1,
	    .own_net = true, .limits = {.nofile = 64}};

	TRY(read_root(c, &root));
	TRY(role_sandbox(c, argv, &spec, ret));
	return keystore_open(c, KEYS_FD_DIR, &root, role_arg(argv, "had_keys") == NULL, &k->store);
}

int
role_keys_main(char *const *argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct keys k = {0};
	struct sandbox_state state;
	Err e = start(&c, argv, &k, &state);

	if (!err_ok(e)) {
		log_error("%s", err_detail(&c, e));
		return ROLE_EXIT_OPERATOR;
	}
	chan_init(&k.chan, FD_CHANNEL);
	e = chan_post(&c, &k.chan, READY, 0, -1, .level = (uint64_t)state.level, .note = sandbox_text(&arena, &state));
	if (err_ok(e)) e = serve(&c, &k);
	if (e.code != ERR_UNAVAILABLE) log_error("%s", err_detail(&c, e));
	keystore_close(k.store);
	chan_fini(&k.chan);
	return e.code == ERR_UNAVAILABLE ? ROLE_EXIT_OK : 1;
}

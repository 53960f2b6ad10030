/* How the core says things: events into the logs of domains, entries into the journal, and the group commit of both. */
#include <assert.h>
#include <stdlib.h>

#include "codec/dsse.h"
#include "codec/note.h"
#include "core/core.h"
#include "crypt/encode.h"
#include "ledger/tree.h"
#include "os/clock.h"
#include "os/log.h"

static const Str JOURNAL = S("journal");
static const int64_t LATER_NS = INT64_C(10000000);

static void
mark_dirty(struct core *core)
{
	core->dirty = core->urgent = true;
	if (!core->publish_due) core->dirty_since_ns = core_ns();
	core->publish_due = true;
}

Err
core_to_store(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	struct core *core = arg;

	core->store_clean = false;
	return body.n ? store_put(c, core->store, kind, id, body) : store_del(c, core->store, kind, id);
}

static Err
sign_and_append(struct core *core, struct ctx *c, Str log_id, Str payload, Str *ret_entry, uint64_t *ret_index)
{
	struct frame f;
	struct msg_DONE done;
	BUF_AUTO entry = BUF_INIT;

	TRY(ask_keys(core, c, K_SIGN_EVENT, DONE, &f, .log = log_id, .payload = payload));
	TRY(msg_get_DONE(c, f.payload, &done));
	ENSURE(c, done.text.n == 64, INTERNAL, "the keys role gave no signature");
	dsse_encode(S(DSSE_EVENT_TYPE), payload, S(""), (const uint8_t *)done.text.p, &entry);
	ENSURE(c, entry.n <= LEDGER_ENTRY_MAX, TOO_LARGE, "the event has %zu bytes, a log entry at most %d", entry.n, LEDGER_ENTRY_MAX);
	*ret_entry = arena_str(c->arena, buf_view(&entry));
	TRY(ledger_append(c, core->ledger, log_id, *ret_entry, ret_index));
	if (!str_eq(log_id, JOURNAL)) core->store_clean = false; /* its position */
	mark_dirty(core);
	return OK;
}

static Err
write_payload(struct core *core, struct ctx *c, Str log_id, Str origin, enum event_type type, Str actor, Str body, struct buf *out)
{
	struct ledger_head head;
	struct event_head h = {.origin = origin, .actor = actor, .time = core_now(), .type = type};

	TRY(ledger_writable(c, core->ledger, log_id));
	TRY(ledger_head(c, core->ledger, log_id, &head));
	TRY(ledger_prev(c, core->ledger, log_id, &h.prev));
	h.seq = head.size;
	event_write(&h, body, out);
	return OK;
}

/* What was appended counts. A catalog that cannot follow ends the process, before the entry is durable or anybody heard of it. */
static void
fold_own(struct core *core, struct ctx *c, Str log_id, uint64_t index, Str entry)
{
	struct mesh_outcome outcome;
	Err e = mesh_apply(c, core->mesh, log_id, index, entry, false, core_to_store, core, &outcome);

	if (!err_ok(e)) core_die("the catalog cannot be written", c, e);
	assert(outcome.accepted); /* mesh_check() said so */
	core->mark++;
}

Err
core_say(struct core *core, struct ctx *c, Str domain_id, enum event_type type, Str actor, Str body)
{
	BUF_AUTO payload = BUF_INIT;
	Str log_id = arena_str(c->arena, domain_id), entry;
	uint64_t index;

	TRY(write_payload(core, c, log_id, log_id, type, actor, body, &payload));
	TRY(mesh_check(c, core->mesh, log_id, buf_view(&payload)));
	TRY(sign_and_append(core, c, log_id, buf_view(&payload), &entry, &index));
	fold_own(core, c, log_id, index, entry);
	return OK;
}

/* The body, and whose domain the actor acted for: who may read the entry later depends on it. */
static void
put_body(const struct core *core, Str actor, Str body, struct buf *out)
{
	const struct mesh_member *m = actor.n ? mesh_member(core->mesh, actor) : NULL;

	assert(body.n >= 2 && body.p[0] == '{');
	if (!m) {
		buf_str(out, body);
		return;
	}
	buf_printf(out, "{\"acting\":\"%.*s\"%s", STR(m->domain_id), body.n > 2 ? "," : "");
	buf_str(out, str_of(body.p + 1, body.n - 1));
}

Err
core_note(struct core *core, struct ctx *c, const char *type, Str actor, Str body)
{
	BUF_AUTO payload = BUF_INIT;
	struct ledger_head head;
	Hash prev;
	char now[TIME_TEXT_MAX], hex[2 * HASH_BYTES + 1];
	Str entry;
	uint64_t index;

	TRY(ledger_head(c, core->ledger, JOURNAL, &head));
	TRY(ledger_prev(c, core->ledger, JOURNAL, &prev));
	time_format(core_now(), now);
	hex_text(prev.b, HASH_BYTES, hex);
	buf_printf(&payload, "{\"v\":1,\"origin\":\"journal\",\"seq\":%llu,\"prev\":\"%s\",\"type\":\"journal.%s\",\"actor\":",
	           (unsigned long long)head.size, hex, type);
	buf_json(&payload, actor);
	buf_printf(&payload, ",\"time\":\"%s\",\"idem\":\"\",\"requires\":[],\"body\":", now);
	put_body(core, actor, body, &payload);
	buf_char(&payload, '}');
	return sign_and_append(core, c, JOURNAL, buf_view(&payload), &entry, &index);
}

Err
core_note_later(struct core *core, struct ctx *c, const char *type, Str actor, Str body)
{
	bool urgent = core->urgent, first = !core->dirty;

	TRY(core_note(core, c, type, actor, body));
	core->urgent = urgent;
	if (first) core->commit_due_ns = core_ns() + LATER_NS;
	return OK;
}

void
core_die(const char *what, const struct ctx *c, Err e)
{
	/* A failed write or sync is never tried again: the kernel may have dropped what it could not write. The process ends,
	 * nothing that was not durable has been answered, and the next start reads what is really there. */
	log_line(LOG_ERROR, "%s: %s; ending so that nothing undurable is acknowledged", what, err_detail(c, e));
	_Exit(70);
}

static Err
positions(struct core *core, struct ctx *c)
{
	struct ledger_state *states;
	struct ledger_head head;
	size_t n = ledger_states(core->ledger, c->arena, &states);

	for (size_t i = 0; i < n; i++) {
		if (states[i].damaged || str_eq(states[i].log_id, JOURNAL)) continue;
		TRY(ledger_head(c, core->ledger, states[i].log_id, &head));
		TRY(store_position_put(c, core->store, states[i].log_id, head.size, head.root.b));
	}
	return OK;
}

void
core_commit_now(struct core *core)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	Err e;

	if (!core->dirty) return;
	e = ledger_commit(&c, core->ledger);
	if (!err_ok(e)) core_die("the ledger cannot be written", &c, e);
	core->dirty = core->urgent = false;
	core->count.commits++;
	if (core->store_clean) return;
	e = positions(core, &c);
	if (err_ok(e)) e = store_commit(&c, core->store);
	if (err_ok(e)) e = store_begin(&c, core->store);
	if (!err_ok(e)) core_die("the catalog cannot be written", &c, e);
	core->store_clean = true;
}

static Err
sign_note(struct ctx *c, void *arg, Str log_id, Str note_text, struct buf *out)
{
	struct core *core = arg;
	struct frame f;
	struct msg_DONE done;

	TRY(ask_keys(core, c, K_SIGN_NOTE, DONE, &f, .log = log_id, .note = note_text));
	TRY(msg_get_DONE(c, f.payload, &done));
	buf_str(out, done.text);
	return OK;
}

void
core_publish_logs(struct core *core)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};

	core_commit_now(core);
	if (!peer_alive(core->keys)) return; /* due again when it is back */
	Err e = ledger_publish(&c, core->ledger, sign_note, core);
	if (e.code == ERR_UNAVAILABLE || e.code == ERR_FULL) { /* the entries are safe in the wal; later, then */
		core->dirty_since_ns = core_ns();
		return;
	}
	if (!err_ok(e)) core_die("the logs' tiles cannot be written", &c, e);
	core->publish_due = false;
}

Err
core_set_log_key(struct core *core, struct ctx *c, Str log_id)
{
	struct frame f;
	struct msg_DONE done;
	BUF_AUTO origin = BUF_INIT;
	BUF_AUTO line = BUF_INIT;

	TRY(ask_keys(core, c, K_NOTE_PUB, DONE, &f, .log = log_id));
	TRY(msg_get_DONE(c, f.payload, &done));
	ENSURE(c, done.text.n == NOTE_PUB_BYTES, INTERNAL, "the keys role gave no key");
	ledger_origin(log_id, &origin);
	note_key_line(buf_view(&origin), (const uint8_t *)done.text.p, &line);
	return ledger_set_key(c, core->ledger, log_id, buf_view(&line));
}

Err
core_new_domain(struct core *core, struct ctx *c, Str name, bool center, Str actor, Str *ret_id)
{
	struct frame f;
	struct msg_K_KEYS keys;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO payload = BUF_INIT;
	char salt[CRYPT_ID_MAX];
	uint8_t digest[CRYPT_HASH_BYTES];
	char id[2 * CRYPT_HASH_BYTES + 1];
	Str entry;
	uint64_t index;

	crypt_random_id(salt);
	TRY(ask_keys(core, c, K_CREATE, K_KEYS, &f, .name = str_c(salt)));
	TRY(msg_get_K_KEYS(c, f.payload, &keys));
	ENSURE(c, keys.event_pub.n == 32 && keys.next_digest.n == 32 && keys.log_pub.n == 32, INTERNAL, "the keys role gave no keys");
	body_inception(&body, name, (const uint8_t *)keys.event_pub.p, (const uint8_t *)keys.next_digest.p, center, str_c(salt));
	event_write(&(struct event_head){.actor = actor, .time = core_now(), .type = EVENT_DOMAIN_INCEPTION}, buf_view(&body), &payload);
	crypt_sha256(buf_view(&payload), digest);
	hex_text(digest, sizeof digest, id);
	TRY(ask_keys(core, c, K_NAME, DONE, &f, .name = str_c(salt), .log = str_c(id)));
	TRY(ledger_create(c, core->ledger, str_c(id)));
	TRY(core_set_log_key(core, c, str_c(id)));
	TRY(mesh_check(c, core->mesh, str_c(id), buf_view(&payload)));
	TRY(sign_and_append(core, c, str_c(id), buf_view(&payload), &entry, &index));
	fold_own(core, c, str_c(id), index, entry);
	*ret_id = arena_str(c->arena, str_c(id));
	return OK;
}

/* How the core says things: events into the logs of domains, entries into the journal, and the group commit of both. */
#include <assert.h>
#include <stdlib.h>

#include "codec/dsse.h"
#include "codec/note.h"
#include "core/core.h"
#include "core/keys/drafts.h"
#include "crypt/encode.h"
#include "ledger/tree.h"
#include "os/clock.h"
#include "os/log.h"

static const Str JOURNAL = S("journal");
static const int64_t LATER_NS = INT64_C(10000000);
/* From an entry until it is in tiles: nothing that is answered depends on it, and others wait while it is done. */
static const int64_t SAID_NS = INT64_C(300000000), NOTED_NS = INT64_C(5000000000);
/* Between two that somebody asked for, and how long one waits. */
static const int64_t ASKED_NS = INT64_C(100000000), PATIENCE_NS = INT64_C(2000000000);
enum { UNPUBLISHED_MAX = 1024, PUBLISH_STEP_MS = 5 };

static void
publish_within(struct core *core, int64_t ns)
{
	int64_t at = core_ns() + ns;

	if (core->unpublished++ == 0 || at < core->publish_ns) core->publish_ns = at;
}

/* What domains say is copied and compared by others; of what is noted, whoever asks for a proof or a copy gets it at once. */
static void
mark_dirty(struct core *core, bool said)
{
	core->dirty = core->urgent = true;
	publish_within(core, said || core->unpublished >= UNPUBLISHED_MAX ? SAID_NS : NOTED_NS);
}

void
core_publish_soon(struct core *core)
{
	publish_within(core, SAID_NS);
}

void
core_publish_wait(struct core *core)
{
	uint64_t before = core->publishes;
	int64_t now = core_ns(), soonest = core->published_ns + ASKED_NS, at = now > soonest ? now : soonest;

	if (core->unpublished == 0) return;
	if (at < core->publish_ns) core->publish_ns = at;
	while (core->publishes == before && core_ns() - now < PATIENCE_NS) fiber_sleep_ms(core, PUBLISH_STEP_MS);
}

bool
core_publish_due(const struct core *core)
{
	return core->unpublished > 0 && core_ns() > core->publish_ns;
}

Err
core_to_store(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	struct core *core = arg;

	core->store_clean = false;
	return body.n ? store_put(c, core->store, kind, id, body) : store_del(c, core->store, kind, id);
}

static Err
node_signature(struct core *core, struct ctx *c, Str log_id, Str payload, uint8_t ret[static SIGN_BYTES])
{
	struct frame f;
	struct msg_DONE done;

	TRY(ask_keys(core, c, K_SIGN_EVENT, DONE, &f, .log = log_id, .payload = payload));
	TRY(msg_get_DONE(c, f.payload, &done));
	ENSURE(c, done.text.n == SIGN_BYTES, INTERNAL, "the keys role gave no signature");
	memcpy(ret, done.text.p, SIGN_BYTES);
	return OK;
}

static Err
append(struct core *core, struct ctx *c, Str log_id, Str payload, const uint8_t signature[static SIGN_BYTES], Str *ret_entry, uint64_t *ret_index)
{
	BUF_AUTO entry = BUF_INIT;

	dsse_encode(S(DSSE_EVENT_TYPE), payload, S(""), signature, &entry);
	ENSURE(c, entry.n <= LEDGER_ENTRY_MAX, TOO_LARGE, "the event has %zu bytes, a log entry at most %d", entry.n, LEDGER_ENTRY_MAX);
	*ret_entry = arena_str(c->arena, buf_view(&entry));
	TRY(ledger_append(c, core->ledger, log_id, *ret_entry, ret_index));
	if (!str_eq(log_id, JOURNAL)) core->store_clean = false; /* its position */
	mark_dirty(core, !str_eq(log_id, JOURNAL));
	return OK;
}

Err
core_write_event(struct core *core, struct ctx *c, Str log_id, enum event_type type, Str actor, Str body, struct buf *out)
{
	struct ledger_head head;
	struct event_head h = {.origin = log_id, .actor = actor, .time = core_now(), .type = type};

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
core_append_event(struct core *core, struct ctx *c, Str log_id, Str payload, const uint8_t signature[static SIGN_BYTES])
{
	Str entry;
	uint64_t index;

	TRY(ledger_writable(c, core->ledger, log_id));
	TRY(mesh_check(c, core->mesh, log_id, payload));
	TRY(append(core, c, log_id, payload, signature, &entry, &index));
	fold_own(core, c, log_id, index, entry);
	return OK;
}

/* Is that the entry which stands there? Another client of the same key hands in what it finds signed and not arrived. */
static Err
stands_at(struct core *core, struct ctx *c, Str log_id, uint64_t index, Str payload, bool *ret)
{
	struct dsse envelope;
	Str entry;

	TRY(ledger_entry(c, core->ledger, log_id, index, &entry));
	TRY(dsse_parse(c, entry, &envelope));
	*ret = str_eq(envelope.payload, payload);
	return OK;
}

/* By the node, or by the owner's client: then time has passed. *ret_said: it stands in the log by now. */
static Err
signature_for(struct core *core, struct ctx *c, Str log_id, Str payload, uint8_t ret[static SIGN_BYTES], bool *ret_said)
{
	const struct mesh_domain *d = mesh_domain(core->mesh, log_id);
	uint8_t pub[SIGN_PUB_BYTES];
	struct ledger_head then, now;

	*ret_said = false;
	if (!draft_needed(core, log_id)) return node_signature(core, c, log_id, payload, ret);
	memcpy(pub, d->event_pub, sizeof pub);
	Str name = arena_str(c->arena, d->name);
	TRY(ledger_head(c, core->ledger, log_id, &then));
	TRY(draft_wait(core, c, log_id, name, payload, pub, ret));
	TRY(ledger_head(c, core->ledger, log_id, &now));
	if (now.size > then.size) TRY(stands_at(core, c, log_id, then.size, payload, ret_said));
	ENSURE(c, *ret_said || now.size == then.size, CONFLICT, "the log of %.*s went on while this waited for its signature; do it again", STR(name));
	return OK;
}

Err
core_say(struct core *core, struct ctx *c, Str domain_id, enum event_type type, Str actor, Str body)
{
	BUF_AUTO payload = BUF_INIT;
	Str log_id = arena_str(c->arena, domain_id);
	uint8_t signature[SIGN_BYTES];
	bool said;

	TRY(core_write_event(core, c, log_id, type, actor, body, &payload));
	TRY(mesh_check(c, core->mesh, log_id, buf_view(&payload)));
	TRY(signature_for(core, c, log_id, buf_view(&payload), signature, &said));
	return said ? OK : core_append_event(core, c, log_id, buf_view(&payload), signature);
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
	char now[TIME_TEXT_MAX], hex[CRYPT_HASH_TEXT];
	uint8_t signature[SIGN_BYTES];
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
	TRY(node_signature(core, c, JOURNAL, buf_view(&payload), signature));
	return append(core, c, JOURNAL, buf_view(&payload), signature, &entry, &index);
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
		core->publish_ns = core_ns() + SAID_NS;
		return;
	}
	if (!err_ok(e)) core_die("the logs' tiles cannot be written", &c, e);
	core->unpublished = 0;
	core->publishes++;
	core->published_ns = core_ns();
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

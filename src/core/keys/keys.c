#include "core/keys/keys.h"

#include <stdlib.h>
#include <string.h>

#include "codec/dsse.h"
#include "core/keys/drafts.h"
#include "crypt/encode.h"
#include "os/log.h"

/* --- asking the keys role --- */

static Err
keys_bytes(struct ctx *c, const struct frame *f, uint8_t *ret, size_t n)
{
	struct msg_DONE done;

	TRY(msg_get_DONE(c, f->payload, &done));
	ENSURE(c, done.text.n == n, INTERNAL, "the keys role gave another answer than expected");
	memcpy(ret, done.text.p, n);
	return OK;
}

static Err
successor(struct core *core, struct ctx *c, Str log_id, struct rotation *ret)
{
	struct frame f;
	struct msg_K_KEYS keys;

	TRY(ask_keys(core, c, K_SUCCESSOR, K_KEYS, &f, .log = log_id));
	TRY(msg_get_K_KEYS(c, f.payload, &keys));
	ENSURE(c, keys.event_pub.n == sizeof ret->pub && keys.next_digest.n == sizeof ret->next, INTERNAL, "the keys role gave no keys");
	memcpy(ret->pub, keys.event_pub.p, sizeof ret->pub);
	memcpy(ret->next, keys.next_digest.p, sizeof ret->next);
	return OK;
}

static Err
promote(struct core *core, struct ctx *c, Str log_id, const uint8_t pub[static SIGN_PUB_BYTES])
{
	struct frame f;
	uint8_t has[SIGN_PUB_BYTES];

	TRY(ask_keys(core, c, K_EVENT_PUB, DONE, &f, .log = log_id));
	TRY(keys_bytes(c, &f, has, sizeof has));
	if (memcmp(has, pub, sizeof has) == 0) return OK;
	TRY(ask_keys(core, c, K_PROMOTE, DONE, &f, .log = log_id));
	TRY(ask_keys(core, c, K_EVENT_PUB, DONE, &f, .log = log_id));
	TRY(keys_bytes(c, &f, has, sizeof has));
	ENSURE(c, memcmp(has, pub, sizeof has) == 0, CORRUPT, "the node has not the key that is in force for log %.16s…", log_id.p);
	return OK;
}

Err
keys_settle(struct core *core, struct ctx *c)
{
	const struct mesh_domain **domains;
	size_t n = mesh_domains(core->mesh, c->arena, &domains);

	for (size_t i = 0; i < n; i++) {
		if (domains[i]->owner_keeps_key) continue;
		Err e = promote(core, c, domains[i]->id, domains[i]->event_pub);
		if (e.code == ERR_UNAVAILABLE) return e;
		if (!err_ok(e)) log_line(LOG_ERROR, "the key of %.*s: %s; nothing can be said for it", STR(domains[i]->name), err_detail(c, e));
		c->detail[0] = 0;
	}
	return OK;
}

/* --- what is asked of us --- */

static Err
domain_find(struct request *rq, Str *ret_id)
{
	const struct mesh_domain *d = mesh_domain_by_name(rq->core->mesh, arg(rq, "domain"));

	ENSURE(&rq->c, d, NOT_FOUND, "there is no domain '%.*s'", STR(arg(rq, "domain")));
	*ret_id = arena_str(&rq->arena, d->id);
	return OK;
}

/* "<key> <signature>" each, in hex. */
static Err
endorsements(struct request *rq, struct endorsement ret[static ENDORSEMENTS_MAX], size_t *ret_n)
{
	List list = api_arg_list(&rq->args, &rq->arena, "endorsements");

	ENSURE(&rq->c, list.n <= ENDORSEMENTS_MAX, INVALID, "endorsements: at most %d", ENDORSEMENTS_MAX);
	for (size_t i = 0; i < list.n; i++) {
		Str pub, signature = str_cut(list.v[i], ' ', &pub);
		ENSURE(&rq->c, hex_get_n(pub, ret[i].pub, SIGN_PUB_BYTES) && signature.p && hex_get_n(signature, ret[i].signature, SIGN_BYTES), INVALID,
		       "endorsements: a key and a signature in hex, a space between");
	}
	*ret_n = list.n;
	return OK;
}

/* Who has two recovery keys need not be its owner: that may be who was driven out. */
static Err
may_rotate(struct request *rq, Str domain_id, const struct rotation *r)
{
	return r->count >= RECOVERY_NEEDED ? OK : need_role(rq, domain_id, "rotate its key", ROLE_BIT(OWNER));
}

static void
member_hex(struct buf *b, const char *key, const void *bytes, size_t n, bool *first)
{
	member_key(b, key, first);
	buf_char(b, '"');
	hex_put(b, str_of(bytes, n));
	buf_char(b, '"');
}

/* --- status --- */

static void
voids_json(struct request *rq, Str id, struct buf *b)
{
	struct mesh_void *voids;
	size_t n = mesh_voids(rq->core->mesh, &rq->arena, id, &voids);

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s{\"from\":%llu,\"to\":%llu}", i ? "," : "", (unsigned long long)voids[i].from, (unsigned long long)voids[i].to);
	buf_char(b, ']');
}

struct void_page { struct request *rq; Str id; struct buf *b; size_t shown; };

static Err
void_entry(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct void_page *p = arg;
	struct dsse d;
	struct event e;
	bool first = true;

	if (!mesh_is_void(p->rq->core->mesh, p->id, index)) return OK;
	TRY(dsse_parse(c, entry, &d));
	TRY(event_parse(c, d.payload, &e));
	if (event_type_stolen(e.type) == STOLEN_VOID) {
		char *body = json_dumps(e.body, JSON_COMPACT);
		buf_c(p->b, p->shown++ ? ",{" : "{");
		member_u64(p->b, "seq", index, &first);
		member_text(p->b, "type", e.type_text, &first);
		member_time(p->b, "time", e.time, &first);
		member_text(p->b, "actor", person_name(p->rq, e.actor), &first);
		member_key(p->b, "body", &first);
		buf_c(p->b, body ? body : "null");
		buf_char(p->b, '}');
		free(body);
	}
	event_fini(&e);
	return OK;
}

/* What was said in the void ranges and does not count until it is confirmed: to be looked through. */
static Err
void_entries(struct request *rq, Str id, struct buf *b)
{
	struct mesh_void *voids;
	size_t n = mesh_voids(rq->core->mesh, &rq->arena, id, &voids);
	struct void_page page = {rq, id, b, 0};

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) TRY(ledger_read(&rq->c, rq->core->ledger, id, voids[i].from, voids[i].to - voids[i].from, void_entry, &page));
	buf_char(b, ']');
	return OK;
}

static void
public_json(struct request *rq, const struct mesh_domain *d, struct buf *b, bool *first)
{
	uint8_t recovery[RECOVERY_KEYS][SIGN_PUB_BYTES], next[CRYPT_HASH_BYTES];
	bool has = mesh_recovery(rq->core->mesh, d->id, recovery);

	mesh_next_key(rq->core->mesh, d->id, next);
	member_text(b, "domain", d->name, first);
	member_text(b, "log", d->id, first);
	member_text(b, "custody", d->owner_keeps_key ? S("owner") : S("node"), first);
	member_hex(b, "key", d->event_pub, sizeof d->event_pub, first);
	member_time(b, "since", d->key_since, first);
	member_hex(b, "next", next, sizeof next, first);
	member_key(b, "recovery", first);
	buf_char(b, '[');
	for (size_t i = 0; has && i < RECOVERY_KEYS; i++) {
		buf_c(b, i ? ",\"" : "\"");
		hex_put(b, str_of(recovery[i], SIGN_PUB_BYTES));
		buf_char(b, '"');
	}
	buf_char(b, ']');
}

/* How the keys of a domain stand: the answer of whatever changes them. Public keys, places and hashes are for everybody, as those of all logs: who has
 * recovery keys may have been driven out. What the entries say is theirs. */
static Err
keys_reply(struct request *rq, Str id, bool theirs)
{
	bool first = true;
	BUF_AUTO b = BUF_INIT;

	core_commit(rq->core); /* only what is durable can be read */
	const struct mesh_domain *d = mesh_domain(rq->core->mesh, id);
	buf_char(&b, '{');
	public_json(rq, d, &b, &first);
	member_u64(&b, "seq", d->log_size, &first);
	member_hex(&b, "prev", d->head.b, HASH_BYTES, &first);
	member_bool(&b, "frozen", d->frozen, &first);
	member_key(&b, "voids", &first);
	voids_json(rq, id, &b);
	member_key(&b, "void", &first);
	if (theirs)
		TRY(void_entries(rq, id, &b));
	else
		buf_c(&b, "[]");
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_key_status(struct request *rq)
{
	Str id;

	TRY(domain_find(rq, &id));
	return keys_reply(rq, id, str_eq(rq->domain_id, id) || sees_all(rq));
}

/* --- rotation --- */

/* Its owner, or whoever shows two of its recovery keys: others learn nothing of a key before it is in force, and have none made. */
static Err
may_prepare(struct request *rq, const struct mesh_domain *d)
{
	struct endorsement list[ENDORSEMENTS_MAX];
	size_t n;
	BUF_AUTO text = BUF_INIT;

	TRY(endorsements(rq, list, &n));
	mesh_prepare_text(&text, d->id, d->log_size, &d->head);
	if (mesh_recovery_count(rq->core->mesh, d->id, list, n, buf_view(&text)) >= RECOVERY_NEEDED) return OK;
	ENSURE(&rq->c, n == 0, DENIED, "endorsements: not by two different recovery keys of %.*s, or not for the place its log is at", STR(d->name));
	return need_role(rq, d->id, "see its next key", ROLE_BIT(OWNER));
}

/* The node's own: the next key, which its client has to endorse with recovery keys, before it is asked to rotate. */
Err
handle_key_prepare(struct request *rq)
{
	const struct mesh_domain *d;
	struct rotation r = {0};
	bool first = true;
	Str id;
	BUF_AUTO b = BUF_INIT;

	TRY(domain_find(rq, &id));
	d = mesh_domain(rq->core->mesh, id);
	ENSURE(&rq->c, !d->owner_keeps_key, INVALID, "its owner keeps the keys of %.*s, the next one too", STR(d->name));
	TRY(may_prepare(rq, d));
	TRY(successor(rq->core, &rq->c, id, &r));
	d = mesh_domain(rq->core->mesh, id);
	buf_char(&b, '{');
	member_text(&b, "log", id, &first);
	member_hex(&b, "event_pub", r.pub, sizeof r.pub, &first);
	member_hex(&b, "next", r.next, sizeof r.next, &first);
	member_u64(&b, "seq", d->log_size, &first);
	member_hex(&b, "prev", d->head.b, HASH_BYTES, &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

static Err
endorse(struct request *rq, Str id, struct rotation *r)
{
	const struct mesh_domain *d = mesh_domain(rq->core->mesh, id);
	struct frame f;
	BUF_AUTO text = BUF_INIT;

	mesh_rotate_text(&text, id, d->log_size, &d->head, r);
	memcpy(r->endorsements[0].pub, d->event_pub, SIGN_PUB_BYTES);
	TRY(ask_keys(rq->core, &rq->c, K_ENDORSE, DONE, &f, .log = id, .text = buf_view(&text)));
	TRY(keys_bytes(&rq->c, &f, r->endorsements[0].signature, SIGN_BYTES));
	r->count = 1;
	return OK;
}

/* Nothing else runs between the first line and the last. */
static Err
rotate_own(struct request *rq, Str id, struct rotation *r)
{
	struct rotation own = {0};
	struct frame f;
	uint8_t signature[SIGN_BYTES];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO payload = BUF_INIT;

	TRY(successor(rq->core, &rq->c, id, &own));
	ENSURE(&rq->c, r->count == 0 || (memcmp(own.pub, r->pub, sizeof own.pub) == 0 && memcmp(own.next, r->next, sizeof own.next) == 0), CONFLICT,
	       "the next key is another than the one endorsed; do it again");
	memcpy(r->pub, own.pub, sizeof r->pub);
	memcpy(r->next, own.next, sizeof r->next);
	if (r->count == 0) TRY(endorse(rq, id, r));
	body_rotate(&body, r);
	TRY(core_write_event(rq->core, &rq->c, id, EVENT_KEY_ROTATE, rq->person_id, buf_view(&body), &payload));
	TRY(mesh_check(&rq->c, rq->core->mesh, id, buf_view(&payload)));
	TRY(ask_keys(rq->core, &rq->c, K_SIGN_ROTATION, DONE, &f, .log = id, .payload = buf_view(&payload)));
	TRY(keys_bytes(&rq->c, &f, signature, sizeof signature));
	TRY(core_append_event(rq->core, &rq->c, id, buf_view(&payload), signature));
	core_commit_now(rq->core); /* the old key is given up only once the log stands */
	Err e = promote(rq->core, &rq->c, id, r->pub);
	if (!err_ok(e)) core_die("the keys role does not follow a rotation", &rq->c, e);
	return OK;
}

static Err
rotate_owners(struct request *rq, Str id, const struct rotation *r)
{
	const struct mesh_domain *d = mesh_domain(rq->core->mesh, id);
	uint8_t signature[SIGN_BYTES];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO payload = BUF_INIT;

	ENSURE(&rq->c, r->count > 0, INVALID, "endorsements: the key in force, or two recovery keys, have to endorse the next one");
	body_rotate(&body, r);
	TRY(core_write_event(rq->core, &rq->c, id, EVENT_KEY_ROTATE, rq->person_id, buf_view(&body), &payload));
	TRY(mesh_check(&rq->c, rq->core->mesh, id, buf_view(&payload)));
	TRY(draft_wait(rq->core, &rq->c, id, arena_str(&rq->arena, d->name), buf_view(&payload), r->pub, signature));
	return core_append_event(rq->core, &rq->c, id, buf_view(&payload), signature);
}

/* An owner has to be left who can confirm what is void: without one the domain would be nobody's. Two recovery keys may want just that: when
 * the thief drove out all others, what is left is to make an owner anew, with the new key. */
static Err
owner_left(struct request *rq, Str id, const struct rotation *r)
{
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, id, &members);
	bool left = !r->compromised || r->count >= RECOVERY_NEEDED;

	for (size_t i = 0; i < n && !left; i++)
		left = members[i]->role == ROLE_OWNER && members[i]->set_seq < r->since && mesh_member_counts(rq->core->mesh, members[i]);
	ENSURE(&rq->c, left, INVALID, "compromised_since: every owner of %.*s was made one by entry %llu or later, so nobody could confirm what is theirs; with two recovery keys it can be "
	       "said all the same, and then the administrator makes an owner",
	       STR(domain_name(rq, id)), (unsigned long long)r->since);
	return OK;
}

Err
handle_key_rotate(struct request *rq)
{
	struct rotation r = {.compromised = arg(rq, "compromised_since").p != NULL, .since = api_arg_u64(&rq->args, "compromised_since", 0)};
	bool owner_keeps, named = arg(rq, "event_pub").p != NULL;
	Str id;

	TRY(domain_find(rq, &id));
	TRY(endorsements(rq, r.endorsements, &r.count));
	ENSURE(&rq->c, named == (arg(rq, "next").p != NULL), INVALID, "next: goes with event_pub");
	ENSURE(&rq->c, !named || (hex_get_n(arg(rq, "event_pub"), r.pub, sizeof r.pub) && hex_get_n(arg(rq, "next"), r.next, sizeof r.next)), INVALID,
	       "event_pub and next: 64 hex digits are expected");
	TRY(may_rotate(rq, id, &r));
	TRY(owner_left(rq, id, &r));
	owner_keeps = mesh_domain(rq->core->mesh, id)->owner_keeps_key;
	ENSURE(&rq->c, named == (owner_keeps || r.count > 0), INVALID, "event_pub and next: go with endorsements");
	TRY(owner_keeps ? rotate_owners(rq, id, &r) : rotate_own(rq, id, &r));
	if (r.compromised) access_narrowed(rq->core);
	return keys_reply(rq, id, true);
}

/* --- confirming --- */

Err
handle_confirm(struct request *rq)
{
	List list = api_arg_list(&rq->args, &rq->arena, "seqs");
	uint64_t *seqs = NEW_N(&rq->arena, list.n, uint64_t);
	BUF_AUTO body = BUF_INIT;
	Str id;

	TRY(domain_find(rq, &id));
	TRY(need_role(rq, id, "confirm what is void", ROLE_BIT(OWNER)));
	for (size_t i = 0; i < list.n; i++) ENSURE(&rq->c, str_u64(list.v[i], &seqs[i]), INVALID, "seqs: '%.*s' is no entry of a log", STR(list.v[i]));
	ENSURE(&rq->c, list.n > 0, INVALID, "seqs: at least one");
	body_confirm(&body, seqs, list.n);
	TRY(core_say(rq->core, &rq->c, id, EVENT_CONFIRM, rq->person_id, buf_view(&body)));
	return keys_reply(rq, id, true);
}

/* --- settling forks: who has two recovery keys decides which history is the one --- */

Err
handle_fork_resolve(struct request *rq)
{
	struct endorsement list[ENDORSEMENTS_MAX];
	size_t n;
	BUF_AUTO body = BUF_INIT;
	Str id;

	TRY(domain_find(rq, &id));
	TRY(endorsements(rq, list, &n));
	ENSURE(&rq->c, n >= RECOVERY_NEEDED, INVALID, "endorsements: two of the recovery keys have to endorse it");
	body_resolve(&body, api_arg_u64(&rq->args, "from", 0), list, n);
	TRY(core_say(rq->core, &rq->c, id, EVENT_FORK_RESOLVE, rq->person_id, buf_view(&body)));
	return keys_reply(rq, id, true);
}

#include "core/keys/drafts.h"

#include <fcntl.h>
#include <string.h>

#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "os/file.h"

/* On the stack of the fiber that waits. */
struct draft {
	struct draft *next;
	char id[CRYPT_ID_MAX];
	Str person_id, payload;
	uint8_t pub[SIGN_PUB_BYTES];
	struct fiber *fiber;
	int64_t due_ns;
};

/* What the fiber is woken with; NULL when the draft comes to nothing. */
struct signed_draft { struct request *by; uint8_t signature[SIGN_BYTES]; };

static struct draft *drafts; /* oldest first */

bool
draft_needed(const struct core *core, Str log_id)
{
	const struct mesh_domain *d = mesh_domain(core->mesh, log_id);

	return d && d->owner_keeps_key;
}

static struct request *
request_of(const struct core *core, const struct ctx *c)
{
	struct request *rq = core->requests;

	while (rq && &rq->c != c) rq = rq->next;
	return rq;
}

static void
give_up(struct draft *d)
{
	struct draft **at = &drafts;

	while (*at != d) at = &(*at)->next;
	*at = d->next;
	fiber_wake(d->fiber, NULL);
}

void
drafts_tick(struct core *core UNUSED)
{
	while (drafts && drafts->due_ns <= core_ns()) give_up(drafts);
}

/* Newer ones push older ones out: of the same person, then of anybody. */
static void
make_room(Str person_id)
{
	unsigned own = 0, all = 0;
	struct draft *oldest = NULL;

	for (struct draft *d = drafts; d; d = d->next) {
		bool mine = str_eq(d->person_id, person_id);
		if (mine && !oldest) oldest = d;
		own += mine;
		all++;
	}
	if (own >= DRAFTS_OF_PERSON_MAX)
		give_up(oldest);
	else if (all >= DRAFTS_MAX)
		give_up(drafts);
}

static void
answer(struct request *rq, const struct draft *d, Str log_id, Str domain)
{
	BUF_AUTO b = BUF_INIT;
	bool first = true;
	char key[2 * SIGN_PUB_BYTES + 1];
	Err e = err_set(&rq->c, ERR_SIGNATURE_NEEDED, "%.*s keeps its key to itself: sign what the answer holds and hand the signature in within %d minutes",
	                STR(domain), DRAFT_LIFE_S / 60);

	hex_text(d->pub, sizeof d->pub, key);
	buf_char(&b, '{');
	error_body(rq, e, S("heddle does it by itself with --key FILE"), &b);
	buf_c(&b, ",\"signature\":{");
	member_text(&b, "draft", str_c(d->id), &first);
	member_text(&b, "log", log_id, &first);
	member_text(&b, "domain", domain, &first);
	member_text(&b, "key", str_c(key), &first);
	member_text(&b, "payload", d->payload, &first);
	buf_c(&b, "}}");
	rq->c.detail[0] = 0;
	reply_json(rq, (unsigned)err_http(e), &b);
}

/* From here on this fiber answers the request that brought the signature. */
static void
take_over(struct request *rq, struct request *by)
{
	rq->id = by->id;
	rq->gate = by->gate;
	rq->request_id = arena_str(&rq->arena, by->request_id);
	rq->replied = rq->noted = false;
	rq->cancelled = by->cancelled;
	by->id = 0;
	by->replied = true;
}

/* Time has passed: are they still who they were when the request was looked at? */
static Err
same_person(struct request *rq)
{
	const struct mesh_member *m = mesh_member(rq->core->mesh, rq->person_id);

	ENSURE(&rq->c, m && mesh_member_counts(rq->core->mesh, m), UNAUTHENTICATED, "you are no member of a domain any more");
	ENSURE(&rq->c, str_eq(m->domain_id, rq->domain_id) && m->role == rq->role, DENIED, "your role is another by now; do it again");
	return OK;
}

/* --- what handlers wrote: the SHA-256 of each payload that was held out to be signed, the newest last, for when its signature arrives by itself --- */

enum { WRITTEN_MAX = 16 };

static Str
written_path(struct arena *a, Str log_id)
{
	return arena_printf(a, "catalog/drafted-%.*s", STR(log_id));
}

static Str
written_mark(struct arena *a, Str payload)
{
	char hex[CRYPT_HASH_TEXT];

	crypt_sha256_text(payload, hex);
	return arena_printf(a, "%s\n", hex);
}

static Str
written(struct arena *a, Str log_id)
{
	struct ctx c = {.arena = a};
	Str all;

	return err_ok(file_read_path(&c, AT_FDCWD, written_path(a, log_id).p, WRITTEN_MAX * CRYPT_HASH_TEXT, &all)) ? all : S("");
}

static Err
remember_written(struct ctx *c, Str log_id, Str payload)
{
	Str mark = written_mark(c->arena, payload), before = written(c->arena, log_id);

	if (before.n >= WRITTEN_MAX * mark.n) before = str_of(before.p + mark.n, before.n - mark.n);
	Str all = arena_printf(c->arena, "%.*s%.*s", STR(before), STR(mark));
	return file_replace(c, AT_FDCWD, written_path(c->arena, log_id).p, all, 0600);
}

static bool
was_written(struct arena *a, Str log_id, Str payload)
{
	Str mark = written_mark(a, payload), all = written(a, log_id);
	bool found = false;

	for (size_t i = 0; i + mark.n <= all.n; i += mark.n) found |= memcmp(all.p + i, mark.p, mark.n) == 0;
	return found;
}

Err
draft_wait(struct core *core, struct ctx *c, Str log_id, Str domain, Str payload, const uint8_t pub[static SIGN_PUB_BYTES],
           uint8_t ret[static SIGN_BYTES])
{
	struct request *rq = request_of(core, c);
	struct draft d = {.fiber = fiber_self(), .due_ns = core_ns() + INT64_C(1000000000) * DRAFT_LIFE_S}, **at = &drafts;

	ENSURE(c, rq && d.fiber, SIGNATURE_NEEDED, "the owner of %.*s keeps its key, and nobody is there to sign", STR(domain));
	TRY(remember_written(c, log_id, payload));
	crypt_random_id(d.id);
	d.person_id = rq->person_id;
	d.payload = arena_str(&rq->arena, payload);
	memcpy(d.pub, pub, sizeof d.pub);
	answer(rq, &d, arena_str(&rq->arena, log_id), arena_str(&rq->arena, domain)); /* waits for the commit: nothing may be looked at from before */
	make_room(d.person_id);
	for (at = &drafts; *at; at = &(*at)->next) {
	}
	*at = &d;
	const struct signed_draft *got = fiber_wait();
	ENSURE(c, got, SIGNATURE_NEEDED, "nobody signed in time; do it again");
	memcpy(ret, got->signature, SIGN_BYTES);
	take_over(rq, got->by);
	return same_person(rq);
}

/* --- the signature --- */

/* One's own draft; with its key gone from the list nobody signs it twice. */
static Err
draft_find(struct request *rq, struct draft **ret)
{
	struct draft *d = drafts;

	while (d && !str_eqc(arg(rq, "draft"), d->id)) d = d->next;
	ENSURE(&rq->c, d && str_eq(d->person_id, rq->person_id), NOT_FOUND, "there is no such draft any more; do it again");
	*ret = d;
	return OK;
}

Err
handle_draft_sign(struct request *rq)
{
	struct signed_draft s = {.by = rq};
	struct draft *d = NULL;
	BUF_AUTO pae = BUF_INIT;

	TRY(draft_find(rq, &d));
	ENSURE(&rq->c, hex_get_n(arg(rq, "signature"), s.signature, sizeof s.signature), INVALID, "signature: 128 hex digits are expected");
	dsse_pae(S(DSSE_EVENT_TYPE), d->payload, &pae);
	ENSURE(&rq->c, sign_check(d->pub, buf_view(&pae), s.signature), DENIED, "the signature is not by this domain's key, or not under what was to be signed");
	for (struct draft **at = &drafts; *at; at = &(*at)->next)
		if (*at == d) {
			*at = d->next;
			break;
		}
	fiber_wake(d->fiber, &s);
	return OK;
}

/* --- what was signed and did not arrive --- */

static Err
submitted_check(struct request *rq, Str log_id, const struct event *e)
{
	ENSURE(&rq->c, draft_needed(rq->core, log_id) && str_eq(e->origin, log_id), DENIED, "only events of domains that keep their key are handed in signed");
	ENSURE(&rq->c, str_eq(e->actor, rq->person_id), DENIED, "only who said it hands it in");
	bool theirs = e->type == EVENT_PRODUCT_PUBLISH || e->type == EVENT_REQUEST_OPEN || e->type == EVENT_REQUEST_SUBMIT || e->type == EVENT_REQUEST_COMMENT;
	return need_role(rq, log_id, "hand this in", ROLE_BIT(OWNER) | (theirs ? ROLE_BIT(ENGINEER) | ROLE_BIT(ANALYST) | ROLE_BIT(STEWARD) : 0));
}

/* An entry whose acknowledgement was lost, of its client or of this node: what the draft held, with its signature. Its client signs no other one
 * for that place, so this is how both go on. It says only what a handler had written before, for this person; the fold says whether it still may. */
Err
handle_event_submit(struct request *rq)
{
	Str payload = arg(rq, "payload");
	uint8_t signature[SIGN_BYTES];
	BUF_AUTO entry = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	bool first = true;
	struct event e;

	ENSURE(&rq->c, hex_get_n(arg(rq, "signature"), signature, sizeof signature), INVALID, "signature: 128 hex digits are expected");
	TRY(event_parse(&rq->c, payload, &e));
	Str log_id = arena_str(&rq->arena, e.origin);
	Err err = submitted_check(rq, log_id, &e);
	uint64_t seq = e.seq;
	event_fini(&e);
	TRY(err);
	ENSURE(&rq->c, was_written(&rq->arena, log_id, payload), DENIED, "this node did not hold that out to be signed, or too long ago; do it again");
	dsse_encode(S(DSSE_EVENT_TYPE), payload, S(""), signature, &entry);
	TRY(mesh_check_signature(&rq->c, rq->core->mesh, log_id, seq, buf_view(&entry)));
	TRY(core_append_event(rq->core, &rq->c, log_id, payload, signature));
	access_narrowed(rq->core); /* whatever it was */
	buf_char(&b, '{');
	member_text(&b, "log", log_id, &first);
	member_u64(&b, "seq", seq, &first);
	buf_char(&b, '}');
	reply_json(rq, 201, &b);
	return OK;
}

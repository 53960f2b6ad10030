#include "mesh/keys.h"

#include <stdlib.h>

#include "crypt/encode.h"
#include "crypt/hash.h"
#include "mesh/fold/fold.h"
#include "mesh/put.h"
#include "mesh/state.h"

/* --- asking --- */

struct key_span
keys_at(const struct log *log, uint64_t seq)
{
	const struct log_keys *k = &log->keys;
	struct key_span s = {0};

	memcpy(s.pub, log->pub.event_pub, sizeof s.pub);
	memcpy(s.next, log->next_digest, sizeof s.next);
	for (size_t i = 0; i < k->span_count && k->spans[i].from <= seq; i++) s = k->spans[i];
	return s;
}

bool
keys_committed(const struct log *log)
{
	static const uint8_t none[CRYPT_HASH_BYTES];

	return memcmp(log->next_digest, none, sizeof none) != 0;
}

static int
confirm_order(const void *a, const void *b)
{
	uint64_t x = ((const struct key_confirm *)a)->seq, y = ((const struct key_confirm *)b)->seq;

	return x < y ? -1 : x > y;
}

/* before: confirmations from there on do not count. */
static bool
stolen_before(const struct log_keys *k, uint64_t seq, uint64_t before)
{
	bool stolen = false;

	for (size_t i = 0; i < k->void_count; i++) stolen |= seq >= k->voids[i].from && seq < k->voids[i].to;
	if (!stolen || k->confirm_count == 0) return stolen;
	const struct key_confirm *c = bsearch(&(struct key_confirm){seq, 0}, k->confirms, k->confirm_count, sizeof *k->confirms, confirm_order);
	return !c || c->at >= before;
}

bool
keys_stolen(const struct log_keys *k, uint64_t seq)
{
	return stolen_before(k, seq, UINT64_MAX);
}

bool
keys_voids(const struct log *log, uint64_t seq)
{
	uint64_t fork = log->frozen ? log->fork_at : UINT64_MAX;

	return seq >= fork || (log->keys.void_count && stolen_before(&log->keys, seq, fork));
}

bool
mesh_recovery(const struct mesh *m, Str domain_id, uint8_t ret[static 3][32])
{
	const struct log *log = state_log(m, domain_id);

	if (!log || !log->keys.recoverable) return false;
	memcpy(ret, log->keys.recovery, sizeof log->keys.recovery);
	return true;
}

void
mesh_next_key(const struct mesh *m, Str domain_id, uint8_t ret[static 32])
{
	const struct log *log = state_log(m, domain_id);

	memset(ret, 0, 32);
	if (log) memcpy(ret, log->next_digest, 32);
}

size_t
mesh_voids(const struct mesh *m, struct arena *a, Str domain_id, struct mesh_void **ret)
{
	const struct log *log = state_log(m, domain_id);
	size_t n = log ? log->keys.void_count : 0;

	*ret = NEW_N(a, n, struct mesh_void);
	for (size_t i = 0; i < n; i++) (*ret)[i] = (struct mesh_void){log->keys.voids[i].from, log->keys.voids[i].to};
	return n;
}

bool
mesh_is_void(const struct mesh *m, Str domain_id, uint64_t seq)
{
	const struct log *log = state_log(m, domain_id);

	return log && keys_voids(log, seq);
}

/* --- rotation --- */

static bool
read_endorsement(const struct doc_node *n, struct endorsement *ret)
{
	const struct doc_node *pub = n->kind == DOC_ARRAY && n->count == 2 ? doc_first(n) : NULL, *sig = pub ? doc_next(n, pub) : NULL;

	return keys_hex(pub, ret->pub, SIGN_PUB_BYTES) && keys_hex(sig, ret->signature, SIGN_BYTES);
}

size_t
endorsements_read(struct fields *f, struct endorsement ret[static ENDORSEMENTS_MAX])
{
	const struct doc_node *list = field_list(f, S("endorsements"), ENDORSEMENTS_MAX), *n = doc_first(list);
	size_t count = 0;

	for (; n; n = doc_next(list, n)) {
		if (read_endorsement(n, &ret[count])) {
			count++;
			continue;
		}
		fields_fail(f, S("endorsements"), "a list of [key, signature]");
		return 0;
	}
	return count;
}

void
rotation_read(struct fields *f, struct rotation *ret)
{
	field_bytes32(f, S("event_pub"), ret->pub);
	field_bytes32(f, S("next"), ret->next);
	ret->compromised = field_has(f, S("compromised_since"));
	ret->since = ret->compromised ? field_u64(f, S("compromised_since")) : 0;
	ret->count = endorsements_read(f, ret->endorsements);
}

static void
place_text(struct buf *out, const char *what, Str log_id, uint64_t seq, const Hash *prev)
{
	buf_printf(out, "heddle.%s.v1\n%.*s\n%llu\n", what, STR(log_id), (unsigned long long)seq);
	hex_put(out, str_of(prev->b, HASH_BYTES));
}

void
mesh_rotate_text(struct buf *out, Str log_id, uint64_t seq, const Hash *prev, const struct rotation *r)
{
	place_text(out, "rotate", log_id, seq, prev);
	buf_char(out, '\n');
	hex_put(out, str_of(r->pub, sizeof r->pub));
	buf_char(out, '\n');
	hex_put(out, str_of(r->next, sizeof r->next));
	if (r->compromised)
		buf_printf(out, "\n%llu\n", (unsigned long long)r->since);
	else
		buf_c(out, "\n-\n");
}

void
mesh_prepare_text(struct buf *out, Str log_id, uint64_t seq, const Hash *prev)
{
	place_text(out, "prepare", log_id, seq, prev);
	buf_char(out, '\n');
}

void
mesh_resolve_text(struct buf *out, Str log_id, uint64_t seq, const Hash *prev, uint64_t from)
{
	place_text(out, "resolve", log_id, seq, prev);
	buf_printf(out, "\n%llu\n", (unsigned long long)from);
}

/* How many different recovery keys stand behind the text. A second signature by one of them adds nothing. */
static size_t
recovery_count(const struct log_keys *keys, const struct endorsement *list, size_t n, Str text)
{
	size_t found = 0;

	for (size_t i = 0; keys->recoverable && i < RECOVERY_KEYS; i++) {
		bool by = false;
		for (size_t k = 0; k < n && !by; k++)
			by = memcmp(list[k].pub, keys->recovery[i], SIGN_PUB_BYTES) == 0 && sign_check(list[k].pub, text, list[k].signature);
		found += by;
	}
	return found;
}

size_t
mesh_recovery_count(const struct mesh *m, Str domain_id, const struct endorsement *list, size_t n, Str text)
{
	const struct log *log = state_log(m, domain_id);

	return log ? recovery_count(&log->keys, list, n, text) : 0;
}

static bool
endorsed_by(const struct endorsement *list, size_t n, const uint8_t pub[static 32], Str text)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(list[i].pub, pub, SIGN_PUB_BYTES) == 0 && sign_check(pub, text, list[i].signature)) return true;
	return false;
}

Err
rotation_check(struct ctx *c, const struct rotation *r, const struct key_span *now, const struct log_keys *keys, Str log_id, uint64_t seq,
               const Hash *prev)
{
	uint8_t digest[CRYPT_HASH_BYTES];
	BUF_AUTO text = BUF_INIT;

	crypt_sha256(str_of(r->pub, sizeof r->pub), digest);
	ENSURE(c, memcmp(digest, now->next, sizeof digest) == 0 || FAULT(NO_COMMITMENT), DENIED,
	       "key.rotate: 'event_pub' is not the next key that this log committed to");
	ENSURE(c, sign_pub_ok(r->pub), INVALID, "key.rotate: 'event_pub' is not a public key");
	ENSURE(c, memcmp(r->next, digest, sizeof digest) != 0 && memcmp(r->pub, now->pub, sizeof r->pub) != 0, INVALID,
	       "key.rotate: a key does not follow itself");
	ENSURE(c, !r->compromised || (r->since > 0 && r->since <= seq), INVALID, "key.rotate: 'compromised_since' must be an entry of this log behind the first");
	mesh_rotate_text(&text, log_id, seq, prev, r);
	ENSURE(c, endorsed_by(r->endorsements, r->count, now->pub, buf_view(&text)) ||
	       recovery_count(keys, r->endorsements, r->count, buf_view(&text)) >= RECOVERY_NEEDED || FAULT(NO_ENDORSEMENT), DENIED,
	       "key.rotate: neither the key before nor two of the recovery keys endorse it");
	return OK;
}

/* --- what the events make of it --- */

Err
keys_inception(struct ctx *c, const struct payload *p, struct log *ret)
{
	struct key_span *span = NEW(c->arena, struct key_span);

	*span = (struct key_span){.since = p->time};
	memcpy(span->pub, ret->pub.event_pub, sizeof span->pub);
	memcpy(span->next, ret->next_digest, sizeof span->next);
	ENSURE(c, !ret->keys.owner_keeps || ret->keys.recoverable, INVALID, "domain.inception: who keeps the key declares recovery keys");
	for (size_t i = 0; ret->keys.recoverable && i < RECOVERY_KEYS; i++)
		ENSURE(c, memcmp(ret->keys.recovery[i], span->pub, sizeof span->pub) != 0, INVALID, "domain.inception: 'recovery' must be other keys than 'event_pub'");
	ret->keys.spans = span;
	ret->keys.span_count = 1;
	return OK;
}

/* Confirmations that were themselves said with the stolen key do not count any more. */
static void
void_since(struct arena *a, struct log_keys *k, uint64_t since, uint64_t seq)
{
	struct key_void *voids = NEW_N(a, k->void_count + 1, struct key_void);
	struct key_confirm *confirms = NEW_N(a, k->confirm_count, struct key_confirm);
	size_t n = 0;

	if (k->void_count) memcpy(voids, k->voids, k->void_count * sizeof *voids);
	voids[k->void_count++] = (struct key_void){since, seq};
	k->voids = voids;
	for (size_t i = 0; i < k->confirm_count; i++)
		if (k->confirms[i].at < since) confirms[n++] = k->confirms[i];
	k->confirms = confirms;
	k->confirm_count = n;
}

Err
keys_rotate(struct ctx *c, const struct log *log, const struct payload *p, struct log *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct key_span now = keys_at(log, UINT64_MAX), *spans;
	size_t n = log->keys.span_count;
	struct rotation r = {0};

	rotation_read(&f, &r);
	TRY(fields_end(&f));
	TRY(rotation_check(c, &r, &now, &log->keys, log->item.id, p->seq, &p->prev));
	ENSURE(c, n < KEY_SPANS_MAX && log->keys.void_count < VOIDS_MAX, TOO_LARGE, "key.rotate: this log had %d keys, no more are taken", KEY_SPANS_MAX);
	*ret = *log;
	spans = NEW_N(c->arena, n + 2, struct key_span);
	if (n) memcpy(spans, log->keys.spans, n * sizeof *spans);
	else spans[n++] = now;
	spans[n] = (struct key_span){.from = p->seq, .since = p->time};
	memcpy(spans[n].pub, r.pub, sizeof r.pub);
	memcpy(spans[n].next, r.next, sizeof r.next);
	ret->keys.spans = spans;
	ret->keys.span_count = n + 1;
	memcpy(ret->pub.event_pub, r.pub, sizeof r.pub);
	memcpy(ret->next_digest, r.next, sizeof r.next);
	if (r.compromised && !FAULT(NO_COMPROMISE)) void_since(c->arena, &ret->keys, r.since, p->seq);
	return OK;
}

Err
keys_confirm(struct ctx *c, const struct log *log, const struct payload *p, struct log *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	const struct doc_node *list = field_list(&f, S("seqs"), CONFIRM_MAX), *n = doc_first(list);
	size_t count = log->keys.confirm_count;
	struct key_confirm *confirms = NEW_N(c->arena, count + list->count, struct key_confirm);

	TRY(fields_end(&f));
	ENSURE(c, list->count > 0, INVALID, "confirm: 'seqs' must be a list of at least one entry");
	ENSURE(c, count + list->count <= CONFIRMED_MAX, TOO_LARGE, "confirm: more than %d entries", CONFIRMED_MAX);
	*ret = *log;
	if (count) memcpy(confirms, log->keys.confirms, count * sizeof *confirms);
	for (; n; n = doc_next(list, n)) {
		ENSURE(c, n->kind == DOC_NUMBER, INVALID, "confirm: 'seqs' must be a list of whole numbers");
		ENSURE(c, n->number < p->seq && keys_stolen(&log->keys, n->number), CONFLICT, "confirm: entry %llu is not void",
		       (unsigned long long)n->number);
		confirms[count++] = (struct key_confirm){n->number, p->seq};
	}
	qsort(confirms, count, sizeof *confirms, confirm_order);
	for (size_t i = 1; i < count; i++) ENSURE(c, confirms[i].seq != confirms[i - 1].seq, INVALID, "confirm: entry %llu is named twice", (unsigned long long)confirms[i].seq);
	ret->keys.confirms = confirms;
	ret->keys.confirm_count = count;
	return OK;
}

Err
keys_resolve(struct ctx *c, const struct log *log, const struct payload *p, struct log *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct endorsement list[ENDORSEMENTS_MAX];
	uint64_t from = field_u64(&f, S("from"));
	size_t n = endorsements_read(&f, list), count = log->keys.resolve_count;
	BUF_AUTO text = BUF_INIT;

	TRY(fields_end(&f));
	ENSURE(c, from > 0 && from < p->seq, INVALID, "fork.resolve: 'from' must be an entry of this log behind the first");
	ENSURE(c, count < RESOLVES_MAX, TOO_LARGE, "fork.resolve: more than %d of them", RESOLVES_MAX);
	mesh_resolve_text(&text, log->item.id, p->seq, &p->prev, from);
	ENSURE(c, recovery_count(&log->keys, list, n, buf_view(&text)) >= RECOVERY_NEEDED || FAULT(NO_ENDORSEMENT), DENIED,
	       "fork.resolve: two of the recovery keys have to endorse it");
	struct key_resolve *resolves = NEW_N(c->arena, count + 1, struct key_resolve);
	if (count) memcpy(resolves, log->keys.resolves, count * sizeof *resolves);
	resolves[count] = (struct key_resolve){from, p->seq};
	*ret = *log;
	ret->keys.resolves = resolves;
	ret->keys.resolve_count = count + 1;
	return OK;
}

/* --- bodies --- */

void
body_founding(struct buf *out, Str name, bool center, Str salt, const struct custody *k)
{
	struct log_keys keys = {.owner_keeps = k->owner_keeps, .recoverable = k->recoverable};

	memcpy(keys.recovery, k->recovery, sizeof keys.recovery);
	body_inception(out, name, k->event_pub, k->next, center, salt);
	out->n--; /* the brace at its end */
	keys_body(&keys, out);
	buf_char(out, '}');
}

static void
endorsements_put(struct buf *out, const struct endorsement *list, size_t n)
{
	buf_str(out, S(",\"endorsements\":["));
	for (size_t i = 0; i < n; i++) {
		put_hex(out, i ? S(",[") : S("["), list[i].pub, SIGN_PUB_BYTES);
		put_hex(out, S(","), list[i].signature, SIGN_BYTES);
		buf_char(out, ']');
	}
	buf_str(out, S("]}"));
}

void
body_rotate(struct buf *out, const struct rotation *r)
{
	put_hex(out, S("{\"event_pub\":"), r->pub, sizeof r->pub);
	put_hex(out, S(",\"next\":"), r->next, sizeof r->next);
	if (r->compromised) put_number(out, S(",\"compromised_since\":"), r->since);
	endorsements_put(out, r->endorsements, r->count);
}

void
body_confirm(struct buf *out, const uint64_t *seqs, size_t n)
{
	for (size_t i = 0; i < n; i++) put_number(out, i ? S(",") : S("{\"seqs\":["), seqs[i]);
	buf_str(out, S("]}"));
}

void
body_resolve(struct buf *out, uint64_t from, const struct endorsement *list, size_t n)
{
	put_number(out, S("{\"from\":"), from);
	endorsements_put(out, list, n);
}

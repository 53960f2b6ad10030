/* The fold: an entry is looked at without touching the state (entry_check, one handle_<EVENT>() per type in fold_<subject>.c, each giving
 * the one thing that shall stand from now on), then told to the sink, then put. What a handler looks at stands in its own log, so the order in
 * which logs arrive cannot matter. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "crypt/sign.h"
#include "ledger/tree.h"
#include "mesh/door.h"
#include "mesh/fold/fold.h"
#include "mesh/handlers.h"

enum who { WHO_SELF, WHO_DOMAIN, WHO_CENTER };

void
change_new(enum record_kind kind, Str id, struct change *ret)
{
	ret->any = true;
	ret->kind = kind;
	ret->id = id;
}

/* A body that is one id. */
Err
read_one(struct ctx *c, const struct payload *p, Str key, Str *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	*ret = field_id(&f, key);
	return fields_end(&f);
}

Err
change_find(struct ctx *c, const struct mesh *m, enum record_kind kind, const struct log *log, Str id, struct change *ret)
{
	const struct item *it = state_find(m, kind, log, id);

	ENSURE(c, it, NOT_FOUND, "there is no %.*s %.*s", STR(record_kind_name(kind)), STR(id));
	record_of(kind, it, ret);
	return OK;
}

/* --- one entry --- */

static Err
place_check(struct ctx *c, const struct log *log, const struct payload *p)
{
	bool first = log->pub.log_size == 0;

	ENSURE(c, str_eq(p->origin, first ? S("") : log->item.id) || FAULT(NO_ORIGIN), INVALID, "'origin' names another log");
	ENSURE(c, p->seq == log->pub.log_size || FAULT(NO_ORDER), INVALID, "'seq' is %llu, but this is entry %llu", (unsigned long long)p->seq,
	       (unsigned long long)log->pub.log_size);
	ENSURE(c, memcmp(p->prev.b, log->pub.head.b, HASH_BYTES) == 0 || FAULT(NO_ORDER), INVALID, "'prev' is not the hash of the entry before");
	return OK;
}

static const struct { enum who who; handle_fn *handle; } event_rules[EVENT_TYPE_COUNT] = {
#define EVENT(id, wire, who, stolen) [EVENT_##id] = {WHO_##who, handle_##id},
#include "mesh/events.def"
#undef EVENT
};

static Err
payload_check(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	bool first = log->pub.log_size == 0;

	TRY(place_check(c, log, p));
	ENSURE(c, p->type != EVENT_UNKNOWN, INVALID, "the type '%.*s' is unknown", STR(p->type_text));
	ENSURE(c, first == (event_rules[p->type].who == WHO_SELF), INVALID, "%s", first ? "a log begins with domain.inception" : "domain.inception is only the first entry");
	ENSURE(c, event_rules[p->type].who != WHO_CENTER || log->pub.center || FAULT(NO_CENTER), DENIED, "only a center can say %s", event_type_name(p->type));
	return event_rules[p->type].handle(c, m, log, p, ret);
}

static bool
is_own_hash(Str payload, Str log_id)
{
	char id[CRYPT_HASH_TEXT];

	crypt_sha256_text(payload, id);
	return str_eqc(log_id, id);
}

static bool
signed_by(const struct dsse *d, const uint8_t pub[static 32])
{
	BUF_AUTO pae = BUF_INIT;

	dsse_pae(d->payload_type, d->payload, &pae);
	return sign_check(pub, buf_view(&pae), d->sig) || FAULT(NO_SIGNATURE);
}

static Err
signature_check(struct ctx *c, const struct dsse *d, const uint8_t pub[static 32])
{
	ENSURE(c, signed_by(d, pub), INVALID, "the signature is not by this domain's key");
	return OK;
}

/* Not by the key in force: it can be a rotation, signed by the key that it reveals. */
static Err
rotation_or_stranger(struct ctx *c, const struct mesh *m, const struct log *log, const struct dsse *d, struct doc *doc, struct payload *p,
                     struct change *ret)
{
	struct ctx quiet = {.arena = c->arena};

	Err e = payload_read(&quiet, d->payload, doc, p);
	if (!err_ok(e) || p->type != EVENT_KEY_ROTATE) {
		p->type = EVENT_UNKNOWN; /* a stranger's words are not believed, not even about what they are */
		return signature_check(c, d, log->pub.event_pub);
	}
	TRY(payload_check(c, m, log, p, ret));
	return signature_check(c, d, ret->domain.pub.event_pub);
}

/* Words of our own for what libraries find, because reasons are part of the state and must not depend on their versions. */
static Err
envelope_read(struct ctx *c, Str entry, struct dsse *ret)
{
	struct ctx inner = {.arena = c->arena};

	ENSURE(c, err_ok(dsse_parse(&inner, entry, ret)), INVALID, "the entry is not a signed envelope");
	ENSURE(c, str_eq(ret->payload_type, S(DSSE_EVENT_TYPE)), INVALID, "the envelope holds no event");
	return OK;
}

static Err
entry_check(struct ctx *c, const struct mesh *m, const struct log *log, Str entry, bool verify, struct doc *doc, struct payload *p,
            struct change *ret)
{
	struct dsse d;

	TRY(envelope_read(c, entry, &d));
	if (log->pub.log_size == 0) {
		ENSURE(c, is_own_hash(d.payload, log->item.id), INVALID, "the log's id is not the hash of its first event");
		TRY(payload_read(c, d.payload, doc, p));
		TRY(payload_check(c, m, log, p, ret));
		return signature_check(c, &d, ret->domain.pub.event_pub); /* always: the key shows that it is held */
	}
	ENSURE(c, log->founded, INVALID, "the log has no valid domain.inception");
	if (verify && !signed_by(&d, log->pub.event_pub)) return rotation_or_stranger(c, m, log, &d, doc, p, ret);
	TRY(payload_read(c, d.payload, doc, p));
	ENSURE(c, !verify || p->type != EVENT_KEY_ROTATE || FAULT(NO_SIGNATURE), INVALID, "key.rotate: the new key has to sign it");
	return payload_check(c, m, log, p, ret);
}

/* --- what comes of it --- */

static Err
tell(struct ctx *c, struct mesh *m, mesh_record_fn sink, void *arg, const struct log *log, const struct change *ch)
{
	if (!sink || !ch->any) return OK;
	m->record_id.n = m->record.n = 0;
	record_id(log, ch->kind, ch->id, &m->record_id);
	record_write(ch, &m->record);
	return sink(c, arg, record_kind_name(ch->kind), buf_view(&m->record_id), buf_view(&m->record));
}

/* At most 255 bytes of UTF-8: it may quote what the entry said. */
static void
reason_copy(const struct ctx *from, Err e, char ret[static 256])
{
	size_t n;

	snprintf(ret, 256, "%s", err_detail(from, e));
	n = strlen(ret);
	if (str_is_utf8(str_of(ret, n))) return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ret[i] >= 0x80) ret[i] = '?';
}

static void
refuse(struct mesh *m, uint64_t index, Str reason, struct change *ret)
{
	char id[24];

	snprintf(id, sizeof id, "%020llu", (unsigned long long)index);
	change_new(RECORD_REFUSED, arena_str(&m->scratch, str_c(id)), ret);
	ret->refused.index = index;
	ret->refused.reason = reason;
}

Err
mesh_apply(struct ctx *c, struct mesh *m, Str log_id, uint64_t index, Str entry, bool verify, mesh_record_fn sink, void *arg,
           struct mesh_outcome *ret)
{
	DOC_AUTO doc;
	struct ctx inner = {.arena = &m->scratch};
	struct payload p = {.type = EVENT_UNKNOWN};
	struct change ch, position = {.any = true, .kind = RECORD_POSITION};

	doc_init(&doc);
	arena_reset(&m->scratch);
	struct log *log = state_log(m, log_id);
	ENSURE(c, log || hex_ok(log_id, 64), INVALID, "'%.*s' is no domain's log", STR(log_id));
	if (!log) log = state_log_make(m, log_id);
	ENSURE(c, index == log->pub.log_size, CONFLICT, "log %.*s: entry %llu is not the next, %llu", STR(log_id), (unsigned long long)index,
	       (unsigned long long)log->pub.log_size);
	Err e = entry_check(&inner, m, log, entry, verify, &doc, &p, &ch);
	*ret = (struct mesh_outcome){.accepted = err_ok(e), .type = p.type};
	if (!err_ok(e)) {
		reason_copy(&inner, e, ret->reason);
		refuse(m, index, str_c(ret->reason), &ch);
	}
	position.id = log->item.id;
	position.position.size = index + 1;
	position.position.head = tree_leaf(entry);
	TRY(tell(c, m, sink, arg, log, &ch));
	TRY(tell(c, m, sink, arg, log, &position));
	state_put(m, log, &ch);
	state_put(m, log, &position);
	return OK;
}

Err
mesh_check(struct ctx *c, const struct mesh *m, Str log_id, Str payload)
{
	DOC_AUTO doc;
	ARENA_AUTO scratch = ARENA_INIT;
	struct arena *own = c->arena;
	struct log nobody = {.item = {.id = log_id}, .pub = {.name = {"", 0}}};
	const struct log *log = state_log(m, log_id);
	struct payload p;
	struct change ch;

	doc_init(&doc);
	if (!log) log = &nobody;
	if (log->pub.log_size == 0) ENSURE(c, is_own_hash(payload, log_id), INVALID, "the log's id is not the hash of its first event");
	ENSURE(c, log->pub.log_size == 0 || log->founded, INVALID, "the log has no valid domain.inception");
	c->arena = &scratch;
	Err e = payload_read(c, payload, &doc, &p);
	if (err_ok(e)) e = door_check(c, m, log, &p);
	if (err_ok(e)) e = payload_check(c, m, log, &p, &ch);
	c->arena = own;
	return e;
}

/* To a handler, an empty log at the place that the payload names: what it finds wrong with the form it says first, or it says that something is not there. */
Err
mesh_body_check(struct ctx *c, Str payload)
{
	DOC_AUTO doc;
	struct mesh *m;
	struct log log = {.founded = true};
	struct payload p;
	struct change ch;

	doc_init(&doc);
	TRY(payload_read(c, payload, &doc, &p));
	ENSURE(c, p.type != EVENT_UNKNOWN, INVALID, "the type '%.*s' is unknown", STR(p.type_text));
	if (p.type == EVENT_KEY_ROTATE || p.type == EVENT_FORK_RESOLVE) return OK; /* what stands in those is signed by others too */
	log.item.id = p.origin;
	log.pub.log_size = p.seq;
	log.pub.head = p.prev;
	log.pub.center = event_rules[p.type].who == WHO_CENTER;
	m = mesh_new();
	Err e = payload_check(c, m, &log, &p, &ch);
	mesh_free(m);
	return e.code == ERR_INVALID ? e : OK;
}

Err
mesh_check_signature(struct ctx *c, const struct mesh *m, Str log_id, uint64_t index, Str entry)
{
	DOC_AUTO doc;
	struct log first = {.item = {.id = log_id}, .pub = {.name = {"", 0}}};
	const struct log *log = state_log(m, log_id);
	struct payload p;
	struct change ch;
	struct dsse d;

	doc_init(&doc);
	if (index == 0) return entry_check(c, m, &first, entry, true, &doc, &p, &ch);
	TRY(envelope_read(c, entry, &d));
	ENSURE(c, log && log->founded, INVALID, "the log has no valid domain.inception");
	return signed_by(&d, log->pub.event_pub) ? OK : rotation_or_stranger(c, m, log, &d, &doc, &p, &ch);
}

size_t
mesh_refused_count(const struct mesh *m)
{
	uint32_t at = 0;
	size_t n = 0;

	for (const struct item *first; (first = index_next(&m->by_kind[RECORD_REFUSED], &at));)
		for (const struct item *it = first; it; it = it->same) n++;
	return n;
}

size_t
mesh_refused(const struct mesh *m, struct arena *a, struct mesh_refused **ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_REFUSED, &items);

	*ret = NEW_N(a, n, struct mesh_refused);
	for (size_t i = 0; i < n; i++) (*ret)[i] = ((const struct refused *)items[i])->pub;
	free(items);
	return n;
}

#include "mesh/verify.h"

#include <stdlib.h>

#include "base/map.h"
#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "crypt/sign.h"
#include "mesh/keys.h"
#include "mesh/payload.h"

/* What is known of the keys of a log by the entries seen so far. */
struct followed { bool keyed; struct key_span now; struct log_keys keys; };

struct mesh_verifier {
	struct map logs;
	struct arena scratch; /* one entry */
};

static const Str JOURNAL = {"journal", 7};

struct mesh_verifier *
mesh_verifier_new(void)
{
	return mem_alloc(sizeof(struct mesh_verifier));
}

void
mesh_verifier_free(struct mesh_verifier *v)
{
	void *log;

	if (!v) return;
	for (size_t i = 0; map_next(&v->logs, &i, NULL, &log);) free(log);
	map_fini(&v->logs);
	arena_fini(&v->scratch);
	free(v);
}

bool
mesh_verifier_journal_key(const struct mesh_verifier *v, uint8_t ret[static 32])
{
	const struct followed *log = map_get(&v->logs, JOURNAL);

	if (!log || !log->keyed) return false;
	memcpy(ret, log->now.pub, sizeof log->now.pub);
	return true;
}

static struct followed *
followed_get(struct mesh_verifier *v, Str log_id)
{
	struct followed *log = map_get(&v->logs, log_id);

	if (log) return log;
	log = mem_alloc(sizeof *log);
	map_put(&v->logs, log_id, log);
	return log;
}

/* The key that the first entry declares. */
static Err
key_declared(struct ctx *c, Str log_id, Str payload_bytes, const struct payload *p, struct followed *log)
{
	bool journal = str_eq(log_id, JOURNAL);
	Str key = journal ? S("pub") : S("event_pub");
	char id[CRYPT_HASH_TEXT];

	if (!journal) {
		crypt_sha256_text(payload_bytes, id);
		ENSURE(c, str_eqc(log_id, id), INVALID, "the log's id is not the hash of its first event");
		ENSURE(c, p->type == EVENT_DOMAIN_INCEPTION, INVALID, "the log does not begin with domain.inception");
	}
	for (const struct doc_node *n = doc_first(p->body); n; n = doc_next(p->body, n))
		if (str_eq(n->key, key)) log->keyed = n->kind == DOC_TEXT && hex_get_n(n->text, log->now.pub, sizeof log->now.pub);
	ENSURE(c, log->keyed, INVALID, "the first entry declares no key");
	if (journal) return OK;
	/* for rotations later; what is wrong with these is the fold's to say */
	for (const struct doc_node *n = doc_first(p->body); n; n = doc_next(p->body, n))
		if (str_eq(n->key, S("next")) && n->kind == DOC_TEXT && !hex_get_n(n->text, log->now.next, sizeof log->now.next)) break;
	struct ctx quiet = {.arena = c->arena};
	struct fields f = fields_of(&quiet, "", p->body);
	keys_read(&f, &log->keys);
	return OK;
}

/* A rotation is signed by the key that it reveals, which is the one from then on. One that is none (the fold refuses it and the log goes on) is
 * signed by the key in force like anything else. */
static bool
key_followed(struct ctx *c, Str log_id, const struct payload *p, const Hash *prev_leaf, Str signed_bytes, const uint8_t *signature, struct followed *log)
{
	struct ctx quiet = {.arena = c->arena};
	struct fields f = fields_of(&quiet, event_type_name(p->type), p->body);
	struct rotation r = {0};

	rotation_read(&f, &r);
	if (!err_ok(fields_end(&f)) || !err_ok(rotation_check(&quiet, &r, &log->now, &log->keys, log_id, p->seq, prev_leaf))) return false;
	if (!sign_check(r.pub, signed_bytes, signature)) return false;
	memcpy(log->now.pub, r.pub, sizeof r.pub);
	memcpy(log->now.next, r.next, sizeof r.next);
	return true;
}

static Err
place_check(struct ctx *c, Str log_id, uint64_t index, const struct payload *p, const Hash *prev_leaf)
{
	static const Hash none = {{0}};
	Str origin = index == 0 && !str_eq(log_id, JOURNAL) ? S("") : log_id;

	ENSURE(c, str_eq(p->origin, origin), INVALID, "'origin' names another log");
	ENSURE(c, p->seq == index, INVALID, "'seq' is %llu", (unsigned long long)p->seq);
	ENSURE(c, memcmp(p->prev.b, index == 0 ? none.b : prev_leaf->b, HASH_BYTES) == 0, INVALID, "'prev' is not the hash of the entry before");
	return OK;
}

static Err
entry_check(struct ctx *c, struct followed *log, Str log_id, uint64_t index, Str entry, const Hash *prev_leaf)
{
	DOC_AUTO doc;
	BUF_AUTO pae = BUF_INIT;
	struct payload p;
	struct dsse d;

	doc_init(&doc);
	TRY(dsse_parse(c, entry, &d));
	ENSURE(c, str_eq(d.payload_type, S(DSSE_EVENT_TYPE)), INVALID, "the envelope holds no event");
	TRY(payload_read(c, d.payload, &doc, &p));
	if (index == 0) TRY(key_declared(c, log_id, d.payload, &p, log));
	ENSURE(c, log->keyed, INVALID, "the key of the log is not known, because its first entry is not good");
	dsse_pae(d.payload_type, d.payload, &pae);
	if (p.type == EVENT_KEY_ROTATE && index > 0 && key_followed(c, log_id, &p, prev_leaf, buf_view(&pae), d.sig, log))
		return place_check(c, log_id, index, &p, prev_leaf);
	ENSURE(c, sign_check(log->now.pub, buf_view(&pae), d.sig), INVALID, "the signature is not by the key of the log");
	return place_check(c, log_id, index, &p, prev_leaf);
}

Err
mesh_verify_entry(struct ctx *c, void *arg, Str log_id, uint64_t index, Str entry, const Hash *prev_leaf)
{
	struct mesh_verifier *v = arg;
	struct arena *own = c->arena;

	arena_reset(&v->scratch); /* a log may have millions of entries */
	c->arena = &v->scratch;
	Err e = entry_check(c, followed_get(v, log_id), log_id, index, entry, prev_leaf);
	c->arena = own;
	return e;
}

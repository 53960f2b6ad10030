#include "mesh/verify.h"

#include <stdlib.h>

#include "base/map.h"
#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "crypt/sign.h"
#include "mesh/payload.h"

struct followed { bool keyed; uint8_t pub[32]; };

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
	memcpy(ret, log->pub, sizeof log->pub);
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
	uint8_t hash[32], id[32];

	if (!journal) {
		crypt_sha256(payload_bytes, hash);
		ENSURE(c, hex_get_n(log_id, id, sizeof id) && memcmp(hash, id, sizeof id) == 0, INVALID, "the log's id is not the hash of its first event");
		ENSURE(c, p->type == EVENT_DOMAIN_INCEPTION, INVALID, "the log does not begin with domain.inception");
	}
	for (const struct doc_node *n = doc_first(p->body); n; n = doc_next(p->body, n))
		if (str_eq(n->key, key)) log->keyed = n->kind == DOC_TEXT && hex_get_n(n->text, log->pub, sizeof log->pub);
	ENSURE(c, log->keyed, INVALID, "the first entry declares no key");
	return OK;
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
	ENSURE(c, sign_check(log->pub, buf_view(&pae), d.sig), INVALID, "the signature is not by the key of the log");
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

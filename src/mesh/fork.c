#include "mesh/fork.h"

#include <stdlib.h>

#include "codec/dsse.h"
#include "crypt/encode.h"
#include "ledger/tree.h"
#include "mesh/fold/fold.h"
#include "mesh/put.h"

/* --- the body --- */

static void
read_branch(struct fields *f, Str key, struct branch *ret)
{
	const struct doc_node *list = field_list(f, key, BRANCH_MAX), *n = doc_first(list);
	Str *entries = NEW_N(f->c->arena, list->count, Str);

	for (size_t i = 0; n; i++, n = doc_next(list, n)) {
		if (n->kind != DOC_TEXT || n->text.n == 0) {
			fields_fail(f, key, "a list of envelopes in base64");
			return;
		}
		entries[i] = n->text;
	}
	if (list->count == 0) fields_fail(f, key, "a list of at least one envelope");
	*ret = (struct branch){entries, list->count};
}

void
fork_read(struct fields *f, struct fork_body *ret)
{
	ret->id = field_id(f, S("id"));
	ret->log_id = field_hex(f, S("log"), 64);
	read_branch(f, S("a"), &ret->a);
	read_branch(f, S("b"), &ret->b);
}

static void
put_branch(struct buf *out, Str key, const struct branch *b)
{
	buf_str(out, key);
	for (size_t i = 0; i < b->count; i++) put_text(out, i ? S(",") : S("["), b->entries[i]);
	buf_char(out, ']');
}

void
fork_body_put(const struct fork_body *b, struct buf *out)
{
	put_text(out, S("{\"id\":"), b->id);
	put_text(out, S(",\"log\":"), b->log_id);
	put_branch(out, S(",\"a\":"), &b->a);
	put_branch(out, S(",\"b\":"), &b->b);
	buf_char(out, '}');
}

void
body_fork(struct buf *out, Str id, Str log_id, const Str *a, size_t a_count, const Str *b, size_t b_count)
{
	fork_body_put(&(struct fork_body){.id = id, .log_id = log_id, .a = {a, a_count}, .b = {b, b_count}}, out);
}

/* --- form --- */

struct opened { Str envelope; struct dsse dsse; struct payload payload; };

/* Words of our own, as the fold's: reasons are part of the state. The doc stays with the caller. */
static Err
open_entry(struct ctx *c, Str text, struct doc *doc, struct opened *ret)
{
	struct ctx inner = {.arena = c->arena};

	ENSURE(c, base64_get(c->arena, text, &ret->envelope), INVALID, "fork.report: an entry is not base64");
	ENSURE(c, err_ok(dsse_parse(&inner, ret->envelope, &ret->dsse)) && str_eq(ret->dsse.payload_type, S(DSSE_EVENT_TYPE)), INVALID,
	       "fork.report: an entry is not a signed event");
	ENSURE(c, err_ok(payload_read(&inner, ret->dsse.payload, doc, &ret->payload)), INVALID, "fork.report: an entry is no event");
	return OK;
}

/* Each entry of a branch in turn, as long as fn says so. */
typedef Err (*entry_fn)(struct ctx *c, void *arg, size_t i, const struct opened *e);

static Err
each_entry(struct ctx *c, const struct branch *b, entry_fn fn, void *arg)
{
	for (size_t i = 0; i < b->count; i++) {
		DOC_AUTO doc;
		struct opened e;
		doc_init(&doc);
		TRY(open_entry(c, b->entries[i], &doc, &e));
		TRY(fn(c, arg, i, &e));
	}
	return OK;
}

struct chain { Str log_id; uint64_t first; Hash prev, first_prev; Str first_payload; };

static Err
chain_entry(struct ctx *c, void *arg, size_t i, const struct opened *e)
{
	struct chain *k = arg;

	ENSURE(c, str_eq(e->payload.origin, k->log_id), INVALID, "fork.report: an entry is of another log");
	if (i == 0) {
		k->first = e->payload.seq;
		k->first_prev = e->payload.prev;
		k->first_payload = e->dsse.payload;
	}
	ENSURE(c, e->payload.seq == k->first + i && (i == 0 || memcmp(e->payload.prev.b, k->prev.b, HASH_BYTES) == 0), INVALID,
	       "fork.report: the entries of a branch do not follow each other");
	k->prev = tree_leaf(e->envelope);
	return OK;
}

Err
fork_check(struct ctx *c, struct fork_body *b)
{
	struct chain k[2] = {{.log_id = b->log_id}, {.log_id = b->log_id}};

	TRY(each_entry(c, &b->a, chain_entry, &k[0]));
	TRY(each_entry(c, &b->b, chain_entry, &k[1]));
	ENSURE(c, k[0].first == k[1].first && k[0].first > 0 && memcmp(k[0].first_prev.b, k[1].first_prev.b, HASH_BYTES) == 0, INVALID,
	       "fork.report: the branches do not begin at one place");
	/* The same words in another envelope are nobody's second history: who copies a log can wrap them anew. */
	ENSURE(c, !str_eq(k[0].first_payload, k[1].first_payload), INVALID, "fork.report: both branches say the same");
	b->at = k[0].first;
	return OK;
}

/* --- proof --- */

struct judging { const struct log *log; struct key_span now; };

static Err
judge_entry(struct ctx *c, void *arg, size_t i UNUSED, const struct opened *e)
{
	struct judging *j = arg;
	const struct payload *p = &e->payload;
	BUF_AUTO pae = BUF_INIT;

	if (p->type == EVENT_KEY_ROTATE) {
		struct fields f = fields_of(c, event_type_name(p->type), p->body);
		struct rotation r = {0};
		rotation_read(&f, &r);
		TRY(fields_end(&f));
		TRY(rotation_check(c, &r, &j->now, &j->log->keys, j->log->item.id, p->seq, &p->prev));
		memcpy(j->now.pub, r.pub, sizeof j->now.pub);
		memcpy(j->now.next, r.next, sizeof j->now.next);
	}
	dsse_pae(e->dsse.payload_type, e->dsse.payload, &pae);
	ENSURE(c, sign_check(j->now.pub, buf_view(&pae), e->dsse.sig) || FAULT(NO_FORK_PROOF), DENIED, "the signature is not by the key of that log");
	return OK;
}

/* Both branches signed by the keys of that log as it is known here. Remembered for the key that it was judged under. */
static bool
proven(const struct log *log, struct report *r)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct key_span now = keys_at(log, r->body.at - 1);

	if (r->judged && memcmp(r->judged_pub, now.pub, sizeof now.pub) == 0) return r->proven;
	struct judging a = {log, now}, b = {log, now};
	r->proven = err_ok(each_entry(&c, &r->body.a, judge_entry, &a)) && err_ok(each_entry(&c, &r->body.b, judge_entry, &b));
	r->judged = true;
	memcpy(r->judged_pub, now.pub, sizeof now.pub);
	return r->proven;
}

static bool
settled(const struct log_keys *k, uint64_t at)
{
	for (size_t i = 0; i < k->resolve_count; i++)
		if (at >= k->resolves[i].from && at < k->resolves[i].at) return true;
	return false;
}

/* --- what comes of it --- */

struct ending { struct mesh *m; struct log *log; };

static Err
ending_entry(struct ctx *c, void *arg, size_t i UNUSED, const struct opened *e)
{
	const struct ending *x = arg;
	bool grant = e->payload.type == EVENT_GRANT_REVOKE;

	if (!grant && e->payload.type != EVENT_DELEGATION_END) return OK;
	struct fields f = fields_of(c, event_type_name(e->payload.type), e->payload.body);
	Str id = field_id(&f, grant ? S("grant") : S("delegation"));
	if (!err_ok(fields_end(&f)) || fork_ended(x->log, grant ? RECORD_GRANT : RECORD_DELEGATION, id)) return OK;
	struct fork_end *end = NEW(&x->m->mem, struct fork_end);
	*end = (struct fork_end){grant ? RECORD_GRANT : RECORD_DELEGATION, state_text(x->m, id), x->log->fork_ends};
	x->log->fork_ends = end;
	return OK;
}

static void
freeze(struct mesh *m, struct log *log)
{
	log->frozen = log->pub.frozen = false;
	log->fork_at = UINT64_MAX;
	log->fork_ends = NULL;
	if (!log->founded || FAULT(NO_FORKS)) return;
	for (struct report *r = state_reports_on(m, log->item.id); r; r = r->same_log) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx c = {.arena = &arena};
		struct ending x = {m, log};
		if (!proven(log, r)) continue;
		Err e = each_entry(&c, &r->body.a, ending_entry, &x);
		if (err_ok(e)) e = each_entry(&c, &r->body.b, ending_entry, &x);
		(void)e; /* they were read before */
		if (settled(&log->keys, r->body.at)) continue;
		log->frozen = log->pub.frozen = true;
		if (r->body.at < log->fork_at) log->fork_at = r->body.at;
	}
}

void
fork_update(struct mesh *m, struct log *log)
{
	freeze(m, log);
	center_judge(m, log);
}

bool
fork_ended(const struct log *log, enum record_kind kind, Str id)
{
	for (const struct fork_end *e = log->fork_ends; e; e = e->next)
		if (e->kind == kind && str_eq(e->id, id)) return true;
	return false;
}

size_t
mesh_forks(const struct mesh *m, struct arena *a, struct mesh_fork **ret)
{
	struct item **items;
	size_t n = state_items(m, RECORD_REPORT, &items), found = 0;

	*ret = NEW_N(a, n, struct mesh_fork);
	for (size_t i = 0; i < n; i++) {
		struct report *r = (struct report *)items[i];
		const struct log *log = state_log(m, r->body.log_id);
		if (!log || !log->founded || !proven(log, r)) continue;
		(*ret)[found++] = (struct mesh_fork){.log_id = log->item.id, .at = r->body.at, .report_id = r->item.id, .reporter_domain_id = r->item.log->item.id,
		                                     .by = r->by, .reported = r->reported, .settled = settled(&log->keys, r->body.at)};
	}
	free(items);
	return found;
}

Err
fork_door(struct ctx *c, const struct mesh *m, const struct payload *p)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct report r = {0};

	fork_read(&f, &r.body);
	TRY(fields_end(&f));
	TRY(fork_check(c, &r.body));
	const struct log *log = state_log(m, r.body.log_id);
	ENSURE(c, log && log->founded, NOT_FOUND, "this node knows no log %.16s…", r.body.log_id.p);
	ENSURE(c, proven(log, &r), INVALID, "the branches are not signed by the key of that log: this proves nothing");
	return OK;
}

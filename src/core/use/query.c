/* A query: parse in the worker, decide here, bind to extracts, run in the worker; the rows go past the core to the gate. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/use/extract.h"
#include "core/access/grants.h"
#include "core/request.h"
#include "core/use/terms.h"
#include "core/use/running.h"
#include "core/product/snapshots.h"
#include "crypt/encode.h"
#include "os/log.h"

enum { TABLES_MAX = 64, NOTED_COLUMNS_BYTES = 12 << 10 /* of the journal's entry, as far as columns go */, PARSE_MS = 30000, STREAM_PATIENCE_MS = 3600 * 1000 /* a client may read a big result slowly, but not for ever */ };

static const struct format { const char *name, *written, *type; } formats[] = {
    {"json", "json", "application/json"},
    {"ndjson", "ndjson", "application/x-ndjson"},
    {"csv", "csv", "text/csv; charset=utf-8"},
    {"parquet", "parquet", "application/vnd.apache.parquet"},
    {"table", "csv", "text/csv; charset=utf-8"}, /* asked for by what draws it on a screen: of a table that must not be exported, too */
};

void
lake_restarted(struct core *core)
{
	extracts_forget(core);
	uploads_forget(core);
	pool_drop_all(core);
}

/* --- deciding --- */

/* How to go on, where asking helps: not against what the center closed, nor for what was granted and waits. */
static void
refusal_hint(struct request *rq, const struct mesh_product *p, Str reason)
{
	static const char unhanded[] = "have not handed it on", waiting[] = " more approval";
	Str purpose = arg(rq, "purpose");

	if (!str_starts(reason, S("no grant")) || memmem(reason.p, reason.n, waiting, sizeof waiting - 1)) return;
	if (memmem(reason.p, reason.n, unhanded, sizeof unhanded - 1)) {
		rq->hint = S("ask an owner of your own domain for it: heddle delegate GRANT --to user:YOU");
		return;
	}
	rq->hint = arena_printf(&rq->arena, "ask for access with: heddle request %.*s --purpose %.*s", STR(product_name(rq, p)),
	                        STR(purpose.n ? purpose : S("PURPOSE")));
}

static struct policy_table
copy_shape(struct arena *a, const struct policy_table *t)
{
	struct policy_column *columns = NEW_N(a, t->column_count, struct policy_column);

	for (size_t i = 0; i < t->column_count; i++)
		columns[i] = (struct policy_column){.name = arena_str(a, t->columns[i].name), .type = arena_str(a, t->columns[i].type),
		                                    .classification = arena_str(a, t->columns[i].classification)};
	return (struct policy_table){.domain_id = arena_str(a, t->domain_id), .product_id = arena_str(a, t->product_id),
	                             .name = arena_str(a, t->name), .columns = columns, .column_count = t->column_count,
	                             .product_live = t->product_live};
}

/* The row filter in a decision borrows from the grant, which may go while a reader works: keep a copy by its text. */
static Err
copy_rows(struct request *rq, struct policy_decision *d)
{
	BUF_AUTO text = BUF_INIT;

	if (!d->rows) return OK;
	predicate_print(d->rows, &text);
	return predicate_parse(&rq->c, arena_str(&rq->arena, buf_view(&text)), &d->rows);
}

/* The domain that the decision was made for: not what it was when the request came. */
static Str
acting_for(struct request *rq)
{
	const struct mesh_member *m = mesh_member(rq->core->mesh, rq->person_id);

	return m ? arena_str(&rq->arena, m->domain_id) : rq->domain_id;
}

static Err
decide(struct request *rq, uint32_t level, struct table_use *u)
{
	const struct mesh_product *p;
	const struct mesh_table *t = mesh_table_by_name(rq->core->mesh, u->name, &p);

	ENSURE(&rq->c, t && product_visible(rq, p), NOT_FOUND, "there is no table %.*s; search with: heddle products", STR(u->name));
	int64_t from = core_ns();
	mesh_decide(rq->core->mesh, &rq->arena, rq->person_id, p, t, arg(rq, "purpose"), INTERACT_SQL, level, core_now(), NULL, &u->decision);
	rq->core->decide_ns_total += (uint64_t)(core_ns() - from);
	rq->core->decide_count++;
	run_terms_copy(&rq->arena, &u->decision.terms);
	if (u->decision.verdict != VERDICT_ALLOW) {
		refusal_hint(rq, p, u->decision.reason);
		return err_set(&rq->c, ERR_DENIED, "%.*s: %.*s", STR(u->name), STR(u->decision.reason));
	}
	u->product_id = arena_str(&rq->arena, p->id);
	u->table = arena_str(&rq->arena, t->policy.name);
	u->manifest_sha = arena_str(&rq->arena, t->manifest);
	u->shape = copy_shape(&rq->arena, &t->policy);
	u->decision.grant_id = arena_str(&rq->arena, u->decision.grant_id);
	u->decision.delegation_id = arena_str(&rq->arena, u->decision.delegation_id);
	u->consumer_id = acting_for(rq);
	TRY(copy_rows(rq, &u->decision));
	return snapshot_get(rq->core, &rq->c, t, &u->manifest);
}

static Str *
split_lines(struct arena *a, Str text, size_t *ret_n)
{
	size_t n = 1, k = 0;
	Str one;

	for (size_t i = 0; i < text.n; i++) n += text.p[i] == '\n';
	Str *v = NEW_N(a, n, Str);
	for (Str rest = text; rest.p && text.n;) {
		rest = str_cut(rest, '\n', &one);
		v[k++] = one;
	}
	*ret_n = k;
	return v;
}

static Err
parsed_tables(struct request *rq, const struct msg_W_PARSED *m, struct table_use **ret, size_t *ret_n)
{
	size_t n = m->tables.n / 3;

	ENSURE(&rq->c, m->tables.n % 3 == 0 && n <= TABLES_MAX, INVALID, "a statement may read at most %d tables", TABLES_MAX);
	struct table_use *uses = NEW_N(&rq->arena, n, struct table_use);
	for (size_t i = 0; i < n; i++) {
		uses[i].name = m->tables.v[3 * i];
		uses[i].all = uses[i].asked_all = str_eqc(m->tables.v[3 * i + 1], "*");
		uses[i].wanted = split_lines(&rq->arena, m->tables.v[3 * i + 2], &uses[i].wanted_count);
	}
	*ret = uses;
	*ret_n = n;
	return OK;
}

/* --- the journal --- */

/* Those that are there: a name that leads nowhere is free text. More than an entry has room for: as though it read them all. */
static void
note_columns(const struct table_use *u, struct buf *b)
{
	size_t before = b->n, shown = 0;

	buf_c(b, ",\"columns\":[");
	for (size_t i = 0; i < u->shape.column_count; i++) {
		bool named = false;
		for (size_t k = 0; k < u->wanted_count && !named; k++) named = str_ieq(u->wanted[k], u->shape.columns[i].name);
		if (!named) continue;
		if (shown++) buf_char(b, ',');
		buf_json(b, u->shape.columns[i].name);
	}
	buf_char(b, ']');
	if (!u->asked_all && b->n <= NOTED_COLUMNS_BYTES) return;
	b->n = before;
	buf_c(b, ",\"all\":true");
}

static void
note_tables(const struct table_use *uses, size_t n, struct buf *b)
{
	buf_c(b, ",\"tables\":[");
	for (size_t i = 0; i < n; i++) {
		char hex[CRYPT_HASH_TEXT];
		hex_text(uses[i].decision.hash, 32, hex);
		buf_c(b, i ? ",{\"table\":" : "{\"table\":");
		buf_json(b, uses[i].name);
		buf_c(b, ",\"product\":");
		buf_json(b, uses[i].product_id);
		buf_c(b, ",\"grant\":");
		buf_json(b, uses[i].decision.grant_id);
		if (uses[i].decision.delegation_id.n) {
			buf_c(b, ",\"delegation\":");
			buf_json(b, uses[i].decision.delegation_id);
		}
		buf_printf(b, ",\"verdict\":\"%s\",\"policy\":\"%s\"", uses[i].decision.verdict == VERDICT_ALLOW ? "allow" : "refuse", hex);
		if (uses[i].decision.verdict == VERDICT_ALLOW) note_columns(&uses[i], b);
		if (uses[i].reserve) buf_printf(b, ",\"reserve\":%llu", (unsigned long long)uses[i].reserve);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

/* The statement may hold personal data: the journal keeps a keyed hash of it, so that a known statement can be shown to be the one. */
static Err
note_query(struct request *rq, const char *type, const char *id, const struct table_use *uses, size_t n)
{
	uint8_t mac[16];
	char hex[33];
	BUF_AUTO b = BUF_INIT;
	struct ctx c = {.arena = &rq->arena};

	crypt_mac(&rq->core->text_salt, arg(rq, "sql"), mac, sizeof mac);
	hex_text(mac, sizeof mac, hex);
	buf_printf(&b, "{\"query\":\"%s\",\"statement\":\"%s\",\"purpose\":", id, hex);
	buf_json(&b, arg(rq, "purpose"));
	note_tables(uses, n, &b);
	buf_char(&b, '}');
	rq->noted = true;
	return core_note(rq->core, &c, type, rq->person_id, buf_view(&b));
}

/* --- what was applied, for the one who asked --- */

static Str
applied_json(struct request *rq, const struct table_use *uses, size_t n)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct table_use *u = &uses[i];
		size_t hidden = 0, masks = 0;
		bool first = true;
		buf_c(&b, i ? ",{" : "[{");
		member_text(&b, "table", u->name, &first);
		member_text(&b, "grant", u->decision.grant_id, &first);
		member_bool(&b, "rows_filtered", u->decision.rows != NULL, &first);
		member_key(&b, "masks", &first);
		buf_char(&b, '{');
		for (size_t k = 0; k < u->shape.column_count; k++) {
			hidden += u->decision.columns[k].hidden;
			if (u->decision.columns[k].hidden || u->decision.columns[k].mask == MASK_NONE) continue;
			if (masks++) buf_char(&b, ',');
			buf_json(&b, u->shape.columns[k].name);
			buf_printf(&b, ":\"%s\"", mask_name(u->decision.columns[k].mask));
		}
		buf_char(&b, '}');
		member_u64(&b, "hidden", hidden, &first);
		demands_json(&u->decision.terms, &b, &first);
		member_time(&b, "until", u->decision.until, &first);
		buf_char(&b, '}');
	}
	buf_c(&b, n ? "]" : "[]");
	return arena_str(&rq->arena, buf_view(&b));
}

/* --- running --- */

struct run {
	struct running_query q;
	const struct format *format;
	int64_t t0, t_decided, t_bound;
	int to_gate;              /* read end of the result */
	struct run_terms terms;
	bool again;               /* access changed meanwhile: decide anew */
};

static Err
send_run(struct request *rq, struct run *r)
{
	struct core *core = rq->core;
	Str *tables = NEW_N(&rq->arena, 3 * r->q.n, Str);
	int ends[2];
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < r->q.n; i++) {
		BUF_AUTO files = BUF_INIT;
		BUF_AUTO columns = BUF_INIT;
		const struct table_use *u = &r->q.uses[i];
		for (size_t k = 0; k < u->file_count; k++) {
			if (k) buf_char(&files, '\n');
			buf_str(&files, u->files[k]);
		}
		for (size_t k = 0; k < u->column_count; k++) {
			if (k) buf_char(&columns, '\n');
			buf_str(&columns, u->columns[k]);
		}
		tables[3 * i] = u->name;
		tables[3 * i + 1] = arena_str(&rq->arena, buf_view(&files));
		tables[3 * i + 2] = arena_str(&rq->arena, buf_view(&columns));
	}
	TRY(chan_pair(&rq->c, ends));
	r->to_gate = ends[0];
	msg_put_W_RUN(&b, &(struct msg_W_RUN){.sql = arg(rq, "sql"), .format = str_c(r->format->written), .tables = {tables, 3 * r->q.n},
	                                      .shapes = r->terms.shapes, .max_bytes = core->limits.result_max_bytes,
	                                      .max_rows = r->terms.max_rows, .max_rows_why = r->terms.why,
	                                      .timeout_ms = core->limits.query_timeout_ms});
	return call_begin(core, &rq->c, r->q.proc->peer, MSG_W_RUN, buf_view(&b), ends[1], &r->q.call);
}

static void
stream(struct request *rq, struct run *r)
{
	char mark[32];
	size_t made = 0;

	for (size_t i = 0; i < r->q.n; i++) made += r->q.uses[i].made;
	Str timing = arena_printf(&rq->arena, "{\"decide_us\":%lld,\"extract_ms\":%.3f,\"extracts\":\"%s\",\"run_ms\":%.3f}",
	                          (long long)(r->t_decided - r->t0) / 1000, (double)(r->t_bound - r->t_decided) / 1e6,
	                          made ? "made" : "cached", (double)(core_ns() - r->t_bound) / 1e6);
	Str headers[] = {S("X-Heddle-Mark"), str_c(core_mark(rq->core, mark)), S("X-Heddle-Query"), str_c(r->q.id), S("X-Heddle-Applied"),
	                 applied_json(rq, r->q.uses, r->q.n), S("X-Heddle-Timing"), timing};
	rq->replied = true;
	if (rq->cancelled || !peer_alive(rq->gate)) return;
	tell(rq->core, rq->gate, G_STREAM, rq->id, TAKE(r->to_gate, -1), .status = 200, .content_type = str_c(r->format->type),
	     .headers = {headers, ARRAY_LEN(headers)});
}

static Err
run_to_end(struct request *rq, struct run *r, struct msg_W_FINISHED *ret)
{
	struct core *core = rq->core;
	uint64_t patience = core->limits.query_timeout_ms + 5000;
	struct frame f;

	TRY(call_wait(core, &rq->c, &r->q.call, MSG_W_STARTED, patience, &f));
	core_commit(core); /* the journal's entry is durable before the first row leaves */
	if (r->q.ended) return err_set(&rq->c, r->q.code, "%s", r->q.why);
	stream(rq, r);
	TRY(call_wait(core, &rq->c, &r->q.call, MSG_W_FINISHED, STREAM_PATIENCE_MS, &f));
	return msg_get_W_FINISHED(&rq->c, f.payload, ret);
}

/* All tables, or the journal tells that one was refused. A name that leads nowhere is free text: it is not told. */
static Err
decide_all(struct request *rq, struct run *r)
{
	Err e = OK;
	size_t n = 0;

	int level = peer_level(r->q.proc->peer);
	r->q.until = TIME_FOREVER;
	r->q.level = level > 0 ? (uint32_t)level : 0;
	for (; n < r->q.n && err_ok(e); n++) {
		e = decide(rq, r->q.level, &r->q.uses[n]);
		if (err_ok(e) && r->q.uses[n].decision.until < r->q.until) r->q.until = r->q.uses[n].decision.until;
	}
	if (err_ok(e)) e = run_terms_keep(rq, str_c(r->format->name), r->q.uses, n, &r->terms);
	if (e.code == ERR_DENIED || e.code == ERR_NOT_FOUND)
		TRY(note_query(rq, "query.refused", r->q.id, r->q.uses, e.code == ERR_DENIED ? n : n - 1));
	if (err_ok(e) && r->q.until < r->q.proc->until) r->q.proc->until = r->q.until;
	return e;
}

/* Parse, decide, bind. When access became narrower while readers worked, all of it is done again, with another worker: this
 * one's folder may hold more than it still may see. */
static Err
prepare(struct request *rq, struct run *r)
{
	struct core *core = rq->core;
	struct frame f;
	struct msg_W_PARSED parsed;
	Str *sources;

	TRY(ask_within(core, &rq->c, PARSE_MS, r->q.proc->peer, W_PARSE, W_PARSED, &f, .sql = arg(rq, "sql")));
	TRY(msg_get_W_PARSED(&rq->c, f.payload, &parsed));
	TRY(parsed_tables(rq, &parsed, &r->q.uses, &r->q.n));
	uint64_t epoch = core->policy_epoch;
	TRY(decide_all(rq, r));
	r->t_decided = core_ns();
	TRY(extracts_bind(core, &rq->c, arg(rq, "purpose"), r->q.uses, r->q.n));
	size_t n = extracts_sources(&rq->arena, r->q.uses, r->q.n, &sources);
	Err e = proc_link(core, &rq->c, r->q.proc, sources, n);
	r->t_bound = core_ns();
	/* Not there: the cache gave up one extract while another was made. */
	r->again = epoch != core->policy_epoch || core_now() >= r->q.until || e.code == ERR_NOT_FOUND;
	ENSURE(&rq->c, !r->again, BUSY, "access keeps changing while the query is prepared, try again");
	TRY(e);
	ENSURE(&rq->c, !rq->cancelled, CANCELLED, "the client went away");
	return OK;
}

/* Rows that count against budgets: those delivered, none before the first left, and all that was held where nobody can tell. */
static uint64_t
charged(const struct request *rq, Err e, const struct msg_W_FINISHED *m)
{
	if (err_ok(e)) return m->rows;
	return rq->replied ? UINT64_MAX : 0;
}

static void
note_end(struct request *rq, const struct run *r, Err e, const struct msg_W_FINISHED *m)
{
	BUF_AUTO b = BUF_INIT;
	struct ctx c = {.arena = &rq->arena};
	uint64_t rows = charged(rq, e, m);

	buf_printf(&b, "{\"query\":\"%s\",\"outcome\":\"%s\",\"rows\":%llu,\"bytes\":%llu,\"micros\":%llu", r->q.id, err_name(e),
	           (unsigned long long)m->rows, (unsigned long long)m->bytes, (unsigned long long)m->micros);
	if (r->terms.hold_count && rows != UINT64_MAX) buf_printf(&b, ",\"charged\":%llu", (unsigned long long)rows);
	buf_char(&b, '}');
	Err noted = core_note_later(rq->core, &c, "query.end", rq->person_id, buf_view(&b));
	if (!err_ok(noted)) log_line(LOG_ERROR, "the end of query %s could not be noted: %s", r->q.id, err_detail(&c, noted));
}

static Err
run_query(struct request *rq, struct run *r)
{
	struct msg_W_FINISHED done = {0};

	TRY(worker_acquire(rq->core, &rq->c, rq->person_id, arg(rq, "purpose"), &r->q.proc));
	Err e = prepare(rq, r);
	bool healthy = e.code == ERR_DENIED || e.code == ERR_SQL || e.code == ERR_NOT_FOUND;
	if (err_ok(e)) {
		running_add(rq, &r->q); /* from here on a revoke ends it */
		e = send_run(rq, r);
		if (err_ok(e)) {
			e = note_query(rq, "query.start", r->q.id, r->q.uses, r->q.n); /* while the worker works; rows leave after the commit */
			if (err_ok(e)) e = run_to_end(rq, r, &done);
			call_end(rq->core, &r->q.call);
		}
		running_remove(rq, &r->q);
		if (r->q.ended && !err_ok(e)) e = err_set(&rq->c, r->q.code, "%s", r->q.why);
		healthy = err_ok(e) || e.code == ERR_SQL || e.code == ERR_LIMIT || e.code == ERR_CANCELLED;
		note_end(rq, r, e, &done);
		rq->core->count.queries++;
		rq->core->count.rows += done.rows;
		rq->core->count.bytes += done.bytes;
	}
	run_terms_settle(rq->core, &r->terms, charged(rq, e, &done));
	if (r->to_gate >= 0) close(TAKE(r->to_gate, -1));
	proc_release(rq->core, r->q.proc, healthy);
	return e;
}

Err
handle_query(struct request *rq)
{
	Str format = arg(rq, "format"), purpose = arg(rq, "purpose");
	struct run r = {.t0 = core_ns(), .to_gate = -1, .q.person_id = rq->person_id, .q.purpose = purpose};

	if (purpose.n) TRY(purpose_check(rq, purpose));
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (str_eqc(format.n ? format : S("json"), formats[i].name)) r.format = &formats[i];
	ENSURE(&rq->c, r.format, INVALID, "formats are json, ndjson, csv, parquet, table");
	crypt_short_id("q_", r.q.id);
	Err e = run_query(rq, &r);
	for (int attempt = 0; r.again && attempt < 3; attempt++) {
		r.again = false;
		e = run_query(rq, &r);
	}
	if (!rq->replied) return e;
	/* rows were on their way: the stream breaks off, the client notices */
	if (!err_ok(e)) log_line(LOG_INFO, "query %s ended in the middle: %s", r.q.id, err_detail(&rq->c, e));
	if (r.q.killed) tell(rq->core, rq->gate, FAILED, rq->id, -1, .code = e.code); /* nor what lies in the gate's buffers */
	else running_deliver(rq, &r.q);
	return OK;
}

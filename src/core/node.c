/* The node about itself: health, figures, roles, logs, rebuild. */
#include <unistd.h>

#include "core/request.h"
#include "core/walk.h"
#include "crypt/encode.h"
#include "ledger/ledger.h"
#include "pins.h"

static const Str JOURNAL = S("journal");

Err
handle_healthz(struct request *rq)
{
	BUF_AUTO b = BUF_INIT;

	buf_printf(&b, "{\"status\":\"ok\",\"node\":\"%s\",\"version\":\"%s\"}", rq->core->node_id, HEDDLE_VERSION);
	reply_json(rq, 200, &b);
	return OK;
}

static void
metric(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
	buf_printf(b, "# HELP heddle_%s %s\n# TYPE heddle_%s %s\nheddle_%s %llu\n", name, help, name, type, name, (unsigned long long)v);
}

Err
handle_metrics(struct request *rq)
{
	struct core *core = rq->core;
	uint64_t restarts = 0;
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < core->role_count; i++) restarts += core->roles[i].restarts;
	metric(&b, "requests_total", "counter", "Requests that reached the core.", core->count.requests);
	metric(&b, "refused_total", "counter", "Requests refused by policy or for want of a token.", core->count.refused);
	metric(&b, "queries_total", "counter", "Statements run.", core->count.queries);
	metric(&b, "result_rows_total", "counter", "Rows answered.", core->count.rows);
	metric(&b, "result_bytes_total", "counter", "Bytes answered.", core->count.bytes);
	metric(&b, "extracts_made_total", "counter", "Extracts written by readers.", core->count.extracts_made);
	metric(&b, "extracts_hit_total", "counter", "Extracts found in the cache.", core->count.extracts_hit);
	metric(&b, "commits_total", "counter", "Group commits of the ledger.", core->count.commits);
	metric(&b, "role_restarts_total", "counter", "Processes of the node that had to be started again.", restarts);
	metric(&b, "log_entries", "gauge", "Entries folded from the domains' logs.", core->mark);
	metric(&b, "requests_under_way", "gauge", "Requests being worked on.", fiber_count());
	buf_printf(&b, "# HELP heddle_decide_seconds Time spent deciding.\n# TYPE heddle_decide_seconds summary\n"
	               "heddle_decide_seconds_sum %.9f\nheddle_decide_seconds_count %llu\n",
	           (double)core->decide_ns_total / 1e9, (unsigned long long)core->decide_count);
	reply_text(rq, 200, S("text/plain; version=0.0.4; charset=utf-8"), buf_view(&b));
	return OK;
}

/* --- status --- */

static int
level_of(const struct core *core, const char *role)
{
	if (strcmp(role, "core") == 0) return core->level;
	for (const struct peer *p = core->peers; p; p = peer_next(p))
		if (peer_alive(p) && strcmp(peer_name(p), role) == 0) return peer_level(p);
	return -1;
}

static void
roles_json(const struct core *core, struct buf *b)
{
	buf_char(b, '[');
	for (size_t i = 0; i < core->role_count; i++) {
		const struct role_line *r = &core->roles[i];
		int level = level_of(core, r->role);
		bool first = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "role", str_c(r->role), &first);
		member_u64(b, "pid", (uint64_t)r->pid, &first);
		member_u64(b, "restarts", r->restarts, &first);
		member_key(b, "sandbox", &first);
		if (level >= 0)
			buf_printf(b, "\"L%d\"}", level);
		else
			buf_c(b, "null}");
	}
	buf_char(b, ']');
}

static Str
log_name(struct request *rq, Str log_id)
{
	return str_eq(log_id, JOURNAL) ? log_id : domain_name(rq, log_id);
}

static void
logs_json(struct request *rq, struct buf *b)
{
	struct ledger_state *s;
	size_t n = ledger_states(rq->core->ledger, &rq->arena, &s);

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		struct ledger_head head = {0};
		char hex[CRYPT_HASH_TEXT];
		bool first = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "log", s[i].log_id, &first);
		member_text(b, "name", log_name(rq, s[i].log_id), &first);
		member_u64(b, "size", s[i].size, &first);
		member_u64(b, "published", s[i].published, &first);
		member_text(b, "damaged", s[i].damaged ? str_c(s[i].damage) : S(""), &first);
		if (!s[i].damaged && err_ok(ledger_head(&rq->c, rq->core->ledger, s[i].log_id, &head))) {
			hex_text(head.root.b, sizeof head.root.b, hex);
			member_text(b, "root", str_c(hex), &first);
		}
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void
refused_line(struct request *rq, Str log_id, uint64_t index, Str reason, bool more, struct buf *b)
{
	bool first = true;

	buf_c(b, more ? ",{" : "{");
	member_text(b, "log", log_id, &first);
	member_text(b, "name", log_name(rq, log_id), &first);
	member_u64(b, "index", index, &first);
	member_text(b, "reason", reason, &first);
	buf_char(b, '}');
}

static Err
refused_json(struct request *rq, struct buf *b)
{
	struct mesh_refused *folded;
	struct ledger_refused *dropped;
	size_t n = mesh_refused(rq->core->mesh, &rq->arena, &folded), m, shown = 0;

	TRY(ledger_refused(&rq->c, rq->core->ledger, &dropped, &m));
	buf_char(b, '[');
	for (size_t i = 0; i < m; i++) refused_line(rq, dropped[i].log_id, dropped[i].index, dropped[i].reason, shown++, b);
	for (size_t i = 0; i < n; i++) refused_line(rq, folded[i].log_id, folded[i].index, folded[i].reason, shown++, b);
	buf_char(b, ']');
	return OK;
}

/* What looks at everything just now: how far it is, and how many wait for it. */
static void
walk_json(const struct core *core, struct buf *b, bool *first)
{
	const char *what;
	uint64_t steps;
	unsigned n = walks_under_way(core, &what, &steps);
	bool in = true;

	member_key(b, "walk", first);
	if (n == 0) {
		buf_c(b, "null");
		return;
	}
	buf_char(b, '{');
	member_text(b, "what", str_c(what), &in);
	member_u64(b, "looked_at", steps, &in);
	member_u64(b, "waiting", n - 1, &in);
	buf_char(b, '}');
}

Err
handle_status(struct request *rq)
{
	struct core *core = rq->core;
	bool first = true;
	char mark[32];
	BUF_AUTO b = BUF_INIT;

	buf_char(&b, '{');
	member_text(&b, "node", str_c(core->node_id), &first);
	member_text(&b, "version", S(HEDDLE_VERSION), &first);
	member_text(&b, "engine", S("duckdb " HEDDLE_DUCKDB_VERSION), &first);
	member_u64(&b, "uptime_s", (uint64_t)((core_now() - core->started) / TIME_SECOND), &first);
	member_text(&b, "center", domain_name(rq, mesh_center(core->mesh)), &first);
	member_key(&b, "roles", &first);
	roles_json(core, &b);
	member_key(&b, "logs", &first);
	logs_json(rq, &b);
	member_key(&b, "refused", &first);
	TRY(refused_json(rq, &b));
	member_text(&b, "sandbox_minimum", arena_printf(&rq->arena, "L%u", core->limits.sandbox_minimum), &first);
	member_text(&b, "mark", str_c(core_mark(core, mark)), &first);
	walk_json(core, &b, &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

/* --- logs --- */

Err
handle_logs(struct request *rq)
{
	BUF_AUTO b = BUF_INIT;

	core_publish_wait(rq->core); /* who asks wants to take a copy: let the files hold everything */
	buf_c(&b, "{\"logs\":");
	logs_json(rq, &b);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_log_file(struct request *rq)
{
	Str log = arg(rq, "log"), file;

	if (str_eq(log, JOURNAL))
		ENSURE(&rq->c, sees_all(rq), DENIED, "the journal is for the center and its auditors");
	/* Heads, hashes and keys prove things and tell nothing; what events say concerns the domain (filters, purposes, hidden products). */
	if (str_starts(arg(rq, "path"), S("tile/entries/")))
		ENSURE(&rq->c, sees_all(rq) || str_eq(log, rq->domain_id), DENIED, "the entries of %.*s are for its people, the center and its auditors",
		       STR(log_name(rq, log)));
	if (str_eqc(arg(rq, "path"), "checkpoint")) core_publish_wait(rq->core); /* a copy begins with it */
	TRY(ledger_file(&rq->c, rq->core->ledger, log, arg(rq, "path"), &file));
	reply_text(rq, 200, str_eqc(arg(rq, "path"), "checkpoint") ? S("text/plain; charset=utf-8") : S("application/octet-stream"), file);
	return OK;
}

Err
handle_rebuild(struct request *rq)
{
	struct rebuild_result r;
	char hex[CRYPT_HASH_TEXT];
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, sees_all(rq), DENIED, "only the center and its auditors rebuild the catalog");
	core_commit(rq->core);
	core_publish_logs(rq->core);
	TRY(core_rebuild(rq->core, &rq->c, &r));
	hex_text(r.hash, sizeof r.hash, hex);
	buf_printf(&b, "{\"events\":%llu,\"seconds\":%.6f,\"events_per_second\":%.0f,\"state_hash\":\"%s\",\"same\":%s,\"refused\":%llu}",
	           (unsigned long long)r.events, r.seconds, r.seconds > 0 ? (double)r.events / r.seconds : 0, hex,
	           memcmp(r.hash, r.was, sizeof r.hash) == 0 ? "true" : "false", (unsigned long long)r.refused);
	reply_json(rq, 200, &b);
	return OK;
}

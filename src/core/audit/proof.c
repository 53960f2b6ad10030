/* Inclusion proofs that leave the node: C2SP tlog-proof files (c2sp.org/tlog-proof), checked by anybody with the log's key. */
#include "codec/note.h"
#include "core/audit/audit.h"
#include "core/request.h"
#include "crypt/encode.h"
#include "ledger/ledger.h"

static const Str JOURNAL = S("journal");

/* Hashes tell nothing of what was said, but who may not know that an entry is there has no use for its proof. */
static Err
may_prove(struct request *rq, Str log, uint64_t index)
{
	struct audit_filter f = {.first = index, .end = index + 1, .until = TIME_FOREVER};
	uint64_t found;
	size_t n = 0;

	if (!str_eq(log, JOURNAL) || sees_all(rq)) return OK;
	journal_scope(rq, &f);
	TRY(audit_catch_up(rq->core, &rq->c));
	TRY(audit_find(&rq->c, rq->core->audit, &f, 1, &found, &n));
	ENSURE(&rq->c, n == 1, NOT_FOUND, "the journal has no such entry that you did, or that concerns a domain you own or audit");
	return OK;
}

/* The checkpoint on disk, made anew when it does not cover the entry yet. */
static Err
covering(struct request *rq, Str log, uint64_t index, Str *ret_text, uint64_t *ret_size)
{
	struct note note;
	struct checkpoint cp = {.size = 0};

	for (int attempt = 0; attempt < 2 && cp.size <= index; attempt++) {
		if (attempt > 0) core_publish_wait(rq->core);
		Err e = ledger_file(&rq->c, rq->core->ledger, log, S("checkpoint"), ret_text);
		if (e.code == ERR_NOT_FOUND && attempt == 0) continue;
		TRY(e);
		TRY(note_parse(&rq->c, *ret_text, &note));
		TRY(checkpoint_parse(&rq->c, note.text, &cp));
	}
	ENSURE(&rq->c, index < cp.size, NOT_FOUND, "log %.*s has %llu entries; the first is number 0", STR(log), (unsigned long long)cp.size);
	*ret_size = cp.size;
	return OK;
}

Err
handle_log_proof(struct request *rq)
{
	Str log = arg(rq, "log"), checkpoint;
	uint64_t index = api_arg_u64(&rq->args, "index", 0), size;
	size_t n;
	Hash *path;
	BUF_AUTO b = BUF_INIT;

	TRY(may_prove(rq, log, index));
	TRY(covering(rq, log, index, &checkpoint, &size));
	TRY(ledger_prove_inclusion(&rq->c, rq->core->ledger, log, index, size, &path, &n));
	buf_printf(&b, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)index);
	for (size_t i = 0; i < n; i++) {
		base64_put(&b, str_of(path[i].b, sizeof path[i].b));
		buf_char(&b, '\n');
	}
	buf_char(&b, '\n');
	buf_str(&b, checkpoint);
	reply_text(rq, 200, S("text/plain; charset=utf-8"), buf_view(&b));
	return OK;
}

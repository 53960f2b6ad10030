/* What is said of a batch: the report of its checks, why it was set aside, what was published. */
#include "core/product/publish.h"
#include "core/product/snapshots.h"
#include "os/file.h"

enum { QUARANTINE_LIST_MAX = 64 * 1024 /* older lines than these go */ };

Str
quarantine_path(struct arena *a, Str product_id)
{
	return arena_printf(a, "catalog/quarantine-%.*s", STR(product_id));
}

static void
reports_json(const struct publish *p, struct quality_show show, struct buf *b)
{
	bool any = false;

	buf_char(b, '[');
	for (size_t i = 0; i < p->n; i++) {
		if (!p->tables[i].report) continue;
		if (any) buf_char(b, ',');
		any = true;
		quality_json(p->tables[i].report, show, b);
	}
	buf_char(b, ']');
}

static void
count_checks(const struct publish *p, size_t *ret_passed, size_t *ret_failed)
{
	size_t passed = 0, failed = 0;

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; p->tables[i].report && k < p->tables[i].report->result_count; k++) {
			enum quality_outcome o = p->tables[i].report->results[k].outcome;
			passed += o == QUALITY_PASS;
			failed += o == QUALITY_FAIL || o == QUALITY_ERROR;
		}
	*ret_passed = passed;
	*ret_failed = failed;
}

void
publish_report(const struct publish *p, struct buf *b)
{
	size_t passed, failed;
	bool first = true;

	count_checks(p, &passed, &failed);
	buf_char(b, '{');
	member_text(b, "of", report_of(&p->rq->arena, p->rq->domain_id, p->product_id), &first);
	member_text(b, "version", p->contract->version_text, &first);
	member_time(b, "checked_at", core_now(), &first);
	member_u64(b, "passed", passed, &first);
	member_u64(b, "failed", failed, &first);
	member_key(b, "tables", &first);
	reports_json(p, (struct quality_show){.statistics = true, .rows = true}, b);
	buf_char(b, '}');
}

/* Which batches of a product were set aside, one line of JSON each, for its own domain's eyes. */
static Err
remember_quarantined(struct publish *p, size_t failed)
{
	struct request *rq = p->rq;
	char now[TIME_TEXT_MAX];
	BUF_AUTO b = BUF_INIT;
	Str path = quarantine_path(&rq->arena, p->product_id), before;
	struct ctx c = {.arena = &rq->arena};

	time_format(core_now(), now);
	buf_printf(&b, "{\"batch\":\"%s\",\"at\":\"%s\",\"version\":\"%.*s\",\"failed\":%zu}\n", p->batch, now,
	           STR(p->contract->version_text), failed);
	if (err_ok(file_read_path(&c, AT_FDCWD, path.p, 1 << 20, &before)) && before.n < QUARANTINE_LIST_MAX) buf_str(&b, before);
	return file_replace(&rq->c, AT_FDCWD, path.p, buf_view(&b), 0600);
}

static Str
quarantine_hint(const struct publish *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->tables[i].closed)
			return S("mend the rows named in the report; rules that read a table without data in the batch need an owner, or an engineer whom "
			         "an owner added, or the table's data");
	return S("mend the rows named in the report and publish again");
}

Err
publish_quarantine(struct publish *p)
{
	struct request *rq = p->rq;
	struct frame f;
	size_t passed, failed;
	bool first = true;
	BUF_AUTO report = BUF_INIT;
	BUF_AUTO note = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	count_checks(p, &passed, &failed);
	publish_report(p, &report);
	TRY(ask(rq->core, &rq->c, rq->core->lake, L_QUARANTINE, DONE, &f, .batch = str_c(p->batch), .uploads = {p->uploads, p->upload_count},
	        .report = buf_view(&report)));
	TRY(remember_quarantined(p, failed));
	buf_printf(&note, "{\"batch\":\"%s\",\"product_id\":\"%.*s\",\"failed\":%zu", p->batch, STR(p->product_id), failed);
	note_about(rq, true, &note);
	buf_char(&note, '}');
	TRY(core_note(rq->core, &rq->c, "publish.quarantined", rq->person_id, buf_view(&note)));
	Err e = err_set(&rq->c, ERR_CONTRACT, "%.*s.%.*s: %zu of %zu checks failed; the batch is quarantined as %s and nobody sees it",
	                STR(p->contract->domain), STR(p->contract->product), failed, passed + failed, p->batch);
	buf_char(&b, '{');
	error_body(rq, e, quarantine_hint(p), &b);
	first = false;
	member_text(&b, "batch", str_c(p->batch), &first);
	member_text(&b, "state", S("quarantined"), &first);
	member_u64(&b, "passed", passed, &first);
	member_u64(&b, "failed", failed, &first);
	member_key(&b, "report", &first);
	reports_json(p, (struct quality_show){.rows = true}, &b);
	buf_char(&b, '}');
	reply_json(rq, (unsigned)err_http(e), &b);
	return OK;
}

static void
put_tables(const struct publish *p, struct buf *b, bool *first)
{
	member_key(b, "tables", first);
	for (size_t i = 0; i < p->n; i++) {
		bool in = true;
		buf_c(b, i ? ",{" : "[{");
		member_text(b, "name", p->tables[i].contract->name, &in);
		member_u64(b, "rows", p->tables[i].rows, &in);
		member_u64(b, "files", p->tables[i].file_count, &in);
		member_text(b, "state", p->tables[i].kept ? S("kept") : S("new"), &in);
		buf_char(b, '}');
	}
	buf_c(b, p->n ? "]" : "[]");
}

static void
put_changes(const struct publish *p, struct buf *b, bool *first)
{
	member_key(b, "changes", first);
	buf_char(b, '[');
	for (size_t i = 0; i < p->change_count; i++) {
		bool in = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "table", p->changes[i].table, &in);
		member_text(b, "column", p->changes[i].column, &in);
		member_text(b, "change", p->changes[i].text, &in);
		member_bool(b, "breaking", p->changes[i].breaking, &in);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

void
publish_reply(struct publish *p)
{
	struct request *rq = p->rq;
	const struct mesh_product *m = mesh_product(rq->core->mesh, p->product_id);
	size_t passed, failed;
	bool first = true;
	BUF_AUTO b = BUF_INIT;

	count_checks(p, &passed, &failed);
	buf_char(&b, '{');
	member_text(&b, "product", product_name(rq, m), &first);
	member_text(&b, "version", m->version, &first);
	member_text(&b, "snapshot", m->snapshot, &first);
	member_text(&b, "state", m->status, &first);
	put_tables(p, &b, &first);
	member_u64(&b, "passed", passed, &first);
	member_u64(&b, "failed", failed, &first);
	member_key(&b, "report", &first);
	reports_json(p, (struct quality_show){.statistics = true, .rows = true}, &b);
	put_changes(p, &b, &first);
	buf_char(&b, '}');
	reply_json(rq, 201, &b);
}

/* Statements of consumers may fail from now on; a control asks whether they had notice (core/posture/changes.c). */
Err
publish_note_breaking(const struct publish *p)
{
	uint64_t breaking = 0;
	bool first = true;
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < p->change_count; i++) breaking += p->changes[i].breaking;
	if (breaking == 0) return OK;
	buf_char(&b, '{');
	member_text(&b, "product", p->name, &first);
	member_text(&b, "product_id", p->product_id, &first);
	member_text(&b, "from", p->before->version_text, &first);
	member_text(&b, "to", p->contract->version_text, &first);
	member_u64(&b, "breaking", breaking, &first);
	member_bool(&b, "major", p->contract->version.major > p->before->version.major, &first);
	member_bool(&b, "noticed", str_eqc(p->before->status, "deprecated"), &first);
	buf_char(&b, '}');
	return core_note(p->rq->core, &p->rq->c, "publish.breaking", p->rq->person_id, buf_view(&b));
}

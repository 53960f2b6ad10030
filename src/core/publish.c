/* Publishing: stage, check, and only then move the pointer. A batch that breaks its contract is set aside with its report; who
 * consumes keeps what stood there before. */
#include <stdlib.h>
#include <string.h>

#include "core/check.h"
#include "core/snapshots.h"
#include "core/uploads.h"
#include "mesh/contract.h"
#include "os/file.h"
#include "os/log.h"

enum { QUARANTINE_LIST_MAX = 64 * 1024 /* older lines than these go */, TURN_STEP_MS = 20 };

struct publish {
	struct publish *next;
	struct request *rq;
	const struct contract *contract;
	Str contract_text;
	Str name;            /* domain.product */
	bool status_changes;
	Str product_id;
	struct batch_table *tables;
	size_t n;
	Str *uploads;
	size_t upload_count;
	const struct contract *before; /* the published one's; NULL for a new product */
	const struct contract_change *changes;
	size_t change_count;
	char batch[CRYPT_SHORT_ID_MAX];
	struct proc *proc;
};

static Err
read_contract(struct publish *p)
{
	struct request *rq = p->rq;
	const struct mesh_domain *d;

	p->contract_text = arg(rq, "contract");
	TRY(contract_parse(&rq->c, p->contract_text, &p->contract));
	d = mesh_domain_by_name(rq->core->mesh, p->contract->domain);
	ENSURE(&rq->c, d, NOT_FOUND, "the contract names domain '%.*s', which does not exist", STR(p->contract->domain));
	return need_role(rq, d->id, "publish its products", ROLE_BIT(OWNER) | ROLE_BIT(ENGINEER));
}

static Str
lifecycle(Str status)
{
	if (str_eqc(status, "deprecated") || str_eqc(status, "retired") || str_eqc(status, "draft") || str_eqc(status, "proposed"))
		return status;
	return S("published");
}

static struct publish *under_way;

/* One publish of a product at a time: each keeps the tables that it brings no data for, as the one before left them. */
static Err
wait_turn(struct publish *p)
{
	struct core *core = p->rq->core;
	int64_t deadline = core_ns() + (int64_t)core->limits.check_timeout_ms * 1000000;

	p->name = arena_printf(&p->rq->arena, "%.*s.%.*s", STR(p->contract->domain), STR(p->contract->product));
	p->rq->about = p->name;
	for (struct publish *other = under_way; other; other = other ? other->next : under_way) {
		if (!str_eq(other->name, p->name)) continue;
		ENSURE(&p->rq->c, core_ns() < deadline && !p->rq->cancelled, BUSY, "%.*s is being published by somebody else", STR(p->name));
		fiber_sleep_ms(core, TURN_STEP_MS);
		other = NULL; /* the list is another one now */
	}
	p->next = under_way;
	under_way = p;
	return OK;
}

static void
end_turn(const struct publish *p)
{
	for (struct publish **at = &under_way; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			return;
		}
}

/* Roles may have changed while the batch was checked. */
static Err
may_still(struct publish *p)
{
	struct request *rq = p->rq;
	const struct mesh_member *m = mesh_member(rq->core->mesh, rq->person_id);

	ENSURE(&rq->c, m && mesh_member_counts(rq->core->mesh, m) && str_eq(m->domain_id, rq->domain_id) && (m->role == ROLE_OWNER || m->role == ROLE_ENGINEER), DENIED,
	       "you may not publish for %.*s any more", STR(p->contract->domain));
	return OK;
}

/* A class that a contract raises may fit a grant by tags, or leave what the center restricts. That is for a tag.set to say, which takes an
 * owner and the approvals that policy demands. */
static Err
check_classes(struct publish *p)
{
	struct request *rq = p->rq;
	const struct mesh_product *old = mesh_product_by_name(rq->core->mesh, p->name);
	Str then;

	for (size_t i = 0; old && i < p->contract->table_count; i++) {
		const struct contract_table *t = &p->contract->tables[i];
		for (size_t k = 0; k < t->column_count; k++) {
			const struct contract_property *col = &t->columns[k];
			ENSURE(&rq->c, !mesh_class_opens(rq->core->mesh, &rq->arena, old, t->name, col->name, col->classification, &then), DENIED,
			       "%.*s.%.*s: classification '%.*s' may open data, so a publish does not say it; first an owner: heddle tag set %.*s.%.*s.%.*s classification=CLASS",
			       STR(t->name), STR(col->name), STR(then), STR(p->name), STR(t->name), STR(col->name));
		}
	}
	return OK;
}

static Err
compare_with_published(struct publish *p)
{
	struct request *rq = p->rq;
	const struct mesh_product *old = mesh_product_by_name(rq->core->mesh, p->name);
	const struct contract *before;
	char id[CRYPT_ID_MAX];
	Str text;

	if (!old) {
		crypt_random_id(id);
		p->product_id = arena_str(&rq->arena, str_c(id));
		return OK;
	}
	p->product_id = arena_str(&rq->arena, old->id);
	p->status_changes = !str_eq(old->status, lifecycle(p->contract->status));
	TRY(blob_get(rq->core, &rq->c, arena_str(&rq->arena, old->contract), &text));
	TRY(contract_parse(&rq->c, text, &before));
	TRY(contract_version_check(&rq->c, before, p->contract));
	p->before = before;
	return contract_diff(&rq->c, before, p->contract, &p->changes, &p->change_count);
}

static Str
file_name_of(struct request *rq, Str upload)
{
	List names = api_arg_list(&rq->args, &rq->arena, "names");

	for (size_t i = 0; i + 1 < names.n; i += 2)
		if (str_eq(names.v[i], upload)) return names.v[i + 1];
	return upload;
}

static Err
add_upload(struct publish *p, struct batch_table *t, Str id)
{
	struct request *rq = p->rq;
	struct upload *u = map_get(&rq->core->uploads, id);

	ENSURE(&rq->c, u && str_eqc(rq->person_id, u->person_id), NOT_FOUND, "there is no upload '%.*s' of yours; send the file again", STR(id));
	ENSURE(&rq->c, !u->taken, CONFLICT, "upload '%.*s' is being published already", STR(id));
	u->taken = true;
	p->uploads[p->upload_count++] = id;
	t->files[t->file_count] = arena_printf(&rq->arena, "%.*s.parquet", STR(id));
	t->file_names[t->file_count++] = file_name_of(rq, id);
	return OK;
}

static Err
collect_uploads(struct publish *p, List data)
{
	struct request *rq = p->rq;

	p->uploads = NEW_N(&rq->arena, data.n / 2, Str);
	for (size_t i = 0; i < p->n; i++) {
		struct batch_table *t = &p->tables[i];
		t->files = NEW_N(&rq->arena, data.n / 2, Str);
		t->file_names = NEW_N(&rq->arena, data.n / 2, Str);
		for (size_t k = 0; k + 1 < data.n; k += 2)
			if (str_eq(data.v[k], t->contract->name)) TRY(add_upload(p, t, data.v[k + 1]));
	}
	for (size_t k = 0; k + 1 < data.n; k += 2)
		ENSURE(&rq->c, contract_table_get(p->contract, data.v[k]), INVALID, "--data %.*s: the contract has no such table", STR(data.v[k]));
	return OK;
}

/* A table that got no new data keeps its snapshot, if it has one. */
static Err
keep_snapshot(struct publish *p, struct batch_table *t)
{
	struct request *rq = p->rq;
	const struct mesh_product *old = mesh_product(rq->core->mesh, p->product_id);
	struct manifest *m = NEW(&rq->arena, struct manifest);

	for (size_t i = 0; old && i < old->table_count; i++) {
		if (!str_eq(old->tables[i].policy.name, t->contract->name)) continue;
		t->closed = !sees_values(rq, old->domain_id);
		TRY(snapshot_get(rq->core, &rq->c, &old->tables[i], m));
		t->kept = m;
		t->rows = m->rows;
		t->files = NEW_N(&rq->arena, m->file_count, Str);
		t->file_count = m->file_count;
		for (size_t k = 0; k < m->file_count; k++)
			t->files[k] = arena_printf(&rq->arena, "%.*s.parquet", STR(m->files[k].sha256));
		t->columns = NEW_N(&rq->arena, m->column_count, struct contract_file_column);
		t->column_count = m->column_count;
		for (size_t k = 0; k < m->column_count; k++)
			t->columns[k] = (struct contract_file_column){m->columns[k].name, m->columns[k].type};
		return OK;
	}
	return err_set(&rq->c, ERR_INVALID, "table %.*s has no data: add --data %.*s=FILE", STR(t->contract->name), STR(t->contract->name));
}

static Err
link_batch(struct publish *p)
{
	struct request *rq = p->rq;
	size_t files = 0, k = 0;

	for (size_t i = 0; i < p->n; i++) files += p->tables[i].file_count;
	Str *sources = NEW_N(&rq->arena, 3 * files, Str);
	for (size_t i = 0; i < p->n; i++)
		for (size_t f = 0; f < p->tables[i].file_count; f++) {
			const struct batch_table *t = &p->tables[i];
			Str name = t->files[f];
			if (t->closed) continue;
			sources[k++] = t->kept ? S("object") : S("upload");
			sources[k++] = str_of(name.p, name.n - strlen(".parquet"));
			sources[k++] = name;
		}
	return proc_link(rq->core, &rq->c, p->proc, sources, k);
}

static Err
check(struct publish *p)
{
	struct request *rq = p->rq;

	TRY(proc_take(rq->core, &rq->c, PROC_WORKER, &p->proc));
	Err e = link_batch(p);
	if (err_ok(e)) e = batch_check(rq->core, &rq->c, p->proc, p->contract, p->tables, p->n);
	proc_release(rq->core, p->proc, false);
	return e;
}

/* --- the outcome --- */

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

static void
report_document(const struct publish *p, struct buf *b)
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

static Err
quarantine(struct publish *p)
{
	struct request *rq = p->rq;
	struct frame f;
	size_t passed, failed;
	bool first = true;
	BUF_AUTO report = BUF_INIT;
	BUF_AUTO note = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	count_checks(p, &passed, &failed);
	report_document(p, &report);
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

static Str
stat_text(const struct batch_table *t, const char *name, size_t which)
{
	const struct quality_plan *plan = t->report->plan;

	for (size_t i = 0; i < plan->column_count; i++)
		if (str_ieq(plan->columns[i].name, str_c(name))) return t->report->scan[plan->stats_index + 3 * i + which].text;
	return (Str){0};
}

/* The manifest of a table of the batch, columns in the contract's order. */
static Err
write_manifest(struct publish *p, struct batch_table *t, struct mesh_table *ret)
{
	struct request *rq = p->rq;
	struct manifest m = {.table = t->contract->name, .rows = t->rows, .column_count = t->contract->column_count};

	m.columns = NEW_N(&rq->arena, m.column_count, struct manifest_column);
	for (size_t i = 0; i < m.column_count; i++) {
		Str name = t->contract->columns[i].name, type = S("");
		uint64_t nulls = 0;
		for (size_t k = 0; k < t->column_count; k++)
			if (str_ieq(t->columns[k].name, name)) type = t->columns[k].type;
		if (t->report) (void)str_u64(stat_text(t, arena_str(&rq->arena, name).p, 0), &nulls);
		m.columns[i] = (struct manifest_column){.name = name, .type = type, .nulls = nulls};
		if (!t->report) continue;
		m.columns[i].min = stat_text(t, arena_str(&rq->arena, name).p, 1);
		m.columns[i].max = stat_text(t, arena_str(&rq->arena, name).p, 2);
	}
	m.file_count = t->file_count;
	m.files = NEW_N(&rq->arena, m.file_count, struct manifest_file);
	for (size_t i = 0; i < t->file_count; i++) {
		if (t->kept) {
			m.files[i] = t->kept->files[i];
			continue;
		}
		const struct upload *u = map_get(&rq->core->uploads, str_of(t->files[i].p, t->files[i].n - strlen(".parquet")));
		ENSURE(&rq->c, u, INTERNAL, "an upload is gone");
		m.files[i] = (struct manifest_file){.sha256 = arena_str(&rq->arena, str_c(u->sha256)), .bytes = u->bytes, .rows = t->file_rows[i]};
	}
	return snapshot_put(&rq->c, rq->domain_id, p->product_id, &m, ret);
}

static Err
describe_table(struct publish *p, struct batch_table *t, struct mesh_table *ret)
{
	struct request *rq = p->rq;
	struct policy_column *columns = NEW_N(&rq->arena, t->contract->column_count, struct policy_column);

	for (size_t i = 0; i < t->contract->column_count; i++) {
		const struct contract_property *col = &t->contract->columns[i];
		columns[i] = (struct policy_column){.name = col->name, .classification = col->classification};
		for (size_t k = 0; k < t->column_count; k++)
			if (str_ieq(t->columns[k].name, col->name)) columns[i].type = t->columns[k].type;
	}
	ret->policy = (struct policy_table){.domain_id = rq->domain_id, .product_id = p->product_id, .name = t->contract->name,
	                                    .columns = columns, .column_count = t->contract->column_count};
	ret->rows = t->rows;
	return write_manifest(p, t, ret);
}

static Err
declare(struct publish *p)
{
	struct request *rq = p->rq;
	char snapshot[CRYPT_SHORT_ID_MAX];
	BUF_AUTO report = BUF_INIT;
	BUF_AUTO body = BUF_INIT;
	const struct contract *k = p->contract;
	struct mesh_product m = {.id = p->product_id, .domain_id = rq->domain_id, .name = k->product, .version = k->version_text,
	                         .status = lifecycle(k->status), .title = k->title, .purpose = k->purpose, .published = core_now(),
	                         .discoverable = k->discoverable, .table_count = p->n};

	m.tables = NEW_N(&rq->arena, p->n, struct mesh_table);
	for (size_t i = 0; i < p->n; i++) TRY(describe_table(p, &p->tables[i], &m.tables[i]));
	report_document(p, &report);
	TRY(blob_put(rq->core, &rq->c, p->contract_text, &m.contract));
	TRY(blob_put(rq->core, &rq->c, buf_view(&report), &m.report));
	crypt_short_id("s_", snapshot);
	m.snapshot = str_c(snapshot);
	body_publish(&body, &m);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_PRODUCT_PUBLISH, rq->person_id, buf_view(&body)));
	Err e = catalog_index(rq->core, &rq->c, p->product_id, k);
	if (!err_ok(e)) core_die("the catalog cannot be written", &rq->c, e); /* half of it is said, nobody has heard of it */
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

static void
reply_published(struct publish *p)
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

/* Statements of consumers may fail from now on; a control asks whether they had notice (core/posture_changes.c). */
static Err
note_breaking(const struct publish *p)
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

static Err
publish(struct publish *p)
{
	struct request *rq = p->rq;
	struct core *core = rq->core;
	struct frame f;
	List data = api_arg_list(&rq->args, &rq->arena, "data");

	TRY(read_contract(p));
	TRY(wait_turn(p));
	TRY(compare_with_published(p));
	TRY(check_classes(p));
	p->n = p->contract->table_count;
	p->tables = NEW_N(&rq->arena, p->n, struct batch_table);
	for (size_t i = 0; i < p->n; i++) p->tables[i].contract = &p->contract->tables[i];
	TRY(collect_uploads(p, data));
	for (size_t i = 0; i < p->n; i++)
		if (p->tables[i].file_count == 0) TRY(keep_snapshot(p, &p->tables[i]));
	TRY(check(p));
	if (!batch_passed(p->tables, p->n)) return quarantine(p);
	TRY(ask(core, &rq->c, core->lake, L_KEEP, DONE, &f, .uploads = {p->uploads, p->upload_count}));
	TRY(may_still(p));
	TRY(check_classes(p));
	TRY(declare(p));
	if (p->change_count || p->status_changes) access_narrowed(core); /* a column may have got a stricter class, the product be closed */
	TRY(note_breaking(p));
	reply_published(p);
	return OK;
}

Err
handle_publish(struct request *rq)
{
	struct publish p = {.rq = rq};

	crypt_short_id("b_", p.batch);
	Err e = publish(&p);
	end_turn(&p);
	for (size_t i = 0; i < p.upload_count; i++) upload_forget(rq->core, p.uploads[i]);
	if (p.upload_count) /* those that were kept are only forgotten */
		tell(rq->core, rq->core->lake, L_DISCARD, ++rq->core->next_id, -1, .uploads = {p.uploads, p.upload_count});
	return e;
}

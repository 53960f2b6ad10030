/* Publishing: stage, check, and only then move the pointer. A batch that breaks its contract is set aside with its report; who
 * consumes keeps what stood there before. */
#include <stdlib.h>
#include <string.h>

#include "core/product/publish.h"
#include "core/product/snapshots.h"
#include "core/product/uploads.h"

enum { TURN_STEP_MS = 20 };

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

/* --- what it declares --- */

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
	publish_report(p, &report);
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
	if (!batch_passed(p->tables, p->n)) return publish_quarantine(p);
	TRY(ask(core, &rq->c, core->lake, L_KEEP, DONE, &f, .uploads = {p->uploads, p->upload_count}));
	TRY(may_still(p));
	TRY(check_classes(p));
	TRY(declare(p));
	if (p->change_count || p->status_changes) access_narrowed(core); /* a column may have got a stricter class, the product be closed */
	TRY(publish_note_breaking(p));
	publish_reply(p);
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

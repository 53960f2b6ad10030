/* Finding and reading about products. What is shown of a product is what its contract says; of its data nothing but counts, and
 * statistics only to its own domain. */
#include <stdlib.h>

#include "codec/json.h"
#include "core/access/grants.h"
#include "core/product/snapshots.h"
#include "mesh/contract/contract.h"
#include "os/file.h"
#include "policy/shape.h"

enum { FOUND_MAX = 200 };

/* --- search --- */

static void
add_words(struct buf *b, Str s)
{
	if (s.n == 0) return;
	buf_str(b, s);
	buf_char(b, '\n');
}

Err
catalog_index(struct core *core, struct ctx *c, Str product_id, const struct contract *k)
{
	BUF_AUTO title = BUF_INIT;
	BUF_AUTO text = BUF_INIT;

	buf_printf(&title, "%.*s %.*s %.*s", STR(k->domain), STR(k->product), STR(k->title));
	add_words(&text, k->purpose);
	add_words(&text, k->usage);
	add_words(&text, k->limitations);
	for (size_t i = 0; i < k->tag_count; i++) add_words(&text, k->tags[i]);
	for (size_t i = 0; i < k->table_count; i++) {
		const struct contract_table *t = &k->tables[i];
		add_words(&text, t->name);
		add_words(&text, t->title);
		add_words(&text, t->description);
		for (size_t m = 0; m < t->column_count; m++) {
			add_words(&text, t->columns[m].name);
			add_words(&text, t->columns[m].title);
			add_words(&text, t->columns[m].description);
			add_words(&text, t->columns[m].glossary);
		}
	}
	core->store_clean = false;
	return store_search_put(c, core->store, product_id, buf_view(&title), buf_view(&text));
}

/* Is there any table of it that this person may read for some purpose? The decision of the first one that is. */
static bool
accessible(struct request *rq, const struct mesh_product *p, struct policy_decision *ret)
{
	for (size_t i = 0; i < p->table_count; i++) {
		mesh_decide_any_purpose(rq->core->mesh, &rq->arena, rq->person_id, p, &p->tables[i], core_now(), ret);
		if (ret->verdict == VERDICT_ALLOW) return true;
	}
	return false;
}

void
owners_json(struct request *rq, Str domain_id, struct buf *b)
{
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, domain_id, &members), shown = 0;

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (!mesh_member_counts(rq->core->mesh, members[i]) || members[i]->role != ROLE_OWNER) continue;
		if (shown++) buf_char(b, ',');
		buf_json(b, person_name(rq, members[i]->person_id));
	}
	buf_char(b, ']');
}

static void
product_line(struct request *rq, const struct mesh_product *p, struct buf *b)
{
	struct policy_decision d;
	uint64_t rows = 0;
	bool first = true, classes = false;

	buf_char(b, '{');
	member_text(b, "product", product_name(rq, p), &first);
	member_text(b, "title", p->title, &first);
	member_text(b, "version", p->version, &first);
	member_text(b, "status", p->status, &first);
	member_key(b, "owners", &first);
	owners_json(rq, p->domain_id, b);
	member_text(b, "purpose", p->purpose, &first);
	member_key(b, "tables", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < p->table_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, p->tables[i].policy.name);
		rows += p->tables[i].rows;
		for (size_t k = 0; k < p->tables[i].policy.column_count; k++)
			classes |= str_eqc(p->tables[i].policy.columns[k].classification, "personal");
	}
	buf_char(b, ']');
	member_text(b, "classification", classes ? S("personal") : S(""), &first);
	member_u64(b, "rows", rows, &first);
	member_time(b, "published", p->published, &first);
	member_text(b, "access", accessible(rq, p, &d) ? S("granted") : S("none"), &first);
	buf_char(b, '}');
}

static bool
is_listed(struct request *rq, const struct mesh_product *p)
{
	return p && !p->retired && product_visible(rq, p);
}

static bool
is_wanted(void *arg, Str product_id)
{
	struct request *rq = arg;

	return is_listed(rq, mesh_product(rq->core->mesh, product_id));
}

Err
handle_products(struct request *rq)
{
	const struct mesh_product **products;
	size_t n, shown = 0;
	Str q = str_trim(arg(rq, "q")), *keys = NULL;
	bool first = true;
	BUF_AUTO b = BUF_INIT;

	buf_char(&b, '{');
	member_text(&b, "query", q, &first);
	member_key(&b, "products", &first);
	buf_char(&b, '[');
	if (q.n) {
		TRY(store_search(&rq->c, rq->core->store, &(struct store_search){q, FOUND_MAX, is_wanted, rq}, &keys, &n));
	} else
		n = mesh_products(rq->core->mesh, &rq->arena, &products);
	for (size_t i = 0; i < n; i++) {
		const struct mesh_product *p = q.n ? mesh_product(rq->core->mesh, keys[i]) : products[i];
		if (!is_listed(rq, p)) continue;
		if (shown++) buf_char(&b, ',');
		product_line(rq, p, &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

/* --- a product's page --- */

static Err
load_contract(struct request *rq, const struct mesh_product *p, Str *ret_text, const struct contract **ret)
{
	TRY(blob_get(rq->core, &rq->c, p->contract, ret_text));
	return ret ? contract_parse(&rq->c, *ret_text, ret) : OK;
}

static Str
column_access(struct request *rq, const struct policy_decision *d, const struct policy_column *col, size_t i)
{
	if (d->verdict != VERDICT_ALLOW) return S("none");
	if (d->columns[i].hidden) return S("hidden");
	if (d->columns[i].mask == MASK_NONE) return shape_is_mean(&d->terms, col->name) ? S("mean") : S("visible");
	return arena_printf(&rq->arena, "masked:%s", mask_name(d->columns[i].mask));
}

static void
column_json(const struct policy_column *col, Str type, const struct contract_property *k, Str access, struct buf *b)
{
	bool first = true;

	buf_char(b, '{');
	member_text(b, "name", col->name, &first);
	member_text(b, "type", type, &first);
	member_text(b, "classification", col->classification, &first);
	member_text(b, "title", k ? k->title : S(""), &first);
	member_text(b, "description", k ? k->description : S(""), &first);
	member_text(b, "logical_type", k ? str_c(logical_type_name(k->type)) : S(""), &first);
	member_bool(b, "required", k && k->required, &first);
	member_bool(b, "key", k && k->primary_key, &first);
	member_text(b, "access", access, &first);
	buf_char(b, '}');
}

static void
table_json(struct request *rq, const struct mesh_product *p, const struct mesh_table *t, const struct contract *k, struct buf *b)
{
	const struct contract_table *kt = contract_table_get(k, t->policy.name);
	struct policy_decision d;
	bool first = true;

	mesh_decide_any_purpose(rq->core->mesh, &rq->arena, rq->person_id, p, t, core_now(), &d);
	buf_char(b, '{');
	member_text(b, "name", t->policy.name, &first);
	member_u64(b, "rows", t->rows, &first);
	member_text(b, "description", kt ? kt->description : S(""), &first);
	member_key(b, "columns", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < t->policy.column_count; i++) {
		const struct policy_column *col = &t->policy.columns[i];
		bool shown = d.verdict == VERDICT_ALLOW && !d.columns[i].hidden;
		if (i) buf_char(b, ',');
		column_json(col, shown ? policy_shown_type(&d, col, d.columns[i].mask) : col->type, kt ? contract_column_get(kt, col->name) : NULL,
		            column_access(rq, &d, col, i), b);
	}
	buf_c(b, "]}");
}

static void
contract_facts(const struct contract *k, struct buf *b, bool *first)
{
	bool in = true;

	member_key(b, "description", first);
	buf_char(b, '{');
	member_text(b, "purpose", k->purpose, &in);
	member_text(b, "usage", k->usage, &in);
	member_text(b, "limitations", k->limitations, &in);
	buf_char(b, '}');
	member_text(b, "terms", k->terms, first);
	member_key(b, "support", first);
	for (size_t i = 0; i < k->support_count; i++) {
		in = true;
		buf_c(b, i ? ",{" : "[{");
		member_text(b, "channel", k->support[i].channel, &in);
		member_text(b, "url", k->support[i].url, &in);
		buf_char(b, '}');
	}
	buf_c(b, k->support_count ? "]" : "[]");
	member_key(b, "sla", first);
	for (size_t i = 0; i < k->sla_count; i++) {
		in = true;
		buf_c(b, i ? ",{" : "[{");
		member_text(b, "property", k->slas[i].property, &in);
		member_text(b, "value", k->slas[i].value, &in);
		member_text(b, "unit", k->slas[i].unit, &in);
		buf_char(b, '}');
	}
	buf_c(b, k->sla_count ? "]" : "[]");
	member_key(b, "price", first);
	in = true;
	buf_char(b, '{');
	if (k->price.given) {
		member_text(b, "amount", k->price.amount, &in);
		member_text(b, "currency", k->price.currency, &in);
		member_text(b, "unit", k->price.unit, &in);
	}
	buf_char(b, '}');
}

static void
access_json(struct request *rq, const struct mesh_product *p, struct buf *b, bool *first)
{
	const struct mesh_grant **grants;
	size_t n = mesh_grants_to(rq->core->mesh, &rq->arena, rq->person_id, &grants), shown = 0;
	struct policy_decision d = {0};
	bool in = true, granted = accessible(rq, p, &d);
	Time now = core_now();

	member_key(b, "access", first);
	buf_char(b, '{');
	member_text(b, "state", granted ? S("granted") : S("none"), &in);
	member_time(b, "until", granted ? d.until : 0, &in);
	member_key(b, "grants", &in);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		const struct policy_grant *g = &grants[i]->policy;
		if (!str_eq(g->product_id, p->id) || g->revoked || now >= g->until) continue;
		if (shown++) buf_char(b, ',');
		buf_json(b, g->id);
	}
	buf_c(b, "]}");
}

/* The counts of the newest report; its rows and statistics are the producer's. */
static Err
quality_counts(struct request *rq, const struct mesh_product *p, struct buf *b, bool *first)
{
	json_t *doc;
	bool in = true;

	member_key(b, "quality", first);
	buf_char(b, '{');
	if (p->report.n) {
		TRY(report_get(rq->core, &rq->c, p, &doc));
		member_u64(b, "passed", (uint64_t)json_integer_value(json_object_get(doc, "passed")), &in);
		member_u64(b, "failed", (uint64_t)json_integer_value(json_object_get(doc, "failed")), &in);
		member_text(b, "checked_at", str_c(json_string_value(json_object_get(doc, "checked_at"))), &in);
		json_decref(doc);
	}
	buf_char(b, '}');
	return OK;
}

Err
handle_product(struct request *rq)
{
	const struct mesh_product *p;
	const struct contract *k;
	Str text;
	bool first = true;
	BUF_AUTO b = BUF_INIT;

	TRY(product_find(rq, arg(rq, "product"), &p));
	TRY(load_contract(rq, p, &text, &k));
	buf_char(&b, '{');
	member_text(&b, "product", product_name(rq, p), &first);
	member_text(&b, "id", p->id, &first);
	member_text(&b, "title", p->title, &first);
	member_text(&b, "version", p->version, &first);
	member_text(&b, "status", p->status, &first);
	member_text(&b, "domain", domain_name(rq, p->domain_id), &first);
	member_key(&b, "owners", &first);
	owners_json(rq, p->domain_id, &b);
	contract_facts(k, &b, &first);
	member_key(&b, "tables", &first);
	buf_char(&b, '[');
	for (size_t i = 0; i < p->table_count; i++) {
		if (i) buf_char(&b, ',');
		table_json(rq, p, &p->tables[i], k, &b);
	}
	buf_char(&b, ']');
	TRY(quality_counts(rq, p, &b, &first));
	member_time(&b, "published", p->published, &first);
	member_text(&b, "snapshot", p->snapshot, &first);
	member_text(&b, "contract_sha256", p->contract, &first);
	access_json(rq, p, &b, &first);
	member_text(&b, "how_to_ask", arena_printf(&rq->arena, "heddle request %.*s --purpose PURPOSE", STR(product_name(rq, p))), &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_product_contract(struct request *rq)
{
	const struct mesh_product *p;
	Str text;

	TRY(product_find(rq, arg(rq, "product"), &p));
	TRY(load_contract(rq, p, &text, NULL));
	reply_text(rq, 200, S("application/yaml; charset=utf-8"), text);
	return OK;
}

/* Statistics and rows named carry values of the data: they are the producing domain's to see. */
static void
strip_values(json_t *tables)
{
	size_t i, k;
	json_t *t, *check;

	json_array_foreach(tables, i, t)
	{
		json_object_del(t, "statistics");
		json_array_foreach(json_object_get(t, "checks"), k, check)
		{
			json_object_del(check, "rows");
			json_object_del(check, "value");
			json_object_del(check, "message");
		}
	}
}

static json_t *
quarantined(struct request *rq, Str product_id)
{
	struct ctx c = {.arena = &rq->arena};
	json_t *list = json_array();
	Str text, line;

	if (!err_ok(file_read_path(&c, AT_FDCWD, quarantine_path(&rq->arena, product_id).p, 1 << 20, &text))) return list;
	for (Str rest = text; rest.p && rest.n;) {
		rest = str_cut(rest, '\n', &line);
		json_array_append_new(list, json_loadb(line.p, line.n, 0, NULL));
	}
	return list;
}

Err
handle_product_quality(struct request *rq)
{
	const struct mesh_product *p;
	json_t *doc;
	BUF_AUTO b = BUF_INIT;

	TRY(product_find(rq, arg(rq, "product"), &p));
	TRY(report_get(rq->core, &rq->c, p, &doc));
	Str name = product_name(rq, p);
	json_object_set_new(doc, "product", json_stringn(name.p, name.n));
	if (str_eq(p->domain_id, rq->domain_id))
		json_object_set_new(doc, "quarantined", quarantined(rq, p->id));
	if (!sees_values(rq, p->domain_id)) strip_values(json_object_get(doc, "tables"));
	char *out = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!out) abort();
	buf_c(&b, out);
	free(out);
	reply_json(rq, 200, &b);
	return OK;
}

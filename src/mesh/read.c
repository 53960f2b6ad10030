/* Bodies of events taken apart: form and limits only, no look at what the mesh holds. */
#include "mesh/state.h"

enum {
	TABLES_MAX = 256,
	COLUMNS_MAX = 2000,
	COLUMN_NAME_MAX = 255,
	TYPE_MAX = 255,
	CLASS_MAX = 64,
	SHORT_TEXT_MAX = 64,
	TITLE_MAX = 512,
	PURPOSE_TEXT_MAX = 4000,
};

static const char *const ROLES[] = {
    [ROLE_OWNER] = "owner", [ROLE_ENGINEER] = "engineer", [ROLE_ANALYST] = "analyst", [ROLE_STEWARD] = "steward", [ROLE_AUDITOR] = "auditor"};

bool
role_parse(Str name, enum role *ret)
{
	for (unsigned i = 0; i < ROLE_COUNT; i++)
		if (str_eqc(name, ROLES[i])) return *ret = (enum role)i, true;
	return false;
}

const char *
role_name(enum role r)
{
	return r < ROLE_COUNT ? ROLES[r] : "?";
}

void
read_member(struct fields *f, struct mesh_member *ret)
{
	ret->person_id = field_id(f, S("person"));
	if (!role_parse(field_text(f, S("role"), SHORT_TEXT_MAX), &ret->role))
		fields_fail(f, S("role"), "one of owner, engineer, analyst, steward, auditor");
	Str kind = field_has(f, S("kind")) ? field_text(f, S("kind"), SHORT_TEXT_MAX) : S("person");
	ret->service = str_eq(kind, S("service"));
	if (!ret->service && !str_eq(kind, S("person"))) fields_fail(f, S("kind"), "person or service");
	ret->human_id = field_has(f, S("human")) ? field_id(f, S("human")) : ret->person_id;
}

Str
handing_name(bool named)
{
	return named ? S("named") : S("everyone");
}

bool
read_handing(struct fields *f)
{
	Str s = field_text(f, S("handing"), SHORT_TEXT_MAX);

	if (!str_eq(s, handing_name(true)) && !str_eq(s, handing_name(false))) fields_fail(f, S("handing"), "everyone or named");
	return str_eq(s, handing_name(true));
}

void
read_group(struct fields *f, struct mesh_group *ret)
{
	ret->id = field_id(f, S("id"));
	ret->name = field_ident(f, S("name"));
}

/* --- product --- */

static bool
text_within(const struct doc_node *n, size_t min, size_t max)
{
	return n && n->kind == DOC_TEXT && n->text.n >= min && n->text.n <= max;
}

/* ["name","TYPE","class"] */
static bool
read_column(const struct doc_node *n, struct policy_column *ret)
{
	const struct doc_node *part[3];

	if (n->kind != DOC_ARRAY || n->count != 3) return false;
	part[0] = doc_first(n);
	part[1] = doc_next(n, part[0]);
	part[2] = doc_next(n, part[1]);
	if (!text_within(part[0], 1, COLUMN_NAME_MAX) || !text_within(part[1], 0, TYPE_MAX) || !text_within(part[2], 0, CLASS_MAX)) return false;
	*ret = (struct policy_column){.name = part[0]->text, .type = part[1]->text, .classification = part[2]->text};
	return true;
}

static void
read_columns(struct fields *f, struct mesh_table *table)
{
	struct policy_table *t = &table->policy;
	const struct doc_node *list = field_list(f, S("columns"), COLUMNS_MAX), *n = doc_first(list);
	struct policy_column *columns = NEW_N(f->c->arena, list->count, struct policy_column);

	t->columns = columns;
	table->floors = NEW_N(f->c->arena, list->count, Str);
	for (size_t i = 0; n; i++, n = doc_next(list, n)) {
		if (!read_column(n, &columns[i])) {
			fields_fail(f, S("columns"), "a list of [name, type, classification]");
			return;
		}
		/* Names differ in more than case, because the engine's names do not: a hidden column must not come back as another. */
		for (size_t k = 0; k < i; k++)
			if (str_ieq(columns[k].name, columns[i].name)) {
				fields_fail(f, S("columns"), "a list without two columns of one name");
				return;
			}
		table->floors[i] = columns[i].classification;
		t->column_count = i + 1;
	}
}

static void
read_table(struct fields *outer, const struct doc_node *n, struct mesh_table *ret)
{
	struct fields f = fields_of(outer->c, outer->what, n);

	ret->policy.name = field_ident(&f, S("name"));
	ret->manifest = field_hex_opt(&f, S("manifest"), 64);
	if (field_has(&f, S("content"))) ret->content = field_hex(&f, S("content"), 64);
	ret->rows = field_u64(&f, S("rows"));
	read_columns(&f, ret);
	Err e = fields_end(&f);
	if (err_ok(outer->err)) outer->err = e;
}

static void
read_tables(struct fields *f, struct mesh_product *p)
{
	const struct doc_node *list = field_list(f, S("tables"), TABLES_MAX), *n = doc_first(list);

	p->tables = NEW_N(f->c->arena, list->count, struct mesh_table);
	for (size_t i = 0; n && err_ok(f->err); i++, n = doc_next(list, n)) {
		read_table(f, n, &p->tables[i]);
		for (size_t k = 0; k < i; k++)
			if (str_eq(p->tables[k].policy.name, p->tables[i].policy.name)) fields_fail(f, S("tables"), "a list without two tables of one name");
		p->table_count = i + 1;
	}
}

void
read_product(struct fields *f, struct mesh_product *ret)
{
	static const char *const states[] = {"proposed", "draft", "active", "published", "deprecated", "retired"};
	bool known = false;

	ret->id = field_id(f, S("id"));
	ret->name = field_ident(f, S("name"));
	ret->version = field_text(f, S("version"), SHORT_TEXT_MAX);
	ret->status = field_text(f, S("status"), SHORT_TEXT_MAX);
	ret->title = field_text(f, S("title"), TITLE_MAX);
	ret->purpose = field_text(f, S("purpose"), PURPOSE_TEXT_MAX);
	ret->contract = field_hex(f, S("contract"), 64);
	ret->report = field_hex_opt(f, S("report"), 64);
	ret->snapshot = field_id_opt(f, S("snapshot"));
	ret->discoverable = field_bool(f, S("discoverable"));
	read_tables(f, ret);
	for (size_t i = 0; i < ARRAY_LEN(states); i++) known |= str_eqc(ret->status, states[i]);
	if (!known) fields_fail(f, S("status"), "one of proposed, draft, active, published, deprecated, retired");
}

/* A table's name, or "" for what the message says. */
Str
read_table_name(struct fields *f, const char *expected)
{
	Str s = field_text(f, S("table"), SHORT_TEXT_MAX);

	if (s.n && !str_is_ident(s)) fields_fail(f, S("table"), expected);
	return s;
}

void
read_tag(struct fields *f, struct mesh_tag *ret)
{
	ret->id = field_id(f, S("id"));
	ret->product_id = field_id(f, S("product"));
	ret->table = read_table_name(f, "a table's name, or empty for the product");
	ret->column = field_text(f, S("column"), COLUMN_NAME_MAX);
	if (ret->column.n && ret->table.n == 0) fields_fail(f, S("column"), "empty without a table");
	ret->tag = field_ident(f, S("tag"));
	ret->value = field_text(f, S("value"), TAG_VALUE_MAX);
}

void
read_review(struct fields *f, struct mesh_review *ret)
{
	ret->id = field_id(f, S("id"));
	ret->product_id = field_id(f, S("product"));
}

/* --- requests --- */

Str
read_purpose(struct fields *f, Str key)
{
	Str s = field_text(f, key, 128);

	if (!mesh_purpose_path(s)) fields_fail(f, key, "a name: 1 to 64 of a-z, 0-9 and _, without __, or several with / between");
	return s;
}

void
read_request(struct fields *f, struct mesh_request *ret)
{
	ret->id = field_id(f, S("id"));
	ret->person_id = field_id(f, S("person"));
	ret->producer_domain_id = field_hex(f, S("producer"), 64);
	ret->product_id = field_id(f, S("product"));
	ret->purpose = read_purpose(f, S("purpose"));
	ret->reason = field_hex_opt(f, S("reason"), 64);
	ret->until = field_time_forever(f, S("until"));
	ret->draft = field_has(f, S("draft")) && field_bool(f, S("draft"));
	ret->renews = field_has(f, S("renews")) ? field_id(f, S("renews")) : (Str){"", 0};
}

void
read_comment(struct fields *f, struct mesh_comment *ret)
{
	ret->id = field_id(f, S("id"));
	ret->consumer_domain_id = field_hex(f, S("log"), 64);
	ret->request_id = field_id(f, S("request"));
	ret->text = field_hex(f, S("text"), 64);
}

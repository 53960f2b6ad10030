/* Bodies of events taken apart: form and limits only, no look at what the mesh holds. */
#include "mesh/state.h"

enum {
	TABLES_MAX = 256,
	COLUMNS_MAX = 2000,
	PURPOSES_MAX = 16,
	MASKS_MAX = 2000,
	COLUMN_NAME_MAX = 255,
	TYPE_MAX = 255,
	CLASS_MAX = 64,
	SHORT_TEXT_MAX = 64,
	TITLE_MAX = 512,
	PURPOSE_TEXT_MAX = 4000,
};

const struct interaction_name INTERACTIONS[INTERACTION_COUNT] = {
    {"sql", INTERACT_SQL}, {"api", INTERACT_API}, {"share", INTERACT_SHARE}, {"files", INTERACT_FILES}, {"ml", INTERACT_ML}};

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
read_columns(struct fields *f, struct policy_table *t)
{
	const struct doc_node *list = field_list(f, S("columns"), COLUMNS_MAX), *n = doc_first(list);
	struct policy_column *columns = NEW_N(f->c->arena, list->count, struct policy_column);

	t->columns = columns;
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
		t->column_count = i + 1;
	}
}

static void
read_table(struct fields *outer, const struct doc_node *n, struct mesh_table *ret)
{
	struct fields f = fields_of(outer->c, outer->what, n);

	ret->policy.name = field_ident(&f, S("name"));
	ret->manifest = field_hex_opt(&f, S("manifest"), 64);
	ret->rows = field_u64(&f, S("rows"));
	read_columns(&f, &ret->policy);
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

/* --- grant --- */

static void
read_to(struct fields *f, struct policy_grant *p)
{
	Str kind = field_text(f, S("to"), SHORT_TEXT_MAX);

	if (str_eq(kind, S("domain"))) {
		p->to_kind = PRINCIPAL_DOMAIN;
		p->to_id = field_hex(f, S("to_id"), 64);
	} else if (str_eq(kind, S("person"))) {
		p->to_kind = PRINCIPAL_PERSON;
		p->to_id = field_id(f, S("to_id"));
	} else
		fields_fail(f, S("to"), "domain or person");
}

static void
read_purposes(struct fields *f, struct policy_grant *p)
{
	const struct doc_node *list = field_list(f, S("purposes"), PURPOSES_MAX), *n = doc_first(list);
	Str *purposes = NEW_N(f->c->arena, list->count, Str);

	if (!n) fields_fail(f, S("purposes"), "a list of at least one purpose");
	for (size_t i = 0; n; i++, n = doc_next(list, n)) {
		if (n->kind != DOC_TEXT || (!str_is_ident(n->text) && !str_eq(n->text, S("*"))))
			fields_fail(f, S("purposes"), "a list of names (a-z, 0-9, _), or *");
		else
			purposes[i] = n->text;
	}
	p->purposes = purposes;
	p->purpose_count = list->count;
}

static void
read_interactions(struct fields *f, struct policy_grant *p)
{
	const struct doc_node *list = field_list(f, S("interactions"), INTERACTION_COUNT);

	for (const struct doc_node *n = doc_first(list); n; n = doc_next(list, n)) {
		uint32_t bit = 0;
		for (size_t i = 0; n->kind == DOC_TEXT && i < INTERACTION_COUNT; i++)
			if (str_eqc(n->text, INTERACTIONS[i].name)) bit = INTERACTIONS[i].bit;
		if (bit <= p->interactions) fields_fail(f, S("interactions"), "a list of sql, api, share, files, ml, in this order");
		p->interactions |= bit;
	}
	if (p->interactions == 0) fields_fail(f, S("interactions"), "a list of at least one");
}

/* The state keeps a filter once, under its canonical text; one that is kept need not be parsed again. */
static void
read_rows(struct fields *f, const struct mesh *m, struct mesh_grant *g)
{
	BUF_AUTO text = BUF_INIT;

	g->rows_text = field_text(f, S("rows"), PRED_TEXT_MAX);
	if (g->rows_text.n == 0 || !err_ok(f->err)) return;
	g->policy.rows = state_predicate_find(m, g->rows_text);
	if (g->policy.rows) return;
	f->err = predicate_parse(f->c, g->rows_text, &g->policy.rows);
	if (!err_ok(f->err)) return;
	predicate_print(g->policy.rows, &text);
	if (text.n > PRED_TEXT_MAX) fields_fail(f, S("rows"), "shorter");
	g->rows_text = arena_str(f->c->arena, buf_view(&text));
}

static void
read_masks(struct fields *f, struct policy_grant *p)
{
	const struct doc_node *list = field_list(f, S("masks"), MASKS_MAX), *n = doc_first(list);
	struct policy_mask *masks = NEW_N(f->c->arena, list->count, struct policy_mask);

	for (size_t i = 0; n; i++, n = doc_next(list, n)) {
		const struct doc_node *column = n->kind == DOC_ARRAY ? doc_first(n) : NULL, *kind = column ? doc_next(n, column) : NULL;
		if (n->count != 2 || !text_within(column, 1, COLUMN_NAME_MAX) || !text_within(kind, 1, SHORT_TEXT_MAX) ||
		    !mask_parse(kind->text, &masks[i].kind)) {
			fields_fail(f, S("masks"), "a list of [column, none|last4|year|hash|constant|null]");
			return;
		}
		masks[i].column = column->text;
	}
	p->masks = masks;
	p->mask_count = list->count;
}

static void
read_hidden(struct fields *f, struct policy_grant *p)
{
	const struct doc_node *list = field_list(f, S("hidden"), MASKS_MAX), *n = doc_first(list);
	Str *hidden = NEW_N(f->c->arena, list->count, Str);

	for (size_t i = 0; n; i++, n = doc_next(list, n)) {
		if (!text_within(n, 1, COLUMN_NAME_MAX)) {
			fields_fail(f, S("hidden"), "a list of columns");
			return;
		}
		hidden[i] = n->text;
	}
	p->hidden = hidden;
	p->hidden_count = list->count;
}

void
read_grant(struct fields *f, const struct mesh *m, struct mesh_grant *ret)
{
	struct policy_grant *p = &ret->policy;

	p->id = field_id(f, S("id"));
	p->product_id = field_id(f, S("product"));
	p->table = field_text(f, S("table"), SHORT_TEXT_MAX);
	if (p->table.n && !str_is_ident(p->table)) fields_fail(f, S("table"), "a table's name, or empty for all");
	read_to(f, p);
	read_purposes(f, p);
	p->from = field_time(f, S("from"));
	p->until = field_time_forever(f, S("until"));
	if (p->from >= p->until) fields_fail(f, S("until"), "later than 'from'");
	read_interactions(f, p);
	read_rows(f, m, ret);
	read_masks(f, p);
	read_hidden(f, p);
	ret->request_id = field_id_opt(f, S("request"));
	ret->by = ret->revoked_by = (Str){"", 0};
}

/* --- request, restriction --- */

void
read_request(struct fields *f, struct mesh_request *ret)
{
	ret->id = field_id(f, S("id"));
	ret->person_id = field_id(f, S("person"));
	ret->producer_domain_id = field_hex(f, S("producer"), 64);
	ret->product_id = field_id(f, S("product"));
	ret->purpose = field_ident(f, S("purpose"));
	ret->reason = field_hex_opt(f, S("reason"), 64);
	ret->until = field_time_forever(f, S("until"));
}

void
read_restriction(struct fields *f, struct mesh_restriction *ret)
{
	struct policy_restriction *p = &ret->policy;

	p->id = field_id(f, S("id"));
	p->product_id = field_id_opt(f, S("product"));
	p->classification = field_text(f, S("classification"), CLASS_MAX);
	if (!mask_parse(field_text(f, S("mask"), SHORT_TEXT_MAX), &p->mask)) fields_fail(f, S("mask"), "none, last4, year, hash, constant or null");
	p->suspend = field_bool(f, S("suspend"));
	if (p->suspend == (p->classification.n > 0)) fields_fail(f, S("suspend"), "true, or else a classification must be given, not both");
	if (!p->suspend && p->mask == MASK_NONE) fields_fail(f, S("mask"), "a mask that hides something");
}

/* Bodies of grants and delegations taken apart: form and limits only. */
#include "mesh/state.h"

enum {
	PURPOSES_MAX = 16,
	MASKS_MAX = 2000,
	COLUMN_NAME_MAX = 255,
	SHORT_TEXT_MAX = 64,
	GROUP_BY_MAX = 16,
	GROUP_SIZE_MAX = 1000000,
};

const struct interaction_name INTERACTIONS[INTERACTION_COUNT] = {
    {"sql", INTERACT_SQL}, {"api", INTERACT_API}, {"share", INTERACT_SHARE}, {"files", INTERACT_FILES}, {"ml", INTERACT_ML}};

/* --- parts --- */

void
read_texts(struct fields *f, Str key, uint32_t max, size_t max_bytes, const char *expected, const Str **ret, size_t *ret_n)
{
	const struct doc_node *list = field_list(f, key, max), *n = doc_first(list);
	Str *texts = NEW_N(f->c->arena, list->count, Str);

	for (size_t i = 0; n; i++, n = doc_next(list, n)) {
		if (n->kind != DOC_TEXT || n->text.n == 0 || n->text.n > max_bytes) {
			fields_fail(f, key, expected);
			return;
		}
		texts[i] = n->text;
	}
	*ret = texts;
	*ret_n = list->count;
}

static bool
distinct(const Str *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(list[i], list[k])) return false;
	return true;
}

void
read_purposes(struct fields *f, uint32_t min, const Str **ret, size_t *ret_n)
{
	read_texts(f, S("purposes"), PURPOSES_MAX, 128, "a list of names (a-z, 0-9, _), or *", ret, ret_n);
	if (err_ok(f->err) && *ret_n < min) fields_fail(f, S("purposes"), "a list of at least one purpose");
	for (size_t i = 0; err_ok(f->err) && i < *ret_n; i++)
		if (!mesh_purpose_path((*ret)[i]) && !str_eq((*ret)[i], S("*"))) fields_fail(f, S("purposes"), "a list of names (a-z, 0-9, _), or *");
}

uint32_t
read_interactions(struct fields *f)
{
	const struct doc_node *list = field_list(f, S("interactions"), INTERACTION_COUNT);
	uint32_t all = 0;

	for (const struct doc_node *n = doc_first(list); n; n = doc_next(list, n)) {
		uint32_t bit = 0;
		for (size_t i = 0; n->kind == DOC_TEXT && i < INTERACTION_COUNT; i++)
			if (str_eqc(n->text, INTERACTIONS[i].name)) bit = INTERACTIONS[i].bit;
		if (bit <= all) fields_fail(f, S("interactions"), "a list of sql, api, share, files, ml, in this order");
		all |= bit;
	}
	return all;
}

/* The state keeps a filter once, under its canonical text; one that is kept need not be parsed again. */
const struct predicate *
read_rows(struct fields *f, const struct mesh *m, Str *ret_text)
{
	BUF_AUTO text = BUF_INIT;
	Str said = field_text(f, S("rows"), PRED_TEXT_MAX);
	const struct predicate *rows;

	*ret_text = said;
	if (said.n == 0 || !err_ok(f->err)) return NULL;
	rows = state_predicate_find(m, said);
	if (rows) return rows;
	f->err = predicate_parse(f->c, said, &rows);
	if (!err_ok(f->err)) return NULL;
	predicate_print(rows, &text);
	if (text.n > PRED_TEXT_MAX) fields_fail(f, S("rows"), "shorter");
	*ret_text = arena_str(f->c->arena, buf_view(&text));
	return rows;
}

static bool
text_within(const struct doc_node *n, size_t min, size_t max)
{
	return n && n->kind == DOC_TEXT && n->text.n >= min && n->text.n <= max;
}

void
read_masks(struct fields *f, const struct policy_mask **ret, size_t *ret_n)
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
	*ret = masks;
	*ret_n = list->count;
}

/* --- grants --- */

static void
read_to(struct fields *f, struct policy_grant *p)
{
	Str kind = field_text(f, S("to"), SHORT_TEXT_MAX);

	p->to_domain_id = (Str){"", 0};
	if (str_eq(kind, S("domain"))) {
		p->to_kind = PRINCIPAL_DOMAIN;
		p->to_id = field_hex(f, S("to_id"), 64);
	} else if (str_eq(kind, S("person"))) {
		p->to_kind = PRINCIPAL_PERSON;
		p->to_id = field_id(f, S("to_id"));
	} else if (str_eq(kind, S("group"))) {
		p->to_kind = PRINCIPAL_GROUP;
		p->to_id = field_id(f, S("to_id"));
	} else
		fields_fail(f, S("to"), "domain, person or group");
}

/* Which of the producer's tables, by their tags. Only what opens by itself: a NOT would open whatever loses a tag. */
static void
read_tags(struct fields *f, const struct mesh *m, struct mesh_grant *g)
{
	struct policy_grant *p = &g->policy;

	g->tags_text = field_text(f, S("tags"), TAGEXPR_TEXT_MAX);
	if (g->tags_text.n == 0) fields_fail(f, S("tags"), "left out, or a tag expression");
	if (p->product_id.n || p->table.n) fields_fail(f, S("product"), "empty, and table too, with tags");
	if (!err_ok(f->err)) return;
	p->tags = state_tag_expr_find(m, g->tags_text);
	if (!p->tags) f->err = tagexpr_parse_canonical(f->c, g->tags_text, &p->tags);
	if (err_ok(f->err) && tagexpr_has_not(p->tags)) fields_fail(f, S("tags"), "without NOT");
}

/* "HH:MM"; 24:00 only where it may end a day. */
static uint16_t
read_clock(struct fields *f, Str key, bool end)
{
	Str s = field_text(f, key, 5);
	bool ok = s.n == 5 && s.p[2] == ':';
	unsigned minute = 0;

	for (size_t i = 0; ok && i < 5; i++) ok = i == 2 || (s.p[i] >= '0' && s.p[i] <= '9');
	if (ok) {
		unsigned hours = (unsigned)(s.p[0] - '0') * 10 + (unsigned)(s.p[1] - '0'), minutes = (unsigned)(s.p[3] - '0') * 10 + (unsigned)(s.p[4] - '0');
		minute = hours * 60 + minutes;
		ok = minutes < 60 && (hours < 24 || (end && minute == 24 * 60));
	}
	if (!ok) fields_fail(f, key, "a time of day like 08:30");
	return (uint16_t)minute;
}

static void
read_hours(struct fields *outer, struct policy_hours *ret)
{
	struct fields f = fields_of(outer->c, outer->what, field_object(outer, S("hours")));
	const struct doc_node *list = field_list(&f, S("days"), 7);
	uint64_t last = 0;

	for (const struct doc_node *n = doc_first(list); n; n = doc_next(list, n)) {
		if (n->kind != DOC_NUMBER || n->number <= last || n->number > 7) {
			fields_fail(&f, S("days"), "a rising list of 1 (Monday) to 7");
			break;
		}
		last = n->number;
		ret->days |= (uint8_t)(1U << (last - 1));
	}
	if (last == 0) fields_fail(&f, S("days"), "a rising list of 1 (Monday) to 7");
	ret->from_minute = read_clock(&f, S("from"), false);
	ret->until_minute = read_clock(&f, S("until"), true);
	if (ret->from_minute >= ret->until_minute) fields_fail(&f, S("until"), "later than 'from', on the same day");
	Err e = fields_end(&f);
	if (err_ok(outer->err)) outer->err = e;
}

static uint64_t
read_from(struct fields *f, Str key, uint64_t min, uint64_t max, const char *expected)
{
	uint64_t n = field_u64(f, key);

	if (n < min || n > max) fields_fail(f, key, expected);
	return n;
}

/* All of it optional. */
static void
read_terms(struct fields *f, struct policy_terms *t)
{
	t->unit = (Str){"", 0};
	if (field_has(f, S("min_group"))) t->min_group = (uint32_t)read_from(f, S("min_group"), 2, GROUP_SIZE_MAX, "2 to 1000000");
	if (field_has(f, S("group_by"))) {
		read_texts(f, S("group_by"), GROUP_BY_MAX, COLUMN_NAME_MAX, "a list of columns", &t->group_by, &t->group_by_count);
		if (err_ok(f->err) && !distinct(t->group_by, t->group_by_count)) fields_fail(f, S("group_by"), "a list without a column twice");
	}
	if (field_has(f, S("unit"))) {
		t->unit = field_text(f, S("unit"), COLUMN_NAME_MAX);
		if (t->unit.n == 0) fields_fail(f, S("unit"), "left out, or a column");
	}
	if (t->min_group == 0 && (t->group_by_count || t->unit.n)) fields_fail(f, S("min_group"), "given with group_by and unit");
	if (field_has(f, S("row_budget"))) t->row_budget = read_from(f, S("row_budget"), 1, UINT64_MAX, "1 or more");
	if (field_has(f, S("no_export"))) t->no_export = field_bool(f, S("no_export"));
	if (field_has(f, S("hours"))) read_hours(f, &t->hours);
}

static void
read_grant_options(struct fields *f, const struct mesh *m, struct mesh_grant *g)
{
	struct policy_grant *p = &g->policy;

	g->tags_text = (Str){"", 0};
	if (field_has(f, S("to_domain"))) p->to_domain_id = field_hex(f, S("to_domain"), 64);
	if (field_has(f, S("tags"))) read_tags(f, m, g);
	if (field_has(f, S("future"))) p->future = field_bool(f, S("future"));
	read_terms(f, &p->terms);
	if ((p->to_kind == PRINCIPAL_GROUP) != (p->to_domain_id.n > 0)) fields_fail(f, S("to_domain"), "the group's domain, and only with a group");
	if (!p->tags && p->product_id.n == 0) fields_fail(f, S("product"), "an id: 8 to 64 of a-z, 0-9 and _");
	if (p->future && !p->tags) fields_fail(f, S("future"), "left out without tags: a grant on a product is about its future tables already");
	if (p->future && p->until == TIME_FOREVER) fields_fail(f, S("until"), "a time, because the grant is about what is not there yet");
}

void
read_grant(struct fields *f, const struct mesh *m, struct mesh_grant *ret)
{
	struct policy_grant *p = &ret->policy;

	p->id = field_id(f, S("id"));
	p->product_id = field_id_opt(f, S("product"));
	p->table = read_table_name(f, "a table's name, or empty for all");
	read_to(f, p);
	read_purposes(f, 1, &p->purposes, &p->purpose_count);
	p->from = field_time(f, S("from"));
	p->until = field_time_forever(f, S("until"));
	if (p->from >= p->until) fields_fail(f, S("until"), "later than 'from'");
	p->interactions = read_interactions(f);
	if (p->interactions == 0) fields_fail(f, S("interactions"), "a list of at least one");
	p->rows = read_rows(f, m, &ret->rows_text);
	read_masks(f, &p->masks, &p->mask_count);
	read_texts(f, S("hidden"), MASKS_MAX, COLUMN_NAME_MAX, "a list of columns", &p->hidden, &p->hidden_count);
	ret->request_id = field_id_opt(f, S("request"));
	read_grant_options(f, m, ret);
	ret->by = ret->revoked_by = (Str){"", 0};
}

/* --- delegations --- */

void
read_delegation(struct fields *f, const struct mesh *m, struct mesh_delegation *ret)
{
	struct policy_delegation *p = &ret->policy;

	p->id = field_id(f, S("id"));
	p->issuer_domain_id = field_hex(f, S("producer"), 64);
	p->grant_id = field_id(f, S("grant"));
	p->table = read_table_name(f, "a table's name, or empty for all that the grant covers");
	Str kind = field_text(f, S("to"), SHORT_TEXT_MAX);
	p->to_kind = str_eq(kind, S("group")) ? PRINCIPAL_GROUP : PRINCIPAL_PERSON;
	if (p->to_kind == PRINCIPAL_PERSON && !str_eq(kind, S("person"))) fields_fail(f, S("to"), "person or group");
	p->to_id = field_id(f, S("to_id"));
	read_purposes(f, 0, &p->purposes, &p->purpose_count);
	p->from = field_time(f, S("from"));
	p->until = field_time_forever(f, S("until"));
	if (p->from >= p->until) fields_fail(f, S("until"), "later than 'from'");
	p->interactions = read_interactions(f);
	p->rows = read_rows(f, m, &ret->rows_text);
	read_masks(f, &p->masks, &p->mask_count);
	read_texts(f, S("hidden"), MASKS_MAX, COLUMN_NAME_MAX, "a list of columns", &p->hidden, &p->hidden_count);
}

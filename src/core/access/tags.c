/* Tags: the center keeps the words, producers say which hold for what is theirs. Whatever may open by a change of one is as good as a grant. */
#include "core/access/grants.h"

/* A product, one of its tables, or a column of one. */
struct thing { const struct mesh_product *product; Str product_id, table, column; };

static Err
thing_find(struct request *rq, Str object, struct thing *ret)
{
	Str domain, product, table, column = str_cut(object, '.', &domain);
	struct thing t = {.table = S(""), .column = S("")};

	column = str_cut(column, '.', &product);
	column = str_cut(column, '.', &table);
	TRY(product_find(rq, arena_printf(&rq->arena, "%.*s.%.*s", STR(domain), STR(product)), &t.product));
	t.product_id = arena_str(&rq->arena, t.product->id);
	for (size_t i = 0; table.n && i < t.product->table_count; i++) {
		const struct policy_table *x = &t.product->tables[i].policy;
		if (!str_ieq(x->name, table)) continue;
		t.table = arena_str(&rq->arena, x->name);
		for (size_t k = 0; column.n && k < x->column_count; k++)
			if (str_ieq(x->columns[k].name, column)) t.column = arena_str(&rq->arena, x->columns[k].name);
	}
	ENSURE(&rq->c, !table.p || t.table.n, NOT_FOUND, "there is no table '%.*s' in %.*s", STR(table), STR(product_name(rq, t.product)));
	ENSURE(&rq->c, !column.p || t.column.n, NOT_FOUND, "there is no column '%.*s' in table %.*s", STR(column), STR(t.table));
	*ret = t;
	return OK;
}

static Str
thing_text(struct request *rq, const struct mesh_product *p, Str table, Str column)
{
	return arena_printf(&rq->arena, "%.*s%s%.*s%s%.*s", STR(product_name(rq, p)), table.n ? "." : "", STR(table), column.n ? "." : "", STR(column));
}

static Str
tag_value(const struct policy_tags *tags, Str tag)
{
	for (size_t i = 0; i < tags->count; i++)
		if (str_eq(tags->list[i].name, tag)) return tags->list[i].value;
	return S("");
}

/* What counts now for the thing: its own, or that of what it is part of. */
static Str
counts(struct request *rq, const struct thing *t, Str tag)
{
	const struct mesh_tag **own;

	for (size_t i = 0; t->table.n && i < t->product->table_count; i++) {
		const struct policy_table *x = &t->product->tables[i].policy;
		if (!str_eq(x->name, t->table)) continue;
		if (t->column.n == 0) return tag_value(&x->tags, tag);
		for (size_t k = 0; k < x->column_count; k++)
			if (str_eq(x->columns[k].name, t->column)) return tag_value(&x->columns[k].tags, tag);
	}
	size_t n = mesh_tags(rq->core->mesh, &rq->arena, t->product_id, &own);
	for (size_t i = 0; i < n; i++)
		if (own[i]->table.n == 0 && str_eq(own[i]->tag, tag)) return own[i]->value;
	return S("");
}

/* --- setting --- */

static size_t
rank(const struct mesh_tag_def *def, Str value)
{
	for (size_t i = 0; i < def->value_count; i++)
		if (str_eq(def->values[i], value)) return i + 1;
	return value.n ? def->value_count + 1 : 0; /* what nobody knows ranks above all */
}

/* Is this the change of somebody who opens? Less than there was; another choice or word than there was; or anything that a grant by
 * tags would match more of, or a restriction less. */
static bool
is_less(const struct mesh_tag_def *def, Str before, Str value)
{
	return def->kind == TAG_ORDERED ? rank(def, value) < rank(def, before) : before.n && !str_eq(before, value);
}

static bool
opens(struct request *rq, const struct thing *t, const struct mesh_tag_def *def, Str before, Str value)
{
	return mesh_tag_opens(rq->core->mesh, &rq->arena, t->product, t->table, t->column, def->tag, value) || is_less(def, before, value);
}

/* What only closes waits for nobody: it counts at once. */
struct mesh_approvals
tag_waits(struct request *rq, const struct mesh_tag *t)
{
	const struct mesh *m = rq->core->mesh;
	const struct mesh_tag_def *def = mesh_tag_def(m, t->tag);

	if (!approvals_demanded(rq) || (def && !is_less(def, t->before, t->value) && !mesh_tag_opened(m, &rq->arena, t))) return (struct mesh_approvals){0};
	return mesh_tag_approvals(m, &rq->arena, t);
}

static Err
check_value(struct request *rq, const struct mesh_tag_def *def, Str value)
{
	Str list = S("");

	ENSURE(&rq->c, str_trim(value).n == value.n, INVALID, "value: '%.*s' has blanks at its ends", STR(value));
	if (def->kind == TAG_FREE || value.n == 0) return OK;
	for (size_t i = 0; i < def->value_count; i++) {
		if (str_eq(def->values[i], value)) return OK;
		list = arena_printf(&rq->arena, "%.*s%s%.*s", STR(list), i ? ", " : "", STR(def->values[i]));
	}
	return err_set(&rq->c, ERR_INVALID, "'%.*s' is no value of %.*s; use one of %.*s", STR(value), STR(def->tag), STR(list));
}

static void
tag_fields(struct request *rq, const struct mesh_tag *t, struct buf *b, bool *first)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, t->product_id);
	struct mesh_approvals x = tag_waits(rq, t);

	member_text(b, "id", t->id, first);
	member_text(b, "object", p ? thing_text(rq, p, t->table, t->column) : S("(unknown)"), first);
	member_text(b, "tag", t->tag, first);
	member_text(b, "value", t->value, first);
	member_text(b, "before", t->before, first);
	member_text(b, "by", person_name(rq, t->by), first);
	member_time(b, "at", t->at, first);
	member_text(b, "state", t->voided ? S("voided") : x.has < x.needed ? S("waits") : S("set"), first);
	tag_approvals_json(rq, t, true, b, first);
}

Err
tag_reply(struct request *rq, Str domain_id, Str id, unsigned status)
{
	BUF_AUTO b = BUF_INIT;
	bool first = true;

	buf_char(&b, '{');
	tag_fields(rq, mesh_tag_in(rq->core->mesh, domain_id, id), &b, &first);
	buf_char(&b, '}');
	reply_json(rq, status, &b);
	return OK;
}

/* Owners open; stewards and engineers may only close. */
static Err
may_set(struct request *rq, const struct thing *t, const struct mesh_tag_def *def, Str before, Str value)
{
	Str owner = domain_name(rq, t->product->domain_id);

	TRY(need_role(rq, t->product->domain_id, "set tags on what is its own", ROLE_BIT(OWNER) | ROLE_BIT(STEWARD) | ROLE_BIT(ENGINEER)));
	ENSURE(&rq->c, rq->role == ROLE_OWNER || !opens(rq, t, def, before, value), DENIED,
	       "%.*s from '%.*s' to '%.*s' may open data, which takes an owner of %.*s", STR(def->tag), STR(before), STR(value), STR(owner));
	return OK;
}

/* The change to this very value that approvals are demanded of already; NULL when there is none. */
static const struct mesh_tag *
waiting(struct request *rq, const struct thing *t, Str tag, Str value)
{
	const struct mesh_tag **own;
	size_t n = mesh_tags(rq->core->mesh, &rq->arena, t->product_id, &own);

	for (size_t i = 0; i < n; i++) {
		const struct mesh_tag *x = own[i];
		if (!str_eq(x->table, t->table) || !str_eq(x->column, t->column) || !str_eq(x->tag, tag) || !str_eq(x->value, value) || x->voided) continue;
		struct mesh_approvals a = tag_waits(rq, x);
		if (a.has < a.needed) return x;
	}
	return NULL;
}

Err
handle_tag_set(struct request *rq)
{
	Str tag = arg(rq, "tag"), value = arg(rq, "value");
	const struct mesh_tag_def *def = mesh_tag_def(rq->core->mesh, tag);
	struct thing t;
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;

	struct mesh_tag_def left = {.tag = tag, .kind = TAG_FREE}; /* out of the vocabulary, and still to be taken away */
	TRY(thing_find(rq, arg(rq, "object"), &t));
	if (!value.p) value = S("");
	if (!def && value.n == 0 && counts(rq, &t, tag).n > 0) def = &left;
	ENSURE(&rq->c, def, NOT_FOUND, "there is no tag '%.*s'; list them with: heddle tags", STR(tag));
	TRY(check_value(rq, def, value));
	Str before = counts(rq, &t, tag);
	TRY(may_set(rq, &t, def, before, value));
	ENSURE(&rq->c, value.n || before.n, CONFLICT, "%.*s has no tag '%.*s'", STR(arg(rq, "object")), STR(tag));
	const struct mesh_tag *same = waiting(rq, &t, tag, value);
	ENSURE(&rq->c, !same, CONFLICT, "%.*s '%.*s' waits for approvals already; approve it with: heddle approve %.*s", STR(tag), STR(value), STR(same->id));
	crypt_short_id("tgs_", id);
	struct mesh_tag x = {.id = str_c(id), .domain_id = rq->domain_id, .product_id = t.product_id, .table = t.table, .column = t.column,
	                     .tag = tag, .value = value, .by = rq->person_id, .at = core_now()};
	body_tag_set(&body, &x);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_TAG_SET, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core); /* a stricter one may mask, or leave a grant by tags */
	return tag_reply(rq, rq->domain_id, str_c(id), 201);
}

/* --- what counts --- */

/* Whose own tag it is that counts: the thing's, or of what it is part of; a contract's class otherwise. */
static const struct mesh_tag *
own_tag(const struct mesh_tag *const *own, size_t n, Str table, Str column, Str tag)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(own[i]->tag, tag) && str_eq(own[i]->table, table) && str_eq(own[i]->column, column)) return own[i];
	return NULL;
}

struct tag_list { struct request *rq; const struct mesh_product *product; const struct mesh_tag **own; size_t own_count; struct buf *b; size_t shown; };

static void
show_tags(struct tag_list *l, Str table, Str column, const struct policy_tags *tags)
{
	for (size_t i = 0; i < tags->count; i++) {
		Str name = tags->list[i].name;
		const struct mesh_tag *x = own_tag(l->own, l->own_count, table, column, name);
		const char *from = "own";
		bool first = true;
		if (!x && column.n) x = own_tag(l->own, l->own_count, table, S(""), name), from = "table";
		if (!x && table.n) x = own_tag(l->own, l->own_count, S(""), S(""), name), from = "product";
		if (!x || (column.n && str_eqc(name, "classification") && !str_eq(x->value, tags->list[i].value))) from = "contract", x = NULL;
		buf_c(l->b, l->shown++ ? ",{" : "{");
		member_text(l->b, "object", thing_text(l->rq, l->product, table, column), &first);
		member_text(l->b, "tag", name, &first);
		member_text(l->b, "value", tags->list[i].value, &first);
		member_text(l->b, "from", str_c(from), &first);
		if (x && str_eqc(S("own"), from)) {
			struct mesh_approvals a = tag_waits(l->rq, x);
			member_text(l->b, "id", x->id, &first);
			member_text(l->b, "before", x->before, &first);
			member_text(l->b, "state", a.has < a.needed ? S("waits") : S("set"), &first);
			tag_approvals_json(l->rq, x, false, l->b, &first);
		}
		buf_char(l->b, '}');
	}
}

/* The product's own, as if it were tags that count. */
static struct policy_tags
product_tags(struct request *rq, const struct mesh_tag *const *own, size_t n)
{
	struct policy_tag *list = NEW_N(&rq->arena, n, struct policy_tag);
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (own[i]->table.n == 0) list[k++] = (struct policy_tag){own[i]->tag, own[i]->value};
	return (struct policy_tags){list, k};
}

static Err
object_tags(struct request *rq, Str object, struct buf *b)
{
	struct thing t;

	TRY(thing_find(rq, object, &t));
	struct tag_list l = {.rq = rq, .product = t.product, .b = b};
	l.own_count = mesh_tags(rq->core->mesh, &rq->arena, t.product_id, &l.own);
	if (t.table.n == 0) {
		struct policy_tags own = product_tags(rq, l.own, l.own_count);
		show_tags(&l, S(""), S(""), &own);
	}
	for (size_t i = 0; i < t.product->table_count; i++) {
		const struct policy_table *x = &t.product->tables[i].policy;
		if (t.table.n && !str_eq(x->name, t.table)) continue;
		if (t.column.n == 0) show_tags(&l, x->name, S(""), &x->tags);
		for (size_t k = 0; k < x->column_count; k++)
			if (t.column.n == 0 || str_eq(x->columns[k].name, t.column)) show_tags(&l, x->name, x->columns[k].name, &x->columns[k].tags);
	}
	return OK;
}

static void
vocabulary_json(struct request *rq, struct buf *b)
{
	static const char *const kinds[] = {"ordered", "choice", "free"};
	const struct mesh_tag_def **defs;
	size_t n = mesh_tag_defs(rq->core->mesh, &rq->arena, &defs);

	buf_c(b, "\"vocabulary\":[");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "tag", defs[i]->tag, &first);
		member_text(b, "kind", str_c(kinds[defs[i]->kind]), &first);
		member_texts(b, "values", defs[i]->values, defs[i]->value_count, &first);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

Err
handle_tags(struct request *rq)
{
	Str object = arg(rq, "object");
	BUF_AUTO b = BUF_INIT;

	buf_char(&b, '{');
	vocabulary_json(rq, &b);
	if (object.n) {
		buf_c(&b, ",\"tags\":[");
		TRY(object_tags(rq, object, &b));
		buf_char(&b, ']');
	}
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

/* --- the vocabulary --- */

static Err
say_word(struct request *rq, enum event_type type, const struct buf *body, unsigned status)
{
	BUF_AUTO b = BUF_INIT;

	TRY(core_say(rq->core, &rq->c, rq->domain_id, type, rq->person_id, buf_view(body)));
	access_narrowed(rq->core);
	buf_char(&b, '{');
	vocabulary_json(rq, &b);
	buf_char(&b, '}');
	reply_json(rq, status, &b);
	return OK;
}

Err
handle_tag_define(struct request *rq)
{
	static const struct { const char *name; enum tag_kind kind; } kinds[] = {{"ordered", TAG_ORDERED}, {"choice", TAG_CHOICE}, {"free", TAG_FREE}};
	List values = api_arg_list(&rq->args, &rq->arena, "values");
	struct mesh_tag_def def = {.tag = arg(rq, "tag"), .values = values.v, .value_count = values.n};
	bool known = false;
	BUF_AUTO body = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center keeps the vocabulary");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eqc(arg(rq, "kind"), kinds[i].name)) continue;
		def.kind = kinds[i].kind;
		known = true;
	}
	ENSURE(&rq->c, known, INVALID, "--kind '%.*s': write ordered, choice or free", STR(arg(rq, "kind")));
	ENSURE(&rq->c, (def.kind == TAG_FREE) == (values.n == 0), INVALID, "an ordered tag or a choice needs --values, a free one has none");
	body_tag_define(&body, &def);
	return say_word(rq, EVENT_TAG_DEFINE, &body, 201);
}

Err
handle_tag_retire(struct request *rq)
{
	Str tag = arg(rq, "tag");
	const struct mesh_tag_def *def = mesh_tag_def(rq->core->mesh, tag);
	BUF_AUTO body = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center keeps the vocabulary");
	ENSURE(&rq->c, def, NOT_FOUND, "there is no tag '%.*s'", STR(tag));
	ENSURE(&rq->c, !def->built_in, CONFLICT, "%.*s is built in and stays", STR(tag));
	body_tag_retire(&body, tag);
	return say_word(rq, EVENT_TAG_RETIRE, &body, 200);
}

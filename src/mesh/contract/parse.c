#include "mesh/contract/build.h"

size_t
contract_texts(struct arena *a, const struct node *list, const Str **ret)
{
	size_t n = 0;

	*ret = NULL;
	if (!list || list->kind != NODE_SEQ || list->count == 0) return 0;
	Str *texts = NEW_N(a, list->count, Str);
	for (const struct node *m = list->first; m; m = m->next) texts[n++] = m->text;
	*ret = texts;
	return n;
}

Str
contract_node_json(struct arena *a, const struct node *n)
{
	BUF_AUTO b = BUF_INIT;

	node_json(n, &b);
	return arena_str(a, buf_view(&b));
}

size_t
contract_custom(struct arena *a, const struct node *map, const struct contract_custom **ret)
{
	const struct node *list = node_get(map, S("customProperties"));
	size_t n = 0;

	*ret = NULL;
	if (!list || list->count == 0) return 0;
	struct contract_custom *all = NEW_N(a, list->count, struct contract_custom);
	for (const struct node *m = list->first; m; m = m->next)
		all[n++] = (struct contract_custom){text_at(m, "property"), contract_node_json(a, node_get(m, S("value")))};
	*ret = all;
	return n;
}

const struct node *
contract_custom_get(const struct node *map, const char *property)
{
	const struct node *list = node_get(map, S("customProperties"));

	for (const struct node *m = list ? list->first : NULL; m; m = m->next)
		if (str_eqc(text_at(m, "property"), property)) return node_get(m, S("value"));
	return NULL;
}

struct contract_value
contract_value_of(const struct node *n)
{
	static const enum value_kind kinds[] = {[SCALAR_NULL] = VALUE_NULL,
	    [SCALAR_BOOL] = VALUE_BOOL,
	    [SCALAR_INT] = VALUE_NUMBER,
	    [SCALAR_NUMBER] = VALUE_NUMBER,
	    [SCALAR_TEXT] = VALUE_TEXT};
	bool truth = false;

	if (node_bool(n, &truth)) return (struct contract_value){VALUE_BOOL, truth ? S("true") : S("false")};
	return (struct contract_value){kinds[n->type], n->text};
}

Err
contract_values(struct ctx *c, const struct node *list, const char *what, const struct contract_value **ret, size_t *ret_n)
{
	size_t n = 0;

	ENSURE(c, list->kind == NODE_SEQ && list->count > 0, INVALID, AT "'%s' must be a list of values", PLACE(list), what);
	struct contract_value *all = NEW_N(c->arena, list->count, struct contract_value);
	for (const struct node *m = list->first; m; m = m->next) {
		ENSURE(c, m->kind == NODE_SCALAR, INVALID, AT "'%s' must be a list of single values", PLACE(m), what);
		all[n++] = contract_value_of(m);
	}
	*ret = all;
	*ret_n = n;
	return OK;
}

Err
contract_name(struct ctx *c, const struct node *n, Str *ret)
{
	const struct node *name = node_get(n, S("name"));
	Str physical = text_at(n, "physicalName");

	*ret = str_is_ident(name->text) ? name->text : physical;
	ENSURE(c, str_is_ident(*ret), INVALID,
	    AT "'%.*s' is no name for a table or column (1 to 64 of a-z, 0-9 and '_', no '__'), and there is no physicalName that is",
	    PLACE(name), STR(name->text));
	return OK;
}

/* --- the top --- */

static bool
version_part(Str text, uint32_t *ret)
{
	uint64_t v;

	if (!str_u64(text, &v) || v > 999999) return false;
	*ret = (uint32_t)v;
	return true;
}

bool
contract_version_parse(Str text, struct contract_version *ret)
{
	struct contract_version v;
	Str major, minor;
	Str rest = str_cut(text, '.', &major);

	if (!rest.p) return false;
	rest = str_cut(rest, '.', &minor);
	if (!rest.p || !version_part(major, &v.major) || !version_part(minor, &v.minor) || !version_part(rest, &v.patch)) return false;
	*ret = v;
	return true;
}

int
contract_version_cmp(struct contract_version a, struct contract_version b)
{
	if (a.major != b.major) return a.major < b.major ? -1 : 1;
	if (a.minor != b.minor) return a.minor < b.minor ? -1 : 1;
	return (a.patch > b.patch) - (a.patch < b.patch);
}

static Err
identity_read(struct ctx *c, const struct node *root, struct contract *k)
{
	const struct node *version = node_get(root, S("version")), *domain = node_get(root, S("domain"));
	const struct node *product = node_get(root, S("dataProduct"));

	k->api_version = text_at(root, "apiVersion");
	k->id = text_at(root, "id");
	ENSURE(c, k->id.n > 0 && k->id.n <= 200, INVALID, "a data contract needs an 'id' of at most 200 bytes");
	k->title = text_at(root, "name");
	k->version_text = version->text;
	ENSURE(c, contract_version_parse(version->text, &k->version), INVALID, AT "version '%.*s' must be MAJOR.MINOR.PATCH, such as 1.0.0",
	    PLACE(version), STR(version->text));
	ENSURE(c, domain, INVALID, "the contract does not say which 'domain' it belongs to");
	ENSURE(c, str_is_ident(domain->text), INVALID, AT "domain '%.*s' must be 1 to 64 of a-z, 0-9 and '_', without '__'", PLACE(domain),
	    STR(domain->text));
	if (!product) product = node_get(root, S("name"));
	ENSURE(c, product, INVALID, "the contract does not name its product: set 'dataProduct'");
	ENSURE(c, str_is_ident(product->text), INVALID,
	    AT "product '%.*s' must be 1 to 64 of a-z, 0-9 and '_', without '__' (set 'dataProduct')", PLACE(product), STR(product->text));
	k->domain = domain->text;
	k->product = product->text;
	if (k->title.n == 0) k->title = k->product;
	return OK;
}

static Err
texts_read(struct ctx *c, const struct node *root, struct contract *k)
{
	const struct node *d = node_get(root, S("description"));
	const struct node *open = contract_custom_get(root, "discoverable"), *terms = contract_custom_get(root, "termsOfUse");

	k->status = text_at(root, "status");
	k->tenant = text_at(root, "tenant");
	k->usage = text_at(d, "usage");
	k->purpose = text_at(d, "purpose");
	k->limitations = text_at(d, "limitations");
	k->discoverable = true;
	ENSURE(c, !open || node_bool(open, &k->discoverable), INVALID, AT "'discoverable' must be true or false", PLACE(open));
	ENSURE(
	    c, !terms || (terms->kind == NODE_SCALAR && terms->type == SCALAR_TEXT), INVALID, AT "'termsOfUse' must be text", PLACE(terms));
	k->terms = terms ? terms->text : k->usage;
	k->tag_count = contract_texts(c->arena, node_get(root, S("tags")), &k->tags);
	k->custom_count = contract_custom(c->arena, root, &k->custom);
	return OK;
}

static void
team_read(struct arena *a, const struct node *root, struct contract *k)
{
	const struct node *team = node_get(root, S("team"));
	const struct node *members = team && team->kind == NODE_SEQ ? team : node_get(team, S("members"));

	k->team = text_at(team, "name");
	k->team_description = text_at(team, "description");
	if (!members || members->count == 0) return;
	struct contract_member *all = NEW_N(a, members->count, struct contract_member);
	for (const struct node *m = members->first; m; m = m->next)
		all[k->member_count++] = (struct contract_member){text_at(m, "username"), text_at(m, "name"), text_at(m, "role")};
	k->members = all;
}

static void
support_read(struct arena *a, const struct node *root, struct contract *k)
{
	const struct node *list = node_get(root, S("support")), *price = node_get(root, S("price"));

	k->price = (struct contract_price){.given = price != NULL,
	    .amount = text_at(price, "priceAmount"),
	    .currency = text_at(price, "priceCurrency"),
	    .unit = text_at(price, "priceUnit")};
	if (!list || list->count == 0) return;
	struct contract_support *all = NEW_N(a, list->count, struct contract_support);
	for (const struct node *m = list->first; m; m = m->next)
		all[k->support_count++] = (struct contract_support){
		    text_at(m, "channel"), text_at(m, "url"), text_at(m, "tool"), text_at(m, "scope"), text_at(m, "description")};
	k->support = all;
}

static void
roles_read(struct arena *a, const struct node *root, struct contract *k)
{
	const struct node *list = node_get(root, S("roles"));

	if (!list || list->count == 0) return;
	struct contract_role *all = NEW_N(a, list->count, struct contract_role);
	for (const struct node *m = list->first; m; m = m->next) {
		Str first = text_at(m, "firstLevelApprovers"), second = text_at(m, "secondLevelApprovers");
		Str both = first.n && second.n ? arena_printf(a, "%.*s, then %.*s", STR(first), STR(second)) : first.n ? first : second;
		all[k->role_count++] = (struct contract_role){text_at(m, "role"), text_at(m, "description"), text_at(m, "access"), both};
	}
	k->roles = all;
}

static void
slas_read(struct arena *a, const struct node *root, struct contract *k)
{
	const struct node *list = node_get(root, S("slaProperties"));

	if (!list || list->count == 0) return;
	struct contract_sla *all = NEW_N(a, list->count, struct contract_sla);
	for (const struct node *m = list->first; m; m = m->next)
		all[k->sla_count++] = (struct contract_sla){.property = text_at(m, "property"),
		    .value = text_at(m, "value"),
		    .unit = text_at(m, "unit"),
		    .element = text_at(m, "element"),
		    .driver = text_at(m, "driver"),
		    .description = text_at(m, "description")};
	k->slas = all;
}

Err
contract_parse(struct ctx *c, Str yaml, const struct contract **ret)
{
	struct contract *k = NEW(c->arena, struct contract);
	const struct node *root;

	TRY(yaml_parse(c, yaml, &root));
	TRY(contract_keys_check(c, root));
	TRY(identity_read(c, root, k));
	TRY(texts_read(c, root, k));
	team_read(c->arena, root, k);
	support_read(c->arena, root, k);
	roles_read(c->arena, root, k);
	slas_read(c->arena, root, k);
	TRY(contract_tables_read(c, node_get(root, S("schema")), k));
	TRY(contract_references_read(c, node_get(root, S("schema")), k));
	*ret = k;
	return OK;
}

const struct contract_table *
contract_table_get(const struct contract *k, Str name)
{
	for (size_t i = 0; i < k->table_count; i++)
		if (str_eq(k->tables[i].name, name)) return &k->tables[i];
	return NULL;
}

const struct contract_property *
contract_column_get(const struct contract_table *t, Str name)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (str_ieq(t->columns[i].name, name)) return &t->columns[i];
	return NULL;
}

const struct contract_sla *
contract_sla_get(const struct contract *k, const char *property)
{
	for (size_t i = 0; i < k->sla_count; i++)
		if (str_eqc(k->slas[i].property, property)) return &k->slas[i];
	return NULL;
}

Err
contract_check_text(struct ctx *c, Str yaml, struct buf *out)
{
	const struct contract *k;
	size_t columns = 0, rules = 0;

	TRY(contract_parse(c, yaml, &k));
	for (size_t i = 0; i < k->table_count; i++) {
		const struct contract_table *t = &k->tables[i];
		columns += t->column_count;
		rules += t->rule_count;
		for (size_t j = 0; j < t->column_count; j++) rules += t->columns[j].rule_count;
	}
	buf_printf(out, "%.*s.%.*s %.*s: a valid contract (%zu tables, %zu columns, %zu quality rules)", STR(k->domain), STR(k->product),
	    STR(k->version_text), k->table_count, columns, rules);
	return OK;
}

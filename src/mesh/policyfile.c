#include "mesh/policyfile.h"

#include "mesh/contract/keys.h"

#define K(n, s) {.name = (n), .shape = (s)}
#define MUST(n, s) {.name = (n), .shape = (s), .must = true}
#define KEYS(k) (k), ARRAY_LEN(k), NULL, 0

static const struct key scope_keys[] = {K("product", TEXT), K("domain", TEXT), K("tags", TEXT), K("classification", TEXT)};
static const struct block scope_block = {"a scope", KEYS(scope_keys)};

static const struct key approvals_keys[] = {MUST("count", INT), K("roles", TEXTS), K("people", TEXTS)};
static const struct block approvals_block = {"approvals", KEYS(approvals_keys)};

/* mask is a SCALAR because `mask: null` is no text in YAML, but here it is meant. */
static const struct key effects_keys[] = {
    K("mask", SCALAR), K("hide", BOOL), K("max_days", INT), {.name = "approvals", .shape = BLOCK, .block = &approvals_block},
    K("purpose", BOOL), K("handing", BOOL), K("level", INT), K("suspend", BOOL), K("freeze", BOOL)};
static const struct block effects_block = {"effects", KEYS(effects_keys)};

static const struct key top_keys[] = {MUST("name", TEXT),
    {.name = "scope", .shape = TEXT_OR_BLOCK, .must = true, .block = &scope_block},
    {.name = "effects", .shape = BLOCK, .must = true, .block = &effects_block}};
static const struct block top_block = {"a policy", KEYS(top_keys)};

/* --- scope --- */

static Str
text_of(const struct node *map, const char *key, struct policy_place *ret_at)
{
	const struct node *n = node_get(map, str_c(key));

	if (!n) return S("");
	if (ret_at) *ret_at = (struct policy_place){n->line, n->column};
	return n->text;
}

static Err
read_scope(struct ctx *c, const struct node *n, struct policy_file *f)
{
	if (n->kind == NODE_SCALAR) {
		ENSURE(c, str_eqc(n->text, "everything"), INVALID,
		    AT "'scope' must be a map of product, domain, tags, classification, or the word everything", PLACE(n));
		return OK;
	}
	ENSURE(c, n->count > 0, INVALID, AT "'scope' is empty: to mean all there is, write `scope: everything`", PLACE(n));
	for (const struct node *m = n->first; m; m = m->next)
		ENSURE(c, m->text.n > 0, INVALID, AT "'%.*s' is empty", PLACE(m), STR(m->key));
	f->product = text_of(n, "product", &f->at_product);
	f->domain = text_of(n, "domain", &f->at_domain);
	f->tags = text_of(n, "tags", &f->at_tags);
	f->classification = f->effects.classification = text_of(n, "classification", NULL);
	return OK;
}

/* --- effects --- */

static Err
read_number(struct ctx *c, const struct node *map, const char *key, int64_t max, uint32_t *ret)
{
	const struct node *n = node_get(map, str_c(key));
	int64_t v = 0;

	if (!n) return OK;
	ENSURE(c, node_int(n, &v) && v >= 1 && v <= max, INVALID, AT "'%s' must be a whole number from 1 to %lld, not %.*s", PLACE(n), key,
	    (long long)max, STR(n->text));
	*ret = (uint32_t)v;
	return OK;
}

static bool
is_true(const struct node *map, const char *key)
{
	bool v = false;

	(void)node_bool(node_get(map, str_c(key)), &v);
	return v;
}

static Err
read_mask(struct ctx *c, const struct node *n, enum mask_kind *ret)
{
	if (!n) return OK;
	ENSURE(c, mask_parse(n->text, ret) && *ret != MASK_NONE, INVALID, AT "'mask' is '%.*s', must be one of hash, null, constant, last4, year",
	    PLACE(n), STR(n->text));
	return OK;
}

static Err
read_roles(struct ctx *c, const struct node *list, struct policy_restriction *r)
{
	enum role role;

	for (const struct node *m = list ? list->first : NULL; m; m = m->next) {
		ENSURE(c, role_parse(m->text, &role), INVALID, AT "'roles': '%.*s' is no role: owner, engineer, analyst, steward, auditor", PLACE(m),
		    STR(m->text));
		r->approver_roles |= UINT32_C(1) << role;
	}
	return OK;
}

static Err
read_people(struct ctx *c, const struct node *list, struct policy_file *f)
{
	for (const struct node *m = list ? list->first : NULL; m; m = m->next) {
		size_t n = f->effects.approver_count;
		ENSURE(c, n < POLICY_APPROVERS_MAX, INVALID, AT "'people': at most %d", PLACE(m), POLICY_APPROVERS_MAX);
		for (size_t i = 0; i < n; i++)
			ENSURE(c, !str_eq(f->people[i], m->text), INVALID, AT "'people': %.*s is named twice", PLACE(m), STR(m->text));
		f->at_people[n] = (struct policy_place){PLACE(m)};
		f->people[n] = m->text;
		f->effects.approver_count++;
	}
	return OK;
}

static Err
read_approvals(struct ctx *c, const struct node *n, struct policy_file *f)
{
	struct policy_restriction *r = &f->effects;

	if (!n) return OK;
	TRY(read_number(c, n, "count", POLICY_APPROVERS_MAX, &r->approvals));
	TRY(read_roles(c, node_get(n, S("roles")), r));
	TRY(read_people(c, node_get(n, S("people")), f));
	ENSURE(c, r->approver_roles || r->approver_count == 0 || r->approver_count >= r->approvals, INVALID,
	    AT "'approvals' wants %u and names %zu who may: nothing could ever be approved", PLACE(n), r->approvals, r->approver_count);
	return OK;
}

static Err
read_effects(struct ctx *c, const struct node *n, struct policy_file *f)
{
	struct policy_restriction *r = &f->effects;
	const struct node *freeze = node_get(n, S("freeze"));

	TRY(read_mask(c, node_get(n, S("mask")), &r->mask));
	TRY(read_number(c, n, "max_days", POLICY_DAYS_MAX, &r->max_days));
	TRY(read_number(c, n, "level", POLICY_LEVEL_MAX, &r->min_level));
	TRY(read_approvals(c, node_get(n, S("approvals")), f));
	r->hide = is_true(n, "hide");
	r->demand_purpose = is_true(n, "purpose");
	r->demand_handing = is_true(n, "handing");
	r->suspend = is_true(n, "suspend");
	r->freeze = is_true(n, "freeze");
	ENSURE(c, r->mask != MASK_NONE || r->hide || r->max_days || r->min_level || r->approvals || r->demand_purpose || r->demand_handing ||
	              r->suspend || r->freeze,
	    INVALID, AT "'effects' has none: a policy must close something", PLACE(n));
	ENSURE(c, !r->freeze || (f->domain.n && !f->product.n && !f->tags.n && !f->classification.n), INVALID,
	    AT "'freeze' is about a domain: the scope must name that and nothing else", PLACE(freeze));
	return OK;
}

Err
policy_file_parse(struct ctx *c, Str text, struct policy_file *ret)
{
	struct policy_file f = {0};
	const struct node *root, *name;

	TRY(yaml_parse(c, text, &root));
	TRY(contract_block_check(c, &top_block, root));
	name = node_get(root, S("name"));
	ENSURE(c, str_is_ident(name->text), INVALID, AT "'name' is '%.*s', must be 1 to 64 of a-z, 0-9 and _", PLACE(name), STR(name->text));
	f.name = name->text;
	TRY(read_scope(c, node_get(root, S("scope")), &f));
	TRY(read_effects(c, node_get(root, S("effects")), &f));
	*ret = f;
	return OK;
}

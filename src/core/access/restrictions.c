/* Restrictions: what the center closes. */
#include "core/access/policies.h"

static void
scope_json(struct request *rq, const struct policy_restriction *r, struct buf *b)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->product_id);
	BUF_AUTO tags = BUF_INIT;
	bool first = true;

	if (r->tags) tagexpr_print(r->tags, &tags);
	buf_char(b, '{');
	if (r->product_id.n) member_text(b, "product", p ? product_name(rq, p) : S("(unknown)"), &first);
	if (r->domain_id.n) member_text(b, "domain", domain_name(rq, r->domain_id), &first);
	if (r->classification.n) member_text(b, "classification", r->classification, &first);
	if (tags.n) member_text(b, "tags", buf_view(&tags), &first);
	buf_char(b, '}');
}

static void
approvals_json(struct request *rq, const struct policy_restriction *r, struct buf *b)
{
	bool first = true;

	buf_printf(b, "{\"count\":%u,\"roles\":[", r->approvals);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		if (!(r->approver_roles & (UINT32_C(1) << i))) continue;
		buf_printf(b, "%s\"%s\"", first ? "" : ",", role_name((enum role)i));
		first = false;
	}
	buf_c(b, "],\"people\":[");
	for (size_t i = 0; i < r->approver_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, person_name(rq, r->approvers[i]));
	}
	buf_c(b, "]}");
}

/* Only those that it has, as in a policy's file. */
static void
effects_json(struct request *rq, const struct policy_restriction *r, struct buf *b)
{
	bool first = true;

	buf_char(b, '{');
	if (r->mask != MASK_NONE) member_text(b, "mask", str_c(mask_name(r->mask)), &first);
	if (r->hide) member_bool(b, "hide", true, &first);
	if (r->max_days) member_u64(b, "max_days", r->max_days, &first);
	if (r->approvals) {
		member_key(b, "approvals", &first);
		approvals_json(rq, r, b);
	}
	if (r->demand_purpose) member_bool(b, "purpose", true, &first);
	if (r->demand_handing) member_bool(b, "handing", true, &first);
	if (r->min_level) member_u64(b, "level", r->min_level, &first);
	if (r->suspend) member_bool(b, "suspend", true, &first);
	if (r->freeze) member_bool(b, "freeze", true, &first);
	buf_char(b, '}');
}

void
restriction_json(struct request *rq, const struct mesh_restriction *r, struct buf *b)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->policy.product_id);
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", r->policy.id, &first);
	member_text(b, "name", r->name, &first);
	member_key(b, "scope", &first);
	scope_json(rq, &r->policy, b);
	member_key(b, "effects", &first);
	effects_json(rq, &r->policy, b);
	member_text(b, "classification", r->policy.classification, &first);
	member_text(b, "mask", r->policy.mask == MASK_NONE ? S("") : str_c(mask_name(r->policy.mask)), &first);
	member_text(b, "product", p ? product_name(rq, p) : S(""), &first);
	member_bool(b, "suspend", r->policy.suspend, &first);
	member_text(b, "state", r->policy.lifted ? S("lifted") : S("active"), &first);
	member_text(b, "by", person_name(rq, r->by), &first);
	member_time(b, "added", r->added, &first);
	buf_char(b, '}');
}

bool
restriction_visible(struct request *rq, const struct mesh_restriction *r)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->policy.product_id);

	return !p || sees_all(rq) || product_visible(rq, p);
}

Err
restriction_say(struct request *rq, const struct mesh_restriction *r)
{
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	body_restriction(&body, r);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_RESTRICTION_ADD, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core);
	restriction_json(rq, mesh_restriction(rq->core->mesh, r->policy.id), &b);
	reply_json(rq, 201, &b);
	return OK;
}

Err
handle_restriction_add(struct request *rq)
{
	struct mesh_restriction r = {.by = rq->person_id, .added = core_now()};
	Str product = arg(rq, "product"), mask = arg(rq, "mask");
	const struct mesh_product *p;
	char id[CRYPT_SHORT_ID_MAX];

	r.policy.classification = arg(rq, "classification");
	r.policy.suspend = api_arg_bool(&rq->args, "suspend");
	ENSURE(&rq->c, r.policy.suspend != (r.policy.classification.n > 0), INVALID,
	       "either mask a classification or suspend a product");
	if (r.policy.suspend)
		ENSURE(&rq->c, product.n > 0, INVALID, "name the product to suspend");
	else
		ENSURE(&rq->c, mask_parse(mask, &r.policy.mask) && r.policy.mask != MASK_NONE, INVALID,
		       "'%.*s' is no mask: hash, null, constant, last4, year", STR(mask));
	ENSURE(&rq->c, rq->role == ROLE_OWNER, DENIED, "only the owner of the center restricts");
	if (product.n) {
		p = rq->is_admin ? mesh_product_by_name(rq->core->mesh, product) : NULL; /* the center can close what it cannot find */
		if (!p) TRY(product_find(rq, product, &p));
		r.policy.product_id = arena_str(&rq->arena, p->id);
	}
	crypt_short_id("rst_", id);
	r.policy.id = str_c(id);
	return restriction_say(rq, &r);
}

Err
handle_restrictions(struct request *rq)
{
	const struct mesh_restriction **rs;
	size_t n = mesh_restrictions(rq->core->mesh, &rq->arena, &rs), shown = 0;
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"restrictions\":[");
	for (size_t i = 0; i < n; i++) {
		if (!restriction_visible(rq, rs[i])) continue;
		if (shown++) buf_char(&b, ',');
		restriction_json(rq, rs[i], &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_restriction_lift(struct request *rq)
{
	const struct mesh_restriction *r;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center lifts a restriction");
	TRY(policy_find(rq, arg(rq, "restriction"), &r));
	Str id = arena_str(&rq->arena, r->policy.id);
	body_lift(&body, id);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_RESTRICTION_LIFT, rq->person_id, buf_view(&body)));
	restriction_json(rq, mesh_restriction(rq->core->mesh, id), &b);
	reply_json(rq, 200, &b);
	return OK;
}

/* Bodies of what a center says, as text. The counterpart of read_center.c. */
#include "mesh/put.h"
#include "mesh/state.h"

static void
roles_put(struct buf *out, uint32_t roles)
{
	bool first = true;

	buf_str(out, S(",\"approver_roles\":["));
	for (unsigned r = 0; r < ROLE_COUNT; r++)
		if (roles >> r & 1) {
			put_text(out, first ? S("") : S(","), str_c(role_name((enum role)r)));
			first = false;
		}
	buf_char(out, ']');
}

static void
effects_put(struct buf *out, const struct policy_restriction *p)
{
	if (p->hide) put_bool(out, S(",\"hide\":"), true);
	if (p->max_days) put_number(out, S(",\"max_days\":"), p->max_days);
	if (p->approvals) put_number(out, S(",\"approvals\":"), p->approvals);
	if (p->approver_roles) roles_put(out, p->approver_roles);
	if (p->approver_count) put_texts(out, S(",\"approvers\":["), p->approvers, p->approver_count);
	if (p->demand_purpose) put_bool(out, S(",\"purpose\":"), true);
	if (p->demand_handing) put_bool(out, S(",\"handing\":"), true);
	if (p->min_level) put_number(out, S(",\"level\":"), p->min_level);
	if (p->freeze) put_bool(out, S(",\"freeze\":"), true);
}

void
body_restriction(struct buf *out, const struct mesh_restriction *r)
{
	put_text(out, S("{\"id\":"), r->policy.id);
	put_text(out, S(",\"product\":"), r->policy.product_id);
	put_text(out, S(",\"classification\":"), r->policy.classification);
	put_text(out, S(",\"mask\":"), str_c(mask_name(r->policy.mask)));
	put_bool(out, S(",\"suspend\":"), r->policy.suspend);
	if (r->name.n) put_text(out, S(",\"name\":"), r->name);
	if (r->policy.domain_id.n) put_text(out, S(",\"domain\":"), r->policy.domain_id);
	put_tags(out, r->tags_text, r->policy.tags);
	effects_put(out, &r->policy);
	buf_char(out, '}');
}

void
body_tag_define(struct buf *out, const struct mesh_tag_def *d)
{
	put_text(out, S("{\"tag\":"), d->tag);
	put_text(out, S(",\"kind\":"), str_c(tag_kind_name(d->kind)));
	put_texts(out, S(",\"values\":["), d->values, d->value_count);
	buf_char(out, '}');
}

void
body_exception(struct buf *out, const struct mesh_exception *x)
{
	put_text(out, S("{\"id\":"), x->id);
	put_text(out, S(",\"control\":"), x->control);
	put_text(out, S(",\"subject\":"), x->subject);
	put_time(out, S(",\"until\":"), x->until);
	put_text(out, S(",\"reason\":"), x->reason);
	buf_char(out, '}');
}

void
body_evidence(struct buf *out, const struct mesh_evidence *x)
{
	put_text(out, S("{\"id\":"), x->id);
	put_text(out, S(",\"control\":"), x->control);
	put_text(out, S(",\"outcome\":"), x->ok ? S("ok") : S("failed"));
	put_text(out, S(",\"document\":"), x->document);
	buf_char(out, '}');
}

/* Bodies of grants and delegations as text. The counterpart of read_grant.c. */
#include "mesh/put.h"
#include "mesh/state.h"

static void
masks_put(struct buf *out, const struct policy_mask *list, size_t n)
{
	buf_str(out, S(",\"masks\":["));
	for (size_t i = 0; i < n; i++) {
		put_text(out, i ? S(",[") : S("["), list[i].column);
		put_text(out, S(","), str_c(mask_name(list[i].kind)));
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

static void
interactions_put(struct buf *out, uint32_t interactions)
{
	bool first = true;

	buf_str(out, S(",\"interactions\":["));
	for (size_t i = 0; i < INTERACTION_COUNT; i++) {
		if (!(interactions & INTERACTIONS[i].bit)) continue;
		put_text(out, first ? S("") : S(","), str_c(INTERACTIONS[i].name));
		first = false;
	}
	buf_char(out, ']');
}

static void
clock_put(struct buf *out, Str key, unsigned minute)
{
	char text[6] = {(char)('0' + minute / 600), (char)('0' + minute / 60 % 10), ':', (char)('0' + minute % 60 / 10), (char)('0' + minute % 10), 0};

	put_text(out, key, str_of(text, 5));
}

static void
hours_put(struct buf *out, const struct policy_hours *h)
{
	bool first = true;

	buf_str(out, S(",\"hours\":{\"days\":["));
	for (unsigned day = 1; day <= 7; day++)
		if (h->days >> (day - 1) & 1) {
			put_number(out, first ? S("") : S(","), day);
			first = false;
		}
	clock_put(out, S("],\"from\":"), h->from_minute);
	clock_put(out, S(",\"until\":"), h->until_minute);
	buf_char(out, '}');
}

static void
terms_put(struct buf *out, const struct policy_terms *t)
{
	if (t->min_group) put_number(out, S(",\"min_group\":"), t->min_group);
	if (t->group_by_count) put_texts(out, S(",\"group_by\":["), t->group_by, t->group_by_count);
	if (t->unit.n) put_text(out, S(",\"unit\":"), t->unit);
	if (t->row_budget) put_number(out, S(",\"row_budget\":"), t->row_budget);
	if (t->no_export) put_bool(out, S(",\"no_export\":"), true);
	if (t->hours.days) hours_put(out, &t->hours);
}

static Str
principal_name(enum principal_kind kind)
{
	return kind == PRINCIPAL_DOMAIN ? S("domain") : kind == PRINCIPAL_PERSON ? S("person") : S("group");
}

/* What grants and delegations say alike, in this order: of which table, whom, for what, when and how much. */
static void
share_put(struct buf *out, const struct policy_grant *p, Str rows_text)
{
	put_text(out, S(",\"table\":"), p->table);
	put_text(out, S(",\"to\":"), principal_name(p->to_kind));
	put_text(out, S(",\"to_id\":"), p->to_id);
	put_texts(out, S(",\"purposes\":["), p->purposes, p->purpose_count);
	put_time(out, S(",\"from\":"), p->from);
	put_time(out, S(",\"until\":"), p->until);
	interactions_put(out, p->interactions);
	put_text(out, S(",\"rows\":"), rows_text);
	masks_put(out, p->masks, p->mask_count);
	put_texts(out, S(",\"hidden\":["), p->hidden, p->hidden_count);
}

void
body_grant(struct buf *out, const struct mesh_grant *g)
{
	const struct policy_grant *p = &g->policy;

	put_text(out, S("{\"id\":"), p->id);
	put_text(out, S(",\"product\":"), p->product_id);
	share_put(out, p, g->rows_text);
	put_text(out, S(",\"request\":"), g->request_id);
	if (p->to_domain_id.n) put_text(out, S(",\"to_domain\":"), p->to_domain_id);
	put_tags(out, g->tags_text, p->tags);
	if (p->future) put_bool(out, S(",\"future\":"), true);
	terms_put(out, &p->terms);
	buf_char(out, '}');
}

void
body_delegation(struct buf *out, const struct mesh_delegation *d)
{
	const struct policy_delegation *p = &d->policy;
	const struct policy_grant share = {
	    .table = p->table, .to_kind = p->to_kind, .to_id = p->to_id, .purposes = p->purposes, .purpose_count = p->purpose_count, .from = p->from,
	    .until = p->until, .interactions = p->interactions, .masks = p->masks, .mask_count = p->mask_count, .hidden = p->hidden,
	    .hidden_count = p->hidden_count};

	put_text(out, S("{\"id\":"), p->id);
	put_text(out, S(",\"producer\":"), p->issuer_domain_id);
	put_text(out, S(",\"grant\":"), p->grant_id);
	share_put(out, &share, d->rows_text);
	buf_char(out, '}');
}

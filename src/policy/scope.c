#include "codec/tagexpr.h"
#include "policy/decide.h"
#include "policy/rows.h"

/* Roles as bits; mesh.h has the names. */
enum { OWNER = 1 << 0, STEWARD = 1 << 3 };

/* --- tags --- */

static bool
among(const struct tag_expr *e, Str value, bool certain)
{
	for (size_t i = 0; i < e->value_count; i++)
		if (certain ? same_id(e->values[i], value) : value.n > 0 && str_ieq(e->values[i], value)) return true;
	return false;
}

/* Of each value that the tag may have (none now and none before: it has none) all must be in the list, or one. */
static bool
in_list(const struct tag_expr *e, const struct policy_tags *now, const struct policy_tags *before, bool certain)
{
	const struct policy_tags *both[] = {now, before};
	bool any = false, has = false;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->count; i++) {
			if (!str_eq(both[k]->list[i].name, e->tag)) continue;
			bool in = among(e, both[k]->list[i].value, certain);
			if (certain && !in) return false;
			any |= in;
			has |= k == 0;
		}
	return certain ? has : any;
}

/* Two-valued over one set of tags; over several that may count, `certain` asks for all of them and its opposite for one. */
bool
policy_tags_fit(const struct tag_expr *e, const struct policy_tags *now, const struct policy_tags *before, bool certain)
{
	if (!e) return !certain;
	switch (e->op) {
	case TAG_IN: return in_list(e, now, before, certain);
	case TAG_AND: return policy_tags_fit(e->left, now, before, certain) && policy_tags_fit(e->right, now, before, certain);
	case TAG_OR: return policy_tags_fit(e->left, now, before, certain) || policy_tags_fit(e->right, now, before, certain);
	case TAG_NOT: return !policy_tags_fit(e->left, now, before, !certain);
	}
	return !certain;
}

/* --- what a restriction is about --- */

/* The contract's class of a column stands among its tags, lowered or not; alone it counts where nobody made tags of it. */
static bool
has_class(Str class, Str own, const struct policy_tags *now, const struct policy_tags *before)
{
	const struct tag_expr e = {.op = TAG_IN, .tag = S("classification"), .values = &class, .value_count = 1};
	bool tagged = false;

	for (size_t i = 0; i < now->count; i++) tagged |= str_eq(now->list[i].name, e.tag);
	return (!tagged && str_ieq(own, class)) || in_list(&e, now, before, false);
}

bool
scope_column(const struct policy_restriction *r, const struct policy_column *col)
{
	if (r->classification.n > 0 && !has_class(r->classification, col->classification, &col->tags, &col->tags_before)) return false;
	return !r->tags || policy_tags_fit(r->tags, &col->tags, &col->tags_before, false);
}

bool
policy_is_about(const struct policy_restriction *r, const struct policy_table *t)
{
	if (r->lifted) return false;
	if (r->product_id.n > 0 && !str_eq(r->product_id, t->product_id)) return false;
	if (r->domain_id.n > 0 && !str_eq(r->domain_id, t->domain_id)) return false;
	if (r->classification.n == 0 && !r->tags) return true;
	for (size_t i = 0; i < t->column_count; i++)
		if (scope_column(r, &t->columns[i])) return true;
	if (r->classification.n > 0 && !has_class(r->classification, S(""), &t->tags, &t->tags_before)) return false;
	return !r->tags || policy_tags_fit(r->tags, &t->tags, &t->tags_before, false);
}

bool
policy_closes_column(const struct policy_restriction *r, const struct policy_table *t, Str column)
{
	const struct policy_column *col = rows_column(t, column);

	return col && (r->hide || r->mask != MASK_NONE) && policy_is_about(r, t) && scope_column(r, col);
}

static bool
does_something(const struct policy_restriction *r)
{
	return r->mask != MASK_NONE || r->hide || r->max_days || r->approvals || r->demand_purpose || r->demand_handing || r->min_level || r->freeze;
}

bool
scope_closes(const struct policy_restriction *r)
{
	return r->suspend || r->mask >= MASK_KIND_COUNT || (r->freeze && r->domain_id.n == 0) || !does_something(r);
}

bool
scope_freezes(const struct policy_restriction *r, const struct policy_question *q)
{
	if (r->lifted || !r->freeze) return false;
	return same_id(r->domain_id, q->who->domain_id) != same_id(r->domain_id, q->table->domain_id);
}

/* --- approvals --- */

static Str
human_of(const struct policy_approval *p)
{
	return p->human_id.n ? p->human_id : p->person_id;
}

bool
policy_approval_counts(const struct policy_restriction *r, Str producer_id, Str asker_human_id, const struct policy_approval *p)
{
	uint32_t roles = r->approver_roles || r->approver_count ? r->approver_roles : OWNER | STEWARD;

	if ((p->service && !FAULT(SERVICES)) || p->person_id.n == 0 || (same_id(asker_human_id, human_of(p)) && !FAULT(ASKER))) return false;
	if ((p->role & roles) != 0 && (same_id(producer_id, p->log_id) || FAULT(STRANGERS))) return true;
	for (size_t i = 0; i < r->approver_count && i < POLICY_APPROVERS_MAX; i++)
		if (same_id(r->approvers[i], p->person_id)) return true;
	return false;
}

uint32_t
policy_approvals(const struct policy_restriction *r, Str producer_id, Str asker_human_id, const struct policy_approval *list, size_t n)
{
	uint32_t count = 0;

	for (size_t i = 0; i < n; i++) {
		bool again = false;
		if (!policy_approval_counts(r, producer_id, asker_human_id, &list[i])) continue;
		for (size_t k = 0; k < i && !again && !FAULT(HUMANS); k++)
			again = str_eq(human_of(&list[k]), human_of(&list[i])) && policy_approval_counts(r, producer_id, asker_human_id, &list[k]);
		count += !again;
	}
	return count;
}

/* Bodies of what a center says, taken apart: form and limits only. */
#include "mesh/state.h"

enum { CLASS_MAX = 64, SHORT_TEXT_MAX = 64, SUBJECT_MAX = 256, DAYS_MAX = 36500, TAG_VALUES_MAX = 64 };

/* --- restrictions --- */

uint32_t
read_roles(struct fields *f, Str key)
{
	const Str *names = NULL;
	size_t n = 0;
	uint32_t roles = 0;
	enum role role;

	read_texts(f, key, ROLE_COUNT, SHORT_TEXT_MAX, "a list of roles", &names, &n);
	for (size_t i = 0; err_ok(f->err) && i < n; i++) {
		if (!role_parse(names[i], &role) || (roles >> role & 1)) fields_fail(f, key, "a list of owner, engineer, analyst, steward, auditor, each once");
		else roles |= 1U << role;
	}
	return roles;
}

static void
read_approvers(struct fields *f, struct policy_restriction *p)
{
	const Str *ids = NULL;
	size_t n = 0;

	read_texts(f, S("approvers"), POLICY_APPROVERS_MAX, 64, "a list of ids of persons", &ids, &n);
	for (size_t i = 0; err_ok(f->err) && i < n; i++) {
		if (!id_ok(ids[i])) fields_fail(f, S("approvers"), "a list of ids of persons");
		p->approvers[p->approver_count++] = ids[i];
	}
}

static uint32_t
read_up_to(struct fields *f, Str key, uint64_t max, const char *expected)
{
	uint64_t n = field_u64(f, key);

	if (n == 0 || n > max) fields_fail(f, key, expected);
	return (uint32_t)n;
}

static void
read_scope(struct fields *f, struct mesh_restriction *r)
{
	struct policy_restriction *p = &r->policy;

	r->tags_text = r->name = p->domain_id = (Str){"", 0};
	if (field_has(f, S("name"))) r->name = field_ident(f, S("name"));
	if (field_has(f, S("domain"))) p->domain_id = field_hex(f, S("domain"), 64);
	if (!field_has(f, S("tags"))) return;
	r->tags_text = field_text(f, S("tags"), TAGEXPR_TEXT_MAX);
	if (err_ok(f->err)) f->err = tagexpr_parse_canonical(f->c, r->tags_text, &p->tags);
}

static void
read_effects(struct fields *f, struct policy_restriction *p)
{
	if (field_has(f, S("hide"))) p->hide = field_bool(f, S("hide"));
	if (field_has(f, S("max_days"))) p->max_days = read_up_to(f, S("max_days"), DAYS_MAX, "1 to 36500");
	if (field_has(f, S("approvals"))) p->approvals = read_up_to(f, S("approvals"), POLICY_APPROVERS_MAX, "1 to 16");
	if (field_has(f, S("approver_roles"))) p->approver_roles = read_roles(f, S("approver_roles"));
	if (field_has(f, S("approvers"))) read_approvers(f, p);
	if (field_has(f, S("purpose"))) p->demand_purpose = field_bool(f, S("purpose"));
	if (field_has(f, S("handing"))) p->demand_handing = field_bool(f, S("handing"));
	if (field_has(f, S("level"))) p->min_level = read_up_to(f, S("level"), 3, "1 to 3");
	if (field_has(f, S("freeze"))) p->freeze = field_bool(f, S("freeze"));
	if (p->approvals == 0 && (p->approver_roles || p->approver_count)) fields_fail(f, S("approvals"), "given with approver_roles and approvers");
	if (p->freeze && p->domain_id.n == 0) fields_fail(f, S("domain"), "given with freeze: the domain that is frozen");
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
	read_scope(f, ret);
	read_effects(f, p);
	if (p->suspend || p->hide || p->max_days || p->approvals || p->demand_purpose || p->demand_handing || p->min_level || p->freeze) return;
	if (p->mask != MASK_NONE) return;
	if (p->classification.n) fields_fail(f, S("mask"), "a mask that hides something");
	fields_fail(f, S("suspend"), "true, or else another effect or a classification must be given");
}

/* --- words --- */

static const struct { const char *name; enum tag_kind kind; } TAG_KINDS[] = {{"ordered", TAG_ORDERED}, {"choice", TAG_CHOICE}, {"free", TAG_FREE}};

const char *
tag_kind_name(enum tag_kind kind)
{
	return TAG_KINDS[kind].name;
}

void
read_tag_def(struct fields *f, struct mesh_tag_def *ret)
{
	bool known = false;

	ret->tag = field_ident(f, S("tag"));
	Str kind = field_text(f, S("kind"), SHORT_TEXT_MAX);
	for (size_t i = 0; i < ARRAY_LEN(TAG_KINDS); i++)
		if (str_eqc(kind, TAG_KINDS[i].name)) ret->kind = TAG_KINDS[i].kind, known = true;
	if (!known) fields_fail(f, S("kind"), "ordered, choice or free");
	read_texts(f, S("values"), TAG_VALUES_MAX, TAG_VALUE_MAX, "a list of texts", &ret->values, &ret->value_count);
	if (!err_ok(f->err)) return;
	if ((ret->kind == TAG_FREE) != (ret->value_count == 0)) fields_fail(f, S("values"), "given, or empty for a free tag");
	for (size_t i = 0; i < ret->value_count; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(ret->values[i], ret->values[k])) fields_fail(f, S("values"), "a list without a value twice");
}

/* --- exceptions and evidence --- */

/* "C01" to "C99". */
static Str
read_control(struct fields *f)
{
	Str s = field_text(f, S("control"), 3);

	if (s.n != 3 || s.p[0] != 'C' || s.p[1] < '0' || s.p[1] > '9' || s.p[2] < '0' || s.p[2] > '9') fields_fail(f, S("control"), "a control like C09");
	return s;
}

void
read_exception(struct fields *f, struct mesh_exception *ret)
{
	ret->id = field_id(f, S("id"));
	ret->control = read_control(f);
	ret->subject = field_text(f, S("subject"), SUBJECT_MAX);
	if (ret->subject.n == 0) fields_fail(f, S("subject"), "what the finding is about");
	ret->until = field_time(f, S("until"));
	ret->reason = field_hex_opt(f, S("reason"), 64);
}

void
read_evidence(struct fields *f, struct mesh_evidence *ret)
{
	Str outcome;

	ret->id = field_id(f, S("id"));
	ret->control = read_control(f);
	outcome = field_text(f, S("outcome"), SHORT_TEXT_MAX);
	ret->ok = str_eq(outcome, S("ok"));
	if (!ret->ok && !str_eq(outcome, S("failed"))) fields_fail(f, S("outcome"), "ok or failed");
	ret->document = field_hex_opt(f, S("document"), 64);
}

/* Explain: the same evaluation that decides, shown. */
#include "core/grants.h"

static void
explain_columns(const struct policy_decision *d, const struct policy_table *t, struct buf *b)
{
	buf_char(b, '[');
	for (size_t i = 0; i < t->column_count; i++) {
		if (i) buf_char(b, ',');
		buf_c(b, "{\"name\":");
		buf_json(b, t->columns[i].name);
		if (d->columns[i].hidden)
			buf_c(b, ",\"access\":\"hidden\"}");
		else if (d->columns[i].mask != MASK_NONE)
			buf_printf(b, ",\"access\":\"masked:%s\"}", mask_name(d->columns[i].mask));
		else
			buf_c(b, ",\"access\":\"visible\"}");
	}
	buf_char(b, ']');
}

static void
explain_json(struct request *rq, Str principal, Str table, const struct mesh_table *t, const struct policy_decision *d,
             const struct policy_trace *trace, struct buf *b)
{
	const struct mesh_grant *g = mesh_grant(rq->core->mesh, d->grant_id);
	bool first = true, allow = d->verdict == VERDICT_ALLOW;
	char mark[32];

	buf_char(b, '{');
	member_text(b, "principal", principal, &first);
	member_text(b, "table", table, &first);
	member_text(b, "purpose", arg(rq, "purpose"), &first);
	member_text(b, "verdict", allow ? S("allow") : S("refuse"), &first);
	member_text(b, "reason", d->reason, &first);
	member_text(b, "grant", d->grant_id, &first);
	member_key(b, "purposes", &first);
	grant_purposes_json(g, b);
	member_time(b, "until", allow ? d->until : 0, &first);
	member_text(b, "rows", allow && g ? g->rows_text : S(""), &first);
	member_key(b, "columns", &first);
	if (allow)
		explain_columns(d, &t->policy, b);
	else
		buf_c(b, "[]");
	member_key(b, "trace", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < trace->count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, trace->lines[i]);
	}
	buf_char(b, ']');
	member_text(b, "mark", str_c(core_mark(rq->core, mark)), &first);
	buf_char(b, '}');
}

static const char may_not_explain[] = "you may ask about yourself, your own domain's people and your own domain's products";

/* Somebody's own access, that to one's own domain's products, and everything for auditors and the center. */
static Err
may_explain(struct request *rq, Str person_id, const struct mesh_product *p)
{
	const struct mesh_member *m = mesh_member(rq->core->mesh, person_id);

	if (sees_all(rq) || str_eq(person_id, rq->person_id) || str_eq(p->domain_id, rq->domain_id)) return OK;
	ENSURE(&rq->c, m && str_eq(m->domain_id, rq->domain_id) && rq->role == ROLE_OWNER, DENIED,
	       "%s", may_not_explain);
	return OK;
}

Err
handle_explain(struct request *rq)
{
	Str who = arg(rq, "principal"), table = arg(rq, "table"), purpose = arg(rq, "purpose"), id;
	const struct mesh_product *p;
	const struct mesh_table *t = mesh_table_by_name(rq->core->mesh, table, &p);
	struct policy_trace trace = {0};
	struct policy_decision d;
	enum principal_kind kind;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, t && product_visible(rq, p), NOT_FOUND, "there is no table '%.*s'; write domain.product.table", STR(table));
	ENSURE(&rq->c, purpose.n == 0 || str_is_ident(purpose), INVALID, "'%.*s' is no purpose: a-z, 0-9 and _, at most 64", STR(purpose));
	Err e = principal_resolve(rq, who, &kind, &id);
	/* who may not ask about others is not told who there is */
	if (e.code == ERR_NOT_FOUND && !sees_all(rq) && !str_eq(p->domain_id, rq->domain_id)) return err_set(&rq->c, ERR_DENIED, "%s", may_not_explain);
	TRY(e);
	if (kind == PRINCIPAL_PERSON) {
		TRY(may_explain(rq, id, p));
	} else {
		ENSURE(&rq->c, sees_all(rq) || str_eq(id, rq->domain_id) || str_eq(p->domain_id, rq->domain_id),
		       DENIED, "you may ask about your own domain and your own domain's products");
	}
	mesh_explain(rq->core->mesh, &rq->arena, kind, id, p, t, purpose, core_now(), &trace, &d);
	explain_json(rq, principal_text(rq, kind, id), table, t, &d, &trace, &b);
	reply_json(rq, 200, &b);
	return OK;
}

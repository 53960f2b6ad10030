/* Grants: declared by the owner in their own log, listed, revoked. */
#include "core/access/grants.h"

#include "core/access/policies.h"

const char *
grant_state(struct request *rq, const struct mesh_grant *g)
{
	Time now = core_now();

	if (g->policy.revoked) return "revoked";
	if (mesh_grant_joined(rq->core->mesh, &rq->arena, g)->voided) return "voided";
	if (now >= g->policy.until) return "expired";
	if (approvals_demanded(rq)) {
		struct mesh_approvals x = mesh_grant_approvals(rq->core->mesh, &rq->arena, g, NULL);
		if (x.has < x.needed) return "waits";
	}
	return now < g->policy.from ? "not_yet" : "active";
}

Str
grant_object(struct request *rq, const struct mesh_grant *g)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, g->policy.product_id);
	Str name = p ? product_name(rq, p) : S("(unknown)");

	if (g->tags_text.n)
		return arena_printf(&rq->arena, "%.*s: %.*s%s", STR(domain_name(rq, g->policy.issuer_domain_id)), STR(g->tags_text),
		                    g->policy.future ? ", also what comes" : "");
	return g->policy.table.n ? arena_printf(&rq->arena, "%.*s.%.*s", STR(name), STR(g->policy.table)) : name;
}

void
grant_purposes_json(const struct mesh_grant *g, struct buf *b)
{
	buf_char(b, '[');
	for (size_t i = 0; g && i < g->policy.purpose_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, g->policy.purposes[i]);
	}
	buf_char(b, ']');
}

void
grant_fields(struct request *rq, const struct mesh_grant *g, bool may, struct buf *b, bool *first)
{
	const struct policy_grant *p = &g->policy;
	struct terms t = {.from = p->from, .until = p->until, .interactions = p->interactions, .rows_text = g->rows_text, .masks = p->masks,
	                  .mask_count = p->mask_count, .hidden = p->hidden, .hidden_count = p->hidden_count};

	member_text(b, "id", p->id, first);
	member_text(b, "grant", p->id, first);
	member_text(b, "object", grant_object(rq, g), first);
	if (g->tags_text.n) {
		member_text(b, "tags", g->tags_text, first);
		member_bool(b, "future", p->future, first);
	}
	member_text(b, "to", principal_text(rq, p->to_kind, p->to_id), first);
	member_key(b, "purposes", first);
	grant_purposes_json(g, b);
	terms_json(&t, b, first);
	demands_json(&p->terms, b, first);
	member_text(b, "state", str_c(grant_state(rq, g)), first);
	member_text(b, "by", person_name(rq, g->by), first);
	member_time(b, "added", g->added, first);
	member_text(b, "request", g->request_id, first);
	grant_approvals_json(rq, g, may, b, first);
}

Err
grant_say(struct request *rq, struct mesh_grant *g, Str *ret_id)
{
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;

	crypt_short_id("grt_", id);
	g->policy.id = str_c(id);
	g->policy.issuer_domain_id = rq->domain_id;
	g->by = rq->person_id;
	g->added = core_now();
	body_grant(&body, g);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_GRANT_ADD, rq->person_id, buf_view(&body)));
	*ret_id = arena_str(&rq->arena, str_c(id));
	return OK;
}

Err
grant_reply(struct request *rq, Str domain_id, Str id, unsigned status)
{
	BUF_AUTO b = BUF_INIT;
	bool first = true;

	buf_char(&b, '{');
	grant_fields(rq, mesh_grant_in(rq->core->mesh, domain_id, id), true, &b, &first);
	buf_char(&b, '}');
	reply_json(rq, status, &b);
	return OK;
}

/* --- giving --- */

/* One product or table; strings of what it found are kept. */
static Err
object_scope(struct request *rq, Str object, struct scope *ret, struct mesh_grant *g)
{
	Str domain, product, rest = str_cut(object, '.', &domain);
	const struct mesh_product *p;

	rest = str_cut(rest, '.', &product);
	TRY(product_find(rq, arena_printf(&rq->arena, "%.*s.%.*s", STR(domain), STR(product)), &p));
	g->policy.product_id = arena_str(&rq->arena, p->id);
	g->policy.table = rest.p ? rest : S("");
	ENSURE(&rq->c, rq->role == ROLE_OWNER, DENIED, "only the owner of %.*s grants access to %.*s", STR(domain), STR(object));
	if (rest.p)
		ENSURE(&rq->c, mesh_table_by_name(rq->core->mesh, object, NULL), NOT_FOUND, "there is no table '%.*s'", STR(object));
	*ret = (struct scope){.product = p, .domain_id = p->domain_id, .table = g->policy.table};
	return OK;
}

/* Everything of one's own domain with such tags. What the expression means is fixed now: it is signed with its values spelt out. */
static Err
tags_scope(struct request *rq, Str tags, struct scope *ret, struct mesh_grant *g)
{
	Str in = arg(rq, "in");
	BUF_AUTO canonical = BUF_INIT;

	ENSURE(&rq->c, in.n == 0 || str_eq(in, domain_name(rq, rq->domain_id)), DENIED, "only %.*s can grant on what is its own; you act for %.*s",
	       STR(in), STR(domain_name(rq, rq->domain_id)));
	ENSURE(&rq->c, rq->role == ROLE_OWNER, DENIED, "only the owner of %.*s grants access to its products", STR(domain_name(rq, rq->domain_id)));
	TRY(tagexpr_parse(&rq->c, tags, vocabulary_of, rq->core->mesh, true, &g->policy.tags));
	tagexpr_print(g->policy.tags, &canonical);
	g->tags_text = arena_str(&rq->arena, buf_view(&canonical));
	g->policy.future = api_arg_bool(&rq->args, "future");
	*ret = (struct scope){.domain_id = rq->domain_id, .table = S("")};
	return OK;
}

static Err
grant_scope(struct request *rq, struct scope *ret, struct mesh_grant *g)
{
	Str object = arg(rq, "object"), tags = arg(rq, "tags");

	ENSURE(&rq->c, (object.n > 0) != (tags.n > 0), INVALID, "name either a product or table, or --tags EXPR");
	ENSURE(&rq->c, tags.n || (arg(rq, "in").n == 0 && !api_arg_bool(&rq->args, "future")), INVALID, "--in and --future go with --tags");
	return tags.n ? tags_scope(rq, tags, ret, g) : object_scope(rq, object, ret, g);
}

/* Where a person's grants are said: in their own domain's log, whatever they are about. The fold refuses what is not its own. */
Err
handle_grant_add(struct request *rq)
{
	struct mesh_grant g = {.policy.table = S(""), .policy.product_id = S("")};
	struct terms t = {.interactions = INTERACT_SQL | INTERACT_API, .rows_text = S("")};
	struct principal to;
	struct scope s;
	Str id;

	TRY(grant_scope(rq, &s, &g));
	TRY(principal_find(rq, arg(rq, "to"), &to));
	ENSURE(&rq->c, to.kind != PRINCIPAL_PERSON || !str_eq(human_of(rq, to.id), human_of(rq, rq->person_id)), DENIED,
	       "nobody grants to themselves, also not to another account; another owner of %.*s can", STR(domain_name(rq, rq->domain_id)));
	TRY(terms_purposes(rq, arg(rq, "purpose"), &g.policy.purposes, &g.policy.purpose_count));
	TRY(terms_parse(rq, &s, &t));
	TRY(demands_parse(rq, &s, &g.policy.terms));
	ENSURE(&rq->c, !g.policy.future || t.until != TIME_FOREVER, INVALID,
	       "--future also opens what nobody has seen yet, so it needs an end: --until 2027-06-30");
	terms_into_grant(&t, &g);
	g.policy.to_kind = to.kind;
	g.policy.to_id = to.id;
	g.policy.to_domain_id = to.kind == PRINCIPAL_GROUP ? to.domain_id : S("");
	TRY(grant_say(rq, &g, &id));
	return grant_reply(rq, rq->domain_id, id, 201);
}

/* --- who sees which --- */

bool
grant_to_me(struct request *rq, const struct mesh_grant *g)
{
	const struct policy_grant *p = &g->policy;

	switch (p->to_kind) {
	case PRINCIPAL_DOMAIN: return str_eq(p->to_id, rq->domain_id);
	case PRINCIPAL_PERSON: return str_eq(p->to_id, rq->person_id);
	case PRINCIPAL_GROUP: return str_eq(p->to_domain_id, rq->domain_id) && group_has(rq, p->to_domain_id, p->to_id, rq->person_id);
	}
	return false;
}

/* One sees the grants of one's own products, those to oneself, one's groups and one's domain, and those one is asked to stand up for;
 * auditors and the center see all. */
bool
grant_visible(struct request *rq, const struct mesh_grant *g)
{
	const struct policy_grant *p = &g->policy;

	if (sees_all(rq) || str_eq(p->issuer_domain_id, rq->domain_id) || grant_to_me(rq, g)) return true;
	if (p->to_kind == PRINCIPAL_GROUP && str_eq(p->to_domain_id, rq->domain_id) && rq->role == ROLE_OWNER) return true;
	return !p->revoked && approvals_demanded(rq) && mesh_may_approve(rq->core->mesh, &rq->arena, g, rq->person_id);
}

Err
grant_find(struct request *rq, Str id, const struct mesh_grant **ret)
{
	const struct mesh_grant *g = mesh_grant_in(rq->core->mesh, rq->domain_id, id);
	const struct mesh_domain **domains;
	size_t n = g ? 0 : mesh_domains(rq->core->mesh, &rq->arena, &domains);

	for (size_t i = 0; i < n && !g; i++) {
		g = mesh_grant_in(rq->core->mesh, domains[i]->id, id);
		if (g && !grant_visible(rq, g)) g = NULL;
	}
	ENSURE(&rq->c, g, NOT_FOUND, "there is no grant '%.*s'", STR(id));
	*ret = g;
	return OK;
}

Err
handle_grant(struct request *rq)
{
	const struct mesh_grant *g;

	TRY(grant_find(rq, arg(rq, "grant"), &g));
	return grant_reply(rq, arena_str(&rq->arena, g->policy.issuer_domain_id), g->policy.id, 200);
}

Err
handle_grant_revoke(struct request *rq)
{
	Str id = arg(rq, "grant");
	const struct mesh_grant *g;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	bool first = true;
	int64_t from = core_ns();

	TRY(grant_find(rq, id, &g));
	TRY(need_role(rq, g->policy.issuer_domain_id, "revoke this grant", ROLE_BIT(OWNER)));
	body_revoke(&body, id);
	if (!g->policy.revoked) TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_GRANT_REVOKE, rq->person_id, buf_view(&body))); /* said once, told once */
	access_narrowed(rq->core);
	core_commit(rq->core);
	g = mesh_grant_in(rq->core->mesh, rq->domain_id, id);
	buf_char(&b, '{');
	member_text(&b, "id", id, &first);
	member_text(&b, "state", S("revoked"), &first);
	member_time(&b, "revoked_at", g->revoked_at, &first);
	member_key(&b, "effective_ms", &first);
	buf_printf(&b, "%.3f}", (double)(core_ns() - from) / 1e6);
	reply_json(rq, 200, &b);
	return OK;
}

/* Delegations: what a domain was granted, handed on to its own people, groups and services, or less of it. The decision joins them with
 * the grant, so nothing said here can widen it; what would be in vain is refused at the door. */
#include "core/access/grants.h"

static const struct mesh_grant *
grant_of(struct request *rq, const struct mesh_delegation *d)
{
	return mesh_grant_in(rq->core->mesh, d->policy.issuer_domain_id, d->policy.grant_id);
}

static const char *
delegation_state(struct request *rq, const struct mesh_delegation *d)
{
	const struct mesh_grant *g = grant_of(rq, d);
	Time now = core_now();

	if (d->policy.ended) return "ended";
	if (d->policy.voided) return "voided";
	if (now >= d->policy.until || !g || g->policy.revoked || g->policy.voided || now >= g->policy.until) return "expired";
	return now < d->policy.from ? "not_yet" : "active";
}

static Str
delegation_object(struct request *rq, const struct mesh_delegation *d)
{
	const struct mesh_grant *g = grant_of(rq, d);
	Str object = g ? grant_object(rq, g) : S("(unknown)");

	if (!g || d->policy.table.n == 0 || g->policy.table.n) return object;
	return arena_printf(&rq->arena, "%.*s.%.*s", STR(object), STR(d->policy.table));
}

static void
delegation_fields(struct request *rq, const struct mesh_delegation *d, struct buf *b, bool *first)
{
	const struct policy_delegation *p = &d->policy;
	struct terms t = {.from = p->from, .until = p->until, .interactions = p->interactions, .rows_text = d->rows_text, .masks = p->masks,
	                  .mask_count = p->mask_count, .hidden = p->hidden, .hidden_count = p->hidden_count};

	member_text(b, "id", p->id, first);
	member_text(b, "grant", p->grant_id, first);
	member_text(b, "object", delegation_object(rq, d), first);
	member_text(b, "domain", domain_name(rq, p->domain_id), first);
	member_text(b, "to", principal_text(rq, p->to_kind, p->to_id), first);
	member_texts(b, "purposes", p->purposes, p->purpose_count, first);
	terms_json(&t, b, first);
	member_text(b, "state", str_c(delegation_state(rq, d)), first);
	member_text(b, "by", person_name(rq, d->by), first);
	member_time(b, "added", d->added, first);
}

/* --- handing on --- */

/* A table of the product's own spelling; of a grant by tags as it is written. */
static Err
table_of(struct request *rq, const struct mesh_grant *g, const struct mesh_product *p, Str *ret)
{
	Str table = arg(rq, "table");

	*ret = table.n ? table : arena_str(&rq->arena, g->policy.table);
	if (table.n == 0 || !p) return OK;
	for (size_t i = 0; i < p->table_count; i++) {
		if (!str_ieq(p->tables[i].policy.name, table)) continue;
		*ret = arena_str(&rq->arena, p->tables[i].policy.name);
		return OK;
	}
	return err_set(&rq->c, ERR_NOT_FOUND, "there is no table '%.*s' in %.*s", STR(table), STR(product_name(rq, p)));
}

/* Somebody of this domain. */
static Err
local_principal(struct request *rq, struct principal *ret)
{
	Str to = arg(rq, "to");

	TRY(principal_find(rq, to, ret));
	ENSURE(&rq->c, ret->kind != PRINCIPAL_DOMAIN, INVALID, "--to '%.*s': hand on to a user:, group: or service: of your domain", STR(to));
	ENSURE(&rq->c, str_eq(ret->domain_id, rq->domain_id), DENIED, "'%.*s' is not of %.*s; a domain hands on to its own people only", STR(to),
	       STR(domain_name(rq, rq->domain_id)));
	return OK;
}

/* What is not said is as the grant has it. What is said and goes beyond it, the mesh's door refuses. */
static Err
terms_of(struct request *rq, const struct mesh_grant *g, const struct scope *s, struct mesh_delegation *d)
{
	struct terms t = {.from = g->policy.from, .until = g->policy.until, .rows_text = S("")};

	if (arg(rq, "purpose").n) TRY(terms_purposes(rq, arg(rq, "purpose"), &d->policy.purposes, &d->policy.purpose_count));
	TRY(terms_parse(rq, s, &t));
	d->policy.from = t.from;
	d->policy.until = t.until;
	d->policy.interactions = t.interactions;
	d->policy.rows = t.rows;
	d->policy.masks = t.masks;
	d->policy.mask_count = t.mask_count;
	d->policy.hidden = t.hidden;
	d->policy.hidden_count = t.hidden_count;
	d->rows_text = t.rows_text;
	return OK;
}

static Err
say_delegation(struct request *rq, struct mesh_delegation *d)
{
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	bool first = true;

	crypt_short_id("dlg_", id);
	d->policy.id = str_c(id);
	body_delegation(&body, d);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_DELEGATION_ADD, rq->person_id, buf_view(&body)));
	buf_char(&b, '{');
	delegation_fields(rq, mesh_delegation(rq->core->mesh, rq->domain_id, str_c(id)), &b, &first);
	const struct mesh_domain *mine = mesh_domain(rq->core->mesh, rq->domain_id);
	if (mine && !mine->handing_named)
		member_text(&b, "note", arena_printf(&rq->arena, "everybody in %.*s uses what it was granted; heddle domain set %.*s --handing named leaves it to those you hand it on to",
		                                     STR(mine->name), STR(mine->name)), &first);
	buf_char(&b, '}');
	reply_json(rq, 201, &b);
	return OK;
}

Err
handle_delegation_add(struct request *rq)
{
	struct mesh_delegation d = {.by = rq->person_id, .added = core_now()};
	const struct mesh_grant *g;
	struct principal to;

	TRY(grant_find(rq, arg(rq, "grant"), &g));
	ENSURE(&rq->c, g->policy.to_kind == PRINCIPAL_DOMAIN && str_eq(g->policy.to_id, rq->domain_id), DENIED,
	       "grant %.*s was not made to %.*s; only what your domain was granted can be handed on", STR(g->policy.id), STR(domain_name(rq, rq->domain_id)));
	TRY(need_role(rq, g->policy.to_id, "hand on what it was granted", ROLE_BIT(OWNER)));
	ENSURE(&rq->c, !g->policy.revoked && core_now() < g->policy.until, CONFLICT, "grant %.*s is %s", STR(g->policy.id), grant_state(rq, g));
	TRY(local_principal(rq, &to));
	const struct mesh_product *p = mesh_product(rq->core->mesh, g->policy.product_id);
	TRY(table_of(rq, g, p, &d.policy.table));
	struct scope s = {.product = p, .domain_id = g->policy.issuer_domain_id, .table = d.policy.table};
	TRY(terms_of(rq, g, &s, &d));
	d.policy.domain_id = rq->domain_id;
	d.policy.grant_id = arena_str(&rq->arena, g->policy.id);
	d.policy.issuer_domain_id = arena_str(&rq->arena, g->policy.issuer_domain_id);
	d.policy.to_kind = to.kind;
	d.policy.to_id = to.id;
	return say_delegation(rq, &d);
}

/* --- lists, and the end --- */

/* Of one's own domain: all for its owners and auditors, for others what was handed on to them. */
static bool
delegation_visible(struct request *rq, const struct mesh_delegation *d)
{
	const struct policy_delegation *p = &d->policy;

	if (sees_all(rq)) return true;
	if (!str_eq(p->domain_id, rq->domain_id)) return false;
	if (rq->role == ROLE_OWNER || rq->role == ROLE_AUDITOR) return true;
	return p->to_kind == PRINCIPAL_GROUP ? group_has(rq, p->domain_id, p->to_id, rq->person_id) : str_eq(p->to_id, rq->person_id);
}

Err
handle_delegations(struct request *rq)
{
	const struct mesh_delegation **all;
	size_t n = mesh_delegations(rq->core->mesh, &rq->arena, sees_all(rq) ? S("") : rq->domain_id, &all), shown = 0;
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"delegations\":[");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		if (!delegation_visible(rq, all[i])) continue;
		buf_c(&b, shown++ ? ",{" : "{");
		delegation_fields(rq, all[i], &b, &first);
		buf_char(&b, '}');
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_delegation_end(struct request *rq)
{
	Str id = arg(rq, "delegation");
	const struct mesh_delegation *d = mesh_delegation(rq->core->mesh, rq->domain_id, id);
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	bool first = true;

	ENSURE(&rq->c, d && delegation_visible(rq, d), NOT_FOUND, "there is no delegation '%.*s'", STR(id));
	TRY(need_role(rq, d->policy.domain_id, "take back what was handed on", ROLE_BIT(OWNER)));
	body_delegation_end(&body, id);
	if (!d->policy.ended) TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_DELEGATION_END, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core);
	buf_char(&b, '{');
	delegation_fields(rq, mesh_delegation(rq->core->mesh, rq->domain_id, id), &b, &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

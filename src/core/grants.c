/* Grants: declared by the owner in their own log, listed, revoked. */
#include "core/grants.h"

static const char *
grant_state(const struct mesh_grant *g, Time now)
{
	if (g->policy.revoked) return "revoked";
	if (now >= g->policy.until) return "expired";
	return now < g->policy.from ? "not_yet" : "active";
}

static Str
grant_object(struct request *rq, const struct mesh_grant *g)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, g->policy.product_id);
	Str name = p ? product_name(rq, p) : S("(unknown)");

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

static void
grant_fields(struct request *rq, const struct mesh_grant *g, struct buf *b, bool *first)
{
	const struct policy_grant *p = &g->policy;

	member_text(b, "id", p->id, first);
	member_text(b, "grant", p->id, first);
	member_text(b, "object", grant_object(rq, g), first);
	member_text(b, "to", principal_text(rq, p->to_kind, p->to_id), first);
	member_key(b, "purposes", first);
	grant_purposes_json(g, b);
	member_time(b, "from", p->from, first);
	member_time(b, "until", p->until, first);
	member_text(b, "rows", g->rows_text, first);
	member_key(b, "masks", first);
	buf_char(b, '{');
	for (size_t i = 0; i < p->mask_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, p->masks[i].column);
		buf_printf(b, ":\"%s\"", mask_name(p->masks[i].kind));
	}
	buf_char(b, '}');
	member_key(b, "hide", first);
	buf_char(b, '[');
	for (size_t i = 0; i < p->hidden_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, p->hidden[i]);
	}
	buf_char(b, ']');
	member_text(b, "state", str_c(grant_state(g, core_now())), first);
	member_text(b, "by", person_name(rq, g->by), first);
	member_time(b, "added", g->added, first);
	member_text(b, "request", g->request_id, first);
}

/* Say the grant, durable before anybody hears of it; *ret_id is its id. */
Err
grant_say(struct request *rq, Str log_domain, Str product_id, Str table, enum principal_kind to_kind, Str to_id, const Str *purposes,
          size_t purpose_count, const struct terms *t, Str request_id, Str *ret_id)
{
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	struct mesh_grant g = {
	    .policy = {.product_id = product_id, .table = table, .to_kind = to_kind, .to_id = to_id, .purposes = purposes,
	               .purpose_count = purpose_count, .from = t->from, .until = t->until,
	               .interactions = INTERACT_SQL | INTERACT_API, .rows = t->rows, .masks = t->masks, .mask_count = t->mask_count,
	               .hidden = t->hidden, .hidden_count = t->hidden_count, .issuer_domain_id = log_domain},
	    .rows_text = t->rows_text, .request_id = request_id, .by = rq->person_id, .added = core_now()};

	crypt_short_id("grt_", id);
	g.policy.id = str_c(id);
	body_grant(&body, &g);
	TRY(core_say(rq->core, &rq->c, log_domain, EVENT_GRANT_ADD, rq->person_id, buf_view(&body)));
	*ret_id = arena_str(&rq->arena, str_c(id));
	return OK;
}

Err
grant_reply(struct request *rq, Str id, unsigned status)
{
	BUF_AUTO b = BUF_INIT;
	bool first = true;

	buf_char(&b, '{');
	grant_fields(rq, mesh_grant(rq->core->mesh, id), &b, &first);
	buf_char(&b, '}');
	reply_json(rq, status, &b);
	return OK;
}

/* Where a person's grants are said: in their own domain's log, whatever they are about. The fold refuses what is not its own. */
Err
handle_grant_add(struct request *rq)
{
	Str object = arg(rq, "object"), domain, product, table = S(""), to_id, id, rest, product_id;
	const struct mesh_product *p;
	enum principal_kind to_kind;
	const Str *purposes;
	size_t purpose_count;
	struct terms t;

	rest = str_cut(object, '.', &domain);
	rest = str_cut(rest, '.', &product);
	if (rest.p) table = rest;
	TRY(product_find(rq, arena_printf(&rq->arena, "%.*s.%.*s", STR(domain), STR(product)), &p));
	product_id = arena_str(&rq->arena, p->id);
	ENSURE(&rq->c, rq->role == ROLE_OWNER, DENIED, "only the owner of %.*s grants access to %.*s", STR(domain), STR(object));
	if (table.n)
		ENSURE(&rq->c, mesh_table_by_name(rq->core->mesh, object, NULL), NOT_FOUND, "there is no table '%.*s'", STR(object));
	TRY(principal_resolve(rq, arg(rq, "to"), &to_kind, &to_id));
	TRY(terms_purposes(rq, arg(rq, "purpose"), &purposes, &purpose_count));
	TRY(terms_parse(rq, p, table, &t));
	TRY(grant_say(rq, rq->domain_id, product_id, table, to_kind, to_id, purposes, purpose_count, &t, S(""), &id));
	return grant_reply(rq, id, 201);
}

/* One sees the grants of one's own products, and those to oneself or one's domain; auditors and the center see all. */
static bool
grant_visible(const struct request *rq, const struct mesh_grant *g)
{
	return sees_all(rq) || str_eq(g->policy.issuer_domain_id, rq->domain_id) ||
	       str_eq(g->policy.to_id, rq->domain_id) || str_eq(g->policy.to_id, rq->person_id);
}

static void
tightened_json(struct request *rq, const struct mesh_grant *g, struct buf *b)
{
	const struct mesh_restriction **rs;
	size_t n = mesh_restrictions(rq->core->mesh, &rq->arena, &rs);
	const struct mesh_product *p = mesh_product(rq->core->mesh, g->policy.product_id);
	bool any = false;

	buf_char(b, '[');
	for (size_t i = 0; p && i < n; i++) {
		const struct policy_restriction *r = &rs[i]->policy;
		if (r->lifted || r->suspend || (r->product_id.n && !str_eq(r->product_id, p->id))) continue;
		for (size_t t = 0; t < p->table_count; t++)
			for (size_t k = 0; k < p->tables[t].policy.column_count; k++) {
				const struct policy_column *col = &p->tables[t].policy.columns[k];
				if (!str_eq(col->classification, r->classification)) continue;
				if (g->policy.table.n && !str_eq(g->policy.table, p->tables[t].policy.name)) continue;
				buf_c(b, any ? ",{\"column\":" : "{\"column\":");
				any = true;
				buf_json(b, col->name);
				buf_printf(b, ",\"mask\":\"%s\",\"restriction\":", mask_name(r->mask));
				buf_json(b, r->id);
				buf_char(b, '}');
			}
	}
	buf_char(b, ']');
}

Err
handle_grants(struct request *rq)
{
	const struct mesh_grant **grants;
	size_t n = mesh_grants(rq->core->mesh, &rq->arena, &grants), shown = 0;
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"grants\":[");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		if (!grant_visible(rq, grants[i])) continue;
		buf_c(&b, shown++ ? ",{" : "{");
		grant_fields(rq, grants[i], &b, &first);
		member_key(&b, "tightened", &first);
		tightened_json(rq, grants[i], &b);
		buf_char(&b, '}');
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_grant_revoke(struct request *rq)
{
	Str id = arg(rq, "grant");
	const struct mesh_grant *g = mesh_grant(rq->core->mesh, id);
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	bool first = true;
	int64_t from = core_ns();

	ENSURE(&rq->c, g && grant_visible(rq, g), NOT_FOUND, "there is no grant '%.*s'", STR(id));
	TRY(need_role(rq, g->policy.issuer_domain_id, "revoke this grant", ROLE_BIT(OWNER)));
	body_revoke(&body, id);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_GRANT_REVOKE, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core);
	core_commit(rq->core);
	g = mesh_grant(rq->core->mesh, id);
	buf_char(&b, '{');
	member_text(&b, "id", id, &first);
	member_text(&b, "state", S("revoked"), &first);
	member_time(&b, "revoked_at", g->revoked_at, &first);
	member_key(&b, "effective_ms", &first);
	buf_printf(&b, "%.3f}", (double)(core_ns() - from) / 1e6);
	reply_json(rq, 200, &b);
	return OK;
}

/* Requests, grants, restrictions: what people declare about access, and why a table is open or closed to somebody. */
#include <string.h>

#include "core/request.h"
#include "crypt/encode.h"

/* --- the terms of a grant, as they come with approve and grant --- */

struct terms {
	Time from, until;
	Str rows_text;
	const struct predicate *rows;
	struct policy_mask *masks;
	size_t mask_count;
	const Str *hidden;
	size_t hidden_count;
};

static Err
parse_until(struct request *rq, const char *name, Time *ret)
{
	Str text = arg(rq, name);
	Time t;

	*ret = TIME_FOREVER;
	if (text.n == 0) return OK;
	ENSURE(&rq->c, time_parse(text, true, &t), INVALID, "--%s '%.*s': write a date (2027-06-30) or a time (2027-06-30T12:00:00Z)", name,
	       STR(text));
	ENSURE(&rq->c, t > core_now(), INVALID, "--%s '%.*s' is in the past", name, STR(text));
	*ret = t;
	return OK;
}

static const struct policy_column *
find_column(const struct mesh_product *p, Str table, Str column)
{
	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		if (table.n && !str_ieq(t->name, table)) continue;
		for (size_t k = 0; k < t->column_count; k++)
			if (str_ieq(t->columns[k].name, column)) return &t->columns[k];
	}
	return NULL;
}

static Err
parse_masks(struct request *rq, const struct mesh_product *p, Str table, struct terms *t)
{
	List pairs = api_arg_list(&rq->args, &rq->arena, "masks");

	t->masks = NEW_N(&rq->arena, pairs.n / 2, struct policy_mask);
	for (size_t i = 0; i + 1 < pairs.n; i += 2) {
		struct policy_mask *m = &t->masks[t->mask_count++];
		const struct policy_column *col = find_column(p, table, pairs.v[i]);
		ENSURE(&rq->c, col, INVALID, "--mask %.*s: no such column in %.*s", STR(pairs.v[i]), STR(product_name(rq, p)));
		ENSURE(&rq->c, mask_parse(pairs.v[i + 1], &m->kind), INVALID, "--mask %.*s=%.*s: masks are hash, null, constant, last4, year",
		       STR(pairs.v[i]), STR(pairs.v[i + 1]));
		ENSURE(&rq->c, mask_fits(m->kind, col->type), INVALID, "--mask %.*s=%.*s does not fit a column of type %.*s", STR(pairs.v[i]),
		       STR(pairs.v[i + 1]), STR(col->type));
		m->column = arena_str(&rq->arena, col->name);
	}
	return OK;
}

static Err
parse_hidden(struct request *rq, const struct mesh_product *p, Str table, struct terms *t)
{
	List names = api_arg_list(&rq->args, &rq->arena, "hide");
	Str *hidden = NEW_N(&rq->arena, names.n, Str);

	for (size_t i = 0; i < names.n; i++) {
		const struct policy_column *col = find_column(p, table, names.v[i]);
		ENSURE(&rq->c, col, INVALID, "--hide %.*s: no such column in %.*s", STR(names.v[i]), STR(product_name(rq, p)));
		hidden[i] = arena_str(&rq->arena, col->name);
	}
	t->hidden = hidden;
	t->hidden_count = names.n;
	return OK;
}

/* A row filter must make sense on every table that the grant covers, or it would close them without a word. */
static Err
parse_rows(struct request *rq, const struct mesh_product *p, Str table, struct terms *t)
{
	Str text = arg(rq, "rows");
	BUF_AUTO canonical = BUF_INIT;
	Str *columns;

	if (text.n == 0) return OK;
	TRY(predicate_parse(&rq->c, text, &t->rows));
	size_t n = predicate_columns(t->rows, &rq->arena, &columns);
	for (size_t i = 0; i < p->table_count; i++) {
		if (table.n && !str_ieq(p->tables[i].policy.name, table)) continue;
		for (size_t k = 0; k < n; k++)
			ENSURE(&rq->c, find_column(p, p->tables[i].policy.name, columns[k]), INVALID,
			       "--rows names column %.*s, which table %.*s does not have", STR(columns[k]), STR(p->tables[i].policy.name));
		BUF_AUTO sql = BUF_INIT;
		Err e = policy_rows_sql(&rq->c, t->rows, &p->tables[i].policy, &sql);
		if (!err_ok(e)) return err_set(&rq->c, ERR_INVALID, "--rows: %s", arena_str(&rq->arena, str_c(err_detail(&rq->c, e))).p);
	}
	predicate_print(t->rows, &canonical);
	t->rows_text = arena_str(&rq->arena, buf_view(&canonical));
	return OK;
}

static Err
parse_terms(struct request *rq, const struct mesh_product *p, Str table, struct terms *ret)
{
	struct terms t = {0};
	Str from = arg(rq, "from");

	TRY(parse_until(rq, "until", &t.until));
	if (from.n) ENSURE(&rq->c, time_parse(from, false, &t.from), INVALID, "--from '%.*s': write a date or a time", STR(from));
	ENSURE(&rq->c, t.from < t.until, INVALID, "--from must be before --until");
	TRY(parse_masks(rq, p, table, &t));
	TRY(parse_hidden(rq, p, table, &t));
	TRY(parse_rows(rq, p, table, &t));
	*ret = t;
	return OK;
}

static Err
parse_purposes(struct request *rq, Str text, const Str **ret, size_t *ret_n)
{
	Str *v = NEW_N(&rq->arena, 16, Str), one;
	size_t n = 0;

	for (Str rest = text; rest.p;) {
		rest = str_cut(rest, ',', &one);
		one = str_trim(one);
		ENSURE(&rq->c, n < 16, INVALID, "at most 16 purposes");
		ENSURE(&rq->c, str_is_ident(one) || str_eqc(one, "*"), INVALID, "'%.*s' is no purpose: a-z, 0-9 and _, at most 64", STR(one));
		v[n++] = one;
	}
	ENSURE(&rq->c, n > 0, INVALID, "name the purpose: --purpose P");
	*ret = v;
	*ret_n = n;
	return OK;
}

/* --- grants --- */

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

static void
purposes_json(const struct mesh_grant *g, struct buf *b)
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
	purposes_json(g, b);
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
static Err
say_grant(struct request *rq, Str log_domain, Str product_id, Str table, enum principal_kind to_kind, Str to_id, const Str *purposes,
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

static Err
reply_grant(struct request *rq, Str id, unsigned status)
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
	TRY(parse_purposes(rq, arg(rq, "purpose"), &purposes, &purpose_count));
	TRY(parse_terms(rq, p, table, &t));
	TRY(say_grant(rq, rq->domain_id, product_id, table, to_kind, to_id, purposes, purpose_count, &t, S(""), &id));
	return reply_grant(rq, id, 201);
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

/* --- requests --- */

static void
approvers_json(struct request *rq, Str domain_id, struct buf *b)
{
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, domain_id, &members), shown = 0;

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (!members[i]->active || members[i]->role != ROLE_OWNER) continue;
		if (shown++) buf_char(b, ',');
		buf_json(b, person_name(rq, members[i]->person_id));
	}
	buf_char(b, ']');
}

static Str
reason_text(struct request *rq, Str commitment)
{
	uint8_t raw[32];
	struct ctx c = {.arena = &rq->arena};
	Str text;

	if (!hex_get_n(commitment, raw, sizeof raw)) return S("");
	return err_ok(directory_text_get(&c, rq->core->directory, raw, &text)) ? text : S("(erased)");
}

static void
request_json(struct request *rq, const struct mesh_request *r, struct buf *b)
{
	static const char *const states[] = {"pending", "approved", "denied", "withdrawn"};
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->product_id);
	const struct mesh_grant *g = NULL;
	Str deny = S("");
	enum request_state st = mesh_request_state(rq->core->mesh, r, &g, &deny);
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", r->id, &first);
	member_text(b, "product", p ? product_name(rq, p) : S("(unknown)"), &first);
	member_text(b, "domain", domain_name(rq, r->consumer_domain_id), &first);
	member_text(b, "person", person_name(rq, r->person_id), &first);
	member_text(b, "purpose", r->purpose, &first);
	member_time(b, "until", r->until, &first);
	member_text(b, "state", str_c(states[st]), &first);
	member_text(b, "reason", reason_text(rq, r->reason), &first);
	member_time(b, "opened", r->opened, &first);
	member_text(b, "grant", g ? g->policy.id : S(""), &first);
	member_text(b, "deny_reason", reason_text(rq, deny), &first);
	member_key(b, "approvers", &first);
	approvers_json(rq, r->producer_domain_id, b);
	buf_char(b, '}');
}

static Err
commit_text(struct request *rq, Str text, Str *ret)
{
	uint8_t raw[32];
	char hex[65];

	*ret = S("");
	if (text.n == 0) return OK;
	TRY(directory_text_put(&rq->c, rq->core->directory, text, raw));
	hex_text(raw, sizeof raw, hex);
	*ret = arena_str(&rq->arena, str_c(hex));
	return OK;
}

Err
handle_request_add(struct request *rq)
{
	const struct mesh_product *p;
	char id[CRYPT_SHORT_ID_MAX];
	struct mesh_request r = {.consumer_domain_id = rq->domain_id, .person_id = rq->person_id, .opened = core_now()};
	const Str *purposes;
	size_t purpose_count;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	TRY(product_find(rq, arg(rq, "product"), &p));
	ENSURE(&rq->c, !str_eq(p->domain_id, rq->domain_id), INVALID, "%.*s is your own domain's product; its owner can grant it directly",
	       STR(arg(rq, "product")));
	r.product_id = arena_str(&rq->arena, p->id);
	r.producer_domain_id = arena_str(&rq->arena, p->domain_id);
	TRY(parse_purposes(rq, arg(rq, "purpose"), &purposes, &purpose_count));
	ENSURE(&rq->c, purpose_count == 1 && !str_eqc(purposes[0], "*"), INVALID, "ask for one purpose at a time");
	r.purpose = purposes[0];
	TRY(parse_until(rq, "until", &r.until));
	TRY(commit_text(rq, arg(rq, "reason"), &r.reason));
	crypt_short_id("req_", id);
	r.id = str_c(id);
	body_request(&body, &r);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_OPEN, rq->person_id, buf_view(&body)));
	request_json(rq, mesh_request(rq->core->mesh, str_c(id)), &b);
	reply_json(rq, 201, &b);
	return OK;
}

static bool
request_visible(const struct request *rq, const struct mesh_request *r)
{
	return sees_all(rq) || str_eq(r->consumer_domain_id, rq->domain_id) ||
	       str_eq(r->producer_domain_id, rq->domain_id);
}

Err
handle_requests(struct request *rq)
{
	const struct mesh_request **requests;
	size_t n = mesh_requests(rq->core->mesh, &rq->arena, &requests), shown = 0;
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"requests\":[");
	for (size_t i = 0; i < n; i++) {
		if (!request_visible(rq, requests[i])) continue;
		if (shown++) buf_char(&b, ',');
		request_json(rq, requests[i], &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

/* The request, if it is this person's to decide and still open. Nobody decides on what they asked for themselves. */
static Err
request_to_decide(struct request *rq, const char *what, const struct mesh_request **ret)
{
	Str id = arg(rq, "request"), deny;
	const struct mesh_request *r = mesh_request(rq->core->mesh, id);
	const struct mesh_grant *g;

	ENSURE(&rq->c, r && request_visible(rq, r), NOT_FOUND, "there is no request '%.*s'", STR(id));
	TRY(need_role(rq, r->producer_domain_id, what, ROLE_BIT(OWNER)));
	ENSURE(&rq->c, !str_eq(r->person_id, rq->person_id), DENIED, "nobody decides on their own request");
	enum request_state st = mesh_request_state(rq->core->mesh, r, &g, &deny);
	ENSURE(&rq->c, st == REQUEST_PENDING, CONFLICT, "request %.*s is %s already", STR(id),
	       st == REQUEST_APPROVED ? "approved" : st == REQUEST_DENIED ? "denied" : "withdrawn");
	*ret = r;
	return OK;
}

Err
handle_request_approve(struct request *rq)
{
	const struct mesh_request *r;
	const struct mesh_product *p;
	struct terms t;
	Str id;

	TRY(request_to_decide(rq, "approve this request", &r));
	p = mesh_product(rq->core->mesh, r->product_id);
	ENSURE(&rq->c, p && !p->retired, NOT_FOUND, "the product of this request is gone");
	TRY(parse_terms(rq, p, S(""), &t));
	if (t.until == TIME_FOREVER) t.until = r->until; /* as asked, unless the owner says otherwise */
	Str product_id = arena_str(&rq->arena, p->id), to = arena_str(&rq->arena, r->consumer_domain_id);
	Str purpose = arena_str(&rq->arena, r->purpose), request_id = arena_str(&rq->arena, r->id);
	TRY(say_grant(rq, rq->domain_id, product_id, S(""), PRINCIPAL_DOMAIN, to, &purpose, 1, &t, request_id, &id));
	return reply_grant(rq, id, 201);
}

Err
handle_request_deny(struct request *rq)
{
	const struct mesh_request *r;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	Str reason, id;

	TRY(request_to_decide(rq, "deny this request", &r));
	id = arena_str(&rq->arena, r->id);
	TRY(commit_text(rq, arg(rq, "reason"), &reason));
	body_deny(&body, id, reason);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_DENY, rq->person_id, buf_view(&body)));
	request_json(rq, mesh_request(rq->core->mesh, id), &b);
	reply_json(rq, 200, &b);
	return OK;
}

/* --- restrictions of the center --- */

static void
restriction_json(struct request *rq, const struct mesh_restriction *r, struct buf *b)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->policy.product_id);
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", r->policy.id, &first);
	member_text(b, "classification", r->policy.classification, &first);
	member_text(b, "mask", r->policy.suspend ? S("") : str_c(mask_name(r->policy.mask)), &first);
	member_text(b, "product", p ? product_name(rq, p) : S(""), &first);
	member_bool(b, "suspend", r->policy.suspend, &first);
	member_text(b, "state", r->policy.lifted ? S("lifted") : S("active"), &first);
	member_text(b, "by", person_name(rq, r->by), &first);
	member_time(b, "added", r->added, &first);
	buf_char(b, '}');
}

/* Of a product that one may not know of, one learns nothing from its restriction either. */
static bool
restriction_visible(struct request *rq, const struct mesh_restriction *r)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->policy.product_id);

	return !p || sees_all(rq) || product_visible(rq, p);
}

Err
handle_restriction_add(struct request *rq)
{
	struct mesh_restriction r = {.by = rq->person_id, .added = core_now()};
	Str product = arg(rq, "product"), mask = arg(rq, "mask");
	const struct mesh_product *p;
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

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
	body_restriction(&body, &r);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_RESTRICTION_ADD, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core);
	restriction_json(rq, mesh_restriction(rq->core->mesh, str_c(id)), &b);
	reply_json(rq, 201, &b);
	return OK;
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
	Str id = arg(rq, "restriction");
	const struct mesh_restriction *r = mesh_restriction(rq->core->mesh, id);
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center lifts a restriction");
	ENSURE(&rq->c, r, NOT_FOUND, "there is no restriction '%.*s'", STR(id));
	body_lift(&body, id);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_RESTRICTION_LIFT, rq->person_id, buf_view(&body)));
	restriction_json(rq, mesh_restriction(rq->core->mesh, id), &b);
	reply_json(rq, 200, &b);
	return OK;
}

/* --- explain --- */

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
	purposes_json(g, b);
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

/* Domains and the people in them. The administrator (the center's owner) makes domains and invites people; a domain's further
 * owners are invited by its owner alone, because an owner can open data and the center must not. */
#include "core/keys/founding.h"
#include "crypt/encode.h"

enum { TOKEN_BYTES = 32 };

/* A new token: shown once, kept as its hash. */
static Err
issue_token(struct request *rq, Str person_id, Str *ret)
{
	uint8_t secret[TOKEN_BYTES], hash[CRYPT_HASH_BYTES];
	BUF_AUTO text = BUF_INIT;

	crypt_random(secret, sizeof secret);
	buf_c(&text, "hdl_");
	base64url_put(&text, str_of(secret, sizeof secret));
	crypt_sha256(buf_view(&text), hash);
	TRY(directory_token_add(&rq->c, rq->core->directory, hash, person_id));
	/* One's own new token ends the older ones: whoever handed over the first token knows it. */
	if (str_eq(person_id, rq->person_id)) TRY(directory_tokens_end(&rq->c, rq->core->directory, person_id, hash));
	*ret = arena_str(&rq->arena, buf_view(&text));
	crypt_wipe(secret, sizeof secret);
	crypt_wipe(text.p, text.n);
	return OK;
}

/* The person of that name, made when there is none, or when who had it has left: whoever comes back is somebody new. */
static Err
person_get_or_add(struct request *rq, Str name, Str *ret_id)
{
	char id[CRYPT_ID_MAX];
	Err e = directory_person_by_name(&rq->c, rq->core->directory, name, ret_id);

	if (err_ok(e)) {
		const struct mesh_member *m = mesh_member(rq->core->mesh, *ret_id);
		if (!m || m->active) return OK;
		TRY(directory_person_leave(&rq->c, rq->core->directory, *ret_id));
	} else if (e.code != ERR_NOT_FOUND) {
		return e;
	}
	rq->c.detail[0] = 0;
	crypt_random_id(id);
	*ret_id = arena_str(&rq->arena, str_c(id));
	return directory_person_add(&rq->c, rq->core->directory, *ret_id, name);
}

/* A program stays one, and a second account of somebody stays theirs, whatever else changes. */
static Err
set_member(struct request *rq, Str domain_id, Str person_id, enum role role, bool service, Str human_id)
{
	const struct mesh_member *m = mesh_member(rq->core->mesh, person_id);
	bool was = m && m->active;
	BUF_AUTO body = BUF_INIT;

	body_member_set(&body, person_id, role, service || (was && m->service), human_id.n || !was ? human_id : m->human_id);
	TRY(core_say(rq->core, &rq->c, domain_id, EVENT_MEMBER_SET, rq->person_id, buf_view(&body)));
	if (was) access_narrowed(rq->core); /* the role may have become smaller */
	return OK;
}

bool
sees_all(const struct request *rq)
{
	return rq->is_admin || (rq->role == ROLE_AUDITOR && str_eq(rq->domain_id, mesh_center(rq->core->mesh)));
}

/* Was this member let in by somebody who owns the domain? */
static bool
let_in_by_owner(const struct mesh *m, const struct mesh_member *member)
{
	const struct mesh_member *by = member ? mesh_member(m, member->added_by) : NULL;

	return by && mesh_member_counts(m, by) && by->role == ROLE_OWNER && str_eq(by->domain_id, member->domain_id);
}

bool
sees_values(const struct request *rq, Str domain_id)
{
	if (!str_eq(rq->domain_id, domain_id)) return false;
	if (rq->role == ROLE_OWNER) return true;
	return rq->role == ROLE_ENGINEER && let_in_by_owner(rq->core->mesh, mesh_member(rq->core->mesh, rq->person_id));
}

/* Whom a stolen key made one is none. While a log has two histories nobody can tell, and it is nobody's to give away. */
static bool
has_owner(const struct mesh *m, struct arena *a, Str domain_id)
{
	const struct mesh_member **members;
	const struct mesh_domain *d = mesh_domain(m, domain_id);
	size_t n = mesh_members(m, a, domain_id, &members);

	for (size_t i = 0; i < n; i++)
		if (members[i]->role == ROLE_OWNER && mesh_member_counts(m, members[i])) return true;
	return d && d->frozen;
}

static void
domain_json(struct request *rq, const struct mesh_domain *d, struct buf *b)
{
	const struct mesh_member **members;
	const struct mesh_product **products;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, d->id, &members), of = 0;
	size_t products_n = mesh_products(rq->core->mesh, &rq->arena, &products);
	bool first = true, first_owner = true;

	for (size_t i = 0; i < products_n; i++)
		of += !products[i]->retired && str_eq(products[i]->domain_id, d->id) && product_visible(rq, products[i]);
	buf_char(b, '{');
	member_text(b, "id", d->id, &first);
	member_text(b, "name", d->name, &first);
	member_bool(b, "center", d->center, &first);
	member_text(b, "handing", d->handing_named ? S("named") : S("everyone"), &first);
	member_key(b, "owners", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (members[i]->role != ROLE_OWNER || !mesh_member_counts(rq->core->mesh, members[i])) continue;
		if (!first_owner) buf_char(b, ',');
		first_owner = false;
		buf_json(b, person_name(rq, members[i]->person_id));
	}
	buf_char(b, ']');
	member_u64(b, "products", of, &first);
	member_u64(b, "log_size", d->log_size, &first);
	buf_char(b, '}');
}

Err
handle_domain_add(struct request *rq)
{
	struct core *core = rq->core;
	Str name = arg(rq, "name"), owner = arg(rq, "owner"), person, domain_id;
	const struct mesh_domain *d = mesh_domain_by_name(core->mesh, name);
	const struct mesh_member *m;
	struct custody custody;
	bool kept, first = true;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the administrator makes domains");
	ENSURE(&rq->c, str_is_ident(name), INVALID, "'%.*s' is no name for a domain: a-z, 0-9 and _, at most 64", STR(name));
	ENSURE(&rq->c, str_is_ident(owner), INVALID, "'%.*s' is no user name: a-z, 0-9 and _, at most 64", STR(owner));
	TRY(custody_read(rq, &custody, &kept));
	/* Without an owner: the node ended, or nobody signed, between the domain's first words and its owner's. */
	ENSURE(&rq->c, !d || d->center || !has_owner(core->mesh, &rq->arena, d->id), CONFLICT, "there is a domain '%.*s' already", STR(name));
	TRY(person_get_or_add(rq, owner, &person));
	m = mesh_member(core->mesh, person);
	ENSURE(&rq->c, !m || !m->active || (d && str_eq(m->domain_id, d->id)), CONFLICT,
	       "'%.*s' belongs to domain %.*s already; a person acts for one domain", STR(owner), STR(domain_name(rq, m->domain_id)));
	if (d)
		domain_id = arena_str(&rq->arena, d->id);
	else
		TRY(core_new_domain(core, &rq->c, name, false, rq->person_id, kept ? &custody : NULL, &domain_id));
	TRY(set_member(rq, domain_id, person, ROLE_OWNER, false, S("")));
	buf_char(&b, '{');
	member_text(&b, "id", domain_id, &first);
	member_text(&b, "name", name, &first);
	member_text(&b, "owner", owner, &first);
	buf_char(&b, '}');
	reply_json(rq, 201, &b);
	return OK;
}

Err
handle_domains(struct request *rq)
{
	const struct mesh_domain **domains;
	size_t n = mesh_domains(rq->core->mesh, &rq->arena, &domains);
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"domains\":[");
	for (size_t i = 0; i < n; i++) {
		if (i) buf_char(&b, ',');
		domain_json(rq, domains[i], &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

static bool
owns(const struct request *rq, Str domain_id)
{
	return str_eq(rq->domain_id, domain_id) && rq->role == ROLE_OWNER;
}

/* Owners come from owners, and end by owners: else the administrator could first make the one there is something less. A fresh token for
 * somebody is as good as being them, so it comes from an owner or from themselves; but for the first token of one who was named. */
static Err
may_set(struct request *rq, Str domain_id, const struct mesh_member *m, Str person_id, enum role role)
{
	bool member = m && m->active, was_owner = member && m->role == ROLE_OWNER, has_token = false;

	if (owns(rq, domain_id) || (member && role == m->role && str_eq(rq->person_id, person_id))) return OK;
	ENSURE(&rq->c, rq->is_admin, DENIED, "your own role is not yours to set");
	if (!has_owner(rq->core->mesh, &rq->arena, domain_id)) return OK;
	if (member) TRY(directory_has_token(&rq->c, rq->core->directory, person_id, &has_token));
	ENSURE(&rq->c, (role == ROLE_OWNER) == was_owner && !(was_owner && has_token), DENIED,
	       "%.*s has an owner, and only an owner makes or unmakes one: whoever owns a domain can open its data", STR(domain_name(rq, domain_id)));
	ENSURE(&rq->c, !has_token, DENIED, "they have a token already; they, or an owner of %.*s, make another: whoever has it can act for them",
	       STR(domain_name(rq, domain_id)));
	return OK;
}

/* Who is meant by --same-human-as: the human behind that account. */
static Err
same_human(struct request *rq, const struct mesh_member *m, Str *ret)
{
	Str name = arg(rq, "same_human_as"), person;
	const struct mesh_member *other = NULL;
	struct ctx c = {.arena = &rq->arena};

	*ret = S("");
	if (name.n == 0) return OK;
	if (err_ok(directory_person_by_name(&c, rq->core->directory, name, &person))) other = mesh_member(rq->core->mesh, person);
	ENSURE(&rq->c, other, NOT_FOUND, "there is no member '%.*s'", STR(name));
	ENSURE(&rq->c, !other->service, INVALID, "'%.*s' is a service, not a human", STR(name));
	*ret = arena_str(&rq->arena, other->human_id.n ? other->human_id : other->person_id);
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, S(""), &members);
	bool stands_for_others = false; /* then these would be left behind */
	for (size_t i = 0; m && i < n; i++) stands_for_others |= !str_eq(members[i]->person_id, m->person_id) && str_eq(members[i]->human_id, m->person_id);
	ENSURE(&rq->c, !stands_for_others || str_eq(*ret, m->person_id), CONFLICT, "'%.*s' has other accounts; name it as the one they are the same as",
	       STR(arg(rq, "name")));
	bool other_one = m && m->active && !str_eq(m->human_id, m->person_id) && !str_eq(m->human_id, *ret);
	ENSURE(&rq->c, !other_one, CONFLICT, "'%.*s' is another account of somebody else already, which is not taken back", STR(arg(rq, "name")));
	return OK;
}

/* Add somebody, or a program, to a domain; the answer has their token. */
static Err
add_member(struct request *rq, enum role role, bool service)
{
	struct core *core = rq->core;
	Str name = arg(rq, "name"), domain = arg(rq, "domain"), person = {0}, token, domain_id, human;
	const struct mesh_domain *d = mesh_domain_by_name(core->mesh, domain);
	const struct mesh_member *m = NULL;
	bool same, first = true;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, d, NOT_FOUND, "there is no domain '%.*s'", STR(domain));
	domain_id = arena_str(&rq->arena, d->id);
	ENSURE(&rq->c, str_is_ident(name), INVALID, "'%.*s' is no user name: a-z, 0-9 and _, at most 64", STR(name));
	ENSURE(&rq->c, rq->is_admin || owns(rq, domain_id) || str_eq(name, rq->person_name), DENIED,
	       "only the owner of %.*s or the administrator adds people to it", STR(domain));
	if (err_ok(directory_person_by_name(&rq->c, core->directory, name, &person))) m = mesh_member(core->mesh, person);
	rq->c.detail[0] = 0;
	ENSURE(&rq->c, !m || !m->active || str_eq(m->domain_id, domain_id), CONFLICT,
	       "'%.*s' belongs to domain %.*s already; a person acts for one domain", STR(name), STR(domain_name(rq, m->domain_id)));
	ENSURE(&rq->c, !m || !m->active || m->service == service, CONFLICT, "'%.*s' is a %s; what one is stays", STR(name), m->service ? "service" : "person");
	TRY(same_human(rq, m, &human));
	same = m && mesh_member_counts(core->mesh, m) && m->role == role && (human.n == 0 || str_eq(human, m->human_id));
	TRY(may_set(rq, domain_id, m, person, role));
	/* the owner's word replaces the administrator's */
	if (same && owns(rq, domain_id) && !str_eq(rq->person_id, person) && !let_in_by_owner(core->mesh, m)) same = false;
	TRY(person_get_or_add(rq, name, &person));
	if (!same) TRY(set_member(rq, domain_id, person, role, service, human));
	TRY(issue_token(rq, person, &token));
	buf_char(&b, '{');
	member_text(&b, "id", person, &first);
	member_text(&b, "name", name, &first);
	member_text(&b, "domain", domain, &first);
	member_text(&b, "role", str_c(role_name(role)), &first);
	member_text(&b, "token", token, &first);
	buf_char(&b, '}');
	reply_json(rq, 201, &b);
	return OK;
}

Err
handle_user_add(struct request *rq)
{
	enum role role;

	ENSURE(&rq->c, role_parse(arg(rq, "role"), &role), INVALID, "'%.*s' is no role: owner, engineer, analyst, steward or auditor",
	       STR(arg(rq, "role")));
	return add_member(rq, role, false);
}

/* A program acts like a person with a token; it opens nothing, so it is nobody who could. */
Err
handle_service_add(struct request *rq)
{
	return add_member(rq, str_eqc(arg(rq, "role"), "engineer") ? ROLE_ENGINEER : ROLE_ANALYST, true);
}

/* The last owner stays: a domain without one would be the administrator's to give away. */
static Err
may_remove(struct request *rq, const struct mesh_member *m, Str name)
{
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, m->domain_id, &members), owners = 0;
	bool self = str_eq(m->person_id, rq->person_id), owner = owns(rq, m->domain_id);

	ENSURE(&rq->c, self || owner || rq->is_admin, DENIED, "only the owner of %.*s or the administrator removes people from it",
	       STR(domain_name(rq, m->domain_id)));
	if (m->role != ROLE_OWNER) return OK;
	ENSURE(&rq->c, self || owner, DENIED, "only an owner of %.*s unmakes one", STR(domain_name(rq, m->domain_id)));
	for (size_t i = 0; i < n; i++) owners += members[i]->active && members[i]->role == ROLE_OWNER && !members[i]->service;
	ENSURE(&rq->c, owners > 1, CONFLICT, "'%.*s' is the last owner of %.*s; add another first", STR(name), STR(domain_name(rq, m->domain_id)));
	return OK;
}

Err
handle_user_remove(struct request *rq)
{
	Str name = arg(rq, "name"), person, domain;
	const struct mesh_member *m = NULL;
	struct ctx c = {.arena = &rq->arena};
	bool first = true;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	if (err_ok(directory_person_by_name(&c, rq->core->directory, name, &person))) m = mesh_member(rq->core->mesh, person);
	bool known = m && m->active && (rq->is_admin || str_eq(m->domain_id, rq->domain_id));
	ENSURE(&rq->c, known, NOT_FOUND, "there is no '%.*s' in your domain", STR(name));
	TRY(may_remove(rq, m, name));
	domain = arena_str(&rq->arena, m->domain_id);
	body_member_end(&body, person);
	TRY(core_say(rq->core, &rq->c, domain, EVENT_MEMBER_END, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core);
	TRY(directory_person_leave(&rq->c, rq->core->directory, person));
	buf_char(&b, '{');
	member_text(&b, "id", person, &first);
	member_text(&b, "name", name, &first);
	member_text(&b, "domain", domain_name(rq, domain), &first);
	member_text(&b, "state", S("left"), &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_users(struct request *rq)
{
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, sees_all(rq) ? S("") : rq->domain_id, &members);
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"users\":[");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		buf_c(&b, i ? ",{" : "{");
		member_text(&b, "id", members[i]->person_id, &first);
		member_text(&b, "name", person_name(rq, members[i]->person_id), &first);
		member_text(&b, "domain", domain_name(rq, members[i]->domain_id), &first);
		member_text(&b, "role", str_c(role_name(members[i]->role)), &first);
		member_bool(&b, "active", members[i]->active, &first);
		if (members[i]->active && !mesh_member_counts(rq->core->mesh, members[i])) member_bool(&b, "void", true, &first);
		if (members[i]->service) member_bool(&b, "service", true, &first);
		if (members[i]->human_id.n && !str_eq(members[i]->human_id, members[i]->person_id))
			member_text(&b, "same_human_as", person_name(rq, members[i]->human_id), &first);
		buf_char(&b, '}');
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

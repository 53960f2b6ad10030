/* Groups of a domain's own people, and how the domain hands on what it was granted. */
#include "core/access/grants.h"

static void
group_json(struct request *rq, const struct mesh_group *g, struct buf *b)
{
	bool first = true;
	Str *people;
	size_t n = mesh_group_members(rq->core->mesh, &rq->arena, g, &people);

	buf_char(b, '{');
	member_text(b, "id", g->id, &first);
	member_text(b, "name", g->name, &first);
	member_text(b, "domain", domain_name(rq, g->domain_id), &first);
	member_key(b, "members", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, person_name(rq, people[i]));
	}
	buf_c(b, "]}");
}

/* One's own domain's groups; auditors of the center and the administrator see all. */
Err
handle_groups(struct request *rq)
{
	const struct mesh_group **groups;
	size_t n = mesh_groups(rq->core->mesh, &rq->arena, sees_all(rq) ? S("") : rq->domain_id, &groups), shown = 0;
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"groups\":[");
	for (size_t i = 0; i < n; i++) {
		if (groups[i]->ended) continue;
		if (shown++) buf_char(&b, ',');
		group_json(rq, groups[i], &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

static Err
group_find(struct request *rq, const struct mesh_group **ret)
{
	Str name = arg(rq, "group");
	const struct mesh_group *g = mesh_group_named(rq->core->mesh, rq->domain_id, name);

	ENSURE(&rq->c, g, NOT_FOUND, "%.*s has no group '%.*s'", STR(domain_name(rq, rq->domain_id)), STR(name));
	*ret = g;
	return OK;
}

static Err
say(struct request *rq, enum event_type type, const struct buf *body)
{
	return core_say(rq->core, &rq->c, rq->domain_id, type, rq->person_id, buf_view(body));
}

static Err
group_reply(struct request *rq, Str id, unsigned status)
{
	BUF_AUTO b = BUF_INIT;

	group_json(rq, mesh_group_in(rq->core->mesh, rq->domain_id, id), &b);
	reply_json(rq, status, &b);
	return OK;
}

Err
handle_group_add(struct request *rq)
{
	Str name = arg(rq, "name");
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;

	TRY(need_role(rq, rq->domain_id, "make groups", ROLE_BIT(OWNER)));
	ENSURE(&rq->c, !mesh_group_named(rq->core->mesh, rq->domain_id, name), CONFLICT, "there is a group '%.*s' already", STR(name));
	crypt_short_id("grp_", id);
	body_group_set(&body, str_c(id), name);
	TRY(say(rq, EVENT_GROUP_SET, &body));
	return group_reply(rq, str_c(id), 201);
}

Err
handle_group_remove(struct request *rq)
{
	const struct mesh_group *g;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	bool first = true;

	TRY(need_role(rq, rq->domain_id, "end groups", ROLE_BIT(OWNER)));
	TRY(group_find(rq, &g));
	Str id = arena_str(&rq->arena, g->id);
	body_group_end(&body, id);
	TRY(say(rq, EVENT_GROUP_END, &body));
	access_narrowed(rq->core);
	buf_char(&b, '{');
	member_text(&b, "id", id, &first);
	member_text(&b, "state", S("ended"), &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

static Err
member_find(struct request *rq, Str *ret_id)
{
	Str name = arg(rq, "person");
	const struct mesh_member *m = NULL;
	struct ctx c = {.arena = &rq->arena};
	Str id;

	if (err_ok(directory_person_by_name(&c, rq->core->directory, name, &id))) m = mesh_member(rq->core->mesh, id);
	ENSURE(&rq->c, m && m->active && str_eq(m->domain_id, rq->domain_id), NOT_FOUND, "%.*s has no member '%.*s'",
	       STR(domain_name(rq, rq->domain_id)), STR(name));
	*ret_id = id;
	return OK;
}

Err
handle_group_join(struct request *rq)
{
	const struct mesh_group *g;
	BUF_AUTO body = BUF_INIT;
	Str person;

	TRY(need_role(rq, rq->domain_id, "put people into groups", ROLE_BIT(OWNER)));
	TRY(group_find(rq, &g));
	TRY(member_find(rq, &person));
	ENSURE(&rq->c, !group_has(rq, rq->domain_id, g->id, person), CONFLICT, "'%.*s' is in group '%.*s' already", STR(arg(rq, "person")), STR(g->name));
	Str id = arena_str(&rq->arena, g->id);
	body_group_member(&body, id, person);
	TRY(say(rq, EVENT_GROUP_JOIN, &body));
	return group_reply(rq, id, 201);
}

Err
handle_group_leave(struct request *rq)
{
	const struct mesh_group *g;
	BUF_AUTO body = BUF_INIT;
	Str person;

	TRY(group_find(rq, &g));
	TRY(member_find(rq, &person));
	if (!str_eq(person, rq->person_id)) TRY(need_role(rq, rq->domain_id, "take others out of groups", ROLE_BIT(OWNER)));
	ENSURE(&rq->c, group_has(rq, rq->domain_id, g->id, person), CONFLICT, "'%.*s' is not in group '%.*s'", STR(arg(rq, "person")), STR(g->name));
	Str id = arena_str(&rq->arena, g->id);
	body_group_member(&body, id, person);
	TRY(say(rq, EVENT_GROUP_LEAVE, &body));
	access_narrowed(rq->core);
	return group_reply(rq, id, 200);
}

Err
handle_domain_set(struct request *rq)
{
	Str name = arg(rq, "domain"), handing = arg(rq, "handing");
	const struct mesh_domain *d = mesh_domain_by_name(rq->core->mesh, name);
	bool first = true, named = str_eqc(handing, "named");
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, d, NOT_FOUND, "there is no domain '%.*s'", STR(name));
	TRY(need_role(rq, d->id, "set how it hands on what it was granted", ROLE_BIT(OWNER)));
	ENSURE(&rq->c, named || str_eqc(handing, "everyone"), INVALID, "--handing '%.*s': write named or everyone", STR(handing));
	if (d->handing_named != named) {
		body_domain_set(&body, named);
		TRY(say(rq, EVENT_DOMAIN_SET, &body));
		if (named) access_narrowed(rq->core);
	}
	buf_char(&b, '{');
	member_text(&b, "name", name, &first);
	member_text(&b, "handing", handing, &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

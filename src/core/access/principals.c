/* Whom something can be granted to: domains, people, services, groups. */
#include "core/access/grants.h"

static Err
find_group(struct request *rq, Str name, struct principal *ret)
{
	Str domain = S(""), group = str_cut(name, '.', &domain);
	const struct mesh_domain *d = group.p ? mesh_domain_by_name(rq->core->mesh, domain) : mesh_domain(rq->core->mesh, rq->domain_id);
	const struct mesh_group *g = d ? mesh_group_named(rq->core->mesh, d->id, group.p ? group : name) : NULL;

	ENSURE(&rq->c, g, NOT_FOUND, "there is no group '%.*s'; write group:DOMAIN.NAME", STR(name));
	*ret = (struct principal){.kind = PRINCIPAL_GROUP, .id = arena_str(&rq->arena, g->id), .domain_id = arena_str(&rq->arena, g->domain_id)};
	return OK;
}

static bool
find_person(struct request *rq, Str name, struct principal *ret)
{
	struct ctx c = {.arena = &rq->arena};
	Str id;

	if (!err_ok(directory_person_by_name(&c, rq->core->directory, name, &id))) return false;
	const struct mesh_member *m = mesh_member(rq->core->mesh, id);
	*ret = (struct principal){.kind = PRINCIPAL_PERSON, .id = id, .domain_id = m ? arena_str(&rq->arena, m->domain_id) : S(""),
	                          .service = m && m->service};
	return true;
}

Err
principal_find(struct request *rq, Str text, struct principal *ret)
{
	Str name, kind = S(""), rest = str_cut(text, ':', &name);
	const struct mesh_domain *d;
	struct principal p;

	if (rest.p) kind = name, name = rest;
	bool service = str_eqc(kind, "service"), person = service || str_eqc(kind, "user");
	if (str_eqc(kind, "group")) return find_group(rq, name, ret);
	ENSURE(&rq->c, kind.n == 0 || person || str_eqc(kind, "domain"), INVALID,
	       "'%.*s': write a domain, domain:NAME, user:NAME, service:NAME or group:DOMAIN.NAME", STR(text));
	d = mesh_domain_by_name(rq->core->mesh, name);
	if (d && !person) {
		*ret = (struct principal){.kind = PRINCIPAL_DOMAIN, .id = arena_str(&rq->arena, d->id), .domain_id = arena_str(&rq->arena, d->id)};
		return OK;
	}
	bool found = !str_eqc(kind, "domain") && find_person(rq, name, &p);
	ENSURE(&rq->c, found && (!service || p.service), NOT_FOUND, "there is no %s '%.*s'", kind.n ? arena_str(&rq->arena, kind).p : "domain or user",
	       STR(name));
	*ret = p;
	return OK;
}

Err
principal_resolve(struct request *rq, Str text, enum principal_kind *ret_kind, Str *ret_id)
{
	struct principal p;

	TRY(principal_find(rq, text, &p));
	*ret_kind = p.kind;
	*ret_id = p.id;
	return OK;
}

static Str
group_text(struct request *rq, Str id)
{
	const struct mesh_group **groups;
	size_t n = mesh_groups(rq->core->mesh, &rq->arena, S(""), &groups);

	for (size_t i = 0; i < n; i++)
		if (str_eq(groups[i]->id, id)) return arena_printf(&rq->arena, "group:%.*s.%.*s", STR(domain_name(rq, groups[i]->domain_id)), STR(groups[i]->name));
	return S("group:(unknown)");
}

Str
principal_text(struct request *rq, enum principal_kind kind, Str id)
{
	const struct mesh_member *m;

	switch (kind) {
	case PRINCIPAL_DOMAIN: return arena_printf(&rq->arena, "domain:%.*s", STR(domain_name(rq, id)));
	case PRINCIPAL_GROUP: return group_text(rq, id);
	case PRINCIPAL_PERSON: break;
	}
	m = mesh_member(rq->core->mesh, id);
	return arena_printf(&rq->arena, "%s:%.*s", m && m->service ? "service" : "user", STR(person_name(rq, id)));
}

bool
group_has(struct request *rq, Str domain_id, Str group_id, Str person_id)
{
	const struct mesh_group *g = mesh_group_in(rq->core->mesh, domain_id, group_id);
	Str *people;
	size_t n = g && !g->ended ? mesh_group_members(rq->core->mesh, &rq->arena, g, &people) : 0;

	for (size_t i = 0; i < n; i++)
		if (str_eq(people[i], person_id)) return true;
	return false;
}

/* Erasing what the directory holds of people: their names, and what they wrote. The log keeps that it was erased, by whom and why. */
#include "core/access/grants.h"
#include "core/posture/posture.h"
#include "crypt/encode.h"

/* Owners of the domain concerned, whoever it is about, and the administrator: erasing only closes. */
static Err
may_erase(struct request *rq, Str domain_id, Str about_person)
{
	bool owner = rq->role == ROLE_OWNER && str_eq(domain_id, rq->domain_id);

	ENSURE(&rq->c, owner || rq->is_admin || (about_person.n && str_eq(about_person, rq->person_id)), DENIED,
	       "only who wrote it, an owner of %.*s or the administrator erases this", STR(domain_name(rq, domain_id)));
	return OK;
}

/* Said, and durable, before anything is gone: a death in between leaves something to erase again, never an erasure nobody knows of. */
static Err
say_erased(struct request *rq, Str ref)
{
	Str basis = arg(rq, "basis");
	BUF_AUTO body = BUF_INIT;

	body_erase(&body, ref, basis.n ? basis : S("request"));
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_DIRECTORY_ERASE, rq->person_id, buf_view(&body)));
	core_commit(rq->core);
	return OK;
}

static void
reply_erased(struct request *rq, Str ref)
{
	bool first = true;
	BUF_AUTO b = BUF_INIT;

	buf_char(&b, '{');
	member_text(&b, "id", ref, &first);
	member_text(&b, "state", S("erased"), &first);
	member_time(&b, "at", core_now(), &first);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
}

/* --- a person --- */

/* By id, or by the name they had when they left: that of the newest who left under it. */
static Err
person_find(struct request *rq, Str name, Str *ret_id)
{
	if (mesh_member(rq->core->mesh, name)) {
		*ret_id = name;
		return OK;
	}
	if (err_ok(directory_person_by_name(&rq->c, rq->core->directory, name, ret_id))) return OK;
	rq->c.detail[0] = 0;
	Str left = person_who_left(rq, name);
	ENSURE(&rq->c, left.p, NOT_FOUND, "there is no '%.*s' here", STR(name));
	*ret_id = left;
	return OK;
}

Err
handle_user_erase(struct request *rq)
{
	Str id;

	TRY(person_find(rq, arg(rq, "name"), &id));
	const struct mesh_member *m = mesh_member(rq->core->mesh, id);
	ENSURE(&rq->c, m && (rq->is_admin || str_eq(m->domain_id, rq->domain_id)), NOT_FOUND, "there is no '%.*s' here", STR(arg(rq, "name")));
	TRY(may_erase(rq, m->domain_id, S("")));
	ENSURE(&rq->c, !m->active, CONFLICT, "'%.*s' is still a member of %.*s; first: heddle user remove %.*s", STR(arg(rq, "name")),
	       STR(domain_name(rq, m->domain_id)), STR(arg(rq, "name")));
	TRY(say_erased(rq, id));
	TRY(directory_person_erase(&rq->c, rq->core->directory, id));
	reply_erased(rq, id);
	return OK;
}

/* --- a text --- */

static Err
erase_text(struct request *rq, Str commitment)
{
	uint8_t raw[CRYPT_HASH_BYTES];

	if (!hex_get_n(commitment, raw, sizeof raw)) return OK; /* none was given */
	TRY(say_erased(rq, commitment));
	return directory_text_erase(&rq->c, rq->core->directory, raw);
}

/* The reasons for and against. */
static Err
erase_request(struct request *rq, const struct mesh_request *r)
{
	const struct mesh_grant *g;
	Str deny = {0}, reason = arena_str(&rq->arena, r->reason);
	Str producer = arena_str(&rq->arena, r->producer_domain_id), id = arena_str(&rq->arena, r->id);
	bool of_asker = err_ok(may_erase(rq, r->consumer_domain_id, r->person_id));

	(void)mesh_request_state(rq->core->mesh, r, core_now(), &g, &deny);
	deny = arena_str(&rq->arena, deny);
	rq->c.detail[0] = 0;
	if (!of_asker) TRY(may_erase(rq, producer, S("")));
	if (of_asker) TRY(erase_text(rq, reason));
	if (rq->is_admin || str_eq(producer, rq->domain_id)) TRY(erase_text(rq, deny));
	reply_erased(rq, id);
	return OK;
}

static const struct mesh_comment *
comment_find(struct request *rq, Str id)
{
	const struct mesh_request **requests;
	const struct mesh_comment **comments;
	size_t n = mesh_requests(rq->core->mesh, &rq->arena, &requests);

	for (size_t i = 0; i < n; i++) {
		size_t k = request_visible(rq, requests[i]) ? mesh_comments(rq->core->mesh, &rq->arena, requests[i], &comments) : 0;
		while (k-- > 0)
			if (str_eq(comments[k]->id, id)) return comments[k];
	}
	return NULL;
}

static Err
erase_comment(struct request *rq, const struct mesh_comment *x)
{
	Str id = arena_str(&rq->arena, x->id), text = arena_str(&rq->arena, x->text);

	TRY(may_erase(rq, x->domain_id, x->by));
	TRY(erase_text(rq, text));
	reply_erased(rq, id);
	return OK;
}

/* Why the center accepted a finding. */
static Err
erase_exception(struct request *rq, const struct mesh_exception *x)
{
	Str id = arena_str(&rq->arena, x->id), reason = arena_str(&rq->arena, x->reason);

	TRY(erase_text(rq, reason));
	reply_erased(rq, id);
	return OK;
}

Err
handle_text_erase(struct request *rq)
{
	Str ref = arg(rq, "text");
	uint8_t raw[CRYPT_HASH_BYTES];
	const struct mesh_request *r = mesh_request(rq->core->mesh, ref);

	if (r && request_visible(rq, r)) return erase_request(rq, r);
	const struct mesh_comment *x = comment_find(rq, ref);
	if (x) return erase_comment(rq, x);
	const struct mesh_exception *accepted = rq->is_admin ? posture_exception(rq, ref) : NULL;
	if (accepted) return erase_exception(rq, accepted);
	ENSURE(&rq->c, rq->is_admin && hex_get_n(ref, raw, sizeof raw), NOT_FOUND, "there is no request, comment or exception '%.*s'", STR(ref));
	TRY(erase_text(rq, ref));
	reply_erased(rq, ref);
	return OK;
}

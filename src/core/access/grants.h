/* What grants, requests that become grants, and delegations share. */
#ifndef HEDDLE_CORE_GRANTS_H
#define HEDDLE_CORE_GRANTS_H

#include "core/request.h"

/* Somebody who can be granted something. domain_id: whose group or member; the domain itself. */
struct principal { enum principal_kind kind; Str id, domain_id; bool service; };
/* "domain", "domain:D", "user:NAME", "service:NAME", "group:D.NAME" ("group:NAME" in one's own domain). NOT_FOUND when there is none. */
NODISCARD Err principal_find(struct request *rq, Str text, struct principal *ret);
/* Is this person in that group now? */
bool group_has(struct request *rq, Str domain_id, Str group_id, Str person_id);

/* What a row filter, masks and columns are about: one product, or every live product of a domain that one may know of (product NULL). */
struct scope { const struct mesh_product *product; Str domain_id, table; };

/* From the arguments from, until, rows, masks, hide, via: those a grant and a delegation have in common. What is absent keeps what
 * `ret` says. INVALID names the option. In the request's arena. */
struct terms {
	Time from, until;
	uint32_t interactions;
	Str rows_text;
	const struct predicate *rows;
	const struct policy_mask *masks;
	size_t mask_count;
	const Str *hidden;
	size_t hidden_count;
};
NODISCARD Err terms_parse(struct request *rq, const struct scope *s, struct terms *ret);
/* From min_group, group_by, unit, row_budget, no_export, hours. What is absent keeps what `ret` says. */
NODISCARD Err demands_parse(struct request *rq, const struct scope *s, struct policy_terms *ret);
/* A date or a time in the future; TIME_FOREVER when the argument is absent. */
NODISCARD Err terms_until(struct request *rq, const char *name, Time *ret);
/* "a,b/c": purposes the center knows, where it names any; or "*". */
NODISCARD Err terms_purposes(struct request *rq, Str text, const Str **ret, size_t *ret_n);
void terms_into_grant(const struct terms *t, struct mesh_grant *g);
/* Members of a JSON object for the terms. */
void terms_json(const struct terms *t, struct buf *b, bool *first);
void demands_json(const struct policy_terms *t, struct buf *b, bool *first);

/* Declare the grant in this person's domain's log; id, by, added are filled in. *ret_id is its id. */
NODISCARD Err grant_say(struct request *rq, struct mesh_grant *g, Str *ret_id);
NODISCARD Err grant_reply(struct request *rq, Str domain_id, Str id, unsigned status);
void grant_purposes_json(const struct mesh_grant *g, struct buf *b); /* g may be NULL */
/* The grant of that id that this person may know of, rather their own domain's than one that somebody gave the same id; else NOT_FOUND. */
NODISCARD Err grant_find(struct request *rq, Str id, const struct mesh_grant **ret);
bool grant_visible(struct request *rq, const struct mesh_grant *g);
/* Granted to this person, a group they are in, or their domain. */
bool grant_to_me(struct request *rq, const struct mesh_grant *g);
/* Each grant that this person may see, or more: grant_visible() tells. O(those of their domain, and to them), of all for who sees all; in slices, so each
 * is as it stands at its moment, and what is given meanwhile may be left out. In an order that means nothing; an Err ends it. (grant_lists.c) */
typedef Err grant_fn(void *arg, const struct mesh_grant *g);
NODISCARD Err grants_known(struct request *rq, grant_fn *fn, void *arg);
/* Pages: the argument `limit`, the place behind which the argument `after` goes on, and ,"next":… for the page after this one, NULL when there is
 * none. */
struct list_place { Time time; Str domain_id, id; };
size_t list_limit(const struct request *rq);
NODISCARD Err list_after(struct request *rq, struct list_place *ret);
void list_next(const struct list_place *last, struct buf *b);
/* Does a policy name this person, so that they may be asked to stand up for what other domains grant? */
bool approves_elsewhere(struct request *rq);
/* Those that this person may be asked to stand up for, or more: mesh_may_approve() tells. */
NODISCARD Err grants_to_approve(struct request *rq, grant_fn *fn, void *arg);
/* Members of a JSON object. */
void grant_fields(struct request *rq, const struct mesh_grant *g, bool may, struct buf *b, bool *first);
Str grant_object(struct request *rq, const struct mesh_grant *g);
/* "active", "waits" for approvals, "not_yet", "expired", "revoked", "voided". */
const char *grant_state(struct request *rq, const struct mesh_grant *g);

/* --- approvals.c --- */

/* The one human behind the person's accounts; "" for a service. */
Str human_of(const struct request *rq, Str person_id);
/* "approvals":{…} when policy demands any. may: name who could approve, which costs a look at each member. */
void grant_approvals_json(struct request *rq, const struct mesh_grant *g, bool may, struct buf *b, bool *first);
void tag_approvals_json(struct request *rq, const struct mesh_tag *t, bool may, struct buf *b, bool *first);
/* A change of a tag that one may see; NOT_FOUND otherwise. */
NODISCARD Err tag_change_find(struct request *rq, Str id, const struct mesh_tag **ret);
/* The approvals that a change of a tag needs and has: none needed where it opens nothing. (tags.c) */
struct mesh_approvals tag_waits(struct request *rq, const struct mesh_tag *t);
NODISCARD Err tag_reply(struct request *rq, Str domain_id, Str id, unsigned status); /* tags.c */
/* Does policy demand approvals of anything at all? Else nothing waits. */
bool approvals_demanded(struct request *rq);

/* --- requests.c --- */

/* A request as it stands, for this person: expired ones told as such, pending until its grant has all approvals. */
enum request_state request_state(struct request *rq, const struct mesh_request *r, const struct mesh_grant **ret_grant, Str *ret_deny);
const char *request_state_name(enum request_state state);
bool request_visible(struct request *rq, const struct mesh_request *r);
/* The one that the argument `request` names, for this person: NOT_FOUND; CONFLICT when two that they see have that id. */
NODISCARD Err request_find(struct request *rq, const struct mesh_request **ret);
/* Answer with the request as it stands, which this person sees. */
void request_reply(struct request *rq, Str id, unsigned status);
/* Each request that this person may see, or more: request_visible() tells. As grants_known(). */
typedef Err request_fn(void *arg, const struct mesh_request *r);
NODISCARD Err requests_known(struct request *rq, request_fn *fn, void *arg);
Str request_product(struct request *rq, const struct mesh_request *r);
/* Free text stays in the directory; what stands in a log is its commitment ("" for none). */
NODISCARD Err commit_text(struct request *rq, Str text, Str *ret);
Str committed_text(struct request *rq, Str commitment);

/* --- request_decide.c --- */

/* May this person decide on it: an owner of the producer, and not who asked, nor their other account? */
bool request_mine_to_decide(struct request *rq, const struct mesh_request *r);

/* --- purposes.c --- */

/* INVALID when it is malformed, DENIED when the center's tree does not have it, wherever it is named: to use, to ask, to grant; the nearest ones are told. */
NODISCARD Err purpose_check(struct request *rq, Str purpose);

#endif

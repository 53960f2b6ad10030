/* Where what bears on a question is found without looking at the rest: chains through the things themselves, by what they are about. Each
 * lookup_<thing>() is called once, when the thing is new in the state. Nothing is ever taken out, and what ended stays in its chain: who
 * walks one looks at what each says. Private to mesh/. */
#ifndef HEDDLE_MESH_LOOKUP_H
#define HEDDLE_MESH_LOOKUP_H

#include "mesh/index.h"

struct log;
struct mesh;
struct approval;
struct delegation;
struct grant;
struct group_member;
struct member;
struct product;
struct request;
struct restriction;

struct lookup { struct index shelves; };

/* A restriction under one of the things it is about; it may stand under several values of a tag. */
struct anchor { const struct restriction *r; struct anchor *next; };
/* A product that has a column, or a table, with such a tag; perhaps no longer. */
struct tagged { const struct product *p; struct tagged *next; };
/* Of a product: where it stands already. */
struct filed { Str tag, value; struct filed *next; };

/* Of one log. */
struct lookup_log {
	struct grant *grants, *tag_grants; /* all, and by tags */
	struct request *requests;
	uint64_t tag_grants_to[16];     /* a bit for each principal they are made out to, by hash: most have none */
	struct product *products;
	bool rules_by_tags, demands_by_tags; /* a restriction stands under a tag; one that demands approvals */
	bool rules_of_approvals;        /* one demands approvals */
	bool rules_of_freezes;          /* one freezes a domain */
};

void lookup_grant(struct mesh *m, struct grant *g);
void lookup_request(struct mesh *m, struct request *r);
void lookup_restriction(struct mesh *m, struct restriction *r);
void lookup_delegation(struct mesh *m, struct delegation *d);
void lookup_approval(struct mesh *m, struct approval *ap);
void lookup_member(struct mesh *m, struct member *it);
void lookup_group_member(struct mesh *m, struct group_member *gm);
/* Once for a new product; lookup_product_tags() each time its tags may have changed. */
void lookup_product(struct mesh *m, struct product *p);
void lookup_product_tags(struct mesh *m, struct product *p);
void lookup_fini(struct lookup *l);

/* Made out to that id, in all logs; ->same_to. */
const struct grant *lookup_grants_to(const struct mesh *m, Str to_id);
/* Of all logs, what that domain is asked; ->same_producer. */
const struct request *lookup_requests_to(const struct mesh *m, Str producer_id);
/* May a grant by tags in that log be made out to that id? */
bool lookup_tag_grants_to(const struct mesh *m, const struct log *log, Str to_id);
/* In the center's log, by what they are about; demands: only those that demand approvals. */
const struct anchor *lookup_rules_all(const struct mesh *m, const struct log *center, bool demands);
const struct anchor *lookup_rules_product(const struct mesh *m, const struct log *center, bool demands, Str product_id);
const struct anchor *lookup_rules_domain(const struct mesh *m, const struct log *center, bool demands, Str domain_id);
const struct anchor *lookup_rules_tag(const struct mesh *m, const struct log *center, bool demands, Str tag, Str value);
/* In the consumer's log: of that grant to that person or group, ->same_grant; all to them, ->same_to. */
const struct delegation *lookup_delegations(const struct mesh *m, const struct log *consumer, Str grant_id, Str to_id);
const struct delegation *lookup_delegations_to(const struct mesh *m, const struct log *consumer, Str to_id);
/* Of that grant or tag.set, in all logs; ->same_subject. */
const struct approval *lookup_approvals(const struct mesh *m, Str subject_log, Str subject_id);
/* In that log; ->same_group. Those of a person: struct member. */
const struct group_member *lookup_people_of(const struct mesh *m, const struct log *log, Str group_id);
/* Of that log, with that tag somewhere. */
const struct tagged *lookup_tagged(const struct mesh *m, const struct log *log, Str tag, Str value);

#endif

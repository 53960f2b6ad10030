/* The rules of docs/events.md once more, as small numbers: what was said by right in a simulated mesh, and what must not come of it.
 *
 * Written from the rules and not from src/: it shares no function with the fold or the decision (of mesh.h and policy.h it takes the names of
 * events, roles, masks and ways of use). It knows nothing of logs, JSON or signatures; what was not said by the right key in the right
 * place does not reach it. It tells what must not be: truth_objects() looks at a decision that allows and names the rule by which it must
 * not have. It never says that something must be allowed, so it can be simpler than the code it judges.
 *
 * truth_said.c     what may be said, and what it comes to
 * truth_join.c     keys, forks, people and tags
 * truth_demand.c   what the center demands, and who stands behind what
 * truth_object.c   objections to a decision */
#ifndef TESTS_MESH_TRUTH_H
#define TESTS_MESH_TRUTH_H

#include "mesh/mesh.h"

enum { DOMAINS = 8, OUR_CENTER = 6, OTHER_CENTER = 7, PRODUCERS = 6 /* the first ones */ };
enum { PERSONS = 12, PRODUCTS = 3, TABLES = 2, T_COLUMNS = 3, GRANTS = 80, DELEGATIONS = 48, GROUPS = 3, REQUESTS = 24, RESTRICTIONS = 64, TAGS = 48 };
enum { PURPOSE_ANY, PURPOSE_CAMPAIGN, PURPOSE_MARKETING, PURPOSE_NONE, PURPOSE_PART, PURPOSE_OTHER, PURPOSES }; /* of grants the first three */
enum { AREA_NONE, AREA_RED, AREA_BLUE };
enum snapshot { SNAPSHOT_UNNAMED, SNAPSHOT_OWN, SNAPSHOT_OF_ANOTHER_LOG, SNAPSHOT_OF_ANOTHER_PRODUCT, SNAPSHOT_OF_ANOTHER_TABLE };
enum { ABOUT_ALL, ABOUT_RED, ABOUT_NOT_RED, ABOUT_EITHER }; /* which areas a restriction is about */
enum { SPANS = 32, FORKS = 16, CONFIRMS = 64 };

struct t_member { bool there, active, service; enum role role; int human; uint64_t seq, set_seq; };
struct t_product { bool there, retired; uint64_t seq /* of the newest publish */, since[TABLES]; bool has[TABLES], personal[TABLES]; };
/* Of a grant, and of what was made of it. table -1: all. */
struct t_use {
	bool there, over, rows, hides;
	int table, purpose;
	enum mask_kind mask;
	enum principal_kind to_kind;
	int to, to_domain;
	uint32_t ways;
	Time from, until;
	uint64_t seq;
};
/* product -1: by tags; request, -1: none. */
struct t_grant {
	struct t_use use;
	int product, request, by;
	uint32_t by_role;
	bool red, blue, future, no_export, hours;
	uint32_t row_budget, min_group;
};
struct t_delegation { struct t_use use; int producer, grant; };
struct t_tag { bool there; int product, table, column, value, before, by; uint64_t seq; }; /* table, column -1: all of it */
struct t_approval { bool there, service; uint32_t role; uint64_t seq; };
struct t_request { bool there; int person, producer, product; };
struct t_restriction {
	bool there, suspend, hide, purpose, handing, freeze, personal;
	uint64_t lifted;              /* by which entry; 0: by none */
	int product, domain, about;   /* -1, ABOUT_ALL: any */
	enum mask_kind mask;
	uint32_t days, approvals, roles, level;
	int approver[2];              /* -1: nobody */
};
struct t_purpose { bool there, retired; uint64_t seq; };
struct t_span { uint64_t from, to; };
/* Two entries of one place; `ends`: what the one that is not in the log ends, as a grant (or delegation) of it, -1: nothing. */
struct t_fork { bool proven, proven_outside /* the center's log */; int domain, ends; bool delegation; uint64_t at; };

struct t_log {
	struct t_member members[PERSONS];
	struct t_product products[PRODUCTS];
	struct t_grant grants[GRANTS];
	struct t_delegation delegations[DELEGATIONS];
	struct { bool there, ended; struct { bool in; uint64_t seq; } members[PERSONS]; } groups[GROUPS];
	struct t_tag tags[TAGS];
	struct t_approval approvals[DOMAINS][GRANTS + TAGS][PERSONS];
	struct t_request requests[REQUESTS];
	struct t_restriction restrictions[RESTRICTIONS];
	struct t_purpose purposes[PURPOSES];
	bool handing_named, handing_set;
	uint64_t handing_seq;
	struct t_span voids[SPANS], resolves[SPANS];  /* resolves: forks from, settled at */
	struct t_span confirms[CONFIRMS];             /* what, and where */
	int void_count, resolve_count, confirm_count;
};

struct truth { struct t_log logs[DOMAINS]; struct t_fork forks[FORKS]; int fork_count; int by_id[DOMAINS]; };

struct question { int person, domain, product, table, purpose; enum interaction way; uint32_t level; Time now; };

/* One event as the generator chose it. Which fields count depends on the type. */
struct choice {
	enum event_type type;
	int domain;                        /* in whose log */
	int by;                            /* the person who says it */
	int product, table, column, value; /* table, column -1: all of it */
	int person, human;                 /* human -1: their own */
	int grant, group, delegation, request, restriction, tag, purpose, fork;
	int to_log, subject;               /* of an approval: a grant, or GRANTS and a tag.set; to_log also of a delegation, request, report */
	enum role role;
	bool service, named, draft, stolen, by_recovery, false_report;
	bool second_table, personal[TABLES];
	enum snapshot snapshot;            /* that a publish names: for which log, product and table it was made */
	int word, recovery;
	uint64_t since;                    /* stolen since, confirmed, forked at */
	struct t_grant given;
	struct t_use handed;
	struct t_restriction rule;
};

/* --- truth_said.c --- */
bool truth_is_center(int domain);
bool truth_may_say(const struct truth *t, const struct choice *c);  /* false: it must be refused */
bool truth_must_take(const struct truth *t, const struct choice *c); /* what closes, when there is something to close */
void truth_said(struct truth *t, const struct choice *c, uint64_t seq);

/* --- truth_join.c --- */
uint64_t truth_forked_at(const struct truth *t, int domain); /* the place from which on there are two histories; UINT64_MAX: none */
bool truth_stolen(const struct t_log *l, uint64_t seq);
bool truth_void(const struct truth *t, int domain, uint64_t seq); /* behind a fork, or stolen and not confirmed */
bool truth_ended_elsewhere(const struct truth *t, int domain, int id, bool delegation); /* on a branch */
int truth_home(const struct truth *t, int person); /* -1: of none */
bool truth_is_owner(const struct truth *t, int domain, int person);
bool truth_in_group(const struct truth *t, int domain, int group, int person);
int truth_human(const struct truth *t, int domain, int person);
bool truth_is_to(const struct truth *t, const struct t_use *u, int home, int person);
const struct t_tag *truth_tag(const struct t_log *l, int product, int table, int column); /* the newest of one thing; NULL: none */
const struct t_tag *truth_tag_before(const struct t_log *l, const struct t_tag *of);
int truth_area(const struct t_log *l, int product, int table, int column);
bool truth_purpose_known(const struct truth *t, int purpose); /* in the center's tree, or there is none */
bool truth_purpose_fits(int granted, int asked, bool named);

/* --- truth_demand.c --- */
bool truth_is_live(const struct t_restriction *r, const struct truth *t); /* of the center, and not lifted by what counts */
struct t_standing { int log, subject, by; uint32_t by_role; int asker; /* -1: nobody */ };
/* Surely about it: what an unapproved tag may add is left out. */
bool truth_is_about(const struct t_restriction *r, const struct truth *t, int domain, int product, int table);
bool truth_of_column(const struct t_restriction *r, const struct t_log *l, int product, int table, int column);
uint32_t truth_approvals(const struct truth *t, const struct t_restriction *r, const struct t_standing *s); /* how many humans stand behind it */
int truth_asker(const struct truth *t, int domain, const struct t_grant *g); /* -1: nobody; -2: nobody knows which of several */
/* Does a grant by tags show the column? */
bool truth_shows(const struct truth *t, const struct t_grant *g, const struct question *q, int column);

/* --- truth_object.c --- */
int truth_number(Str id, int below); /* behind the underscore; -1: not of ours */
/* Why this decision, which allows, must not; NULL for nothing. */
const char *truth_objects(const struct truth *t, const struct question *q, const struct policy_decision *d);

#endif

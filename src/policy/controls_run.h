/* What the controls share. Private to policy/controls*.c. */
#ifndef HEDDLE_POLICY_CONTROLS_RUN_H
#define HEDDLE_POLICY_CONTROLS_RUN_H

#include "base/first.h"
#include "policy/controls.h"

/* Facts in the order they are looked up in. */
struct control_index {
	const struct posture_product **products; /* by (domain, id) */
	const struct posture_person **people;    /* by (domain, active owners first, since, id) */
	const struct posture_person **by_id;     /* the same by person */
	const struct posture_domain **domains;   /* by id */
	const struct posture_group **groups;     /* by (id, domain) */
	const struct posture_use **uses;         /* by (grant, domain) */
	Str center;
};

struct control_run {
	struct arena *a;         /* valid until run_goes_on(); one of these: what is kept moves to the other when one is full */
	struct arena scratch[2];
	size_t full;             /* bytes */
	const struct posture_wish *wish;
	const struct posture_facts *f;
	const struct control_index *index;
	Time now;
	enum control_id id;
	const struct control *control;
	struct finding last;     /* found, but its finder still fills it in */
	bool filling, ended;
	struct first kept[2];    /* struct finding; open ones, accepted ones */
	struct control_result sum;
	size_t count;            /* of all that was found, wished for or not */
	uint64_t examined;
	bool not_applicable;
	Str note;
};

enum { RANK_NONE = -1, RANK_CONFIDENTIAL = 2, RANK_RESTRICTED = 3, RANK_UNKNOWN = 4 };

/* Between two things that are looked at: false when the judgement is to end. Whatever was allocated from r->a is gone. */
bool run_goes_on(struct control_run *r);
/* What came of it, in the arena. Once. */
struct control_result run_end(struct control_run *r, struct arena *a);
/* For what no log tells of a past time: true, and the control does not apply. */
bool run_unknown(struct control_run *r, Str what);
/* A finding about something of that domain, with the control's severity; everything else is the caller's to fill in. */
/* Valid until the next, or run_goes_on(). */
struct finding *run_find(struct control_run *r, Str domain_id, Str subject, Time since, struct posture_ref ref);
#define TEXT(r, ...) arena_printf((r)->a, __VA_ARGS__)
Str run_date(struct control_run *r, Time t);         /* "2026-11-21", "never" */

Str run_domain_name(const struct control_run *r, Str id); /* the id's first digits when unknown */
const struct posture_product *run_product(const struct control_run *r, Str domain_id, Str id); /* NULL when not live */
/* Those of a domain: [*ret_from, *ret_to) in the index. */
void run_products(const struct control_run *r, Str domain_id, size_t *ret_from, size_t *ret_to);
void run_people(const struct control_run *r, Str domain_id, size_t *ret_from, size_t *ret_to);
/* The memberships of a person: [*ret_from, *ret_to) in by_id. */
void run_memberships(const struct control_run *r, Str person_id, size_t *ret_from, size_t *ret_to);
/* What the grant was used for: [*ret_from, *ret_to) in the index. */
void run_uses(const struct control_run *r, const struct policy_grant *g, size_t *ret_from, size_t *ret_to);
const struct posture_group *run_group(const struct control_run *r, Str domain_id, Str id); /* NULL when unknown */
Str run_subject(struct control_run *r, const struct policy_grant *g); /* "domain/grt_…" */

/* Is it in force now? */
bool grant_live(const struct policy_grant *g, Time now);
/* Step through the tables that a grant is about: for (struct grant_tables it = grant_tables(r, g); grant_tables_next(&it);) */
struct grant_tables {
	struct control_run *r;
	const struct policy_grant *g;
	size_t at, end, table;
	const struct posture_product *product;
	const struct policy_table *t;
};
struct grant_tables grant_tables(struct control_run *r, const struct policy_grant *g);
bool grant_tables_next(struct grant_tables *it);
/* What whoever holds the grant would be decided at this table, by this grant alone, at whichever hour. */
bool grant_reads(struct control_run *r, const struct policy_grant *g, const struct policy_table *t, struct policy_decision *ret);

int rank_of_class(Str classification);
int column_rank(const struct policy_column *c);      /* of the class that counts: the contract's or the tag's, the higher one */
bool column_personal(const struct policy_column *c);
int product_rank(const struct posture_product *p);   /* of its highest column */

#define CONTROL(id, severity, days, title, checked, gdpr, soc2, iso) void check_##id(struct control_run *r);
#include "policy/controls.def"
#undef CONTROL

#endif

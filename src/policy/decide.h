/* The parts of the decision. Private to policy/.
 *
 * decide.c   asks whether anything bars the question, chooses among what covers it, tightens that
 * cover.c    does this grant, as it stands or as it was handed on, cover the question?
 * scope.c    what a restriction is about, and who counts among approvals
 * words.c    why, for people
 * digest.c   the hash */
#ifndef HEDDLE_POLICY_DECIDE_H
#define HEDDLE_POLICY_DECIDE_H

#include "policy/fault.h"
#include "policy/policy.h"

enum { INTERACT_ALL = INTERACT_SQL | INTERACT_API | INTERACT_SHARE | INTERACT_FILES | INTERACT_ML };

/* How far a grant got; the furthest one tells the reason of a refusal. */
enum stage {
	NOT_ABOUT, NOT_TO, NOT_TABLE, NOT_TAGGED, TOO_NEW, REVOKED, VOIDED, NOT_DELEGATED, TOO_EARLY, TOO_LATE, CAPPED, NOT_PURPOSE, ANY_PURPOSE,
	NOT_INTERACTION, NOT_HOURS, NOT_HANDED, UNAPPROVED, MALFORMED, COVERS
};

/* How much is shown of this table; smaller is more open. */
struct openness { size_t hidden, masked; bool filtered; };

/* A grant, as it stands or as a delegation hands it on, and what came of it. */
struct candidate {
	const struct policy_grant *g;
	const struct policy_delegation *d;   /* NULL: as it stands */
	enum stage stage;
	const struct policy_restriction *by; /* that stopped it; NULL where none did */
	uint32_t missing;                    /* approvals */
	const char *misfit;                  /* when MALFORMED */
	Str misfit_column;
	struct openness open;                /* when it covers */
	Time until;
};

struct work {
	struct arena *a;
	const struct policy_question *q;
	struct policy_trace *trace;
	const struct policy_restriction **rules; /* those that are about the table */
	size_t rule_count;
	bool approvals;                          /* one of them demands some */
	const struct policy_restriction *cap, *purpose, *handing, *level; /* of the strictest; NULL: none demands it */
	struct candidate nearest;                /* the one that got furthest; g NULL: none yet */
};

/* Of several that would do the one of the smallest id is told: an answer does not depend on the order of a list. */
static inline bool
told_before(const struct policy_restriction *r, const struct policy_restriction *held)
{
	return !held || str_cmp(r->id, held->id) < 0;
}

static inline bool
same_id(Str a, Str b)
{
	return a.n > 0 && str_eq(a, b);
}

/* --- cover.c --- */

/* Fills the rest, whose g and d are given; but for whether it is well formed. */
void cover(const struct work *w, struct candidate *ret);
/* Of one that covers: MALFORMED when it is not. */
void cover_check(const struct work *w, struct candidate *x);
/* Is it the consumer's, of this grant, and to who asks? */
bool cover_hands_on(const struct policy_delegation *d, const struct policy_grant *g, const struct policy_principal *who);
bool cover_hides(const struct candidate *x, const struct policy_column *col);
enum mask_kind cover_mask(const struct candidate *x, const struct policy_column *col);
/* What does not suit the column's type shows nothing. */
enum mask_kind mask_fitting(enum mask_kind kind, const struct policy_column *col);

/* --- scope.c --- */

/* Whether the column is one of those that r masks or hides; r must be about its table. */
bool scope_column(const struct policy_restriction *r, const struct policy_column *col);
/* One that suspends, or whose meaning is not known, closes all that it is about. */
bool scope_closes(const struct policy_restriction *r);
/* Does its freeze stand between who asks and the table? */
bool scope_freezes(const struct policy_restriction *r, const struct policy_question *q);

/* --- words.c --- */

/* Why the candidate does not cover; "it covers" when it does. */
Str words_of(const struct work *w, const struct candidate *x);
Str words_name(const struct work *w, const struct candidate *x); /* "grant grt_x", "delegation dlg_y of grant grt_x" */

/* --- digest.c --- */

void digest(const struct policy_question *q, struct policy_decision *d);

#endif

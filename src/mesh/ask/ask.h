/* Joins over logs that a decision rests on. Private to mesh/.
 *
 * ask.c           single things, and how a request stands
 * lists.c         lists
 * who.c           who asks, and who stands behind a grant
 * rules.c         the restrictions that bear on a table
 * tags.c          changes of tags that policy has not seen approved
 * approve.c       what is approved, and by whom it may be
 * decide.c        the decision
 * visible.c       what a person sees */
#ifndef HEDDLE_MESH_ASK_H
#define HEDDLE_MESH_ASK_H

#include <stddef.h>

#include "mesh/fold/fold.h"
#include "mesh/state.h"

/* What the caller may see of an item, NULL for none. */
#define PUB(type, found)                                                                                                       \
	__extension__({                                                                                                        \
		const struct item *pub_it_ = (const struct item *)(found);                                                     \
		pub_it_ ? &((const struct type *)pub_it_)->pub : NULL;                                                         \
	})

/* What holds what a caller sees: a thing of the state, never a copy. */
#define HOLDER(type, seen) ((const struct type *)(const void *)((const char *)(seen) - offsetof(struct type, pub)))

/* A growing list in an arena. */
struct found { struct arena *a; const void **list; size_t n, cap; };
void found_add(struct found *f, const void *one);
/* Not twice. Cost: O(n). */
void found_once(struct found *f, const void *one);

/* --- ask.c --- */

/* Only a grant to the asker, their domain or a group of it, on what was asked for, answers: ids of requests may be used twice by a stranger. */
bool ask_answers(const struct policy_grant *g, const struct mesh_request *r);

/* --- who.c --- */

/* *ret_log: of their domain; NULL when nobody knows them. */
struct policy_principal ask_person(const struct mesh *m, struct arena *a, Str person_id, const struct log **ret_log);
/* A copy in the arena that holds what other logs say of it: who stands behind it, who asked for it, whether it was voided. */
struct policy_grant *ask_grant(const struct mesh *m, struct arena *a, const struct grant *g);
/* The grant alone was voided, or revoked behind a fork? Else it may be used as it is where nobody asks for approvals. */
bool ask_grant_undone(const struct grant *g);
/* Who said it and who approved it; voided approvals and those of persons whom several domains claim left out. */
size_t ask_approvals(const struct mesh *m, struct arena *a, const struct log *log, Str subject_id, Str by, uint32_t by_role, struct policy_approval **ret);
bool ask_delegation_undone(const struct delegation *d);

/* --- rules.c --- */

/* The live restrictions that may bear on the table, or freeze the domain that asks (NULL: none); policy sorts out the rest. */
size_t ask_rules(const struct mesh *m, struct arena *a, const struct policy_table *t, const struct log *producer, const struct log *asking, const struct policy_restriction *const **ret);

/* Those of them that demand approvals, were the tags of the table these. */
size_t ask_rules_of_approvals(const struct mesh *m, struct arena *a, const struct policy_table *t, const struct policy_restriction *const **ret);

/* --- tags.c --- */

/* The table, or where changes of its tags are not approved a copy in the arena with what counted before them. */
const struct policy_table *ask_table(const struct mesh *m, struct arena *a, const struct product *p, const struct policy_table *t);
/* Who stands behind a tag.set. */
size_t ask_tag_approvals(const struct mesh *m, struct arena *a, const struct mesh_tag *t, struct policy_approval **ret);

/* --- decide.c --- */

/* Is there any purpose for which they, of the domain of that log, may read it? */
void ask_shown(const struct mesh *m, struct arena *a, const struct policy_principal *who, const struct log *home, const struct mesh_product *product,
               const struct mesh_table *table, Time now, struct policy_decision *ret);

#endif

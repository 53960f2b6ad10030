/* Faults that tests plant, to see that they would be noticed. In a program as it ships FAULT() is false at compile time.
 * Private to mesh/. */
#ifndef HEDDLE_MESH_FOLD_H
#define HEDDLE_MESH_FOLD_H

#include <stdbool.h>

enum mesh_fault {
	MESH_FAULT_NO_AUTHORITY = 1,   /* a grant counts in any log */
	MESH_FAULT_NO_SIGNATURE = 2,   /* any signature is good */
	MESH_FAULT_NO_ORIGIN = 4,      /* an event counts in any log it is copied to */
	MESH_FAULT_NO_ORDER = 8,       /* an event counts again at another place */
	MESH_FAULT_NO_CENTER = 16,     /* any domain restricts */
	MESH_FAULT_CENTER_GRANTS = 32, /* a center publishes and grants */
	MESH_FAULT_NO_REVOKE = 64,     /* a revoke is accepted and forgotten */
	MESH_FAULT_OLD_MEMBER = 128,   /* who comes back begins a membership with each member.set: groups are lost with a role */
	MESH_FAULT_ANY_MEMBER = 256,   /* groups and delegations take who is no member */
	MESH_FAULT_NO_LEAVE = 512,     /* a leave is accepted and forgotten */
	MESH_FAULT_NO_END = 1024,      /* the end of a delegation likewise */
	MESH_FAULT_CLASS_FALLS = 2048, /* a publish lowers the class of a column */
	MESH_FAULT_NO_COMMITMENT = 4096, /* any key may follow, not the one that was committed to */
	MESH_FAULT_NO_ENDORSEMENT = 8192, /* nobody need endorse a rotation, or a settled fork */
	MESH_FAULT_NO_COMPROMISE = 16384, /* what was said with a stolen key stays */
	MESH_FAULT_NO_FORK_PROOF = 32768, /* branches of a fork need no signature */
	MESH_FAULT_NO_FORKS = 65536, /* forks have no consequences */
	MESH_FAULT_ANY_SPEAKER = 131072, /* who is named as an approver is spoken for by any domain */
	MESH_FAULT_LAST_STEP = 262144, /* of changes of a tag only the last is looked at */
	MESH_FAULT_ONE_SHELF = 524288, /* a restriction is found under one of its tags only */
	MESH_FAULT_FOREIGN_SNAPSHOT = 1048576, /* a publish may name any snapshot */
	MESH_FAULT_LATE_MEMBER = 2097152, /* who is loaded after their groups is in none */
};

#ifdef HEDDLE_MESH_FAULTS
extern unsigned mesh_faults; /* set by the test */
#define FAULT(name) ((mesh_faults & MESH_FAULT_##name) != 0)
#else
#define FAULT(name) false
#endif

#endif

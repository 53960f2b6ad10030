/* Fault points: the tests make the n-th input or output fail, or kill the process there.
 *
 * Every wrapper in os/ that changes or reads a file calls fault_hit() with its name first. In a normal run that is one
 * comparison. HEDDLE_FAULT="N[:errno|kill|short|trace]" (only looked at when the binary was built with -Dfaults=true) arms it:
 * the N-th hit of this process gives that errno (a number), kills the process, or makes a write stop half way; with "trace"
 * nothing fails, and the log tells every hit from the N-th on. */
#ifndef HEDDLE_BASE_FAULT_H
#define HEDDLE_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_NONE, FAULT_ERRNO, FAULT_KILL, FAULT_SHORT };

struct fault {
	uint64_t at;        /* 0: never */
	uint64_t hits;      /* so far */
	enum fault_kind kind;
	int error;          /* errno to report */
	bool tell, trace;   /* to the log: the hit that fails; every hit, so that a sweep can see how far a role goes */
};

extern struct fault fault_armed; /* one per process; set by the role's main, read by os/ */

/* Counts one hit; what to do at this one. Pure bookkeeping, no system call. */
enum fault_kind fault_hit(const char *what);

#endif

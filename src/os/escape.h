/* Ways out of the sandbox, to be tried: by each role after it locked itself in, and by the tests with and without a sandbox.
 * None of them changes anything when it succeeds, but for the fatal ones, which only a process to be thrown away may try. */
#ifndef HEDDLE_OS_ESCAPE_H
#define HEDDLE_OS_ESCAPE_H

#include "os/sandbox.h"

struct escape {
	const char *name;
	int (*run)(void);    /* 0: it went through; else errno */
	int from_level;      /* closed from this level on */
	unsigned not_for;    /* profiles that may do this */
	bool fatal;          /* the sandbox answers with SIGSYS */
};

size_t escape_count(void);
const struct escape *escape_at(size_t i);
/* 0 when it went through, else the errno it met. */
int escape_try(const struct escape *e);

#endif

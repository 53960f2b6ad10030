/* The system call filter of a profile, from os/syscalls.def. */
#ifndef HEDDLE_OS_SECCOMP_H
#define HEDDLE_OS_SECCOMP_H

#include "os/sandbox.h"

bool seccomp_available(void);
/* All threads of the process. -1 with errno. Needs no_new_privs. */
int seccomp_enter(enum sandbox_profile profile);

#endif

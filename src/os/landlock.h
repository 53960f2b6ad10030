/* Landlock, as far as the sandbox needs it. Functions return -1 with errno. Own constants: the headers of the build machine may be
 * older than the kernel it runs on. */
#ifndef HEDDLE_OS_LANDLOCK_H
#define HEDDLE_OS_LANDLOCK_H

#include <stdbool.h>

int landlock_abi(void); /* 0: the kernel has none, or it is off */
/* A rule set that denies every access to files, and with no_net TCP; from ABI 6 also signals and abstract sockets to the
 * outside. */
int landlock_new(int abi, bool no_net);
/* Let everything beneath a folder, or a single file, be read, and with `write` changed. fd may be O_PATH. */
int landlock_allow(int rules, int abi, int fd, bool write);
int landlock_enter(int rules); /* needs no_new_privs */

#endif

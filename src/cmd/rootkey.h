/* The root key of a node: what its private keys are sealed under. 64 hex digits, from one of
 *   HEDDLE_ROOT_KEY     the environment; taken out of it at once, and no role inherits the environment
 *   root_key_command    settings: a program and its arguments, run without a shell before anything of the node runs; prints the key
 *   root_key_file       settings: a file
 *   root.key            in the data folder, where none of these is
 * Two of the first three are an error: the wrong one might be taken. A key that is not there is an error too, never a reason to make one. */
#ifndef HEDDLE_CMD_ROOTKEY_H
#define HEDDLE_CMD_ROOTKEY_H

#include "cmd/datadir.h"
#include "cmd/settings.h"

/* Is it in the environment? Then `init` writes no file. */
bool rootkey_in_environment(void);
/* A descriptor from which the keys role reads the key; in memory unless it is a file. */
NODISCARD Err rootkey_open(struct ctx *c, const struct datadir *d, const struct settings *s, int *ret_fd);

#endif

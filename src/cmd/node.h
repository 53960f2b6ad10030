/* The commands that make and run a node; parsed like those of the client (cmd/cli/cli.h). */
#ifndef HEDDLE_CMD_NODE_H
#define HEDDLE_CMD_NODE_H

#include "cmd/cli/cli.h"

NODISCARD Err node_init(struct cli *cli);
/* Runs until told to stop by SIGTERM or SIGINT. */
NODISCARD Err node_serve(struct cli *cli);

#endif

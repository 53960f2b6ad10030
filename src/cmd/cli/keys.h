/* Keys on their owner's machine: made, declared with a domain, rotated, recovered. */
#ifndef HEDDLE_CMD_CLI_KEYS_H
#define HEDDLE_CMD_CLI_KEYS_H

#include "cmd/cli/sign.h"

/* What `domain add` says of keys: with --key those of the file; with --recovery-out three new recovery keys, written there. */
NODISCARD Err cli_set_custody(struct cli *cli, json_t *body);

#endif

/* What somebody is asked to sign, held against what they asked for, and put into words. The node that asks is not trusted: what this program does not
 * understand it does not sign, and what it knows itself (roles, purposes, kinds of receivers, tags) it does not take from the node. It cannot know that
 * an id is the product or the person that was meant: that is shown. */
#ifndef HEDDLE_CMD_CLI_SAID_H
#define HEDDLE_CMD_CLI_SAID_H

#include "cmd/cli/cli.h"
#include "mesh/event.h"

/* DENIED: a body of another form than this version knows, or it says other than cli->asked. */
NODISCARD Err said_check(struct cli *cli, const struct event *e, Str payload);
/* In a few words what the event does. */
const char *said_words(enum event_type t);

#endif

/* What the commands about access share: arguments into bodies, lists a page at a time, terms into lines. */
#ifndef HEDDLE_CMD_CLI_ACCESS_H
#define HEDDLE_CMD_CLI_ACCESS_H

#include "cmd/cli/node.h"
#include "cmd/cli/out.h"

/* body[key] = value, unless it is NULL. INVALID when it is not UTF-8. */
NODISCARD Err cli_set_text(struct cli *cli, json_t *body, const char *key, const char *value);
/* "a,b,c" as a list of texts. */
NODISCARD Err cli_set_list(struct cli *cli, json_t *body, const char *key, const char *value);
NODISCARD Err cli_set_number(struct cli *cli, json_t *body, const char *key, const char *option, const char *value);
/* from, until, rows, masks, hide, via: what grants, approvals and delegations have in common. */
NODISCARD Err cli_set_terms(struct cli *cli, json_t *body);
/* The terms that only grants have: aggregate-only, row budget, no export, hours. */
NODISCARD Err cli_set_demands(struct cli *cli, json_t *body);

/* "store_id = 3; mask card=hash; hide note; at most 1,000 rows a day": the terms of a grant or a delegation in one line.
 * all: what to say where no rows are named. */
Str cli_terms_line(struct arena *a, const json_t *grant, const char *all);
/* As people say it: "not yet" for not_yet. */
Str cli_state(const json_t *thing);
/* "1 of 2 approvals", "" when none are demanded. */
Str cli_approvals(struct arena *a, const json_t *thing);
Str cli_or_dash(Str s);
/* Call the node for this person (body: NULL for none); with --json its answer is printed, and the caller is done. */
NODISCARD Err cli_send(struct cli *cli, const char *method, const char *path, const json_t *body, json_t **ret, bool *ret_told);
/* GET /api/v1/<list> with --all, --limit and --after, and print what the answer lists under that name, a row an item; then how to go
 * on, where that is not all. The command is called like the list. INVALID for what is no limit. */
NODISCARD Err cli_print_page(struct cli *cli, const char *list, struct grid *g, void (*row)(struct cli *, struct grid *, const json_t *));
/* What a trial answers: grants (unless there are none of them in it) and queries that would change. (policy.c) */
void cli_print_impact(struct cli *cli, const json_t *trial);

#endif

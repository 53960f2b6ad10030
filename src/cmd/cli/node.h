/* Talking to a node as a client: which node, as whom, and what its answers mean.
 *
 * The node: --url, else HEDDLE_URL, else http://127.0.0.1:7878. The person: --as NAME (a token saved for this node), else
 * HEDDLE_TOKEN, else the only token saved for this node. Tokens lie under ${HEDDLE_HOME:-${XDG_CONFIG_HOME:-~/.config}/heddle}/
 * tokens/<node id>/<name>, mode 0600, and are sent to that node only. */
#ifndef HEDDLE_CMD_CLI_NODE_H
#define HEDDLE_CMD_CLI_NODE_H

#include "cmd/cli/cli.h"

struct node;

/* Without a person, for what the node tells everyone. */
enum node_who { NODE_PERSON, NODE_NOBODY };

/* Where a domain keeps its key, the call asks for signatures and is given them (sign.h).
 * One call with a JSON body (NULL: none) and a JSON answer, *ret for the caller to json_decref(). When the node refuses: its error by
 * name, its message as the detail, its hint in cli->hint, the whole answer in cli->refusal. UNAVAILABLE when it does not answer. */
NODISCARD Err node_call(struct cli *cli, enum node_who who, const char *method, const char *path, const json_t *body, json_t **ret);
#define node_get(cli, path, ret) node_call((cli), NODE_PERSON, "GET", (path), NULL, (ret))

/* What happened so far; called about ten times a second. Sending is over when done == total. */
typedef void (*node_progress_fn)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
/* The same while waiting for the answer: a line that ticks. NULL: none. */
void node_progress(struct cli *cli, node_progress_fn fn, void *arg);

/* POST the whole of a file, from where it stands. */
NODISCARD Err node_upload(struct cli *cli, const char *path, int fd, uint64_t bytes, json_t **ret);

/* An answer that is not JSON: handed on as it comes, bounded memory. fn stops the transfer by returning an error. */
typedef Err (*node_bytes_fn)(struct ctx *c, void *arg, Str bytes);
NODISCARD Err node_stream(struct cli *cli, const char *method, const char *path, const json_t *body, node_bytes_fn fn, void *arg);
/* A header of the newest answer, "" when it had none. Valid until the next call. */
Str node_header(const struct cli *cli, const char *name);

/* The bytes of an answer that is no JSON, at most 64 MiB, in the arena. */
NODISCARD Err node_fetch(struct cli *cli, const char *path, Str *ret);

/* SIGINT while a call runs makes it end with CANCELLED. */
void node_interrupts(void);

/* ${HEDDLE_HOME:-${XDG_CONFIG_HOME:-~/.config}/heddle}; and every folder on the way to a path, for oneself alone. */
NODISCARD Err node_home(struct cli *cli, const char **ret);
NODISCARD Err node_make_dirs(struct cli *cli, const char *path);
NODISCARD Err node_id(struct cli *cli, Str *ret);
/* Keep a token for --as. *ret_path is where. */
NODISCARD Err node_save_token(struct cli *cli, Str name, Str token, Str *ret_path);
const char *node_url(const struct cli *cli);
void node_close(struct node *n); /* NULL is fine */

/* The folder that holds the logs of a data folder, or of a copy of its logs. (log.c) */
NODISCARD Err cli_open_ledger(struct cli *cli, const char *dir, int *ret_fd);
/* "/api/v1/products/" and the text, percent-encoded (RFC 3986 2.1). In the arena. */
const char *node_path(struct cli *cli, const char *prefix, const char *text, const char *suffix);

#endif

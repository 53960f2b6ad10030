/* The command line: one process per command, a client of the node's API like any other.
 *
 * table.c lists the commands and options; parsing, help and dispatch all come from it. A command's function takes what was
 * parsed, talks to the node through node.h and prints through out.h. Results go to stdout, everything else to stderr.
 * Exit status: 0 done, otherwise the third column of base/err.def. */
#ifndef HEDDLE_CMD_CLI_H
#define HEDDLE_CMD_CLI_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json.h"

enum option_id {
	OPT_HELP, OPT_JSON, OPT_AS, OPT_URL, OPT_CA,
	OPT_DATA_DIR, OPT_HTTP, OPT_CONFIG, OPT_OWNER, OPT_DOMAIN, OPT_ROLE, OPT_FILES, OPT_PURPOSE, OPT_FROM, OPT_UNTIL, OPT_REASON,
	OPT_ROWS, OPT_MASK, OPT_HIDE, OPT_TO, OPT_FORMAT, OPT_DIR, OPT_LIMIT, OPT_CLASS_MASK, OPT_PRODUCT, OPT_SUSPEND,
	OPT_DATA_FILES, OPT_KEEP, OPT_NO_KEEP,
	OPT_TAGS, OPT_IN, OPT_FUTURE, OPT_VIA, OPT_AGGREGATE, OPT_BY, OPT_UNIT, OPT_ROW_BUDGET, OPT_NO_EXPORT, OPT_HOURS, OPT_DRAFT, OPT_SAME_HUMAN,
	OPT_HANDING, OPT_KIND, OPT_VALUES, OPT_TABLE,
	OPT_AFTER, OPT_FOLLOW, OPT_EVENTS, OPT_TRY, OPT_OF_TABLE, OPT_PERSON, OPT_AT, OPT_REVOKE,
	OPT_BY_PERSON, OPT_OUTCOME, OPT_OPERATION, OPT_OUT, OPT_LOG,
	OPT_OF_GRANT, OPT_DAYS, OPT_UNUSED, OPT_BASIS, OPT_KEY, OPT_YES, OPT_TAKEN_OVER, OPT_RECOVERY_OUT, OPT_RECOVERY, OPT_COMPROMISED, OPT_CONTROL,
	OPT_HTML, OPT_DRILL, OPT_DOCUMENT, OPT_LIST, OPT_ALL, OPT_PAGE, OPT_PAGE_AFTER, OPT_COUNT
};

/* A set of options, a bit for each. */
__extension__ typedef unsigned __int128 OptionSet;
_Static_assert(OPT_COUNT <= 128, "more options than bits");

enum option_kind { OPTION_FLAG, OPTION_ONE, OPTION_MANY, OPTION_FILES };

struct option {
	const char *name;   /* without the dashes; several options may share one, commands choose among them */
	const char *value;  /* what the help calls its value */
	enum option_kind kind;
	const char *help;
};

struct cli;
struct command {
	const char *group;    /* heading in the list of commands */
	const char *name;     /* one or two words */
	const char *args;     /* how usage shows the arguments */
	const char *summary;
	Err (*run)(struct cli *cli); /* NULL: main.c parses this one itself */
	OptionSet options, required;
	unsigned min_args, max_args;
	const char *example;  /* lines that run as they stand */
	const char *notes;
};

extern const struct option cli_options[OPT_COUNT];
extern const struct command cli_commands[];
extern const size_t cli_command_count;
#define BIT(id) ((OptionSet)1 << (id))
#define OPTIONS_GLOBAL (BIT(OPT_HELP) | BIT(OPT_JSON) | BIT(OPT_AS) | BIT(OPT_URL) | BIT(OPT_CA) | BIT(OPT_KEY) | BIT(OPT_YES) | BIT(OPT_TAKEN_OVER))

struct given { enum option_id id; const char *value; };
struct cli_file { Str table; const char *path; };
struct node;
struct sign_as;

struct cli {
	struct ctx c;
	struct arena arena;
	const struct command *command;
	const char **args;
	size_t arg_count;
	struct given *given;       /* in the order of the line */
	size_t given_count;
	struct cli_file *files;    /* of --data TABLE=FILE… */
	size_t file_count;
	bool json;
	bool streamed;             /* a part of the result stands on stdout already */
	json_t *refusal;           /* what the node answered when it did not do it; owned */
	char hint[512];            /* how to go on, shown below the error */
	struct node *node;         /* made by the first call; owned */
	const struct sign_as *sign_as; /* NULL: with the domain's key (sign.h) */
	const json_t *asked;       /* the body of the request that is under way; NULL: none */
};

/* The arguments of main(); returns the exit status. Serves --help of every command, also of those that main() runs itself. */
int cli_main(int argc, char **argv);

/* Without the program's name. Fill args, given and files; command is NULL when no word was given. INVALID says what was wrong, with a suggestion. */
NODISCARD Err cli_parse(struct cli *cli, int argc, char **argv);
/* The last value given; NULL when none. */
const char *cli_option(const struct cli *cli, enum option_id id);
static inline bool cli_flag(const struct cli *cli, enum option_id id) { return cli_option(cli, id) != NULL; }

/* With --json: print the node's answer as it is, true; the caller is done then. */
bool cli_told(const struct cli *cli, const json_t *answer);

void cli_help(void);
void cli_command_help(const struct command *command);

/* The commands. */
Err cli_run_status(struct cli *cli);
Err cli_run_rebuild(struct cli *cli);
Err cli_run_journal(struct cli *cli);
Err cli_run_audit_search(struct cli *cli);
Err cli_run_audit_export(struct cli *cli);
Err cli_run_audit_proof(struct cli *cli);
Err cli_run_usage(struct cli *cli);
Err cli_run_user_erase(struct cli *cli);
Err cli_run_erase(struct cli *cli);
Err cli_run_log_verify(struct cli *cli);
Err cli_run_demo(struct cli *cli);
Err cli_run_version(struct cli *cli);
Err cli_run_domain_add(struct cli *cli);
Err cli_run_domains(struct cli *cli);
Err cli_run_key_new(struct cli *cli);
Err cli_run_key_status(struct cli *cli);
Err cli_run_key_rotate(struct cli *cli);
Err cli_run_key_recover(struct cli *cli);
Err cli_run_confirm(struct cli *cli);
Err cli_run_log_compare(struct cli *cli);
Err cli_run_forks(struct cli *cli);
Err cli_run_fork_report(struct cli *cli);
Err cli_run_fork_resolve(struct cli *cli);
Err cli_run_user_add(struct cli *cli);
Err cli_run_users(struct cli *cli);
Err cli_run_domain_set(struct cli *cli);
Err cli_run_user_remove(struct cli *cli);
Err cli_run_service_add(struct cli *cli);
Err cli_run_group_add(struct cli *cli);
Err cli_run_groups(struct cli *cli);
Err cli_run_group_join(struct cli *cli);
Err cli_run_group_leave(struct cli *cli);
Err cli_run_group_remove(struct cli *cli);
Err cli_run_contract_check(struct cli *cli);
Err cli_run_publish(struct cli *cli);
Err cli_run_products(struct cli *cli);
Err cli_run_show(struct cli *cli);
Err cli_run_request(struct cli *cli);
Err cli_run_requests(struct cli *cli);
Err cli_run_approve(struct cli *cli);
Err cli_run_deny(struct cli *cli);
Err cli_run_grant(struct cli *cli);
Err cli_run_grants(struct cli *cli);
Err cli_run_revoke(struct cli *cli);
Err cli_run_renew(struct cli *cli);
Err cli_run_submit(struct cli *cli);
Err cli_run_comment(struct cli *cli);
Err cli_run_withdraw(struct cli *cli);
Err cli_run_inbox(struct cli *cli);
Err cli_run_delegate(struct cli *cli);
Err cli_run_delegations(struct cli *cli);
Err cli_run_undelegate(struct cli *cli);
Err cli_run_tag_set(struct cli *cli);
Err cli_run_tag_unset(struct cli *cli);
Err cli_run_tags(struct cli *cli);
Err cli_run_tag_define(struct cli *cli);
Err cli_run_tag_retire(struct cli *cli);
Err cli_run_purposes(struct cli *cli);
Err cli_run_purpose_add(struct cli *cli);
Err cli_run_purpose_retire(struct cli *cli);
Err cli_run_explain(struct cli *cli);
Err cli_run_query(struct cli *cli);
Err cli_run_feed(struct cli *cli);
Err cli_run_webhook_add(struct cli *cli);
Err cli_run_webhooks(struct cli *cli);
Err cli_run_webhook_remove(struct cli *cli);
Err cli_run_webhook_test(struct cli *cli);
Err cli_run_webhook_deliveries(struct cli *cli);
Err cli_run_webhook_redeliver(struct cli *cli);
Err cli_run_restrict(struct cli *cli);
Err cli_run_lift(struct cli *cli);
Err cli_run_policy_add(struct cli *cli);
Err cli_run_policy_try(struct cli *cli);
Err cli_run_policy_show(struct cli *cli);
Err cli_run_policy_lift(struct cli *cli);
Err cli_run_policies(struct cli *cli);
Err cli_run_posture(struct cli *cli);
Err cli_run_posture_accept(struct cli *cli);
Err cli_run_posture_withdraw(struct cli *cli);
Err cli_run_posture_evidence(struct cli *cli);
Err cli_run_posture_export(struct cli *cli);
Err cli_run_review(struct cli *cli);

#endif

#include "cmd/cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cli/node.h"
#include "cmd/cli/out.h"

static void
cli_fini(struct cli *cli)
{
	node_close(cli->node);
	json_decref(cli->refusal);
	arena_fini(&cli->arena);
}

/* With --json the refusal is the one document on stdout: the node's own, or one of the same shape. */
static void
refusal_json(const struct cli *cli, Err e)
{
	JSON_AUTO *own = NULL;
	const json_t *doc = cli->refusal;

	if (!doc) {
		own = json_pack("{s:{s:s, s:s}}", "error", "code", err_name(e), "message", err_detail(&cli->c, e));
		if (own && cli->hint[0]) json_object_set_new(json_object_get(own, "error"), "hint", json_string(cli->hint));
		doc = own;
	}
	out_json(doc);
}

static int
report(const struct cli *cli, Err e)
{
	if (err_ok(e)) return 0;
	fflush(stdout);
	fputs("heddle: ", stderr);
	out_text(stderr, str_c(err_detail(&cli->c, e)));
	fputc('\n', stderr);
	for (Str rest = str_c(cli->hint), line; rest.n;) {
		rest = str_cut(rest, '\n', &line);
		fputs("  ", stderr);
		out_text(stderr, line);
		fputc('\n', stderr);
	}
	if (cli->json && !cli->streamed) refusal_json(cli, e);
	return err_exit(e);
}

bool
cli_told(const struct cli *cli, const json_t *answer)
{
	if (cli->json) out_json(answer);
	return cli->json;
}

static Err
run(struct cli *cli, int argc, char **argv)
{
	TRY(cli_parse(cli, argc, argv));
	if (!cli->command) {
		cli_help();
		return OK;
	}
	if (cli_flag(cli, OPT_HELP)) {
		cli_command_help(cli->command);
		return OK;
	}
	ENSURE(&cli->c, cli->command->run, INTERNAL, "heddle %s is not a command of the client", cli->command->name);
	return cli->command->run(cli);
}

int
cli_main(int argc, char **argv)
{
	struct cli cli = {.arena = ARENA_INIT};
	struct ctx *c = &cli.c;

	signal(SIGPIPE, SIG_IGN);
	c->arena = &cli.arena;
	int status = report(&cli, run(&cli, argc - 1, argv + 1));
	bool written = fflush(stdout) == 0 && !ferror(stdout);
	cli_fini(&cli);
	return status == 0 && !written ? 5 : status;
}

/* heddle: one program. As `heddle: <role>` it is a role of a node; else a command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cli/out.h"
#include "cmd/node.h"
#include "cmd/role.h"
#include "crypt/hash.h"

/* The commands that run no client. */
static Err
run_node(struct cli *cli, bool serve)
{
	TRY(crypt_init(&cli->c));
	return serve ? node_serve(cli) : node_init(cli);
}

static void
report(const struct cli *cli, Err e)
{
	fflush(stdout);
	fprintf(stderr, "heddle: %s\n", err_detail(&cli->c, e));
	if (!cli->json) return;
	JSON_AUTO *doc = json_pack("{s:{s:s, s:s}}", "error", "code", err_name(e), "message", err_detail(&cli->c, e));
	out_json(doc);
}

int
main(int argc, char **argv)
{
	const char *role = spawn_role_of(argv);
	struct cli cli = {.arena = ARENA_INIT};

	if (role) return role_main(role, argv);
	signal(SIGPIPE, SIG_IGN);
	cli.c.arena = &cli.arena;
	Err e = cli_parse(&cli, argc - 1, argv + 1);
	bool serve = err_ok(e) && cli.command && strcmp(cli.command->name, "serve") == 0;
	bool init = err_ok(e) && cli.command && strcmp(cli.command->name, "init") == 0;
	if ((!serve && !init) || cli_flag(&cli, OPT_HELP)) {
		arena_fini(&cli.arena);
		return cli_main(argc, argv);
	}
	e = run_node(&cli, serve);
	if (!err_ok(e)) report(&cli, e);
	arena_fini(&cli.arena);
	return err_exit(e);
}

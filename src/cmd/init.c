#include <stdio.h>
#include <string.h>

#include "cmd/cli/out.h"
#include "cmd/datadir.h"
#include "cmd/node.h"

static void
announce(struct cli *cli, const struct datadir *d)
{
	Str token = arena_printf(&cli->arena, "%s/admin.token", d->path);

	if (cli->json) {
		JSON_AUTO *doc = json_pack("{s:s, s:s, s:s}", "data", d->path, "node", d->node_id, "admin_token_file", token.p);
		out_json(doc);
		return;
	}
	printf("made node %s in %s\n\nnext:\n  heddle serve --data %s\n  export HEDDLE_TOKEN=$(cat %s)\n  heddle status\n", d->node_id, d->path,
	    d->path, token.p);
}

Err
node_init(struct cli *cli)
{
	struct datadir d;

	TRY(datadir_make(&cli->c, cli_option(cli, OPT_DATA_DIR), &d));
	announce(cli, &d);
	datadir_close(&d);
	return OK;
}

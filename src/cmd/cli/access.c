/* The center's restrictions, in the short form. */
#include <stdio.h>

#include "cmd/cli/access.h"

Err
cli_run_restrict(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	const char *mask = cli_option(cli, OPT_CLASS_MASK), *suspend = cli_option(cli, OPT_SUSPEND);
	const char *product = suspend ? suspend : cli_option(cli, OPT_PRODUCT);
	bool one = cli->arg_count == 1;

	ENSURE(&cli->c, one ? mask && !suspend : suspend && !mask, INVALID,
	       "write `heddle restrict CLASSIFICATION --mask KIND` or `heddle restrict --suspend DOMAIN.PRODUCT`");
	if (one) TRY(cli_set_text(cli, body, "classification", cli->args[0]));
	TRY(cli_set_text(cli, body, "mask", mask));
	TRY(cli_set_text(cli, body, "product", product));
	if (suspend) json_object_set_new(body, "suspend", json_true());
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/restrictions", body, &answer));
	if (cli_told(cli, answer)) return OK;
	if (suspend)
		out_printf("restriction %.*s: %s is closed\n", STR(js_text(answer, "id")), suspend);
	else
		out_printf("restriction %.*s: every column classified '%s'%s%s is masked with %s\n", STR(js_text(answer, "id")), cli->args[0],
		       product ? " in " : "", product ? product : "", mask);
	return OK;
}

Err
cli_run_lift(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_call(cli, NODE_PERSON, "DELETE", node_path(cli, "/api/v1/restrictions/", cli->args[0], ""), NULL, &answer));
	if (cli_told(cli, answer)) return OK;
	printf("policy %s: lifted\n", cli->args[0]);
	return OK;
}

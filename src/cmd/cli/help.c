/* Help, written from the table of commands. */
#include <stdio.h>

#include "cmd/cli/cli.h"
#include "cmd/cli/out.h"

enum { USAGE_WIDTH = 100 };

static const char HEAD[] =
    "Heddle: domains publish their data as products, others find and use them under rules only the owners loosen.\n"
    "\n"
    "usage: heddle COMMAND [ARGUMENTS] [OPTIONS]\n";

static const char TAIL[] =
    "First steps\n"
    "  heddle init --data ./node\n"
    "  heddle serve --data ./node &\n"
    "  export HEDDLE_TOKEN=$(cat ./node/admin.token)\n"
    "  heddle domain add stores --owner sam\n"
    "  heddle user add sam --domain stores --role owner\n"
    "  heddle publish transactions.yaml --data transactions=transactions.parquet --as sam\n"
    "  heddle demo                              the whole story, on real data\n"
    "\n"
    "`heddle COMMAND --help` tells more. Who you are: --as NAME, else HEDDLE_TOKEN, else the one token saved for the node.\n"
    "Exit status: 0 done, 2 bad usage or input, 3 refused by policy, 4 not found, 5 failed inside.\n";

static void
options(OptionSet which)
{
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct option *o = &cli_options[i];
		char left[64];
		if (!(which & BIT(i))) continue;
		snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
		printf("  %s%*s%s\n", left, (int)(text_width(str_c(left)) < 21 ? 22 - text_width(str_c(left)) : 1), "", o->help);
	}
}

void
cli_help(void)
{
	const char *group = "";

	fputs(HEAD, stdout);
	for (size_t i = 0; i < cli_command_count; i++) {
		const struct command *k = &cli_commands[i];
		if (strcmp(group, k->group) != 0) printf("\n%s\n", group = k->group);
		printf("  %-19s %s\n", k->name, k->summary);
	}
	puts("\nOptions of every command");
	options(OPTIONS_GLOBAL);
	printf("\n%s", TAIL);
}

/* Lines of `text`, each set in by two columns. */
static void
indented(const char *text)
{
	for (Str rest = str_c(text), line; rest.n;) {
		rest = str_cut(rest, '\n', &line);
		out_printf("  %.*s\n", STR(line));
	}
}

/* A line for each alternative where one line for all would be too long. */
static void
usage(const struct command *k)
{
	bool parted = *k->args != '(' && strlen(k->name) + strlen(k->args) > USAGE_WIDTH;
	int lead = printf("usage: heddle %s", k->name);

	for (const char *rest = k->args, *end; *rest; rest = end) {
		end = strstr(rest + 1, " | --");
		if (!parted || !end) end = rest + strlen(rest);
		printf("%s%.*s", *rest == ' ' ? "" : " ", (int)(end - rest), rest);
		if (*end) printf("\n%*s", lead, "");
	}
	putchar('\n');
}

void
cli_command_help(const struct command *k)
{
	printf("heddle %s: %s\n\n", k->name, k->summary);
	usage(k);
	if (k->options) {
		puts("\nOptions");
		options(k->options);
	}
	puts("\nOptions of every command");
	options(OPTIONS_GLOBAL);
	puts("\nExample");
	indented(k->example);
	if (k->notes) {
		putchar('\n');
		puts(k->notes);
	}
	puts("\nExit status: 0 done, 2 bad usage or input, 3 refused by policy, 4 not found, 5 failed inside.");
}

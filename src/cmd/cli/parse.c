/* The words and options of one line. Options may stand anywhere; `--` ends them; a value follows as the next word or after '='. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cmd/cli/cli.h"

/* Edits (insert, delete, replace, swap of neighbours) between two words; words over 31 characters are far from everything. */
static unsigned
distance(const char *a, const char *b)
{
	enum { N = 32 };
	unsigned row[3][N + 1];
	size_t an = strlen(a), bn = strlen(b);

	if (an >= N || bn >= N) return N;
	for (size_t j = 0; j <= bn; j++) row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best) best = last[j] + 1;
			if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[an % 3][bn];
}

static bool
near(const char *said, const char *meant, unsigned *best)
{
	unsigned d = distance(said, meant), limit = strlen(said) < 4 ? 1 : 2;

	if (d > limit || d >= *best) return false;
	*best = d;
	return true;
}

/* first: the line's first word; both: with the second, "" when there is none. */
static Err
unknown_command(struct cli *cli, const char *first, const char *both)
{
	unsigned best = 99;

	snprintf(cli->hint, sizeof(cli->hint), "`heddle --help` lists the commands");
	for (size_t i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		if (near(first, name, &best) || (*both && near(both, name, &best)))
			snprintf(cli->hint, sizeof(cli->hint), "did you mean `heddle %s`? `heddle --help` lists the commands", name);
	}
	return err_set(&cli->c, ERR_INVALID, "no command is called '%s'", first);
}

static Err
unknown_option(struct cli *cli, const char *said, size_t n)
{
	const char *name = arena_dup(&cli->arena, said, n), *command = cli->command ? cli->command->name : NULL;
	OptionSet allowed = (cli->command ? cli->command->options : 0) | OPTIONS_GLOBAL;
	unsigned best = 99;

	snprintf(cli->hint, sizeof(cli->hint), "`heddle %s%s--help` lists the options", command ? command : "", command ? " " : "");
	for (size_t i = 0; i < OPT_COUNT; i++)
		if ((allowed & BIT(i)) && near(name, cli_options[i].name, &best))
			snprintf(cli->hint, sizeof(cli->hint), "did you mean --%s?", cli_options[i].name);
	return err_set(&cli->c, ERR_INVALID, "%s has no option --%s", command ? command : "heddle", name);
}

/* The option of that name among `allowed`; OPT_COUNT when there is none. */
static enum option_id
option_find(OptionSet allowed, const char *name, size_t n)
{
	for (size_t i = 0; i < OPT_COUNT; i++)
		if ((allowed & BIT(i)) && strlen(cli_options[i].name) == n && memcmp(cli_options[i].name, name, n) == 0)
			return (enum option_id)i;
	return OPT_COUNT;
}

static bool
is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] == '-' && arg[2] != 0;
}

/* The place of the next word that is no option nor an option's value, from `at` on; argc when there is none. Options of one name
 * agree on whether they take a value, so this works before the command is known. */
static int
next_word(int argc, char **argv, int at)
{
	for (; at < argc; at++) {
		const char *arg = argv[at];
		if (strcmp(arg, "--") == 0) return at + 1 < argc ? at + 1 : argc;
		if (strcmp(arg, "-h") == 0) continue;
		if (!is_option(arg)) return at;
		size_t n = strcspn(arg + 2, "=");
		enum option_id id = option_find(~(OptionSet)0, arg + 2, n);
		if (arg[2 + n] == 0 && id != OPT_COUNT && cli_options[id].kind != OPTION_FLAG) at++;
	}
	return argc;
}

/* Of commands of two words the first alone, or with another second one: name those there are, and the nearest when it is near. */
static Err
unknown_in_family(struct cli *cli, const char *first, const char *second)
{
	BUF_AUTO names = BUF_INIT;
	const char *meant = NULL;
	unsigned best = 99;
	size_t n = strlen(first);

	for (size_t i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		if (strncmp(name, first, n) != 0 || name[n] != ' ') continue;
		buf_printf(&names, "%s%s", names.n ? ", " : "", name + n + 1);
		if (near(second, name + n + 1, &best)) meant = name;
	}
	if (meant) snprintf(cli->hint, sizeof(cli->hint), "did you mean `heddle %s`?", meant);
	else snprintf(cli->hint, sizeof(cli->hint), "`heddle %s` goes on with one of: %.*s", first, STR(buf_view(&names)));
	return err_set(&cli->c, ERR_INVALID, "no command is called '%s%s%s'", first, *second ? " " : "", second);
}

/* Find the command's one or two words; *ret_words are their places in the line, -1 for none. */
static Err
find_command(struct cli *cli, int argc, char **argv, int ret_words[2])
{
	int first = next_word(argc, argv, 0), second = first < argc ? next_word(argc, argv, first + 1) : argc;

	ret_words[0] = ret_words[1] = -1;
	if (first >= argc) return OK;
	Str both = second < argc ? arena_printf(&cli->arena, "%s %s", argv[first], argv[second]) : S("");
	bool family = false;
	for (size_t i = 0; i < cli_command_count; i++) {
		const char *name = cli_commands[i].name;
		size_t n = strlen(argv[first]);
		family |= strncmp(name, argv[first], n) == 0 && name[n] == ' ';
		if (!str_eqc(both, name) && strcmp(name, argv[first]) != 0) continue;
		cli->command = &cli_commands[i];
		ret_words[0] = first;
		ret_words[1] = str_eqc(both, name) ? second : -1;
		return OK;
	}
	if (family) return unknown_in_family(cli, argv[first], second < argc ? argv[second] : "");
	return unknown_command(cli, argv[first], both.p);
}

static void
give(struct cli *cli, enum option_id id, const char *value)
{
	cli->given[cli->given_count++] = (struct given){id, value};
}

static Err
add_file(struct cli *cli, size_t *cap, Str table, const char *path)
{
	ENSURE(&cli->c, cli->file_count < 10000, TOO_LARGE, "more than 10,000 files");
	if (cli->file_count == *cap) {
		struct cli_file *more = NEW_N(&cli->arena, *cap = *cap ? *cap * 2 : 16, struct cli_file);
		if (cli->file_count) memcpy(more, cli->files, cli->file_count * sizeof(*more));
		cli->files = more;
	}
	cli->files[cli->file_count++] = (struct cli_file){table, path};
	return OK;
}

/* One word of --data: TABLE=FILE, or a further FILE of the table before it. A pattern stands for the files it matches. */
static Err
add_files(struct cli *cli, size_t *cap, const char *word)
{
	Str table = S(""), path = str_cut(str_c(word), '=', &table);
	glob_t found = {0};

	if (!path.p || !str_is_ident(table)) {
		ENSURE(&cli->c, cli->file_count > 0, INVALID, "--data %s: say which table the file is of: --data TABLE=FILE", word);
		table = cli->files[cli->file_count - 1].table;
		path = str_c(word);
	}
	ENSURE(&cli->c, path.n > 0, INVALID, "--data %s: no file is named", word);
	if (strpbrk(path.p, "*?[") && glob(path.p, GLOB_NOMAGIC, NULL, &found) == 0) {
		Err e = OK;
		for (size_t i = 0; i < found.gl_pathc && err_ok(e); i++)
			e = add_file(cli, cap, table, arena_str(&cli->arena, str_c(found.gl_pathv[i])).p);
		globfree(&found);
		return e;
	}
	return add_file(cli, cap, table, path.p);
}

static bool
looks_like_contract(const char *word)
{
	Str s = str_c(word);

	return str_ends(s, S(".yaml")) || str_ends(s, S(".yml"));
}

/* The option at argv[*at]; moves *at over its value. */
static Err
parse_option(struct cli *cli, int argc, char **argv, int *at, enum option_id *ret)
{
	const char *arg = argv[*at] + 2;
	size_t n = strcspn(arg, "=");
	enum option_id id = option_find((cli->command ? cli->command->options : 0) | OPTIONS_GLOBAL, arg, n);

	if (id == OPT_COUNT) return unknown_option(cli, arg, n);
	const struct option *o = &cli_options[id];
	const char *value = arg[n] == '=' ? arg + n + 1 : NULL;
	if (o->kind == OPTION_FLAG) {
		ENSURE(&cli->c, !value, INVALID, "--%s takes no value", o->name);
		value = "";
	} else if (!value) {
		/* a value that begins with dashes has to be written --name=--value: it is more often one forgotten */
		ENSURE(&cli->c, *at + 1 < argc && !is_option(argv[*at + 1]), INVALID, "--%s needs a value: --%s %s", o->name, o->name, o->value);
		value = argv[++*at];
	}
	ENSURE(&cli->c, o->kind != OPTION_ONE || !cli_option(cli, id), INVALID, "--%s is given twice", o->name);
	give(cli, id, value);
	*ret = id;
	return OK;
}

static Err
check_complete(struct cli *cli)
{
	const struct command *k = cli->command;

	snprintf(cli->hint, sizeof(cli->hint), "usage: heddle %s%s%s", k->name, *k->args ? " " : "", k->args);
	ENSURE(&cli->c, cli->arg_count <= k->max_args, INVALID, "'%s' is one word too many", cli->args[k->max_args]);
	ENSURE(&cli->c, cli->arg_count >= k->min_args, INVALID, "%s: something is missing", k->name);
	for (size_t i = 0; i < OPT_COUNT; i++)
		ENSURE(&cli->c, !(k->required & BIT(i)) || cli_flag(cli, (enum option_id)i), INVALID, "%s needs --%s %s", k->name,
		       cli_options[i].name, cli_options[i].value);
	cli->hint[0] = 0;
	return OK;
}

Err
cli_parse(struct cli *cli, int argc, char **argv)
{
	int words[2];
	bool ended = false, files = false;
	size_t cap = 0;

	cli->args = NEW_N(&cli->arena, (size_t)argc + 1, const char *);
	cli->given = NEW_N(&cli->arena, (size_t)argc + 1, struct given);
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) cli->json |= strcmp(argv[i], "--json") == 0;
	TRY(find_command(cli, argc, argv, words));
	for (int i = 0; i < argc; i++) {
		enum option_id id = OPT_COUNT;
		if (i == words[0] || i == words[1]) continue;
		if (!ended && strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (!ended && strcmp(argv[i], "-h") == 0) {
			give(cli, OPT_HELP, "");
		} else if (!ended && argv[i][0] == '-' && argv[i][1] != 0 && argv[i][1] != '-') {
			return unknown_option(cli, argv[i] + 1, strlen(argv[i] + 1));
		} else if (!ended && is_option(argv[i])) {
			TRY(parse_option(cli, argc, argv, &i, &id));
			files = id == OPT_DATA_FILES;
			if (files) TRY(add_files(cli, &cap, cli_option(cli, id)));
		} else if (files && !ended && !looks_like_contract(argv[i])) {
			TRY(add_files(cli, &cap, argv[i]));
		} else {
			cli->args[cli->arg_count++] = argv[i];
		}
	}
	return !cli->command || cli_flag(cli, OPT_HELP) ? OK : check_complete(cli);
}

const char *
cli_option(const struct cli *cli, enum option_id id)
{
	for (size_t i = cli->given_count; i-- > 0;)
		if (cli->given[i].id == id) return cli->given[i].value;
	return NULL;
}

/* demo: the story is told by tools/demo.py, which calls this very program as a person would. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cli/cli.h"

enum { EXE_PATH_MAX = 4096 };

/* The script beside the source tree that built this program, or beside the installed program. */
static Err
find_script(struct cli *cli, char exe[static EXE_PATH_MAX], const char **ret)
{
	static const char *const places[] = {"../tools/demo.py", "../share/heddle/demo.py"};
	ssize_t n = readlink("/proc/self/exe", exe, EXE_PATH_MAX - 1);

	ENSURE(&cli->c, n > 0, IO, "the program's own path cannot be read: %s", strerror(errno));
	exe[n] = 0;
	int dir = (int)(strrchr(exe, '/') - exe);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		*ret = arena_printf(&cli->arena, "%.*s/%s", dir, exe, places[i]).p;
		if (access(*ret, R_OK) == 0) return OK;
	}
	return err_set(&cli->c, ERR_NOT_FOUND, "the demo's script is neither in the source tree of this program nor installed beside it");
}

Err
cli_run_demo(struct cli *cli)
{
	char exe[EXE_PATH_MAX];
	const char *script = NULL, *argv[16], *files = cli_option(cli, OPT_FILES), *http = cli_option(cli, OPT_HTTP);
	size_t n = 0;

	ENSURE(&cli->c, !cli_flag(cli, OPT_KEEP) || !cli_flag(cli, OPT_NO_KEEP), INVALID, "--keep or --no-keep, not both");
	TRY(find_script(cli, exe, &script));
	argv[n++] = "python3";
	argv[n++] = script;
	argv[n++] = "--heddle";
	argv[n++] = exe;
	if (files) argv[n++] = "--data-files", argv[n++] = files;
	if (http) argv[n++] = "--http", argv[n++] = http;
	if (cli_flag(cli, OPT_KEEP)) argv[n++] = "--keep";
	if (cli_flag(cli, OPT_NO_KEEP)) argv[n++] = "--no-keep";
	if (cli->json) argv[n++] = "--json";
	argv[n] = NULL;
	fflush(NULL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	return err_set(&cli->c, ERR_IO, "python3 cannot be started: %s", strerror(errno));
}

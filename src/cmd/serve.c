#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cmd/cli/out.h"
#include "cmd/datadir.h"
#include "cmd/node.h"
#include "cmd/parent.h"
#include "cmd/rootkey.h"
#include "cmd/settings.h"
#include "net/listen.h"
#include "os/file.h"
#include "os/log.h"

static const char default_http[] = "127.0.0.1:7878";
enum { PORT_TRIES = 100, PORT_STEP_NS = 50 * 1000 * 1000 };

static Err
read_settings(struct cli *cli, struct settings *s)
{
	struct ctx *c = &cli->c;
	const char *path = cli_option(cli, OPT_CONFIG);
	char why[CTX_DETAIL_MAX];
	Str text;

	settings_default(s);
	if (path) {
		TRY(file_read_path(c, AT_FDCWD, path, SETTINGS_FILE_MAX, &text));
		Err e = settings_parse(c, text, s);
		snprintf(why, sizeof why, "%s", c->detail);
		if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s: %s", path, why);
	}
	if (cli_option(cli, OPT_HTTP)) s->http = cli_option(cli, OPT_HTTP);
	if (!s->http) s->http = default_http;
	return OK;
}

/* The address as a URL: with the port that was taken, and something to type where it is any address. */
static const char *
url_of(struct arena *a, const struct settings *s, uint16_t port)
{
	const char *colon = strrchr(s->http, ':');
	Str host = str_of(s->http, colon ? (size_t)(colon - s->http) : strlen(s->http));

	if (str_eqc(host, "0.0.0.0")) host = S("127.0.0.1");
	if (str_eqc(host, "[::]")) host = S("[::1]");
	return arena_printf(a, "%s://%.*s:%u", s->tls_certificate ? "https" : "http", STR(host), port).p;
}

static void
announce(struct cli *cli, const struct datadir *d, const char *url)
{
	if (cli->json)
		printf("{\"url\":\"%s\",\"node\":\"%s\"}\n", url, d->node_id);
	else
		printf("node %s listens on %s; Ctrl-C stops it\n", d->node_id, url);
	fflush(stdout);
}

/* A node that was killed a moment ago may still be letting go of the port: its gate ends after it. */
static Err
listen_soon(struct ctx *c, const struct settings *s, int *ret_fd, uint16_t *ret_port)
{
	Err e = listen_open(c, str_c(s->http), s->tls_certificate != NULL, ret_fd, ret_port);

	for (int i = 0; i < PORT_TRIES && e.code == ERR_CONFLICT; i++) {
		nanosleep(&(struct timespec){.tv_nsec = PORT_STEP_NS}, NULL);
		e = listen_open(c, str_c(s->http), s->tls_certificate != NULL, ret_fd, ret_port);
	}
	return e;
}

static Err
serve(struct cli *cli, const struct settings *s, const struct datadir *d)
{
	struct ctx *c = &cli->c;
	FD_AUTO cert = -1, key = -1, listener = -1, root = -1;
	uint16_t port;

	if (s->tls_certificate) {
		TRY(file_open(c, AT_FDCWD, s->tls_certificate, O_RDONLY, 0, &cert));
		TRY(file_open(c, AT_FDCWD, s->tls_key, O_RDONLY, 0, &key));
	}
	TRY(rootkey_open(c, d, s, &root));
	TRY(listen_soon(c, s, &listener, &port));
	announce(cli, d, url_of(&cli->arena, s, port));
	return parent_run(c, &(struct parent_setup){.dir = d, .listen_fd = listener, .cert_fd = cert, .key_fd = key, .root_fd = root, .limits = &s->limits});
}

Err
node_serve(struct cli *cli)
{
	struct settings s;
	struct datadir d;

	log_open("parent");
	os_fault_from_env("parent");
	TRY(read_settings(cli, &s));
	TRY(datadir_open(&cli->c, cli_option(cli, OPT_DATA_DIR), &d));
	umask(077);
	Err e = serve(cli, &s, &d);
	datadir_close(&d);
	return e;
}

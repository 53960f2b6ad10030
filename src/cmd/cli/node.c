#include "cmd/cli/node.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "cmd/cli/out.h"
#include "cmd/cli/sign.h"
#include "crypt/encode.h"
#include "net/client.h"
#include "os/file.h"

enum { TOKEN_BYTES_MAX = 4096, TOKENS_MAX = 10000, SIGNATURES_MAX = 8 /* of one request */ };
static const struct json_limits ANSWER_LIMITS = {.bytes = CLIENT_BODY_MAX, .depth = 64, .values = 4000000};

struct node {
	struct client *person, *nobody;
	struct client_answer answer; /* the newest; in the arena of the command */
	Str id;
	node_progress_fn progress;
	void *progress_arg;
	struct client *newest;       /* which made it */
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

void
node_interrupts(void)
{
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, NULL);
}

static const char *
env_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

const char *
node_url(const struct cli *cli)
{
	const char *given = cli_option(cli, OPT_URL);

	return given ? given : env_or("HEDDLE_URL", "http://127.0.0.1:7878");
}

static struct node *
node_of(struct cli *cli)
{
	if (!cli->node) cli->node = mem_alloc(sizeof(*cli->node));
	return cli->node;
}

void
node_close(struct node *n)
{
	if (!n) return;
	client_close(n->person);
	client_close(n->nobody);
	free(n);
}

static Err
open_client(struct cli *cli, const char *token, struct client **ret)
{
	const char *ca = cli_option(cli, OPT_CA);
	struct client_options o = {.url = node_url(cli), .token = token, .ca_file = ca ? ca : env_or("HEDDLE_CA", NULL)};

	return client_open(&cli->c, &o, ret);
}

/* --- tokens --- */

Err
node_home(struct cli *cli, const char **ret)
{
	const char *own = env_or("HEDDLE_HOME", NULL), *config = env_or("XDG_CONFIG_HOME", NULL), *home = env_or("HOME", NULL);

	ENSURE(&cli->c, own || config || home, INVALID, "neither HEDDLE_HOME nor HOME is set, so there is no place for tokens");
	*ret = own      ? own
	       : config ? arena_printf(&cli->arena, "%s/heddle", config).p
	                : arena_printf(&cli->arena, "%s/.config/heddle", home).p;
	return OK;
}

static bool
is_file_name(Str s)
{
	if (s.n == 0 || s.n > 200 || s.p[0] == '.') return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || (unsigned char)s.p[i] < 0x21 || s.p[i] == 0x7f) return false;
	return true;
}

static Err
tokens_dir(struct cli *cli, const char **ret)
{
	const char *home = NULL;
	Str id;

	TRY(node_home(cli, &home));
	TRY(node_id(cli, &id));
	ENSURE(&cli->c, is_file_name(id), INVALID, "the node calls itself by a name that is none");
	*ret = arena_printf(&cli->arena, "%s/tokens/%.*s", home, STR(id)).p;
	return OK;
}

static Err
token_read(struct cli *cli, const char *dir, const char *name, const char **ret)
{
	Str text;

	ENSURE(&cli->c, is_file_name(str_c(name)), INVALID, "--as %s: not a person's name", name);
	const char *path = arena_printf(&cli->arena, "%s/%s", dir, name).p;
	Err e = file_read_path(&cli->c, AT_FDCWD, path, TOKEN_BYTES_MAX, &text);
	if (e.code == ERR_NOT_FOUND) {
		cli->c.detail[0] = 0;
		snprintf(cli->hint, sizeof(cli->hint),
		         "`user add` and `domain add` save the token they print; of another's token, set HEDDLE_TOKEN");
		return err_set(&cli->c, ERR_UNAUTHENTICATED, "no token of '%s' is saved for the node at %s", name, node_url(cli));
	}
	TRY(e);
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r')) text.n--;
	*ret = arena_str(&cli->arena, text).p;
	return OK;
}

/* The one token saved for this node, when there is just one. */
static Err
token_only(struct cli *cli, const char *dir, const char **ret)
{
	Str *names = NULL;
	size_t n = 0;

	if (!err_ok(dir_list(&cli->c, AT_FDCWD, dir, TOKENS_MAX, &names, &n))) cli->c.detail[0] = 0;
	if (n == 1) return token_read(cli, dir, names[0].p, ret);
	snprintf(cli->hint, sizeof(cli->hint), "%s",
	         n ? "say who you are: --as NAME, or set HEDDLE_TOKEN"
	           : "set HEDDLE_TOKEN; the administrator's is in the data folder: export HEDDLE_TOKEN=$(cat DIR/admin.token)");
	return n ? err_set(&cli->c, ERR_UNAUTHENTICATED, "tokens of several people are saved for this node")
	         : err_set(&cli->c, ERR_UNAUTHENTICATED, "no token is saved for this node");
}

static Err
token_find(struct cli *cli, const char **ret)
{
	const char *name = cli_option(cli, OPT_AS), *own = env_or("HEDDLE_TOKEN", NULL), *dir;

	if (!name && own) {
		*ret = own;
		return OK;
	}
	TRY(tokens_dir(cli, &dir));
	return name ? token_read(cli, dir, name, ret) : token_only(cli, dir, ret);
}

/* Every folder on the way, for the owner alone. */
Err
node_make_dirs(struct cli *cli, const char *path)
{
	char *each = arena_dup(&cli->arena, path, strlen(path));

	for (char *p = each + 1;; p++) {
		if (*p != '/' && *p != 0) continue;
		char kept = *p;
		*p = 0;
		TRY(dir_make(&cli->c, AT_FDCWD, each, 0700));
		*p = kept;
		if (kept == 0) return OK;
	}
}

Err
node_save_token(struct cli *cli, Str name, Str token, Str *ret_path)
{
	const char *dir;

	ENSURE(&cli->c, is_file_name(name), INVALID, "'%.*s' cannot be the name of a file", STR(name));
	TRY(tokens_dir(cli, &dir));
	TRY(node_make_dirs(cli, dir));
	Str path = arena_printf(&cli->arena, "%s/%.*s", dir, STR(name));
	TRY(file_replace(&cli->c, AT_FDCWD, path.p, arena_printf(&cli->arena, "%.*s\n", STR(token)), 0600));
	*ret_path = path;
	return OK;
}

/* --- calls --- */

static Err
client_for(struct cli *cli, enum node_who who, struct client **ret)
{
	struct node *n = node_of(cli);
	struct client **slot = who == NODE_PERSON ? &n->person : &n->nobody;
	const char *token = NULL;

	if (!*slot) {
		if (who == NODE_PERSON) TRY(token_find(cli, &token));
		TRY(open_client(cli, token, slot));
	}
	n->newest = *slot;
	*ret = *slot;
	return OK;
}

/* What the node said about its refusal: the whole document and the hint. */
static void
keep_refusal(struct cli *cli, const struct client_answer *answer)
{
	struct ctx quiet = {.arena = &cli->arena};
	json_t *doc;

	if (answer->status < 400 || !err_ok(json_read(&quiet, answer->body, ANSWER_LIMITS, &doc))) return;
	json_decref(cli->refusal);
	cli->refusal = doc;
	Str hint = js_text(json_object_get(doc, "error"), "hint");
	snprintf(cli->hint, sizeof(cli->hint), "%.*s", STR(hint));
}

static Err
finish(struct cli *cli, Err e, struct client_answer answer, json_t **ret)
{
	node_of(cli)->answer = answer;
	if (!err_ok(e)) {
		keep_refusal(cli, &answer);
		if (e.code == ERR_UNAVAILABLE && answer.status == 0 && !cli->hint[0])
			snprintf(cli->hint, sizeof(cli->hint), "another node is named with --url or HEDDLE_URL");
		return e;
	}
	if (!ret) return OK;
	return answer.body.n ? json_read(&cli->c, answer.body, ANSWER_LIMITS, ret)
	                     : err_set(&cli->c, ERR_INTERNAL, "the node answered nothing");
}

static Err
body_text(struct cli *cli, const json_t *body, Str *ret)
{
	char *text;

	*ret = (Str){NULL, 0};
	if (!body) return OK;
	text = json_dumps(body, JSON_COMPACT);
	ENSURE(&cli->c, text, INTERNAL, "the request cannot be written");
	*ret = arena_str(&cli->arena, str_c(text));
	free(text);
	return OK;
}

/* Called by the client while it waits. */
static Err
tick(struct ctx *c, void *arg)
{
	struct node *n = arg;

	if (n->progress) n->progress(n->progress_arg, 0, 0);
	return interrupted ? err_set(c, ERR_CANCELLED, "interrupted") : OK;
}

static Err
call_once(struct cli *cli, enum node_who who, const char *method, const char *path, const json_t *body, json_t **ret)
{
	struct client_answer answer = {0};
	struct client *k;
	Str text;

	TRY(client_for(cli, who, &k));
	TRY(body_text(cli, body, &text));
	interrupted = 0;
	client_tick(k, tick, cli->node);
	return finish(cli, client_call(&cli->c, k, method, str_c(path), text, S(""), &answer), answer, ret);
}

/* The node waits for a signature and goes on with the request when it has it: hand it in; its answer is the answer, or the next wish. */
static Err
sign_once(struct cli *cli, json_t **ret)
{
	struct sign_wish wish;
	uint8_t signature[SIGN_BYTES];
	char hex[2 * SIGN_BYTES + 1];

	TRY(sign_wish_read(&cli->c, cli->refusal, &wish));
	json_decref(TAKE(cli->refusal, NULL));
	cli->hint[0] = 0;
	TRY(sign_wish(cli, &wish, signature));
	hex_text(signature, sizeof signature, hex);
	JSON_AUTO *body = json_pack("{s:s}", "signature", hex);
	cli->c.detail[0] = 0;
	return call_once(cli, NODE_PERSON, "POST", node_path(cli, "/api/v1/drafts/", wish.draft.p, ""), body, ret);
}

Err
node_call(struct cli *cli, enum node_who who, const char *method, const char *path, const json_t *body, json_t **ret)
{
	Err e = call_once(cli, who, method, path, body, ret);
	const json_t *before = cli->asked;

	cli->asked = body;
	for (int i = 0; i < SIGNATURES_MAX && e.code == ERR_SIGNATURE_NEEDED && cli->refusal; i++) e = sign_once(cli, ret);
	cli->asked = before;
	return e;
}

Err
node_fetch(struct cli *cli, const char *path, Str *ret)
{
	struct client_answer answer = {0};
	struct client *k;

	TRY(client_for(cli, NODE_PERSON, &k));
	TRY(finish(cli, client_call(&cli->c, k, "GET", str_c(path), (Str){0}, S(""), &answer), answer, NULL));
	*ret = answer.body;
	return OK;
}

Err
node_upload(struct cli *cli, const char *path, int fd, uint64_t bytes, json_t **ret)
{
	struct client_answer answer = {0};
	struct client *k;

	TRY(client_for(cli, NODE_PERSON, &k));
	struct node *n = cli->node;
	client_tick(k, NULL, NULL);
	return finish(cli, client_upload(&cli->c, k, str_c(path), fd, bytes, n->progress, n->progress_arg, &answer), answer, ret);
}

Err
node_stream(struct cli *cli, const char *method, const char *path, const json_t *body, node_bytes_fn fn, void *arg)
{
	struct client_answer answer = {0};
	struct client *k;
	Str text;

	TRY(client_for(cli, NODE_PERSON, &k));
	TRY(body_text(cli, body, &text));
	client_tick(k, tick, cli->node);
	return finish(cli, client_stream(&cli->c, k, method, str_c(path), text, fn, arg, &answer), answer, NULL);
}

void
node_progress(struct cli *cli, node_progress_fn fn, void *arg)
{
	node_of(cli)->progress = fn;
	cli->node->progress_arg = arg;
}

Str
node_header(const struct cli *cli, const char *name)
{
	return cli->node && cli->node->newest ? client_header(cli->node->newest, name) : S("");
}

Err
node_id(struct cli *cli, Str *ret)
{
	JSON_AUTO *answer = NULL;
	struct node *n = node_of(cli);

	if (!n->id.n) {
		TRY(node_call(cli, NODE_NOBODY, "GET", "/healthz", NULL, &answer));
		n->id = arena_str(&cli->arena, js_text(answer, "node"));
	}
	ENSURE(&cli->c, n->id.n, INVALID, "what answers at %s is no Heddle node", node_url(cli));
	*ret = n->id;
	return OK;
}

const char *
node_path(struct cli *cli, const char *prefix, const char *text, const char *suffix)
{
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, prefix);
	client_escape(&b, str_c(text));
	buf_c(&b, suffix);
	return arena_str(&cli->arena, buf_view(&b)).p;
}

#include "cmd/cli/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cli/out.h"
#include "cmd/cli/said.h"
#include "cmd/signed.h"
#include "codec/dsse.h"
#include "crypt/encode.h"
#include "mesh/event.h"
#include "os/file.h"

enum { KEY_PATH_MAX = 4096, LOCK_WAIT_MS = 5000 };

/* What each command may say. A node that asks for more under the cover of a command gets nothing. */
static const struct { const char *command, *types; } commands[] = {
    {"domain add", "domain.inception member.set"},
    {"domain set", "domain.set"},
    {"user add", "member.set"},
    {"user remove", "member.end"},
    {"service add", "member.set"},
    {"group add", "group.set"},
    {"group remove", "group.end"},
    {"group join", "group.join"},
    {"group leave", "group.leave"},
    {"publish", "product.publish"},
    {"request", "request.open"},
    {"submit", "request.submit"},
    {"comment", "request.comment"},
    {"withdraw", "request.withdraw"},
    {"approve", "grant.add approval.add"},
    {"deny", "request.deny"},
    {"grant", "grant.add"},
    {"renew", "request.open grant.add"},
    {"revoke", "grant.revoke"},
    {"delegate", "delegation.add"},
    {"undelegate", "delegation.end"},
    {"tag set", "tag.set"},
    {"tag unset", "tag.set"},
    {"erase", "directory.erase"},
    {"review", "review.add"},
    {"posture accept", "exception.add"},
    {"posture withdraw", "exception.end"},
    {"posture evidence", "evidence.add"},
    {"confirm", "confirm"},
    {"key rotate", "key.rotate"},
    {"key recover", "key.rotate"},
    {"fork report", "fork.report"},
    {"fork resolve", "fork.resolve"},
};

static bool
may_say(const char *command, Str type)
{
	Str rest, word;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].command, command) != 0) continue;
		for (rest = str_c(commands[i].types); rest.n;) {
			rest = str_cut(rest, ' ', &word);
			if (str_eq(word, type)) return true;
		}
	}
	return false;
}

/* --- which key --- */

Str
sign_passphrase(void)
{
	const char *p = getenv("HEDDLE_KEY_PASSPHRASE");

	return p ? str_c(p) : S("");
}

static Err
memory_path(struct cli *cli, Str log_id, const char **ret)
{
	const char *home;

	TRY(node_home(cli, &home));
	*ret = arena_printf(&cli->arena, "%s/keys/%.*s", home, STR(log_id)).p;
	return OK;
}

Err
sign_key_path(struct cli *cli, Str log_id, const char **ret)
{
	const char *given = cli_option(cli, OPT_KEY), *own = getenv("HEDDLE_KEY"), *path;
	uint8_t id[32];
	Str text;

	if (!given && own && *own) given = own;
	if (given) {
		*ret = given;
		return OK;
	}
	if (hex_get_n(log_id, id, sizeof id)) {
		TRY(memory_path(cli, log_id, &path));
		if (err_ok(file_read_path(&cli->c, AT_FDCWD, path, KEY_PATH_MAX, &text))) {
			while (text.n && text.p[text.n - 1] == '\n') text.n--;
			*ret = arena_str(&cli->arena, text).p;
			return OK;
		}
		cli->c.detail[0] = 0;
	}
	snprintf(cli->hint, sizeof cli->hint, "name the key's file with --key FILE or HEDDLE_KEY; without it you can read and query, and somebody who holds it says this for you");
	return err_set(&cli->c, ERR_SIGNATURE_NEEDED, "this domain keeps its key to itself, and no key for it is known on this machine");
}

Err
sign_key_remember(struct cli *cli, Str log_id, const char *key_path)
{
	const char *path, *slash;
	char *whole = realpath(key_path, NULL);

	ENSURE(&cli->c, whole, NOT_FOUND, "there is no key file '%s'", key_path);
	Str line = arena_printf(&cli->arena, "%s\n", whole);
	free(whole);
	TRY(memory_path(cli, log_id, &path));
	slash = strrchr(path, '/');
	TRY(node_make_dirs(cli, arena_printf(&cli->arena, "%.*s", (int)(slash - path), path).p));
	return file_replace(&cli->c, AT_FDCWD, path, line, 0600);
}

/* --- what is asked --- */

Err
sign_wish_read(struct ctx *c, const json_t *refusal, struct sign_wish *ret)
{
	json_t *w;
	struct sign_wish wish = {0};

	TRY(json_obj(c, refusal, "signature", &w));
	TRY(json_str(c, w, "draft", &wish.draft));
	TRY(json_str(c, w, "log", &wish.log_id));
	TRY(json_str(c, w, "domain", &wish.domain));
	TRY(json_str(c, w, "payload", &wish.payload));
	ENSURE(c, wish.payload.n <= LEDGER_ENTRY_MAX, TOO_LARGE, "what is to be signed is longer than an entry can be");
	if (json_object_get(w, "key")) TRY(json_str(c, w, "key", &wish.key));
	Str *kept[] = {&wish.draft, &wish.log_id, &wish.domain, &wish.key, &wish.payload};
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (kept[i]->p) *kept[i] = arena_str(c->arena, *kept[i]);
	*ret = wish;
	return OK;
}

/* An inception names its log by its own hash, and must declare this very key, its successor and its recovery keys. */
static Err
inception_check(struct cli *cli, const struct event *e, const struct keyfile *k)
{
	struct ctx *c = &cli->c;
	uint8_t pub[SIGN_PUB_BYTES], next[CRYPT_HASH_BYTES], recovery[SIGN_PUB_BYTES];
	const json_t *list = json_object_get(e->body, "recovery");

	ENSURE(c, e->seq == 0 && e->origin.n == 0, DENIED, "not the first entry of a log");
	ENSURE(c, str_eqc(js_text(e->body, "name"), cli->args[0]), DENIED, "the inception is of another name");
	ENSURE(c, str_eq(js_text(e->body, "custody"), S("owner")), DENIED, "the inception does not leave the key with you");
	ENSURE(c, hex_get_n(js_text(e->body, "event_pub"), pub, sizeof pub) && memcmp(pub, k->pub, sizeof pub) == 0, DENIED,
	       "the inception declares another key");
	ENSURE(c, hex_get_n(js_text(e->body, "next"), next, sizeof next) && memcmp(next, k->next, sizeof next) == 0, DENIED,
	       "the inception commits to another next key");
	for (size_t i = 0; i < KEYFILE_RECOVERY_KEYS; i++) {
		const json_t *v = json_array_get(list, i);
		Str text = json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : S("");
		ENSURE(c, hex_get_n(text, recovery, sizeof recovery) && memcmp(recovery, k->recovery[i], sizeof recovery) == 0, DENIED,
		       "the inception declares other recovery keys");
	}
	return OK;
}

static Err
wish_check(struct cli *cli, const struct sign_wish *w, const struct event *e, const struct keyfile *k)
{
	struct ctx *c = &cli->c;
	uint8_t digest[CRYPT_HASH_BYTES], id[CRYPT_HASH_BYTES];

	ENSURE(c, e->type != EVENT_UNKNOWN && may_say(cli->command->name, e->type_text), DENIED,
	       "the node asks for a signature under %.*s, which `heddle %s` does not say; nothing was signed", STR(e->type_text), cli->command->name);
	ENSURE(c, hex_get_n(w->log_id, id, sizeof id), DENIED, "the node names a log that can be none; nothing was signed");
	TRY(said_check(cli, e, w->payload));
	if (e->type == EVENT_DOMAIN_INCEPTION) {
		crypt_sha256(w->payload, digest);
		ENSURE(c, memcmp(digest, id, sizeof id) == 0, DENIED, "the log's id is not the hash of its inception; nothing was signed");
		return inception_check(cli, e, k);
	}
	ENSURE(c, str_eq(e->origin, w->log_id), DENIED, "the event is for another log than the node says; nothing was signed");
	return OK;
}

/* --- showing and signing --- */

static Err
show(struct cli *cli, const struct sign_wish *w, const struct event *e)
{
	char *body = json_dumps(e->body, JSON_INDENT(2));
	char answer[8] = "";

	fprintf(stderr, "signing %.*s as entry %llu of ", STR(e->type_text), (unsigned long long)e->seq);
	out_text(stderr, w->domain);
	fprintf(stderr, " (log %.16s…): it %s\n", w->log_id.p, said_words(e->type));
	for (Str rest = str_c(body ? body : ""), line; rest.n;) {
		rest = str_cut(rest, '\n', &line);
		fputs("  ", stderr);
		out_text(stderr, line);
		fputc('\n', stderr);
	}
	free(body);
	if (!isatty(STDIN_FILENO) || cli_flag(cli, OPT_YES)) return OK;
	fputs("sign it? [y/N] ", stderr);
	ENSURE(&cli->c, fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'), CANCELLED, "nothing was signed");
	return OK;
}

/* The node asks for the place of an entry that was signed here: if that never arrived there, it gets that one, and in no case another. */
static Err
hand_in_again(struct cli *cli, const struct signed_last *last, Err otherwise)
{
	char why[CTX_DETAIL_MAX];

	JSON_AUTO *answer = NULL;
	char hex[2 * SIGN_BYTES + 1];

	hex_text(last->signature, SIGN_BYTES, hex);
	JSON_AUTO *body = json_pack("{s:s%, s:s}", "payload", last->payload.p, last->payload.n, "signature", hex);
	memcpy(why, cli->c.detail, sizeof why);
	if (!err_ok(node_call(cli, NODE_PERSON, "POST", "/api/v1/events", body, &answer))) {
		cli->hint[0] = 0;
		return err_set(&cli->c, (enum err_code)otherwise.code, "%s", why);
	}
	return err_set(&cli->c, ERR_CONFLICT, "entry %llu had been signed before and not arrived; it was handed in now. If it was not this, say it again",
	               (unsigned long long)last->seq);
}

static Err
sign_event(struct cli *cli, const struct sign_wish *w, const struct event *e, const char *path, struct signer *signer,
           uint8_t ret[static SIGN_BYTES])
{
	struct signed_last last;
	BUF_AUTO pae = BUF_INIT;
	uint8_t signature[SIGN_BYTES];

	TRY(signed_read(&cli->c, path, &last));
	Err may = signed_may_follow(&cli->c, &last, w->log_id, e, w->payload, cli_flag(cli, OPT_TAKEN_OVER));
	if (!err_ok(may) && last.seq > 0 && e->seq == last.seq && str_eq(w->log_id, last.log_id)) return hand_in_again(cli, &last, may);
	TRY(may);
	TRY(show(cli, w, e));
	dsse_pae(S(DSSE_EVENT_TYPE), w->payload, &pae);
	if (signer)
		TRY(signer_sign(&cli->c, signer, buf_view(&pae), signature));
	else
		sign_make(cli->sign_as->key, buf_view(&pae), signature);
	TRY(signed_keep(&cli->c, path, w->log_id, e, w->payload, signature));
	memcpy(ret, signature, sizeof signature);
	return OK;
}

/* One command at a time signs with a key. */
static Err
lock_key(struct cli *cli, const char *path, int *ret_fd)
{
	TRY(file_open(&cli->c, AT_FDCWD, path, O_RDONLY, 0, ret_fd));
	Err locked = file_lock(&cli->c, *ret_fd, path, LOCK_WAIT_MS);
	return locked.code == ERR_CONFLICT ? err_set(&cli->c, ERR_BUSY, "another command signs with '%s' at the moment, try again", path) : locked;
}

static Err
wish_read(struct cli *cli, const struct sign_wish *w, const struct keyfile *k, struct event *ret)
{
	const struct sign_as *as = cli->sign_as;

	TRY(event_parse(&cli->c, w->payload, ret));
	Err e = wish_check(cli, w, ret, k);
	if (err_ok(e) && as && !str_ends(w->payload, arena_printf(&cli->arena, ",\"body\":%.*s}", STR(as->body))))
		e = err_set(&cli->c, ERR_DENIED, "the node asks to sign another rotation than was asked for; nothing was signed");
	if (!err_ok(e)) event_fini(ret);
	return e;
}

/* A signature by a key that the domain has no more would be for nothing, and would take the place from the key it has. */
static Err
key_check(struct cli *cli, const struct sign_wish *w, const char *path, const struct keyfile *k)
{
	uint8_t wanted[SIGN_PUB_BYTES];

	if (!w->key.p || (hex_get_n(w->key, wanted, sizeof wanted) && memcmp(wanted, k->pub, sizeof wanted) == 0)) return OK;
	if (file_exists(AT_FDCWD, arena_printf(&cli->arena, "%s.after", path).p))
		snprintf(cli->hint, sizeof cli->hint, "a rotation was broken off here; to end it: heddle key rotate %.*s", STR(w->domain));
	return err_set(&cli->c, ERR_DENIED, "'%s' is not the key that %.*s has now; nothing was signed", path, STR(w->domain));
}

Err
sign_wish(struct cli *cli, const struct sign_wish *w, uint8_t ret[static SIGN_BYTES])
{
	const struct sign_as *as = cli->sign_as;
	const char *path = as ? as->path : NULL;
	struct keyfile k = {.kind = KEYFILE_EVENT};
	SIGNER_AUTO *signer = NULL;
	FD_AUTO lock = -1;
	struct event e;

	TRY(crypt_init(&cli->c));
	if (!as) {
		TRY(sign_key_path(cli, w->log_id, &path));
		TRY(keyfile_open(&cli->c, path, sign_passphrase(), &k, &signer));
	}
	ENSURE(&cli->c, k.kind == KEYFILE_EVENT, INVALID, "'%s' is not the key that signs a domain's events", path);
	if (file_exists(AT_FDCWD, path)) TRY(lock_key(cli, path, &lock)); /* who recovers may not have it any more */
	if (!as) TRY(key_check(cli, w, path, &k));
	TRY(wish_read(cli, w, &k, &e));
	Err done = sign_event(cli, w, &e, path, signer, ret);
	event_fini(&e);
	return done;
}

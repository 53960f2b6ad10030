/* key status, rotate, recover; confirm; fork resolve: what changes the keys of a domain, or needs its recovery keys. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli/keys.h"
#include "cmd/cli/out.h"
#include "crypt/encode.h"
#include "mesh/mesh.h"
#include "os/file.h"

/* How a domain's keys stand, as the node tells. */
struct standing {
	Str log_id, custody;
	uint8_t key[SIGN_PUB_BYTES], recovery[RECOVERY_KEYS][SIGN_PUB_BYTES];
	size_t recovery_count;
	uint64_t seq;
	Hash prev;
};

static const char *
keys_path(struct cli *cli, const char *suffix)
{
	return node_path(cli, "/api/v1/domains/", cli->args[0], suffix);
}

static Err
standing_read(struct cli *cli, const json_t *doc, struct standing *ret)
{
	struct ctx *c = &cli->c;
	struct standing s = {.log_id = arena_str(&cli->arena, js_text(doc, "log")), .custody = arena_str(&cli->arena, js_text(doc, "custody")), .seq = js_count(doc, "seq")};
	const json_t *list = json_object_get(doc, "recovery");
	bool good = hex_get_n(js_text(doc, "prev"), s.prev.b, HASH_BYTES);

	if (json_object_get(doc, "key")) good = good && hex_get_n(js_text(doc, "key"), s.key, sizeof s.key);
	for (size_t i = 0; good && i < json_array_size(list) && i < RECOVERY_KEYS; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		good = text && hex_get_n(str_c(text), s.recovery[i], SIGN_PUB_BYTES);
		s.recovery_count++;
	}
	ENSURE(c, good, INVALID, "what the node tells of the keys is malformed");
	*ret = s;
	return OK;
}

static Err
standing_get(struct cli *cli, struct standing *ret)
{
	JSON_AUTO *doc = NULL;

	TRY(node_get(cli, keys_path(cli, "/keys"), &doc));
	return standing_read(cli, doc, ret);
}

/* --- endorsing --- */

static Err
endorse_with(struct cli *cli, const char *path, const struct standing *s, Str text, struct endorsement *ret)
{
	struct keyfile k;
	SIGNER_AUTO *signer = NULL;
	bool known = false;

	TRY(keyfile_open(&cli->c, path, sign_passphrase(), &k, &signer));
	ENSURE(&cli->c, k.kind == KEYFILE_RECOVERY, INVALID, "'%s' is no recovery key", path);
	for (size_t i = 0; i < s->recovery_count; i++) known |= memcmp(k.pub, s->recovery[i], sizeof k.pub) == 0;
	ENSURE(&cli->c, known, INVALID, "'%s' is not a recovery key of this domain", path);
	memcpy(ret->pub, k.pub, sizeof ret->pub);
	return signer_sign(&cli->c, signer, text, ret->signature);
}

/* Each --recovery in turn, two different ones. */
static Err
endorse_all(struct cli *cli, const struct standing *s, Str text, struct endorsement ret[static ENDORSEMENTS_MAX], size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < cli->given_count; i++) {
		if (cli->given[i].id != OPT_RECOVERY) continue;
		ENSURE(&cli->c, n < ENDORSEMENTS_MAX, INVALID, "--recovery: at most %d", ENDORSEMENTS_MAX);
		TRY(endorse_with(cli, cli->given[i].value, s, text, &ret[n]));
		for (size_t k = 0; k < n; k++)
			ENSURE(&cli->c, memcmp(ret[k].pub, ret[n].pub, SIGN_PUB_BYTES) != 0, INVALID, "--recovery: '%s' is the same key once more", cli->given[i].value);
		n++;
	}
	ENSURE(&cli->c, n >= RECOVERY_NEEDED, INVALID, "--recovery: two of the three recovery keys are needed");
	*ret_n = n;
	return OK;
}

static json_t *
endorsements_json(const struct endorsement *list, size_t n)
{
	json_t *out = json_array();
	char text[2 * SIGN_PUB_BYTES + 1 + 2 * SIGN_BYTES + 1];

	for (size_t i = 0; i < n; i++) {
		hex_text(list[i].pub, SIGN_PUB_BYTES, text);
		text[2 * SIGN_PUB_BYTES] = ' ';
		hex_text(list[i].signature, SIGN_BYTES, text + 2 * SIGN_PUB_BYTES + 1);
		json_array_append_new(out, json_string(text));
	}
	return out;
}

static void
set_hex(json_t *body, const char *key, const uint8_t *bytes, size_t n)
{
	char text[2 * SIGN_BYTES + 1];

	hex_text(bytes, n, text);
	json_object_set_new(body, key, json_string(text));
}

/* --- the owner's own files: FILE, FILE.next, and FILE.after while a rotation is under way --- */

struct owned {
	const char *path, *next_path, *after_path;
	struct keyfile next_info;
	struct sign_key next, after; /* wiped by owned_fini */
};

static void
owned_fini(struct owned *o)
{
	sign_key_wipe(&o->next);
	sign_key_wipe(&o->after);
}

static Err
key_write_as(struct cli *cli, const char *path, enum keyfile_kind kind, const struct sign_key *key, bool replace)
{
	struct keyfile k = {.kind = kind};

	memcpy(k.pub, key->pub, sizeof k.pub);
	return keyfile_write(&cli->c, path, &k, key, sign_passphrase(), replace);
}

/* The next key from its file; the one after it made durable before anything commits to it, and the same when this is tried again. */
static Err
owned_open(struct cli *cli, Str log_id, struct owned *o)
{
	struct keyfile k;

	TRY(sign_key_path(cli, log_id, &o->path));
	o->next_path = arena_printf(&cli->arena, "%s.next", o->path).p;
	o->after_path = arena_printf(&cli->arena, "%s.after", o->path).p;
	TRY(keyfile_key(&cli->c, o->next_path, sign_passphrase(), &o->next_info, &o->next));
	ENSURE(&cli->c, o->next_info.kind == KEYFILE_NEXT, INVALID, "'%s' is no next key", o->next_path);
	if (file_exists(AT_FDCWD, o->after_path)) {
		TRY(keyfile_key(&cli->c, o->after_path, sign_passphrase(), &k, &o->after));
		if (memcmp(o->after.pub, o->next.pub, sizeof o->after.pub) != 0) return OK;
		TRY(file_unlink(&cli->c, AT_FDCWD, o->after_path)); /* of a rotation that ended, but for this */
	}
	sign_key_new(&o->after);
	return key_write_as(cli, o->after_path, KEYFILE_NEXT, &o->after, false);
}

/* The rotation is in the log: the next key becomes the key. Each step leaves what the one after it needs. */
static Err
owned_install(struct cli *cli, const struct standing *s, const struct owned *o)
{
	struct keyfile k = {.kind = KEYFILE_EVENT};

	memcpy(k.pub, o->next.pub, sizeof k.pub);
	memcpy(k.recovery, s->recovery, sizeof k.recovery);
	crypt_sha256(str_of(o->after.pub, sizeof o->after.pub), k.next);
	TRY(keyfile_write(&cli->c, o->path, &k, &o->next, sign_passphrase(), true));
	TRY(key_write_as(cli, o->next_path, KEYFILE_NEXT, &o->after, true));
	return file_unlink(&cli->c, AT_FDCWD, o->after_path);
}

static Err
endorse_old(struct cli *cli, const struct owned *o, Str text, struct endorsement *ret)
{
	struct keyfile k;
	SIGNER_AUTO *signer = NULL;

	TRY(keyfile_open(&cli->c, o->path, sign_passphrase(), &k, &signer));
	memcpy(ret->pub, k.pub, sizeof ret->pub);
	return signer_sign(&cli->c, signer, text, ret->signature);
}

/* --- rotation --- */

static Err
set_compromised(struct cli *cli, struct rotation *r, json_t *body)
{
	const char *text = cli_option(cli, OPT_COMPROMISED);

	if (!text) return OK;
	ENSURE(&cli->c, str_u64(str_c(text), &r->since) && r->since > 0, INVALID, "--compromised-since: the number of an entry behind the first");
	r->compromised = true;
	json_object_set_new(body, "compromised_since", json_integer((json_int_t)r->since));
	return OK;
}

/* Endorse the rotation and put it into the request. */
static Err
rotation_set(struct cli *cli, const struct standing *s, const struct owned *o, bool recover, struct rotation *r, json_t *body)
{
	BUF_AUTO text = BUF_INIT;

	mesh_rotate_text(&text, s->log_id, s->seq, &s->prev, r);
	if (recover)
		TRY(endorse_all(cli, s, buf_view(&text), r->endorsements, &r->count));
	else {
		TRY(endorse_old(cli, o, buf_view(&text), &r->endorsements[0]));
		r->count = 1;
	}
	set_hex(body, "event_pub", r->pub, sizeof r->pub);
	set_hex(body, "next", r->next, sizeof r->next);
	json_object_set_new(body, "endorsements", endorsements_json(r->endorsements, r->count));
	return OK;
}

static Err
rotate_owned(struct cli *cli, const struct standing *s, bool recover, struct owned *o, json_t **ret)
{
	JSON_AUTO *body = json_object();
	struct rotation r = {0};
	BUF_AUTO said = BUF_INIT;

	TRY(owned_open(cli, s->log_id, o));
	if (memcmp(s->key, o->next.pub, sizeof s->key) == 0) return OK; /* done before, but for the files */
	memcpy(r.pub, o->next.pub, sizeof r.pub);
	crypt_sha256(str_of(o->after.pub, sizeof o->after.pub), r.next);
	TRY(set_compromised(cli, &r, body));
	TRY(rotation_set(cli, s, o, recover, &r, body));
	body_rotate(&said, &r);
	cli->sign_as = &(struct sign_as){.path = o->path, .key = &o->next, .body = buf_view(&said)};
	Err e = node_call(cli, NODE_PERSON, "POST", keys_path(cli, "/keys"), body, ret);
	cli->sign_as = NULL;
	return e;
}

/* The node's own keys: it shows the next one, which the recovery keys endorse. */
static Err
recover_kept(struct cli *cli, const struct standing *s, json_t *body)
{
	JSON_AUTO *doc = NULL, *shown = json_object();
	struct standing at = {0};
	struct rotation r = {0};
	BUF_AUTO text = BUF_INIT;

	mesh_prepare_text(&text, s->log_id, s->seq, &s->prev);
	TRY(endorse_all(cli, s, buf_view(&text), r.endorsements, &r.count));
	json_object_set_new(shown, "endorsements", endorsements_json(r.endorsements, r.count));
	TRY(node_call(cli, NODE_PERSON, "POST", keys_path(cli, "/keys/prepare"), shown, &doc));
	TRY(standing_read(cli, doc, &at));
	ENSURE(&cli->c, hex_get_n(js_text(doc, "event_pub"), r.pub, sizeof r.pub) && hex_get_n(js_text(doc, "next"), r.next, sizeof r.next), INVALID,
	       "what the node tells of its next key is malformed");
	at.recovery_count = s->recovery_count;
	memcpy(at.recovery, s->recovery, sizeof at.recovery);
	TRY(set_compromised(cli, &r, body));
	return rotation_set(cli, &at, NULL, true, &r, body);
}

static Err
rotate_kept(struct cli *cli, const struct standing *s, bool recover, json_t **ret)
{
	JSON_AUTO *body = json_object();
	struct rotation r = {0};

	if (recover)
		TRY(recover_kept(cli, s, body));
	else
		TRY(set_compromised(cli, &r, body));
	return node_call(cli, NODE_PERSON, "POST", keys_path(cli, "/keys"), body, ret);
}

/* That a rotation of before was brought to its end is not what was asked for. */
static Err
void_check(struct cli *cli, const json_t *doc)
{
	const char *since = cli_option(cli, OPT_COMPROMISED);
	const json_t *list = json_object_get(doc, "voids"), *v;
	uint64_t from;
	size_t i;

	if (!since || !str_u64(str_c(since), &from)) return OK;
	json_array_foreach(list, i, v)
		if (js_count(v, "from") == from) return OK;
	return err_set(&cli->c, ERR_CONFLICT, "a rotation that was broken off here is done now, and it made nothing void from entry %s on; say this again", since);
}

static void print_standing(struct cli *cli, const json_t *doc);

static Err
rotate(struct cli *cli, bool recover)
{
	JSON_AUTO *answer = NULL;
	struct standing s;
	struct owned o = {0};
	Err e;

	TRY(crypt_init(&cli->c));
	TRY(standing_get(cli, &s));
	ENSURE(&cli->c, !recover || s.recovery_count == RECOVERY_KEYS, INVALID, "this domain declared no recovery keys");
	if (!str_eq(s.custody, S("owner")))
		e = rotate_kept(cli, &s, recover, &answer);
	else {
		e = rotate_owned(cli, &s, recover, &o, &answer);
		if (err_ok(e)) e = owned_install(cli, &s, &o);
		if (err_ok(e)) e = sign_key_remember(cli, s.log_id, o.path);
		owned_fini(&o);
	}
	TRY(e);
	if (!answer) {
		TRY(node_get(cli, keys_path(cli, "/keys"), &answer));
		TRY(void_check(cli, answer));
	}
	if (!cli_told(cli, answer)) print_standing(cli, answer);
	return OK;
}

Err cli_run_key_rotate(struct cli *cli) { return rotate(cli, false); }
Err cli_run_key_recover(struct cli *cli) { return rotate(cli, true); }

/* --- showing --- */

static void
print_standing(struct cli *cli, const json_t *doc)
{
	struct grid g = GRID(&cli->arena, ">ENTRY", "TYPE", "BY", "TIME", "SAYS");
	const json_t *list = json_object_get(doc, "void"), *v;
	size_t i;

	out_printf("domain %.*s\n  custody   %s\n  key       %.*s\n  since     %.*s\n  next      %.*s (its digest)\n", STR(js_text(doc, "domain")),
	       str_eq(js_text(doc, "custody"), S("owner")) ? "its owner" : "this node", STR(js_text(doc, "key")), STR(js_text(doc, "since")),
	       STR(js_text(doc, "next")));
	printf("  recovery  %s\n", json_array_size(json_object_get(doc, "recovery")) ? "two of three keys" : "none");
	if (js_true(doc, "frozen")) printf("  FROZEN    its log has two histories; see: heddle forks\n");
	if (json_array_size(list) == 0) return;
	out_printf("void until confirmed with `heddle confirm %.*s ENTRY…`:\n", STR(js_text(doc, "domain")));
	json_array_foreach(list, i, v) {
		grid_cell(&g, text_count(&cli->arena, js_count(v, "seq")));
		grid_cell(&g, js_text(v, "type"));
		grid_cell(&g, js_text(v, "actor"));
		grid_cell(&g, js_text(v, "time"));
		grid_cell(&g, js_line(&cli->arena, json_object_get(v, "body")));
	}
	grid_print(&g);
}

Err
cli_run_key_status(struct cli *cli)
{
	JSON_AUTO *doc = NULL;

	TRY(node_get(cli, keys_path(cli, "/keys"), &doc));
	if (!cli_told(cli, doc)) print_standing(cli, doc);
	return OK;
}

Err
cli_run_confirm(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	json_t *seqs = json_array();

	json_object_set_new(body, "seqs", seqs);
	for (size_t i = 1; i < cli->arg_count; i++) json_array_append_new(seqs, json_string(cli->args[i]));
	TRY(node_call(cli, NODE_PERSON, "POST", keys_path(cli, "/confirm"), body, &answer));
	if (!cli_told(cli, answer)) print_standing(cli, answer);
	return OK;
}

Err
cli_run_fork_resolve(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	struct endorsement list[ENDORSEMENTS_MAX];
	struct standing s;
	uint64_t from;
	size_t n;
	BUF_AUTO text = BUF_INIT;

	TRY(crypt_init(&cli->c));
	ENSURE(&cli->c, str_u64(str_c(cli->args[1]), &from), INVALID, "'%s' is no entry of a log", cli->args[1]);
	TRY(standing_get(cli, &s));
	mesh_resolve_text(&text, s.log_id, s.seq, &s.prev, from);
	TRY(endorse_all(cli, &s, buf_view(&text), list, &n));
	json_object_set_new(body, "from", json_integer((json_int_t)from));
	json_object_set_new(body, "endorsements", endorsements_json(list, n));
	TRY(node_call(cli, NODE_PERSON, "POST", keys_path(cli, "/resolve"), body, &answer));
	if (!cli_told(cli, answer)) print_standing(cli, answer);
	return OK;
}

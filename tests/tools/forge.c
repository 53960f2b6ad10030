/* What an intruder with write access to the disk could try: append to a log an event that its domain never said.
 *
 *   forge DIR LOG [NAME [COUNT]]   DIR: a data folder whose node does not run; LOG: the domain's id; NAME: sign with the key in DIR/keys/NAME, which
 *                          whoever is root on the node can open, instead of with a fresh one
 *
 * The event stands in its right place, names the right hash before it, and repeats the domain's last grant for the purpose "forged",
 * without row filter, masks or hidden columns. With COUNT it repeats that grant so often, as it is and each under an id of its own: with the
 * domain's own key that is a big mesh in seconds. Without a grant to repeat it makes whoever came last into the log its owner once more. Only the
 * key is another. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/dsse.h"
#include "codec/json.h"
#include "crypt/encode.h"
#include "crypt/seal.h"
#include "crypt/sign.h"
#include "mesh/event.h"
#include "os/file.h"

struct last { json_t *body; Str actor; enum event_type type; };

static Err
keep_grant(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct last *last = arg;
	struct dsse envelope;
	struct event e;

	(void)index;
	TRY(dsse_parse(c, entry, &envelope));
	TRY(event_parse(c, envelope.payload, &e));
	if (e.type == EVENT_GRANT_ADD || (e.type == EVENT_MEMBER_SET && last->type != EVENT_GRANT_ADD)) {
		last->type = e.type;
		json_decref(last->body);
		last->body = json_deep_copy(e.body);
		last->actor = arena_str(c->arena, e.actor);
	}
	event_fini(&e);
	return OK;
}

/* As the keys role does it (cmd/keystore.c), with the root key that lies beside. */
static Err
node_key(struct ctx *c, int data, const char *name, struct sign_key *ret)
{
	SECRET_AUTO root;
	SECRET_AUTO seed;
	BUF_AUTO plain = BUF_INIT;
	Str hex, sealed, log, object = str_cut(str_c(name), '.', &log);
	struct seal_label label = {.domain = log, .object = object, .version = 1, .purpose = S("heddle")};

	TRY(file_read_path(c, data, "root.key", 256, &hex));
	ENSURE(c, hex.n >= 64 && hex_get_n(str_of(hex.p, 64), root.secret_bytes, sizeof root.secret_bytes), CORRUPT, "root.key");
	TRY(file_read_path(c, data, arena_printf(c->arena, "keys/%s", name).p, 256, &sealed));
	TRY(seal_open(c, &root, &label, sealed, &plain));
	ENSURE(c, plain.n == sizeof seed.secret_bytes, INVALID, "'%s' holds no key", name);
	memcpy(seed.secret_bytes, plain.p, sizeof seed.secret_bytes);
	sign_key_from_seed(&seed, ret);
	return OK;
}

/* The same grant, wide open. */
static Err
widen(struct ctx *c, json_t *body, Str *ret)
{
	if (json_object_get(body, "person")) {
		json_object_set_new(body, "role", json_string("owner"));
		*ret = arena_printf(c->arena, "{\"person\":\"%s\",\"role\":\"owner\"}", json_string_value(json_object_get(body, "person")));
		return OK;
	}
	json_object_set_new(body, "id", json_string("grt_forgedforged"));
	json_object_set_new(body, "purposes", json_pack("[s]", "forged"));
	json_object_set_new(body, "rows", json_string(""));
	json_array_clear(json_object_get(body, "masks"));
	json_object_clear(json_object_get(body, "masks"));
	json_array_clear(json_object_get(body, "hidden"));
	char *text = json_dumps(body, JSON_COMPACT);
	ENSURE(c, text, INVALID, "the grant cannot be written");
	*ret = arena_str(c->arena, str_c(text));
	free(text);
	return OK;
}

/* The same grant under another id. */
static Err
repeat(struct ctx *c, json_t *body, uint64_t i, Str *ret)
{
	ENSURE(c, json_object_get(body, "purposes"), NOT_FOUND, "the log holds no grant");
	json_object_set_new(body, "id", json_sprintf("grt_%012llu", (unsigned long long)i));
	char *text = json_dumps(body, JSON_COMPACT);
	ENSURE(c, text, INVALID, "the grant cannot be written");
	*ret = arena_str(c->arena, str_c(text));
	free(text);
	return OK;
}

static Err
say(struct ctx *c, struct ledger *l, Str log, const struct sign_key *key, const struct last *last, Str body, uint64_t *ret_index)
{
	struct event_head h = {.origin = log, .type = last->type, .actor = last->actor, .time = TIME_SECOND * 1700000000};
	struct ledger_head head;
	BUF_AUTO payload = BUF_INIT, pae = BUF_INIT, entry = BUF_INIT;
	uint8_t sig[SIGN_BYTES];

	TRY(ledger_head(c, l, log, &head));
	h.seq = head.size;
	TRY(ledger_prev(c, l, log, &h.prev));
	event_write(&h, body, &payload);
	dsse_pae(S(DSSE_EVENT_TYPE), buf_view(&payload), &pae);
	sign_make(key, buf_view(&pae), sig);
	dsse_encode(S(DSSE_EVENT_TYPE), buf_view(&payload), S(""), sig, &entry);
	return ledger_append(c, l, log, buf_view(&entry), ret_index);
}

static Err
crowd(struct ctx *c, struct ledger *l, Str log, const struct sign_key *key, const struct last *last, uint64_t count, uint64_t *ret_index)
{
	for (uint64_t i = 0; i < count; i++) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx one = {.arena = &arena};
		Str body;
		Err e = repeat(&one, last->body, i, &body);
		if (err_ok(e)) e = say(&one, l, log, key, last, body, ret_index);
		if (err_ok(e) && i % 1000 == 999) e = ledger_commit(&one, l);
		if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s", err_detail(&one, e));
	}
	return OK;
}

static Err
forge(struct ctx *c, struct ledger *l, Str log, const struct sign_key *key, uint64_t count, uint64_t *ret_index)
{
	struct last last = {NULL, S(""), EVENT_UNKNOWN};
	struct ledger_head head;
	Str body;

	TRY(ledger_head(c, l, log, &head));
	TRY(ledger_read(c, l, log, 0, head.size, keep_grant, &last));
	ENSURE(c, last.body, NOT_FOUND, "the log holds neither a grant nor a member");
	Err e = count ? crowd(c, l, log, key, &last, count, ret_index) : widen(c, last.body, &body);
	if (err_ok(e) && !count) e = say(c, l, log, key, &last, body, ret_index);
	json_decref(last.body);
	TRY(e);
	return ledger_commit(c, l);
}

static Err
run(struct ctx *c, const char *dir, const char *log, const char *name, uint64_t count, uint64_t *ret_index)
{
	SIGN_KEY_AUTO key;
	FD_AUTO data = -1, ledger = -1;
	struct ledger *l;

	TRY(crypt_init(c));
	TRY(dir_open(c, AT_FDCWD, dir, &data));
	TRY(dir_open(c, data, "ledger", &ledger));
	sign_key_new(&key);
	if (name) TRY(node_key(c, data, name, &key));
	TRY(ledger_open(c, ledger, &l));
	Err e = forge(c, l, str_c(log), &key, count, ret_index);
	ledger_close(l);
	/* what root wrote belongs to the core again, as a careful intruder would have it */
	struct stat st;
	ENSURE(c, fstat(ledger, &st) == 0, IO, "fstat: %s", strerror(errno));
	if (geteuid() == 0) ENSURE(c, fchownat(ledger, "wal", st.st_uid, st.st_gid, 0) == 0, IO, "chown: %s", strerror(errno));
	return e;
}

int
main(int argc, char **argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	uint64_t index = 0, count = 0;

	if (argc < 3 || argc > 5 || (argc == 5 && !str_u64(str_c(argv[4]), &count))) {
		fputs("usage: forge DIR LOG [NAME [COUNT]]\n", stderr);
		return 2;
	}
	Err e = run(&c, argv[1], argv[2], argc > 3 ? argv[3] : NULL, count, &index);
	if (!err_ok(e)) {
		fprintf(stderr, "forge: %s\n", err_detail(&c, e));
		return err_exit(e);
	}
	printf("entry %llu is the newest of the log, and a grant that its domain never gave\n", (unsigned long long)index);
	return 0;
}

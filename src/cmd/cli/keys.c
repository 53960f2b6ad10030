#include "cmd/cli/keys.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli/out.h"
#include "crypt/encode.h"
#include "os/file.h"

static const char *
beside(struct cli *cli, const char *path, const char *suffix)
{
	return arena_printf(&cli->arena, "%s.%s", path, suffix).p;
}

/* --- making --- */

/* Three recovery keys, PATH.recovery1 to 3; their public halves. */
static Err
recovery_new(struct cli *cli, const char *path, uint8_t ret[KEYFILE_RECOVERY_KEYS][SIGN_PUB_BYTES])
{
	for (int i = 0; i < KEYFILE_RECOVERY_KEYS; i++) {
		SIGN_KEY_AUTO key;
		sign_key_new(&key);
		struct keyfile k = {.kind = KEYFILE_RECOVERY};
		memcpy(k.pub, key.pub, sizeof k.pub);
		memcpy(ret[i], key.pub, SIGN_PUB_BYTES);
		TRY(keyfile_write(&cli->c, beside(cli, path, arena_printf(&cli->arena, "recovery%d", i + 1).p), &k, &key, sign_passphrase(), false));
	}
	return OK;
}

/* A successor in PATH; its digest. */
static Err
next_new(struct cli *cli, const char *path, uint8_t ret_digest[static CRYPT_HASH_BYTES])
{
	SIGN_KEY_AUTO key;

	sign_key_new(&key);
	struct keyfile k = {.kind = KEYFILE_NEXT};
	memcpy(k.pub, key.pub, sizeof k.pub);
	crypt_sha256(str_of(key.pub, sizeof key.pub), ret_digest);
	return keyfile_write(&cli->c, path, &k, &key, sign_passphrase(), false);
}

static Err
none_there(struct cli *cli, const char *path)
{
	static const char *const suffixes[] = {"", ".next", ".recovery1", ".recovery2", ".recovery3", ".signed"};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		const char *at = arena_printf(&cli->arena, "%s%s", path, suffixes[i]).p;
		ENSURE(&cli->c, !file_exists(AT_FDCWD, at), CONFLICT, "'%s' is there already; a key is never written over", at);
	}
	return OK;
}

Err
cli_run_key_new(struct cli *cli)
{
	const char *path = cli->args[0];
	char hex[2 * SIGN_PUB_BYTES + 1];
	struct keyfile k = {.kind = KEYFILE_EVENT};
	SIGN_KEY_AUTO key;

	TRY(crypt_init(&cli->c));
	TRY(none_there(cli, path));
	sign_key_new(&key);
	memcpy(k.pub, key.pub, sizeof k.pub);
	TRY(recovery_new(cli, path, k.recovery));
	TRY(next_new(cli, beside(cli, path, "next"), k.next));
	TRY(keyfile_write(&cli->c, path, &k, &key, sign_passphrase(), false));
	hex_text(k.pub, sizeof k.pub, hex);
	if (cli->json) {
		printf("{\"key\":\"%s\"}\n", hex);
		return OK;
	}
	printf("key %s\n  %-24s signs for a domain\n  %-24s its successor: keep it elsewhere, offline\n", hex, path, beside(cli, path, "next"));
	printf("  %-24s any two recover the domain: give them to three people or places\n", arena_printf(&cli->arena, "%s.recovery1,2,3", path).p);
	printf("  next   heddle domain add NAME --owner USER --key %s\n", path);
	return OK;
}

/* --- declaring --- */

static json_t *
recovery_list(const uint8_t keys[KEYFILE_RECOVERY_KEYS][SIGN_PUB_BYTES])
{
	json_t *list = json_array();
	char hex[2 * SIGN_PUB_BYTES + 1];

	for (size_t i = 0; i < KEYFILE_RECOVERY_KEYS; i++) {
		hex_text(keys[i], SIGN_PUB_BYTES, hex);
		json_array_append_new(list, json_string(hex));
	}
	return list;
}

/* The node keeps the key; two of these three, which it never sees, take the domain back. */
static Err
recovery_out(struct cli *cli, const char *dir, json_t *body)
{
	uint8_t keys[KEYFILE_RECOVERY_KEYS][SIGN_PUB_BYTES];

	TRY(crypt_init(&cli->c));
	TRY(dir_make(&cli->c, AT_FDCWD, dir, 0700));
	TRY(recovery_new(cli, arena_printf(&cli->arena, "%s/%s", dir, cli->args[0]).p, keys));
	json_object_set_new(body, "recovery", recovery_list(keys));
	return OK;
}

Err
cli_set_custody(struct cli *cli, json_t *body)
{
	const char *path = cli_option(cli, OPT_KEY), *out = cli_option(cli, OPT_RECOVERY_OUT);
	char hex[2 * SIGN_PUB_BYTES + 1];
	struct keyfile k;

	ENSURE(&cli->c, !path || !out, INVALID, "--key and --recovery-out exclude each other: a key file has its recovery keys beside it");
	if (out) return recovery_out(cli, out, body);
	if (!path) return OK;
	TRY(keyfile_read(&cli->c, path, &k));
	ENSURE(&cli->c, k.kind == KEYFILE_EVENT, INVALID, "'%s' is not a key that signs for a domain", path);
	hex_text(k.pub, sizeof k.pub, hex);
	json_object_set_new(body, "key", json_string(hex));
	hex_text(k.next, sizeof k.next, hex);
	json_object_set_new(body, "next", json_string(hex));
	json_object_set_new(body, "recovery", recovery_list(k.recovery));
	return OK;
}

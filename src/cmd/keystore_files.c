/* The key store's files: each sealed under the root key, with its name and purpose bound in. */
#include <stdio.h>
#include <string.h>

#include "cmd/keystore_private.h"
#include "crypt/hash.h"
#include "crypt/seal.h"
#include "os/file.h"

const char *const keystore_objects[] = {"event", "next", "note", "after"};

/* --- names --- */

bool
keystore_is_log(Str s)
{
	if (str_eq(s, S("journal"))) return true;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'f') && !(s.p[i] >= '0' && s.p[i] <= '9')) return false;
	return s.n == 64;
}

void
keystore_file_of(Str log, const char *suffix, char ret[static NAME_MAX_BYTES + 16])
{
	snprintf(ret, NAME_MAX_BYTES + 16, "%.*s.%s", STR(log), suffix);
}

/* --- sealed files --- */

static struct seal_label
label_of(Str log, const char *object)
{
	return (struct seal_label){.domain = log, .object = str_c(object), .version = 1, .purpose = S("heddle")};
}

Err
keystore_write(struct ctx *c, const struct keystore *k, Str log, const char *object, Str plain)
{
	char path[NAME_MAX_BYTES + 16];
	struct seal_label label = label_of(log, object);
	BUF_AUTO sealed = BUF_INIT;

	keystore_file_of(log, object, path);
	seal_close(&k->root, &label, plain, &sealed);
	return file_replace(c, k->dirfd, path, buf_view(&sealed), 0600);
}

/* Exactly n bytes. */
Err
keystore_read(struct ctx *c, const struct keystore *k, Str log, const char *object, void *ret, size_t n)
{
	char path[NAME_MAX_BYTES + 16];
	struct seal_label label = label_of(log, object);
	BUF_AUTO plain = BUF_INIT;
	FD_AUTO fd = -1;
	Str sealed;

	keystore_file_of(log, object, path);
	TRY(file_open_beneath(c, k->dirfd, path, O_RDONLY, 0, &fd));
	TRY(file_read_all(c, fd, path, FILE_BYTES_MAX, &sealed));
	buf_reserve(&plain, FILE_BYTES_MAX); /* never moved, so wiped in one place */
	Err e = seal_open(c, &k->root, &label, sealed, &plain);
	bool fits = err_ok(e) && plain.n == n;
	if (fits) memcpy(ret, plain.p, n);
	crypt_wipe(plain.p, plain.cap);
	ENSURE(c, fits, CORRUPT, "key file '%s' does not open: it is damaged, belongs to something else, or the root key is not the one of this node", path);
	return OK;
}

/* --- keys --- */

Err
keystore_key_write(struct ctx *c, const struct keystore *k, Str log, enum purpose purpose, const struct sign_key *key)
{
	SECRET_AUTO seed;

	sign_key_seed(key, &seed);
	return keystore_write(c, k, log, keystore_objects[purpose], str_of(seed.secret_bytes, sizeof seed.secret_bytes));
}

Err
keystore_key_read(struct ctx *c, const struct keystore *k, Str log, enum purpose purpose, struct sign_key *ret)
{
	SECRET_AUTO seed;

	TRY(keystore_read(c, k, log, keystore_objects[purpose], seed.secret_bytes, sizeof seed.secret_bytes));
	sign_key_from_seed(&seed, ret);
	return OK;
}

bool
keystore_has(const struct keystore *k, Str log, enum purpose purpose)
{
	char path[NAME_MAX_BYTES + 16];

	keystore_file_of(log, keystore_objects[purpose], path);
	return file_exists(k->dirfd, path);
}

/* --- the newest checkpoint signed --- */

enum { STATE_BYTES = 8 + 32 };

Err
keystore_state_write(struct ctx *c, const struct keystore *k, Str log, const struct signed_state *s)
{
	BUF_AUTO b = BUF_INIT;

	buf_u64be(&b, s->size);
	buf_add(&b, s->root, sizeof s->root);
	return keystore_write(c, k, log, "signed", buf_view(&b));
}

Err
keystore_state_read(struct ctx *c, const struct keystore *k, Str log, struct signed_state *ret)
{
	uint8_t bytes[STATE_BYTES];
	struct signed_state s = {0};

	TRY(keystore_read(c, k, log, "signed", bytes, sizeof bytes));
	for (size_t i = 0; i < 8; i++) s.size = s.size << 8 | bytes[i];
	memcpy(s.root, bytes + 8, sizeof s.root);
	*ret = s;
	return OK;
}

/* What every log starts from: nothing, under the root of the empty tree (RFC 6962 2.1). */
Err
keystore_state_start(struct ctx *c, const struct keystore *k, Str log)
{
	struct signed_state s = {0};
	char path[NAME_MAX_BYTES + 16];

	keystore_file_of(log, "signed", path);
	if (file_exists(k->dirfd, path)) return OK;
	crypt_sha256(S(""), s.root);
	return keystore_state_write(c, k, log, &s);
}

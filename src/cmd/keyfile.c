#include "cmd/keyfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "codec/json.h"
#include "crypt/encode.h"
#include "crypt/passphrase.h"
#include "crypt/seal.h"
#include "os/file.h"

static const char *const kinds[KEYFILE_KINDS] = {"event", "next", "recovery"};

/* --- locking --- */

static struct seal_label
label_of(const struct keyfile *k, struct arena *a)
{
	char hex[2 * SIGN_PUB_BYTES + 1];

	hex_text(k->pub, sizeof k->pub, hex);
	return (struct seal_label){.domain = arena_str(a, str_c(hex)), .object = str_c(kinds[k->kind]), .version = 1, .purpose = S("heddle key file")};
}

static Err
lock_put(struct ctx *c, const struct keyfile *k, const struct secret32 *seed, Str passphrase, struct buf *out)
{
	struct passphrase_cost cost = passphrase_cost_default();
	struct seal_label label = label_of(k, c->arena);
	uint8_t salt[PASSPHRASE_SALT_BYTES];
	BUF_AUTO sealed = BUF_INIT;
	SECRET_AUTO lock;

	crypt_random(salt, sizeof salt);
	TRY(passphrase_key(c, passphrase, salt, cost, &lock));
	seal_close(&lock, &label, str_of(seed->secret_bytes, sizeof seed->secret_bytes), &sealed);
	buf_c(out, "\"argon2id\",\"salt\":\"");
	hex_put(out, str_of(salt, sizeof salt));
	buf_printf(out, "\",\"operations\":%llu,\"memory\":%llu,\"secret\":\"", (unsigned long long)cost.operations,
	           (unsigned long long)cost.memory_bytes);
	hex_put(out, buf_view(&sealed));
	return OK;
}

/* --- writing --- */

static void
public_put(const struct keyfile *k, struct buf *out)
{
	buf_printf(out, "{\"heddle_key\":1,\"kind\":\"%s\",\"public\":\"", kinds[k->kind]);
	hex_put(out, str_of(k->pub, sizeof k->pub));
	buf_c(out, "\",");
	if (k->kind != KEYFILE_EVENT) return;
	buf_c(out, "\"next\":\"");
	hex_put(out, str_of(k->next, sizeof k->next));
	for (size_t i = 0; i < KEYFILE_RECOVERY_KEYS; i++) {
		buf_c(out, i ? "\",\"" : "\",\"recovery\":[\"");
		hex_put(out, str_of(k->recovery[i], sizeof k->recovery[i]));
	}
	buf_c(out, "\"],");
}

static Err
text_write(struct ctx *c, const char *path, Str text, bool replace)
{
	const char *slash = strrchr(path, '/');
	FD_AUTO fd = -1, dir = -1;

	if (replace) return file_replace(c, AT_FDCWD, path, text, 0600);
	Err e = file_open(c, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, &fd);
	if (e.code == ERR_CONFLICT) return err_set(c, ERR_CONFLICT, "'%s' is there already; a key is never written over", path);
	TRY(e);
	TRY(file_write(c, fd, path, text));
	TRY(file_sync(c, fd, path));
	TRY(dir_open(c, AT_FDCWD, slash ? arena_printf(c->arena, "%.*s", (int)(slash - path) + 1, path).p : ".", &dir));
	return dir_sync(c, dir, path);
}

Err
keyfile_write(struct ctx *c, const char *path, const struct keyfile *k, const struct sign_key *key, Str passphrase, bool replace)
{
	BUF_AUTO text = BUF_INIT;
	SECRET_AUTO seed;
	Err e = OK;

	buf_reserve(&text, KEYFILE_BYTES_MAX); /* never moved, so wiped in one place */
	sign_key_seed(key, &seed);
	public_put(k, &text);
	buf_c(&text, "\"protection\":");
	if (passphrase.n) {
		e = lock_put(c, k, &seed, passphrase, &text);
	} else {
		buf_c(&text, "\"none\",\"secret\":\"");
		hex_put(&text, str_of(seed.secret_bytes, sizeof seed.secret_bytes));
	}
	buf_c(&text, "\"}\n");
	if (err_ok(e)) e = text_write(c, path, buf_view(&text), replace);
	crypt_wipe(text.p, text.cap);
	return e;
}

/* --- reading --- */

static Err
hex_of(struct ctx *c, const json_t *doc, const char *key, void *ret, size_t n)
{
	Str text;

	TRY(json_str(c, doc, key, &text));
	ENSURE(c, hex_get_n(text, ret, n), INVALID, "'%s' must be %zu hex digits", key, 2 * n);
	return OK;
}

static Err
event_parts(struct ctx *c, const json_t *doc, struct keyfile *k)
{
	json_t *list;

	TRY(hex_of(c, doc, "next", k->next, sizeof k->next));
	TRY(json_list(c, doc, "recovery", &list));
	ENSURE(c, json_array_size(list) == KEYFILE_RECOVERY_KEYS, INVALID, "'recovery' must be %d keys", KEYFILE_RECOVERY_KEYS);
	for (size_t i = 0; i < KEYFILE_RECOVERY_KEYS; i++) {
		Str text;
		TRY(json_text(c, json_array_get(list, i), "recovery", &text));
		ENSURE(c, hex_get_n(text, k->recovery[i], SIGN_PUB_BYTES), INVALID, "'recovery' must be 64 hex digits each");
	}
	return OK;
}

static Err
public_parts(struct ctx *c, const json_t *doc, struct keyfile *k)
{
	int64_t version;
	Str kind, protection;
	bool known = false;

	TRY(json_i64(c, doc, "heddle_key", 1, 1, &version));
	TRY(json_str(c, doc, "kind", &kind));
	for (size_t i = 0; i < KEYFILE_KINDS; i++)
		if (str_eqc(kind, kinds[i])) k->kind = (enum keyfile_kind)i, known = true;
	ENSURE(c, known, INVALID, "'kind' must be event, next or recovery");
	TRY(hex_of(c, doc, "public", k->pub, sizeof k->pub));
	TRY(json_str(c, doc, "protection", &protection));
	k->locked = str_eq(protection, S("argon2id"));
	ENSURE(c, k->locked || str_eq(protection, S("none")), INVALID, "'protection' must be none or argon2id");
	return k->kind == KEYFILE_EVENT ? event_parts(c, doc, k) : OK;
}

static Err
document(struct ctx *c, const char *path, json_t **ret)
{
	struct stat st;
	Str text;
	FD_AUTO fd = -1;

	Err e = file_open(c, AT_FDCWD, path, O_RDONLY, 0, &fd);
	if (e.code == ERR_NOT_FOUND) return err_set(c, ERR_NOT_FOUND, "there is no key file '%s'", path);
	TRY(e);
	ENSURE(c, fstat(fd, &st) == 0 && S_ISREG(st.st_mode), INVALID, "'%s' is no file", path);
	ENSURE(c, (st.st_mode & 077) == 0, INVALID, "others than you can read '%s'; put it right with: chmod 600 %s", path, path);
	TRY(file_read_all(c, fd, path, KEYFILE_BYTES_MAX, &text));
	e = json_read(c, text, (struct json_limits){.bytes = KEYFILE_BYTES_MAX, .depth = 3, .values = 64}, ret);
	crypt_wipe((void *)(uintptr_t)text.p, text.n);
	return e;
}

/* Prefix the detail with the file's name. */
static Err
named(struct ctx *c, const char *path, Err e)
{
	char why[CTX_DETAIL_MAX];

	if (err_ok(e) || e.code == ERR_NOT_FOUND) return e;
	memcpy(why, c->detail, sizeof why);
	return err_set(c, (enum err_code)e.code, "key file '%s': %.300s", path, why);
}

static Err
unlock(struct ctx *c, const json_t *doc, const struct keyfile *k, Str passphrase, struct secret32 *ret)
{
	struct seal_label label = label_of(k, c->arena);
	uint8_t salt[PASSPHRASE_SALT_BYTES], sealed[CRYPT_KEY_BYTES + SEAL_OVERHEAD];
	struct passphrase_cost cost;
	SECRET_AUTO lock;
	BUF_AUTO plain = BUF_INIT;

	ENSURE(c, passphrase.n, UNAUTHENTICATED, "it is locked; set HEDDLE_KEY_PASSPHRASE");
	TRY(hex_of(c, doc, "salt", salt, sizeof salt));
	TRY(json_u64(c, doc, "operations", &cost.operations));
	TRY(json_u64(c, doc, "memory", &cost.memory_bytes));
	TRY(hex_of(c, doc, "secret", sealed, sizeof sealed));
	TRY(passphrase_key(c, passphrase, salt, cost, &lock));
	buf_reserve(&plain, 2 * CRYPT_KEY_BYTES);
	Err e = seal_open(c, &lock, &label, str_of(sealed, sizeof sealed), &plain);
	if (err_ok(e)) memcpy(ret->secret_bytes, plain.p, sizeof ret->secret_bytes);
	crypt_wipe(plain.p, plain.cap);
	ENSURE(c, err_ok(e), UNAUTHENTICATED, "the passphrase does not open it");
	return OK;
}

Err
keyfile_read(struct ctx *c, const char *path, struct keyfile *ret)
{
	JSON_AUTO *doc = NULL;
	struct keyfile k = {0};
	Err e = document(c, path, &doc);

	if (err_ok(e)) e = public_parts(c, doc, &k);
	TRY(named(c, path, e));
	*ret = k;
	return OK;
}

static Err
key_of(struct ctx *c, const char *path, Str passphrase, struct keyfile *k, struct sign_key *ret)
{
	JSON_AUTO *doc = NULL;
	SECRET_AUTO seed;

	TRY(document(c, path, &doc));
	TRY(public_parts(c, doc, k));
	if (k->locked)
		TRY(unlock(c, doc, k, passphrase, &seed));
	else
		TRY(hex_of(c, doc, "secret", seed.secret_bytes, sizeof seed.secret_bytes));
	sign_key_from_seed(&seed, ret);
	ENSURE(c, memcmp(ret->pub, k->pub, sizeof k->pub) == 0, CORRUPT, "the secret in it belongs to another public key");
	return OK;
}

Err
keyfile_key(struct ctx *c, const char *path, Str passphrase, struct keyfile *ret, struct sign_key *ret_key)
{
	struct keyfile k = {0};

	TRY(named(c, path, key_of(c, path, passphrase, &k, ret_key)));
	*ret = k;
	return OK;
}

/* --- as a signer --- */

struct file_signer { struct signer base; struct sign_key key; };

static Err
file_sign(struct ctx *c UNUSED, struct signer *s, Str message, uint8_t ret[static SIGN_BYTES])
{
	sign_make(&((struct file_signer *)s)->key, message, ret);
	return OK;
}

static void
file_close(struct signer *s)
{
	sign_key_wipe(&((struct file_signer *)s)->key);
	free(s);
}

Err
keyfile_open(struct ctx *c, const char *path, Str passphrase, struct keyfile *ret, struct signer **ret_signer)
{
	static const struct signer_ops ops = {file_sign, file_close};
	struct file_signer *s = mem_alloc(sizeof *s);
	Err e = keyfile_key(c, path, passphrase, ret, &s->key);

	s->base.ops = &ops;
	if (!err_ok(e)) {
		file_close(&s->base);
		return e;
	}
	memcpy(s->base.pub, ret->pub, sizeof s->base.pub);
	*ret_signer = &s->base;
	return OK;
}

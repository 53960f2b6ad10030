/* What products have besides their events: contracts and reports, by their SHA-256. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/core.h"
#include "crypt/encode.h"
#include "os/file.h"

Err
blob_put(struct core *core, struct ctx *c, Str bytes, Str *ret_sha256)
{
	char hex[CRYPT_HASH_TEXT], path[128];
	(void)core;

	crypt_sha256_text(bytes, hex);
	snprintf(path, sizeof path, "catalog/blobs/%s", hex);
	if (access(path, R_OK) != 0) TRY(file_replace(c, AT_FDCWD, path, bytes, 0600));
	*ret_sha256 = arena_str(c->arena, str_c(hex));
	return OK;
}

Err
blob_get(struct core *core, struct ctx *c, Str sha256, Str *ret)
{
	uint8_t want[CRYPT_HASH_BYTES], hash[CRYPT_HASH_BYTES];
	char path[128];
	Str bytes;
	(void)core;

	ENSURE(c, hex_get_n(sha256, want, sizeof want), NOT_FOUND, "no such document");
	snprintf(path, sizeof path, "catalog/blobs/%.*s", STR(sha256));
	TRY(file_read_path(c, AT_FDCWD, path, 8 << 20, &bytes));
	crypt_sha256(bytes, hash);
	ENSURE(c, memcmp(hash, want, sizeof hash) == 0, CORRUPT, "document %.*s is damaged", STR(sha256));
	*ret = bytes;
	return OK;
}

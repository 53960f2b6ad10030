/* What the files of the key store share. Private to keystore*.c. */
#ifndef HEDDLE_CMD_KEYSTORE_PRIVATE_H
#define HEDDLE_CMD_KEYSTORE_PRIVATE_H

#include "cmd/keystore.h"

enum { NAME_MAX_BYTES = 64, CACHED_MAX = 128, PENDING_MAX = 16, FILE_BYTES_MAX = 256, PAYLOAD_MAX = 65535 };

enum purpose { KEY_EVENT, KEY_NEXT, KEY_NOTE, PURPOSES, KEY_AFTER = PURPOSES };

struct cached {
	char log[NAME_MAX_BYTES + 1];
	enum purpose purpose;
	uint64_t used; /* 0: free */
	struct sign_key key;
};

struct pending {
	char name[NAME_MAX_BYTES + 1]; /* "": free */
	uint64_t made;
	bool note_only; /* the owner keeps the others */
	struct sign_key keys[PURPOSES];
};

/* One mapping, locked and left out of dumps. */
struct keystore {
	struct secret32 root, mask;
	struct cached cached[CACHED_MAX];
	struct pending pending[PENDING_MAX];
	uint64_t clock;
	int dirfd;
	bool failed; /* a sync failed: what is on disk is not known any more */
};

/* --- keystore.c --- */

/* The key, in the store's memory until the next call. */
NODISCARD Err keystore_key(struct ctx *c, struct keystore *k, Str log, enum purpose purpose, const struct sign_key **ret);
void keystore_forget(struct keystore *k, Str log);

/* --- keystore_files.c --- */

extern const char *const keystore_objects[]; /* of each purpose, KEY_AFTER too: the ending of its file */

bool keystore_is_log(Str s);
void keystore_file_of(Str log, const char *suffix, char ret[static NAME_MAX_BYTES + 16]);
NODISCARD Err keystore_write(struct ctx *c, const struct keystore *k, Str log, const char *object, Str plain);
/* Exactly n bytes. */
NODISCARD Err keystore_read(struct ctx *c, const struct keystore *k, Str log, const char *object, void *ret, size_t n);
NODISCARD Err keystore_key_write(struct ctx *c, const struct keystore *k, Str log, enum purpose purpose, const struct sign_key *key);
NODISCARD Err keystore_key_read(struct ctx *c, const struct keystore *k, Str log, enum purpose purpose, struct sign_key *ret);
bool keystore_has(const struct keystore *k, Str log, enum purpose purpose);

/* The newest checkpoint signed. */
struct signed_state {
	uint64_t size;
	uint8_t root[32];
};
NODISCARD Err keystore_state_write(struct ctx *c, const struct keystore *k, Str log, const struct signed_state *s);
NODISCARD Err keystore_state_read(struct ctx *c, const struct keystore *k, Str log, struct signed_state *ret);
NODISCARD Err keystore_state_start(struct ctx *c, const struct keystore *k, Str log);

#endif

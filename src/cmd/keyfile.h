/* Key files: a private key on its owner's machine, one key a file, mode 0600.
 *
 * {"heddle_key":1,"kind":"event","public":"<hex>","next":"<hex>","recovery":["<hex>","<hex>","<hex>"],
 *  "protection":"none"|"argon2id","salt":"<hex>","operations":N,"memory":N,"secret":"<hex>"}
 * kind: event (signs a domain's events), next (its successor, whose digest the domain committed to), recovery. next and recovery stand in event
 * keys only: what the inception, or the last rotation, declares. secret: the seed (RFC 8032) in hex, or sealed (crypt/seal.h) under a
 * key made from the passphrase, with the public half and the kind bound in. */
#ifndef HEDDLE_CMD_KEYFILE_H
#define HEDDLE_CMD_KEYFILE_H

#include "base/arena.h"
#include "cmd/signer.h"

enum { KEYFILE_RECOVERY_KEYS = 3, KEYFILE_BYTES_MAX = 4096 };
enum keyfile_kind { KEYFILE_EVENT, KEYFILE_NEXT, KEYFILE_RECOVERY, KEYFILE_KINDS };

struct keyfile {
	enum keyfile_kind kind;
	uint8_t pub[SIGN_PUB_BYTES];
	uint8_t next[CRYPT_HASH_BYTES];                                 /* KEYFILE_EVENT: SHA-256 of the next key's public half */
	uint8_t recovery[KEYFILE_RECOVERY_KEYS][SIGN_PUB_BYTES];        /* KEYFILE_EVENT */
	bool locked; /* by a passphrase */
};

/* A new file, or with `replace` in place of an old one, durably. CONFLICT when it is there and shall not be replaced. passphrase "": not locked. */
NODISCARD Err keyfile_write(struct ctx *c, const char *path, const struct keyfile *k, const struct sign_key *key, Str passphrase, bool replace);
/* What the file says; INVALID names what is wrong with it, also when others could read it. */
NODISCARD Err keyfile_read(struct ctx *c, const char *path, struct keyfile *ret);
/* The key itself. UNAUTHENTICATED when it is locked and the passphrase does not open it; CORRUPT when it is not the public key's. */
NODISCARD Err keyfile_open(struct ctx *c, const char *path, Str passphrase, struct keyfile *ret, struct signer **ret_signer);
NODISCARD Err keyfile_key(struct ctx *c, const char *path, Str passphrase, struct keyfile *ret, struct sign_key *ret_key);

#endif

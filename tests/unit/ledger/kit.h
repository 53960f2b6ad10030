/* Shared by the ledger's tests: a folder of its own, a signer, entries that depend on (log, index) alone, a model to compare with. */
#ifndef LEDGER_KIT_H
#define LEDGER_KIT_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "codec/note.h"
#include "crypt/sign.h"
#include "ledger/tree.h"
#include "ledger/verify.h"
#include "os/file.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
static const Str kit_ids[] = {S("journal"), S(ID_A), S(ID_B)};
enum { KIT_LOGS = 3 };

struct kit { char path[64]; int fd; };

static inline void
kit_init(struct kit *k)
{
	struct ctx c = {.arena = NULL};

	assert_true(err_ok(crypt_init(&c)));
	/* in memory where there is such a place: the sweeps sync a hundred thousand times, and nothing here cuts the power */
	snprintf(k->path, sizeof k->path, "%s/heddle-ledger-XXXXXX", access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(k->path));
	k->fd = open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(k->fd >= 0);
}

static inline void
kit_fini(struct kit *k)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};

	fault_armed = (struct fault){.at = 0};
	close(k->fd);
	assert_true(err_ok(dir_remove(&c, AT_FDCWD, k->path)));
}

#define assert_done(c, e)                                                                                                      \
	do {                                                                                                                   \
		Err e_ = (e);                                                                                                  \
		if (!err_ok(e_)) fail_msg("%s: %s", err_name(e_), err_detail((c), e_));                                        \
	} while (0)

static inline void
kit_key(struct sign_key *ret)
{
	struct secret32 seed = {{1, 2, 3}};

	sign_key_from_seed(&seed, ret);
}

static inline Err
kit_sign(struct ctx *c, void *arg, Str log_id, Str text, struct buf *out)
{
	BUF_AUTO origin = BUF_INIT;
	struct sign_key key;
	uint8_t sig[SIGN_BYTES];

	(void)c;
	(void)arg;
	kit_key(&key);
	ledger_origin(log_id, &origin);
	sign_make(&key, text, sig);
	note_sig_line(buf_view(&origin), note_key_id(buf_view(&origin), key.pub), sig, out);
	return OK;
}

static inline Err
kit_set_key(struct ctx *c, struct ledger *l, Str log_id)
{
	BUF_AUTO origin = BUF_INIT, line = BUF_INIT;
	struct sign_key key;

	kit_key(&key);
	ledger_origin(log_id, &origin);
	note_key_line(buf_view(&origin), key.pub, &line);
	return ledger_set_key(c, l, log_id, buf_view(&line));
}

static inline uint32_t
kit_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* The entry that belongs at this place: 0 … 160 bytes. */
static inline Str
kit_entry(Str log_id, uint64_t index, char room[static 256])
{
	uint32_t r = (uint32_t)(index * 2654435761u) ^ (uint8_t)log_id.p[0];
	size_t n = (size_t)snprintf(room, 256, "%.*s %llu ", log_id.n > 4 ? 4 : (int)log_id.n, log_id.p, (unsigned long long)index);
	size_t more = kit_random(&r) % 128;

	if (r % 31 == 0) return S("");
	for (size_t i = 0; i < more; i++) room[n++] = (char)(kit_random(&r) & 0xff);
	return str_of(room, n);
}

static inline Hash
kit_root(Str log_id, uint64_t size)
{
	struct tree_edge e = {.size = 0};
	char room[256];

	for (uint64_t i = 0; i < size; i++) {
		Hash leaf = tree_leaf(kit_entry(log_id, i, room));
		tree_append(&e, &leaf);
	}
	return tree_root(&e);
}

static inline Err
kit_compare(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	char room[256];

	(void)c;
	assert_true(str_eq(entry, kit_entry(*(const Str *)arg, index, room)));
	return OK;
}

/* Append the next n entries of a log. */
static inline Err
kit_append(struct ctx *c, struct ledger *l, Str log_id, unsigned n)
{
	struct ledger_head head = {.size = 0};
	char room[256];
	uint64_t index = 0;

	TRY(ledger_head(c, l, log_id, &head));
	for (unsigned i = 0; i < n; i++) {
		TRY(ledger_append(c, l, log_id, kit_entry(log_id, head.size + i, room), &index));
		assert_true(index == head.size + i);
	}
	return OK;
}

static inline struct ledger *
kit_open(struct ctx *c, const struct kit *k)
{
	struct ledger *l = NULL;

	assert_done(c, ledger_open(c, k->fd, &l));
	return l;
}

static inline void
kit_create(struct ctx *c, struct ledger *l)
{
	for (size_t i = 0; i < KIT_LOGS; i++) {
		assert_done(c, ledger_create(c, l, kit_ids[i]));
		assert_done(c, kit_set_key(c, l, kit_ids[i]));
	}
}

/* Everything on disk, proven offline; returns how many entries. */
static inline uint64_t
kit_verify(struct ctx *c, const struct kit *k)
{
	struct verify_report *r;
	size_t n;
	uint64_t entries = 0;

	assert_done(c, ledger_verify_dir(c, k->fd, NULL, NULL, NULL, NULL, &r, &n));
	for (size_t i = 0; i < n; i++) {
		if (!r[i].ok) fail_msg("%.*s: %.*s", STR(r[i].log_id), STR(r[i].problem));
		entries += r[i].entries;
	}
	arena_reset(c->arena);
	return entries;
}

#endif

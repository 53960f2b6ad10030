/* Inside of the ledger: what its files share. Not for other modules. */
#ifndef HEDDLE_LEDGER_LOG_H
#define HEDDLE_LEDGER_LOG_H

#include "base/map.h"
#include "codec/note.h"
#include "ledger/tile.h"
#include "ledger/wal.h"

struct tail_entry { size_t at; uint32_t n; Hash leaf; };

/* One log. Entries [0, tiles.size) are in tiles under the checkpoint; those behind are in the tail, in memory and in the wal.
 * Invariant: edge is over the committed entries, next over the appended ones as well. */
struct log {
	char id[LEDGER_ID_MAX + 1];
	Str name;                        /* id as Str */
	struct tile_stack tiles;         /* the published tree's right edge, checked against the checkpoint */
	struct ledger_head published;    /* size is tiles.size */
	struct ledger_head sealed;       /* the largest state that was recorded as signed, or about to be */
	struct tree_edge edge, next;
	Hash prev, next_prev;            /* newest leaf of each */
	struct buf bytes;                /* the tail's entries end to end */
	struct tail_entry *tail;
	size_t tail_count, tail_cap, committed_count;
	struct buf kept;                 /* wal items behind damage, carried over as they are */
	bool dirty, has_key;
	bool resync;                     /* the checkpoint on disk is newer than the wal knew */
	bool folders_synced;             /* all its folders are durable */
	struct note_key key;
	Str key_line, checkpoint;        /* heap; "" when there is none */
	bool damaged;
	char damage[256];
};

struct tile_slot { const struct log *log; struct tile_ref ref; Hash *h; uint64_t used; };
struct bundle_slot { const struct log *log; struct tile_ref ref; struct buf bytes; uint32_t at[TILE_WIDTH + 1]; };
enum { TILE_SLOTS = 16 };

struct ledger {
	int dirfd, lock_fd, wal_fd;
	uint64_t wal_bytes, wal_sequence;
	size_t wal_heads;                /* logs in the wal's first record */
	bool wal_stale;                  /* it holds what is published already */
	bool dead, frozen;               /* frozen: the wal is damaged and it cannot be told which log is hit */
	char why[256];                   /* of either */
	char cut[160];                   /* what was cut from the wal at open, "" for nothing */
	struct log **logs;
	size_t log_count, log_cap;
	struct map by_id;
	struct log **dirty;              /* with uncommitted entries */
	size_t dirty_count, dirty_cap;
	size_t pending_bytes;
	struct tile_slot tiles[TILE_SLOTS];
	uint64_t clock;                  /* of the tile slots' use */
	struct bundle_slot bundle;
};

enum { LOG_PATH_MAX = 192 };
void log_path(const struct log *g, const char *rest, char ret[static LOG_PATH_MAX]); /* "logs/<id>/<rest>" */
struct log *log_find(const struct ledger *l, Str id);
struct log *log_new(struct ledger *l, Str id); /* into the list */
void log_free(struct log *g);
PRINTF(2, 3) void log_damage(struct log *g, const char *fmt, ...); /* the first one stays */
static inline uint64_t log_committed(const struct log *g) { return g->edge.size; }
Str log_tail_entry(const struct log *g, size_t i);
void log_tail_add(struct log *g, Str entry, const Hash *leaf); /* moves next and next_prev */
void log_tail_commit(struct log *g);

bool ledger_is_id(Str id);
/* READ_ONLY when dead. */
NODISCARD Err ledger_usable(struct ctx *c, const struct ledger *l);
/* Passes e on; after a failed input or output nothing more is written by this ledger. */
NODISCARD Err ledger_guard(struct ctx *c, struct ledger *l, Err e);

/* wal file (walfile.c) */
NODISCARD Err wal_append(struct ctx *c, struct ledger *l, Str record);       /* write, fdatasync; FULL leaves the file as it was */
NODISCARD Err wal_rewrite(struct ctx *c, struct ledger *l);                  /* a fresh file with what is still needed */

/* reading (read.c) */
NODISCARD Err log_leaf(struct ctx *c, struct ledger *l, struct log *g, uint64_t index, Hash *ret);
NODISCARD Err log_range(struct ctx *c, struct ledger *l, struct log *g, uint64_t from, uint64_t to, Hash *ret); /* RFC 6962 MTH */
/* The bundle with that number, whole, its entries not yet compared with the tree. */
NODISCARD Err log_bundle(struct ctx *c, struct ledger *l, struct log *g, uint64_t n, const struct bundle_slot **ret);
/* A published entry, checked against the tree. Borrows until the next read. */
NODISCARD Err log_entry_checked(struct ctx *c, struct ledger *l, struct log *g, uint64_t index, Str *ret);
void ledger_forget(struct ledger *l, const struct log *g); /* what is cached of g */

/* refused.c */
NODISCARD Err refused_read(struct ctx *c, int dirfd, struct ledger_refused **ret, size_t *ret_n);

/* opening (open.c) */
NODISCARD Err log_load(struct ctx *c, struct ledger *l, struct log *g);

#endif

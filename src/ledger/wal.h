/* The write-ahead file: what it looks like, written to and read from bytes. Pure; ledger.c does the I/O.
 *
 * A file is a row of records, numbers big-endian:
 *   header   "HWR1" | u32 type | u32 body length | u32 0 | u64 sequence | 8 bytes of SHA-256 over the 24 before
 *   body
 *   trailer  8 bytes of SHA-256 over header and body | "HWREND.\n"
 * A body of type HEADS holds items   u8 id length | id | u64 size | root: what has been signed, or is about to be;
 * of type GROUP, one group commit    u8 id length | id | u64 index | u32 entry length | 8 bytes of SHA-256 over the item
 *                                    without this field | entry.
 * The first record is HEADS and names every log. Files are made whole beside the old one and renamed, so only the last record
 * of a file can be torn, never the first. The header has its own sum so that a flipped length is not taken for a torn tail; each
 * item has one so that damage can be told to one log; the trailer has no zero bytes, so that zeros at the end are never its own. */
#ifndef HEDDLE_LEDGER_WAL_H
#define HEDDLE_LEDGER_WAL_H

#include "ledger/ledger.h"

enum { WAL_HEADS = 1, WAL_GROUP = 2, WAL_GROUP_MAX = 64 * 1024 * 1024 };

/* Put a record around a body written in between: wal_begin(), wal_put_…(), wal_end(). */
size_t wal_begin(struct buf *out, uint32_t type, uint64_t sequence); /* gives the place of the record, for wal_end() */
void wal_put_head(struct buf *out, Str log_id, const struct ledger_head *head);
void wal_put_entry(struct buf *out, Str log_id, uint64_t index, Str entry);
void wal_end(struct buf *out, size_t record);

struct wal_item {
	Str log_id, entry;
	uint64_t index;
	Str raw;   /* all bytes of the item, to carry a damaged one over as it is */
	bool good; /* its own sum holds */
};

/* Told of everything, in file order. Str borrow from the bytes. */
struct wal_visitor {
	Err (*head)(struct ctx *c, void *arg, Str log_id, const struct ledger_head *head);
	Err (*item)(struct ctx *c, void *arg, const struct wal_item *item);
	void *arg;
};

struct wal_scan {
	uint64_t next_sequence;
	size_t good_bytes; /* whole, undamaged records from the start */
	size_t cut_bytes;  /* behind them, torn: never acknowledged */
	bool damaged;      /* beyond single items: it cannot be told which log is hit */
	char damage[160];  /* which record and what */
};

/* The Err is only what the visitor answers; damage is in ret. */
NODISCARD Err wal_read(struct ctx *c, Str bytes, const struct wal_visitor *v, struct wal_scan *ret);

#endif

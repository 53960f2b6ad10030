/* The write-ahead file on disk: appending a record, and making a fresh file of what is still needed. */
#include <stdio.h>

#include "ledger/log.h"
#include "os/file.h"

#define WAL "wal"
#define WAL_NEW ".wal.new"

Err
wal_append(struct ctx *c, struct ledger *l, Str record)
{
	Err e = file_write_at(c, l->wal_fd, WAL, record, l->wal_bytes);

	if (e.code == ERR_FULL) { /* nothing was synced: cut it off again and go on; if not even that works, stop */
		struct ctx quiet = {.arena = NULL};
		if (err_ok(file_truncate(&quiet, l->wal_fd, WAL, l->wal_bytes))) return e;
		e = err_set(c, ERR_IO, "the disk is full and the write-ahead file could not be cut back");
	}
	TRY(ledger_guard(c, l, e));
	e = file_sync(c, l->wal_fd, WAL);
	if (!err_ok(e)) e.code = ERR_IO; /* also when the disk is full only now: what the kernel kept is unknown */
	TRY(ledger_guard(c, l, e));
	l->wal_bytes += record.n;
	l->wal_sequence++;
	return OK;
}

/* The published heads first; then the entries behind them; then what was promised to be signed beyond (a crash came between). */
static void
encode(struct ledger *l, struct buf *out)
{
	uint64_t sequence = l->wal_sequence;
	size_t record = wal_begin(out, WAL_HEADS, sequence++), entries = 0, promised = 0;

	for (size_t i = 0; i < l->log_count; i++) {
		const struct log *g = l->logs[i];
		wal_put_head(out, g->name, &g->published);
		entries += g->committed_count + (g->kept.n > 0);
		promised += g->sealed.size > g->published.size;
	}
	wal_end(out, record);
	if (entries) {
		record = wal_begin(out, WAL_GROUP, sequence++);
		for (size_t i = 0; i < l->log_count; i++) {
			const struct log *g = l->logs[i];
			for (size_t k = 0; k < g->committed_count; k++) wal_put_entry(out, g->name, g->tiles.size + k, log_tail_entry(g, k));
			buf_str(out, buf_view(&g->kept));
		}
		wal_end(out, record);
	}
	if (promised) {
		record = wal_begin(out, WAL_HEADS, sequence++);
		for (size_t i = 0; i < l->log_count; i++)
			if (l->logs[i]->sealed.size > l->logs[i]->published.size) wal_put_head(out, l->logs[i]->name, &l->logs[i]->sealed);
		wal_end(out, record);
	}
	l->wal_sequence = sequence;
}

static Err
write_new(struct ctx *c, struct ledger *l, Str bytes, int *ret_fd)
{
	FD_AUTO fd = -1;

	TRY(file_open(c, l->dirfd, WAL_NEW, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &fd));
	TRY(file_write(c, fd, WAL_NEW, bytes));
	TRY(file_sync(c, fd, WAL_NEW));
	TRY(file_rename(c, l->dirfd, WAL_NEW, l->dirfd, WAL));
	*ret_fd = TAKE(fd, -1);
	return OK;
}

Err
wal_rewrite(struct ctx *c, struct ledger *l)
{
	BUF_AUTO bytes = BUF_INIT;
	uint64_t sequence = l->wal_sequence;
	int fd;

	encode(l, &bytes);
	Err e = write_new(c, l, buf_view(&bytes), &fd);
	if (!err_ok(e)) {
		l->wal_sequence = sequence;
		return ledger_guard(c, l, e); /* FULL: the old file still stands and holds everything */
	}
	fd_close(&l->wal_fd);
	l->wal_fd = fd;
	l->wal_bytes = bytes.n;
	l->wal_stale = false;
	e = dir_sync(c, l->dirfd, WAL);
	if (!err_ok(e)) e.code = ERR_IO; /* which of the two files a power loss would leave is unknown */
	return ledger_guard(c, l, e);
}

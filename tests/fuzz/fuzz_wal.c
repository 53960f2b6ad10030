#include "ledger/tile.h"
#include "ledger/wal.h"

static Err head(struct ctx *c, void *arg, Str id, const struct ledger_head *h) { return (void)c, (void)arg, (void)id, (void)h, OK; }
static Err item(struct ctx *c, void *arg, const struct wal_item *i) { return (void)c, *(size_t *)arg += i->raw.n, OK; }

/* Any bytes as a write-ahead file, as the body of a record, as a tile path and as a bundle: never outside of them. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF_AUTO file = BUF_INIT;
	size_t told = 0, record = wal_begin(&file, n ? p[0] % 4 : 0, 1);
	struct wal_scan s = {0};
	struct tile_ref t;
	uint32_t at[TILE_WIDTH + 1];

	buf_add(&file, p, n);
	if (n % 4) wal_end(&file, record);
	if (n % 4 == 3) buf_drop(&file, 68 < file.n ? 68 : file.n); /* its own bytes, bare */
	if (!err_ok(wal_read(&(struct ctx){0}, buf_view(&file), &(struct wal_visitor){head, item, &told}, &s))) __builtin_trap();
	if (told > n || s.good_bytes + s.cut_bytes > file.n || (!s.damaged && s.good_bytes + s.cut_bytes != file.n)) __builtin_trap();
	if (tile_parse(str_of(p, n), &t) && (t.width < 1 || t.width > TILE_WIDTH)) __builtin_trap();
	return bundle_split(str_of(p, n), 256, at) == 256 && at[256] - 2 != n ? (__builtin_trap(), 0) : 0;
}

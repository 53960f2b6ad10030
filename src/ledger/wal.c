#include "ledger/wal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "crypt/hash.h"

enum { SUM = 8, HEADER = 32, HEADER_SUMMED = 24, TRAILER = 16, SECTOR = 512, ITEM_FIXED = 1 + 8 + 4 + SUM, HEAD_FIXED = 1 + 8 + HASH_BYTES };

static const char magic[] = "HWR1", end_mark[] = "HWREND.\n";

static void
sum_of(Str a, Str b, char ret[static SUM])
{
	struct crypt_sha256 h;
	uint8_t full[CRYPT_HASH_BYTES];

	crypt_sha256_init(&h);
	crypt_sha256_add(&h, a);
	crypt_sha256_add(&h, b);
	crypt_sha256_end(&h, full);
	memcpy(ret, full, SUM);
}

static uint64_t
number(const char *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++) v = v << 8 | (uint8_t)p[i];
	return v;
}

/* --- writing --- */

size_t
wal_begin(struct buf *out, uint32_t type, uint64_t sequence)
{
	size_t record = out->n;

	buf_add(out, magic, 4);
	buf_u32be(out, type);
	buf_u64be(out, 0); /* length and reserve: wal_end() */
	buf_u64be(out, sequence);
	buf_u64be(out, 0);
	return record;
}

void
wal_put_head(struct buf *out, Str log_id, const struct ledger_head *head)
{
	buf_char(out, (char)log_id.n);
	buf_str(out, log_id);
	buf_u64be(out, head->size);
	buf_add(out, head->root.b, HASH_BYTES);
}

void
wal_put_entry(struct buf *out, Str log_id, uint64_t index, Str entry)
{
	size_t item = out->n;
	char sum[SUM];

	buf_reserve(out, ITEM_FIXED + log_id.n + entry.n);
	buf_char(out, (char)log_id.n);
	buf_str(out, log_id);
	buf_u64be(out, index);
	buf_u32be(out, (uint32_t)entry.n);
	sum_of(str_of(out->p + item, out->n - item), entry, sum);
	buf_add(out, sum, SUM);
	buf_str(out, entry);
}

void
wal_end(struct buf *out, size_t record)
{
	size_t body = out->n - record - HEADER;
	char *p = out->p + record, sum[SUM];

	assert(body <= UINT32_MAX);
	for (int i = 0; i < 4; i++) p[8 + i] = (char)(body >> (24 - 8 * i));
	sum_of(str_of(p, HEADER_SUMMED), S(""), p + HEADER_SUMMED);
	sum_of(str_of(p, HEADER + body), S(""), sum);
	buf_add(out, sum, SUM);
	buf_add(out, end_mark, SUM);
}

/* --- reading --- */

struct header { uint32_t type; size_t body; uint64_t sequence; };

static bool
header_read(Str at, struct header *ret)
{
	char sum[SUM];

	if (at.n < HEADER || memcmp(at.p, magic, 4) != 0) return false;
	sum_of(str_of(at.p, HEADER_SUMMED), S(""), sum);
	if (memcmp(sum, at.p + HEADER_SUMMED, SUM) != 0) return false;
	*ret = (struct header){(uint32_t)number(at.p + 4, 4), (size_t)number(at.p + 8, 4), number(at.p + 16, 8)};
	return true;
}

static bool
all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i]) return false;
	return true;
}

/* After a power loss the last write may have reached the disk in part: then the file is short, or whole sectors of it are zero. Bytes
 * that are there but wrong were not made by that. Anything that reads as a later record speaks against a tear as well. */
static bool
is_torn(Str file, size_t from)
{
	struct header h;
	bool hole = file.n - from < HEADER || all_zero(file.p + file.n - TRAILER, TRAILER);

	for (size_t i = (from + SECTOR - 1) / SECTOR * SECTOR; !hole && i + SECTOR <= file.n; i += SECTOR) hole = all_zero(file.p + i, SECTOR);
	if (!hole) return false;
	for (size_t i = from + 1; i + HEADER <= file.n; i++)
		if (file.p[i] == magic[0] && header_read(str_of(file.p + i, file.n - i), &h)) return false;
	return true;
}

/* One item at the front of *body, which moves on. False when it does not fit the form. */
static bool
item_read(Str *body, struct wal_item *ret)
{
	char sum[SUM];
	size_t id_n = body->n ? (uint8_t)body->p[0] : 0, fixed = ITEM_FIXED + id_n;

	if (id_n < 1 || id_n > LEDGER_ID_MAX || body->n < fixed) return false;
	size_t entry_n = (size_t)number(body->p + 1 + id_n + 8, 4);
	if (entry_n > LEDGER_ENTRY_MAX || body->n - fixed < entry_n) return false;
	*ret = (struct wal_item){
	    .log_id = str_of(body->p + 1, id_n),
	    .index = number(body->p + 1 + id_n, 8),
	    .entry = str_of(body->p + fixed, entry_n),
	    .raw = str_of(body->p, fixed + entry_n),
	};
	sum_of(str_of(body->p, fixed - SUM), ret->entry, sum);
	ret->good = memcmp(sum, body->p + fixed - SUM, SUM) == 0;
	*body = str_of(body->p + ret->raw.n, body->n - ret->raw.n);
	return true;
}

static bool
head_read(Str *body, Str *ret_id, struct ledger_head *ret)
{
	size_t id_n = body->n ? (uint8_t)body->p[0] : 0, all = HEAD_FIXED + id_n;

	if (id_n < 1 || id_n > LEDGER_ID_MAX || body->n < all) return false;
	*ret_id = str_of(body->p + 1, id_n);
	ret->size = number(body->p + 1 + id_n, 8);
	memcpy(ret->root.b, body->p + 1 + id_n + 8, HASH_BYTES);
	*body = str_of(body->p + all, body->n - all);
	return true;
}

static bool
form_ok(uint32_t type, Str body, size_t *ret_bad)
{
	struct wal_item item;
	struct ledger_head head;
	Str id;
	size_t bad = 0;

	while (body.n > 0) {
		if (type == WAL_GROUP ? !item_read(&body, &item) : type == WAL_HEADS ? !head_read(&body, &id, &head) : true) return false;
		if (type == WAL_GROUP && !item.good) bad++;
	}
	*ret_bad = bad;
	return true;
}

static Err
body_tell(struct ctx *c, uint32_t type, Str body, const struct wal_visitor *v)
{
	struct wal_item item;
	struct ledger_head head;
	Str id;

	while (body.n > 0 && type == WAL_GROUP && item_read(&body, &item)) TRY(v->item(c, v->arg, &item));
	while (body.n > 0 && type == WAL_HEADS && head_read(&body, &id, &head)) TRY(v->head(c, v->arg, id, &head));
	return OK;
}

PRINTF(3, 4) static void
damage_note(struct wal_scan *s, uint64_t sequence, const char *fmt, ...)
{
	va_list ap;
	char what[96];

	if (s->damaged) return;
	s->damaged = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(s->damage, sizeof s->damage, "wal: record %llu %s", (unsigned long long)sequence, what);
}

/* One record at `at`, whose header is good. *ret_next is where the next begins, file.n when nothing more can be read. */
static Err
record_read(struct ctx *c, Str file, size_t at, struct header h, const struct wal_visitor *v, struct wal_scan *s, size_t *ret_next)
{
	size_t whole = HEADER + h.body + TRAILER, bad = 0;
	const char *p = file.p + at;
	char sum[SUM];

	*ret_next = file.n;
	if (file.n - at < whole) {
		if (at == 0) damage_note(s, h.sequence, "is cut short, and it is the first");
		s->cut_bytes = s->damaged ? 0 : file.n - at;
		return OK;
	}
	Str body = str_of(p + HEADER, h.body);
	bool form = form_ok(h.type, body, &bad);
	sum_of(str_of(p, HEADER + h.body), S(""), sum);
	bool intact = memcmp(sum, p + HEADER + h.body, SUM) == 0 && memcmp(p + whole - SUM, end_mark, SUM) == 0;
	if (!intact && at > 0 && !s->damaged && is_torn(file, at)) {
		s->cut_bytes = file.n - at;
		return OK;
	}
	if (!form)
		damage_note(s, h.sequence, "(at byte %zu) is damaged", at);
	else if (!intact && bad == 0)
		damage_note(s, h.sequence, "(at byte %zu) does not fit its checksum", at);
	if (h.sequence != s->next_sequence && at > 0) damage_note(s, h.sequence, "follows on record %llu", (unsigned long long)s->next_sequence - 1);
	if (form && (intact || h.type == WAL_GROUP)) TRY(body_tell(c, h.type, body, v)); /* heads have no sums of their own */
	s->next_sequence = h.sequence + 1;
	*ret_next = at + whole;
	return OK;
}

Err
wal_read(struct ctx *c, Str bytes, const struct wal_visitor *v, struct wal_scan *ret)
{
	struct wal_scan s = {0};
	struct header h;

	for (size_t at = 0, next = 0; at < bytes.n; at = next) {
		next = bytes.n;
		if (header_read(str_of(bytes.p + at, bytes.n - at), &h))
			TRY(record_read(c, bytes, at, h, v, &s, &next));
		else if (at > 0 && !s.damaged && is_torn(bytes, at))
			s.cut_bytes = bytes.n - at;
		else
			damage_note(&s, s.next_sequence, "(at byte %zu) has a damaged header; nothing behind it can be read", at);
		if (s.cut_bytes == 0 && !s.damaged) s.good_bytes = next;
	}
	if (bytes.n == 0) damage_note(&s, 0, "is missing: the file is empty");
	*ret = s;
	return OK;
}

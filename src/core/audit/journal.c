/* The journal for people: searched by its index, read from the log itself. */
#include <stdlib.h>

#include "codec/dsse.h"
#include "core/audit/audit.h"
#include "core/access/grants.h"
#include "crypt/encode.h"
#include "ledger/tree.h"

static const Str JOURNAL = S("journal");
enum { PAGE_MAX = 1000, PART = 20000 /* entries looked at while others wait: some milliseconds */, NARROWED = 16 /* times as many, where an index leads */, PAGE_BYTES = 12 << 20 };

/* --- who may read what --- */

/* The center and its auditors: all. A domain's owners and auditors: what concerns it. Everybody: what they did themselves. */
void
journal_scope(const struct request *rq, struct audit_filter *f)
{
	if (sees_all(rq)) return;
	f->only_actor = rq->person_id;
	if (rq->role == ROLE_OWNER || rq->role == ROLE_AUDITOR) f->only_domain = rq->domain_id;
}

static bool
of_domain(const struct request *rq, Str table)
{
	Str domain;
	const struct mesh_domain *d;

	str_cut(table, '.', &domain);
	d = mesh_domain_by_name(rq->core->mesh, domain);
	return d && str_eq(d->id, rq->domain_id);
}

/* A query of somebody else may have read tables of other domains, too: those are not for this reader. */
static void
drop_foreign(const struct request *rq, json_t *body)
{
	json_t *tables = json_object_get(body, "tables");

	for (size_t i = json_array_size(tables); i-- > 0;) {
		const char *table = json_string_value(json_object_get(json_array_get(tables, i), "table"));
		if (!table || !of_domain(rq, str_c(table))) json_array_remove(tables, i);
	}
}

static bool
knows_product(struct request *rq, Str name)
{
	const struct mesh_product *p = mesh_product_by_name(rq->core->mesh, name);

	return p && (str_eq(p->domain_id, rq->domain_id) || product_visible(rq, p));
}

static bool
is_one_of_us(const struct request *rq, Str person)
{
	const struct mesh_member *m = mesh_member(rq->core->mesh, person);

	return m && str_eq(m->domain_id, rq->domain_id);
}

/* Of the ids that an entry tells because they are of something: may the reader know that? */
static bool
knows(struct request *rq, const char *key, Str id)
{
	const struct mesh_grant *g = strcmp(key, "grant") == 0 ? mesh_grant(rq->core->mesh, id) : NULL;
	const struct mesh_request *r = g ? NULL : mesh_request(rq->core->mesh, id);

	if (strcmp(key, "product") == 0) return knows_product(rq, id);
	if (strcmp(key, "whom") == 0) return is_one_of_us(rq, id);
	return g ? grant_visible(rq, g) : r && request_visible(rq, r);
}

/* An entry knows what there was when somebody only looked or guessed. For who may not know that, it says no more than the answer did. False:
 * something was left out. */
static bool
drop_unknown(struct request *rq, const struct event *e)
{
	static const char *const keys[] = {"product", "whom", "grant", "request", "restriction", "text"};
	bool all = true;

	if (!str_eqc(e->type_text, "journal.refused") && !str_eqc(e->type_text, "journal.read")) return true;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *value = json_string_value(json_object_get(e->body, keys[i]));
		if (!value || knows(rq, keys[i], str_c(value))) continue;
		if (i == 0) (void)json_object_del(e->body, "owner");
		(void)json_object_del(e->body, keys[i]);
		all = false;
	}
	return all;
}

/* --- one entry --- */

struct page {
	struct request *rq;
	struct buf *out;
	size_t shown;
	bool with_entry;
};

static void
entry_bytes(struct page *p, Str entry, bool whole, bool *first)
{
	char hex[CRYPT_HASH_TEXT];
	Hash leaf = tree_leaf(entry);

	hex_text(leaf.b, sizeof leaf.b, hex);
	member_text(p->out, "leaf", str_c(hex), first);
	if (p->with_entry && whole) member_text(p->out, "entry", entry, first);
}

static void
entry_event(struct page *p, const struct event *e, bool whole, bool *first)
{
	if (!whole) drop_foreign(p->rq, e->body);
	char *body = json_dumps(e->body, JSON_COMPACT);

	member_time(p->out, "time", e->time, first);
	member_text(p->out, "type", e->type_text, first);
	member_text(p->out, "actor", person_name(p->rq, e->actor), first);
	member_text(p->out, "person", e->actor, first);
	member_key(p->out, "body", first);
	buf_c(p->out, body ? body : "null");
	free(body);
}

static Err
entry_json(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct page *p = arg;
	struct event e;
	struct dsse d;
	bool first = true;

	TRY(dsse_parse(c, entry, &d));
	TRY(event_parse(c, d.payload, &e));
	bool whole = sees_all(p->rq) || (drop_unknown(p->rq, &e) && str_eq(e.actor, p->rq->person_id));
	buf_c(p->out, p->shown++ ? ",{" : "{");
	member_u64(p->out, "index", index, &first);
	entry_event(p, &e, whole, &first);
	entry_bytes(p, entry, whole, &first);
	buf_char(p->out, '}');
	event_fini(&e);
	return OK;
}

/* --- what is asked for --- */

static Err
person_id(struct request *rq, Str name, Str *ret)
{
	uint8_t id[16];

	if (!name.p) return OK;
	*ret = name;
	if (name.n == 2 * sizeof id && hex_get_n(name, id, sizeof id)) return OK; /* an id, perhaps of somebody who was erased */
	Err e = directory_person_by_name(&rq->c, rq->core->directory, name, ret);
	if (e.code != ERR_NOT_FOUND) return e;
	Str left = person_who_left(rq, name);
	if (!left.p && sees_all(rq)) return e;
	rq->c.detail[0] = 0; /* nobody, and one whose acts are not for this reader, are the same to them */
	*ret = left.p ? left : S("nobody");
	return OK;
}

static Err
time_arg(struct request *rq, const char *name, bool end_of_day, Time *ret)
{
	Str s = arg(rq, name);

	ENSURE(&rq->c, !s.p || time_parse(s, end_of_day, ret), INVALID, "%s '%.*s': write a date (2026-12-31) or a time (2026-12-31T18:00:00Z)",
	       end_of_day ? "--until" : "--from", STR(s));
	return OK;
}

static bool
is_operation(Str name)
{
	for (int i = 0; i < ROUTE_COUNT; i++)
		if (str_eqc(name, api_route_name((enum route_id)i))) return true;
	return false;
}

static Err
read_filter(struct request *rq, struct audit_filter *ret)
{
	struct audit_filter f = {.operation = arg(rq, "operation"), .outcome = arg(rq, "outcome"), .until = TIME_FOREVER};

	TRY(person_id(rq, arg(rq, "person"), &f.actor));
	TRY(time_arg(rq, "from_time", false, &f.from));
	TRY(time_arg(rq, "to_time", true, &f.until));
	ENSURE(&rq->c, !f.operation.n || is_operation(f.operation), INVALID,
	       "--operation '%.*s': there is none of this name; write one like grant_add, as /openapi.json calls them", STR(f.operation));
	if (arg(rq, "product").p) f.thing = audit_thing(&rq->arena, "product", arg(rq, "product"));
	journal_scope(rq, &f);
	*ret = f;
	return OK;
}

/* From `from`, or behind `after`; without either the newest. */
static Err
read_range(struct request *rq, uint64_t size, struct audit_filter *f)
{
	bool after = arg(rq, "after").p != NULL, from = arg(rq, "from").p != NULL;
	uint64_t begin = after ? api_arg_u64(&rq->args, "after", 0) + 1 : api_arg_u64(&rq->args, "from", 0), at;

	ENSURE(&rq->c, !after || !from, INVALID, "give from or after, not both");
	TRY(audit_first_at(&rq->c, rq->core->audit, f->from, &at));
	f->first = begin > at ? begin : at;
	f->end = size;
	f->newest = !after && !from;
	return OK;
}

/* Part by part, so that others go on meanwhile. */
static Err
find(struct request *rq, struct audit_filter f, uint64_t limit, uint64_t *ret, size_t *ret_n)
{
	uint64_t first = f.first, end = f.end, part = f.thing.n || f.actor.n ? NARROWED * PART : PART;
	size_t n = 0, more;

	while (n < limit && first < end) {
		f.first = f.newest && end - first > part ? end - part : first;
		f.end = !f.newest && end - first > part ? first + part : end;
		ENSURE(&rq->c, rq->core->audit, UNAVAILABLE, "the journal's index is being made anew, try again");
		TRY(audit_find(&rq->c, rq->core->audit, &f, limit - n, ret + n, &more));
		n += more;
		if (f.newest)
			end = f.first;
		else
			first = f.end;
		if (n < limit && first < end) fiber_sleep_ms(rq->core, 0);
	}
	*ret_n = n;
	return OK;
}

/* In the order of the log, as many as a page holds; of the newest (falling) the newest. */
static Err
write_entries(struct request *rq, const uint64_t *found, size_t n, bool newest, struct page *page, size_t *ret_told)
{
	size_t start = page->out->n, i = 0;

	for (; i < n && page->out->n - start < PAGE_BYTES; i++)
		TRY(ledger_read(&rq->c, rq->core->ledger, JOURNAL, found[newest ? n - 1 - i : i], 1, entry_json, page));
	*ret_told = i;
	if (!newest || i == n) return OK;
	page->out->n = start;
	page->shown = 0;
	return write_entries(rq, found, i, newest, page, ret_told);
}

Err
handle_journal(struct request *rq)
{
	uint64_t limit = api_arg_u64(&rq->args, "limit", 100);
	uint64_t *found = NEW_N(&rq->arena, PAGE_MAX, uint64_t);
	struct audit_filter f;
	size_t n = 0, told = 0;
	BUF_AUTO b = BUF_INIT;
	struct page page = {rq, &b, 0, api_arg_bool(&rq->args, "whole")};

	TRY(read_filter(rq, &f));
	TRY(audit_catch_up(rq->core, &rq->c));
	uint64_t size = rq->core->audited;
	TRY(read_range(rq, size, &f));
	if (f.thing.n && !sees_all(rq) && !knows_product(rq, arg(rq, "product"))) f.end = 0; /* nothing, as of one that is not there */
	TRY(find(rq, f, limit < PAGE_MAX ? limit : PAGE_MAX, found, &n));
	buf_c(&b, "{\"entries\":[");
	TRY(write_entries(rq, found, n, f.newest, &page, &told));
	buf_printf(&b, "],\"size\":%llu,\"more\":%s}", (unsigned long long)size, !f.newest && (told < n || n == limit) ? "true" : "false");
	reply_json(rq, 200, &b);
	return OK;
}

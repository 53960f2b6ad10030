/* Records: the state as text, kept by the store and put back by mesh_load(). One write_<record>() and one load_<record>() each. */
#include <assert.h>
#include <stdlib.h>

#include "crypt/hash.h"
#include "mesh/put.h"
#include "mesh/state.h"

enum { RECORD_MAX = 128 * 1024 };

static const Str NAMES[] = {
#define RECORD(id, name) [RECORD_##id] = {#name, sizeof #name - 1},
    RECORDS
#undef RECORD
};

Str record_kind_name(enum record_kind kind) { return NAMES[kind]; }

/* Times in records are whole seconds, as in events. */
static void
put_seconds(struct buf *out, Str key, Time t)
{
	put_number(out, key, (uint64_t)(t / TIME_SECOND));
}

/* --- writing --- */

static void
write_domain(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"name\":"), ch->domain.pub.name);
	put_hex(out, S(",\"pub\":"), ch->domain.pub.event_pub, 32);
	put_hex(out, S(",\"next\":"), ch->domain.next_digest, 32);
	put_bool(out, S(",\"center\":"), ch->domain.pub.center);
	buf_char(out, '}');
}

static void
write_position(const struct change *ch, struct buf *out)
{
	put_number(out, S("{\"size\":"), ch->position.size);
	put_hex(out, S(",\"head\":"), ch->position.head.b, HASH_BYTES);
	buf_char(out, '}');
}

static void
write_member(const struct change *ch, struct buf *out)
{
	put_bool(out, S("{\"active\":"), ch->member.active);
	put_text(out, S(",\"by\":"), ch->member.added_by);
	buf_str(out, S(",\"body\":"));
	body_member_set(out, ch->member.person_id, ch->member.role);
	buf_char(out, '}');
}

static void
write_product(const struct change *ch, struct buf *out)
{
	put_number(out, S("{\"seq\":"), ch->product.seq);
	put_seconds(out, S(",\"published\":"), ch->product.published);
	put_bool(out, S(",\"retired\":"), ch->product.retired);
	buf_str(out, S(",\"body\":"));
	body_publish(out, &ch->product);
	buf_char(out, '}');
}

static void
write_grant(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->grant.by);
	put_seconds(out, S(",\"added\":"), ch->grant.added);
	put_bool(out, S(",\"revoked\":"), ch->grant.policy.revoked);
	put_text(out, S(",\"revoked_by\":"), ch->grant.revoked_by);
	put_seconds(out, S(",\"revoked_at\":"), ch->grant.revoked_at);
	buf_str(out, S(",\"body\":"));
	body_grant(out, &ch->grant);
	buf_char(out, '}');
}

static void
write_request(const struct change *ch, struct buf *out)
{
	put_seconds(out, S("{\"opened\":"), ch->request.pub.opened);
	put_bool(out, S(",\"withdrawn\":"), ch->request.withdrawn);
	buf_str(out, S(",\"body\":"));
	body_request(out, &ch->request.pub);
	buf_char(out, '}');
}

static void
write_answer(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->answer.by);
	put_seconds(out, S(",\"at\":"), ch->answer.at);
	put_text(out, S(",\"reason\":"), ch->answer.reason);
	buf_char(out, '}');
}

static void
write_restriction(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->restriction.pub.by);
	put_seconds(out, S(",\"added\":"), ch->restriction.pub.added);
	put_bool(out, S(",\"lifted\":"), ch->restriction.pub.policy.lifted);
	buf_str(out, S(",\"body\":"));
	body_restriction(out, &ch->restriction.pub);
	buf_char(out, '}');
}

static void
write_refused(const struct change *ch, struct buf *out)
{
	put_number(out, S("{\"index\":"), ch->refused.index);
	put_text(out, S(",\"reason\":"), ch->refused.reason);
	buf_char(out, '}');
}

void
record_write(const struct change *ch, struct buf *out)
{
	static void (*const writers[])(const struct change *ch, struct buf *out) = {
#define RECORD(id, name) [RECORD_##id] = write_##name,
	    RECORDS
#undef RECORD
	};

	writers[ch->kind](ch, out);
}

void
record_id(const struct log *log, enum record_kind kind, Str id, struct buf *out)
{
	buf_str(out, log->item.id);
	if (kind == RECORD_DOMAIN || kind == RECORD_POSITION) return;
	buf_char(out, '/');
	buf_str(out, id);
}

/* --- reading; f goes over the record, what stands in "body" is read as in the event --- */

typedef void load_fn(struct fields *f, const struct mesh *m, struct change *ret);

/* Read "body" with the statements given, as fields `b`; what is wrong in it is wrong with the record. */
#define BODY(f, ...)                                                                                                           \
	do {                                                                                                                   \
		struct fields b = fields_of((f)->c, (f)->what, field_object((f), S("body")));                                  \
		__VA_ARGS__;                                                                                                   \
		Err body_err_ = fields_end(&b);                                                                                \
		if (err_ok((f)->err)) (f)->err = body_err_;                                                                    \
	} while (0)

static void
load_domain(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->domain = (struct log){.pub = {.name = field_ident(f, S("name"))}};
	field_bytes32(f, S("pub"), ret->domain.pub.event_pub);
	field_bytes32(f, S("next"), ret->domain.next_digest);
	ret->domain.pub.center = field_bool(f, S("center"));
}

static void
load_position(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->position.size = field_u64(f, S("size"));
	field_bytes32(f, S("head"), ret->position.head.b);
}

static void
load_member(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->member = (struct mesh_member){.active = field_bool(f, S("active")), .added_by = field_text(f, S("by"), 64)};
	BODY(f, read_member(&b, &ret->member));
}

static void
load_product(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->product = (struct mesh_product){.seq = field_u64(f, S("seq"))};
	ret->product.published = field_seconds(f, S("published"));
	ret->product.retired = field_bool(f, S("retired"));
	BODY(f, read_product(&b, &ret->product));
}

static void
load_grant(struct fields *f, const struct mesh *m, struct change *ret)
{
	struct mesh_grant *g = &ret->grant;
	Str by, revoked_by;

	*g = (struct mesh_grant){0};
	by = field_text(f, S("by"), 64);
	g->added = field_seconds(f, S("added"));
	g->policy.revoked = field_bool(f, S("revoked"));
	revoked_by = field_text(f, S("revoked_by"), 64);
	g->revoked_at = field_seconds(f, S("revoked_at"));
	BODY(f, read_grant(&b, m, g));
	g->by = by;
	g->revoked_by = revoked_by;
}

static void
load_request(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->request.pub = (struct mesh_request){.opened = field_seconds(f, S("opened"))};
	ret->request.withdrawn = field_bool(f, S("withdrawn"));
	BODY(f, read_request(&b, &ret->request.pub));
}

static void
load_answer(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->answer.by = field_text(f, S("by"), 64);
	ret->answer.at = field_seconds(f, S("at"));
	ret->answer.reason = field_hex_opt(f, S("reason"), 64);
}

static void
load_restriction(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_restriction *r = &ret->restriction.pub;

	*r = (struct mesh_restriction){.by = field_text(f, S("by"), 64)};
	r->added = field_seconds(f, S("added"));
	r->policy.lifted = field_bool(f, S("lifted"));
	BODY(f, read_restriction(&b, r));
}

static void
load_refused(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->refused.index = field_u64(f, S("index"));
	ret->refused.reason = field_text(f, S("reason"), 256);
}

Err
record_read(struct ctx *c, const struct mesh *m, enum record_kind kind, Str body, struct doc *d, struct change *ret)
{
	static load_fn *const loads[] = {
#define RECORD(id, name) [RECORD_##id] = load_##name,
	    RECORDS
#undef RECORD
	};

	TRY(doc_read(c, body, RECORD_MAX, d));
	struct fields f = fields_of(c, NAMES[kind].p, doc_root(d));
	ret->any = true;
	ret->kind = kind;
	loads[kind](&f, m, ret);
	return fields_end(&f);
}

static bool
kind_parse(Str name, enum record_kind *ret)
{
	for (unsigned k = 0; k < RECORD_KIND_COUNT; k++)
		if (str_eq(name, NAMES[k])) return *ret = (enum record_kind)k, true;
	return false;
}

Err
mesh_load(struct ctx *c, struct mesh *m, Str kind, Str id, Str body)
{
	DOC_AUTO d;
	struct ctx inner = {.arena = &m->scratch};
	struct change ch;
	Str log_id, item_id = str_cut(id, '/', &log_id);

	doc_init(&d);
	arena_reset(&m->scratch);
	ENSURE(c, kind_parse(kind, &ch.kind), CORRUPT, "the catalog holds a record of an unknown kind '%.*s'", STR(kind));
	bool of_log = ch.kind == RECORD_DOMAIN || ch.kind == RECORD_POSITION;
	ENSURE(c, hex_ok(log_id, 64) && of_log == (item_id.p == NULL), CORRUPT, "the catalog's %.*s '%.*s' has a malformed id", STR(kind), STR(id));
	Err e = record_read(&inner, m, ch.kind, body, &d, &ch);
	ENSURE(c, err_ok(e), CORRUPT, "the catalog's %.*s '%.*s': %s", STR(kind), STR(id), err_detail(&inner, e));
	ch.id = item_id;
	state_put(m, state_log_make(m, log_id), &ch);
	return OK;
}

/* --- all of them --- */

void
record_of(enum record_kind kind, const struct item *it, struct change *ret)
{
	ret->any = true;
	ret->kind = kind;
	ret->id = it->id;
	switch (kind) {
	case RECORD_DOMAIN: ret->domain = *(const struct log *)it; break;
	case RECORD_POSITION:
		ret->position.size = ((const struct log *)it)->pub.log_size;
		ret->position.head = ((const struct log *)it)->pub.head;
		break;
	case RECORD_MEMBER: ret->member = ((const struct member *)it)->pub; break;
	case RECORD_PRODUCT: ret->product = ((const struct product *)it)->pub; break;
	case RECORD_GRANT: ret->grant = ((const struct grant *)it)->pub; break;
	case RECORD_REQUEST:
		ret->request.pub = ((const struct request *)it)->pub;
		ret->request.withdrawn = ((const struct request *)it)->withdrawn;
		break;
	case RECORD_ANSWER:
		ret->answer.by = ((const struct answer *)it)->by;
		ret->answer.reason = ((const struct answer *)it)->reason;
		ret->answer.at = ((const struct answer *)it)->at;
		break;
	case RECORD_RESTRICTION: ret->restriction.pub = ((const struct restriction *)it)->pub; break;
	case RECORD_REFUSED:
		ret->refused.index = ((const struct refused *)it)->pub.index;
		ret->refused.reason = ((const struct refused *)it)->pub.reason;
		break;
	case RECORD_KIND_COUNT: break;
	}
}

static int
item_order(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
	int r = x->log == y->log ? 0 : str_cmp(x->log->item.id, y->log->item.id);

	return r ? r : str_cmp(x->id, y->id);
}

size_t
state_items(const struct mesh *m, enum record_kind kind, struct item ***ret)
{
	bool of_log = kind == RECORD_DOMAIN || kind == RECORD_POSITION;
	const struct index *x = of_log ? &m->logs : &m->by_kind[kind];
	size_t n = 0, cap = x->count;
	struct item **items = mem_alloc(cap * sizeof *items);

	for (uint32_t i = 0; i < x->count; i++)
		for (struct item *it = x->items[i]; it; it = it->same) {
			if (kind == RECORD_DOMAIN && !((const struct log *)it)->founded) continue;
			if (n == cap) items = mem_resize(items, (cap = cap * 2 + 16) * sizeof *items);
			items[n++] = it;
		}
	qsort(items, n, sizeof *items, item_order);
	*ret = items;
	return n;
}

Err
mesh_records(struct ctx *c, const struct mesh *m, mesh_record_fn fn, void *arg)
{
	BUF_AUTO id = BUF_INIT;
	BUF_AUTO body = BUF_INIT;
	struct change ch;
	Err e = OK;

	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		struct item **items;
		size_t n = state_items(m, (enum record_kind)kind, &items);
		for (size_t i = 0; i < n && err_ok(e); i++) {
			id.n = body.n = 0;
			record_of((enum record_kind)kind, items[i], &ch);
			record_id(items[i]->log, ch.kind, ch.id, &id);
			record_write(&ch, &body);
			e = fn(c, arg, NAMES[kind], buf_view(&id), buf_view(&body));
		}
		free(items);
	}
	return e;
}

static void
hash_length(struct crypt_sha256 *h, uint64_t n, size_t bytes)
{
	uint8_t be[8];

	for (size_t i = 0; i < bytes; i++) be[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	crypt_sha256_add(h, str_of(be, bytes));
}

static Err
hash_add(struct ctx *c UNUSED, void *arg, Str kind, Str id, Str body)
{
	hash_length(arg, kind.n, 4);
	crypt_sha256_add(arg, kind);
	hash_length(arg, id.n, 4);
	crypt_sha256_add(arg, id);
	hash_length(arg, body.n, 8);
	crypt_sha256_add(arg, body);
	return OK;
}

void
mesh_hash(const struct mesh *m, uint8_t ret[32])
{
	struct crypt_sha256 h;
	struct ctx c = {0};

	crypt_sha256_init(&h);
	Err e = mesh_records(&c, m, hash_add, &h);
	assert(err_ok(e)); /* hash_add() cannot fail */
	crypt_sha256_end(&h, ret);
}

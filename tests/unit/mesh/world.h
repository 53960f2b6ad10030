/* Domains that say things: keys, chains and entries, so that a test is about what is said. Included by one test file each. */
#ifndef TESTS_MESH_WORLD_H
#define TESTS_MESH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/sign.h"
#include "ledger/tree.h"
#include "mesh/mesh.h"

enum { WORLD_DOMAINS = 8 };

struct speaker {
	char id[CRYPT_HASH_TEXT];
	struct sign_key key;
	uint64_t size;
	Hash head;
};

struct world {
	struct arena arena;
	struct ctx c;
	struct mesh *m;
	struct speaker d[WORLD_DOMAINS];
	Time now;
	struct mesh_outcome last;
	struct buf body;
	Str actor; /* who says what is said; "": person00 */
	uint64_t seed, keys; /* of the domains' keys, so that a run can be repeated */
};

#define DAY(n) (TIME_DAY * (20000 + (n)))
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline Str
world_str(struct world *w, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return arena_str(&w->arena, str_c(text));
}

static inline Str did(const struct world *w, int domain) { return str_of(w->d[domain].id, 64); }

/* A payload as this domain would say it now. */
static inline Str
world_payload(struct world *w, int domain, enum event_type type, Str body)
{
	struct speaker *s = &w->d[domain];
	BUF_AUTO out = BUF_INIT;

	event_write(&(struct event_head){.origin = type == EVENT_DOMAIN_INCEPTION ? S("") : did(w, domain), .actor = w->actor.n ? w->actor : S("person00"), .idem = S(""),
	                                 .seq = s->size, .prev = s->head, .time = w->now, .type = type},
	            body, &out);
	return arena_str(&w->arena, buf_view(&out));
}

static inline Str
world_sign(struct world *w, const struct sign_key *key, Str payload)
{
	BUF_AUTO pae = BUF_INIT;
	BUF_AUTO entry = BUF_INIT;
	uint8_t sig[SIGN_BYTES] = {1};

	dsse_pae(S(DSSE_EVENT_TYPE), payload, &pae);
	if (key) sign_make(key, buf_view(&pae), sig);
	dsse_encode(S(DSSE_EVENT_TYPE), payload, S(""), sig, &entry);
	return arena_str(&w->arena, buf_view(&entry));
}

/* Told of every entry that is applied; for tests that fold them once more in another order. */
static void (*world_told)(int domain, uint64_t index, Str entry) UNUSED;

/* Put an entry behind the log of this domain, wherever it comes from. */
static inline bool
world_apply(struct world *w, int domain, Str entry, bool verify)
{
	struct speaker *s = &w->d[domain];

	Err e = mesh_apply(&w->c, w->m, did(w, domain), s->size, entry, verify, NULL, NULL, &w->last);
	if (!err_ok(e)) fail_msg("%s: %s", err_name(e), err_detail(&w->c, e));
	if (world_told) world_told(domain, s->size, entry);
	s->size++;
	s->head = tree_leaf(entry);
	return w->last.accepted;
}

static inline bool
world_say(struct world *w, int domain, enum event_type type, Str body)
{
	return world_apply(w, domain, world_sign(w, &w->d[domain].key, world_payload(w, domain, type, body)), true);
}

/* The body written by the expression, which uses &w->body. */
#define SAY(w, domain, type, write)                                                                                            \
	((w)->body.n = 0, write, world_say((w), (domain), EVENT_##type, arena_str(&(w)->arena, buf_view(&(w)->body))))

#define REFUSED(w, says)                                                                                                       \
	do {                                                                                                                   \
		assert_false((w)->last.accepted);                                                                              \
		if (!strstr((w)->last.reason, says)) fail_msg("expected '%s', got '%s'", says, (w)->last.reason);              \
	} while (0)

/* What its domain is told that wants to say the body, before it is signed. */
static inline Err
world_check(struct world *w, int domain, enum event_type type)
{
	Str payload = world_payload(w, domain, type, arena_str(&w->arena, buf_view(&w->body)));

	w->c.detail[0] = 0;
	return mesh_check(&w->c, w->m, did(w, domain), payload);
}

/* `expected` is an error's name, NONE for none. */
#define CHECK(w, domain, type, write, expected, says)                                                                          \
	do {                                                                                                                   \
		(w)->body.n = 0;                                                                                               \
		write;                                                                                                         \
		Err check_err_ = world_check((w), (domain), EVENT_##type);                                                     \
		if (check_err_.code != ERR_##expected || !strstr((w)->c.detail, says))                                         \
			fail_msg("%s '%s', expected %s '%s'", err_name(check_err_), (w)->c.detail, #expected, says);           \
	} while (0)

static inline void
world_key(struct world *w, struct sign_key *ret)
{
	uint64_t from[] = {w->seed, w->keys++};
	struct secret32 seed;

	crypt_sha256(str_of(from, sizeof from), seed.secret_bytes);
	sign_key_from_seed(&seed, ret);
}

static inline Str
inception(struct world *w, int domain, const char *name, bool center)
{
	uint8_t next[32] = {9};

	world_key(w, &w->d[domain].key);
	w->body.n = 0;
	body_inception(&w->body, str_c(name), w->d[domain].key.pub, next, center, S("00112233445566778899aabbccddeeff"));
	Str payload = world_payload(w, domain, EVENT_DOMAIN_INCEPTION, buf_view(&w->body));
	crypt_sha256_text(payload, w->d[domain].id);
	return payload;
}

static inline void
world_found(struct world *w, int domain, const char *name, bool center)
{
	Str payload = inception(w, domain, name, center);

	assert_true(world_apply(w, domain, world_sign(w, &w->d[domain].key, payload), true));
}

static inline struct mesh_product
a_product(const char *id, const char *name, struct mesh_table *tables, size_t n)
{
	return (struct mesh_product){.id = str_c(id), .name = str_c(name), .version = S("1.0.0"), .status = S("active"), .title = S("A \"title\""),
	    .purpose = S("p\xc3\xa9"), .contract = S(HEX64), .report = S(""), .snapshot = S("snp_00000001"), .discoverable = true, .tables = tables,
	    .table_count = n};
}

#define COLUMN(name_, type_, class_) {.name = S(name_), .type = S(type_), .classification = S(class_)}

static const struct policy_column COLUMNS[] = {
    COLUMN("household_id", "BIGINT", "personal"), COLUMN("sales", "DECIMAL(18,2)", ""), COLUMN("coupon text", "VARCHAR", "")};

static inline struct mesh_table
a_table(const char *name)
{
	return (struct mesh_table){.policy = {.name = str_c(name), .columns = COLUMNS, .column_count = ARRAY_LEN(COLUMNS)}, .manifest = S(HEX64), .rows = 7};
}

static inline bool
publish(struct world *w, int domain, const char *id, const char *name)
{
	struct mesh_table tables[] = {a_table("transactions"), a_table("returns")};
	struct mesh_product p = a_product(id, name, tables, 2);

	return SAY(w, domain, PRODUCT_PUBLISH, body_publish(&w->body, &p));
}

static const Str ANY_PURPOSE[] = {S("*")}, ONE_PURPOSE[] = {S("campaign_analysis"), S("audit")};

static inline struct mesh_grant
a_grant(const char *id, const char *product, enum principal_kind kind, Str to)
{
	return (struct mesh_grant){.policy = {.id = str_c(id), .product_id = str_c(product), .table = S(""), .to_kind = kind, .to_id = to,
	                               .purposes = ANY_PURPOSE, .purpose_count = 1, .from = DAY(0), .until = TIME_FOREVER, .interactions = INTERACT_SQL},
	    .request_id = S(""), .rows_text = S("")};
}

static inline bool
say_grant(struct world *w, int domain, const struct mesh_grant *g)
{
	return SAY(w, domain, GRANT_ADD, body_grant(&w->body, g));
}

/* A table that is not there: refused without a reason. */
static inline struct policy_decision
decided(struct world *w, const char *person, const char *table_name)
{
	const struct mesh_product *p = NULL;
	const struct mesh_table *t = mesh_table_by_name(w->m, str_c(table_name), &p);
	struct policy_decision d = {.verdict = VERDICT_REFUSE, .reason = S("")};

	if (t) mesh_decide(w->m, &w->arena, str_c(person), p, t, S("campaign_analysis"), INTERACT_SQL, 3, DAY(1), NULL, &d);
	return d;
}

static inline bool
allowed(struct world *w, const char *person, const char *table_name)
{
	return decided(w, person, table_name).verdict == VERDICT_ALLOW;
}

static inline void
assert_refused(struct world *w, const char *person, const char *table_name, const char *why)
{
	struct policy_decision d = decided(w, person, table_name);

	assert_int_equal(d.verdict, VERDICT_REFUSE);
	if (!str_eqc(d.reason, why)) fail_msg("expected '%s', got '%.*s'", why, STR(d.reason));
}

static inline int
world_init(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	w->c.arena = &w->arena;
	assert_true(err_ok(crypt_init(&w->c)));
	w->m = mesh_new();
	w->now = DAY(0);
	*state = w;
	return 0;
}

static inline int
world_fini(void **state)
{
	struct world *w = *state;

	mesh_free(w->m);
	arena_fini(&w->arena);
	buf_fini(&w->body);
	free(w);
	return 0;
}

#endif

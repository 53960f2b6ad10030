/* How fast a log is folded: bench_replay [EVENTS]. A log of grants on PRODUCTS products to PRINCIPALS domains, every second one
 * revoked at once, as a node would have written it; folded with records written, once as from checkpoints (no signatures) and
 * once, a part of it, checking every signature. Prints events a second, where the time goes, what a grant costs in memory, and how
 * long a decision takes on what was folded. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/sign.h"
#include "ledger/tree.h"
#include "mesh/mesh.h"

#define COLUMN(name_, type_, class_) {.name = S(name_), .type = S(type_), .classification = S(class_)}

enum { PRODUCTS = 100, PRINCIPALS = 1000, DECISIONS = 200000 };

struct log { struct sign_key key; char id[65]; Hash head; uint64_t n; Str *entries; struct arena arena; };

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* one thread, no waiting: what it costs, also on a busy machine */
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
append(struct log *l, enum event_type type, Str body, bool sign)
{
	BUF_AUTO payload = BUF_INIT;
	BUF_AUTO pae = BUF_INIT;
	BUF_AUTO entry = BUF_INIT;
	uint8_t sig[SIGN_BYTES] = {0};
	bool first = type == EVENT_DOMAIN_INCEPTION;

	event_write(&(struct event_head){.origin = first ? S("") : str_of(l->id, 64), .actor = S("5f0c1d2e3b4a59687786a5b4c3d2e1f0"), .idem = S(""),
	                                 .seq = l->n, .prev = l->head, .time = TIME_DAY * 20000, .type = type}, body, &payload);
	if (first) {
		uint8_t hash[32];
		crypt_sha256(buf_view(&payload), hash);
		hex_text(hash, 32, l->id);
	}
	dsse_pae(S(DSSE_EVENT_TYPE), buf_view(&payload), &pae);
	if (sign || first) sign_make(&l->key, buf_view(&pae), sig);
	dsse_encode(S(DSSE_EVENT_TYPE), buf_view(&payload), S(""), sig, &entry);
	l->entries[l->n++] = arena_str(&l->arena, buf_view(&entry));
	l->head = tree_leaf(buf_view(&entry));
}

/* Who is granted to: domains that were founded, because a grant to any other is nobody's. */
static struct log consumers[PRINCIPALS];

static void
found_consumers(void)
{
	BUF_AUTO body = BUF_INIT;
	char name[32];

	for (unsigned i = 0; i < PRINCIPALS; i++) {
		consumers[i].entries = mem_alloc(sizeof(Str));
		sign_key_new(&consumers[i].key);
		snprintf(name, sizeof name, "consumer%u", i);
		body.n = 0;
		body_inception(&body, str_c(name), consumers[i].key.pub, consumers[i].key.pub, false, S("00112233445566778899aabbccddeeff"));
		append(&consumers[i], EVENT_DOMAIN_INCEPTION, buf_view(&body), true);
	}
}

static void
free_consumers(void)
{
	for (unsigned i = 0; i < PRINCIPALS; i++) {
		arena_fini(&consumers[i].arena);
		free(consumers[i].entries);
	}
}

static void
grant_body(unsigned i, struct buf *out)
{
	static const Str purposes[] = {S("campaign_analysis")}, hidden[] = {S("coupon_match_disc")};
	static const struct policy_mask masks[] = {{S("household_id"), MASK_HASH}};
	char id[32], product[32];
	snprintf(id, sizeof id, "grt_%012u", i);
	snprintf(product, sizeof product, "prd_%012u", i % PRODUCTS);
	Str to = str_of(consumers[i / PRODUCTS % PRINCIPALS].id, 64);
	struct mesh_grant g = {.policy = {.id = str_c(id), .product_id = str_c(product), .table = S("transactions"), .to_kind = PRINCIPAL_DOMAIN,
	                           .to_id = to, .purposes = purposes, .purpose_count = 1, .from = TIME_DAY * 20000, .until = TIME_DAY * 20400,
	                           .interactions = INTERACT_SQL | INTERACT_API, .masks = masks, .mask_count = 1, .hidden = hidden, .hidden_count = 1},
	    .rows_text = S("\"store_id\" = 367 AND \"sales_value\" > 0"), .request_id = S("")};

	body_grant(out, &g);
}

static void
make(struct log *l, uint64_t events, bool sign)
{
	static const struct policy_column columns[] = {COLUMN("household_id", "BIGINT", "personal"), COLUMN("store_id", "BIGINT", ""),
	    COLUMN("sales_value", "DOUBLE", ""), COLUMN("coupon_match_disc", "DOUBLE", "")};
	struct mesh_table table = {.policy = {.name = S("transactions"), .columns = columns, .column_count = ARRAY_LEN(columns)}, .manifest = S(""), .rows = 1};
	char zero[65];
	BUF_AUTO body = BUF_INIT;
	memset(zero, '0', 64);
	char product_id[32], product_name[32];
	struct mesh_product p = {.version = S("1.0.0"), .status = S("published"), .title = S(""),
	    .purpose = S(""), .contract = str_of(zero, 64), .report = S(""), .snapshot = S(""), .tables = &table, .table_count = 1};

	*l = (struct log){.entries = mem_alloc((events + PRODUCTS + 3) * sizeof(Str))};
	sign_key_new(&l->key);
	body_inception(&body, S("stores"), l->key.pub, l->key.pub, false, S("00112233445566778899aabbccddeeff"));
	append(l, EVENT_DOMAIN_INCEPTION, buf_view(&body), true);
	body.n = 0;
	body_member_set(&body, S("5f0c1d2e3b4a59687786a5b4c3d2e1f0"), ROLE_ANALYST, false, S(""));
	append(l, EVENT_MEMBER_SET, buf_view(&body), sign);
	for (unsigned i = 0; i < PRODUCTS; i++) {
		body.n = 0;
		snprintf(product_id, sizeof product_id, "prd_%012u", i);
		snprintf(product_name, sizeof product_name, "product%u", i);
		p.id = str_c(product_id);
		p.name = str_c(product_name);
		body_publish(&body, &p);
		append(l, EVENT_PRODUCT_PUBLISH, buf_view(&body), sign);
	}
	for (unsigned i = 0; i < events; i++) {
		bool revoke = i % 3 == 2;
		char id[32];
		snprintf(id, sizeof id, "grt_%012u", i - 1);
		body.n = 0;
		if (revoke)
			body_revoke(&body, str_c(id));
		else
			grant_body(i, &body);
		append(l, revoke ? EVENT_GRANT_REVOKE : EVENT_GRANT_ADD, buf_view(&body), sign);
	}
}

static Err
count(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	(void)c;
	*(uint64_t *)arg += kind.n + id.n + body.n;
	return OK;
}

static double
replay(const struct log *l, struct mesh *m, uint64_t events, bool verify, uint64_t *record_bytes)
{
	struct ctx c = {0};
	struct mesh_outcome outcome;
	double start = seconds();

	for (uint64_t i = 0; i < events; i++) {
		Err e = mesh_apply(&c, m, str_of(l->id, 64), i, l->entries[i], verify, count, record_bytes, &outcome);
		if (!err_ok(e) || !outcome.accepted) {
			fprintf(stderr, "entry %llu: %s\n", (unsigned long long)i, outcome.reason);
			exit(1);
		}
	}
	return seconds() - start;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Decisions for any member of the domains that the grants are to. */
static void
decide(const struct mesh *m)
{
	static double took[DECISIONS];
	struct arena arena = ARENA_INIT;
	const struct mesh_product **products;
	struct policy_decision d;
	size_t n = mesh_products(m, &arena, &products), allowed = 0;
	struct arena scratch = ARENA_INIT;

	for (unsigned i = 0; i < DECISIONS; i++) {
		const struct mesh_product *p = products[(i * 7919u) % n];
		Str domain = str_of(consumers[i * 31u % PRINCIPALS].id, 64);
		double start = seconds();
		mesh_explain(m, &scratch, PRINCIPAL_DOMAIN, domain, p, &p->tables[0], S("campaign_analysis"), TIME_DAY * 20001, NULL, &d);
		took[i] = (seconds() - start) * 1e6;
		allowed += d.verdict == VERDICT_ALLOW;
		arena_reset(&scratch);
	}
	qsort(took, DECISIONS, sizeof *took, by_size);
	printf("decision: p50 %.2f us, p99 %.2f us, of %u (%zu allowed)\n", took[DECISIONS / 2], took[DECISIONS / 100 * 99], DECISIONS, allowed);
	arena_fini(&arena);
	arena_fini(&scratch);
}

static double
hashing(const struct log *l)
{
	double start = seconds();
	Hash h = {{0}};

	for (uint64_t i = 0; i < l->n; i++) h.b[0] ^= tree_leaf(l->entries[i]).b[0];
	double took = seconds() - start;
	return h.b[0] == 255 ? took * 1.0000001 : took;
}

int
main(int argc, char **argv)
{
	uint64_t events = 300000, bytes = 0, verified = 20000;
	struct ctx c = {0};
	struct log l;

	if (argc > 1 && !str_u64(str_c(argv[1]), &events)) return 2;
	if (!err_ok(crypt_init(&c))) return 1;
	if (verified > events) verified = events;
	found_consumers();
	make(&l, events, false);
	struct mesh *m = mesh_new();
	for (unsigned i = 0; i < PRINCIPALS; i++) replay(&consumers[i], m, 1, true, &bytes);
	bytes = 0;
	size_t before = mallinfo2().uordblks;
	double took = replay(&l, m, l.n, false, &bytes), leaf = hashing(&l);
	size_t grants = (size_t)(events - events / 3), memory = mallinfo2().uordblks - before;
	printf("replay from checkpoints: %.0f events/s (%.2f us an event; leaf hash alone %.2f us of it; entry %zu bytes)\n", (double)l.n / took,
	    took / (double)l.n * 1e6, leaf / (double)l.n * 1e6, l.entries[2].n);
	printf("records written: %.1f MB; memory: %zu bytes a grant\n", (double)bytes / 1e6, grants ? memory / grants : 0);
	uint8_t hash[32];
	double start = seconds();
	mesh_hash(m, hash);
	printf("state hash over %zu grants: %.2f s\n", grants, seconds() - start);
	decide(m);
	mesh_free(m);
	arena_fini(&l.arena);
	free(l.entries);

	make(&l, verified, true);
	m = mesh_new();
	took = replay(&l, m, l.n, true, &bytes);
	printf("replay verifying every signature: %.0f events/s\n", (double)l.n / took);
	mesh_free(m);
	arena_fini(&l.arena);
	free(l.entries);
	free_consumers();
	return 0;
}

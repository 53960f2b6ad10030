/* How long a decision takes: bench_decide [GRANTS [RESTRICTIONS [FILE]]]. The logs of PRODUCERS domains with PRODUCTS products of TABLES tables each, and of
 * consumers with people and groups, are folded into one mesh; then people ask about tables, mostly such as were granted to them.
 *
 * Grants: 60 % to a domain, 20 % to a person, 19 % to a group, 1 % by tags to a domain; half of one table, half of a product. One consumer in five
 * hands on by name. Restrictions: 98 % by product (each fourth a mask by class, then length, level, approvals), 1 % by domain, 1 % by tag,
 * 10 about everything. Prints the time of a decision, of one among 100 grants on one product to one domain, of a list of all that a person
 * sees, and what all of it takes in memory; beside each decision the time of random reads, for the machine. With a FILE behind the numbers: what decides a verdict goes there as JSON lines, with questions and
 * answers, for other engines to answer (peers/). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "codec/dsse.h"
#include "codec/tagexpr.h"
#include "crypt/encode.h"
#include "crypt/sign.h"
#include "ledger/tree.h"
#include "mesh/mesh.h"

enum { PRODUCERS = 100, PRODUCTS = 1000, TABLES = 10, PER_CONSUMER = 100, PEOPLE = 5, GROUPS = 2, COST_CENTERS = 100, LISTS = 300, CROWD = 100, QUESTIONS = 2000 };
enum { ASKED = 40000, PASSES = 5 };                /* questions, each asked so often: all of them once, then again */
enum { READS = 16, PLACES = 4 * 1024 * 1024 }; /* the yardstick: reads that wait for each other, in 256 MB */
enum { FOUNDED = 20000, NOW = 20001 }; /* days */

struct log { char id[65]; Hash head; uint64_t n; };

struct world {
	struct mesh *m;
	struct sign_key key; /* one for all */
	struct log center, producers[PRODUCERS], *consumers;
	uint32_t consumer_count, grants, dice;
	struct asked { uint32_t consumer, producer, product; } *granted; /* what each grant is about; tags: product PRODUCTS */
	struct buf body;
	FILE *out; /* NULL: nobody wants it told */
};

static uint32_t
roll(struct world *w, uint32_t n)
{
	w->dice = w->dice * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)w->dice * n) >> 32);
}

/* Of this thread: what it costs, also on a machine that is busy with something else. */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
give_up(const char *what)
{
	fprintf(stderr, "bench_decide: %s\n", what);
	exit(1);
}

/* --- saying things --- */

static void
say(struct world *w, struct log *l, enum event_type type, Str actor)
{
	BUF_AUTO payload = BUF_INIT;
	BUF_AUTO pae = BUF_INIT;
	BUF_AUTO entry = BUF_INIT;
	uint8_t sig[SIGN_BYTES] = {1}, hash[32];
	struct ctx c = {0};
	struct mesh_outcome outcome;
	bool first = l->n == 0;

	event_write(&(struct event_head){.origin = first ? S("") : str_of(l->id, 64), .actor = actor, .idem = S(""), .seq = l->n, .prev = l->head,
	                .time = TIME_DAY * FOUNDED, .type = type},
	    buf_view(&w->body), &payload);
	crypt_sha256(buf_view(&payload), hash);
	if (first) hex_text(hash, 32, l->id);
	if (first) { /* the others as though a checkpoint vouched for them */
		dsse_pae(S(DSSE_EVENT_TYPE), buf_view(&payload), &pae);
		sign_make(&w->key, buf_view(&pae), sig);
	}
	dsse_encode(S(DSSE_EVENT_TYPE), buf_view(&payload), S(""), sig, &entry);
	Err e = mesh_apply(&c, w->m, str_of(l->id, 64), l->n, buf_view(&entry), false, NULL, NULL, &outcome);
	if (!err_ok(e) || !outcome.accepted) give_up(err_ok(e) ? outcome.reason : c.detail);
	l->head = tree_leaf(buf_view(&entry));
	l->n++;
	w->body.n = 0;
}

#define NAMED(name, ...)                                                                                                       \
	char name##_text[96];                                                                                                  \
	snprintf(name##_text, sizeof name##_text, __VA_ARGS__);                                                                \
	Str name = str_c(name##_text)

static void
found(struct world *w, struct log *l, const char *name, unsigned i, bool center)
{
	uint8_t next[32] = {9};
	NAMED(domain, "%s%u", name, i);
	NAMED(salt, "%032x", i);

	body_inception(&w->body, domain, w->key.pub, next, center, salt);
	say(w, l, EVENT_DOMAIN_INCEPTION, S("nobody00"));
}

static void
member(struct world *w, struct log *l, Str person, enum role role)
{
	body_member_set(&w->body, person, role, false, S(""));
	say(w, l, EVENT_MEMBER_SET, person);
}

/* --- producers --- */

static void
publish(struct world *w, unsigned producer, unsigned i)
{
	static const struct policy_column columns[] = {
	    {.name = {"household_id", 12}, .type = {"BIGINT", 6}, .classification = {"personal", 8}}, {.name = {"store_id", 8}, .type = {"BIGINT", 6}},
	    {.name = {"sales_value", 11}, .type = {"DOUBLE", 6}, .classification = {"internal", 8}}, {.name = {"coupon", 6}, .type = {"VARCHAR", 7}}};
	struct mesh_table tables[TABLES];
	char names[TABLES][32];
	NAMED(id, "prd_%03u_%06u", producer, i);
	NAMED(name, "product%u", i);
	NAMED(owner, "owner_%06u", producer);
	NAMED(tag_set, "tgs_%03u_%06u", producer, i);
	NAMED(value, "cc_%u", i % COST_CENTERS);
	struct mesh_product p = {.id = id, .name = name, .version = S("1.0.0"), .status = S("published"), .title = S(""), .purpose = S(""),
	    .contract = S("0000000000000000000000000000000000000000000000000000000000000000"), .report = S(""), .snapshot = S(""), .tables = tables,
	    .table_count = TABLES};

	for (unsigned t = 0; t < TABLES; t++) {
		snprintf(names[t], sizeof names[t], "table%u", t);
		tables[t] = (struct mesh_table){.policy = {.name = str_c(names[t]), .columns = columns, .column_count = ARRAY_LEN(columns)}, .manifest = S("")};
	}
	body_publish(&w->body, &p);
	say(w, &w->producers[producer], EVENT_PRODUCT_PUBLISH, owner);
	if (i % 5) return;
	struct mesh_tag t = {.id = tag_set, .product_id = id, .table = S(""), .column = S(""), .tag = S("cost_center"), .value = value};
	body_tag_set(&w->body, &t);
	say(w, &w->producers[producer], EVENT_TAG_SET, owner);
}

static void
produce(struct world *w)
{
	found(w, &w->center, "center", 0, true);
	mesh_set_center(w->m, str_of(w->center.id, 64));
	body_purpose(&w->body, S("marketing"));
	say(w, &w->center, EVENT_PURPOSE_DEFINE, S("nobody00"));
	body_purpose(&w->body, S("marketing/campaigns"));
	say(w, &w->center, EVENT_PURPOSE_DEFINE, S("nobody00"));
	for (unsigned i = 0; i < PRODUCERS; i++) {
		NAMED(owner, "owner_%06u", i);
		found(w, &w->producers[i], "producer", i, false);
		member(w, &w->producers[i], owner, ROLE_OWNER);
		for (unsigned k = 0; k < PRODUCTS; k++) publish(w, i, k);
	}
}

/* --- consumers --- */

static void
consume(struct world *w)
{
	for (unsigned i = 0; i < w->consumer_count; i++) {
		found(w, &w->consumers[i], "consumer", i, false);
		for (unsigned k = 0; k < PEOPLE; k++) {
			NAMED(person, "person_%06u_%u", i, k);
			member(w, &w->consumers[i], person, ROLE_ANALYST);
		}
		for (unsigned g = 0; g < GROUPS; g++) {
			NAMED(group, "grp_%06u_%u", i, g);
			NAMED(name, "group%u", g);
			body_group_set(&w->body, group, name);
			say(w, &w->consumers[i], EVENT_GROUP_SET, S("nobody00"));
			for (unsigned k = g; k < PEOPLE; k += 2) {
				NAMED(person, "person_%06u_%u", i, k);
				body_group_member(&w->body, group, person);
				say(w, &w->consumers[i], EVENT_GROUP_JOIN, S("nobody00"));
			}
		}
		if (i % 5) continue;
		body_domain_set(&w->body, true);
		say(w, &w->consumers[i], EVENT_DOMAIN_SET, S("nobody00"));
	}
}

/* --- grants --- */

static void
hand_on(struct world *w, unsigned i, Str grant, const struct asked *q)
{
	static const Str hidden[] = {{"coupon", 6}};
	NAMED(id, "dlg_%09u", i);
	NAMED(group, "grp_%06u_%u", q->consumer, i % GROUPS);
	struct mesh_delegation d = {.policy = {.id = id, .grant_id = grant, .issuer_domain_id = str_of(w->producers[q->producer].id, 64), .table = S(""),
	    .to_kind = PRINCIPAL_GROUP, .to_id = group, .from = TIME_DAY * FOUNDED, .until = TIME_DAY * (FOUNDED + 90), .hidden = hidden, .hidden_count = 1},
	    .rows_text = S("")};

	body_delegation(&w->body, &d);
	if (w->out) fprintf(w->out, "{\"delegation\": \"%.*s\", \"grant\": \"%.*s\", \"to\": \"%.*s\"}\n", STR(id), STR(grant), STR(group));
	say(w, &w->consumers[q->consumer], EVENT_DELEGATION_ADD, S("nobody00"));
}

static void
grant(struct world *w, unsigned i, struct asked *q, bool crowd)
{
	static const Str purposes[] = {{"marketing", 9}, {"audit", 5}}, hidden[] = {{"coupon", 6}};
	static const struct policy_mask masks[] = {{{"household_id", 12}, MASK_HASH}};
	unsigned kind = crowd ? 0 : roll(w, 100), table = roll(w, TABLES * 2);
	NAMED(id, "grt_%09u", i);
	NAMED(product, "prd_%03u_%06u", q->producer, q->product);
	NAMED(owner, "owner_%06u", q->producer);
	NAMED(table_name, "table%u", table);
	NAMED(person, "person_%06u_%u", q->consumer, i % PEOPLE);
	NAMED(group, "grp_%06u_%u", q->consumer, i % GROUPS);
	NAMED(tags, "classification IN ('internal', 'personal') AND cost_center IN ('cc_%u')", q->product / 5 * 5 % COST_CENTERS);
	Str domain = str_of(w->consumers[q->consumer].id, 64);
	struct mesh_grant g = {.policy = {.id = id, .product_id = kind == 99 ? S("") : product, .table = table < TABLES && kind != 99 ? table_name : S(""),
	    .to_kind = kind < 60 || kind == 99 ? PRINCIPAL_DOMAIN : kind < 80 ? PRINCIPAL_PERSON : PRINCIPAL_GROUP,
	    .to_id = kind < 60 || kind == 99 ? domain : kind < 80 ? person : group, .to_domain_id = kind >= 80 && kind < 99 ? domain : S(""),
	    .purposes = purposes, .purpose_count = 1 + i % 2, .from = TIME_DAY * FOUNDED, .until = TIME_DAY * (FOUNDED + 300),
	    .interactions = INTERACT_SQL | INTERACT_API, .masks = masks, .mask_count = i % 3 == 0, .hidden = hidden, .hidden_count = i % 4 == 0},
	    .rows_text = i % 3 ? S("") : S("\"store_id\" = 367 AND \"sales_value\" > 0"), .tags_text = kind == 99 ? tags : S(""), .request_id = S("")};

	body_grant(&w->body, &g);
	if (w->out)
		fprintf(w->out, "{\"grant\": \"%.*s\", \"product\": \"%.*s\", \"table\": \"%.*s\", \"to\": \"%.*s\", \"domain\": %s, \"audit\": %s, \"until\": %d, \"tags\": \"%.*s\", \"producer\": %u}\n",
		    STR(id), STR(g.policy.product_id), STR(g.policy.table), STR(g.policy.to_id), g.policy.to_kind == PRINCIPAL_DOMAIN ? "true" : "false",
		    i % 2 ? "true" : "false", FOUNDED + 300, STR(g.tags_text), q->producer);
	say(w, &w->producers[q->producer], EVENT_GRANT_ADD, owner);
	if (kind == 99) q->product = q->product / 5 * 5;
	if (q->consumer % 5 == 0 && kind < 60) hand_on(w, i, id, q);
}

static void
grants(struct world *w)
{
	for (unsigned i = 0; i < w->grants; i++) {
		w->granted[i] = (struct asked){roll(w, w->consumer_count), roll(w, PRODUCERS), roll(w, PRODUCTS)};
		grant(w, i, &w->granted[i], false);
	}
	for (unsigned i = 0; i < CROWD; i++) grant(w, w->grants + i, &(struct asked){1, 0, 0}, true);
}

/* --- restrictions --- */

static void
restriction(struct world *w, unsigned i, unsigned all)
{
	struct ctx c = {.arena = NULL};
	ARENA_AUTO a = ARENA_INIT;
	NAMED(id, "rst_%09u", i);
	NAMED(product, "prd_%03u_%06u", roll(w, PRODUCERS), roll(w, PRODUCTS));
	NAMED(value, "cost_center IN ('cc_%u')", roll(w, COST_CENTERS));
	struct mesh_restriction r = {.policy = {.id = id, .product_id = S(""), .domain_id = S(""), .classification = S("")}, .name = S("")};
	struct policy_restriction *p = &r.policy;
	unsigned one = all / 100 + 1;

	c.arena = &a;
	if (i < one)
		p->domain_id = str_of(w->producers[roll(w, PRODUCERS)].id, 64);
	else if (i < 2 * one && !err_ok(tagexpr_parse_canonical(&c, value, &p->tags)))
		give_up(c.detail);
	else if (i >= 2 * one + 10)
		p->product_id = product;
	switch (i % 4) {
	case 0: p->classification = S("personal"), p->mask = MASK_HASH; break;
	case 1: p->max_days = 200; break;
	case 2: p->min_level = 1; break;
	default:
		p->approvals = p->product_id.n ? 1 + (i % 64 == 3) : 0;
		p->demand_purpose = !p->product_id.n;
	}
	body_restriction(&w->body, &r);
	if (w->out && p->approvals > 1) fprintf(w->out, "{\"restriction\": \"%.*s\", \"product\": \"%.*s\"}\n", STR(id), STR(product));
	say(w, &w->center, EVENT_RESTRICTION_ADD, S("nobody00"));
}

/* --- asking --- */

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double
us_at(const uint64_t *sorted, size_t n, unsigned percent)
{
	return (double)sorted[n / 100 * percent] / 1e3;
}

static void
report(const char *what, uint64_t *took, size_t n, const char *more, size_t count)
{
	qsort(took, n, sizeof *took, by_value);
	printf("%s: p50 %.2f us, p99 %.2f us, max %.0f us, of %zu (%zu %s)\n", what, us_at(took, n, 50), us_at(took, n, 99), (double)took[n - 1] / 1e3,
	    n, count, more);
}

/* The yardstick: a ring through memory in random order, a place each cache line, so that no read begins before the one before it is there. What
 * else the machine does slows it as it slows a decision. */
struct place { struct place *next; char rest[56]; };

static struct place *
ring_new(struct world *w)
{
	struct place *ring = mem_alloc(PLACES * sizeof *ring);
	uint32_t *order = mem_alloc(PLACES * sizeof *order);

	for (uint32_t i = 0; i < PLACES; i++) order[i] = i;
	for (uint32_t i = PLACES - 1; i > 0; i--) {
		uint32_t k = roll(w, i + 1), was = order[i];
		order[i] = order[k];
		order[k] = was;
	}
	for (uint32_t i = 0; i < PLACES; i++) ring[order[i]].next = &ring[order[(i + 1) % PLACES]];
	free(order);
	return ring;
}

static uint64_t
ring_read(struct place **at)
{
	uint64_t from = cpu_ns();

	for (unsigned i = 0; i < READS; i++) *at = *(struct place *volatile *)&(*at)->next;
	return cpu_ns() - from;
}

static const struct mesh_product *
product_of(const struct world *w, unsigned producer, unsigned product)
{
	NAMED(id, "prd_%03u_%06u", producer, product);

	return mesh_product(w->m, id);
}

struct times { uint64_t took[PASSES * ASKED], least[ASKED], reads[PASSES * ASKED]; size_t allowed; };

static uint64_t
ask(struct world *w, struct arena *scratch, bool granted, bool crowd, size_t *allowed)
{
	struct asked q = w->granted[roll(w, w->grants)];
	if (!granted) q.product = roll(w, PRODUCTS);
	if (crowd) q = (struct asked){1, 0, 0};
	const struct mesh_product *p = product_of(w, q.producer, q.product);
	const struct mesh_table *t = &p->tables[roll(w, TABLES)];
	struct policy_decision d;
	NAMED(person, "person_%06u_%u", q.consumer, roll(w, PEOPLE));

	arena_reset(scratch);
	uint64_t from = cpu_ns();
	mesh_decide(w->m, scratch, person, p, t, S("marketing/campaigns"), INTERACT_SQL, 3, TIME_DAY * NOW, NULL, &d);
	uint64_t took = cpu_ns() - from;
	*allowed += d.verdict == VERDICT_ALLOW;
	return took;
}

/* All questions, and all again: what one left in the caches is gone when it comes back. The least of each tells the machine's noise from ours. */
static void
decide(struct world *w, struct place **at, const char *what, bool granted, bool crowd)
{
	struct times *t = mem_alloc(sizeof *t);
	struct arena scratch = ARENA_INIT;
	uint32_t dice = w->dice;
	size_t n = 0;

	memset(t->least, 0xff, sizeof t->least);
	for (unsigned pass = 0; pass < PASSES; pass++) {
		w->dice = dice;
		for (unsigned i = 0; i < ASKED; i++, n++) {
			t->reads[n] = ring_read(at);
			t->took[n] = ask(w, &scratch, granted, crowd, &t->allowed);
			if (t->took[n] < t->least[i]) t->least[i] = t->took[n];
		}
	}
	report(what, t->took, n, "allowed", t->allowed);
	qsort(t->least, ASKED, sizeof *t->least, by_value);
	qsort(t->reads, n, sizeof *t->reads, by_value);
	printf("    least of %d: %.2f, %.2f us; %d random reads beside it: %.2f, %.2f us\n", PASSES, us_at(t->least, ASKED, 50), us_at(t->least, ASKED, 99),
	    READS, us_at(t->reads, n, 50), us_at(t->reads, n, 99));
	fflush(stdout);
	arena_fini(&scratch);
	free(t);
}

static void
list(struct world *w)
{
	static uint64_t took[LISTS];
	struct arena scratch = ARENA_INIT;
	size_t tables = 0;

	for (unsigned i = 0; i < LISTS; i++) {
		struct mesh_visible *seen;
		NAMED(person, "person_%06u_%u", roll(w, w->consumer_count), roll(w, PEOPLE));
		arena_reset(&scratch);
		uint64_t from = cpu_ns();
		tables += mesh_visible_tables(w->m, &scratch, person, TIME_DAY * NOW, &seen);
		took[i] = cpu_ns() - from;
	}
	report("list of what a person sees", took, LISTS, "tables each on average", tables / LISTS);
	arena_fini(&scratch);
}

static double
memory_mb(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%lu %lu", &size, &resident) != 2) resident = 0;
	if (f) fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* Questions for other engines, half of them about what was granted; and how long ours took for each. */
static void
tell_questions(struct world *w)
{
	struct arena scratch = ARENA_INIT;

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct asked q = w->granted[roll(w, w->grants)];
		unsigned who = roll(w, PEOPLE), table = roll(w, TABLES);
		if (i % 2) q.product = roll(w, PRODUCTS);
		const struct mesh_product *p = product_of(w, q.producer, q.product);
		struct policy_decision d;
		NAMED(person, "person_%06u_%u", q.consumer, who);
		arena_reset(&scratch);
		uint64_t from = cpu_ns();
		mesh_decide(w->m, &scratch, person, p, &p->tables[table], S("marketing/campaigns"), INTERACT_SQL, 3, TIME_DAY * NOW, NULL, &d);
		uint64_t took = cpu_ns() - from;
		fprintf(w->out, "{\"question\": \"%.*s\", \"domain\": \"%s\", \"group\": \"grp_%06u_%u\", \"handed\": %s, \"product\": \"%.*s\", \"producer\": %u, \"table\": \"table%u\", "
		    "\"tag\": \"%s%u\", \"now\": %d, \"allow\": %s, \"ns\": %llu}\n", STR(person), w->consumers[q.consumer].id, q.consumer, who % 2,
		    q.consumer % 5 ? "true" : "false", STR(p->id), q.producer, table, q.product % 5 ? "none_" : "cc_", q.product % COST_CENTERS, NOW,
		    d.verdict == VERDICT_ALLOW ? "true" : "false", (unsigned long long)took);
	}
	arena_fini(&scratch);
}

int
main(int argc, char **argv)
{
	uint64_t many = 1000000, rules = 100000;
	struct ctx c = {0};
	struct world w = {.dice = 1};

	if ((argc > 1 && !str_u64(str_c(argv[1]), &many)) || (argc > 2 && !str_u64(str_c(argv[2]), &rules)) || many < 1000) return 2;
	if (argc > 3 && !(w.out = fopen(argv[3], "w"))) give_up("the file cannot be made");
	if (!err_ok(crypt_init(&c))) return 1;
	w.m = mesh_new();
	sign_key_new(&w.key);
	w.grants = (uint32_t)many;
	w.consumer_count = w.grants / PER_CONSUMER + 2;
	w.consumers = mem_alloc(w.consumer_count * sizeof *w.consumers);
	w.granted = mem_alloc(w.grants * sizeof *w.granted);
	uint64_t from = cpu_ns();
	produce(&w);
	consume(&w);
	double before = memory_mb();
	grants(&w);
	double after = memory_mb();
	for (unsigned i = 0; i < rules; i++) restriction(&w, i, (unsigned)rules);
	printf("mesh: %u grants, %llu restrictions, %u tables, %u people; %.0f MB in memory (%.0f bytes a grant with what was handed on), made in %.0f s\n", w.grants,
	    (unsigned long long)rules, PRODUCERS * PRODUCTS * TABLES, w.consumer_count * PEOPLE, memory_mb(), (after - before) * 1e6 / w.grants,
	    (double)(cpu_ns() - from) / 1e9);
	fflush(stdout);
	if (w.out) tell_questions(&w), fclose(w.out);
	struct place *ring = ring_new(&w), *at = ring;
	decide(&w, &at, "decision, about what was granted", true, false);
	decide(&w, &at, "decision, about anything", false, false);
	decide(&w, &at, "decision, 100 grants for the product and principal", true, true);
	free(ring);
	list(&w);
	mesh_free(w.m);
	buf_fini(&w.body);
	free(w.consumers);
	free(w.granted);
	return 0;
}

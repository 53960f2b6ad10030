/* How fast the ledger is: durable commits, publishing, replay with every entry checked up to the checkpoint's root, opening, proofs.
 *
 * usage: bench_ledger FOLDER [ENTRIES]    the folder must be empty; on the file system that is to be measured. One JSON object. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/dsse.h"
#include "codec/note.h"
#include "crypt/sign.h"
#include "ledger/verify.h"

static const Str log_id = S("journal");
static struct sign_key key;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(struct ctx *c, Err e)
{
	if (err_ok(e)) return;
	fprintf(stderr, "%s: %s\n", err_name(e), err_detail(c, e));
	exit(1);
}

static Err
sign(struct ctx *c, void *arg, Str id, Str text, struct buf *out)
{
	BUF_AUTO origin = BUF_INIT;
	uint8_t sig[SIGN_BYTES];

	(void)c;
	(void)arg;
	ledger_origin(id, &origin);
	sign_make(&key, text, sig);
	note_sig_line(buf_view(&origin), note_key_id(buf_view(&origin), key.pub), sig, out);
	return OK;
}

/* A signed event of the usual size. */
static void
event(uint64_t seq, bool real, struct buf *out)
{
	BUF_AUTO body = BUF_INIT, pae = BUF_INIT;
	uint8_t sig[SIGN_BYTES] = {(uint8_t)seq, (uint8_t)(seq >> 8)};

	buf_printf(&body,
	           "{\"v\":1,\"origin\":\"%064llx\",\"seq\":%llu,\"prev\":\"%064llx\",\"type\":\"grant.add\",\"actor\":\"%032llx\","
	           "\"time\":\"2026-11-21T09:04:14Z\",\"idem\":\"\",\"requires\":[],\"body\":{\"id\":\"grt_%012llx\",\"product\":\"prd_%012llx\","
	           "\"to\":\"%064llx\",\"purpose\":\"campaign analysis\",\"until\":\"2027-11-21T00:00:00Z\",\"rows\":\"store_id < 400\"}}",
	           7ull, (unsigned long long)seq, (unsigned long long)seq * 31, 9ull, (unsigned long long)seq, 5ull, 11ull);
	out->n = 0;
	if (real) {
		dsse_pae(S(DSSE_EVENT_TYPE), buf_view(&body), &pae);
		sign_make(&key, buf_view(&pae), sig);
	}
	dsse_encode(S(DSSE_EVENT_TYPE), buf_view(&body), S("a1b2c3d4"), sig, out);
}

struct sums { uint64_t entries, bytes, good; };

static Err
take(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct sums *s = arg;
	struct dsse d;

	(void)index;
	TRY(dsse_parse(c, entry, &d));
	s->entries++;
	s->bytes += entry.n;
	arena_reset(c->arena);
	return OK;
}

static Err
take_signed(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct sums *s = arg;
	struct dsse d;
	BUF_AUTO pae = BUF_INIT;

	(void)index;
	TRY(dsse_parse(c, entry, &d));
	dsse_pae(d.payload_type, d.payload, &pae);
	s->good += sign_check(key.pub, buf_view(&pae), d.sig);
	s->entries++;
	arena_reset(c->arena);
	return OK;
}

static Err
only(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	(void)c;
	(void)index;
	((struct sums *)arg)->bytes += entry.n;
	return OK;
}

int
main(int argc, char **argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct ledger *l = NULL;
	BUF_AUTO b = BUF_INIT, origin = BUF_INIT, line = BUF_INIT;
	struct secret32 seed = {{7}};
	uint64_t index, n = argc > 2 ? strtoull(argv[2], NULL, 10) : 200000, single = 300;
	struct sums s = {0};
	struct verify_report *r;
	size_t reports;
	Hash *path;
	size_t path_n;

	if (argc < 2) return fprintf(stderr, "usage: bench_ledger FOLDER [ENTRIES]\n"), 2;
	must(&c, crypt_init(&c));
	sign_key_from_seed(&seed, &key);
	int fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return perror(argv[1]), 2;
	must(&c, ledger_open(&c, fd, &l));
	must(&c, ledger_create(&c, l, log_id));
	ledger_origin(log_id, &origin);
	note_key_line(buf_view(&origin), key.pub, &line);
	must(&c, ledger_set_key(&c, l, log_id, buf_view(&line)));

	double t = now();
	for (uint64_t i = 0; i < single; i++) {
		event(i, true, &b);
		must(&c, ledger_append(&c, l, log_id, buf_view(&b), &index));
		must(&c, ledger_commit(&c, l));
	}
	printf("{\"commits_per_s\":%.0f,", (double)single / (now() - t));

	double appending = 0, publishing = 0;
	uint64_t publishes = 0;
	for (uint64_t i = single; i < n;) {
		for (t = now(); i < n && ledger_wal_bytes(l) < 16u << 20; i++) {
			event(i, i < 20000, &b);
			must(&c, ledger_append(&c, l, log_id, buf_view(&b), &index));
			if (i % 64 == 63) must(&c, ledger_commit(&c, l));
		}
		must(&c, ledger_commit(&c, l));
		appending += now() - t;
		t = now();
		must(&c, ledger_publish(&c, l, sign, NULL));
		publishing += now() - t;
		publishes++;
	}
	printf("\"group_commit_entries_per_s\":%.0f,\"publish_entries_per_s\":%.0f,", (double)(n - single) / appending, (double)n / publishing);
	event(n, true, &b);
	must(&c, ledger_append(&c, l, log_id, buf_view(&b), &index));
	must(&c, ledger_commit(&c, l));
	t = now();
	must(&c, ledger_publish(&c, l, sign, NULL));
	printf("\"publish_one_ms\":%.1f,", (now() - t) * 1e3);
	ledger_close(l);

	t = now();
	must(&c, ledger_open(&c, fd, &l));
	printf("\"open_ms\":%.1f,", (now() - t) * 1e3);

	t = now();
	must(&c, ledger_read(&c, l, log_id, 0, n, only, &s));
	printf("\"read_and_prove_per_s\":%.0f,\"entry_bytes\":%.0f,", (double)n / (now() - t), (double)s.bytes / (double)n);
	t = now();
	must(&c, ledger_read(&c, l, log_id, 0, n, take, &s));
	printf("\"replay_entries_per_s\":%.0f,", (double)n / (now() - t));
	uint64_t some = n < 20000 ? n : 20000;
	t = now();
	must(&c, ledger_read(&c, l, log_id, 0, some, take_signed, &s));
	printf("\"replay_with_signatures_per_s\":%.0f,", (double)some / (now() - t));
	if (s.good != some) return fprintf(stderr, "%llu of %llu signatures\n", (unsigned long long)s.good, (unsigned long long)some), 1;

	t = now();
	uint64_t x = 12345;
	for (int i = 0; i < 2000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		must(&c, ledger_prove_inclusion(&c, l, log_id, (x >> 20) % n, n, &path, &path_n));
		arena_reset(&arena);
	}
	printf("\"inclusion_proof_us\":%.0f,", (now() - t) / 2000 * 1e6);
	ledger_close(l);
	t = now();
	must(&c, ledger_verify_dir(&c, fd, NULL, NULL, NULL, NULL, &r, &reports));
	if (reports != 1 || !r[0].ok) return fprintf(stderr, "not proven: %.*s\n", STR(r[0].problem)), 1;
	printf("\"offline_tree_proof_per_s\":%.0f}\n", (double)r[0].entries / (now() - t));
	return 0;
}

/* Extracts: planned, written, masked; the keyed hash; what a failed one leaves. */
#include "extract_kit.h"

#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>

#include "crypt/encode.h"
#include "ipc/chan.h"
#include "os/spawn.h"

static const char *const columns[][3] = {
    {"id", "BIGINT", "none"},      {"region", "VARCHAR", "none"}, {"ssn", "VARCHAR", "hash"}, {"card", "VARCHAR", "last4"},
    {"born", "DATE", "year"},      {"note", "VARCHAR", "constant"}, {"salary", "DOUBLE", "null"}, {"secret", "VARCHAR", "hidden"},
    {"Upper", "INTEGER", "none"},
};
enum { N = ARRAY_LEN(columns) };

static const char source[] =
    "SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'EU' ELSE 'US' END AS region, CASE WHEN i = 6 THEN NULL ELSE 'SSN-' || (i % 4) END AS ssn, "
    "'4000-1234-' || (5000 + i) AS card, DATE '1980-05-05' + (i * 400)::INTEGER AS born, 'note ' || i AS note, i * 1.5 AS salary, "
    "'hidden ' || i AS secret, i::INTEGER AS \"Upper\" FROM range(12) r(i)";

static void
wanted_columns(void **state)
{
	static const char *const names[] = {"id", "upper", "secret", "nosuch"};
	struct kit k;
	struct subject s;
	bool got[N];
	Str list[4];

	UNUSED_STATE;
	kit_open(&k);
	subject_make(&k, columns, N, NULL, &s);
	for (size_t i = 0; i < 4; i++) list[i] = str_c(names[i]);
	assert_ok(&k.c, extract_columns(&k.c, &s.table, &s.decision, false, list, 4, got));
	for (size_t i = 0; i < N; i++) assert_int_equal(got[i], i == 0 || i == 8);
	/* count(*): something cheap */
	assert_ok(&k.c, extract_columns(&k.c, &s.table, &s.decision, false, NULL, 0, got));
	for (size_t i = 0; i < N; i++) assert_int_equal(got[i], i == 0);
	s.decision.columns[0].mask = s.decision.columns[1].mask = s.decision.columns[8].mask = MASK_HASH;
	assert_ok(&k.c, extract_columns(&k.c, &s.table, &s.decision, false, NULL, 0, got));
	for (size_t i = 0; i < N; i++) assert_int_equal(got[i], i == 5);
	assert_ok(&k.c, extract_columns(&k.c, &s.table, &s.decision, true, NULL, 0, got));
	for (size_t i = 0; i < N; i++) assert_int_equal(got[i], i != 7);
	for (size_t i = 0; i < N; i++) s.decision.columns[i].hidden = true;
	assert_int_equal(extract_columns(&k.c, &s.table, &s.decision, true, NULL, 0, got).code, ERR_DENIED);
	kit_close(&k);
}

/* The whole way: two files, the later with one more column; a filter; every mask. */
static void
writes_what_is_entitled(void **state)
{
	struct kit k;
	struct subject s;
	bool want[N];
	uint64_t rows = 0;
	const Str files[] = {S("a.parquet"), S("b.parquet")};

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, source, "a.parquet");
	source_make(&k, "SELECT 99 AS id, 'EU' AS region, 'SSN-0' AS ssn, '77' AS card, DATE '2001-02-03' AS born, 'n' AS note, 1.0::DOUBLE AS salary, "
	                "5::INTEGER AS \"Upper\", 'x' AS secret, 'more' AS added", "b.parquet");
	subject_make(&k, columns, N, "region = 'EU' and secret <> 'hidden 9'", &s);
	for (size_t i = 0; i < N; i++) want[i] = i != 7;
	assert_ok(&k.c, subject_extract(&k, &s, want, files, 2, "x.parquet", &rows));
	assert_int_equal(rows, 4);
	file_move(&k, "x.parquet", "x.parquet");
	BUF_AUTO sql = BUF_INIT;
	buf_c(&sql, "SELECT * FROM read_parquet(");
	engine_file(&sql, k.spec.read_dir, S("x.parquet"));
	buf_c(&sql, ") ORDER BY id");
	struct secret32 key;
	char hex[2][33];
	uint8_t mac[16];
	memset(key.secret_bytes, 7, sizeof key.secret_bytes);
	crypt_mac(&key, S("SSN-0"), mac, 16);
	hex_text(mac, 16, hex[0]);
	crypt_mac(&key, S("SSN-3"), mac, 16);
	hex_text(mac, 16, hex[1]);
	Str expect = arena_printf(&k.arena,
	    "{\"columns\":[\"id\",\"region\",\"ssn\",\"card\",\"born\",\"note\",\"salary\",\"Upper\"],\"rows\":["
	    "[0,\"EU\",\"%s\",\"**********5000\",\"1980-01-01\",\"***\",null,0],"
	    "[3,\"EU\",\"%s\",\"**********5003\",\"1983-01-01\",\"***\",null,3],"
	    "[6,\"EU\",null,\"**********5006\",\"1986-01-01\",\"***\",null,6],"
	    "[99,\"EU\",\"%s\",\"**\",\"2001-01-01\",\"***\",null,5]]}", hex[0], hex[1], hex[0]);
	assert_string_equal(kit_rows(&k, buf_z(&sql)).p, expect.p);
	kit_close(&k);
}

/* The hash over many chunks and threads, with NULLs, short, long and repeated texts, is crypt_mac() of each. */
static void
hashes_like_the_library(void **state)
{
	static const char *const hash_columns[][3] = {{"v", "VARCHAR", "hash"}};
	struct kit k;
	struct subject s;
	bool want[1] = {true};
	uint64_t rows = 0;
	const Str files[] = {S("a.parquet")};

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, "SELECT CASE WHEN i % 7 = 0 THEN NULL WHEN i % 3 = 0 THEN 'k' || (i % 50) WHEN i % 3 = 1 THEN repeat('long', (i % 20)::INTEGER) "
	                "|| i ELSE '' END AS v FROM range(300000) r(i)", "a.parquet");
	subject_make(&k, hash_columns, 1, NULL, &s);
	assert_ok(&k.c, subject_extract(&k, &s, want, files, 1, "x.parquet", &rows));
	assert_int_equal(rows, 300000);
	file_move(&k, "x.parquet", "x.parquet");
	BUF_AUTO sql = BUF_INIT;
	buf_c(&sql, "SELECT a.v, x.v FROM read_parquet(");
	engine_file(&sql, k.spec.read_dir, S("a.parquet"));
	buf_c(&sql, ") a POSITIONAL JOIN read_parquet(");
	engine_file(&sql, k.spec.read_dir, S("x.parquet"));
	buf_c(&sql, ") x USING SAMPLE 20000");
	Str doc = kit_rows(&k, buf_z(&sql));
	json_t *root = json_loadb(doc.p, doc.n, 0, NULL), *list = json_object_get(root, "rows");
	struct secret32 key;
	memset(key.secret_bytes, 7, sizeof key.secret_bytes);
	assert_int_equal(json_array_size(list), 20000);
	for (size_t i = 0; i < 20000; i++) {
		const json_t *from = json_array_get(json_array_get(list, i), 0), *to = json_array_get(json_array_get(list, i), 1);
		uint8_t mac[16];
		char hex[33];
		assert_int_equal(json_is_null(from), json_is_null(to));
		if (json_is_null(from)) continue;
		crypt_mac(&key, str_c(json_string_value(from)), mac, 16);
		hex_text(mac, 16, hex);
		assert_string_equal(json_string_value(to), hex);
	}
	json_decref(root);
	kit_close(&k);
}

static void
leaves_nothing_when_it_fails(void **state)
{
	static const char *const bad[] = {
	    "SELECT 1", "FROM read_parquet(['/etc/passwd']) SELECT *", "FROM read_parquet(['@in/../x']) SELECT *", "FROM read_parquet(['@in/a.parquet'",
	    "FROM read_parquet(['@in/a.parquet', '@in/a.parquet']) SELECT *", "FROM read_parquet(['@in/missing.parquet']) SELECT *",
	    "FROM read_parquet(['@in/a.parquet']) SELECT nosuch", "FROM read_parquet(['@in/a.parquet']) SELECT ssn::INTEGER",
	    "FROM read_parquet(['@in/a.parquet'], filename = true) SELECT error(filename)"};
	struct kit k;
	struct secret32 key = {{0}};

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, source, "a.parquet");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const Str jobs[] = {S("FROM read_parquet(['@in/a.parquet']) SELECT id, '@in/x' AS t"), S("first.parquet"), str_c(bad[i]), S("second.parquet")};
		uint64_t rows[2];
		if (err_ok(reader_extract(&k.c, &k.s.engine, &key, (List){jobs, 4}, rows))) fail_msg("%s went through", bad[i]);
		assert_false(file_exists(k.spec.write_dir, "first.parquet"));
		assert_false(file_exists(k.spec.write_dir, "second.parquet"));
	}
	/* the first of them alone is fine, and a literal that looks like a file's name stays what it is */
	const Str jobs[] = {S("FROM read_parquet(['@in/a.parquet']) SELECT id, '@in/x' AS t"), S("first.parquet")};
	uint64_t rows = 0;
	assert_ok(&k.c, reader_extract(&k.c, &k.s.engine, &key, (List){jobs, 2}, &rows));
	assert_int_equal(rows, 12);
	file_move(&k, "first.parquet", "first.parquet");
	BUF_AUTO sql = BUF_INIT;
	buf_c(&sql, "SELECT DISTINCT t FROM read_parquet(");
	engine_file(&sql, k.spec.read_dir, S("first.parquet"));
	buf_c(&sql, ")");
	assert_string_equal(kit_rows(&k, buf_z(&sql)).p, "{\"columns\":[\"t\"],\"rows\":[[\"@in/x\"]]}");
	kit_close(&k);
}

/* --- as a process --- */

static struct msg_R_DONE
process_ask(struct kit *k, const Str *jobs, size_t n, enum err_code *ret_code, Str *ret_detail)
{
	int pair[2], status;
	struct spawned child;
	struct chan ch;
	struct frame f;
	struct msg_R_DONE done = {0};
	struct msg_FAILED failed;
	char key[32];

	memset(key, 7, sizeof key);
	assert_ok(&k->c, chan_pair(&k->c, pair));
	assert_int_equal(chmod(k->path, 0777), 0);
	assert_int_equal(fchmod(k->spec.read_dir, 0777), 0);
	assert_int_equal(fchmod(k->spec.write_dir, 0777), 0);
	assert_int_equal(fchmod(k->spec.temp_dir, 0777), 0);
	const int fds[] = {pair[1], k->spec.read_dir, k->spec.write_dir, open(TEST_DUCKDB, O_RDONLY | O_CLOEXEC), k->spec.temp_dir};
	struct spawn_spec spec = {.role = "reader", .fds = fds, .fd_count = 5};
	assert_ok(&k->c, spawn_role(&k->c, &spec, &child));
	close(pair[1]);
	close(fds[3]);
	chan_init(&ch, pair[0]);
	assert_ok(&k->c, chan_recv(&k->c, &ch, &f));
	if (f.type == MSG_READY) {
		assert_ok(&k->c, chan_post(&k->c, &ch, R_EXTRACT, 5, -1, .mask_key = {key, 32}, .jobs = {jobs, n}, .memory_bytes = 128 << 20, .threads = 2));
		assert_ok(&k->c, chan_recv(&k->c, &ch, &f));
	}
	*ret_code = ERR_NONE;
	if (f.type == MSG_FAILED) {
		assert_ok(&k->c, msg_get_FAILED(&k->c, f.payload, &failed));
		*ret_code = (enum err_code)failed.code;
		*ret_detail = arena_str(&k->arena, failed.detail);
	} else {
		assert_int_equal(f.type, MSG_R_DONE);
		assert_ok(&k->c, msg_get_R_DONE(&k->c, arena_str(&k->arena, f.payload), &done));
	}
	chan_fini(&ch);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (child.pidfd >= 0) close(child.pidfd);
	return done;
}

static void
works_in_its_sandbox(void **state)
{
	const Str good[] = {S("FROM read_parquet(['@in/a.parquet']) SELECT id, heddle_hash(ssn) AS ssn"), S("one.parquet"),
	                    S("FROM read_parquet(['@in/a.parquet']) SELECT id WHERE id > 5"), S("two.parquet")};
	const Str bad[] = {S("FROM read_parquet(['@in/a.parquet']) SELECT secret::INTEGER AS x"), S("bad.parquet")};
	struct kit k;
	enum err_code code;
	Str detail = S("");

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, source, "a.parquet");
	assert_int_equal(fchmodat(k.spec.read_dir, "a.parquet", 0644, 0), 0);
	struct msg_R_DONE done = process_ask(&k, good, 4, &code, &detail);
	if (code) fail_msg("%.*s", STR(detail));
	assert_int_equal(done.rows.n, 2);
	assert_true(str_eqc(done.rows.v[0], "12") && str_eqc(done.rows.v[1], "6"));
	assert_true(file_exists(k.spec.write_dir, "two.parquet"));
	/* an error's words may hold what was to be hidden: they stay inside */
	process_ask(&k, bad, 2, &code, &detail);
	assert_int_equal(code, ERR_INTERNAL);
	assert_true(str_eqc(detail, "the extract could not be made"));
	assert_false(file_exists(k.spec.write_dir, "bad.parquet"));
	kit_close(&k);
}

int
main(int argc UNUSED, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wanted_columns),          cmocka_unit_test(writes_what_is_entitled),
	    cmocka_unit_test(hashes_like_the_library), cmocka_unit_test(leaves_nothing_when_it_fails), cmocka_unit_test(works_in_its_sandbox),
	};

	if (spawn_role_of(argv)) {
		struct ctx c = {0};
		if (!err_ok(crypt_init(&c))) return 1;
		struct reader_setup s = {.channel_fd = SPAWN_FIRST_FD, .read_dir_fd = SPAWN_FIRST_FD + 1, .write_dir_fd = SPAWN_FIRST_FD + 2,
		                         .library_fd = SPAWN_FIRST_FD + 3, .temp_dir_fd = SPAWN_FIRST_FD + 4,
		                         .uid = geteuid() == 0 ? 64105 : 0, .gid = 64105};
		return reader_main(&s);
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

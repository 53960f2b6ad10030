#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>

#include "cmd/lakestore.h"
#include "crypt/encode.h"
#include "kit.h"

#define LIST(...) ((List){(Str[]){__VA_ARGS__}, sizeof((Str[]){__VA_ARGS__}) / sizeof(Str)})

static void
make_folders(struct kit *k)
{
	static const char *const names[] = {"staging", "objects", "quarantine", "views", "extracts"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_int_equal(mkdirat(k->fd, names[i], 0700), 0);
}

static struct lake
open_lake(struct kit *k)
{
	struct lake l;

	if (!file_exists(k->fd, "staging")) make_folders(k);
	GOOD(lake_open(&k->c, k->fd, &l));
	return l;
}

static void
stage(struct kit *k, struct lake *l, Str upload, Str bytes)
{
	int fd;

	GOOD(lake_upload(&k->c, l, upload, &fd));
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
}

static Err
seal(struct kit *k, struct lake *l, Str upload)
{
	struct lake_seal s;
	bool done = false;

	TRY(lake_seal_begin(&k->c, l, upload, &s));
	Err e = OK;
	while (err_ok(e) && !done) e = lake_seal_step(&k->c, l, &s, &done);
	lake_seal_fini(&s);
	return e;
}

static const char *
hex_of(struct kit *k, Str bytes)
{
	char *hex = arena_alloc(&k->arena, CRYPT_HASH_TEXT);

	crypt_sha256_text(bytes, hex);
	return hex;
}

static mode_t
mode_of(struct kit *k, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(k->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static size_t
count_in(struct kit *k, const char *path)
{
	Str *names;
	size_t n;

	GOOD(dir_list(&k->c, k->fd, path, 10000, &names, &n));
	return n;
}

static const char *
at(struct kit *k, const char *folder, const char *name)
{
	return arena_printf(&k->arena, "%s/%s", folder, name).p;
}

/* --- uploads to objects --- */

static void
test_keep(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	const char *hex = hex_of(k, S("hello"));

	stage(k, &l, S("up1"), S("hello"));
	assert_int_equal(mode_of(k, "staging/up1"), 0444);
	BAD(NOT_FOUND, lake_keep(&k->c, &l, LIST(S("up1")))); /* not before it is sealed */
	GOOD(seal(k, &l, S("up1")));
	assert_string_equal(lake_sealed(&l, S("up1"))->sha256, hex);
	assert_int_equal(lake_sealed(&l, S("up1"))->bytes, 5);
	GOOD(lake_keep(&k->c, &l, LIST(S("up1"))));
	assert_true(str_eqc(kit_read(k, at(k, "objects", hex)), "hello"));
	assert_int_equal(mode_of(k, at(k, "objects", hex)), 0444);
	assert_int_equal(count_in(k, "staging"), 0);
	GOOD(lake_keep(&k->c, &l, LIST(S("up1")))); /* the answer was lost: asked again */
	stage(k, &l, S("up2"), S("hello")); /* the same bytes again: one object */
	GOOD(seal(k, &l, S("up2")));
	GOOD(lake_keep(&k->c, &l, LIST(S("up2"))));
	assert_int_equal(count_in(k, "objects"), 1);
	assert_int_equal(count_in(k, "staging"), 0);
	BAD(NOT_FOUND, lake_keep(&k->c, &l, LIST(S("up3"))));
	lake_close(&l);
}

/* Larger than one step; and empty. */
static void
test_seal_sizes(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	static const size_t sizes[] = {0, 1, 2 << 20, (2 << 20) + 1, 5000000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *bytes = malloc(sizes[i] + 1);
		Str name = arena_printf(&k->arena, "u%zu", i);
		for (size_t b = 0; b < sizes[i]; b++) bytes[b] = (char)(b * 7 + b / 1000);
		stage(k, &l, name, str_of(bytes, sizes[i]));
		GOOD(seal(k, &l, name));
		assert_string_equal(lake_sealed(&l, name)->sha256, hex_of(k, str_of(bytes, sizes[i])));
		assert_int_equal(lake_sealed(&l, name)->bytes, sizes[i]);
		free(bytes);
	}
	lake_close(&l);
}

/* Who still holds the descriptor could change what was hashed. */
static void
test_writer(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	int fd;

	GOOD(lake_upload(&k->c, &l, S("up"), &fd));
	assert_int_equal(write(fd, "x", 1), 1);
	BAD(CONFLICT, seal(k, &l, S("up")));
	assert_null(lake_sealed(&l, S("up")));
	close(fd);
	GOOD(seal(k, &l, S("up")));
	BAD(CONFLICT, lake_upload(&k->c, &l, S("up"), &fd));
	lake_close(&l);
}

static void
test_several(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);

	stage(k, &l, S("a"), S("one"));
	stage(k, &l, S("b"), S("two"));
	stage(k, &l, S("c"), S("three"));
	GOOD(seal(k, &l, S("a")));
	GOOD(seal(k, &l, S("b")));
	BAD(NOT_FOUND, lake_keep(&k->c, &l, LIST(S("a"), S("b"), S("c")))); /* one is not sealed: none is kept */
	assert_int_equal(count_in(k, "objects"), 0);
	assert_int_equal(count_in(k, "staging"), 3);
	GOOD(seal(k, &l, S("c")));
	GOOD(lake_keep(&k->c, &l, LIST(S("a"), S("b"), S("c"))));
	assert_int_equal(count_in(k, "objects"), 3);
	GOOD(lake_discard(&k->c, &l, LIST(S("a"), S("never")))); /* what is gone is gone */
	lake_close(&l);
}

/* An object cut by a broken disk gives way to a new upload of the same bytes. */
static void
test_damaged_object(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	const char *object = at(k, "objects", hex_of(k, S("hello")));

	kit_write(k, object, S("hel"));
	stage(k, &l, S("up"), S("hello"));
	GOOD(seal(k, &l, S("up")));
	GOOD(lake_keep(&k->c, &l, LIST(S("up"))));
	assert_true(str_eqc(kit_read(k, object), "hello"));
	lake_close(&l);
}

static void
test_quarantine(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);

	stage(k, &l, S("a"), S("bad rows"));
	GOOD(lake_quarantine(&k->c, &l, S("batch-1"), LIST(S("a")), S("{\"why\":1}")));
	assert_true(str_eqc(kit_read(k, "quarantine/batch-1/files/a"), "bad rows"));
	assert_true(str_eqc(kit_read(k, "quarantine/batch-1/report.json"), "{\"why\":1}"));
	assert_int_equal(count_in(k, "staging"), 0);
	GOOD(lake_quarantine(&k->c, &l, S("batch-1"), LIST(S("a")), S("{}"))); /* again */
	BAD(NOT_FOUND, lake_quarantine(&k->c, &l, S("batch-2"), LIST(S("nothing")), S("{}")));
	assert_int_equal(count_in(k, "quarantine"), 1);
	lake_close(&l);
}

/* --- names and links --- */

static void
test_names(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	char longest[130];
	int fd;
	uint64_t bytes;

	memset(longest, 'x', sizeof longest);
	const Str bad[] = {S(""), S("."), S(".."), S("../keys"), S("a/b"), S("/etc/passwd"), S(".new-a"), S("A"), S("a b"), S("a\0b"), S("\xc3\xa4"), S("a\n"), S("a\\b"), S("%2e%2e"), str_of(longest, 129)};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		List one = {&bad[i], 1}, as_source = LIST(S("object"), bad[i], S("x")), as_target = LIST(S("object"), S("x"), bad[i]);
		struct lake_seal s;
		BAD(INVALID, lake_upload(&k->c, &l, bad[i], &fd));
		BAD(INVALID, lake_seal_begin(&k->c, &l, bad[i], &s));
		BAD(INVALID, lake_keep(&k->c, &l, one));
		BAD(INVALID, lake_discard(&k->c, &l, one));
		BAD(INVALID, lake_quarantine(&k->c, &l, bad[i], one, S("")));
		BAD(INVALID, lake_quarantine(&k->c, &l, S("q"), one, S("")));
		BAD(INVALID, lake_view(&k->c, &l, bad[i], &fd));
		BAD(INVALID, lake_view_drop(&k->c, &l, bad[i]));
		BAD(INVALID, lake_extract(&k->c, &l, bad[i], one, &fd));
		BAD(INVALID, lake_extract(&k->c, &l, S("e"), one, &fd));
		BAD(INVALID, lake_extract_keep(&k->c, &l, S("e"), one, &bytes));
		BAD(INVALID, lake_extract_drop(&k->c, &l, one));
		GOOD(lake_view(&k->c, &l, S("v"), &fd));
		close(fd);
		BAD(INVALID, lake_link(&k->c, &l, S("v"), as_source));
		BAD(INVALID, lake_link(&k->c, &l, S("v"), as_target));
		BAD(INVALID, lake_link(&k->c, &l, bad[i], as_target));
		GOOD(lake_view_drop(&k->c, &l, S("v")));
	}
	stage(k, &l, str_of(longest, 128), S("x"));
	lake_close(&l);
}

/* A symbolic link planted in the store leads nowhere. */
static void
test_planted(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	int fd;
	uint64_t bytes;

	kit_write(k, "secret", S("secret"));
	GOOD(lake_view(&k->c, &l, S("v"), &fd));
	close(fd);
	static const char *const places[] = {"staging/s", "objects/s", "extracts/s", "views/s", "quarantine/s"};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) assert_int_equal(symlinkat(i < 3 ? "../secret" : "..", k->fd, places[i]), 0);
	BAD(DENIED, seal(k, &l, S("s")));
	BAD(CONFLICT, lake_upload(&k->c, &l, S("s"), &fd));
	BAD(CORRUPT, lake_link(&k->c, &l, S("v"), LIST(S("object"), S("s"), S("x"))));
	BAD(CORRUPT, lake_link(&k->c, &l, S("v"), LIST(S("upload"), S("s"), S("x"))));
	BAD(CORRUPT, lake_link(&k->c, &l, S("v"), LIST(S("extract"), S("s"), S("x"))));
	assert_int_equal(unlinkat(k->fd, "staging/s", 0), 0);
	stage(k, &l, S("s"), S("x"));
	BAD(DENIED, lake_link(&k->c, &l, S("s"), LIST(S("upload"), S("s"), S("x"))));
	assert_int_equal(symlinkat("../..", k->fd, "extracts/.new-e"), 0);
	BAD(DENIED, lake_extract(&k->c, &l, S("e"), LIST(S("x")), &fd));
	BAD(DENIED, lake_extract_keep(&k->c, &l, S("e"), LIST(S("secret")), &bytes));
	GOOD(lake_view_drop(&k->c, &l, S("s"))); /* the link goes, not what it points to */
	assert_true(str_eqc(kit_read(k, "secret"), "secret"));
	assert_int_equal(count_in(k, "views"), 1);
	lake_close(&l);
}

/* --- views --- */

static void
test_view(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	int fd, again;
	Str object = str_c(hex_of(k, S("hello")));

	stage(k, &l, S("a"), S("hello"));
	stage(k, &l, S("b"), S("waiting"));
	GOOD(seal(k, &l, S("a")));
	GOOD(lake_keep(&k->c, &l, LIST(S("a"))));
	GOOD(lake_view(&k->c, &l, S("v"), &fd));
	assert_int_equal(mode_of(k, "views/v"), 0755);
	BAD(CONFLICT, lake_view(&k->c, &l, S("v"), &again));
	GOOD(lake_link(&k->c, &l, S("v"), LIST(S("object"), object, S("x.parquet"), S("upload"), S("b"), S("y"))));
	assert_true(str_eqc(kit_read(k, "views/v/x.parquet"), "hello"));
	assert_int_equal(faccessat(fd, "x.parquet", R_OK, 0), 0); /* appears in a folder that was handed out before */
	GOOD(lake_link(&k->c, &l, S("v"), LIST(S("object"), object, S("x.parquet"))));                              /* again */
	BAD(CONFLICT, lake_link(&k->c, &l, S("v"), LIST(S("object"), object, S("y"))));                             /* another file's name */
	BAD(NOT_FOUND, lake_link(&k->c, &l, S("v"), LIST(S("object"), object, S("z"), S("object"), S("no"), S("n")))); /* all or none */
	assert_false(file_exists(k->fd, "views/v/z"));
	BAD(NOT_FOUND, lake_link(&k->c, &l, S("w"), LIST(S("object"), object, S("z"))));
	BAD(INVALID, lake_link(&k->c, &l, S("v"), LIST(S("key"), object, S("z"))));
	BAD(INVALID, lake_link(&k->c, &l, S("v"), LIST(S("object"), object)));
	GOOD(lake_view_drop(&k->c, &l, S("v")));
	GOOD(lake_view_drop(&k->c, &l, S("v")));
	assert_int_equal(count_in(k, "views"), 0);
	assert_true(str_eqc(kit_read(k, at(k, "objects", object.p)), "hello")); /* links go, objects stay */
	close(fd);
	lake_close(&l);
}

/* --- extracts --- */

static void
fill(struct kit *k, int folder, const char *name, Str bytes)
{
	int fd = openat(folder, name, O_WRONLY | O_TRUNC);

	(void)k;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.n), bytes.n);
	close(fd);
}

static void
test_extract(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	int fd, more;
	uint64_t bytes = 0;

	GOOD(lake_extract(&k->c, &l, S("r1"), (List){NULL, 0}, &fd)); /* a spare reader has its folder before its task */
	GOOD(lake_extract(&k->c, &l, S("r1"), LIST(S("e1"), S("e2")), &more));
	close(more);
	assert_int_equal(mode_of(k, "extracts/.new-r1"), 0755);
	assert_int_equal(mode_of(k, "extracts/.new-r1/e1"), 0666);
	BAD(CONFLICT, lake_extract(&k->c, &l, S("r1"), LIST(S("e3"), S("e1")), &more));
	assert_false(file_exists(k->fd, "extracts/.new-r1/e3")); /* all or none */
	fill(k, fd, "e1", S("rows"));
	BAD(CORRUPT, lake_extract_keep(&k->c, &l, S("r1"), LIST(S("e1"), S("e2")), &bytes)); /* one is empty */
	assert_false(file_exists(k->fd, "extracts/e1"));
	fill(k, fd, "e2", S("more rows"));
	GOOD(lake_extract_keep(&k->c, &l, S("r1"), LIST(S("e1"), S("e2")), &bytes));
	assert_int_equal(bytes, 13);
	assert_int_equal(mode_of(k, "extracts/e1"), 0444);
	assert_true(str_eqc(kit_read(k, "extracts/e2"), "more rows"));
	BAD(NOT_FOUND, lake_extract_keep(&k->c, &l, S("r1"), LIST(S("e1")), &bytes));
	GOOD(lake_view_drop(&k->c, &l, S("r1")));
	assert_int_equal(count_in(k, "extracts"), 2);
	GOOD(lake_extract_drop(&k->c, &l, LIST(S("e1"), S("never"))));
	assert_int_equal(count_in(k, "extracts"), 1);
	close(fd);
	lake_close(&l);
}

/* A reader that puts a link, a pipe or a folder in the place of its file. */
static void
test_bad_extract(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	int fd;
	uint64_t bytes = 7;

	kit_write(k, "secret", S("secret"));
	GOOD(lake_extract(&k->c, &l, S("r"), LIST(S("a"), S("b"), S("c"), S("d")), &fd));
	static const char *const names[] = {"a", "b", "c", "d"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) assert_int_equal(unlinkat(fd, names[i], 0), 0);
	assert_int_equal(symlinkat("../../secret", fd, "a"), 0);
	assert_int_equal(mkfifoat(fd, "b", 0600), 0);
	assert_int_equal(mkdirat(fd, "c", 0700), 0);
	assert_int_equal(linkat(k->fd, "secret", fd, "d", 0), 0);
	BAD(DENIED, lake_extract_keep(&k->c, &l, S("r"), LIST(S("a")), &bytes));
	BAD(CORRUPT, lake_extract_keep(&k->c, &l, S("r"), LIST(S("b")), &bytes));
	BAD(CORRUPT, lake_extract_keep(&k->c, &l, S("r"), LIST(S("c")), &bytes));
	BAD(CORRUPT, lake_extract_keep(&k->c, &l, S("r"), LIST(S("d")), &bytes));
	assert_int_equal(bytes, 7);
	assert_int_equal(mode_of(k, "secret"), 0644);
	GOOD(lake_view_drop(&k->c, &l, S("r")));
	assert_int_equal(count_in(k, "extracts"), 0);
	assert_true(str_eqc(kit_read(k, "secret"), "secret"));
	close(fd);
	lake_close(&l);
}

/* --- across a restart, and faults --- */

static void
test_restart(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	int fd;

	stage(k, &l, S("a"), S("kept"));
	stage(k, &l, S("b"), S("never finished"));
	GOOD(seal(k, &l, S("a")));
	GOOD(lake_keep(&k->c, &l, LIST(S("a"))));
	GOOD(lake_view(&k->c, &l, S("v"), &fd));
	close(fd);
	GOOD(lake_link(&k->c, &l, S("v"), LIST(S("upload"), S("b"), S("x"))));
	GOOD(lake_extract(&k->c, &l, S("r"), LIST(S("e")), &fd));
	close(fd);
	GOOD(lake_quarantine(&k->c, &l, S("q"), (List){NULL, 0}, S("{}")));
	lake_close(&l);
	l = open_lake(k);
	assert_int_equal(count_in(k, "staging") + count_in(k, "views") + count_in(k, "extracts"), 0);
	assert_int_equal(count_in(k, "objects"), 1);
	assert_int_equal(count_in(k, "quarantine"), 1);
	lake_close(&l);
}

static void
publish(struct kit *k)
{
	struct ctx c = {.arena = &k->arena};
	struct lake l;
	struct lake_seal s;
	bool done = false;
	int fd;

	if (!err_ok(lake_open(&c, k->fd, &l)) || !err_ok(lake_upload(&c, &l, S("a"), &fd))) _exit(1);
	if (write(fd, "hello", 5) != 5 || close(fd)) _exit(1);
	if (!err_ok(lake_upload(&c, &l, S("b"), &fd)) || close(fd)) _exit(1);
	if (!err_ok(lake_seal_begin(&c, &l, S("a"), &s)) || !err_ok(lake_seal_step(&c, &l, &s, &done))) _exit(1);
	lake_seal_fini(&s);
	if (!err_ok(lake_keep(&c, &l, LIST(S("a")))) || !err_ok(lake_quarantine(&c, &l, S("q"), LIST(S("b")), S("report")))) _exit(1);
	lake_close(&l);
}

/* Killed at any file operation: an object is whole or not there, a batch in quarantine is whole or not there, and the next start works. */
static void
test_killed(void **state)
{
	struct kit *k = *state;
	uint64_t n = 0;
	unsigned objects = 0, batches = 0;
	const char *object = at(k, "objects", hex_of(k, S("hello")));

	make_folders(k);
	while (kit_dies_at(k, ++n, publish)) {
		if (file_exists(k->fd, object)) {
			assert_true(str_eqc(kit_read(k, object), "hello"));
			objects++;
		}
		if (file_exists(k->fd, "quarantine/q")) {
			assert_true(str_eqc(kit_read(k, "quarantine/q/report.json"), "report") && file_exists(k->fd, "quarantine/q/files/b"));
			batches++;
		}
		struct lake l = open_lake(k);
		assert_int_equal(count_in(k, "staging"), 0);
		lake_close(&l);
		unlinkat(k->fd, object, 0);
		GOOD(dir_remove(&k->c, k->fd, "quarantine/q"));
	}
	if (n <= 30 || objects < 3 || batches < 1) fail_msg("n=%d objects=%u batches=%u", (int)n, objects, batches);
}

/* Every operation of keeping and setting aside failing in turn: all or nothing, and a second try works. */
static void
test_failing(void **state)
{
	struct kit *k = *state;
	struct lake l = open_lake(k);
	bool hit = true;

	for (uint64_t n = 1; hit; n++) {
		Str a = arena_printf(&k->arena, "a%d", (int)n), b = arena_printf(&k->arena, "b%d", (int)n), q = arena_printf(&k->arena, "q%d", (int)n);
		stage(k, &l, a, arena_printf(&k->arena, "a%d", (int)n));
		stage(k, &l, b, arena_printf(&k->arena, "b%d", (int)n));
		GOOD(seal(k, &l, a));
		GOOD(seal(k, &l, b));
		size_t objects = count_in(k, "objects"), batches = count_in(k, "quarantine");
		kit_fail_at(n, FAULT_ERRNO, n % 2 ? ENOSPC : EIO);
		Err e = lake_keep(&k->c, &l, LIST(a, b));
		bool kept = err_ok(e);
		Err f = kept ? lake_quarantine(&k->c, &l, q, LIST(), S("r")) : OK;
		hit = fault_armed.hits >= n;
		kit_fail_at(0, FAULT_NONE, 0);
		assert_int_equal(hit, !err_ok(e) || !err_ok(f));
		size_t now = count_in(k, "objects");
		assert_true(now == objects || now == objects + 2);
		assert_true(!kept || now == objects + 2);
		assert_true(err_ok(f) || file_exists(l.quarantine, q.p) || count_in(k, "quarantine") == batches || n > 20);
		GOOD(lake_keep(&k->c, &l, LIST(a, b)));
		GOOD(lake_quarantine(&k->c, &l, q, LIST(), S("r")));
		assert_int_equal(count_in(k, "objects"), objects + 2);
		assert_int_equal(count_in(k, "quarantine"), batches + 1);
		assert_true(n < 100);
	}
	lake_close(&l);
}

/* A file system that is really full. Needs the right to mount. */
static void
test_full_disk(void **state)
{
	struct kit *k = *state;
	int fd;
	unsigned n = 0;
	Err e = OK;

	if (geteuid() != 0 || mount("heddle-test", k->path, "tmpfs", 0, "size=64k,nr_inodes=40") < 0) skip();
	int disk = open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), before = k->fd;
	k->fd = disk;
	struct lake l = open_lake(k);
	stage(k, &l, S("a"), S("hello"));
	GOOD(seal(k, &l, S("a")));
	for (; err_ok(e) && n < 100; n++) {
		e = lake_view(&k->c, &l, arena_printf(&k->arena, "v%u", n), &fd);
		if (err_ok(e)) close(fd);
	}
	BAD(FULL, e);
	assert_non_null(strstr(k->c.detail, "'v"));
	BAD(FULL, lake_quarantine(&k->c, &l, S("q"), LIST(S("a")), S("report")));
	assert_int_equal(count_in(k, "quarantine"), 0);
	assert_int_equal(count_in(k, "staging"), 1); /* nothing was lost */
	GOOD(lake_view_drop(&k->c, &l, S("v0")));
	GOOD(lake_view_drop(&k->c, &l, S("v1")));
	GOOD(lake_view_drop(&k->c, &l, S("v2")));
	GOOD(lake_view_drop(&k->c, &l, S("v3")));
	GOOD(lake_quarantine(&k->c, &l, S("q"), LIST(S("a")), S("report")));
	lake_close(&l);
	close(disk);
	k->fd = before;
	assert_int_equal(umount(k->path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_keep), TEST(test_seal_sizes), TEST(test_writer), TEST(test_several), TEST(test_damaged_object), TEST(test_quarantine),
	    TEST(test_names), TEST(test_planted), TEST(test_view), TEST(test_extract), TEST(test_bad_extract), TEST(test_restart),
	    TEST(test_killed), TEST(test_failing), TEST(test_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

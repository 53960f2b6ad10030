/* The keys of a log as text: in the body of an inception, and in the record of the domain. */
#include "crypt/encode.h"
#include "mesh/put.h"
#include "mesh/state.h"

/* --- custody and recovery, as an inception declares them --- */

bool
keys_hex(const struct doc_node *n, uint8_t *ret, size_t bytes)
{
	return n && n->kind == DOC_TEXT && hex_get_n(n->text, ret, bytes);
}

static void
read_recovery(struct fields *f, struct log_keys *ret)
{
	const struct doc_node *list = field_list(f, S("recovery"), RECOVERY_KEYS), *n = doc_first(list);
	bool good = list->count == RECOVERY_KEYS;

	for (size_t i = 0; i < RECOVERY_KEYS && n; i++, n = doc_next(list, n)) {
		good = good && keys_hex(n, ret->recovery[i], SIGN_PUB_BYTES) && sign_pub_ok(ret->recovery[i]);
		for (size_t k = 0; k < i && good; k++) good = memcmp(ret->recovery[k], ret->recovery[i], SIGN_PUB_BYTES) != 0;
	}
	ret->recoverable = good;
	if (!good) fields_fail(f, S("recovery"), "three different public keys");
}

void
keys_read(struct fields *f, struct log_keys *ret)
{
	if (field_has(f, S("custody"))) {
		Str custody = field_text(f, S("custody"), 16);
		ret->owner_keeps = str_eq(custody, S("owner"));
		if (!ret->owner_keeps && !str_eq(custody, S("node"))) fields_fail(f, S("custody"), "node or owner");
	}
	if (field_has(f, S("recovery"))) read_recovery(f, ret);
}

void
keys_body(const struct log_keys *k, struct buf *out)
{
	if (k->owner_keeps) put_text(out, S(",\"custody\":"), S("owner"));
	if (!k->recoverable) return;
	for (size_t i = 0; i < RECOVERY_KEYS; i++) put_hex(out, i ? S(",") : S(",\"recovery\":["), k->recovery[i], SIGN_PUB_BYTES);
	buf_char(out, ']');
}

/* --- records --- */

static void
put_pairs(struct buf *out, Str key, const void *pairs, size_t n)
{
	const uint64_t *v = pairs; /* structs of two places */

	if (n == 0) return;
	buf_str(out, key);
	for (size_t i = 0; i < n; i++) {
		put_number(out, i ? S(",[") : S("[["), v[2 * i]);
		put_number(out, S(","), v[2 * i + 1]);
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

void
keys_write(const struct log_keys *k, struct buf *out)
{
	keys_body(k, out);
	for (size_t i = 0; i < k->span_count; i++) {
		put_number(out, i ? S(",[") : S(",\"keys\":[["), k->spans[i].from);
		put_number(out, S(","), (uint64_t)(k->spans[i].since / TIME_SECOND));
		put_hex(out, S(","), k->spans[i].pub, SIGN_PUB_BYTES);
		put_hex(out, S(","), k->spans[i].next, CRYPT_HASH_BYTES);
		buf_char(out, ']');
	}
	if (k->span_count) buf_char(out, ']');
	put_pairs(out, S(",\"voids\":"), k->voids, k->void_count);
	put_pairs(out, S(",\"confirmed\":"), k->confirms, k->confirm_count);
	put_pairs(out, S(",\"resolved\":"), k->resolves, k->resolve_count);
}

static const struct doc_node *
load_list(struct fields *f, Str key, uint32_t max)
{
	return field_has(f, key) ? field_list(f, key, max) : NULL;
}

static size_t
load_pairs(struct fields *f, Str key, uint32_t max, void *ret_array)
{
	const struct doc_node *list = load_list(f, key, max), *n = list ? doc_first(list) : NULL;
	size_t count = list ? list->count : 0, i = 0;
	uint64_t *v = arena_alloc(f->c->arena, (2 * count + 1) * sizeof *v);

	for (; n; n = doc_next(list, n), i++) {
		const struct doc_node *a = n->kind == DOC_ARRAY ? doc_first(n) : NULL, *b = a ? doc_next(n, a) : NULL;
		if (!b || n->count != 2 || a->kind != DOC_NUMBER || b->kind != DOC_NUMBER) {
			fields_fail(f, key, "a list of pairs of numbers");
			return 0;
		}
		v[2 * i] = a->number;
		v[2 * i + 1] = b->number;
	}
	memcpy(ret_array, &v, sizeof v);
	return count;
}

static bool
load_span(const struct doc_node *n, struct key_span *ret)
{
	const struct doc_node *part[4] = {0};

	if (n->kind != DOC_ARRAY || n->count != 4) return false;
	for (size_t i = 0; i < 4; i++) part[i] = i ? doc_next(n, part[i - 1]) : doc_first(n);
	if (part[0]->kind != DOC_NUMBER || part[1]->kind != DOC_NUMBER || part[1]->number > UINT64_C(253402300799)) return false;
	ret->from = part[0]->number;
	ret->since = (Time)part[1]->number * TIME_SECOND;
	return keys_hex(part[2], ret->pub, SIGN_PUB_BYTES) && keys_hex(part[3], ret->next, CRYPT_HASH_BYTES);
}

void
keys_load(struct fields *f, struct log_keys *ret)
{
	keys_read(f, ret);
	const struct doc_node *list = load_list(f, S("keys"), KEY_SPANS_MAX), *n = list ? doc_first(list) : NULL;
	struct key_span *spans = NEW_N(f->c->arena, list ? list->count : 0, struct key_span);
	for (; n; n = doc_next(list, n))
		if (!load_span(n, &spans[ret->span_count++])) {
			fields_fail(f, S("keys"), "a list of [from, since, key, next]");
			return;
		}
	ret->spans = spans;
	ret->void_count = load_pairs(f, S("voids"), VOIDS_MAX, &ret->voids);
	ret->confirm_count = load_pairs(f, S("confirmed"), CONFIRMED_MAX, &ret->confirms);
	ret->resolve_count = load_pairs(f, S("resolved"), RESOLVES_MAX, &ret->resolves);
}

static const void *
copy(struct arena *a, const void *from, size_t n, size_t size)
{
	void *to = n ? arena_alloc(a, n * size) : NULL;

	if (n) memcpy(to, from, n * size);
	return to;
}

struct log_keys
keys_keep(struct arena *a, const struct log_keys *k)
{
	struct log_keys kept = *k;

	kept.spans = copy(a, k->spans, k->span_count, sizeof *k->spans);
	kept.voids = copy(a, k->voids, k->void_count, sizeof *k->voids);
	kept.confirms = copy(a, k->confirms, k->confirm_count, sizeof *k->confirms);
	kept.resolves = copy(a, k->resolves, k->resolve_count, sizeof *k->resolves);
	return kept;
}

#include "query/maskfn.h"

#include <stdlib.h>

#include "crypt/encode.h"

enum { MEMO_SLOTS = 16384, MEMO_TEXT = 23, DIGITS = 32 };

struct memo_slot {
	uint8_t used, n;
	char text[MEMO_TEXT], hex[DIGITS + 1];
};

/* Per thread: two neighbouring slots per hash of the text. Large beside the number of different values of a common key (some
 * thousands), for a value that is not found costs thirty that are. */
struct memo { struct memo_slot slots[MEMO_SLOTS]; };

/* DuckDB calls back without a context from which its own functions could be reached. One library per process, so one table. */
static const struct duck *duck;

static Str
string_of(const duckdb_string_t *s)
{
	uint32_t n = s->value.inlined.length;

	return str_of(n <= 12 ? s->value.inlined.inlined : s->value.pointer.ptr, n);
}

static void
hash_hex(const struct secret32 *key, Str text, char ret[static DIGITS + 1])
{
	uint8_t mac[DIGITS / 2];

	crypt_mac(key, text, mac, sizeof mac);
	hex_text(mac, sizeof mac, ret);
}

static bool
slot_is(const struct memo_slot *s, Str text)
{
	return s->used && s->n == text.n && memcmp(s->text, text.p, text.n) == 0;
}

static const char *
memo_hex(struct memo *m, const struct secret32 *key, Str text)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < text.n; i++) h = (h ^ (unsigned char)text.p[i]) * 16777619u;
	h ^= h >> 16;
	struct memo_slot *s = &m->slots[h % MEMO_SLOTS], *other = &m->slots[(h % MEMO_SLOTS) ^ 1];
	if (slot_is(s, text)) return s->hex;
	if (slot_is(other, text)) return other->hex;
	if (s->used && (!other->used || h >> 31)) s = other;
	memcpy(s->text, text.p, text.n);
	s->n = (uint8_t)text.n;
	s->used = 1;
	hash_hex(key, text, s->hex);
	return s->hex;
}

static void
row_hash(struct memo *m, const struct secret32 *key, Str text, duckdb_vector output, idx_t row)
{
	char hex[DIGITS + 1];

	if (text.n <= MEMO_TEXT) {
		duck->duckdb_vector_assign_string_element_len(output, row, memo_hex(m, key, text), DIGITS);
		return;
	}
	hash_hex(key, text, hex);
	duck->duckdb_vector_assign_string_element_len(output, row, hex, DIGITS);
}

static void
apply(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const struct secret32 *key = duck->duckdb_scalar_function_get_extra_info(info);
	struct memo *m = duck->duckdb_scalar_function_get_state(info);
	duckdb_vector in = duck->duckdb_data_chunk_get_vector(input, 0);
	const duckdb_string_t *texts = duck->duckdb_vector_get_data(in);
	const uint64_t *valid = duck->duckdb_vector_get_validity(in);
	idx_t n = duck->duckdb_data_chunk_get_size(input);
	uint64_t *out_valid = NULL;

	if (valid) {
		duck->duckdb_vector_ensure_validity_writable(output);
		out_valid = duck->duckdb_vector_get_validity(output);
	}
	for (idx_t row = 0; row < n; row++) {
		if (valid && !(valid[row / 64] >> (row % 64) & 1))
			out_valid[row / 64] &= ~(UINT64_C(1) << (row % 64));
		else
			row_hash(m, key, string_of(&texts[row]), output, row);
	}
}

static void
thread_start(duckdb_init_info info)
{
	duck->duckdb_scalar_function_init_set_state(info, mem_alloc(sizeof(struct memo)), free);
}

Err
maskfn_register(struct ctx *c, struct engine *e, const struct secret32 *key)
{
	const struct duck *d = duck = e->d;
	duckdb_scalar_function f = d->duckdb_create_scalar_function();
	duckdb_logical_type text = d->duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);

	d->duckdb_scalar_function_set_name(f, "heddle_hash");
	d->duckdb_scalar_function_add_parameter(f, text);
	d->duckdb_scalar_function_set_return_type(f, text);
	d->duckdb_scalar_function_set_special_handling(f); /* we see the NULLs ourselves */
	d->duckdb_scalar_function_set_extra_info(f, (void *)(uintptr_t)key, NULL);
	d->duckdb_scalar_function_set_init(f, thread_start);
	d->duckdb_scalar_function_set_function(f, apply);
	duckdb_state state = d->duckdb_register_scalar_function(e->con, f);
	d->duckdb_destroy_scalar_function(&f);
	d->duckdb_destroy_logical_type(&text);
	ENSURE(c, state == DuckDBSuccess, INTERNAL, "the engine takes no function of ours");
	return OK;
}

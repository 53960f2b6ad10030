#include "query/value.h"

#include "query/text.h"

enum { NESTED_MAX = 32 };

static Str
string_at(const void *data, idx_t row)
{
	const duckdb_string_t *s = (const duckdb_string_t *)data + row;
	uint32_t n = s->value.inlined.length;

	return str_of(n <= 12 ? s->value.inlined.inlined : s->value.pointer.ptr, n);
}

/* --- the plain types: what is at data[row] --- */

typedef void Put(struct buf *out, const void *data, idx_t row, enum value_style style);

#define AT(type) (((const type *)data)[row])
#define PUT(name, expr)                                                                                                        \
	static void name(struct buf *out, const void *data, idx_t row, enum value_style style UNUSED) { expr; }

PUT(bool_put, buf_c(out, AT(bool) ? "true" : "false"))
PUT(i8_put, text_i64(out, AT(int8_t)))
PUT(i16_put, text_i64(out, AT(int16_t)))
PUT(i32_put, text_i64(out, AT(int32_t)))
PUT(i64_put, text_i64(out, AT(int64_t)))
PUT(u8_put, text_u64(out, AT(uint8_t)))
PUT(u16_put, text_u64(out, AT(uint16_t)))
PUT(u32_put, text_u64(out, AT(uint32_t)))
PUT(u64_put, text_u64(out, AT(uint64_t)))
PUT(i128_put, text_u128(out, text_magnitude(out, AT(duckdb_hugeint))))
PUT(u128_put, text_u128(out, (unsigned __int128)AT(duckdb_uhugeint).upper << 64 | AT(duckdb_uhugeint).lower))
PUT(float_put, text_double(out, (double)AT(float), true, style))
PUT(double_put, text_double(out, AT(double), false, style))
PUT(string_put, buf_str(out, string_at(data, row)))
PUT(blob_put, text_blob(out, string_at(data, row), style))
PUT(bit_put, text_bits(out, string_at(data, row)))
PUT(uuid_put, text_uuid(out, AT(duckdb_hugeint)))
PUT(date_put, AT(int32_t) == INT32_MAX || AT(int32_t) == -INT32_MAX ? text_infinity(out, AT(int32_t) < 0) : text_date(out, AT(int32_t)))
PUT(time_put, text_clock(out, AT(uint64_t), 6))
PUT(time_ns_put, text_clock(out, AT(uint64_t), 9))
PUT(time_tz_put, text_time_tz(out, AT(uint64_t)))
PUT(timestamp_put, text_timestamp(out, AT(int64_t), 6, false, style))
PUT(timestamp_tz_put, text_timestamp(out, AT(int64_t), 6, true, style))
PUT(timestamp_s_put, text_timestamp(out, AT(int64_t), 0, false, style))
PUT(timestamp_ms_put, text_timestamp(out, AT(int64_t), 3, false, style))
PUT(timestamp_ns_put, text_timestamp(out, AT(int64_t), 9, false, style))
PUT(interval_put, text_interval(out, AT(duckdb_interval)))
PUT(null_put, (void)out; (void)data; (void)row)

static const struct {
	Put *put;
	bool bare; /* as JSON without quotes */
} plain[] = {
    [DUCKDB_TYPE_BOOLEAN] = {bool_put, true},
    [DUCKDB_TYPE_TINYINT] = {i8_put, true},
    [DUCKDB_TYPE_SMALLINT] = {i16_put, true},
    [DUCKDB_TYPE_INTEGER] = {i32_put, true},
    [DUCKDB_TYPE_BIGINT] = {i64_put, true},
    [DUCKDB_TYPE_UTINYINT] = {u8_put, true},
    [DUCKDB_TYPE_USMALLINT] = {u16_put, true},
    [DUCKDB_TYPE_UINTEGER] = {u32_put, true},
    [DUCKDB_TYPE_UBIGINT] = {u64_put, true},
    [DUCKDB_TYPE_HUGEINT] = {i128_put, true},
    [DUCKDB_TYPE_UHUGEINT] = {u128_put, true},
    [DUCKDB_TYPE_FLOAT] = {float_put, true},
    [DUCKDB_TYPE_DOUBLE] = {double_put, true},
    [DUCKDB_TYPE_VARCHAR] = {string_put, false},
    [DUCKDB_TYPE_BLOB] = {blob_put, false},
    [DUCKDB_TYPE_BIT] = {bit_put, false},
    [DUCKDB_TYPE_UUID] = {uuid_put, false},
    [DUCKDB_TYPE_DATE] = {date_put, false},
    [DUCKDB_TYPE_TIME] = {time_put, false},
    [DUCKDB_TYPE_TIME_NS] = {time_ns_put, false},
    [DUCKDB_TYPE_TIME_TZ] = {time_tz_put, false},
    [DUCKDB_TYPE_TIMESTAMP] = {timestamp_put, false},
    [DUCKDB_TYPE_TIMESTAMP_TZ] = {timestamp_tz_put, false},
    [DUCKDB_TYPE_TIMESTAMP_S] = {timestamp_s_put, false},
    [DUCKDB_TYPE_TIMESTAMP_MS] = {timestamp_ms_put, false},
    [DUCKDB_TYPE_TIMESTAMP_NS] = {timestamp_ns_put, false},
    [DUCKDB_TYPE_INTERVAL] = {interval_put, false},
    [DUCKDB_TYPE_SQLNULL] = {null_put, true},
};

/* --- types with something inside --- */

static void
decimal_put(struct buf *out, const struct value_type *t, const void *data, idx_t row)
{
	duckdb_hugeint h;

	if (t->physical == DUCKDB_TYPE_HUGEINT) {
		h = AT(duckdb_hugeint);
	} else {
		int64_t v = t->physical == DUCKDB_TYPE_SMALLINT ? AT(int16_t) : t->physical == DUCKDB_TYPE_INTEGER ? AT(int32_t) : AT(int64_t);
		h = (duckdb_hugeint){.lower = (uint64_t)v, .upper = v < 0 ? -1 : 0};
	}
	unsigned __int128 v = text_magnitude(out, h);
	text_decimal(out, v, t->scale);
}

static Str
enum_word(const struct value_type *t, const void *data, idx_t row)
{
	size_t i = t->physical == DUCKDB_TYPE_UTINYINT ? AT(uint8_t) : t->physical == DUCKDB_TYPE_USMALLINT ? AT(uint16_t) : AT(uint32_t);

	return i < t->child_count ? t->names[i] : S("");
}

static void
list_put(struct buf *out, const struct value_type *t, const struct value_view *v, idx_t row)
{
	const duckdb_list_entry *entries = v->data;
	idx_t from = t->id == DUCKDB_TYPE_ARRAY ? row * t->array_size : entries[row].offset;
	idx_t n = t->id == DUCKDB_TYPE_ARRAY ? t->array_size : entries[row].length;

	buf_char(out, '[');
	for (idx_t i = 0; i < n; i++) {
		if (i) buf_char(out, ',');
		value_put(out, &t->children[0], &v->children[0], from + i, AS_JSON);
	}
	buf_char(out, ']');
}

static void
struct_put(struct buf *out, const struct value_type *t, const struct value_view *v, idx_t row)
{
	buf_char(out, '{');
	for (size_t i = 0; i < t->child_count; i++) {
		if (i) buf_char(out, ',');
		buf_str(out, t->names[i]);
		buf_char(out, ':');
		value_put(out, &t->children[i], &v->children[i], row, AS_JSON);
	}
	buf_char(out, '}');
}

static void
map_put_value(struct buf *out, const struct value_type *t, const struct value_view *v, idx_t row)
{
	const duckdb_list_entry *e = (const duckdb_list_entry *)v->data + row;

	buf_char(out, '{');
	for (idx_t i = e->offset; i < e->offset + e->length; i++) {
		BUF_AUTO key = BUF_INIT;
		if (i > e->offset) buf_char(out, ',');
		value_put(&key, &t->children[0], &v->children[0], i, AS_TEXT);
		text_json(out, buf_view(&key));
		buf_char(out, ':');
		value_put(out, &t->children[1], &v->children[1], i, AS_JSON);
	}
	buf_char(out, '}');
}

static void
nested_put(struct buf *out, const struct value_type *t, const struct value_view *v, idx_t row, enum value_style style)
{
	switch (t->id) {
	case DUCKDB_TYPE_LIST:
	case DUCKDB_TYPE_ARRAY: list_put(out, t, v, row); break;
	case DUCKDB_TYPE_STRUCT: struct_put(out, t, v, row); break;
	case DUCKDB_TYPE_MAP: map_put_value(out, t, v, row); break;
	default: {
		uint8_t tag = ((const uint8_t *)v->children[0].data)[row];
		if (tag < t->child_count) value_put(out, &t->children[tag], &v->children[1 + tag], row, style);
	}
	}
}

void
value_put(struct buf *out, const struct value_type *t, const struct value_view *v, idx_t row, enum value_style style)
{
	if (value_is_null(v, row) || t->id == DUCKDB_TYPE_SQLNULL) {
		if (style == AS_JSON) buf_c(out, "null");
	} else if (t->id == DUCKDB_TYPE_VARCHAR && style == AS_JSON) {
		text_json(out, string_at(v->data, row));
	} else if (t->id == DUCKDB_TYPE_ENUM) {
		Str word = enum_word(t, v->data, row);
		style == AS_JSON ? text_json(out, word) : buf_str(out, word);
	} else if (t->id == DUCKDB_TYPE_DECIMAL) {
		decimal_put(out, t, v->data, row);
	} else if (t->id < ARRAY_LEN(plain) && plain[t->id].put) {
		bool quote = style == AS_JSON && !plain[t->id].bare;
		if (quote) buf_char(out, '"');
		plain[t->id].put(out, v->data, row, style);
		if (quote) buf_char(out, '"');
	} else {
		nested_put(out, t, v, row, style);
	}
}

/* --- taking types apart --- */

static Err type_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, unsigned depth, struct value_type *ret);

/* Takes the logical type. */
static Err
child_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, unsigned depth, struct value_type *ret)
{
	Err e = type_init(c, d, type, depth + 1, ret);

	d->duckdb_destroy_logical_type(&type);
	return e;
}

/* Takes the name; as a JSON string. */
static Str
member_name(struct ctx *c, const struct duck *d, char *name)
{
	BUF_AUTO b = BUF_INIT;

	buf_json(&b, str_c(name));
	d->duckdb_free(name);
	return arena_str(c->arena, buf_view(&b));
}

static void
enum_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, struct value_type *t)
{
	t->physical = d->duckdb_enum_internal_type(type);
	t->child_count = d->duckdb_enum_dictionary_size(type);
	t->names = NEW_N(c->arena, t->child_count, Str);
	for (size_t i = 0; i < t->child_count; i++) {
		char *word = d->duckdb_enum_dictionary_value(type, i);
		t->names[i] = arena_str(c->arena, str_c(word));
		d->duckdb_free(word);
	}
}

static Err
members_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, unsigned depth, struct value_type *t)
{
	bool is_union = t->id == DUCKDB_TYPE_UNION;

	t->child_count = is_union ? d->duckdb_union_type_member_count(type) : d->duckdb_struct_type_child_count(type);
	t->children = NEW_N(c->arena, t->child_count, struct value_type);
	t->names = NEW_N(c->arena, t->child_count, Str);
	for (size_t i = 0; i < t->child_count; i++) {
		t->names[i] = member_name(c, d, is_union ? d->duckdb_union_type_member_name(type, i) : d->duckdb_struct_type_child_name(type, i));
		TRY(child_init(c, d, is_union ? d->duckdb_union_type_member_type(type, i) : d->duckdb_struct_type_child_type(type, i), depth,
		               &t->children[i]));
	}
	return OK;
}

static Err
element_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, unsigned depth, struct value_type *t)
{
	t->child_count = t->id == DUCKDB_TYPE_MAP ? 2 : 1;
	t->children = NEW_N(c->arena, t->child_count, struct value_type);
	if (t->id == DUCKDB_TYPE_LIST) return child_init(c, d, d->duckdb_list_type_child_type(type), depth, &t->children[0]);
	if (t->id == DUCKDB_TYPE_ARRAY) {
		t->array_size = d->duckdb_array_type_array_size(type);
		return child_init(c, d, d->duckdb_array_type_child_type(type), depth, &t->children[0]);
	}
	TRY(child_init(c, d, d->duckdb_map_type_key_type(type), depth, &t->children[0]));
	return child_init(c, d, d->duckdb_map_type_value_type(type), depth, &t->children[1]);
}

static Err
type_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, unsigned depth, struct value_type *ret)
{
	struct value_type t = {.id = d->duckdb_get_type_id(type)};

	ENSURE(c, depth < NESTED_MAX, SQL, "the result has a type nested deeper than %d levels", NESTED_MAX);
	switch (t.id) {
	case DUCKDB_TYPE_DECIMAL:
		t.physical = d->duckdb_decimal_internal_type(type);
		t.scale = d->duckdb_decimal_scale(type);
		break;
	case DUCKDB_TYPE_ENUM: enum_init(c, d, type, &t); break;
	case DUCKDB_TYPE_LIST:
	case DUCKDB_TYPE_ARRAY:
	case DUCKDB_TYPE_MAP: TRY(element_init(c, d, type, depth, &t)); break;
	case DUCKDB_TYPE_STRUCT:
	case DUCKDB_TYPE_UNION: TRY(members_init(c, d, type, depth, &t)); break;
	default:
		ENSURE(c, t.id < ARRAY_LEN(plain) && plain[t.id].put, SQL,
		       "the result has a type that can't be carried: cast it to VARCHAR or another plain type");
	}
	*ret = t;
	return OK;
}

Err
value_type_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, struct value_type *ret)
{
	return type_init(c, d, type, 0, ret);
}

static size_t
view_count(const struct value_type *t)
{
	return t->id == DUCKDB_TYPE_ENUM ? 0 : t->child_count + (t->id == DUCKDB_TYPE_UNION);
}

void
value_view_init(struct arena *a, const struct value_type *t, struct value_view *ret)
{
	size_t n = view_count(t), tags = t->id == DUCKDB_TYPE_UNION;

	*ret = (struct value_view){.children = n ? NEW_N(a, n, struct value_view) : NULL};
	for (size_t i = tags; i < n; i++) value_view_init(a, &t->children[i - tags], &ret->children[i]);
}

static void
data_set(const struct duck *d, duckdb_vector v, struct value_view *ret)
{
	ret->data = d->duckdb_vector_get_data(v);
	ret->validity = d->duckdb_vector_get_validity(v);
}

void
value_view_set(const struct duck *d, const struct value_type *t, duckdb_vector v, struct value_view *ret)
{
	size_t n = view_count(t), tags = t->id == DUCKDB_TYPE_UNION;

	data_set(d, v, ret);
	if (n == 0) return;
	duckdb_vector inner = t->id == DUCKDB_TYPE_LIST || t->id == DUCKDB_TYPE_MAP ? d->duckdb_list_vector_get_child(v)
	                      : t->id == DUCKDB_TYPE_ARRAY                          ? d->duckdb_array_vector_get_child(v)
	                                                                            : v;
	if (tags) data_set(d, d->duckdb_struct_vector_get_child(v, 0), &ret->children[0]);
	for (size_t i = tags; i < n; i++) {
		bool element = t->id == DUCKDB_TYPE_LIST || t->id == DUCKDB_TYPE_ARRAY;
		value_view_set(d, &t->children[i - tags], element ? inner : d->duckdb_struct_vector_get_child(inner, i), &ret->children[i]);
	}
}

#include "policy/type.h"

#include "base/err.h"

static const struct { const char *name; enum type_class class; } names[] = {
    {"VARCHAR", TYPE_TEXT}, {"TEXT", TYPE_TEXT}, {"STRING", TYPE_TEXT}, {"CHAR", TYPE_TEXT}, {"BPCHAR", TYPE_TEXT},
    {"TINYINT", TYPE_INTEGER}, {"SMALLINT", TYPE_INTEGER}, {"INTEGER", TYPE_INTEGER}, {"INT", TYPE_INTEGER}, {"BIGINT", TYPE_INTEGER},
    {"UTINYINT", TYPE_INTEGER}, {"USMALLINT", TYPE_INTEGER}, {"UINTEGER", TYPE_INTEGER}, {"UBIGINT", TYPE_INTEGER},
    {"HUGEINT", TYPE_HUGE}, {"UHUGEINT", TYPE_HUGE},
    {"FLOAT", TYPE_FLOAT}, {"REAL", TYPE_FLOAT}, {"DOUBLE", TYPE_FLOAT},
    {"BOOLEAN", TYPE_BOOL}, {"BOOL", TYPE_BOOL},
    {"DATE", TYPE_DATE},
    {"TIMESTAMP", TYPE_TIMESTAMP}, {"DATETIME", TYPE_TIMESTAMP}, {"TIMESTAMP_S", TYPE_TIMESTAMP}, {"TIMESTAMP_MS", TYPE_TIMESTAMP},
    {"TIMESTAMP_NS", TYPE_TIMESTAMP},
    {"TIMESTAMP WITH TIME ZONE", TYPE_TIMESTAMP_TZ}, {"TIMESTAMPTZ", TYPE_TIMESTAMP_TZ},
    {"TIME", TYPE_TIME}, {"UUID", TYPE_UUID}, {"BLOB", TYPE_BLOB}, {"BYTEA", TYPE_BLOB},
};

/* "(width,scale)" or "(width)"; nothing else may follow. */
static bool
decimal(Str rest, struct type_info *ret)
{
	Str width, scale;
	uint64_t w, s = 0;

	if (rest.n < 3 || rest.p[0] != '(' || rest.p[rest.n - 1] != ')') return false;
	scale = str_trim(str_cut(str_of(rest.p + 1, rest.n - 2), ',', &width));
	if (!str_u64(str_trim(width), &w) || w < 1 || w > 38) return false;
	if (scale.n && (!str_u64(scale, &s) || s > w)) return false;
	*ret = (struct type_info){TYPE_DECIMAL, (unsigned)w, (unsigned)s};
	return true;
}

struct type_info
type_of(Str type)
{
	struct type_info info = {0};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(type, str_c(names[i].name))) return (struct type_info){.class = names[i].class};
	if (str_ieq(type, S("DECIMAL")) || str_ieq(type, S("NUMERIC"))) return (struct type_info){TYPE_DECIMAL, 18, 3};
	if (type.n > 7 && (str_ieq(str_of(type.p, 7), S("DECIMAL")) || str_ieq(str_of(type.p, 7), S("NUMERIC"))) &&
	    decimal(str_of(type.p + 7, type.n - 7), &info))
		return info;
	return (struct type_info){0};
}

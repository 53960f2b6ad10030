#include "policy/type.h"

#include "base/err.h"

#define TYPE(name, class) {{name, sizeof name - 1}, class}
static const struct { Str name; enum type_class class; } names[] = {
    TYPE("VARCHAR", TYPE_TEXT), TYPE("TEXT", TYPE_TEXT), TYPE("STRING", TYPE_TEXT), TYPE("CHAR", TYPE_TEXT),
    TYPE("BPCHAR", TYPE_TEXT), TYPE("TINYINT", TYPE_INTEGER), TYPE("SMALLINT", TYPE_INTEGER),
    TYPE("INTEGER", TYPE_INTEGER), TYPE("INT", TYPE_INTEGER), TYPE("BIGINT", TYPE_INTEGER), TYPE("UTINYINT", TYPE_INTEGER),
    TYPE("USMALLINT", TYPE_INTEGER), TYPE("UINTEGER", TYPE_INTEGER), TYPE("UBIGINT", TYPE_INTEGER),
    TYPE("HUGEINT", TYPE_HUGE), TYPE("UHUGEINT", TYPE_UHUGE),
    TYPE("FLOAT", TYPE_FLOAT), TYPE("REAL", TYPE_FLOAT), TYPE("DOUBLE", TYPE_FLOAT),
    TYPE("BOOLEAN", TYPE_BOOL), TYPE("BOOL", TYPE_BOOL),
    TYPE("DATE", TYPE_DATE),
    TYPE("TIMESTAMP", TYPE_TIMESTAMP), TYPE("DATETIME", TYPE_TIMESTAMP), TYPE("TIMESTAMP_S", TYPE_TIMESTAMP), TYPE("TIMESTAMP_MS", TYPE_TIMESTAMP),
    TYPE("TIMESTAMP_NS", TYPE_TIMESTAMP_NS),
    TYPE("TIMESTAMP WITH TIME ZONE", TYPE_TIMESTAMP_TZ), TYPE("TIMESTAMPTZ", TYPE_TIMESTAMP_TZ),
    TYPE("TIME", TYPE_TIME), TYPE("UUID", TYPE_UUID), TYPE("BLOB", TYPE_BLOB), TYPE("BYTEA", TYPE_BLOB),
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
		if (type.n == names[i].name.n && str_ieq(type, names[i].name)) return (struct type_info){.class = names[i].class};
	if (str_ieq(type, S("DECIMAL")) || str_ieq(type, S("NUMERIC"))) return (struct type_info){TYPE_DECIMAL, 18, 3};
	if (type.n > 7 && (str_ieq(str_of(type.p, 7), S("DECIMAL")) || str_ieq(str_of(type.p, 7), S("NUMERIC"))) &&
	    decimal(str_of(type.p + 7, type.n - 7), &info))
		return info;
	return (struct type_info){0};
}

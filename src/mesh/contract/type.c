#include <stdlib.h>

#include "mesh/contract/contract.h"

/* What kind of value a type holds, so that names of other systems can be compared with DuckDB's. */
enum family { F_OTHER, F_TEXT, F_INTEGER, F_NUMBER, F_BOOLEAN, F_DATE, F_TIMESTAMP, F_TIME, F_STRUCT, F_LIST, F_MAP };

static const struct { const char *name; enum family family; } families[] = {
    {"VARCHAR", F_TEXT}, {"CHAR", F_TEXT}, {"TEXT", F_TEXT}, {"STRING", F_TEXT}, {"UUID", F_TEXT}, {"ENUM", F_TEXT}, {"JSON", F_TEXT},
    {"TINYINT", F_INTEGER}, {"SMALLINT", F_INTEGER}, {"INTEGER", F_INTEGER}, {"INT", F_INTEGER}, {"BIGINT", F_INTEGER},
    {"HUGEINT", F_INTEGER}, {"UTINYINT", F_INTEGER}, {"USMALLINT", F_INTEGER}, {"UINTEGER", F_INTEGER}, {"UBIGINT", F_INTEGER},
    {"UHUGEINT", F_INTEGER}, {"INT32", F_INTEGER}, {"INT64", F_INTEGER}, {"LONG", F_INTEGER}, {"BIGNUM", F_INTEGER},
    {"FLOAT", F_NUMBER}, {"DOUBLE", F_NUMBER}, {"REAL", F_NUMBER}, {"DECIMAL", F_NUMBER}, {"NUMERIC", F_NUMBER},
    {"DOUBLE PRECISION", F_NUMBER}, {"BOOLEAN", F_BOOLEAN}, {"BOOL", F_BOOLEAN}, {"DATE", F_DATE},
    {"TIMESTAMP", F_TIMESTAMP}, {"TIMESTAMP_S", F_TIMESTAMP}, {"TIMESTAMP_MS", F_TIMESTAMP}, {"TIMESTAMP_NS", F_TIMESTAMP},
    {"TIMESTAMP WITH TIME ZONE", F_TIMESTAMP}, {"TIMESTAMPTZ", F_TIMESTAMP}, {"DATETIME", F_TIMESTAMP},
    {"TIME", F_TIME}, {"TIMETZ", F_TIME}, {"TIME_NS", F_TIME}, {"TIME WITH TIME ZONE", F_TIME},
    {"STRUCT", F_STRUCT}, {"MAP", F_MAP},
};

static enum family
family_of(Str type)
{
	Str base;

	if (str_ends(type, S("]"))) return F_LIST;
	(void)str_cut(type, '(', &base);
	base = str_trim(base);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (str_ieq(base, str_c(families[i].name))) return families[i].family;
	return F_OTHER;
}

/* DECIMAL(p,0) holds whole numbers. */
static bool
decimal_is_whole(Str type)
{
	return str_starts(type, S("DECIMAL(")) && str_ends(type, S(",0)"));
}

static bool
logical_accepts(enum logical_type want, Str type)
{
	static const enum family families_of[] = {[LOGICAL_STRING] = F_TEXT, [LOGICAL_DATE] = F_DATE, [LOGICAL_TIMESTAMP] = F_TIMESTAMP,
	    [LOGICAL_TIME] = F_TIME, [LOGICAL_NUMBER] = F_NUMBER, [LOGICAL_INTEGER] = F_INTEGER, [LOGICAL_OBJECT] = F_STRUCT,
	    [LOGICAL_ARRAY] = F_LIST, [LOGICAL_BOOLEAN] = F_BOOLEAN, [LOGICAL_MAP] = F_MAP, [LOGICAL_VECTOR] = F_LIST};
	enum family has = family_of(type);

	if (want == LOGICAL_NUMBER && has == F_INTEGER) return true;
	if (want == LOGICAL_INTEGER && decimal_is_whole(type)) return true;
	return has == families_of[want];
}

/* physicalType is free text of the source: it only counts where there is no logicalType, and where its name is known. */
static bool
type_fits(const struct contract_property *p, Str type)
{
	if (p->type != LOGICAL_NONE) return logical_accepts(p->type, type);
	enum family want = family_of(p->physical_type);
	return want == F_OTHER || want == family_of(type);
}

static Str
promised(const struct contract_property *p)
{
	return p->type != LOGICAL_NONE ? str_c(logical_type_name(p->type)) : p->physical_type;
}

Err
contract_type_accepts(struct ctx *c, Str table, const struct contract_property *p, Str type)
{
	Str want = promised(p);

	ENSURE(c, type_fits(p, type), CONTRACT, "table %.*s, column %.*s: the contract says %.*s, the file has %.*s", STR(table),
	    STR(p->name), STR(want), STR(type));
	return OK;
}

static const struct contract_file_column *
file_column(const struct contract_file_column *columns, size_t n, Str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(columns[i].name, name)) return &columns[i];
	return NULL;
}

/* DuckDB tells columns apart without regard to case, and so do we: "A" beside "a" cannot be published. Nor can what hides the names by
 * which it tells where a row comes from. */
static Err
twins_check(struct ctx *c, const struct contract_table *t, const struct contract_file_column *columns, size_t n)
{
	for (size_t i = 1; i < n; i++)
		ENSURE(c, !file_column(columns, i, columns[i].name), CONTRACT,
		    "table %.*s: the file has column %.*s twice (case does not count)", STR(t->name), STR(columns[i].name));
	ENSURE(c, !file_column(columns, n, S("file_index")) && !file_column(columns, n, S("file_row_number")), CONTRACT,
	    "table %.*s: no column may be called file_index or file_row_number", STR(t->name));
	return OK;
}

enum { TOLD_MAX = 10 };

Err
contract_columns_check(
    struct ctx *c, const struct contract_table *t, const struct contract_file_column *columns, size_t n, size_t *ret_extra)
{
	BUF_AUTO wrong = BUF_INIT;
	size_t count = 0, extra = 0;

	TRY(twins_check(c, t, columns, n));
	for (size_t i = 0; i < t->column_count; i++) {
		const struct contract_property *p = &t->columns[i];
		const struct contract_file_column *f = file_column(columns, n, p->name);
		if (f && type_fits(p, f->type)) continue;
		if (++count > TOLD_MAX) continue;
		buf_printf(&wrong, "%scolumn %.*s", count > 1 ? "; " : "", STR(p->name));
		if (f)
			buf_printf(&wrong, ": the contract says %.*s, the file has %.*s", STR(promised(p)), STR(f->type));
		else
			buf_c(&wrong, " is missing");
	}
	for (size_t i = 0; i < n; i++) {
		if (contract_column_get(t, columns[i].name)) continue;
		extra++;
		if (ret_extra || ++count > TOLD_MAX) continue;
		buf_printf(&wrong, "%scolumn %.*s is not in the contract", count > 1 ? "; " : "", STR(columns[i].name));
	}
	if (count > TOLD_MAX) buf_printf(&wrong, "; and %zu more", count - TOLD_MAX);
	ENSURE(c, count == 0, CONTRACT, "table %.*s: %s", STR(t->name), buf_z(&wrong));
	if (ret_extra) *ret_extra = extra;
	return OK;
}

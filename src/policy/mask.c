#include "policy/policy.h"
#include "policy/type.h"

static const char *const names[MASK_KIND_COUNT] = {
    [MASK_NONE] = "none", [MASK_LAST_FOUR] = "last4", [MASK_YEAR] = "year", [MASK_HASH] = "hash", [MASK_CONSTANT] = "constant",
    [MASK_NULL] = "null"};

bool
mask_parse(Str name, enum mask_kind *ret)
{
	for (size_t i = 0; i < MASK_KIND_COUNT; i++)
		if (str_eqc(name, names[i])) {
			*ret = (enum mask_kind)i;
			return true;
		}
	return false;
}

const char *
mask_name(enum mask_kind kind)
{
	return kind < MASK_KIND_COUNT ? names[kind] : "unknown";
}

/* An unknown one counts as the strictest. Of two that each tell a part neither tells less than the other: equal hashes, for one, are equal whole
 * values, which the last four characters of them are not. */
enum mask_kind
mask_stricter(enum mask_kind a, enum mask_kind b)
{
	enum mask_kind later = a > b ? a : b, other = a > b ? b : a;

	if (later >= MASK_KIND_COUNT) return MASK_NULL;
	return later < MASK_CONSTANT && other != MASK_NONE && other != later ? MASK_CONSTANT : later;
}

bool
mask_fits(enum mask_kind kind, Str type)
{
	enum type_class class = type_of(type).class;

	if (kind == MASK_LAST_FOUR) return class == TYPE_TEXT;
	if (kind == MASK_YEAR) return class == TYPE_DATE || class == TYPE_TIMESTAMP || class == TYPE_TIMESTAMP_NS;
	return kind < MASK_KIND_COUNT;
}

Str
policy_masked_type(const struct policy_column *col, enum mask_kind mask)
{
	bool text = mask_fits(mask, col->type) && (mask == MASK_HASH || mask == MASK_LAST_FOUR);

	return text ? S("VARCHAR") : col->type;
}

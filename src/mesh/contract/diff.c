#include <stdlib.h>

#include "mesh/contract/contract.h"

/* The changes found so far. */
struct diff {
	struct arena *arena;
	struct contract_change *all;
	size_t n, cap;
	Str table, column; /* where we are */
};

enum weight { PATCH, MINOR, MAJOR };

static void
changed(struct diff *d, enum change_kind kind, enum weight w, Str what)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 16;
		struct contract_change *more = NEW_N(d->arena, cap, struct contract_change);
		if (d->n) memcpy(more, d->all, d->n * sizeof *more);
		d->all = more;
		d->cap = cap;
	}
	Str text = d->column.n ? arena_printf(d->arena, "%.*s.%.*s: %.*s", STR(d->table), STR(d->column), STR(what))
	    : d->table.n       ? arena_printf(d->arena, "%.*s: %.*s", STR(d->table), STR(what))
	                       : arena_printf(d->arena, "%.*s", STR(what));
	d->all[d->n++] = (struct contract_change){
	    .kind = kind, .breaking = w == MAJOR, .additive = w == MINOR, .table = d->table, .column = d->column, .text = text};
}

#define CHANGED(d, kind, weight, ...) changed((d), (kind), (weight), arena_printf((d)->arena, __VA_ARGS__))

/* --- columns --- */

static Str
type_text(const struct contract_property *p)
{
	return p->type ? str_c(logical_type_name(p->type)) : p->physical_type.n ? p->physical_type : S("any type");
}

static bool
value_in(const struct contract_value *v, const struct contract_value *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind == v->kind && str_eq(list[i].text, v->text)) return true;
	return false;
}

/* What readers rely on is that no value outside the list comes. */
static void
allowed_diff(struct diff *d, const struct contract_property *a, const struct contract_property *b)
{
	if (a->allowed_count && !b->allowed_count) return CHANGED(d, CHANGE_VALUES, MAJOR, "the list of values is gone");
	if (!a->allowed_count && b->allowed_count) return CHANGED(d, CHANGE_VALUES, MINOR, "values are now from a list");
	for (size_t i = 0; i < b->allowed_count; i++)
		if (!value_in(&b->allowed[i], a->allowed, a->allowed_count))
			CHANGED(d, CHANGE_VALUES, MAJOR, "value '%.*s' added", STR(b->allowed[i].text));
	for (size_t i = 0; i < a->allowed_count; i++)
		if (!value_in(&a->allowed[i], b->allowed, b->allowed_count))
			CHANGED(d, CHANGE_VALUES, MINOR, "value '%.*s' removed", STR(a->allowed[i].text));
}

static int
value_cmp(const struct contract_value *a, const struct contract_value *b)
{
	if (a->kind != VALUE_NUMBER || b->kind != VALUE_NUMBER) return str_cmp(a->text, b->text); /* ISO dates sort as text */
	double x = strtod(a->text.p, NULL), y = strtod(b->text.p, NULL);
	return (x > y) - (x < y);
}

/* One end of a range. `side`: -1 for the minimum, 1 for the maximum. */
static void
bound_diff(struct diff *d, const char *name, int side, bool had, bool has, bool was_exclusive, bool is_exclusive,
    const struct contract_value *a, const struct contract_value *b)
{
	if (!had && !has) return;
	if (had && !has) return CHANGED(d, CHANGE_RANGE, MAJOR, "%s %.*s is gone", name, STR(a->text));
	if (!had) return CHANGED(d, CHANGE_RANGE, MINOR, "%s %.*s added", name, STR(b->text));
	int moved = value_cmp(b, a) * side; /* > 0: outwards */
	if (moved == 0) moved = was_exclusive - is_exclusive;
	if (moved) CHANGED(d, CHANGE_RANGE, moved > 0 ? MAJOR : MINOR, "%s changed from %.*s to %.*s", name, STR(a->text), STR(b->text));
}

static struct contract_value
length_value(struct diff *d, int64_t v)
{
	return (struct contract_value){VALUE_NUMBER, arena_printf(d->arena, "%lld", (long long)v)};
}

static void
options_diff(struct diff *d, const struct contract_options *a, const struct contract_options *b)
{
	struct contract_value low[2] = {length_value(d, a->min_length), length_value(d, b->min_length)};
	struct contract_value high[2] = {length_value(d, a->max_length), length_value(d, b->max_length)};

	bound_diff(d, "minimum", -1, a->has_min, b->has_min, a->min_exclusive, b->min_exclusive, &a->min, &b->min);
	bound_diff(d, "maximum", 1, a->has_max, b->has_max, a->max_exclusive, b->max_exclusive, &a->max, &b->max);
	bound_diff(d, "minimum length", -1, a->has_min_length, b->has_min_length, false, false, &low[0], &low[1]);
	bound_diff(d, "maximum length", 1, a->has_max_length, b->has_max_length, false, false, &high[0], &high[1]);
	if (!str_eq(a->pattern, b->pattern)) CHANGED(d, CHANGE_RANGE, a->pattern.n ? MAJOR : MINOR, "the pattern changed");
	if (!str_eq(a->multiple_of, b->multiple_of)) CHANGED(d, CHANGE_RANGE, a->has_multiple_of ? MAJOR : MINOR, "multipleOf changed");
}

static bool
texts_eq(const Str *a, size_t an, const Str *b, size_t bn)
{
	if (an != bn) return false;
	for (size_t i = 0; i < an; i++)
		if (!str_eq(a[i], b[i])) return false;
	return true;
}

static bool
rule_eq(const struct contract_rule *a, const struct contract_rule *b)
{
	if (a->type != b->type || a->metric != b->metric || a->op != b->op || a->percent != b->percent) return false;
	for (size_t i = 0; i < 2; i++)
		if (a->operands[i].kind != b->operands[i].kind || !str_eq(a->operands[i].text, b->operands[i].text)) return false;
	if (a->value_count != b->value_count || !str_eq(a->query, b->query) || !str_eq(a->pattern, b->pattern)) return false;
	for (size_t i = 0; i < a->value_count; i++)
		if (!value_in(&a->values[i], b->values, b->value_count)) return false;
	return str_eq(a->severity, b->severity) && texts_eq(a->columns, a->column_count, b->columns, b->column_count);
}

static void
rules_diff(struct diff *d, const struct contract_rule *a, size_t an, const struct contract_rule *b, size_t bn)
{
	size_t same = 0;

	for (size_t i = 0; i < bn; i++)
		for (size_t j = 0; j < an; j++)
			if (rule_eq(&a[j], &b[i])) {
				same++;
				break;
			}
	if (an != bn || same != bn) CHANGED(d, CHANGE_RULE, MINOR, "quality rules changed");
}

static bool
custom_eq(const struct contract_custom *a, size_t an, const struct contract_custom *b, size_t bn)
{
	if (an != bn) return false;
	for (size_t i = 0; i < an; i++)
		if (!str_eq(a[i].property, b[i].property) || !str_eq(a[i].json, b[i].json)) return false;
	return true;
}

static bool
column_texts_eq(const struct contract_property *a, const struct contract_property *b)
{
	return str_eq(a->title, b->title) && str_eq(a->description, b->description) && str_eq(a->semantic_type, b->semantic_type) &&
	    a->deprecated == b->deprecated && a->critical == b->critical && a->partitioned == b->partitioned &&
	    texts_eq(a->tags, a->tag_count, b->tags, b->tag_count) &&
	    texts_eq(a->examples, a->example_count, b->examples, b->example_count) &&
	    custom_eq(a->custom, a->custom_count, b->custom, b->custom_count);
}

static void
column_diff(struct diff *d, const struct contract_property *a, const struct contract_property *b)
{
	d->column = b->name;
	if (a->type != b->type)
		CHANGED(d, CHANGE_TYPE, MAJOR, "type changed from %.*s to %.*s", STR(type_text(a)), STR(type_text(b)));
	else if (!str_ieq(a->physical_type, b->physical_type))
		CHANGED(d, CHANGE_TYPE, a->physical_type.n ? MAJOR : MINOR, "physical type changed from '%.*s' to '%.*s'",
		    STR(a->physical_type), STR(b->physical_type));
	if (a->required && !b->required) CHANGED(d, CHANGE_OPTIONAL, MAJOR, "is no longer required: readers will meet nulls");
	if (!a->required && b->required) CHANGED(d, CHANGE_REQUIRED, MINOR, "is now required");
	if (a->unique != b->unique) CHANGED(d, CHANGE_UNIQUE, a->unique ? MAJOR : MINOR, "is %s unique", a->unique ? "no longer" : "now");
	if (!str_eq(a->classification, b->classification))
		CHANGED(d, CHANGE_CLASSIFICATION, MINOR, "classification changed from '%.*s' to '%.*s'", STR(a->classification),
		    STR(b->classification));
	allowed_diff(d, a, b);
	if (a->type == b->type) options_diff(d, &a->options, &b->options);
	rules_diff(d, a->rules, a->rule_count, b->rules, b->rule_count);
	if (!column_texts_eq(a, b)) CHANGED(d, CHANGE_TEXT, PATCH, "descriptive parts changed");
	d->column = S("");
}

/* --- tables --- */

static void
references_diff(struct diff *d, const struct contract_table *a, const struct contract_table *b)
{
	bool same = a->reference_count == b->reference_count;

	for (size_t i = 0; same && i < a->reference_count; i++) same = str_eq(a->references[i].text, b->references[i].text);
	if (!same) CHANGED(d, CHANGE_REFERENCE, MINOR, "relationships changed");
}

static void
table_diff(struct diff *d, const struct contract_table *a, const struct contract_table *b)
{
	d->table = b->name;
	if (!texts_eq(a->key, a->key_count, b->key, b->key_count))
		CHANGED(d, CHANGE_KEY, a->key_count ? MAJOR : MINOR, "the primary key changed");
	for (size_t i = 0; i < b->column_count; i++) {
		const struct contract_property *old = contract_column_get(a, b->columns[i].name);
		if (old) {
			column_diff(d, old, &b->columns[i]);
			continue;
		}
		d->column = b->columns[i].name;
		CHANGED(d, CHANGE_COLUMN_ADDED, MINOR, "column added (%.*s)", STR(type_text(&b->columns[i])));
		d->column = S("");
	}
	for (size_t i = 0; i < a->column_count; i++) {
		if (contract_column_get(b, a->columns[i].name)) continue;
		d->column = a->columns[i].name;
		CHANGED(d, CHANGE_COLUMN_REMOVED, MAJOR, "column removed");
		d->column = S("");
	}
	rules_diff(d, a->rules, a->rule_count, b->rules, b->rule_count);
	references_diff(d, a, b);
	if (!str_eq(a->title, b->title) || !str_eq(a->description, b->description) || !str_eq(a->granularity, b->granularity) ||
	    !texts_eq(a->tags, a->tag_count, b->tags, b->tag_count) || !custom_eq(a->custom, a->custom_count, b->custom, b->custom_count))
		CHANGED(d, CHANGE_TEXT, PATCH, "descriptive parts changed");
	d->table = S("");
}

/* Everything of the contract that is for people, as one text to compare. */
static Str
descriptive(struct arena *a, const struct contract *k)
{
	BUF_AUTO b = BUF_INIT;
	const Str texts[] = {k->title, k->status, k->tenant, k->usage, k->purpose, k->limitations, k->terms, k->team, k->team_description,
	    k->price.amount, k->price.currency, k->price.unit, k->id};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) buf_json(&b, texts[i]);
	for (size_t i = 0; i < k->tag_count; i++) buf_json(&b, k->tags[i]);
	for (size_t i = 0; i < k->member_count; i++) buf_json(&b, k->members[i].username), buf_json(&b, k->members[i].role);
	for (size_t i = 0; i < k->support_count; i++) buf_json(&b, k->support[i].channel), buf_json(&b, k->support[i].url);
	for (size_t i = 0; i < k->role_count; i++) buf_json(&b, k->roles[i].role), buf_json(&b, k->roles[i].approvers);
	for (size_t i = 0; i < k->custom_count; i++) buf_json(&b, k->custom[i].property), buf_json(&b, k->custom[i].json);
	for (size_t i = 0; i < k->sla_count; i++) {
		const struct contract_sla *s = &k->slas[i];
		buf_json(&b, s->property), buf_json(&b, s->value), buf_json(&b, s->unit), buf_json(&b, s->element);
	}
	return arena_str(a, buf_view(&b));
}

Err
contract_diff(struct ctx *c, const struct contract *from, const struct contract *to, const struct contract_change **ret, size_t *ret_n)
{
	struct diff d = {.arena = c->arena, .table = S(""), .column = S("")};

	for (size_t i = 0; i < to->table_count; i++) {
		const struct contract_table *old = contract_table_get(from, to->tables[i].name);
		if (old) {
			table_diff(&d, old, &to->tables[i]);
			continue;
		}
		d.table = to->tables[i].name;
		CHANGED(&d, CHANGE_TABLE_ADDED, MINOR, "table added");
	}
	for (size_t i = 0; i < from->table_count; i++) {
		if (contract_table_get(to, from->tables[i].name)) continue;
		d.table = from->tables[i].name;
		CHANGED(&d, CHANGE_TABLE_REMOVED, MAJOR, "table removed");
	}
	d.table = S("");
	if (!str_eq(descriptive(c->arena, from), descriptive(c->arena, to))) CHANGED(&d, CHANGE_TEXT, PATCH, "descriptive parts changed");
	*ret = d.all;
	*ret_n = d.n;
	return OK;
}

/* --- versions --- */

/* Semantic Versioning 2.0.0: of 0.y.z the minor number counts as the major one. */
static struct contract_version
least(struct contract_version v, enum weight w)
{
	if (v.major == 0 && w != PATCH) w--;
	if (w == MAJOR) return (struct contract_version){v.major + 1, 0, 0};
	if (w == MINOR) return (struct contract_version){v.major, v.minor + 1, 0};
	return (struct contract_version){v.major, v.minor, v.patch + 1};
}

static void
changes_print(struct buf *b, const struct contract_change *all, size_t n, enum weight w)
{
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		if (w == MAJOR ? !all[i].breaking : w == MINOR ? !all[i].additive : false) continue;
		if (++told <= 5) buf_printf(b, "%s%.*s", told > 1 ? "; " : "", STR(all[i].text));
	}
	if (told > 5) buf_printf(b, "; and %zu more", told - 5);
}

Err
contract_version_check(struct ctx *c, const struct contract *from, const struct contract *to)
{
	static const char *const verbs[] = {"differs from", "adds to", "breaks readers of"};
	BUF_AUTO b = BUF_INIT;
	const struct contract_change *all;
	size_t n;
	enum weight w = PATCH;

	ENSURE(c, str_eq(from->domain, to->domain) && str_eq(from->product, to->product), INVALID,
	    "the contract is about %.*s.%.*s, not about %.*s.%.*s", STR(to->domain), STR(to->product), STR(from->domain),
	    STR(from->product));
	TRY(contract_diff(c, from, to, &all, &n));
	int grown = contract_version_cmp(to->version, from->version);
	ENSURE(c, grown >= 0, INVALID, "version %.*s is older than the published %.*s", STR(to->version_text), STR(from->version_text));
	if (n == 0) return OK;
	for (size_t i = 0; i < n; i++) {
		if (all[i].breaking) w = MAJOR;
		if (all[i].additive && w == PATCH) w = MINOR;
	}
	struct contract_version need = least(from->version, w);
	if (contract_version_cmp(to->version, need) >= 0) return OK;
	changes_print(&b, all, n, w);
	return err_set(c, ERR_INVALID, "version %.*s %s %.*s: %s; this needs version %u.%u.%u or later", STR(to->version_text), verbs[w],
	    STR(from->version_text), buf_z(&b), need.major, need.minor, need.patch);
}

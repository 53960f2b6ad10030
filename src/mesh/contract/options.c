#include "mesh/contract/build.h"

static bool
digits(Str *s, size_t n, unsigned *ret)
{
	unsigned v = 0;

	if (s->n < n) return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9') return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	*s = str_of(s->p + n, s->n - n);
	*ret = v;
	return true;
}

static bool
skip(Str *s, char ch)
{
	if (s->n == 0 || s->p[0] != ch) return false;
	*s = str_of(s->p + 1, s->n - 1);
	return true;
}

static bool
day_fits(Str *s)
{
	static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned y, m, d;

	if (!digits(s, 4, &y) || !skip(s, '-') || !digits(s, 2, &m) || !skip(s, '-') || !digits(s, 2, &d)) return false;
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > days[m - 1]) return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m != 2 || d < 29 || leap;
}

/* hh:mm[:ss[.ffffff]] */
static bool
clock_fits(Str *s)
{
	unsigned h, m, sec, one;
	size_t n = 0;

	if (!digits(s, 2, &h) || !skip(s, ':') || !digits(s, 2, &m) || h > 23 || m > 59) return false;
	if (!skip(s, ':')) return true;
	if (!digits(s, 2, &sec) || sec > 59) return false;
	if (!skip(s, '.')) return true;
	while (n < 6 && digits(s, 1, &one)) n++;
	return n > 0;
}

/* Z or ±hh:mm, or nothing */
static bool
zone_fits(Str *s)
{
	unsigned h, m;

	if (s->n == 0 || skip(s, 'Z')) return true;
	if (!skip(s, '+') && !skip(s, '-')) return false;
	return digits(s, 2, &h) && skip(s, ':') && digits(s, 2, &m) && h < 24 && m < 60;
}

/* Would DuckDB read this literal? Only then may it stand in a scan, which it must not make fail. */
static bool
moment_fits(enum logical_type type, Str s)
{
	if (type == LOGICAL_TIME) return clock_fits(&s) && s.n == 0;
	if (!day_fits(&s)) return false;
	if (type == LOGICAL_DATE) return s.n == 0;
	if (s.n == 0) return true;
	return (skip(&s, 'T') || skip(&s, ' ')) && clock_fits(&s) && zone_fits(&s) && s.n == 0;
}

static bool
is_moment(enum logical_type t)
{
	return t == LOGICAL_DATE || t == LOGICAL_TIMESTAMP || t == LOGICAL_TIME;
}

bool
contract_value_fits(enum logical_type type, const struct node *n)
{
	double number;
	bool truth;

	switch (type) {
	case LOGICAL_INTEGER:
	case LOGICAL_NUMBER: return node_number(n, &number);
	case LOGICAL_BOOLEAN: return node_bool(n, &truth);
	case LOGICAL_DATE:
	case LOGICAL_TIMESTAMP:
	case LOGICAL_TIME: return n->kind == NODE_SCALAR && n->type == SCALAR_TEXT && moment_fits(type, n->text);
	case LOGICAL_STRING: return n->kind == NODE_SCALAR && n->type == SCALAR_TEXT;
	default: return n->kind == NODE_SCALAR;
	}
}

/* One end of the range: `key` or `exclusive…`; before v3.1 the latter was a flag of the former. */
static Err
bound_read(struct ctx *c, const struct node *options, enum logical_type type, const char *key, const char *exclusive_key, bool *has,
    bool *exclusive, struct contract_value *value)
{
	const struct node *n = node_get(options, str_c(key)), *x = node_get(options, str_c(exclusive_key));

	if (n && node_bool(x, exclusive)) x = NULL;
	ENSURE(c, !n || !x, INVALID, AT "give either '%s' or '%s'", KEY_PLACE(x), key, exclusive_key);
	if (x) n = x, *exclusive = true;
	if (!n) return OK;
	ENSURE(c, contract_value_fits(type, n), INVALID, AT "'%.*s' must be %s", PLACE(n), STR(n->key),
	    is_moment(type) ? "a text such as '2017-01-31', '2017-01-31T10:00:00' or '10:00:00', as the type wants" : "a number");
	*has = true;
	*value = contract_value_of(n);
	return OK;
}

static Err
length_read(struct ctx *c, const struct node *options, const char *key, bool *has, int64_t *ret)
{
	const struct node *n = node_get(options, str_c(key));

	if (!n) return OK;
	ENSURE(c, node_int(n, ret) && *ret >= 0, INVALID, AT "'%s' must be 0 or more", PLACE(n), key);
	*has = true;
	return OK;
}

static Err
ranges_check(struct ctx *c, const struct node *n, const struct contract_options *o, bool numeric)
{
	if (o->has_min_length && o->has_max_length)
		ENSURE(c, o->min_length <= o->max_length, INVALID, AT "minLength is greater than maxLength", PLACE(n));
	if (!numeric || !o->has_min || !o->has_max) return OK;
	double low = 0, high = 0;
	const struct node *a = node_get(n, S("minimum")), *b = node_get(n, S("maximum"));
	(void)node_number(a ? a : node_get(n, S("exclusiveMinimum")), &low);
	(void)node_number(b ? b : node_get(n, S("exclusiveMaximum")), &high);
	ENSURE(c, low <= high, INVALID, AT "the minimum is greater than the maximum", PLACE(n));
	return OK;
}

Err
contract_options_read(struct ctx *c, const struct node *property, struct contract_property *p)
{
	const struct node *n = node_get(property, S("logicalTypeOptions"));
	struct contract_options *o = &p->options;
	bool ranged = is_moment(p->type) || p->type == LOGICAL_INTEGER || p->type == LOGICAL_NUMBER;
	double multiple;

	*o = (struct contract_options){.pattern = text_at(n, "pattern"), .format = text_at(n, "format")};
	if (!n) return OK;
	TRY(contract_block_check(c, &contract_block_options[p->type], n));
	TRY(length_read(c, n, "minLength", &o->has_min_length, &o->min_length));
	TRY(length_read(c, n, "maxLength", &o->has_max_length, &o->max_length));
	if (ranged) {
		TRY(bound_read(c, n, p->type, "minimum", "exclusiveMinimum", &o->has_min, &o->min_exclusive, &o->min));
		TRY(bound_read(c, n, p->type, "maximum", "exclusiveMaximum", &o->has_max, &o->max_exclusive, &o->max));
	}
	const struct node *m = node_get(n, S("multipleOf"));
	if (m) {
		ENSURE(c, node_number(m, &multiple) && multiple > 0, INVALID, AT "'multipleOf' must be greater than 0", PLACE(m));
		o->has_multiple_of = true;
		o->multiple_of = m->text;
	}
	return ranges_check(c, n, o, p->type == LOGICAL_INTEGER || p->type == LOGICAL_NUMBER);
}

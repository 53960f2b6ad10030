#include "cmd/settings.h"

#include <sched.h>

#include "cmd/role.h"
#include "codec/yaml.h"
#include "net/address.h"

#define KiB(n) (UINT64_C(n) << 10)
#define MiB(n) (UINT64_C(n) << 20)
#define GiB(n) (UINT64_C(n) << 30)
#define TiB(n) (UINT64_C(n) << 40)

enum kind { SIZE, TIME, COUNT };

struct setting {
	const char *key;
	enum kind kind;
	uint64_t normal, least, most;
	size_t offset;
	size_t width; /* of the field */
};

static const struct setting settings[] = {
#define SETTING(key, field, kind, normal, least, most, what)                                                                   \
	{#key, kind, normal, least, most, offsetof(struct core_limits, field), sizeof(((struct core_limits *)0)->field)},
#include "cmd/settings.def"
#undef SETTING
};
_Static_assert(ARRAY_LEN(settings) + 1 <= SETTINGS_ARGS_MAX, "more settings than arguments");

static uint64_t
get(const struct core_limits *l, const struct setting *s)
{
	const char *at = (const char *)l + s->offset;
	uint64_t wide;
	unsigned narrow;

	if (s->width == sizeof wide) {
		memcpy(&wide, at, sizeof wide);
		return wide;
	}
	memcpy(&narrow, at, sizeof narrow);
	return narrow;
}

static void
set(struct core_limits *l, const struct setting *s, uint64_t value)
{
	char *at = (char *)l + s->offset;
	unsigned narrow = (unsigned)value;

	if (s->width == sizeof value)
		memcpy(at, &value, sizeof value);
	else
		memcpy(at, &narrow, sizeof narrow);
}

static unsigned
cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) < 0) return 2;
	int n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > 8 ? 8 : (unsigned)n;
}

void
settings_default(struct settings *ret)
{
	*ret = (struct settings){.limits.webhook_allow = ""};
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) set(&ret->limits, &settings[i], settings[i].normal);
	ret->limits.threads = cpus();
}

/* --- numbers with units --- */

struct unit {
	const char *name;
	uint64_t factor;
};

static bool
with_unit(Str text, const struct unit *units, size_t n, uint64_t *ret)
{
	size_t digits = 0;
	uint64_t v;

	text = str_trim(text);
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9') digits++;
	if (!str_u64(str_of(text.p, digits), &v)) return false;
	Str name = str_trim(str_of(text.p + digits, text.n - digits));
	for (size_t i = 0; i < n; i++)
		if (str_ieq(name, str_c(units[i].name))) return !__builtin_mul_overflow(v, units[i].factor, ret);
	return false;
}

bool
settings_size(Str text, uint64_t *ret)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"KiB", KiB(1)}, {"MiB", MiB(1)}, {"GiB", GiB(1)}, {"TiB", TiB(1)},
	    {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", UINT64_C(1000000000000)}};
	uint64_t v;

	if (!with_unit(text, units, ARRAY_LEN(units), &v)) return false;
	*ret = v;
	return true;
}

bool
settings_time(Str text, uint64_t *ret)
{
	static const struct unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
	uint64_t v;

	if (!with_unit(text, units, ARRAY_LEN(units), &v)) return false;
	*ret = v;
	return true;
}

/* --- the file --- */

#define AT(n) (n)->key_line, (n)->key_column

static const char *
expected(enum kind kind)
{
	return kind == SIZE ? "a size like 2GiB" : kind == TIME ? "a time like 30s" : "a whole number";
}

static Err
take_limit(struct ctx *c, const struct node *n, const struct setting *s, struct core_limits *l)
{
	uint64_t v = 0;
	bool ok = n->kind == NODE_SCALAR;

	if (ok) ok = s->kind == SIZE ? settings_size(n->text, &v) : s->kind == TIME ? settings_time(n->text, &v) : str_u64(n->text, &v);
	ENSURE(c, ok, INVALID, "line %u, column %u: %s must be %s", AT(n), s->key, expected(s->kind));
	ENSURE(c, v >= s->least && v <= s->most, INVALID, "line %u, column %u: %s must be from %llu to %llu%s", AT(n), s->key,
	       (unsigned long long)s->least, (unsigned long long)s->most, s->kind == SIZE ? " bytes" : s->kind == TIME ? " ms" : "");
	set(l, s, v);
	return OK;
}

static Err
take_text(struct ctx *c, const struct node *n, const char **ret)
{
	ENSURE(c, n->kind == NODE_SCALAR && n->text.n > 0, INVALID, "line %u, column %u: %.*s must be a text", AT(n), STR(n->key));
	*ret = arena_dup(c->arena, n->text.p, n->text.n);
	return OK;
}

static Err
take_addresses(struct ctx *c, const struct node *n, const char **ret)
{
	struct address_list list;
	const char *text;

	TRY(take_text(c, n, &text));
	Err e = address_list_parse(c, str_c(text), &list);
	if (!err_ok(e)) return err_set(c, ERR_INVALID, "line %u, column %u: webhook_allow: %s", AT(n), arena_printf(c->arena, "%s", c->detail).p);
	*ret = text;
	return OK;
}

/* A program and its arguments, as a list: no shell takes a text apart. */
static Err
take_command(struct ctx *c, const struct node *n, const char *const **ret)
{
	const char **argv = NEW_N(c->arena, n->count + 1, const char *);
	size_t i = 0;

	ENSURE(c, n->kind == NODE_SEQ && n->count >= 1 && n->count <= 32, INVALID, "line %u, column %u: %.*s must be a list: a program and its arguments",
	       AT(n), STR(n->key));
	for (const struct node *part = n->first; part; part = part->next) {
		ENSURE(c, part->kind == NODE_SCALAR && part->text.n > 0, INVALID, "line %u, column %u: %.*s must be a list of texts", AT(n), STR(n->key));
		argv[i++] = arena_dup(c->arena, part->text.p, part->text.n);
	}
	ENSURE(c, argv[0][0] == '/', INVALID, "line %u, column %u: %.*s must name its program from the root on, like /usr/bin/vault", AT(n), STR(n->key));
	*ret = argv;
	return OK;
}

static Err
take(struct ctx *c, const struct node *n, struct settings *s)
{
	if (str_eqc(n->key, "http")) return take_text(c, n, &s->http);
	if (str_eqc(n->key, "tls_certificate")) return take_text(c, n, &s->tls_certificate);
	if (str_eqc(n->key, "tls_key")) return take_text(c, n, &s->tls_key);
	if (str_eqc(n->key, "root_key_file")) return take_text(c, n, &s->root_key_file);
	if (str_eqc(n->key, "root_key_command")) return take_command(c, n, &s->root_key_command);
	if (str_eqc(n->key, "webhook_allow")) return take_addresses(c, n, &s->limits.webhook_allow);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (str_eqc(n->key, settings[i].key)) return take_limit(c, n, &settings[i], &s->limits);
	return err_set(c, ERR_INVALID, "line %u, column %u: unknown setting '%.*s'", AT(n), STR(n->key));
}

Err
settings_parse(struct ctx *c, Str yaml, struct settings *s)
{
	const struct node *root;

	TRY(yaml_parse(c, yaml, &root));
	ENSURE(c, root->kind == NODE_MAP, INVALID, "line %u: the settings must be lines of 'key: value'", root->line);
	for (const struct node *n = root->first; n; n = n->next) TRY(take(c, n, s));
	if (s->limits.threads == 0) s->limits.threads = cpus();
	ENSURE(c, !s->tls_certificate == !s->tls_key, INVALID, "tls_certificate and tls_key go together");
	return OK;
}

/* --- to the core --- */

size_t
settings_args(struct arena *a, const struct core_limits *limits, const char **ret)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		ret[i] = arena_printf(a, "%s=%llu", settings[i].key, (unsigned long long)get(limits, &settings[i])).p;
	ret[ARRAY_LEN(settings)] = arena_printf(a, "webhook_allow=%s", limits->webhook_allow).p;
	return ARRAY_LEN(settings) + 1;
}

void
settings_from_args(char *const *argv, struct core_limits *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) set(ret, &settings[i], role_arg_u64(argv, settings[i].key));
	const char *allow = role_arg(argv, "webhook_allow");
	ret->webhook_allow = allow ? allow : "";
}

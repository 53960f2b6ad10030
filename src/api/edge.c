#include "api/edge.h"

#include <assert.h>
#include <stdio.h>

#include "codec/json.h"

/* --- which operation --- */

/* The next part of a path template: text, "{name}" or "{name...}". False at the end. */
static bool
template_part(Str *rest, Str *ret)
{
	if (!rest->p || rest->n == 0) return false;
	*rest = str_cut(str_of(rest->p + 1, rest->n - 1), '/', ret); /* every part has its '/' before it */
	if (rest->p) *rest = str_of(rest->p - 1, rest->n + 1);
	return true;
}

static bool
is_rest(Str part)
{
	return str_ends(part, S("...}"));
}

static bool
path_matches(const struct api_route *r, const struct target *t)
{
	Str rest = str_c(r->path), part;
	size_t i = 0;

	while (template_part(&rest, &part)) {
		if (is_rest(part)) return i < t->segment_count;
		if (i >= t->segment_count) return false;
		if (part.n == 0 || part.p[0] != '{') {
			if (!str_eq(part, t->segments[i])) return false;
		} else if (t->segments[i].n == 0) {
			return false;
		}
		i++;
	}
	return i == t->segment_count;
}

Err
api_route(struct ctx *c, Str method, const struct target *t, enum route_id *ret, Str *ret_allow)
{
	BUF_AUTO allow = BUF_INIT;

	for (int i = 0; i < ROUTE_COUNT; i++) {
		if (!path_matches(&api_routes[i], t)) continue;
		if (str_eqc(method, api_routes[i].method)) {
			*ret = (enum route_id)i;
			return OK;
		}
		buf_printf(&allow, "%s%s", allow.n ? ", " : "", api_routes[i].method);
	}
	ENSURE(c, allow.n > 0, NOT_FOUND, "there is nothing at this path; /openapi.json lists what there is");
	*ret = ROUTE_COUNT;
	*ret_allow = arena_str(c->arena, buf_view(&allow));
	return OK;
}

/* --- its arguments --- */

/* What has been gathered so far; values in the order of the parameters, p == NULL when not there. */
struct gather {
	struct ctx *c;
	const struct api_route *route;
	Str *values;
};

static const char *const roles[] = {"owner", "engineer", "analyst", "steward", "auditor", NULL};
static const char *const service_roles[] = {"analyst", "engineer", NULL};
static const char *const outcomes[] = {"ok", "refused", "failed", NULL};
static const char *const formats[] = {"json", "ndjson", "csv", "parquet", "table", NULL};
static const char *const masks[] = {"none", "last4", "year", "hash", "constant", "null", NULL};

const char *const *
api_kind_values(enum api_param_kind kind)
{
	if (kind == PARAM_ROLE) return roles;
	if (kind == PARAM_SERVICE_ROLE) return service_roles;
	if (kind == PARAM_OUTCOME) return outcomes;
	if (kind == PARAM_FORMAT) return formats;
	return kind == PARAM_MASK || kind == PARAM_MASKS ? masks : NULL;
}

static Err
check_choice(struct ctx *c, const struct api_param *p, Str s)
{
	const char *const *values = api_kind_values(p->kind);
	char list[128];
	size_t n = 0;

	assert(values); /* only kinds that are enumerations come here */
	for (size_t i = 0; values[i]; i++) {
		if (str_eqc(s, values[i])) return OK;
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", values[i]);
	}
	return err_set(c, ERR_INVALID, "%s: '%.*s' is not known; use one of %s", p->name, STR(s), list);
}

static bool
is_line(Str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
	return s.n > 0;
}

/* One text, whatever it came from, against its kind. */
static Err
check_text(struct ctx *c, const struct api_param *p, Str s)
{
	uint64_t number;

	switch (p->kind) {
	case PARAM_NUMBER:
		ENSURE(c, str_u64(s, &number) && number <= p->max, INVALID, "%s: a number from 0 to %llu is expected", p->name,
		       (unsigned long long)p->max);
		return OK;
	case PARAM_BOOL:
		ENSURE(c, str_eqc(s, "true") || str_eqc(s, "false"), INVALID, "%s: true or false is expected", p->name);
		return OK;
	case PARAM_ROLE:
	case PARAM_SERVICE_ROLE:
	case PARAM_OUTCOME:
	case PARAM_FORMAT:
	case PARAM_MASK: return check_choice(c, p, s);
	default: break;
	}
	ENSURE(c, s.n <= p->max, INVALID, "%s: %zu bytes, at most %llu are taken", p->name, s.n, (unsigned long long)p->max);
	ENSURE(c, str_is_utf8(s), INVALID, "%s: not UTF-8", p->name);
	ENSURE(c, p->kind != PARAM_IDENT || str_is_ident(s), INVALID, "%s: '%.*s' is not a name; use up to 64 of a-z, 0-9 and single _", p->name,
	       STR(s));
	ENSURE(c, p->kind == PARAM_TEXT || is_line(s), INVALID, "%s: one line of text is expected", p->name);
	return OK;
}

static Err
put(struct gather *g, size_t at, Str value)
{
	const struct api_param *p = &g->route->params[at];

	ENSURE(g->c, !g->values[at].p, INVALID, "%s: given more than once", p->name);
	TRY(check_text(g->c, p, value));
	g->values[at] = arena_str(g->c->arena, value);
	return OK;
}

static bool
param_find(const struct api_route *r, enum api_param_place place, Str name, size_t *ret)
{
	for (size_t i = 0; i < r->param_count; i++)
		if (r->params[i].place == place && str_eqc(name, r->params[i].name)) {
			*ret = i;
			return true;
		}
	return false;
}

/* What is left of the path, put together again; an escaped slash inside a part would not come back as it was. */
static Err
join_rest(struct ctx *c, const struct target *t, size_t from, Str *ret)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = from; i < t->segment_count; i++) {
		ENSURE(c, !memchr(t->segments[i].p, '/', t->segments[i].n), INVALID, "the path holds an escaped '/'");
		if (i > from) buf_char(&b, '/');
		buf_str(&b, t->segments[i]);
	}
	*ret = arena_str(c->arena, buf_view(&b));
	return OK;
}

static Err
gather_path(struct gather *g, const struct target *t)
{
	Str rest = str_c(g->route->path), part;
	size_t at;

	for (size_t i = 0; template_part(&rest, &part); i++) {
		if (part.n == 0 || part.p[0] != '{') continue;
		bool whole = is_rest(part);
		Str name = str_of(part.p + 1, part.n - (whole ? 5 : 2)), value = t->segments[i];
		ENSURE(g->c, param_find(g->route, PARAM_PATH, name, &at), INTERNAL, "routes.def: no argument for %.*s", STR(part));
		if (whole) TRY(join_rest(g->c, t, i, &value));
		TRY(put(g, at, value));
	}
	return OK;
}

static Err
gather_query(struct gather *g, const struct target *t)
{
	size_t at;

	for (size_t i = 0; i < t->param_count; i++) {
		ENSURE(g->c, param_find(g->route, PARAM_QUERY, t->params[i].name, &at), INVALID, "the parameter '%.*s' is not known here",
		       STR(t->params[i].name));
		TRY(put(g, at, t->params[i].value));
	}
	return OK;
}

/* An element of a list or a map: never empty, never long. */
static Err
element(struct ctx *c, const struct api_param *p, const json_t *v, Str *ret)
{
	TRY(json_text(c, v, p->name, ret));
	ENSURE(c, ret->n > 0, INVALID, "%s: a text is empty", p->name);
	ENSURE(c, ret->n <= p->max, INVALID, "%s: a text has %zu bytes, at most %llu are taken", p->name, ret->n, (unsigned long long)p->max);
	return OK;
}

static Err
pack_list(struct ctx *c, const struct api_param *p, const json_t *list, const char *key, struct buf *out)
{
	const json_t *v;
	size_t i;
	Str s;

	ENSURE(c, json_is_array(list), INVALID, "%s: a list of texts is expected", p->name);
	ENSURE(c, json_array_size(list) <= API_ELEMENTS_MAX, INVALID, "%s: more than %d elements", p->name, API_ELEMENTS_MAX);
	json_array_foreach(list, i, v) {
		TRY(element(c, p, v, &s));
		if (key) api_args_pack(out, str_c(key));
		api_args_pack(out, s);
	}
	return OK;
}

static Err
pack_map(struct ctx *c, const struct api_param *p, const json_t *map, struct buf *out)
{
	const char *key;
	json_t *v;
	Str s;

	ENSURE(c, json_is_object(map), INVALID, "%s: an object is expected", p->name);
	ENSURE(c, json_object_size(map) <= API_ELEMENTS_MAX, INVALID, "%s: more than %d members", p->name, API_ELEMENTS_MAX);
	json_object_foreach((json_t *)(uintptr_t)map, key, v) {
		ENSURE(c, *key && strlen(key) <= p->max, INVALID, "%s: a key is empty or too long", p->name);
		if (p->kind == PARAM_PAIRS) {
			TRY(pack_list(c, p, v, key, out));
			continue;
		}
		TRY(element(c, p, v, &s));
		if (p->kind == PARAM_MASKS) TRY(check_choice(c, p, s));
		api_args_pack(out, str_c(key));
		api_args_pack(out, s);
	}
	return OK;
}

/* A number or a truth value as the text that the checks expect; a text as it is. */
static Err
scalar(struct ctx *c, const struct api_param *p, const json_t *v, Str *ret)
{
	if (p->kind == PARAM_NUMBER) {
		ENSURE(c, json_is_integer(v) && json_integer_value(v) >= 0, INVALID, "%s: a number is expected", p->name);
		*ret = arena_printf(c->arena, "%lld", (long long)json_integer_value(v));
		return OK;
	}
	if (p->kind == PARAM_BOOL) {
		ENSURE(c, json_is_boolean(v), INVALID, "%s: true or false is expected", p->name);
		*ret = json_is_true(v) ? S("true") : S("false");
		return OK;
	}
	return json_text(c, v, p->name, ret);
}

static Err
gather_member(struct gather *g, size_t at, const json_t *v)
{
	const struct api_param *p = &g->route->params[at];
	BUF_AUTO packed = BUF_INIT;
	Str s;

	switch (p->kind) {
	case PARAM_LIST: TRY(pack_list(g->c, p, v, NULL, &packed)); break;
	case PARAM_MAP:
	case PARAM_MASKS:
	case PARAM_PAIRS: TRY(pack_map(g->c, p, v, &packed)); break;
	default: TRY(scalar(g->c, p, v, &s)); return put(g, at, s);
	}
	g->values[at] = arena_str(g->c->arena, buf_view(&packed));
	return OK;
}

static Err
gather_body(struct gather *g, Str content_type, Str body)
{
	static const struct json_limits limits = {.bytes = API_JSON_MAX, .depth = 8, .values = 16384};
	JSON_AUTO *doc = NULL;
	Str media;
	const char *key;
	json_t *v;
	size_t at;

	if (g->route->body != API_BODY_JSON || body.n == 0) return OK;
	str_cut(content_type, ';', &media);
	ENSURE(g->c, str_ieq(str_trim(media), S("application/json")), INVALID, "the body must be JSON, with Content-Type: application/json");
	TRY(json_read(g->c, body, limits, &doc));
	ENSURE(g->c, json_is_object(doc), INVALID, "the body must be a JSON object");
	json_object_foreach(doc, key, v) {
		ENSURE(g->c, param_find(g->route, PARAM_BODY, str_c(key), &at), INVALID, "the member '%s' is not known here", key);
		if (!json_is_null(v)) TRY(gather_member(g, at, v));
	}
	return OK;
}

static Err
finish(const struct gather *g, struct api_args *ret)
{
	Str *list = NEW_N(g->c->arena, 2 * g->route->param_count, Str);
	size_t n = 0;

	for (size_t i = 0; i < g->route->param_count; i++) {
		const struct api_param *p = &g->route->params[i];
		ENSURE(g->c, g->values[i].p || !p->must, INVALID, "%s: missing (%s)", p->name, p->description);
		if (!g->values[i].p) continue;
		list[n++] = str_c(p->name);
		list[n++] = g->values[i];
	}
	*ret = (struct api_args){{list, n}};
	return OK;
}

Err
api_args(struct ctx *c, enum route_id route, const struct target *t, Str content_type, Str body, struct api_args *ret)
{
	struct gather g = {.c = c, .route = &api_routes[route]};

	g.values = NEW_N(c->arena, g.route->param_count, Str);
	TRY(gather_path(&g, t));
	TRY(gather_query(&g, t));
	TRY(gather_body(&g, content_type, body));
	return finish(&g, ret);
}

#include "api/openapi.h"

#include "api/edge.h"
#include "base/str.h"
#include "pins.h"

/* --- schemas.def --- */

static const struct {
	const char *name, *fields;
} schemas[] = {
#define SCHEMA(name, fields) {#name, fields},
#include "api/schemas.def"
#undef SCHEMA
};

static void
put_type(struct buf *b, Str type)
{
	bool list = type.n > 2 && type.p[0] == '[', map = type.n > 2 && type.p[0] == '{';

	if (list || map) {
		buf_c(b, list ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"object\",\"additionalProperties\":");
		put_type(b, str_of(type.p + 1, type.n - 2));
		buf_char(b, '}');
	} else if (str_eqc(type, "any")) {
		buf_c(b, "{}");
	} else if (str_eqc(type, "time")) {
		buf_c(b, "{\"type\":\"string\",\"format\":\"date-time\"}");
	} else if (type.p[0] >= 'A' && type.p[0] <= 'Z') {
		buf_printf(b, "{\"$ref\":\"#/components/schemas/%.*s\"}", STR(type));
	} else {
		buf_printf(b, "{\"type\":\"%.*s\"}", STR(type));
	}
}

/* "name?" may be null too. */
static void
put_field(struct buf *b, Str name, Str type, bool may)
{
	buf_json(b, name);
	buf_char(b, ':');
	if (may) buf_c(b, "{\"anyOf\":[");
	put_type(b, type);
	if (may) buf_c(b, ",{\"type\":\"null\"}]}");
}

static void
put_schema(struct buf *b, const char *fields)
{
	BUF_AUTO required = BUF_INIT;
	Str rest = str_c(fields), field, name;
	bool first = true;

	buf_c(b, "{\"type\":\"object\",\"properties\":{");
	while (rest.p) {
		rest = str_cut(rest, ' ', &field);
		Str type = str_cut(field, ':', &name);
		bool may = str_ends(name, S("?"));
		if (may) name.n--;
		if (!first) buf_char(b, ',');
		first = false;
		put_field(b, name, type, may);
		if (may) continue;
		if (required.n) buf_char(&required, ',');
		buf_json(&required, name);
	}
	buf_c(b, "}");
	if (required.n) buf_printf(b, ",\"required\":[%.*s]", STR(buf_view(&required)));
	buf_char(b, '}');
}

static void
put_components(struct buf *b)
{
	buf_c(b, "\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"
	         "\"responses\":{\"Error\":{\"description\":\"Refused or failed: see error.code and error.message\","
	         "\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}},\"schemas\":{");
	for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
		if (i) buf_char(b, ',');
		buf_json(b, str_c(schemas[i].name));
		buf_char(b, ':');
		put_schema(b, schemas[i].fields);
	}
	buf_c(b, "}}");
}

/* --- routes.def --- */

static void
put_choices(struct buf *b, enum api_param_kind kind)
{
	const char *const *values = api_kind_values(kind);

	buf_c(b, "{\"type\":\"string\",\"enum\":[");
	for (size_t i = 0; values[i]; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, str_c(values[i]));
	}
	buf_c(b, "]}");
}

/* A list or a map of texts: what it is with the name of its limit, and where its elements are told. */
static void
put_texts(struct buf *b, const char *type_limit, const char *elements, unsigned long long max)
{
	buf_printf(b, "{\"type\":\"%s\":%d,\"%s\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":%llu}}", type_limit, API_ELEMENTS_MAX, elements, max);
}

static void
put_param_schema(struct buf *b, const struct api_param *p)
{
	unsigned long long max = (unsigned long long)p->max;

	switch (p->kind) {
	case PARAM_IDENT: buf_printf(b, "{\"type\":\"string\",\"minLength\":1,\"maxLength\":%llu,\"pattern\":\"^_?([a-z0-9]+_)*[a-z0-9]*$\"}", max); break;
	case PARAM_TEXT: buf_printf(b, "{\"type\":\"string\",\"maxLength\":%llu}", max); break;
	case PARAM_LINE:
	case PARAM_REST:
		buf_printf(b, "{\"type\":\"string\",\"minLength\":1,\"maxLength\":%llu,\"pattern\":\"^[^\\\\u0000-\\\\u001f\\\\u007f]*$\"}", max);
		break;
	case PARAM_NUMBER: buf_printf(b, "{\"type\":\"integer\",\"minimum\":0,\"maximum\":%llu}", max); break;
	case PARAM_TIME:
		buf_c(b, "{\"type\":\"string\",\"pattern\":"
		         "\"^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
		         "(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$\"}");
		break;
	case PARAM_BOOL: buf_c(b, "{\"type\":\"boolean\"}"); break;
	case PARAM_ROLE:
	case PARAM_SERVICE_ROLE:
	case PARAM_OUTCOME:
	case PARAM_FORMAT:
	case PARAM_MASK: put_choices(b, p->kind); break;
	case PARAM_LIST: put_texts(b, "array\",\"maxItems", "items", max); break;
	case PARAM_MAP: put_texts(b, "object\",\"maxProperties", "additionalProperties", max); break;
	case PARAM_MASKS:
		buf_printf(b, "{\"type\":\"object\",\"maxProperties\":%d,\"additionalProperties\":", API_ELEMENTS_MAX);
		put_choices(b, p->kind);
		buf_char(b, '}');
		break;
	case PARAM_PAIRS:
		buf_printf(b, "{\"type\":\"object\",\"maxProperties\":%d,\"additionalProperties\":", API_ELEMENTS_MAX);
		put_texts(b, "array\",\"maxItems", "items", max);
		buf_char(b, '}');
		break;
	case PARAM_KIND_COUNT: break;
	}
}

static void
put_parameters(struct buf *b, const struct api_route *r)
{
	bool first = true;

	buf_c(b, "\"parameters\":[");
	for (size_t i = 0; i < r->param_count; i++) {
		const struct api_param *p = &r->params[i];
		if (p->place == PARAM_BODY) continue;
		if (!first) buf_char(b, ',');
		first = false;
		buf_printf(b, "{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"description\":", p->name, p->place == PARAM_PATH ? "path" : "query",
		           p->must ? "true" : "false");
		buf_json(b, str_c(p->description));
		buf_c(b, ",\"schema\":");
		put_param_schema(b, p);
		buf_char(b, '}');
	}
	buf_c(b, "],");
}

/* Is a body needed: has it a member that must be there? */
static bool
body_needed(const struct api_route *r)
{
	for (size_t i = 0; i < r->param_count; i++)
		if (r->params[i].place == PARAM_BODY && r->params[i].must) return true;
	return r->body == API_BODY_BINARY;
}

static void
put_json_body(struct buf *b, const struct api_route *r)
{
	BUF_AUTO required = BUF_INIT;
	bool first = true;

	buf_c(b, "{\"application/json\":{\"schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
	for (size_t i = 0; i < r->param_count; i++) {
		const struct api_param *p = &r->params[i];
		if (p->place != PARAM_BODY) continue;
		if (!first) buf_char(b, ',');
		first = false;
		buf_printf(b, "\"%s\":{\"description\":", p->name);
		buf_json(b, str_c(p->description));
		buf_c(b, ",\"anyOf\":[");
		put_param_schema(b, p);
		buf_c(b, p->must ? "]}" : ",{\"type\":\"null\"}]}"); /* null: not given */
		if (p->must) buf_printf(&required, "%s\"%s\"", required.n ? "," : "", p->name);
	}
	buf_char(b, '}');
	if (required.n) buf_printf(b, ",\"required\":[%.*s]", STR(buf_view(&required)));
	buf_c(b, "}}}");
}

static void
put_body(struct buf *b, const struct api_route *r)
{
	if (r->body == API_BODY_NONE) return;
	buf_printf(b, "\"requestBody\":{\"required\":%s,\"content\":", body_needed(r) ? "true" : "false");
	if (r->body == API_BODY_JSON) put_json_body(b, r);
	else buf_c(b, "{\"application/octet-stream\":{\"schema\":{\"type\":\"string\",\"format\":\"binary\"}}}");
	buf_c(b, "},");
}

static void
put_content(struct buf *b, const char *response)
{
	static const struct {
		const char *response, *content;
	} others[] = {
	    {"TEXT", "{\"text/plain\":{\"schema\":{\"type\":\"string\"}}}"},
	    {"BYTES", "{\"application/octet-stream\":{\"schema\":{\"type\":\"string\",\"format\":\"binary\"}},"
	              "\"text/plain\":{\"schema\":{\"type\":\"string\"}}}"},
	    {"YAML", "{\"application/yaml\":{\"schema\":{}}}"},
	    {"RESULT", "{\"application/json\":{\"schema\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}},"
	               "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\"}},\"text/csv\":{\"schema\":{\"type\":\"string\"}},"
	               "\"application/vnd.apache.parquet\":{\"schema\":{\"type\":\"string\",\"format\":\"binary\"}}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_eqc(str_c(response), others[i].response)) {
			buf_c(b, others[i].content);
			return;
		}
	buf_printf(b, "{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}", response);
}

static void
put_operation(struct buf *b, const struct api_route *r)
{
	buf_char(b, '"');
	for (const char *p = r->method; *p; p++) buf_char(b, (char)(*p | 0x20));
	buf_printf(b, "\":{\"operationId\":\"%s\",\"summary\":", r->name);
	buf_json(b, str_c(r->summary));
	buf_c(b, ",\"security\":");
	buf_c(b, r->open ? "[]," : "[{\"token\":[]}],");
	put_parameters(b, r);
	put_body(b, r);
	buf_printf(b, "\"responses\":{\"%d\":{\"description\":\"Done\",\"content\":", r->status);
	put_content(b, r->response);
	buf_c(b, "},\"default\":{\"$ref\":\"#/components/responses/Error\"}}}");
}

/* "{path...}" as "{path}": the document knows no rest of a path. */
static void
put_path(struct buf *b, const char *path)
{
	const char *dots = strstr(path, "...}");

	buf_char(b, '"');
	buf_add(b, path, dots ? (size_t)(dots - path) : strlen(path));
	buf_c(b, dots ? "}\":{" : "\":{");
}

static bool
path_seen(size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(api_routes[i].path, api_routes[before].path) == 0) return true;
	return false;
}

static void
put_paths(struct buf *b)
{
	buf_c(b, "\"paths\":{");
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		if (path_seen(i)) continue;
		if (i) buf_char(b, ',');
		put_path(b, api_routes[i].path);
		put_operation(b, &api_routes[i]);
		for (size_t k = i + 1; k < ROUTE_COUNT; k++)
			if (strcmp(api_routes[k].path, api_routes[i].path) == 0) {
				buf_char(b, ',');
				put_operation(b, &api_routes[k]);
			}
		buf_char(b, '}');
	}
	buf_c(b, "},");
}

void
api_openapi(struct buf *out)
{
	buf_c(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Heddle\",\"version\":\"" HEDDLE_VERSION "\",\"description\":"
	           "\"A data mesh node. Every answer that rests on the logs carries X-Heddle-Mark; sent with a request, it demands a node that "
	           "has seen at least as much. An error is {\\\"error\\\":{code, message, request_id}}.\","
	           "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},\"servers\":[{\"url\":\"/\"}],");
	put_paths(out);
	put_components(out);
	buf_c(out, "}\n");
}

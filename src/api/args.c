#include "api/args.h"

#include "api/edge.h"

enum { NEED_MAY, NEED_MUST };
enum { ACCESS_TOKEN, ACCESS_OPEN };

#define ARG(name, place, kind, need, max, description)                                                                         \
	{#name, PARAM_##place, PARAM_##kind, NEED_##need, max, description},
#define ROUTE(id, name, method, path, access, body, status, response, summary, args)                                           \
	static const struct api_param params_##id[] = {args{NULL, PARAM_PATH, PARAM_TEXT, false, 0, NULL}};
#include "api/routes.def"
#undef ROUTE

const struct api_route api_routes[ROUTE_COUNT] = {
#define ROUTE(id, name, method, path, access, body, status, response, summary, args)                                           \
	[ROUTE_##id] = {#name,  #method,     path,      #response, summary, ACCESS_##access, API_BODY_##body,                          \
	                status, params_##id, ARRAY_LEN(params_##id) - 1},
#include "api/routes.def"
#undef ROUTE
};

const char *
api_route_name(enum route_id route)
{
	return route < ROUTE_COUNT ? api_routes[route].name : "unknown";
}

Str
api_arg_str(const struct api_args *args, const char *name)
{
	for (size_t i = 0; i + 1 < args->list.n; i += 2)
		if (str_eqc(args->list.v[i], name)) return args->list.v[i + 1];
	return (Str){NULL, 0};
}

uint64_t
api_arg_u64(const struct api_args *args, const char *name, uint64_t fallback)
{
	uint64_t v;

	return str_u64(api_arg_str(args, name), &v) ? v : fallback;
}

bool
api_arg_bool(const struct api_args *args, const char *name)
{
	return str_eqc(api_arg_str(args, name), "true");
}

/* The next element, taken off the front; false at the end, and at anything that is not what api_args_pack() wrote. */
static bool
unpack(Str *rest, Str *ret)
{
	const unsigned char *p = (const unsigned char *)rest->p;

	if (rest->n < 4) return false;
	size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n > rest->n - 4) return false;
	*ret = str_of(rest->p + 4, n);
	*rest = str_of(rest->p + 4 + n, rest->n - 4 - n);
	return true;
}

List
api_arg_list(const struct api_args *args, struct arena *a, const char *name)
{
	Str packed = api_arg_str(args, name), rest = packed, element;
	size_t n = 0;

	while (unpack(&rest, &element)) n++;
	Str *v = NEW_N(a, n, Str);
	rest = packed;
	for (size_t i = 0; i < n; i++) unpack(&rest, &v[i]);
	return (List){v, n};
}

void
api_args_pack(struct buf *out, Str element)
{
	buf_u32be(out, (uint32_t)element.n);
	buf_str(out, element);
}

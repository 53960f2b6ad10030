/* Input: operation, body. Whatever passes the edge keeps the promises of routes.def as far as api_arg_*() can tell. */
#include <stdlib.h>

#include "api/edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	Str segments[] = {S("a"), S("b"), S("c"), S("d"), S("e"), S("f"), S("g"), S("h")};
	struct target t = {.segments = segments, .segment_count = ARRAY_LEN(segments)};
	struct api_args args;

	if (n < 1 || !err_ok(api_args(&c, data[0] % ROUTE_COUNT, &t, S("application/json"), str_of(data + 1, n - 1), &args))) return 0;
	for (size_t i = 0; i < args.list.n; i += 2) {
		const struct api_param *p = api_routes[data[0] % ROUTE_COUNT].params;
		while (!str_eqc(args.list.v[i], p->name)) p++;
		if (p->kind < PARAM_LIST && !str_is_utf8(args.list.v[i + 1])) abort();
		if (p->kind > PARAM_LIST && p->kind < PARAM_REST && api_arg_list(&args, &arena, p->name).n % 2) abort();
	}
	return 0;
}

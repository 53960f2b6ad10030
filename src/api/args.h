/* Operations and their arguments, generated from routes.def, as they travel from the gate to the core: one flat list of names and
 * values, everything checked for type, size and need at the edge (edge.h). What a value means is the core's business. */
#ifndef HEDDLE_API_ARGS_H
#define HEDDLE_API_ARGS_H

#include "ipc/msg.h"

enum route_id {
#define ROUTE(id, name, method, path, access, body, status, response, summary, args) ROUTE_##id,
#include "api/routes.def"
#undef ROUTE
	ROUTE_COUNT
};

const char *api_route_name(enum route_id route); /* "grant_add": for logs, metrics, operationId */

/* Name, value, name, value, …: what G_REQUEST carries. Values: text as it is (UTF-8, no NUL); numbers in decimal; "true", "false"; lists,
 * maps, pairs as one value of u32be length + bytes per element (api_args_pack). */
struct api_args { List list; };

/* p == NULL when absent. */
Str api_arg_str(const struct api_args *args, const char *name);
uint64_t api_arg_u64(const struct api_args *args, const char *name, uint64_t fallback);
bool api_arg_bool(const struct api_args *args, const char *name); /* false when absent */
/* Elements of a LIST; key, value, key, value, … of a MAP, MASKS or PAIRS (there a key comes once per element of its list). Empty
 * when absent. The array is in the arena, the elements borrow from args. */
List api_arg_list(const struct api_args *args, struct arena *a, const char *name);

/* How a list is written as one value. */
void api_args_pack(struct buf *out, Str element);

#endif

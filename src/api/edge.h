/* The edge: from a method, a target and a body to an operation and its checked arguments. Sans-I/O. */
#ifndef HEDDLE_API_EDGE_H
#define HEDDLE_API_EDGE_H

#include "api/args.h"
#include "net/target.h"

enum { API_JSON_MAX = 256 * 1024, API_ELEMENTS_MAX = 4096 /* of a list or a map */ };
#define API_UPLOAD_MAX (UINT64_C(64) << 30)

enum api_body { API_BODY_NONE, API_BODY_JSON, API_BODY_BINARY };

enum api_param_place { PARAM_PATH, PARAM_QUERY, PARAM_BODY };
enum api_param_kind {
	PARAM_IDENT, PARAM_TEXT, PARAM_LINE, PARAM_NUMBER, PARAM_BOOL, PARAM_TIME,
	PARAM_ROLE, PARAM_SERVICE_ROLE, PARAM_OUTCOME, PARAM_FORMAT, PARAM_MASK,
	PARAM_LIST, PARAM_MAP, PARAM_MASKS, PARAM_PAIRS, PARAM_REST, PARAM_KIND_COUNT
};

struct api_param {
	const char *name;
	enum api_param_place place;
	enum api_param_kind kind;
	bool must;
	uint64_t max;
	const char *description;
};

struct api_route {
	const char *name, *method, *path, *response, *summary;
	bool open;
	enum api_body body;
	int status;
	const struct api_param *params;
	size_t param_count;
};

extern const struct api_route api_routes[ROUTE_COUNT];

/* NOT_FOUND when no operation has this path. When one has but not for this method, *ret is ROUTE_COUNT and *ret_allow, in the arena of
 * c, the methods it has ("GET, POST"): answer 405. */
NODISCARD Err api_route(struct ctx *c, Str method, const struct target *t, enum route_id *ret, Str *ret_allow);
/* The arguments of an operation that api_route() found. body: "" for none; content_type is that of the request. Unknown, repeated, missing
 * and ill-typed arguments are INVALID and named. Values are in the arena of c. */
NODISCARD Err api_args(struct ctx *c, enum route_id route, const struct target *t, Str content_type, Str body, struct api_args *ret);
/* The values that a kind allows, NULL at the end; NULL for a kind that is no enumeration. */
const char *const *api_kind_values(enum api_param_kind kind);

#endif

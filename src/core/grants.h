/* What grants, and requests that become grants, share. */
#ifndef HEDDLE_CORE_GRANTS_H
#define HEDDLE_CORE_GRANTS_H

#include "core/request.h"

/* The terms of a grant, as they come with approve and grant. */
struct terms {
	Time from, until;
	Str rows_text;
	const struct predicate *rows;
	struct policy_mask *masks;
	size_t mask_count;
	const Str *hidden;
	size_t hidden_count;
};

/* From the arguments from, until, rows, masks, hide. table: "" for the whole product, whose every table then must suit. INVALID names the
 * option. In the request's arena. */
NODISCARD Err terms_parse(struct request *rq, const struct mesh_product *p, Str table, struct terms *ret);
/* A date or a time in the future; TIME_FOREVER when the argument is absent. */
NODISCARD Err terms_until(struct request *rq, const char *name, Time *ret);
/* "a,b": identifiers, or "*". */
NODISCARD Err terms_purposes(struct request *rq, Str text, const Str **ret, size_t *ret_n);

/* Declare the grant in the log of `log_domain`; *ret_id is its id. */
NODISCARD Err grant_say(struct request *rq, Str log_domain, Str product_id, Str table, enum principal_kind to_kind, Str to_id, const Str *purposes,
          size_t purpose_count, const struct terms *t, Str request_id, Str *ret_id);
NODISCARD Err grant_reply(struct request *rq, Str id, unsigned status);
void grant_purposes_json(const struct mesh_grant *g, struct buf *b); /* g may be NULL */

#endif

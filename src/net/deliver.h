/* One message to an address that a person wrote down: a POST that is made to reach nothing it should not.
 *
 * The address connected to is judged, after resolving (net/address.h), so that no name leads inside; redirects are not followed, no proxy is used, certificates are
 * verified; without TLS only to addresses that the operator listed. What the other side answers is not kept but its status. Blocks. */
#ifndef HEDDLE_NET_DELIVER_H
#define HEDDLE_NET_DELIVER_H

#include "base/arena.h"
#include "net/address.h"

struct delivery {
	Str url;                    /* http:// or https:// */
	const Str *headers;         /* whole lines, "name: value" */
	size_t header_count;
	Str body;                   /* application/json */
	const struct address_list *listed;
	unsigned timeout_ms;        /* for all of it */
};

struct delivery_result { int status; /* 0: none came */ char note[160]; /* why not, in words that tell nothing of our network */ };

/* Open libcurl: before the sandbox is entered. UNAVAILABLE when it is not installed. */
NODISCARD Err deliver_init(struct ctx *c);
/* Is this a URL that could be delivered to? INVALID says why not. Resolves nothing. */
NODISCARD Err deliver_url_check(struct ctx *c, Str url);
void deliver(const struct delivery *d, struct delivery_result *ret);

#endif

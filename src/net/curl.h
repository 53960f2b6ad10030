/* libcurl, opened when the first client is: it brings some thirty libraries along, and the roles of a node, which are the same program,
 * would pay for them in start-up time (3 ms each) and memory without ever being a client. */
#ifndef HEDDLE_NET_CURL_H
#define HEDDLE_NET_CURL_H

#define CURL_DISABLE_TYPECHECK /* its checks are macros around the functions' names */
#include <curl/curl.h>

#include "base/err.h"

struct curl_api {
#define CURL(name) __typeof__(curl_##name) *name;
#include "net/curl.def"
#undef CURL
};

/* Fill the table; once it has, again costs nothing. UNAVAILABLE when the library is not installed. One thread. */
NODISCARD Err curl_load(struct ctx *c, struct curl_api *ret);

#endif

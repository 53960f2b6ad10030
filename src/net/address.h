/* Which addresses a node may be made to connect to by what somebody wrote into a URL.
 *
 * Public unicast addresses, and what the operator lists. Everything else — loopback, private, link-local (cloud metadata), shared, multicast, reserved, and IPv6
 * forms that carry such an IPv4 address — is refused, whatever name it was reached by: the address is judged that is connected to. Tables: IANA special-purpose
 * registries (RFC 6890 and its updates). */
#ifndef HEDDLE_NET_ADDRESS_H
#define HEDDLE_NET_ADDRESS_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

struct address_range { uint8_t bytes[16]; unsigned bits; }; /* IPv4 as ::ffff:a.b.c.d */
enum { ADDRESS_RANGES_MAX = 16 };
struct address_list { struct address_range ranges[ADDRESS_RANGES_MAX]; size_t count; };

/* "127.0.0.1, 10.1.0.0/16, fd00::/8"; "" is the empty list. INVALID names the one that is none. */
NODISCARD Err address_list_parse(struct ctx *c, Str text, struct address_list *ret);

enum address_kind { ADDRESS_REFUSED, ADDRESS_PUBLIC, ADDRESS_LISTED };
enum address_kind address_judge(const struct sockaddr *a, const struct address_list *listed);

#endif

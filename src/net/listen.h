/* Listening addresses: "ADDR:PORT" with an IPv4 address, or an IPv6 address in brackets. No names are looked up. */
#ifndef HEDDLE_NET_LISTEN_H
#define HEDDLE_NET_LISTEN_H

#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct listen_address {
	struct sockaddr_storage addr;
	socklen_t addr_n;
	uint16_t port;  /* 0: the system chooses */
	bool loopback;  /* 127.0.0.0/8, ::1 */
};

NODISCARD Err listen_parse(struct ctx *c, Str text, struct listen_address *ret); /* INVALID says what is expected */
/* Bind and listen; close-on-exec, non-blocking. INVALID: not loopback and no certificate. CONFLICT: the port is in use. ret_port is the
 * port bound, of use when 0 was asked for. */
NODISCARD Err listen_open(struct ctx *c, Str text, bool has_certificate, int *ret_fd, uint16_t *ret_port);

#endif

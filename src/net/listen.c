#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { BACKLOG = 512 };

static bool
parse_v4(const char *host, uint16_t port, struct listen_address *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->addr;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1) return false;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	a->addr_n = sizeof *in;
	a->loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return true;
}

static bool
parse_v6(const char *host, uint16_t port, struct listen_address *a)
{
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&a->addr;

	if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1) return false;
	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	a->addr_n = sizeof *in;
	a->loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	return true;
}

Err
listen_parse(struct ctx *c, Str text, struct listen_address *ret)
{
	struct listen_address a = {0};
	char host[INET6_ADDRSTRLEN];
	uint64_t port;
	size_t colon = text.n;

	while (colon > 0 && text.p[colon - 1] != ':') colon--;
	Str name = str_of(text.p, colon ? colon - 1 : 0);
	bool v6 = name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
	if (v6) name = str_of(name.p + 1, name.n - 2);
	bool fits = colon > 0 && name.n < sizeof host && str_u64(str_of(text.p + colon, text.n - colon), &port) && port <= UINT16_MAX;
	if (fits) snprintf(host, sizeof host, "%.*s", STR(name));
	if (!fits || !(v6 ? parse_v6 : parse_v4)(host, (uint16_t)port, &a))
		return err_set(c, ERR_INVALID, "'%.*s' is not an address to listen on; use ADDR:PORT, as in 127.0.0.1:8080 or [::1]:8080",
		               STR(text));
	a.port = (uint16_t)port;
	*ret = a;
	return OK;
}

static Err
bind_and_listen(struct ctx *c, int fd, Str text, const struct listen_address *a)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->addr.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&a->addr, a->addr_n) == 0 && listen(fd, BACKLOG) == 0) return OK;
	ENSURE(c, errno != EADDRINUSE, CONFLICT,
	       "port %u is in use (%.*s): another program, perhaps another node, listens there; stop it or choose another with --http ADDR:PORT",
	       a->port, STR(text));
	ENSURE(c, errno != EACCES, INVALID, "port %u may not be used by this user; choose one above 1023 with --http ADDR:PORT", a->port);
	ENSURE(c, errno != EADDRNOTAVAIL, INVALID, "%.*s is not an address of this machine", STR(text));
	return err_set(c, ERR_IO, "listen on %.*s: %s", STR(text), strerror(errno));
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage s = {0};
	socklen_t n = sizeof s;

	getsockname(fd, (struct sockaddr *)&s, &n);
	return ntohs(s.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&s)->sin6_port : ((struct sockaddr_in *)&s)->sin_port);
}

Err
listen_open(struct ctx *c, Str text, bool has_certificate, int *ret_fd, uint16_t *ret_port)
{
	struct listen_address a;

	TRY(listen_parse(c, text, &a));
	ENSURE(c, a.loopback || has_certificate, INVALID,
	       "%.*s can be reached from other machines: give a certificate and key in the configuration, or listen on 127.0.0.1", STR(text));
	int fd = socket(a.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ENSURE(c, fd >= 0, IO, "socket: %s", strerror(errno));
	Err e = bind_and_listen(c, fd, text, &a);
	if (!err_ok(e)) {
		close(fd);
		return e;
	}
	*ret_fd = fd;
	*ret_port = bound_port(fd);
	return OK;
}

/* The gate role: speaks HTTP with the network, checks what comes in, asks the core. It holds no key but that of its TLS certificate,
 * no data and no catalog. */
#ifndef HEDDLE_API_GATE_H
#define HEDDLE_API_GATE_H

#include "net/http.h"

struct gate_setup {
	int listen_fd, core_fd;        /* taken */
	const struct http_tls *tls;    /* NULL: plain */
	bool own_net;
	uid_t uid;                     /* 0: stay */
	gid_t gid;
};

/* Start the server, enter the sandbox, tell the core (READY), serve until the core closes the channel. The exit status of the
 * process. */
int gate_main(const struct gate_setup *setup);

#endif

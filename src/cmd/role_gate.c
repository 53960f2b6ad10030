/* The gate role's main: reads the certificate, then api/gate.h. */
#include <fcntl.h>

#include "api/gate.h"
#include "cmd/role.h"
#include "os/file.h"
#include "os/log.h"

enum { PEM_MAX = 1 << 20 };

int
role_gate_main(char *const *argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct http_tls tls;
	struct gate_setup setup = {.listen_fd = GATE_FD_LISTEN, .core_fd = FD_CHANNEL, .own_net = true, .uid = (uid_t)role_arg_u64(argv, "uid"),
	    .gid = (gid_t)role_arg_u64(argv, "gid")};

	if (fcntl(GATE_FD_CERT, F_GETFD) >= 0) {
		FD_AUTO cert = GATE_FD_CERT, key = GATE_FD_KEY;
		Err e = file_read_all(&c, cert, "certificate", PEM_MAX, &tls.certificate);
		if (err_ok(e)) e = file_read_all(&c, key, "key", PEM_MAX, &tls.key);
		if (!err_ok(e)) {
			log_error("%s", err_detail(&c, e));
			return ROLE_EXIT_OPERATOR;
		}
		setup.tls = &tls;
	}
	int status = gate_main(&setup);
	return status == err_exit((Err){ERR_INVALID}) ? ROLE_EXIT_OPERATOR : status; /* a certificate that cannot be used */
}

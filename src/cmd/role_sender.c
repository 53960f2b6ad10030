/* The sender: carries messages of the node to addresses that people wrote down. It holds nothing, sees one message at a time, and is the only role that connects
 * to anybody. Started when there is something to send, ended when there is not. */
#include <unistd.h>

#include "cmd/role.h"
#include "ipc/chan.h"
#include "net/deliver.h"
#include "os/log.h"

enum { TIMEOUT_MS_MAX = 60000 };

/* What resolving a name and checking a certificate reads. */
static const char *const paths[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
                                    "/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", NULL};

static Err
send_one(struct ctx *c, struct chan *ch, const struct frame *f)
{
	struct msg_S_DELIVER m;
	struct address_list listed;
	struct delivery_result r;

	ENSURE(c, f->type == MSG_S_DELIVER, INVALID, "a sender does not know %s", msg_name(f->type));
	TRY(msg_get_S_DELIVER(c, f->payload, &m));
	TRY(deliver_url_check(c, m.url));
	TRY(address_list_parse(c, m.listed, &listed));
	deliver(&(struct delivery){.url = m.url, .headers = m.headers.v, .header_count = m.headers.n, .body = m.body, .listed = &listed,
	                           .timeout_ms = (unsigned)(m.timeout_ms < TIMEOUT_MS_MAX ? m.timeout_ms : TIMEOUT_MS_MAX)}, &r);
	return chan_post(c, ch, S_DELIVERED, f->id, -1, .status = (uint64_t)r.status, .note = str_c(r.note));
}

static Err
serve(struct ctx *c, char *const *argv, struct chan *ch)
{
	struct sandbox_spec spec = {.profile = SANDBOX_SENDER, .keep_fds_below = FD_CHANNEL + 1, .read_paths = paths, .limits = {.nofile = 64}};
	struct sandbox_state state;
	struct frame f;

	TRY(deliver_init(c));
	TRY(role_sandbox(c, argv, &spec, &state));
	TRY(chan_post(c, ch, READY, 0, -1, .level = (uint64_t)state.level, .note = sandbox_text(c->arena, &state)));
	for (;;) {
		Err e = chan_recv(c, ch, &f);
		if (e.code == ERR_UNAVAILABLE) return OK; /* the core has no more */
		TRY(e);
		e = send_one(c, ch, &f);
		if (!err_ok(e)) e = chan_post(c, ch, FAILED, f.id, -1, .code = e.code, .detail = str_c(err_detail(c, e)));
		frame_fini(&f);
		TRY(e);
		arena_reset(c->arena);
	}
}

int
role_sender_main(char *const *argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct chan ch;

	chan_init(&ch, FD_CHANNEL);
	Err e = serve(&c, argv, &ch);
	if (!err_ok(e)) log_error("%s", err_detail(&c, e));
	chan_fini(&ch);
	_exit(err_ok(e) ? ROLE_EXIT_OK : 1);
}

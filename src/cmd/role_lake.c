/* The lake role: answers the core's L_ messages from a lake. One thread; sealing goes on a step at a time between messages, so that
 * short ones never wait for a large file. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/lakestore.h"
#include "cmd/role.h"
#include "ipc/chan.h"
#include "os/file.h"
#include "os/log.h"

struct sealing {
	struct sealing *next;
	uint64_t id;
	struct lake_seal seal;
};

struct lake_role {
	struct lake lake;
	struct chan chan;
	struct sealing *head, *tail;
};

/* The fd is taken; -1 for none. */
static Err
done(struct ctx *c, struct lake_role *r, uint64_t id, int fd, uint64_t value)
{
	return chan_post(c, &r->chan, DONE, id, fd, .value = value);
}

static Err
on_upload(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_UPLOAD m;
	int fd;

	TRY(msg_get_L_UPLOAD(c, f->payload, &m));
	TRY(lake_upload(c, &r->lake, m.upload, &fd));
	return done(c, r, f->id, fd, 0);
}

static Err
on_seal(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_SEAL m;
	struct lake_seal seal;

	TRY(msg_get_L_SEAL(c, f->payload, &m));
	TRY(lake_seal_begin(c, &r->lake, m.upload, &seal));
	struct sealing *s = mem_alloc(sizeof *s);
	*s = (struct sealing){.id = f->id, .seal = seal};
	if (r->tail)
		r->tail->next = s;
	else
		r->head = s;
	r->tail = s;
	return OK;
}

static Err
on_keep(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_KEEP m;

	TRY(msg_get_L_KEEP(c, f->payload, &m));
	TRY(lake_keep(c, &r->lake, m.uploads));
	return done(c, r, f->id, -1, m.uploads.n);
}

static Err
on_quarantine(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_QUARANTINE m;

	TRY(msg_get_L_QUARANTINE(c, f->payload, &m));
	TRY(lake_quarantine(c, &r->lake, m.batch, m.uploads, m.report));
	return done(c, r, f->id, -1, m.uploads.n);
}

static Err
on_discard(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_DISCARD m;

	TRY(msg_get_L_DISCARD(c, f->payload, &m));
	TRY(lake_discard(c, &r->lake, m.uploads));
	return done(c, r, f->id, -1, m.uploads.n);
}

static Err
on_view(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_VIEW m;
	int fd;

	TRY(msg_get_L_VIEW(c, f->payload, &m));
	TRY(lake_view(c, &r->lake, m.view, &fd));
	return done(c, r, f->id, fd, 0);
}

static Err
on_link(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_LINK m;

	TRY(msg_get_L_LINK(c, f->payload, &m));
	TRY(lake_link(c, &r->lake, m.view, m.sources));
	return done(c, r, f->id, -1, m.sources.n / 3);
}

static Err
on_view_drop(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_VIEW_DROP m;

	TRY(msg_get_L_VIEW_DROP(c, f->payload, &m));
	TRY(lake_view_drop(c, &r->lake, m.view));
	return done(c, r, f->id, -1, 0);
}

static Err
on_extract(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_EXTRACT m;
	int fd;

	TRY(msg_get_L_EXTRACT(c, f->payload, &m));
	TRY(lake_extract(c, &r->lake, m.view, m.names, &fd));
	return done(c, r, f->id, fd, 0);
}

static Err
on_extract_keep(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_EXTRACT_KEEP m;
	uint64_t bytes;

	TRY(msg_get_L_EXTRACT_KEEP(c, f->payload, &m));
	TRY(lake_extract_keep(c, &r->lake, m.view, m.names, &bytes));
	return done(c, r, f->id, -1, bytes);
}

static Err
on_extract_drop(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	struct msg_L_EXTRACT_DROP m;

	TRY(msg_get_L_EXTRACT_DROP(c, f->payload, &m));
	TRY(lake_extract_drop(c, &r->lake, m.names));
	return done(c, r, f->id, -1, m.names.n);
}

static const struct {
	enum msg_type type;
	Err (*run)(struct ctx *c, struct lake_role *r, const struct frame *f);
} handlers[] = {
    {MSG_L_UPLOAD, on_upload},       {MSG_L_SEAL, on_seal},       {MSG_L_KEEP, on_keep},
    {MSG_L_QUARANTINE, on_quarantine}, {MSG_L_DISCARD, on_discard}, {MSG_L_VIEW, on_view},
    {MSG_L_LINK, on_link},           {MSG_L_VIEW_DROP, on_view_drop},
    {MSG_L_EXTRACT, on_extract},     {MSG_L_EXTRACT_KEEP, on_extract_keep}, {MSG_L_EXTRACT_DROP, on_extract_drop},
};

static Err
answer(struct ctx *c, struct lake_role *r, const struct frame *f)
{
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == f->type) return handlers[i].run(c, r, f);
	return err_set(c, ERR_INVALID, "the lake role does not take %s", msg_name(f->type));
}

static Err
refuse(struct ctx *c, struct lake_role *r, uint64_t id, Err e)
{
	return chan_post(c, &r->chan, FAILED, id, -1, .code = e.code, .detail = str_c(c->detail));
}

/* --- the loop --- */

static void
sealing_drop(struct lake_role *r)
{
	struct sealing *s = r->head;

	r->head = s->next;
	if (!r->head) r->tail = NULL;
	lake_seal_fini(&s->seal);
	free(s);
}

static Err
seal_some(struct ctx *c, struct lake_role *r)
{
	struct sealing *s = r->head;
	bool finished = false;
	Err e = lake_seal_step(c, &r->lake, &s->seal, &finished);

	if (err_ok(e) && !finished) return OK;
	if (err_ok(e)) {
		const struct lake_sealed *found = lake_sealed(&r->lake, str_c(s->seal.upload));
		e = chan_post(c, &r->chan, L_SEALED, s->id, -1, .sha256 = str_c(found->sha256), .bytes = found->bytes);
	} else
		e = refuse(c, r, s->id, e);
	sealing_drop(r);
	return e;
}

static Err
take_frames(struct ctx *c, struct lake_role *r)
{
	struct frame f;
	bool got;

	TRY(chan_read(c, &r->chan));
	for (;;) {
		TRY(chan_next(c, &r->chan, &got, &f));
		if (!got) return OK;
		Err e = answer(c, r, &f);
		frame_fini(&f);
		if (!err_ok(e)) TRY(refuse(c, r, f.id, e));
		arena_reset(c->arena);
		c->detail[0] = 0;
	}
}

static Err
serve(struct ctx *c, struct lake_role *r)
{
	for (;;) {
		struct pollfd p = {.fd = r->chan.fd, .events = (short)(POLLIN | (chan_pending(&r->chan) ? POLLOUT : 0))};
		int n = poll(&p, 1, r->head ? 0 : -1);
		if (n < 0 && errno != EINTR) return os_err(c, errno, "poll", NULL);
		if (n > 0 && p.revents & POLLOUT) TRY(chan_flush(c, &r->chan));
		if (n > 0 && p.revents & (POLLIN | POLLHUP | POLLERR)) TRY(take_frames(c, r));
		if (r->head) TRY(seal_some(c, r));
	}
}

static Err
start(struct ctx *c, char *const *argv, struct lake_role *r, struct sandbox_state *ret)
{
	int dir = LAKE_FD_DIR;
	struct sandbox_spec spec = {.profile = SANDBOX_LAKE, .keep_fds_below = LAKE_FD_DIR + 1, .write_dirs = &dir, .write_dir_count = 1,
	    .own_net = true, .limits = {.nofile = 1024}};

	umask(0); /* the modes in the code are the modes on disk */
	TRY(role_sandbox(c, argv, &spec, ret));
	return lake_open(c, LAKE_FD_DIR, &r->lake);
}

int
role_lake_main(char *const *argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct lake_role r = {0};
	struct sandbox_state state;
	Err e = start(&c, argv, &r, &state);

	if (!err_ok(e)) {
		log_error("%s", err_detail(&c, e));
		return ROLE_EXIT_OPERATOR;
	}
	chan_init(&r.chan, FD_CHANNEL);
	e = chan_nonblock(&c, &r.chan);
	if (err_ok(e)) e = chan_post(&c, &r.chan, READY, 0, -1, .level = (uint64_t)state.level, .note = sandbox_text(&arena, &state));
	if (err_ok(e)) e = serve(&c, &r);
	if (e.code != ERR_UNAVAILABLE) log_error("%s", err_detail(&c, e));
	while (r.head) sealing_drop(&r);
	lake_close(&r.lake);
	chan_fini(&r.chan);
	return e.code == ERR_UNAVAILABLE ? ROLE_EXIT_OK : 1;
}

/* Receiving files into the lake's staging folder. */
#include "core/product/uploads.h"

#include <stdlib.h>
#include <string.h>

#include "os/log.h"

enum { UPLOADS_MAX = 256 /* of one person */ };
static const int64_t UPLOAD_NS = INT64_C(3600) * 1000000000, TICK_NS = INT64_C(30) * 1000000000;

void
upload_forget(struct core *core, Str id)
{
	free(map_del(&core->uploads, id));
}

/* The next one that lies about: older than that, or of that person (NULL: any). */
static struct upload *
upload_next(const struct core *core, size_t *at, int64_t older_ns, const char *person_id)
{
	int64_t now = core_ns();
	Str key;
	void *value;

	while (map_next(&core->uploads, at, &key, &value)) {
		struct upload *u = value;
		if (!u->taken && now - u->since_ns >= older_ns && (!person_id || strcmp(u->person_id, person_id) == 0)) return u;
	}
	return NULL;
}

void
uploads_forget(struct core *core)
{
	struct upload *u;

	for (size_t at = 0; (u = upload_next(core, &at, 0, NULL)); at = 0) upload_forget(core, str_c(u->id));
}

void
uploads_tick(struct core *core)
{
	static int64_t due_ns;
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct upload *u;

	if (core_ns() < due_ns) return;
	due_ns = core_ns() + TICK_NS;
	for (size_t at = 0; peer_alive(core->lake) && (u = upload_next(core, &at, UPLOAD_NS, NULL)); at = 0) {
		Str id = arena_str(&arena, str_c(u->id));
		tell(core, core->lake, L_DISCARD, ++core->next_id, -1, .uploads = {&id, 1});
		Err e = core_note_later(core, &c, "upload.discarded", str_c(u->person_id), S("{}"));
		if (!err_ok(e)) log_line(LOG_ERROR, "a discarded upload could not be noted: %s", err_detail(&c, e));
		upload_forget(core, id);
	}
}

static Err
may_upload(struct request *rq)
{
	size_t n = 0, at = 0;

	ENSURE(&rq->c, rq->role == ROLE_OWNER || rq->role == ROLE_ENGINEER, DENIED, "only owners and engineers of a domain publish");
	while (upload_next(rq->core, &at, 0, arena_str(&rq->arena, rq->person_id).p)) n++;
	ENSURE(&rq->c, n < UPLOADS_MAX, BUSY, "%zu uploads of yours wait to be published; publish them, or wait an hour until they are discarded", n);
	return OK;
}

/* The gate writes the body into the staging file and tells when it is through. A client that is gone already gets no sink. */
static Err
upload_receive(struct request *rq, Str name, struct frame *f, struct msg_L_SEALED *ret)
{
	struct core *core = rq->core;

	if (f->fd_count != 1 || rq->cancelled || !peer_alive(rq->gate)) {
		bool given = f->fd_count == 1;
		frame_fini(f);
		ENSURE(&rq->c, given, INTERNAL, "the lake gave no file");
		return err_set(&rq->c, ERR_CANCELLED, "the client went away");
	}
	tell(core, rq->gate, G_SINK, rq->id, TAKE(f->fds[0], -1), .limit_bytes = core->limits.upload_max_bytes);
	rq->upload_waiting = fiber_self();
	fiber_wait();
	ENSURE(&rq->c, rq->upload_complete, CANCELLED, "the upload did not come whole");
	TRY(ask(core, &rq->c, core->lake, L_SEAL, L_SEALED, f, .upload = name));
	TRY(msg_get_L_SEALED(&rq->c, f->payload, ret));
	ENSURE(&rq->c, ret->bytes == rq->uploaded_bytes && ret->sha256.n == 64, IO, "the file was not stored whole, send it again");
	return OK;
}

Err
handle_upload(struct request *rq)
{
	struct core *core = rq->core;
	char id[CRYPT_SHORT_ID_MAX];
	struct frame f;
	struct msg_L_SEALED sealed;
	BUF_AUTO b = BUF_INIT;

	TRY(may_upload(rq));
	crypt_short_id("u_", id);
	Str name = arena_str(&rq->arena, str_c(id));
	TRY(ask(core, &rq->c, core->lake, L_UPLOAD, DONE, &f, .upload = name));
	Err e = upload_receive(rq, name, &f, &sealed);
	if (!err_ok(e)) {
		tell(core, core->lake, L_DISCARD, ++core->next_id, -1, .uploads = {&name, 1});
		return e;
	}
	struct upload *u = mem_alloc(sizeof *u);
	*u = (struct upload){.bytes = sealed.bytes, .since_ns = core_ns()};
	snprintf(u->id, sizeof u->id, "%s", id);
	snprintf(u->person_id, sizeof u->person_id, "%.*s", STR(rq->person_id));
	snprintf(u->sha256, sizeof u->sha256, "%.*s", STR(sealed.sha256));
	map_put(&core->uploads, name, u);
	buf_printf(&b, "{\"upload\":\"%s\",\"sha256\":\"%s\",\"bytes\":%llu}", u->id, u->sha256, (unsigned long long)u->bytes);
	reply_json(rq, 201, &b);
	return OK;
}

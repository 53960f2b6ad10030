/* A channel: framed, length-limited messages over a socketpair, with file descriptors passed beside them.
 *
 * Frame: u32be payload length, u16be type, u16be number of fds, u64be id, payload. Whoever is at the other end is treated as
 * hostile: a frame over the limit, an unknown type or too many fds closes the channel (INVALID). Works on blocking and
 * non-blocking sockets; sending never blocks on a non-blocking one (frames queue up; chan_pending() says whether to poll for
 * writing; over CHAN_QUEUE_MAX bytes of queue the channel fails, because the peer does not read). */
#ifndef HEDDLE_IPC_CHAN_H
#define HEDDLE_IPC_CHAN_H

#include "ipc/msg.h"

enum { CHAN_FDS_MAX = 4, CHAN_FRAME_MAX = 24 * 1024 * 1024, CHAN_QUEUE_MAX = 96 * 1024 * 1024 };

struct chan_out;

struct chan {
	int fd; /* owned; -1 when closed */
	struct buf in;
	size_t in_used;           /* bytes of `in` already handed out as frames */
	int fds[2 * CHAN_FDS_MAX]; /* received and not yet handed out; owned */
	size_t fd_count;
	struct chan_out *head, *tail;
	size_t queued_bytes;
};

struct frame {
	enum msg_type type;
	uint64_t id;
	Str payload;           /* borrows from the channel until the next chan_read()/chan_recv() */
	int fds[CHAN_FDS_MAX]; /* owned by the receiver: take with TAKE(), the rest is closed by frame_fini() */
	size_t fd_count;
};

void chan_init(struct chan *ch, int fd); /* takes the fd */
void chan_fini(struct chan *ch);
NODISCARD Err chan_pair(struct ctx *c, int ret[2]); /* two ends, close-on-exec, blocking */
NODISCARD Err chan_nonblock(struct ctx *c, struct chan *ch);

/* Queue one frame and send what goes; the fds are taken and closed in any case. UNAVAILABLE when the peer is gone. */
NODISCARD Err chan_send(struct ctx *c, struct chan *ch, enum msg_type type, uint64_t id, Str payload, const int *fds, size_t fd_count);
NODISCARD Err chan_flush(struct ctx *c, struct chan *ch);
static inline bool chan_pending(const struct chan *ch) { return ch->head != NULL; }

/* Non-blocking: read once what is there (UNAVAILABLE at end of file), then take frames until false. */
NODISCARD Err chan_read(struct ctx *c, struct chan *ch);
NODISCARD Err chan_next(struct ctx *c, struct chan *ch, bool *ret_got, struct frame *ret);
/* Blocking: one frame. */
NODISCARD Err chan_recv(struct ctx *c, struct chan *ch, struct frame *ret);
void frame_fini(struct frame *f);

/* chan_post(c, ch, W_RUN, id, fd, .sql = …): encode a message and send it; fd is -1 for none. */
#define chan_post(c, ch, NAME, id, fd, ...)                                                                                    \
	chan_post_##NAME((c), (ch), (id), (fd), &(struct msg_##NAME){__VA_ARGS__})
#define MSG(name, fields)                                                                                                      \
	NODISCARD static inline Err UNUSED chan_post_##name(struct ctx *c, struct chan *ch, uint64_t id, int fd,              \
	                                                    const struct msg_##name *m)                                       \
	{                                                                                                                      \
		BUF_AUTO b = BUF_INIT;                                                                                         \
		msg_put_##name(&b, m);                                                                                         \
		return chan_send(c, ch, MSG_##name, id, buf_view(&b), &fd, fd >= 0);                                           \
	}
#include "ipc/msg.def"
#undef MSG

/* The answer to a request: OK when it is of the type wanted; the Err that a FAILED carries, else INVALID. */
NODISCARD Err frame_expect(struct ctx *c, const struct frame *f, enum msg_type want);

#endif

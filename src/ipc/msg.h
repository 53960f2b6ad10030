/* Messages between roles, generated from msg.def: for each MSG(X, …) a struct msg_X, msg_put_X() and msg_get_X().
 *
 * Encoding: fields in order; U64 as 8 bytes big endian; STR as u32be length and bytes; LIST as u32be count and STRs. Decoding is
 * strict (every byte used, lists of at most MSG_LIST_MAX) and borrows from the bytes; lists are arrays in the arena. */
#ifndef HEDDLE_IPC_MSG_H
#define HEDDLE_IPC_MSG_H

#include "base/arena.h"
#include "base/buf.h"

enum { MSG_LIST_MAX = 65536 };

typedef struct {
	const Str *v;
	size_t n;
} List;

enum msg_type {
	MSG_NONE,
#define MSG(name, fields) MSG_##name,
#include "ipc/msg.def"
#undef MSG
	MSG_TYPE_COUNT
};

#undef STR /* base/str.h's helper for printf has the name of a field kind; it comes back below */
#define U64(name) uint64_t name;
#define STR(name) Str name;
#define LIST(name) List name;
#define MSG(name, fields) struct msg_##name { fields };
#include "ipc/msg.def"
#undef MSG
#undef U64
#undef STR
#undef LIST

#define MSG(name, fields)                                                                                                      \
	void msg_put_##name(struct buf *out, const struct msg_##name *m);                                                      \
	NODISCARD Err msg_get_##name(struct ctx *c, Str bytes, struct msg_##name *ret);
#include "ipc/msg.def"
#undef MSG

const char *msg_name(enum msg_type t); /* "W_RUN"; "?" when unknown */

#define STR(s) (int)(s).n, (s).p ? (s).p : ""

#endif

/* An event's frame as the fold reads it: without a tree of JSON. Private to mesh/. */
#ifndef HEDDLE_MESH_PAYLOAD_H
#define HEDDLE_MESH_PAYLOAD_H

#include "mesh/doc.h"
#include "mesh/event.h"

struct payload {
	Str origin, type_text, actor, idem;
	enum event_type type; /* EVENT_UNKNOWN for types of others, as in the journal */
	uint64_t seq;
	Hash prev;
	Time time;
	const struct doc_node *body; /* an object */
};

/* INVALID names the field. Everything borrows from text and *d, which the caller has initialised and releases. */
NODISCARD Err payload_read(struct ctx *c, Str text, struct doc *d, struct payload *ret);

#endif

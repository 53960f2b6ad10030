/* Events: what a domain declares, as it stands in its log. The payload is JSON inside a DSSE envelope; the bytes that were
 * signed are the bytes that are parsed. At most LEDGER_ENTRY_MAX bytes with the envelope.
 *
 * {"v":1,"origin":"<domain id>","seq":N,"prev":"<leaf hash, hex>","type":"grant.add","actor":"<person id>",
 *  "time":"2026-11-21T09:04:14Z","idem":"<key or empty>","requires":[["<domain id>",size],…],"body":{…}}
 * origin is "" in an inception, whose payload's SHA-256 (hex) becomes the domain id. time is informational. */
#ifndef HEDDLE_MESH_EVENT_H
#define HEDDLE_MESH_EVENT_H

#include <jansson.h>

#include "base/time.h"
#include "ledger/ledger.h"

enum event_type {
	EVENT_UNKNOWN,
#define EVENT(id, wire, who, stolen) EVENT_##id,
#include "mesh/events.def"
#undef EVENT
	EVENT_TYPE_COUNT
};

const char *event_type_name(enum event_type t); /* as on the wire */
/* What becomes of what was said with a stolen key (events.def). */
enum event_stolen { STOLEN_STAYS, STOLEN_VOID, STOLEN_GONE };
enum event_stolen event_type_stolen(enum event_type t);

struct event {
	Str origin, type_text, actor, idem;
	enum event_type type;
	uint64_t seq;
	Hash prev;
	Time time;
	json_t *body;   /* borrowed from root */
	json_t *root;   /* owned: event_fini() */
};

/* Parse a payload (not the envelope). INVALID names the field. Unknown keys are refused; a type that is not in events.def (the
 * journal's) is EVENT_UNKNOWN. Texts are in the arena of c. For looking at single events: the fold reads them without jansson. */
NODISCARD Err event_parse(struct ctx *c, Str payload, struct event *ret);
void event_fini(struct event *e);

struct event_head { Str origin, actor, idem; uint64_t seq; Hash prev; Time time; enum event_type type; };
/* Write a payload; body is one JSON object as text. requires is left empty for now. */
void event_write(const struct event_head *h, Str body_json, struct buf *out);

#endif

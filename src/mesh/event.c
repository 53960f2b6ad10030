/* The payload's frame: who says it, where it stands. The body is the business of the fold. */
#include "mesh/event.h"

#include "codec/json.h"
#include "mesh/payload.h"

static const Str TYPES[EVENT_TYPE_COUNT] = {
    [EVENT_UNKNOWN] = {"unknown", 7},
#define EVENT(id, wire, who, stolen) [EVENT_##id] = {wire, sizeof wire - 1},
#include "mesh/events.def"
#undef EVENT
};

const char *
event_type_name(enum event_type t)
{
	return TYPES[t < EVENT_TYPE_COUNT ? t : EVENT_UNKNOWN].p;
}

enum event_stolen
event_type_stolen(enum event_type t)
{
	static const enum event_stolen stolen[EVENT_TYPE_COUNT] = {
#define EVENT(id, wire, who, stolen) [EVENT_##id] = STOLEN_##stolen,
#include "mesh/events.def"
#undef EVENT
	};

	return stolen[t < EVENT_TYPE_COUNT ? t : EVENT_UNKNOWN];
}

static enum event_type
type_of(Str text)
{
	for (unsigned t = EVENT_UNKNOWN + 1; t < EVENT_TYPE_COUNT; t++)
		if (str_eq(text, TYPES[t])) return (enum event_type)t;
	return EVENT_UNKNOWN;
}

/* Causal marks, for logs that depend on each other: checked in form, not yet used. */
static void
read_requires(struct fields *f)
{
	const struct doc_node *list = field_list(f, S("requires"), 16);

	for (const struct doc_node *n = doc_first(list); n; n = doc_next(list, n)) {
		const struct doc_node *id = n->kind == DOC_ARRAY && n->count == 2 ? doc_first(n) : NULL;
		if (!id || id->kind != DOC_TEXT || !hex_ok(id->text, 64) || doc_next(n, id)->kind != DOC_NUMBER)
			fields_fail(f, S("requires"), "a list of [domain id, size]");
	}
}

Err
payload_read(struct ctx *c, Str text, struct doc *d, struct payload *ret)
{
	struct payload p = {0};

	ENSURE(c, text.n <= LEDGER_ENTRY_MAX, TOO_LARGE, "event: %zu bytes, at most %d are taken", text.n, LEDGER_ENTRY_MAX);
	/* in our own words: what a library says may change with its version, and refusals are part of the state */
	ENSURE(c, err_ok(doc_read(&(struct ctx){0}, text, LEDGER_ENTRY_MAX, d)), INVALID, "event: not one JSON object, or deeper than %d", DOC_DEPTH_MAX);
	struct fields f = fields_of(c, "event", doc_root(d));
	if (field_u64(&f, S("v")) != 1) fields_fail(&f, S("v"), "1");
	p.origin = field_text(&f, S("origin"), 64);
	p.seq = field_u64(&f, S("seq"));
	field_bytes32(&f, S("prev"), p.prev.b);
	p.type_text = field_text(&f, S("type"), 64);
	p.actor = field_text(&f, S("actor"), 64);
	p.time = field_time(&f, S("time"));
	p.idem = field_text(&f, S("idem"), 128);
	read_requires(&f);
	p.body = field_object(&f, S("body"));
	TRY(fields_end(&f));
	p.type = type_of(p.type_text);
	*ret = p;
	return OK;
}

Err
event_parse(struct ctx *c, Str payload, struct event *ret)
{
	DOC_AUTO d;
	struct payload p;
	json_t *root;

	doc_init(&d);
	TRY(payload_read(c, payload, &d, &p));
	TRY(json_read(c, payload, (struct json_limits){.bytes = LEDGER_ENTRY_MAX, .depth = DOC_DEPTH_MAX}, &root));
	*ret = (struct event){
	    .origin = arena_str(c->arena, p.origin), .type_text = arena_str(c->arena, p.type_text), .actor = arena_str(c->arena, p.actor),
	    .idem = arena_str(c->arena, p.idem), .type = p.type, .seq = p.seq, .prev = p.prev, .time = p.time,
	    .body = json_object_get(root, "body"), .root = root,
	};
	return OK;
}

void
event_fini(struct event *e)
{
	json_decref(e->root);
	e->root = e->body = NULL;
}

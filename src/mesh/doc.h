/* JSON as the mesh reads it: a flat list of nodes, each container before its members. Private to mesh/ and table/.
 *
 * The texts we read are nearly always those we wrote (no spaces, hardly an escape), a million of them when a node starts: for that
 * form a small scanner does, about 1 ns a byte, without allocating up to DOC_SMALL nodes. It never says no: whatever it does not
 * know goes to codec/json.h, whose word counts. Both give the same nodes (tests/unit/mesh/test_doc.c).
 *
 * Strings borrow from the text, or from the document when they had escapes. */
#ifndef HEDDLE_MESH_DOC_H
#define HEDDLE_MESH_DOC_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

enum { DOC_SMALL = 64, DOC_DEPTH_MAX = 8 };

/* NUMBER is a whole number from 0 to 2^53-1; OTHER is what no field of ours may hold (null, negative, fractions). */
enum doc_kind { DOC_OBJECT, DOC_ARRAY, DOC_TEXT, DOC_NUMBER, DOC_BOOL, DOC_OTHER };

struct doc_node {
	enum doc_kind kind;
	uint32_t count; /* of members */
	uint32_t skip;  /* nodes to the next sibling: 1 + all nodes inside */
	bool truth;     /* BOOL */
	Str key;        /* of an object's member */
	union {
		Str text;
		uint64_t number;
	};
};

struct doc {
	struct doc_node *nodes; /* `small`, or on the heap */
	uint32_t count, cap;
	json_t *root; /* keeps the strings when jansson read it */
	char *unescaped; /* strings that had escapes, when the scanner read it */
	size_t unescaped_n;
	struct doc_node small[DOC_SMALL];
};

/* A doc points into itself: it is not copied. */
void doc_init(struct doc *d);
/* Read one object of at most max_bytes into an initialised doc. INVALID tells what and where. */
NODISCARD Err doc_read(struct ctx *c, Str text, size_t max_bytes, struct doc *ret);
void doc_fini(struct doc *d);
#define DOC_AUTO __attribute__((cleanup(doc_fini))) struct doc
static inline const struct doc_node *doc_root(const struct doc *d) { return d->nodes; }

/* The two ways, for the test that compares them; both into an initialised doc. */
bool doc_scan(Str text, struct doc *d);
NODISCARD Err doc_parse(struct ctx *c, Str text, size_t max_bytes, struct doc *d);

/* Members: for (const struct doc_node *n = doc_first(x); n; n = doc_next(x, n)). */
const struct doc_node *doc_first(const struct doc_node *container);
const struct doc_node *doc_next(const struct doc_node *container, const struct doc_node *member);

/* --- taking an object apart --- */

/* Every field is taken once, by name; fields_end() refuses what is left over. The first thing wrong is kept in `err` (detail in
 * c) and everything after gives empty values, so a reader is a straight line of fields. Cheapest in the order of the text. */
struct fields {
	struct ctx *c;
	const char *what; /* "grant.add", for messages */
	const struct doc_node *object, *at; /* at: the member behind the one taken last */
	uint32_t index;                     /* of at */
	uint64_t taken;                     /* bit i: member i; objects have at most 64 */
	Err err;
};

struct fields fields_of(struct ctx *c, const char *what, const struct doc_node *object);
NODISCARD Err fields_end(struct fields *f);
void fields_fail(struct fields *f, Str key, const char *expected); /* INVALID "<what>: '<key>' must be <expected>" */

/* Is there such a key? For optional ones, which stand behind the others where we write them: then a look costs nothing. */
bool field_has(const struct fields *f, Str key);
Str field_text(struct fields *f, Str key, size_t max_bytes);
Str field_ident(struct fields *f, Str key);  /* str_is_ident() */
Str field_id(struct fields *f, Str key);     /* id_ok() */
Str field_id_opt(struct fields *f, Str key); /* or "" */
Str field_hex(struct fields *f, Str key, size_t digits);
Str field_hex_opt(struct fields *f, Str key, size_t digits); /* or "" */
void field_bytes32(struct fields *f, Str key, uint8_t ret[static 32]); /* 64 hex digits; *ret is anything when wrong */
uint64_t field_u64(struct fields *f, Str key);
bool field_bool(struct fields *f, Str key);
Time field_time(struct fields *f, Str key);         /* exactly "2026-11-21T09:04:14Z" */
Time field_time_forever(struct fields *f, Str key); /* or "forever" */
Time field_seconds(struct fields *f, Str key);      /* as a number of seconds, in records */
const struct doc_node *field_object(struct fields *f, Str key);             /* never NULL */
const struct doc_node *field_list(struct fields *f, Str key, uint32_t max); /* never NULL */

/* An id of a person, product, grant, request, restriction or snapshot: [a-z0-9_]{8,64}. */
bool id_ok(Str s);
bool hex_ok(Str s, size_t digits);
bool time_read(Str s, Time *ret); /* the one spelling of a time in events */

#endif

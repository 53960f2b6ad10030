/* Each kind of record: how it is put into the state, written, read back, and taken from the state again: put_<name>(), write_<name>(),
 * load_<name>(), of_<name>(), in rec_<subject>.c. Private to mesh/. */
#ifndef HEDDLE_MESH_RECORD_H
#define HEDDLE_MESH_RECORD_H

#include "mesh/put.h"
#include "mesh/state.h"

typedef void put_fn(struct mesh *m, struct log *log, const struct change *ch);
typedef void write_fn(const struct change *ch, struct buf *out);
/* f goes over the record; what stands in "body" is read as in the event. */
typedef void load_fn(struct fields *f, const struct mesh *m, struct change *ret);
typedef void of_fn(const struct item *it, struct change *ret);

#define RECORD(id, name)                                                                                                       \
	put_fn put_##name;                                                                                                     \
	write_fn write_##name;                                                                                                 \
	load_fn load_##name;                                                                                                   \
	of_fn of_##name;
RECORDS
#undef RECORD

/* Read "body" with the statements given, as fields `b`; what is wrong in it is wrong with the record. */
#define BODY(f, ...)                                                                                                           \
	do {                                                                                                                   \
		struct fields b = fields_of((f)->c, (f)->what, field_object((f), S("body")));                                  \
		b.err = (f)->err;                                                                                              \
		__VA_ARGS__;                                                                                                   \
		Err body_err_ = fields_end(&b);                                                                                \
		if (err_ok((f)->err)) (f)->err = body_err_;                                                                    \
	} while (0)

/* Times in records are whole seconds, as in events. */
void put_seconds(struct buf *out, Str key, Time t);

/* The item of that id, a new one of `size` bytes when there is none; *ret_new may be NULL. */
void *item_make(struct mesh *m, enum record_kind kind, struct log *log, Str id, size_t size, bool *ret_new);

/* Kept as long as the state; but for state_text_once() each once. */
Str state_text_once(struct mesh *m, Str s); /* a text that hardly repeats */
const Str *state_texts(struct mesh *m, const Str *list, size_t n);
const struct policy_mask *state_masks(struct mesh *m, const struct policy_mask *list, size_t n);
const struct predicate *state_predicate_keep(struct mesh *m, Str canonical); /* NULL for "" */
const struct tag_expr *state_tag_expr_keep(struct mesh *m, Str canonical);

#endif

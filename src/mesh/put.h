/* Members of a JSON object, key with the comma or brace before it and the colon behind: put_text(out, S(",\"name\":"), name).
 * A start of the node writes millions of these, hence without printf. Private to mesh/. */
#ifndef HEDDLE_MESH_PUT_H
#define HEDDLE_MESH_PUT_H

#include "base/buf.h"
#include "base/time.h"

void put_text(struct buf *out, Str key, Str text);
void put_texts(struct buf *out, Str key, const Str *list, size_t n); /* key with the opening bracket behind it */
void put_number(struct buf *out, Str key, uint64_t n);
void put_bool(struct buf *out, Str key, bool b);
void put_hex(struct buf *out, Str key, const void *bytes, size_t n);
void put_time(struct buf *out, Str key, Time t); /* "forever" for TIME_FOREVER */

#endif

/* Drafts: what a domain that keeps its key has still to sign.
 *
 * The handler of a request runs up to core_say(), which writes the entry as it shall stand and waits here. The request is answered 428 with the
 * entry; its fiber stays, and goes on as the request that brings the signature. So what is signed is byte for byte what the handler made of the
 * request, ids and time too; nothing but 64 bytes is taken from the client; and a handler that says several things asks for one signature
 * after the other. A draft that nobody signs in time, or whose log went on meanwhile, comes to nothing. */
#ifndef HEDDLE_CORE_DRAFTS_H
#define HEDDLE_CORE_DRAFTS_H

#include "core/request.h"
#include "crypt/sign.h"

enum { DRAFT_LIFE_S = 300, DRAFTS_MAX = 64, DRAFTS_OF_PERSON_MAX = 8 };

/* Does the owner of this log's domain keep its key? */
bool draft_needed(const struct core *core, Str log_id);
/* Ask the client behind c for the signature of `pub` under the payload; domain: its name, for people. SIGNATURE_NEEDED when there is no client, or
 * nobody signed; UNAUTHENTICATED, DENIED when who asked is not any more who they were. The caller checks anew what it checked before. */
NODISCARD Err draft_wait(struct core *core, struct ctx *c, Str log_id, Str domain, Str payload, const uint8_t pub[static SIGN_PUB_BYTES],
                         uint8_t ret[static SIGN_BYTES]);
/* Give up those that nobody signed. */
void drafts_tick(struct core *core);

#endif

/* What ledger_verify_dir() is told of each entry: a log is followed with nothing but its own first entry, which names the key.
 *
 * A domain's log: the inception, whose hash is the log's id, then events of that origin, each in its place, naming the hash of the
 * one before and signed by the key in force. The journal: the same frame with origin "journal" and any types; its first entry, body
 * {"pub":"<64 hex digits>"…}, names the node's key and is signed by it; who vouches for that key is the caller's question. */
#ifndef HEDDLE_MESH_VERIFY_H
#define HEDDLE_MESH_VERIFY_H

#include "ledger/verify.h"

struct mesh_verifier;

struct mesh_verifier *mesh_verifier_new(void);
void mesh_verifier_free(struct mesh_verifier *v);
/* A verify_entry_fn; arg: the verifier. The entries of one log in order from 0; logs in any order. INVALID tells what is wrong;
 * the entries behind can still be checked. The key of the journal is left with mesh_verifier_journal_key(). */
NODISCARD Err mesh_verify_entry(struct ctx *c, void *arg, Str log_id, uint64_t index, Str entry, const Hash *prev_leaf);
/* False when no journal was seen. */
bool mesh_verifier_journal_key(const struct mesh_verifier *v, uint8_t ret[static 32]);

#endif

/* Signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519 keys of type 0x01.
 *
 *   text lines, each ending in a newline
 *   (an empty line)
 *   — name base64(u32be key id || signature)
 *
 * A note is UTF-8 without control characters other than newline. Signatures by keys that are not known are carried and ignored. */
#ifndef HEDDLE_CODEC_NOTE_H
#define HEDDLE_CODEC_NOTE_H

#include "base/arena.h"
#include "base/buf.h"

enum { NOTE_MAX = 256 * 1024, NOTE_SIGS_MAX = 32, NOTE_NAME_MAX = 255, NOTE_PUB_BYTES = 32, NOTE_SIG_BYTES = 64 };

struct note_key {
	Str name;
	uint32_t id;
	uint8_t pub[NOTE_PUB_BYTES];
};

/* First four bytes of SHA-256(name || 0x0a || 0x01 || pub), big-endian. */
uint32_t note_key_id(Str name, const uint8_t pub[static NOTE_PUB_BYTES]);
/* The verifier key "name+hex id+base64(0x01 || pub)", no newline. */
void note_key_line(Str name, const uint8_t pub[static NOTE_PUB_BYTES], struct buf *out);
/* Read one; checks that the id belongs to name and key. name borrows from line. */
NODISCARD Err note_key_parse(struct ctx *c, Str line, struct note_key *ret);
/* A key name: 1 … NOTE_NAME_MAX bytes of UTF-8, no space of any kind, no control character, no '+'. */
bool note_is_name(Str s);

struct note_sig {
	Str name;
	uint32_t id;
	Str bytes; /* what follows the id; 64 bytes when the key is Ed25519 */
};

struct note {
	Str text; /* with its last newline, without the empty line; this is what is signed */
	struct note_sig sigs[NOTE_SIGS_MAX];
	size_t sig_count;
};

/* At most NOTE_MAX bytes, 1 … NOTE_SIGS_MAX signatures. Decoded signatures are in the arena of c, the rest borrows. Checks no signature. */
NODISCARD Err note_parse(struct ctx *c, Str text, struct note *ret);
/* The note carries a signature of this key and each such signature is right: OK. DENIED otherwise, telling which. */
NODISCARD Err note_verify(struct ctx *c, const struct note *n, const struct note_key *key);
/* "— name base64\n" appended to out. */
void note_sig_line(Str name, uint32_t id, const uint8_t sig[static NOTE_SIG_BYTES], struct buf *out);

struct checkpoint {
	Str origin;
	uint64_t size;
	uint8_t root[32];
};
/* "origin\nsize\nroot\n" appended to out: the text to sign. */
void checkpoint_text(const struct checkpoint *p, struct buf *out);
/* Read the text of a note. Extension lines are refused: nothing here may depend on them. origin borrows. */
NODISCARD Err checkpoint_parse(struct ctx *c, Str note_text, struct checkpoint *ret);

#endif

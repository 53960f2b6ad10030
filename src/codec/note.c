#include "codec/note.h"

#include <assert.h>

#include "crypt/encode.h"
#include "crypt/hash.h"
#include "crypt/sign.h"

enum { TYPE_ED25519 = 1, ID_BYTES = 4 };

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */

static uint32_t
u32_of(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* --- keys --- */

/* White space of Unicode beyond ASCII, as UTF-8 (the property White_Space): U+0085, 00A0, 1680, 2000–200A, 2028, 2029, 202F, 205F, 3000. */
static bool
has_wide_space(Str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	for (size_t i = 0; i + 1 < s.n; i++) {
		if (p[i] == 0xc2 && (p[i + 1] == 0x85 || p[i + 1] == 0xa0)) return true;
		if (i + 2 >= s.n) continue;
		uint32_t three = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
		if (three == 0xe19a80 || (three >= 0xe28080 && three <= 0xe2808a) || three == 0xe280a8 || three == 0xe280a9 ||
		    three == 0xe280af || three == 0xe2819f || three == 0xe38080)
			return true;
	}
	return false;
}

bool
note_is_name(Str s)
{
	if (s.n < 1 || s.n > NOTE_NAME_MAX || !str_is_utf8(s) || has_wide_space(s)) return false;
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] <= 0x20 || s.p[i] == 0x7f || s.p[i] == '+') return false;
	return true;
}

uint32_t
note_key_id(Str name, const uint8_t pub[static NOTE_PUB_BYTES])
{
	struct crypt_sha256 h;
	uint8_t hash[CRYPT_HASH_BYTES];

	crypt_sha256_init(&h);
	crypt_sha256_add(&h, name);
	crypt_sha256_add(&h, S("\n\x01"));
	crypt_sha256_add(&h, str_of(pub, NOTE_PUB_BYTES));
	crypt_sha256_end(&h, hash);
	return u32_of((const char *)hash);
}

void
note_key_line(Str name, const uint8_t pub[static NOTE_PUB_BYTES], struct buf *out)
{
	uint8_t typed[1 + NOTE_PUB_BYTES] = {TYPE_ED25519};

	assert(note_is_name(name));
	memcpy(typed + 1, pub, NOTE_PUB_BYTES);
	buf_str(out, name);
	buf_printf(out, "+%08x+", note_key_id(name, pub));
	base64_put(out, str_of(typed, sizeof typed));
}

Err
note_key_parse(struct ctx *c, Str line, struct note_key *ret)
{
	Str name, hex, base64 = str_cut(str_cut(line, '+', &name), '+', &hex);
	char id[ID_BYTES], typed[1 + NOTE_PUB_BYTES];
	struct note_key k = {.name = name};

	ENSURE(c, base64.p && note_is_name(name) && hex_get_n(hex, id, ID_BYTES), INVALID, "verifier key: not of the form name+id+key");
	ENSURE(c, base64.n == 44 && base64_get_n(base64, typed, sizeof typed), INVALID, "verifier key: the key is not 33 bytes in base64");
	ENSURE(c, typed[0] == TYPE_ED25519, INVALID, "verifier key: type %d is not Ed25519", typed[0]);
	memcpy(k.pub, typed + 1, NOTE_PUB_BYTES);
	k.id = u32_of(id);
	ENSURE(c, k.id == note_key_id(name, k.pub), INVALID, "verifier key: id %08x does not belong to this name and key", k.id);
	*ret = k;
	return OK;
}

/* --- notes --- */

static bool
is_clean(Str s)
{
	if (!str_is_utf8(s)) return false;
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] < 0x20 && s.p[i] != '\n') return false;
	return true;
}

/* Where the signatures begin: behind the last empty line. 0 when there is none. */
static size_t
signatures_at(Str s)
{
	for (size_t i = s.n; i >= 2; i--)
		if (s.p[i - 1] == '\n' && s.p[i - 2] == '\n') return i;
	return 0;
}

static Err
sig_parse(struct ctx *c, Str line, struct note_sig *ret)
{
	Str name, bytes = {0}, base64;

	ENSURE(c, str_starts(line, S(DASH)), INVALID, "note: a signature line must begin with a dash and a space");
	base64 = str_cut(str_of(line.p + sizeof DASH - 1, line.n - (sizeof DASH - 1)), ' ', &name);
	ENSURE(c, base64.p && note_is_name(name), INVALID, "note: a signature line has no valid key name");
	ENSURE(c, base64.n % 4 == 0 && !memchr(base64.p, '-', base64.n) && !memchr(base64.p, '_', base64.n) &&
	              base64_get(c->arena, base64, &bytes) && bytes.n > ID_BYTES,
	       INVALID, "note: the signature of '%.*s' is not an id and a signature in base64", STR(name));
	*ret = (struct note_sig){.name = name, .id = u32_of(bytes.p), .bytes = str_of(bytes.p + ID_BYTES, bytes.n - ID_BYTES)};
	return OK;
}

Err
note_parse(struct ctx *c, Str text, struct note *ret)
{
	struct note n = {0};
	Str line;

	ENSURE(c, text.n <= NOTE_MAX, TOO_LARGE, "note: %zu bytes, at most %d are taken", text.n, NOTE_MAX);
	ENSURE(c, is_clean(text), INVALID, "note: not UTF-8, or with control characters");
	size_t at = signatures_at(text);
	ENSURE(c, at > 0 && at < text.n && text.p[text.n - 1] == '\n', INVALID, "note: no text, empty line and signatures");
	n.text = str_of(text.p, at - 1);
	for (Str rest = str_of(text.p + at, text.n - at); rest.n > 0;) {
		rest = str_cut(rest, '\n', &line);
		ENSURE(c, n.sig_count < NOTE_SIGS_MAX, INVALID, "note: more than %d signatures", NOTE_SIGS_MAX);
		TRY(sig_parse(c, line, &n.sigs[n.sig_count++]));
	}
	*ret = n;
	return OK;
}

Err
note_verify(struct ctx *c, const struct note *n, const struct note_key *key)
{
	size_t good = 0;

	for (size_t i = 0; i < n->sig_count; i++) {
		const struct note_sig *s = &n->sigs[i];
		if (s->id != key->id || !str_eq(s->name, key->name)) continue;
		ENSURE(c, s->bytes.n == NOTE_SIG_BYTES && sign_check(key->pub, n->text, (const uint8_t *)s->bytes.p), DENIED,
		       "note: the signature of '%.*s' is wrong", STR(key->name));
		good++;
	}
	ENSURE(c, good > 0, DENIED, "note: not signed by '%.*s' (key %08x)", STR(key->name), key->id);
	return OK;
}

void
note_sig_line(Str name, uint32_t id, const uint8_t sig[static NOTE_SIG_BYTES], struct buf *out)
{
	uint8_t bytes[ID_BYTES + NOTE_SIG_BYTES] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

	assert(note_is_name(name));
	memcpy(bytes + ID_BYTES, sig, NOTE_SIG_BYTES);
	buf_str(out, S(DASH));
	buf_str(out, name);
	buf_char(out, ' ');
	base64_put(out, str_of(bytes, sizeof bytes));
	buf_char(out, '\n');
}

/* --- checkpoints --- */

void
checkpoint_text(const struct checkpoint *p, struct buf *out)
{
	buf_str(out, p->origin);
	buf_printf(out, "\n%llu\n", (unsigned long long)p->size);
	base64_put(out, str_of(p->root, sizeof p->root));
	buf_char(out, '\n');
}

Err
checkpoint_parse(struct ctx *c, Str note_text, struct checkpoint *ret)
{
	struct checkpoint p = {0};
	Str size, root, rest = str_cut(note_text, '\n', &p.origin);

	rest = str_cut(rest, '\n', &size);
	rest = str_cut(rest, '\n', &root);
	ENSURE(c, rest.p && p.origin.n > 0, INVALID, "checkpoint: three lines were expected");
	ENSURE(c, rest.n == 0, INVALID, "checkpoint: extension lines are not taken");
	ENSURE(c, str_u64(size, &p.size), INVALID, "checkpoint: the size is not a number");
	ENSURE(c, root.n == 44 && !memchr(root.p, '-', 44) && !memchr(root.p, '_', 44) && base64_get_n(root, p.root, sizeof p.root),
	       INVALID, "checkpoint: the root is not 32 bytes in base64");
	*ret = p;
	return OK;
}

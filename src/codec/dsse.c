#include "codec/dsse.h"

#include <assert.h>

#include "codec/json.h"
#include "crypt/encode.h"

void
dsse_pae(Str type, Str body, struct buf *out)
{
	buf_reserve(out, type.n + body.n + 64);
	buf_printf(out, "DSSEv1 %zu ", type.n);
	buf_str(out, type);
	buf_printf(out, " %zu ", body.n);
	buf_str(out, body);
}

#define HEAD "{\"payloadType\":"
#define PAYLOAD ",\"payload\":\""
#define SIGNATURES "\",\"signatures\":[{\"keyid\":"
#define SIG ",\"sig\":\""
#define TAIL "\"}]}"

void
dsse_encode(Str type, Str body, Str keyid, const uint8_t sig[static DSSE_SIG_BYTES], struct buf *out)
{
	assert(type.n >= 1 && type.n <= DSSE_TYPE_MAX && keyid.n <= DSSE_KEYID_MAX);
	buf_reserve(out, body.n / 3 * 4 + type.n + keyid.n + 256);
	buf_str(out, S(HEAD));
	buf_json(out, type);
	buf_str(out, S(PAYLOAD));
	base64_put(out, body);
	buf_str(out, S(SIGNATURES));
	buf_json(out, keyid);
	buf_str(out, S(SIG));
	base64_put(out, str_of(sig, DSSE_SIG_BYTES));
	buf_str(out, S(TAIL));
}

/* --- the fast way: exactly what dsse_encode() writes --- */

/* The complement of a letter's value in the standard alphabet; 0, so value 0xff, for anything else. A table, because nothing
 * here is secret and replay spends its time here: about six times the speed of a constant-time decoder. */
static const uint8_t complement[256] = {
    ['A'] = 255, ['B'] = 254, ['C'] = 253, ['D'] = 252, ['E'] = 251, ['F'] = 250, ['G'] = 249, ['H'] = 248,
    ['I'] = 247, ['J'] = 246, ['K'] = 245, ['L'] = 244, ['M'] = 243, ['N'] = 242, ['O'] = 241, ['P'] = 240,
    ['Q'] = 239, ['R'] = 238, ['S'] = 237, ['T'] = 236, ['U'] = 235, ['V'] = 234, ['W'] = 233, ['X'] = 232,
    ['Y'] = 231, ['Z'] = 230, ['a'] = 229, ['b'] = 228, ['c'] = 227, ['d'] = 226, ['e'] = 225, ['f'] = 224,
    ['g'] = 223, ['h'] = 222, ['i'] = 221, ['j'] = 220, ['k'] = 219, ['l'] = 218, ['m'] = 217, ['n'] = 216,
    ['o'] = 215, ['p'] = 214, ['q'] = 213, ['r'] = 212, ['s'] = 211, ['t'] = 210, ['u'] = 209, ['v'] = 208,
    ['w'] = 207, ['x'] = 206, ['y'] = 205, ['z'] = 204, ['0'] = 203, ['1'] = 202, ['2'] = 201, ['3'] = 200,
    ['4'] = 199, ['5'] = 198, ['6'] = 197, ['7'] = 196, ['8'] = 195, ['9'] = 194, ['+'] = 193, ['/'] = 192,
};

static inline uint8_t
letter(uint8_t ch)
{
	return (uint8_t)~complement[ch];
}

/* The last group of four: up to two of '=', left-over bits zero. */
static bool
decode_last(const uint8_t *p, char *out, size_t *ret_n)
{
	uint8_t a = letter(p[0]), b = letter(p[1]), c = p[2] == '=' && p[3] == '=' ? 0 : letter(p[2]), d = p[3] == '=' ? 0 : letter(p[3]);

	if (((a | b | c | d) & 0xc0) != 0) return false;
	*ret_n = p[3] != '=' ? 3 : p[2] != '=' ? 2 : 1;
	if ((*ret_n == 2 && (c & 3)) || (*ret_n == 1 && (b & 15))) return false;
	char bytes[3] = {(char)(a << 2 | b >> 4), (char)(b << 4 | c >> 2), (char)(c << 6 | d)};
	memcpy(out, bytes, *ret_n);
	return true;
}

/* Padded standard base64 into out, which has room for text.n / 4 * 3 bytes. */
static bool
decode(Str text, char *out, size_t *ret_n)
{
	const uint8_t *p = (const uint8_t *)text.p;
	size_t n = 0, last = 0;
	uint8_t bad = 0;

	if (text.n % 4 != 0) return false;
	if (text.n == 0) {
		*ret_n = 0;
		return true;
	}
	for (const uint8_t *end = p + text.n - 4; p < end; p += 4, n += 3) {
		uint8_t a = letter(p[0]), b = letter(p[1]), c = letter(p[2]), d = letter(p[3]);
		bad |= a | b | c | d;
		out[n] = (char)(a << 2 | b >> 4);
		out[n + 1] = (char)(b << 4 | c >> 2);
		out[n + 2] = (char)(c << 6 | d);
	}
	if ((bad & 0xc0) != 0 || !decode_last(p, out + n, &last)) return false;
	*ret_n = n + last;
	return true;
}

static bool
skip(Str *s, Str literal)
{
	if (!str_starts(*s, literal)) return false;
	*s = str_of(s->p + literal.n, s->n - literal.n);
	return true;
}

/* A JSON string without escapes and all ASCII, of at most max bytes. */
static bool
plain_string(Str *s, size_t max, Str *ret)
{
	if (!skip(s, S("\""))) return false;
	for (size_t i = 0; i < s->n && i <= max; i++) {
		char ch = s->p[i];
		if (ch == '"') {
			*ret = str_of(s->p, i);
			*s = str_of(s->p + i + 1, s->n - i - 1);
			return true;
		}
		if (ch < 0x20 || ch > 0x7e || ch == '\\') return false; /* char is signed or not: both refuse above 0x7e */
	}
	return false;
}

/* False when the text has another form; then nothing is said about whether it is an envelope. */
static bool
parse_fast(struct ctx *c, Str s, struct dsse *ret)
{
	struct dsse d;
	Str text, rest;
	char sig[DSSE_SIG_BYTES + 2];
	size_t n = 0;

	if (!skip(&s, S(HEAD)) || !plain_string(&s, DSSE_TYPE_MAX, &d.payload_type) || d.payload_type.n == 0) return false;
	if (!skip(&s, S(PAYLOAD))) return false;
	rest = str_cut(s, '"', &text);
	if (!rest.p) return false;
	s = str_of(rest.p - 1, rest.n + 1); /* SIGNATURES begins with the quote */
	if (!skip(&s, S(SIGNATURES)) || !plain_string(&s, DSSE_KEYID_MAX, &d.keyid) || !skip(&s, S(SIG))) return false;
	if (s.n != 88 + sizeof TAIL - 1 || !str_ends(s, S(TAIL))) return false;
	if (!decode(str_of(s.p, 88), sig, &n) || n != DSSE_SIG_BYTES) return false;
	memcpy(d.sig, sig, DSSE_SIG_BYTES);
	char *payload = arena_alloc(c->arena, text.n / 4 * 3);
	if (!decode(text, payload, &n)) return false;
	d.payload = str_of(payload, n);
	*ret = d;
	return true;
}

/* --- any other form --- */

static Err
signature_parse(struct ctx *c, const json_t *one, struct dsse *ret)
{
	Str keyid, sig;

	TRY(JSON_ONLY(c, one, "keyid", "sig"));
	TRY(json_str_opt(c, one, "keyid", S(""), &keyid));
	TRY(json_str(c, one, "sig", &sig));
	ENSURE(c, keyid.n <= DSSE_KEYID_MAX, INVALID, "envelope: 'keyid' is longer than %d bytes", DSSE_KEYID_MAX);
	ENSURE(c, base64_get_n(sig, ret->sig, DSSE_SIG_BYTES), INVALID, "envelope: 'sig' is not 64 bytes in base64");
	ret->keyid = arena_str(c->arena, keyid);
	return OK;
}

static Err
parse_slow(struct ctx *c, Str text, struct dsse *ret)
{
	JSON_AUTO *root = NULL;
	json_t *signatures = NULL;
	struct dsse d;
	Str type, payload;

	TRY(json_read(c, text, (struct json_limits){.bytes = DSSE_MAX, .depth = 3, .values = 16}, &root));
	TRY(JSON_ONLY(c, root, "payloadType", "payload", "signatures"));
	TRY(json_str(c, root, "payloadType", &type));
	TRY(json_str(c, root, "payload", &payload));
	TRY(json_list(c, root, "signatures", &signatures));
	ENSURE(c, type.n >= 1 && type.n <= DSSE_TYPE_MAX, INVALID, "envelope: 'payloadType' must have 1 to %d bytes", DSSE_TYPE_MAX);
	ENSURE(c, json_array_size(signatures) == 1, INVALID, "envelope: exactly one signature is taken, not %zu", json_array_size(signatures));
	TRY(signature_parse(c, json_array_get(signatures, 0), &d));
	ENSURE(c, base64_get(c->arena, payload, &d.payload), INVALID, "envelope: 'payload' is not base64");
	d.payload_type = arena_str(c->arena, type);
	*ret = d;
	return OK;
}

Err
dsse_parse(struct ctx *c, Str text, struct dsse *ret)
{
	ENSURE(c, text.n <= DSSE_MAX, TOO_LARGE, "envelope: %zu bytes, at most %d are taken", text.n, DSSE_MAX);
	return parse_fast(c, text, ret) ? OK : parse_slow(c, text, ret);
}

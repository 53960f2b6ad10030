#include "ipc/msg.h"

#undef STR

static void
put_u64(struct buf *out, uint64_t v)
{
	buf_u64be(out, v);
}

static void
put_str(struct buf *out, Str s)
{
	buf_u32be(out, (uint32_t)s.n);
	buf_str(out, s);
}

static void
put_list(struct buf *out, List l)
{
	buf_u32be(out, (uint32_t)l.n);
	for (size_t i = 0; i < l.n; i++) put_str(out, l.v[i]);
}

static bool
get_u32(Str *in, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)in->p;

	if (in->n < 4) return false;
	*ret = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*in = str_of(in->p + 4, in->n - 4);
	return true;
}

static bool
get_u64(Str *in, uint64_t *ret)
{
	uint32_t hi, lo;

	if (!get_u32(in, &hi) || !get_u32(in, &lo)) return false;
	*ret = (uint64_t)hi << 32 | lo;
	return true;
}

static bool
get_str(Str *in, Str *ret)
{
	uint32_t n;

	if (!get_u32(in, &n) || n > in->n) return false;
	*ret = str_of(in->p, n);
	*in = str_of(in->p + n, in->n - n);
	return true;
}

static bool
get_list(struct ctx *c, Str *in, List *ret)
{
	uint32_t n;

	/* every item takes at least four bytes: a count that cannot be true allocates nothing */
	if (!get_u32(in, &n) || n > MSG_LIST_MAX || n > in->n / 4) return false;
	Str *v = NEW_N(c->arena, n, Str);
	for (uint32_t i = 0; i < n; i++)
		if (!get_str(in, &v[i])) return false;
	*ret = (List){v, n};
	return true;
}

#define U64(f) put_u64(out, m->f);
#define STR(f) put_str(out, m->f);
#define LIST(f) put_list(out, m->f);
#define MSG(name, fields)                                                                                                      \
	void msg_put_##name(struct buf *out, const struct msg_##name *m) { fields }
#include "ipc/msg.def"
#undef U64
#undef STR
#undef LIST
#undef MSG

#define U64(f) && get_u64(&bytes, &m.f)
#define STR(f) && get_str(&bytes, &m.f)
#define LIST(f) && get_list(c, &bytes, &m.f)
#define MSG(name, fields)                                                                                                      \
	Err msg_get_##name(struct ctx *c, Str bytes, struct msg_##name *ret)                                                   \
	{                                                                                                                      \
		struct msg_##name m = {0};                                                                                     \
		ENSURE(c, true fields && bytes.n == 0, INVALID, "malformed message " #name);                                    \
		*ret = m;                                                                                                      \
		return OK;                                                                                                     \
	}
#include "ipc/msg.def"
#undef U64
#undef STR
#undef LIST
#undef MSG

const char *
msg_name(enum msg_type t)
{
	static const char *const names[MSG_TYPE_COUNT] = {
	    [MSG_NONE] = "?",
#define MSG(name, fields) [MSG_##name] = #name,
#include "ipc/msg.def"
#undef MSG
	};
	return (unsigned)t < MSG_TYPE_COUNT ? names[t] : "?";
}

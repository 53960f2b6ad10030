#include "cmd/signed.h"

#include <string.h>

#include "codec/dsse.h"
#include "codec/json.h"
#include "crypt/encode.h"
#include "ledger/tree.h"
#include "os/file.h"

enum { FILE_MAX = 256 * 1024 };

static const char *
path_of(struct arena *a, const char *key_path)
{
	return arena_printf(a, "%s.signed", key_path).p;
}

static Err
parse(struct ctx *c, Str text, struct signed_last *ret)
{
	JSON_AUTO *doc = NULL;
	int64_t version;
	Str log, leaf, payload, signature;

	TRY(json_read(c, text, (struct json_limits){.bytes = FILE_MAX, .depth = 2, .values = 16}, &doc));
	TRY(json_i64(c, doc, "heddle_signed", 1, 1, &version));
	TRY(json_str(c, doc, "log", &log));
	TRY(json_u64(c, doc, "seq", &ret->seq));
	TRY(json_str(c, doc, "leaf", &leaf));
	TRY(json_str(c, doc, "payload", &payload));
	TRY(json_str(c, doc, "signature", &signature));
	ENSURE(c, hex_get_n(leaf, ret->leaf.b, HASH_BYTES) && hex_get_n(signature, ret->signature, SIGN_BYTES), INVALID, "not hex digits");
	ret->log_id = arena_str(c->arena, log);
	ret->payload = arena_str(c->arena, payload);
	ret->any = true;
	return OK;
}

Err
signed_read(struct ctx *c, const char *key_path, struct signed_last *ret)
{
	const char *path = path_of(c->arena, key_path);
	struct signed_last last = {0};
	Str text;
	Err e = file_read_path(c, AT_FDCWD, path, FILE_MAX, &text);

	if (e.code == ERR_NOT_FOUND) {
		c->detail[0] = 0;
		*ret = last;
		return OK;
	}
	TRY(e);
	e = parse(c, text, &last);
	if (!err_ok(e)) {
		c->detail[0] = 0;
		return err_set(c, ERR_CORRUPT, "'%s' is damaged: it tells what this key signed last, and nothing is signed without it", path);
	}
	*ret = last;
	return OK;
}

Err
signed_may_follow(struct ctx *c, const struct signed_last *last, Str log_id, const struct event *e, Str payload, bool taken_over)
{
	bool again = last->any && str_eq(payload, last->payload);

	if (!last->any || again) return OK;
	/* Two inceptions are two logs, not two histories of one; the first of them was never taken. */
	if (last->seq == 0 && e->seq == 0) return OK;
	ENSURE(c, str_eq(log_id, last->log_id), CONFLICT, "this key signs for the log %.16s…, and the node asks for an entry of %.16s…", last->log_id.p, log_id.p);
	ENSURE(c, e->seq > last->seq, CONFLICT, "this key has signed entry %llu already; another entry %llu would be a second history",
	       (unsigned long long)last->seq, (unsigned long long)e->seq);
	if (e->seq > last->seq + 1 || taken_over) return OK;
	ENSURE(c, memcmp(e->prev.b, last->leaf.b, HASH_BYTES) == 0, CONFLICT,
	       "the log has another entry %llu than the one that this key signed here; if somebody else holds the key too and signed it, say --taken-over",
	       (unsigned long long)last->seq);
	return OK;
}

Err
signed_keep(struct ctx *c, const char *key_path, Str log_id, const struct event *e, Str payload, const uint8_t signature[static SIGN_BYTES])
{
	BUF_AUTO entry = BUF_INIT;
	BUF_AUTO text = BUF_INIT;

	dsse_encode(S(DSSE_EVENT_TYPE), payload, S(""), signature, &entry);
	Hash leaf = tree_leaf(buf_view(&entry));
	buf_printf(&text, "{\"heddle_signed\":1,\"log\":\"%.*s\",\"seq\":%llu,\"leaf\":\"", STR(log_id), (unsigned long long)e->seq);
	hex_put(&text, str_of(leaf.b, HASH_BYTES));
	buf_c(&text, "\",\"payload\":");
	buf_json(&text, payload);
	buf_c(&text, ",\"signature\":\"");
	hex_put(&text, str_of(signature, SIGN_BYTES));
	buf_c(&text, "\"}\n");
	return file_replace(c, AT_FDCWD, path_of(c->arena, key_path), buf_view(&text), 0600);
}

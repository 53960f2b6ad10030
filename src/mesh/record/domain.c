/* Of a log: whose it is, how far it was folded, and what was refused in it. */
#include "mesh/fork.h"
#include "mesh/record/record.h"

static bool
log_named(const void *item, const void *key)
{
	return str_eq(((const struct log *)item)->pub.name, *(const Str *)key);
}

const struct log *
state_log_named(const struct mesh *m, Str name)
{
	void **at = index_find(&m->log_names, index_hash(m->seed, name, (Str){"", 0}), log_named, &name);

	return at ? *at : NULL;
}

static void
log_name_put(struct mesh *m, struct log *log)
{
	uint32_t hash = index_hash(m->seed, log->pub.name, (Str){"", 0});
	void **at = index_find(&m->log_names, hash, log_named, &log->pub.name);

	if (!at) {
		index_add(&m->log_names, hash, log);
		return;
	}
	struct log *head = *at, **link = &head;
	while (*link && str_cmp((*link)->item.id, log->item.id) < 0) link = &(*link)->same_name;
	log->same_name = *link;
	*link = log;
	*at = head;
}

void
put_domain(struct mesh *m, struct log *log, const struct change *ch)
{
	bool known = log->founded;

	log->pub.name = state_text(m, ch->domain.pub.name);
	memcpy(log->pub.event_pub, ch->domain.pub.event_pub, sizeof log->pub.event_pub);
	memcpy(log->next_digest, ch->domain.next_digest, sizeof log->next_digest);
	log->pub.center = ch->domain.pub.center;
	log->pub.handing_named = ch->domain.pub.handing_named;
	log->pub.handing_seq = ch->domain.pub.handing_seq;
	log->keys = keys_keep(&m->mem, &ch->domain.keys);
	log->pub.owner_keeps_key = log->keys.owner_keeps;
	log->pub.recovery = log->keys.recoverable;
	log->pub.key_since = log->keys.span_count ? log->keys.spans[log->keys.span_count - 1].since : 0;
	log->pub.next_committed = keys_committed(log);
	log->founded = true;
	if (!known) log_name_put(m, log);
	fork_update(m, log);
}

void
write_domain(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"name\":"), ch->domain.pub.name);
	put_hex(out, S(",\"pub\":"), ch->domain.pub.event_pub, 32);
	put_hex(out, S(",\"next\":"), ch->domain.next_digest, 32);
	put_bool(out, S(",\"center\":"), ch->domain.pub.center);
	if (ch->domain.pub.handing_seq) {
		put_text(out, S(",\"handing\":"), handing_name(ch->domain.pub.handing_named));
		put_number(out, S(",\"handing_seq\":"), ch->domain.pub.handing_seq);
	}
	keys_write(&ch->domain.keys, out);
	buf_char(out, '}');
}

void
load_domain(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->domain = (struct log){.pub = {.name = field_ident(f, S("name"))}};
	field_bytes32(f, S("pub"), ret->domain.pub.event_pub);
	field_bytes32(f, S("next"), ret->domain.next_digest);
	ret->domain.pub.center = field_bool(f, S("center"));
	if (field_has(f, S("handing"))) {
		ret->domain.pub.handing_named = read_handing(f);
		ret->domain.pub.handing_seq = field_u64(f, S("handing_seq"));
	}
	keys_load(f, &ret->domain.keys);
}

void
of_domain(const struct item *it, struct change *ret)
{
	ret->domain = *(const struct log *)it;
}

void
put_position(struct mesh *m UNUSED, struct log *log, const struct change *ch)
{
	log->pub.log_size = ch->position.size;
	log->pub.head = ch->position.head;
}

void
write_position(const struct change *ch, struct buf *out)
{
	put_number(out, S("{\"size\":"), ch->position.size);
	put_hex(out, S(",\"head\":"), ch->position.head.b, HASH_BYTES);
	buf_char(out, '}');
}

void
load_position(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->position.size = field_u64(f, S("size"));
	field_bytes32(f, S("head"), ret->position.head.b);
}

void
of_position(const struct item *it, struct change *ret)
{
	ret->position.size = ((const struct log *)it)->pub.log_size;
	ret->position.head = ((const struct log *)it)->pub.head;
}

void
put_refused(struct mesh *m, struct log *log, const struct change *ch)
{
	struct refused *r = item_make(m, RECORD_REFUSED, log, ch->id, sizeof *r, NULL);

	r->pub = (struct mesh_refused){.log_id = log->item.id, .index = ch->refused.index, .reason = state_text(m, ch->refused.reason)};
}

void
write_refused(const struct change *ch, struct buf *out)
{
	put_number(out, S("{\"index\":"), ch->refused.index);
	put_text(out, S(",\"reason\":"), ch->refused.reason);
	buf_char(out, '}');
}

void
load_refused(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->refused.index = field_u64(f, S("index"));
	ret->refused.reason = field_text(f, S("reason"), 256);
}

void
of_refused(const struct item *it, struct change *ret)
{
	ret->refused.index = ((const struct refused *)it)->pub.index;
	ret->refused.reason = ((const struct refused *)it)->pub.reason;
}

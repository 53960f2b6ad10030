/* A domain of its own: how it begins, how it hands on what it was granted, names that are to be forgotten. */
#include "crypt/sign.h"
#include "mesh/handlers.h"

Err
handle_DOMAIN_INCEPTION(struct ctx *c, const struct mesh *m UNUSED, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_domain *d = &ret->domain.pub;

	change_new(RECORD_DOMAIN, log->item.id, ret);
	ret->domain = (struct log){.pub = {.name = field_ident(&f, S("name"))}};
	field_bytes32(&f, S("event_pub"), d->event_pub);
	field_bytes32(&f, S("next"), ret->domain.next_digest);
	d->center = field_bool(&f, S("center"));
	if (!hex_ok(field_text(&f, S("salt"), 64), 32)) fields_fail(&f, S("salt"), "32 hex digits");
	keys_read(&f, &ret->domain.keys);
	TRY(fields_end(&f));
	ENSURE(c, sign_pub_ok(d->event_pub), INVALID, "domain.inception: 'event_pub' is not a public key");
	return keys_inception(c, p, &ret->domain);
}

Err
handle_DOMAIN_SET(struct ctx *c, const struct mesh *m UNUSED, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	bool named = read_handing(&f);

	TRY(fields_end(&f));
	record_of(RECORD_DOMAIN, &log->item, ret);
	ret->domain.pub.handing_named = named;
	ret->domain.pub.handing_seq = p->seq;
	return OK;
}

/* What the node did in its directory, for the record: nothing here knows names. */
Err
handle_DIRECTORY_ERASE(struct ctx *c, const struct mesh *m UNUSED, const struct log *log UNUSED, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	ret->any = false;
	if (field_text(&f, S("ref"), 128).n == 0) fields_fail(&f, S("ref"), "what was erased");
	field_text(&f, S("basis"), 256);
	return fields_end(&f);
}

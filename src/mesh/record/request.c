/* Requests, what was said about them, and denials. */
#include "mesh/record/record.h"

void
put_request(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct request *r = item_make(m, RECORD_REQUEST, log, ch->id, sizeof *r, &is_new);

	r->withdrawn = ch->request.withdrawn;
	r->pub = ch->request.pub;
	r->pub.id = r->item.id;
	r->pub.consumer_domain_id = log->item.id;
	r->pub.person_id = state_text(m, r->pub.person_id);
	r->pub.producer_domain_id = state_text(m, r->pub.producer_domain_id);
	r->pub.product_id = state_text(m, r->pub.product_id);
	r->pub.purpose = state_text(m, r->pub.purpose);
	r->pub.reason = state_text(m, r->pub.reason);
	r->pub.renews = state_text(m, r->pub.renews);
	if (is_new) lookup_request(m, r);
}

void
write_request(const struct change *ch, struct buf *out)
{
	put_seconds(out, S("{\"opened\":"), ch->request.pub.opened);
	put_bool(out, S(",\"withdrawn\":"), ch->request.withdrawn);
	put_number(out, S(",\"seq\":"), ch->request.pub.seq);
	buf_str(out, S(",\"body\":"));
	body_request(out, &ch->request.pub);
	buf_char(out, '}');
}

void
load_request(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->request.pub = (struct mesh_request){.opened = field_seconds(f, S("opened"))};
	ret->request.withdrawn = field_bool(f, S("withdrawn"));
	ret->request.pub.seq = field_u64(f, S("seq"));
	BODY(f, read_request(&b, &ret->request.pub));
}

void
of_request(const struct item *it, struct change *ret)
{
	ret->request.pub = ((const struct request *)it)->pub;
	ret->request.withdrawn = ((const struct request *)it)->withdrawn;
}

void
put_answer(struct mesh *m, struct log *log, const struct change *ch)
{
	struct answer *a = item_make(m, RECORD_ANSWER, log, ch->id, sizeof *a, NULL);

	a->by = state_text(m, ch->answer.by);
	a->reason = state_text(m, ch->answer.reason);
	a->at = ch->answer.at;
}

void
write_answer(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->answer.by);
	put_seconds(out, S(",\"at\":"), ch->answer.at);
	put_text(out, S(",\"reason\":"), ch->answer.reason);
	buf_char(out, '}');
}

void
load_answer(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->answer.by = field_text(f, S("by"), 64);
	ret->answer.at = field_seconds(f, S("at"));
	ret->answer.reason = field_hex_opt(f, S("reason"), 64);
}

void
of_answer(const struct item *it, struct change *ret)
{
	ret->answer.by = ((const struct answer *)it)->by;
	ret->answer.reason = ((const struct answer *)it)->reason;
	ret->answer.at = ((const struct answer *)it)->at;
}

void
put_comment(struct mesh *m, struct log *log, const struct change *ch)
{
	struct comment *x = item_make(m, RECORD_COMMENT, log, ch->id, sizeof *x, NULL);

	x->pub = ch->comment;
	x->pub.id = x->item.id;
	x->pub.domain_id = log->item.id;
	Str *texts[] = {&x->pub.consumer_domain_id, &x->pub.request_id, &x->pub.text, &x->pub.by};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
}

void
write_comment(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->comment.by);
	put_seconds(out, S(",\"at\":"), ch->comment.at);
	buf_str(out, S(",\"body\":"));
	body_comment(out, &ch->comment);
	buf_char(out, '}');
}

void
load_comment(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->comment = (struct mesh_comment){.by = field_text(f, S("by"), 64)};
	ret->comment.at = field_seconds(f, S("at"));
	BODY(f, read_comment(&b, &ret->comment));
}

void
of_comment(const struct item *it, struct change *ret)
{
	ret->comment = ((const struct comment *)it)->pub;
}

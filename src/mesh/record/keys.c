/* Reports of forks. */
#include "mesh/fork.h"
#include "mesh/record/record.h"

static bool
report_on(const void *item, const void *key)
{
	return str_eq(((const struct report *)item)->body.log_id, *(const Str *)key);
}

struct report *
state_reports_on(const struct mesh *m, Str log_id)
{
	void **at = index_find(&m->reports, index_hash(m->seed, log_id, (Str){"", 0}), report_on, &log_id);

	return at ? *at : NULL;
}

static struct branch
branch_keep(struct mesh *m, const struct branch *from)
{
	Str *entries = NEW_N(&m->mem, from->count, Str);

	for (size_t i = 0; i < from->count; i++) entries[i] = state_text_once(m, from->entries[i]);
	return (struct branch){entries, from->count};
}

void
put_report(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct report *r = item_make(m, RECORD_REPORT, log, ch->id, sizeof *r, &is_new);
	const struct fork_body *from = &ch->report.body;

	if (!is_new) return;
	r->body = (struct fork_body){r->item.id, state_text(m, from->log_id), branch_keep(m, &from->a), branch_keep(m, &from->b), from->at};
	r->by = state_text(m, ch->report.by);
	r->reported = ch->report.reported;
	uint32_t hash = index_hash(m->seed, r->body.log_id, (Str){"", 0});
	void **at = index_find(&m->reports, hash, report_on, &r->body.log_id);
	if (at) {
		r->same_log = *at;
		*at = r;
	} else
		index_add(&m->reports, hash, r);
	struct log *forked = state_log(m, r->body.log_id);
	if (forked) fork_update(m, forked);
}

void
write_report(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->report.by);
	put_seconds(out, S(",\"reported\":"), ch->report.reported);
	put_number(out, S(",\"at\":"), ch->report.body.at);
	buf_str(out, S(",\"body\":"));
	fork_body_put(&ch->report.body, out);
	buf_char(out, '}');
}

void
load_report(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->report.by = field_text(f, S("by"), 64);
	ret->report.reported = field_seconds(f, S("reported"));
	uint64_t at = field_u64(f, S("at"));
	BODY(f, fork_read(&b, &ret->report.body));
	ret->report.body.at = at;
}

void
of_report(const struct item *it, struct change *ret)
{
	const struct report *r = (const struct report *)it;

	ret->report.body = r->body;
	ret->report.by = r->by;
	ret->report.reported = r->reported;
}

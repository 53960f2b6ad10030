/* Facts that events about governance say, and how they are shown. */
#include "core/posture/posture.h"

#include "crypt/encode.h"

/* Of products that are live. */
static void
said_tags(const struct mesh *m, struct arena *a, struct posture_facts *f)
{
	const struct mesh_tag **tags;
	size_t n = mesh_tags(m, a, S(""), &tags);
	struct posture_tag *list = NEW_N(a, n, struct posture_tag);
	struct map live = MAP_INIT;

	for (size_t i = 0; i < f->products_count; i++) map_put(&live, f->products[i].id, list);
	for (size_t i = 0; i < n; i++)
		if (map_get(&live, tags[i]->product_id))
			list[f->tags_count++] = (struct posture_tag){tags[i]->domain_id, tags[i]->product_id, tags[i]->table, tags[i]->column, tags[i]->tag,
			                                             tags[i]->value, tags[i]->at, {tags[i]->domain_id, tags[i]->seq}};
	f->tags = list;
	map_fini(&live);
}

static void
said_vocabulary(const struct mesh *m, struct arena *a, struct posture_facts *f)
{
	const struct mesh_tag_def **defs;
	const struct mesh_purpose **purposes;
	size_t n = mesh_tag_defs(m, a, &defs), k = mesh_purposes(m, a, &purposes);
	struct posture_tag_def *list = NEW_N(a, n, struct posture_tag_def);
	Str *paths = NEW_N(a, k, Str);

	for (size_t i = 0; i < n; i++) list[i] = (struct posture_tag_def){defs[i]->tag, defs[i]->values, defs[i]->kind == TAG_FREE ? 0 : defs[i]->value_count};
	for (size_t i = 0; i < k; i++) paths[i] = purposes[i]->purpose;
	f->tag_defs = list, f->tag_defs_count = n;
	f->purposes = paths, f->purposes_count = k;
}

static void
said_groups(const struct mesh *m, struct arena *a, struct posture_facts *f)
{
	const struct mesh_group **groups;
	const struct mesh_delegation **ds;
	size_t n = mesh_groups(m, a, S(""), &groups), k = mesh_delegations(m, a, S(""), &ds);
	struct posture_group *list = NEW_N(a, n, struct posture_group);
	struct posture_delegation *handed = NEW_N(a, k, struct posture_delegation);

	for (size_t i = 0; i < n; i++) list[i] = (struct posture_group){groups[i]->id, groups[i]->domain_id, groups[i]->ended};
	for (size_t i = 0; i < k; i++) handed[i] = (struct posture_delegation){.policy = &ds[i]->policy, .added = ds[i]->added};
	f->groups = list, f->groups_count = n;
	f->delegations = handed, f->delegations_count = k;
}

static void
said_by_people(const struct mesh *m, struct arena *a, struct posture_facts *f)
{
	const struct mesh_exception **xs;
	const struct mesh_evidence **es;
	const struct mesh_review **rs;
	size_t x = mesh_exceptions(m, a, &xs), e = mesh_evidence(m, a, &es), r = mesh_reviews(m, a, S(""), &rs);
	struct posture_exception *exceptions = NEW_N(a, x, struct posture_exception);
	struct posture_evidence *evidence = NEW_N(a, e, struct posture_evidence);
	struct posture_review *reviews = NEW_N(a, r, struct posture_review);

	for (size_t i = 0; i < x; i++) exceptions[i] = (struct posture_exception){xs[i]->id, xs[i]->control, xs[i]->subject, xs[i]->until, xs[i]->ended};
	for (size_t i = 0; i < e; i++) evidence[i] = (struct posture_evidence){es[i]->id, es[i]->control, es[i]->ok, es[i]->at, {mesh_center(m), es[i]->seq}};
	for (size_t i = 0; i < r; i++) reviews[i] = (struct posture_review){rs[i]->domain_id, rs[i]->product_id, rs[i]->at, {rs[i]->domain_id, rs[i]->seq}};
	f->exceptions = exceptions, f->exceptions_count = x;
	f->evidence = evidence, f->evidence_count = e;
	f->reviews = reviews, f->reviews_count = r;
}

void
posture_facts_said(const struct mesh *m, struct arena *a, struct posture_facts *f)
{
	said_tags(m, a, f);
	said_vocabulary(m, a, f);
	said_groups(m, a, f);
	said_by_people(m, a, f);
}

/* --- shown --- */

Str
posture_text(struct request *rq, Str commitment)
{
	struct ctx c = {.arena = &rq->arena};
	uint8_t raw[32];
	Str text;

	if (!hex_get_n(commitment, raw, sizeof raw)) return S("");
	return err_ok(directory_text_get(&c, rq->core->directory, raw, &text)) ? text : S("(erased)");
}

void
posture_exception_json(struct request *rq, const struct mesh_exception *x, Time now, struct buf *b)
{
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", x->id, &first);
	member_text(b, "control", x->control, &first);
	member_text(b, "subject", x->subject, &first);
	member_time(b, "until", x->until, &first);
	member_text(b, "reason", posture_text(rq, x->reason), &first);
	member_text(b, "by", person_name(rq, x->by), &first);
	member_time(b, "added", x->added, &first);
	member_text(b, "state", x->ended ? S("ended") : now >= x->until ? S("expired") : S("active"), &first);
	buf_char(b, '}');
}

void
posture_evidence_json(struct request *rq, const struct mesh_evidence *x, struct buf *b)
{
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", x->id, &first);
	member_text(b, "control", x->control, &first);
	member_text(b, "outcome", x->ok ? S("ok") : S("failed"), &first);
	member_text(b, "document", x->document, &first);
	member_text(b, "by", person_name(rq, x->by), &first);
	member_time(b, "at", x->at, &first);
	buf_char(b, '}');
}

/* Does a finding of this scope rest on it? Whose it is, its subject tells: it begins with the name of the domain. */
static bool
concerns(struct request *rq, Str subject, Str scope)
{
	Str name = domain_name(rq, scope);

	return scope.n == 0 || (str_starts(subject, name) && (subject.n == name.n || subject.p[name.n] == '.' || subject.p[name.n] == '/'));
}

void
posture_said_json(struct request *rq, const struct mesh *m, Str scope, Time now, struct buf *b, bool *first)
{
	const struct mesh_exception **xs;
	const struct mesh_evidence **es;
	size_t n = mesh_exceptions(m, &rq->arena, &xs), shown = 0;

	member_key(b, "exceptions", first);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (!concerns(rq, xs[i]->subject, scope)) continue;
		if (shown++) buf_char(b, ',');
		posture_exception_json(rq, xs[i], now, b);
	}
	buf_c(b, "]");
	n = scope.n ? 0 : mesh_evidence(m, &rq->arena, &es);
	member_key(b, "evidence", first);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i) buf_char(b, ',');
		posture_evidence_json(rq, es[i], b);
	}
	buf_char(b, ']');
}

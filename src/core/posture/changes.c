/* Publishes that broke a schema, as the journal has them ("publish.breaking"). */
#include "core/posture/posture.h"

#include "codec/dsse.h"
#include "core/audit/audit.h"
#include "ledger/ledger.h"

static const Str JOURNAL = S("journal");
enum { CHANGES_MAX = 1000 };

static Str
text(struct arena *a, const struct event *e, const char *key)
{
	const json_t *v = json_object_get(e->body, key);

	return json_is_string(v) ? arena_str(a, str_of(json_string_value(v), json_string_length(v))) : S("");
}

static Err
read_change(struct core *core, const struct mesh *m, struct ctx *c, uint64_t index, struct posture_change *ret)
{
	const struct mesh_product *p;
	struct dsse d;
	struct event e;
	Str entry;

	TRY(ledger_entry(c, core->ledger, JOURNAL, index, &entry));
	TRY(dsse_parse(c, entry, &d));
	TRY(event_parse(c, d.payload, &e));
	*ret = (struct posture_change){.product_id = text(c->arena, &e, "product_id"), .from = text(c->arena, &e, "from"), .to = text(c->arena, &e, "to"),
	                               .breaking = (uint64_t)json_integer_value(json_object_get(e.body, "breaking")),
	                               .major = json_is_true(json_object_get(e.body, "major")), .noticed = json_is_true(json_object_get(e.body, "noticed")),
	                               .at = e.time, .ref = {JOURNAL, index}};
	event_fini(&e);
	p = mesh_product(m, ret->product_id);
	if (p) ret->domain_id = p->domain_id;
	return OK;
}

Err
posture_facts_changes(struct core *core, const struct mesh *m, struct ctx *c, Time since, struct posture_facts *f)
{
	struct audit_filter filter = {.operation = S("publish.breaking"), .from = since, .until = TIME_FOREVER, .end = core->audited, .newest = true};
	uint64_t *found = NEW_N(c->arena, CHANGES_MAX, uint64_t);
	struct posture_change *list;
	size_t n = 0;

	if (!core->audit) return OK;
	TRY(audit_find(c, core->audit, &filter, CHANGES_MAX, found, &n));
	list = NEW_N(c->arena, n, struct posture_change);
	for (size_t i = 0; i < n; i++) TRY(read_change(core, m, c, found[i], &list[i]));
	f->changes = list;
	f->changes_count = n;
	return OK;
}

#include "mesh/state.h"

#include <assert.h>
#include <stdlib.h>

#include "crypt/hash.h"

/* --- texts --- */

struct text { uint32_t n; char p[]; };

static bool
text_is(const void *item, const void *key)
{
	const struct text *t = item;

	return str_eq(str_of(t->p, t->n), *(const Str *)key);
}

static Str
text_keep(struct mesh *m, Str s, struct text **ret)
{
	struct text *t = arena_alloc(&m->mem, sizeof *t + s.n + 1);

	t->n = (uint32_t)s.n;
	if (s.n) memcpy(t->p, s.p, s.n);
	*ret = t;
	return str_of(t->p, t->n);
}

Str
state_text(struct mesh *m, Str s)
{
	struct text *t;

	if (s.n == 0) return (Str){"", 0};
	uint32_t hash = index_hash(m->seed, s, (Str){"", 0});
	void **at = index_find(&m->strings, hash, text_is, &s);
	if (at) return str_of(((struct text *)*at)->p, s.n);
	s = text_keep(m, s, &t);
	index_add(&m->strings, hash, t);
	return s;
}

/* A text that hardly repeats: not looked for. */
static Str
text_once(struct mesh *m, Str s)
{
	struct text *t;

	return s.n ? text_keep(m, s, &t) : (Str){"", 0};
}

struct kept_predicate { Str text; const struct predicate *tree; };

static bool
predicate_is(const void *item, const void *key)
{
	return str_eq(((const struct kept_predicate *)item)->text, *(const Str *)key);
}

const struct predicate *
state_predicate_find(const struct mesh *m, Str canonical)
{
	void **at = index_find(&m->predicates, index_hash(m->seed, canonical, (Str){"", 0}), predicate_is, &canonical);

	return at ? ((struct kept_predicate *)*at)->tree : NULL;
}

static const struct predicate *
predicate_keep(struct mesh *m, Str canonical)
{
	const struct predicate *tree = canonical.n ? state_predicate_find(m, canonical) : NULL;
	struct ctx c = {.arena = &m->mem};

	if (canonical.n == 0 || tree) return tree;
	struct kept_predicate *k = NEW(&m->mem, struct kept_predicate);
	k->text = state_text(m, canonical);
	Err e = predicate_parse(&c, k->text, &k->tree);
	assert(err_ok(e)); /* the reader parsed it before */
	index_add(&m->predicates, index_hash(m->seed, k->text, (Str){"", 0}), k);
	return k->tree;
}

/* --- logs --- */

static bool
item_is(const void *item, const void *key)
{
	return str_eq(((const struct item *)item)->id, *(const Str *)key);
}

static bool
log_named(const void *item, const void *key)
{
	return str_eq(((const struct log *)item)->pub.name, *(const Str *)key);
}

struct log *
state_log(const struct mesh *m, Str id)
{
	void **at = index_find(&m->logs, index_hash(m->seed, id, (Str){"", 0}), item_is, &id);

	return at ? *at : NULL;
}

const struct log *
state_log_named(const struct mesh *m, Str name)
{
	void **at = index_find(&m->log_names, index_hash(m->seed, name, (Str){"", 0}), log_named, &name);

	return at ? *at : NULL;
}

struct log *
state_log_make(struct mesh *m, Str id)
{
	struct log *log = state_log(m, id);

	if (log) return log;
	log = NEW(&m->mem, struct log);
	log->item = (struct item){.id = state_text(m, id), .log = log};
	log->pub.id = log->item.id;
	log->pub.name = (Str){"", 0};
	index_add(&m->logs, index_hash(m->seed, id, (Str){"", 0}), log);
	return log;
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

/* --- items --- */

struct item *
state_first(const struct mesh *m, enum record_kind kind, Str id)
{
	void **at = index_find(&m->by_kind[kind], index_hash(m->seed, id, (Str){"", 0}), item_is, &id);

	return at ? *at : NULL;
}

struct item *
state_find(const struct mesh *m, enum record_kind kind, const struct log *log, Str id)
{
	struct item *it = state_first(m, kind, id);

	while (it && it->log != log) it = it->same;
	return it;
}

/* A new item of `size` bytes in its chain; it must not be there yet. */
static void *
item_add(struct mesh *m, enum record_kind kind, struct log *log, Str id, size_t size)
{
	struct item *it = arena_alloc(&m->mem, size);
	uint32_t hash = index_hash(m->seed, id, (Str){"", 0});
	void **at = index_find(&m->by_kind[kind], hash, item_is, &id);

	it->id = kind == RECORD_MEMBER ? state_text(m, id) : text_once(m, id);
	it->log = log;
	if (!at) {
		index_add(&m->by_kind[kind], hash, it);
		return it;
	}
	struct item *head = *at, **link = &head;
	while (*link && str_cmp((*link)->log->item.id, log->item.id) < 0) link = &(*link)->same;
	it->same = *link;
	*link = it;
	*at = head;
	return it;
}

static void *
item_make(struct mesh *m, enum record_kind kind, struct log *log, Str id, size_t size)
{
	struct item *it = state_find(m, kind, log, id);

	return it ? it : item_add(m, kind, log, id, size);
}

/* --- one thing put as it shall stand: put_<record>() --- */

typedef void put_fn(struct mesh *m, struct log *log, const struct change *ch);

static void
put_domain(struct mesh *m, struct log *log, const struct change *ch)
{
	bool known = log->founded;

	log->pub.name = state_text(m, ch->domain.pub.name);
	memcpy(log->pub.event_pub, ch->domain.pub.event_pub, sizeof log->pub.event_pub);
	memcpy(log->next_digest, ch->domain.next_digest, sizeof log->next_digest);
	log->pub.center = ch->domain.pub.center;
	log->founded = true;
	if (!known) log_name_put(m, log);
}

static void
put_position(struct mesh *m UNUSED, struct log *log, const struct change *ch)
{
	log->pub.log_size = ch->position.size;
	log->pub.head = ch->position.head;
}

static void
put_member(struct mesh *m, struct log *log, const struct change *ch)
{
	struct member *it = item_make(m, RECORD_MEMBER, log, ch->id, sizeof *it);

	it->pub = ch->member;
	it->pub.person_id = it->item.id;
	it->pub.domain_id = log->item.id;
	it->pub.added_by = state_text(m, ch->member.added_by);
}

struct name_key { const struct log *log; Str name; };

static bool
product_named(const void *item, const void *key)
{
	const struct product *p = item;
	const struct name_key *k = key;

	return p->item.log == k->log && str_eq(p->pub.name, k->name);
}

/* Of several products of one name at most one is not retired: that one is found. */
static void
product_name_put(struct mesh *m, struct product *p)
{
	struct name_key key = {p->item.log, p->pub.name};
	uint32_t hash = index_hash(m->seed, key.log->item.id, key.name);
	void **at = index_find(&m->product_names, hash, product_named, &key);

	if (!at)
		index_add(&m->product_names, hash, p);
	else if (((struct product *)*at)->pub.retired)
		*at = p;
}

static void
tables_free(struct mesh_product *p)
{
	for (size_t i = 0; i < p->table_count; i++) free((void *)(uintptr_t)p->tables[i].policy.columns);
	free(p->tables);
	p->tables = NULL;
}

static bool
product_live(const struct mesh_product *p)
{
	return !p->retired && (str_eq(p->status, S("published")) || str_eq(p->status, S("active")) || str_eq(p->status, S("deprecated")));
}

static void
tables_keep(struct mesh *m, const struct mesh_product *from, struct mesh_product *p)
{
	p->tables = mem_alloc(from->table_count * sizeof *p->tables);
	for (size_t i = 0; i < from->table_count; i++) {
		const struct mesh_table *t = &from->tables[i];
		struct policy_column *columns = mem_alloc(t->policy.column_count * sizeof *columns);
		for (size_t k = 0; k < t->policy.column_count; k++)
			columns[k] = (struct policy_column){
			    .name = state_text(m, t->policy.columns[k].name),
			    .type = state_text(m, t->policy.columns[k].type),
			    .classification = state_text(m, t->policy.columns[k].classification),
			};
		p->tables[i] = (struct mesh_table){
		    .policy = {.domain_id = p->domain_id, .product_id = p->id, .name = state_text(m, t->policy.name), .columns = columns,
		               .column_count = t->policy.column_count, .product_live = product_live(p)},
		    .manifest = state_text(m, t->manifest),
		    .rows = t->rows,
		};
	}
}

static void
put_product(struct mesh *m, struct log *log, const struct change *ch)
{
	struct product *it = item_make(m, RECORD_PRODUCT, log, ch->id, sizeof *it);
	const struct mesh_product *from = &ch->product;
	struct mesh_product was = it->pub;

	it->pub = *from;
	it->pub.id = it->item.id;
	it->pub.domain_id = log->item.id;
	Str *texts[] = {&it->pub.name, &it->pub.version, &it->pub.status, &it->pub.title, &it->pub.purpose, &it->pub.contract, &it->pub.report, &it->pub.snapshot};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
	tables_keep(m, from, &it->pub);
	tables_free(&was); /* only now: `from` may be what stood here */
	product_name_put(m, it);
}

struct pair_key { const struct log *log; Str product_id, to_id; };

static bool
grant_pair_is(const void *item, const void *key)
{
	const struct grant *g = item;
	const struct pair_key *k = key;

	return g->item.log == k->log && str_eq(g->pub.policy.product_id, k->product_id) && str_eq(g->pub.policy.to_id, k->to_id);
}

static bool
grant_answers(const void *item, const void *key)
{
	const struct grant *g = item;
	const struct pair_key *k = key;

	return g->item.log == k->log && str_eq(g->pub.request_id, k->product_id);
}

static void
grant_link(struct mesh *m, struct grant *g)
{
	struct pair_key pair = {g->item.log, g->pub.policy.product_id, g->pub.policy.to_id};
	uint32_t hash = index_hash(m->seed, pair.product_id, pair.to_id);
	void **at = index_find(&m->grant_pairs, hash, grant_pair_is, &pair);

	if (at) {
		g->same_pair = *at;
		*at = g;
	} else
		index_add(&m->grant_pairs, hash, g);
	if (g->pub.request_id.n == 0) return;
	pair.product_id = g->pub.request_id;
	hash = index_hash(m->seed, g->item.log->item.id, g->pub.request_id);
	at = index_find(&m->grant_requests, hash, grant_answers, &pair);
	if (at) {
		g->same_request = *at;
		*at = g;
	} else
		index_add(&m->grant_requests, hash, g);
}

static void
grant_keep(struct mesh *m, struct grant *g, const struct mesh_grant *from)
{
	struct policy_grant *p = &g->pub.policy;
	Str *purposes = NEW_N(&m->mem, from->policy.purpose_count, Str);
	struct policy_mask *masks = NEW_N(&m->mem, from->policy.mask_count, struct policy_mask);
	Str *hidden = NEW_N(&m->mem, from->policy.hidden_count, Str);

	g->pub = *from;
	p->id = g->item.id;
	p->issuer_domain_id = g->item.log->item.id;
	p->product_id = state_text(m, from->policy.product_id);
	p->table = state_text(m, from->policy.table);
	p->to_id = state_text(m, from->policy.to_id);
	for (size_t i = 0; i < p->purpose_count; i++) purposes[i] = state_text(m, from->policy.purposes[i]);
	for (size_t i = 0; i < p->mask_count; i++)
		masks[i] = (struct policy_mask){state_text(m, from->policy.masks[i].column), from->policy.masks[i].kind};
	for (size_t i = 0; i < p->hidden_count; i++) hidden[i] = state_text(m, from->policy.hidden[i]);
	p->purposes = purposes;
	p->masks = masks;
	p->hidden = hidden;
	p->rows = predicate_keep(m, from->rows_text);
	g->pub.rows_text = state_text(m, from->rows_text);
	g->pub.request_id = state_text(m, from->request_id);
	g->pub.by = state_text(m, from->by);
	g->pub.revoked_by = state_text(m, from->revoked_by);
}

/* Of a grant that stands only the revocation can change. */
static void
put_grant(struct mesh *m, struct log *log, const struct change *ch)
{
	struct grant *g = (struct grant *)state_find(m, RECORD_GRANT, log, ch->id);

	if (!g) {
		g = item_add(m, RECORD_GRANT, log, ch->id, sizeof *g);
		grant_keep(m, g, &ch->grant);
		grant_link(m, g);
		return;
	}
	g->pub.policy.revoked = ch->grant.policy.revoked;
	g->pub.revoked_at = ch->grant.revoked_at;
	g->pub.revoked_by = state_text(m, ch->grant.revoked_by);
}

static void
put_request(struct mesh *m, struct log *log, const struct change *ch)
{
	struct request *r = item_make(m, RECORD_REQUEST, log, ch->id, sizeof *r);

	r->withdrawn = ch->request.withdrawn;
	r->pub = ch->request.pub;
	r->pub.id = r->item.id;
	r->pub.consumer_domain_id = log->item.id;
	r->pub.person_id = state_text(m, r->pub.person_id);
	r->pub.producer_domain_id = state_text(m, r->pub.producer_domain_id);
	r->pub.product_id = state_text(m, r->pub.product_id);
	r->pub.purpose = state_text(m, r->pub.purpose);
	r->pub.reason = state_text(m, r->pub.reason);
}

static void
put_answer(struct mesh *m, struct log *log, const struct change *ch)
{
	struct answer *a = item_make(m, RECORD_ANSWER, log, ch->id, sizeof *a);

	a->by = state_text(m, ch->answer.by);
	a->reason = state_text(m, ch->answer.reason);
	a->at = ch->answer.at;
}

static void
put_restriction(struct mesh *m, struct log *log, const struct change *ch)
{
	bool known = state_find(m, RECORD_RESTRICTION, log, ch->id) != NULL;
	struct restriction *r = item_make(m, RECORD_RESTRICTION, log, ch->id, sizeof *r), **link = &log->restrictions;

	while (!known && *link && str_cmp((*link)->item.id, r->item.id) < 0) link = &(*link)->next;
	if (!known) {
		r->next = *link;
		*link = r;
	}
	r->pub = ch->restriction.pub;
	r->pub.policy.id = r->item.id;
	r->pub.policy.product_id = state_text(m, r->pub.policy.product_id);
	r->pub.policy.classification = state_text(m, r->pub.policy.classification);
	r->pub.by = state_text(m, r->pub.by);
}

static void
put_refused(struct mesh *m, struct log *log, const struct change *ch)
{
	struct refused *r = item_make(m, RECORD_REFUSED, log, ch->id, sizeof *r);

	r->pub = (struct mesh_refused){.log_id = log->item.id, .index = ch->refused.index, .reason = state_text(m, ch->refused.reason)};
}

void
state_put(struct mesh *m, struct log *log, const struct change *ch)
{
	static put_fn *const puts[] = {
#define RECORD(id, name) [RECORD_##id] = put_##name,
	    RECORDS
#undef RECORD
	};

	if (ch->any) puts[ch->kind](m, log, ch);
}

/* --- lookups --- */

const struct product *
state_product_named(const struct mesh *m, const struct log *log, Str name)
{
	struct name_key key = {log, name};
	void **at = index_find(&m->product_names, index_hash(m->seed, log->item.id, name), product_named, &key);
	const struct product *p = at ? *at : NULL;

	return p && !p->pub.retired ? p : NULL;
}

const struct grant *
state_grants_of(const struct mesh *m, const struct log *log, Str product_id, Str to_id)
{
	struct pair_key key = {log, product_id, to_id};
	void **at = index_find(&m->grant_pairs, index_hash(m->seed, product_id, to_id), grant_pair_is, &key);

	return at ? *at : NULL;
}

const struct grant *
state_grants_for(const struct mesh *m, const struct log *log, Str request_id)
{
	struct pair_key key = {log, request_id, {"", 0}};
	void **at = index_find(&m->grant_requests, index_hash(m->seed, log->item.id, request_id), grant_answers, &key);

	return at ? *at : NULL;
}

/* --- life --- */

struct mesh *
mesh_new(void)
{
	struct mesh *m = mem_alloc(sizeof *m);

	crypt_random(&m->seed, sizeof m->seed); /* so that nobody can aim at one slot; no result depends on it */
	m->center = (Str){"", 0};
	return m;
}

void
mesh_free(struct mesh *m)
{
	if (!m) return;
	for (uint32_t i = 0; i < m->by_kind[RECORD_PRODUCT].count; i++)
		for (struct item *it = m->by_kind[RECORD_PRODUCT].items[i]; it; it = it->same) tables_free(&((struct product *)it)->pub);
	for (size_t k = 0; k < RECORD_KIND_COUNT; k++) index_fini(&m->by_kind[k]);
	struct index *others[] = {&m->strings, &m->predicates, &m->logs, &m->log_names, &m->product_names, &m->grant_pairs, &m->grant_requests};
	for (size_t i = 0; i < ARRAY_LEN(others); i++) index_fini(others[i]);
	arena_fini(&m->mem);
	arena_fini(&m->scratch);
	buf_fini(&m->record_id);
	buf_fini(&m->record);
	free(m);
}

void
mesh_set_center(struct mesh *m, Str domain_id)
{
	m->center = state_text(m, domain_id);
}

Str
mesh_center(const struct mesh *m)
{
	return m->center;
}

/* Products, what is tagged in them, and reviews of who has access to them. */
#include <stdlib.h>

#include "mesh/record/record.h"

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

const struct product *
state_product_named(const struct mesh *m, const struct log *log, Str name)
{
	struct name_key key = {log, name};
	void **at = index_find(&m->product_names, index_hash(m->seed, log->item.id, name), product_named, &key);
	const struct product *p = at ? *at : NULL;

	return p && !p->pub.retired ? p : NULL;
}

void
product_fini(struct product *p)
{
	free(p->pub.tables);
	free(p->tags);
}

static bool
product_live(const struct mesh_product *p)
{
	return !p->retired && (str_eq(p->status, S("published")) || str_eq(p->status, S("active")) || str_eq(p->status, S("deprecated")));
}

static void
table_keep(struct mesh *m, const struct mesh_product *p, const struct mesh_table *from, struct policy_column *columns, Str *floors, struct mesh_table *ret)
{
	size_t n = from->policy.column_count;

	for (size_t k = 0; k < n; k++) {
		const struct policy_column *col = &from->policy.columns[k];
		columns[k] = (struct policy_column){.name = state_text(m, col->name), .type = state_text(m, col->type),
		                                    .classification = state_text(m, col->classification), .since = col->since};
		floors[k] = state_text(m, from->floors[k]);
	}
	*ret = (struct mesh_table){
	    .policy = {.domain_id = p->domain_id, .product_id = p->id, .name = state_text(m, from->policy.name), .columns = columns,
	               .column_count = n, .product_live = product_live(p), .since = from->policy.since},
	    .manifest = state_text(m, from->manifest),
	    .content = state_text(m, from->content),
	    .rows = from->rows,
	    .floors = floors,
	};
}

/* All tables, their columns and floors, in one piece: what a decision looks at stands together. */
static struct mesh_table *
tables_keep(struct mesh *m, const struct mesh_product *p, const struct mesh_product *from)
{
	size_t n = from->table_count, columns = 0;

	for (size_t i = 0; i < n; i++) columns += from->tables[i].policy.column_count;
	struct mesh_table *tables = mem_alloc(n * sizeof *tables + columns * (sizeof(struct policy_column) + sizeof(Str)));
	struct policy_column *column = (struct policy_column *)(tables + n);
	Str *floor = (Str *)(column + columns);
	for (size_t i = 0; i < n; i++) {
		size_t has = from->tables[i].policy.column_count;
		table_keep(m, p, &from->tables[i], column, floor, &tables[i]);
		column += has;
		floor += has;
	}
	return tables;
}

static void
tags_put(struct mesh *m, struct product *p)
{
	p->newest = state_tags_of(m, p->item.log, p->item.id);
	tags_join(p, p->newest);
	lookup_product_tags(m, p);
}

void
put_product(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct product *it = item_make(m, RECORD_PRODUCT, log, ch->id, sizeof *it, &is_new);
	const struct mesh_product *from = &ch->product;
	struct mesh_product was = it->pub;

	it->pub = *from;
	it->pub.id = it->item.id;
	it->pub.domain_id = log->item.id;
	Str *texts[] = {&it->pub.name,   &it->pub.version, &it->pub.status,   &it->pub.title,    &it->pub.purpose, &it->pub.contract,
	                &it->pub.report, &it->pub.snapshot, &it->pub.publisher};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
	it->pub.tables = tables_keep(m, &it->pub, from);
	free(was.tables); /* only now: `from` may be what stood here */
	product_name_put(m, it);
	if (is_new) lookup_product(m, it);
	tags_put(m, it);
}

/* --- what a product's record says beyond the newest publish: since when things are there, and floors, where that is not plain --- */

static void
aside(struct buf *out, size_t *n, Str key, Str table, Str column)
{
	if (*n == 0) buf_str(out, key);
	put_text(out, (*n)++ ? S(",[") : S("["), table);
	put_text(out, S(","), column);
}

static void
write_later(const struct mesh_product *p, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		if (t->since != p->since) aside(out, &n, S(",\"later\":["), t->name, S("")), put_number(out, S(","), t->since), buf_char(out, ']');
		for (size_t k = 0; k < t->column_count; k++) {
			const struct policy_column *col = &t->columns[k];
			if (col->since == t->since) continue;
			aside(out, &n, S(",\"later\":["), t->name, col->name);
			put_number(out, S(","), col->since);
			buf_char(out, ']');
		}
	}
	if (n) buf_char(out, ']');
}

static void
write_floors(const struct mesh_product *p, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->table_count; i++)
		for (size_t k = 0; k < p->tables[i].policy.column_count; k++) {
			const struct policy_column *col = &p->tables[i].policy.columns[k];
			if (str_eq(p->tables[i].floors[k], col->classification)) continue;
			aside(out, &n, S(",\"floors\":["), p->tables[i].policy.name, col->name);
			put_text(out, S(","), p->tables[i].floors[k]);
			buf_char(out, ']');
		}
	if (n) buf_char(out, ']');
}

void
write_product(const struct change *ch, struct buf *out)
{
	const struct mesh_product *p = &ch->product;

	put_number(out, S("{\"seq\":"), p->seq);
	put_seconds(out, S(",\"published\":"), p->published);
	put_bool(out, S(",\"retired\":"), p->retired);
	put_number(out, S(",\"since\":"), p->since);
	if (p->first_published != p->published) put_seconds(out, S(",\"first\":"), p->first_published);
	put_text(out, S(",\"by\":"), p->publisher);
	if (p->doubt) put_number(out, S(",\"doubt\":"), p->doubt);
	write_later(p, out);
	write_floors(p, out);
	buf_str(out, S(",\"body\":"));
	body_publish(out, p);
	buf_char(out, '}');
}

static struct mesh_table *
table_of(const struct mesh_product *p, Str name)
{
	for (size_t i = 0; i < p->table_count; i++)
		if (str_eq(p->tables[i].policy.name, name)) return &p->tables[i];
	return NULL;
}

/* The column's place, its count when there is none of that name. */
static size_t
column_of(const struct mesh_table *t, Str name)
{
	size_t k = 0;

	while (k < t->policy.column_count && !str_eq(t->policy.columns[k].name, name)) k++;
	return k;
}

static void
since_all(struct mesh_table *t, uint64_t since)
{
	struct policy_column *columns = (struct policy_column *)(uintptr_t)t->policy.columns;

	t->policy.since = since;
	for (size_t k = 0; k < t->policy.column_count; k++) columns[k].since = since;
}

/* One [table, column, what] of a list; false when that is not it or there is no such thing. */
static bool
load_aside(const struct mesh_product *p, const struct doc_node *n, enum doc_kind kind)
{
	const struct doc_node *table = n->kind == DOC_ARRAY && n->count == 3 ? doc_first(n) : NULL;
	const struct doc_node *column = table ? doc_next(n, table) : NULL, *what = column ? doc_next(n, column) : NULL;

	if (!what || table->kind != DOC_TEXT || column->kind != DOC_TEXT || what->kind != kind) return false;
	struct mesh_table *t = table_of(p, table->text);
	size_t k = t ? column_of(t, column->text) : 0;
	if (!t) return false;
	if (kind == DOC_NUMBER && column->text.n == 0) return since_all(t, what->number), true;
	if (k == t->policy.column_count) return false;
	if (kind == DOC_NUMBER)
		((struct policy_column *)(uintptr_t)t->policy.columns)[k].since = what->number;
	else
		t->floors[k] = what->text;
	return true;
}

enum { ASIDES_MAX = 65536 };

static void
load_asides(struct fields *f, const struct mesh_product *p, Str key, const struct doc_node *list, enum doc_kind kind)
{
	for (const struct doc_node *n = list ? doc_first(list) : NULL; n; n = doc_next(list, n))
		if (!load_aside(p, n, kind)) fields_fail(f, key, "a list of [table, column, what]");
}

void
load_product(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_product *p = &ret->product;
	const struct doc_node *later, *floors;

	*p = (struct mesh_product){.seq = field_u64(f, S("seq"))};
	p->published = field_seconds(f, S("published"));
	p->retired = field_bool(f, S("retired"));
	p->since = field_u64(f, S("since"));
	p->first_published = field_has(f, S("first")) ? field_seconds(f, S("first")) : p->published;
	p->publisher = field_text(f, S("by"), 64);
	p->doubt = field_has(f, S("doubt")) ? field_u64(f, S("doubt")) : 0;
	later = field_has(f, S("later")) ? field_list(f, S("later"), ASIDES_MAX) : NULL;
	floors = field_has(f, S("floors")) ? field_list(f, S("floors"), ASIDES_MAX) : NULL;
	BODY(f, read_product(&b, p));
	for (size_t i = 0; i < p->table_count; i++) since_all(&p->tables[i], p->since);
	load_asides(f, p, S("later"), later, DOC_NUMBER);
	load_asides(f, p, S("floors"), floors, DOC_TEXT);
}

void
of_product(const struct item *it, struct change *ret)
{
	ret->product = ((const struct product *)it)->pub;
}

/* --- tags --- */

struct tags_key { const struct log *log; Str product_id; };

static bool
tags_are_of(const void *item, const void *key)
{
	const struct tag *t = item;
	const struct tags_key *k = key;

	return t->item.log == k->log && str_eq(t->pub.product_id, k->product_id);
}

const struct tag *
state_tags_of(const struct mesh *m, const struct log *log, Str product_id)
{
	struct tags_key key = {log, product_id};
	void **at = index_find(&m->product_tags, index_hash(m->seed, log->item.id, product_id), tags_are_of, &key);

	return at ? *at : NULL;
}

/* Into the list by falling seq, whatever the order of loading. */
static void
tag_link(struct mesh *m, struct tag *t)
{
	struct tags_key key = {t->item.log, t->pub.product_id};
	uint32_t hash = index_hash(m->seed, key.log->item.id, key.product_id);
	void **at = index_find(&m->product_tags, hash, tags_are_of, &key);

	if (!at) {
		index_add(&m->product_tags, hash, t);
		return;
	}
	struct tag *head = *at, **link = &head;
	while (*link && (*link)->pub.seq > t->pub.seq) link = &(*link)->older;
	t->older = *link;
	*link = t;
	*at = head;
}

/* Said once, it stays as it is. */
void
put_tag(struct mesh *m, struct log *log, const struct change *ch)
{
	bool is_new;
	struct tag *t = item_make(m, RECORD_TAG, log, ch->id, sizeof *t, &is_new);

	if (!is_new) return;
	t->pub = ch->tag;
	t->pub.id = t->item.id;
	t->pub.domain_id = log->item.id;
	Str *texts[] = {&t->pub.product_id, &t->pub.table, &t->pub.column, &t->pub.tag, &t->pub.value, &t->pub.before, &t->pub.by};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) *texts[i] = state_text(m, *texts[i]);
	tag_link(m, t);
	struct product *p = (struct product *)state_find(m, RECORD_PRODUCT, log, t->pub.product_id);
	if (p) tags_put(m, p);
}

void
write_tag(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->tag.by);
	put_seconds(out, S(",\"at\":"), ch->tag.at);
	put_number(out, S(",\"seq\":"), ch->tag.seq);
	put_text(out, S(",\"before\":"), ch->tag.before);
	buf_str(out, S(",\"body\":"));
	body_tag_set(out, &ch->tag);
	buf_char(out, '}');
}

void
load_tag(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	struct mesh_tag *t = &ret->tag;

	*t = (struct mesh_tag){.by = field_text(f, S("by"), 64)};
	t->at = field_seconds(f, S("at"));
	t->seq = field_u64(f, S("seq"));
	t->before = field_text(f, S("before"), TAG_VALUE_MAX);
	BODY(f, read_tag(&b, t));
}

void
of_tag(const struct item *it, struct change *ret)
{
	ret->tag = ((const struct tag *)it)->pub;
}

/* --- reviews --- */

void
put_review(struct mesh *m, struct log *log, const struct change *ch)
{
	struct review *r = item_make(m, RECORD_REVIEW, log, ch->id, sizeof *r, NULL);

	r->pub = ch->review;
	r->pub.id = r->item.id;
	r->pub.domain_id = log->item.id;
	r->pub.product_id = state_text(m, r->pub.product_id);
	r->pub.by = state_text(m, r->pub.by);
}

void
write_review(const struct change *ch, struct buf *out)
{
	put_text(out, S("{\"by\":"), ch->review.by);
	put_seconds(out, S(",\"at\":"), ch->review.at);
	put_number(out, S(",\"seq\":"), ch->review.seq);
	buf_str(out, S(",\"body\":"));
	body_review(out, ch->review.id, ch->review.product_id);
	buf_char(out, '}');
}

void
load_review(struct fields *f, const struct mesh *m UNUSED, struct change *ret)
{
	ret->review = (struct mesh_review){.by = field_text(f, S("by"), 64)};
	ret->review.at = field_seconds(f, S("at"));
	ret->review.seq = field_u64(f, S("seq"));
	BODY(f, read_review(&b, &ret->review));
}

void
of_review(const struct item *it, struct change *ret)
{
	ret->review = ((const struct review *)it)->pub;
}

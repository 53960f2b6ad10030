/* Products, their tags, and reviews of who has access to them. */
#include "mesh/fold/fold.h"
#include "mesh/handlers.h"

Err
not_center(struct ctx *c, const struct log *log)
{
	ENSURE(c, !log->pub.center || FAULT(CENTER_GRANTS), DENIED, "%.*s is a center: it can restrict, never publish or grant", STR(log->pub.name));
	return OK;
}

static const struct mesh_table *
table_named(const struct mesh_product *p, Str name)
{
	for (size_t i = 0; p && i < p->table_count; i++)
		if (str_eq(p->tables[i].policy.name, name)) return &p->tables[i];
	return NULL;
}

/* The place of a column, column_count when there is none of that name; `guess` is looked at first. */
static size_t
column_named(const struct policy_table *t, Str name, size_t guess)
{
	size_t k = 0;

	if (guess < t->column_count && str_eq(t->columns[guess].name, name)) return guess;
	while (k < t->column_count && !str_eq(t->columns[k].name, name)) k++;
	return k;
}

/* A table or column of the same name is the same one, and keeps what it had: since when it is there, and its class. */
static void
keep_table(struct mesh_table *t, const struct mesh_table *was, const struct tag *tags, uint64_t published, uint64_t seq)
{
	struct policy_column *columns = (struct policy_column *)(uintptr_t)t->policy.columns;

	t->policy.since = was ? was->policy.since : seq;
	for (size_t k = 0; k < t->policy.column_count; k++) {
		size_t at = was ? column_named(&was->policy, columns[k].name, k) : 0;
		columns[k].since = seq;
		if (!was || at == was->policy.column_count) continue;
		columns[k].since = was->policy.columns[at].since;
		if (!FAULT(CLASS_FALLS)) t->floors[k] = tags_floor(was, at, tags, published, columns[k].classification);
	}
}

/* A publish over one that is void takes its floors with it, so it does not make up for it. */
static void
keep_from(struct mesh_product *n, const struct mesh_product *was, const struct tag *tags, const struct log_keys *keys, uint64_t seq)
{
	for (size_t i = 0; i < n->table_count; i++)
		keep_table(&n->tables[i], table_named(was, n->tables[i].policy.name), tags, was ? was->seq : 0, seq);
	if (!was) return;
	n->doubt = keys_stolen(keys, was->doubt) ? was->doubt : keys_stolen(keys, was->seq) ? was->seq : 0;
	n->since = was->since;
	n->first_published = was->first_published;
}

/* A snapshot of another log, product or table has another name. Publishes of before gave the hash of the content alone. */
static Err
check_snapshots(struct ctx *c, const struct log *log, const struct mesh_product *p)
{
	char name[MESH_SNAPSHOT_NAME];

	for (size_t i = 0; i < p->table_count; i++) {
		const struct mesh_table *t = &p->tables[i];
		if (t->content.n == 0) continue;
		mesh_snapshot_name(log->item.id, p->id, t->policy.name, t->content, name);
		ENSURE(c, str_eqc(t->manifest, name) || FAULT(FOREIGN_SNAPSHOT), DENIED, "table %.*s: its snapshot is not one of this product", STR(t->policy.name));
	}
	return OK;
}

Err
handle_PRODUCT_PUBLISH(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_product *n = &ret->product;

	TRY(not_center(c, log));
	*n = (struct mesh_product){.seq = p->seq, .published = p->time, .since = p->seq, .first_published = p->time, .publisher = p->actor};
	read_product(&f, n);
	TRY(fields_end(&f));
	TRY(check_snapshots(c, log, n));
	change_new(RECORD_PRODUCT, n->id, ret);
	const struct product *was = (const struct product *)state_find(m, RECORD_PRODUCT, log, n->id);
	ENSURE(c, !was || !was->pub.retired, CONFLICT, "product %.*s is retired; publish it under a new id", STR(n->id));
	ENSURE(c, !was || str_eq(was->pub.name, n->name), CONFLICT, "product %.*s is named %.*s, and names stay", STR(n->id),
	       STR(was->pub.name));
	ENSURE(c, was || !state_product_named(m, log, n->name), CONFLICT, "another product is named %.*s", STR(n->name));
	keep_from(n, was ? &was->pub : NULL, was ? state_tags_of(m, log, n->id) : NULL, &log->keys, p->seq);
	return OK;
}

Err
handle_PRODUCT_RETIRE(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("product"), &id));
	const struct item *it = state_find(m, RECORD_PRODUCT, log, id);
	ENSURE(c, it, DENIED, "product %.*s is not in this log: only the domain that publishes it can retire it", STR(id));
	record_of(RECORD_PRODUCT, it, ret);
	ENSURE(c, !ret->product.retired, CONFLICT, "product %.*s is retired already", STR(id));
	ret->product.retired = true;
	ret->product.seq = p->seq;
	return OK;
}

/* A product of this log that is not retired. `verb`: what only its own domain can do. */
static Err
live_product(struct ctx *c, const struct mesh *m, const struct log *log, Str id, const char *verb, const struct mesh_product **ret)
{
	const struct product *p = (const struct product *)state_find(m, RECORD_PRODUCT, log, id);

	ENSURE(c, p, DENIED, "product %.*s is not in this log: only the domain that publishes it can %s it", STR(id), verb);
	ENSURE(c, !p->pub.retired, CONFLICT, "product %.*s is retired", STR(id));
	*ret = &p->pub;
	return OK;
}

static Err
check_thing(struct ctx *c, const struct mesh_product *p, Str table, Str column)
{
	const struct mesh_table *t = table_named(p, table);

	if (table.n == 0) return OK;
	ENSURE(c, t, NOT_FOUND, "product %.*s has no table %.*s", STR(p->name), STR(table));
	ENSURE(c, column.n == 0 || column_named(&t->policy, column, 0) < t->policy.column_count, NOT_FOUND, "table %.*s has no column %.*s", STR(table),
	       STR(column));
	return OK;
}

Err
handle_TAG_SET(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_tag *t = &ret->tag;
	const struct mesh_product *of;

	*t = (struct mesh_tag){.by = p->actor, .at = p->time, .seq = p->seq};
	read_tag(&f, t);
	TRY(fields_end(&f));
	change_new(RECORD_TAG, t->id, ret);
	TRY(live_product(c, m, log, t->product_id, "tag", &of));
	TRY(check_thing(c, of, t->table, t->column));
	ENSURE(c, !state_find(m, RECORD_TAG, log, t->id), CONFLICT, "there is a tag.set %.*s already", STR(t->id));
	t->before = tags_value(of, state_tags_of(m, log, t->product_id), t->table, t->column, t->tag);
	return OK;
}

Err
handle_REVIEW_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	const struct mesh_product *of;

	ret->review = (struct mesh_review){.by = p->actor, .at = p->time, .seq = p->seq};
	read_review(&f, &ret->review);
	TRY(fields_end(&f));
	change_new(RECORD_REVIEW, ret->review.id, ret);
	TRY(live_product(c, m, log, ret->review.product_id, "review", &of));
	ENSURE(c, !state_find(m, RECORD_REVIEW, log, ret->review.id), CONFLICT, "there is a review %.*s already", STR(ret->review.id));
	return OK;
}

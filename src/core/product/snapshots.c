#include "core/product/snapshots.h"

#include <fcntl.h>
#include <string.h>

#include "codec/json.h"
#include "crypt/hash.h"
#include "os/file.h"

enum { REPORT_MAX = 8 << 20, REPORT_VALUES_MAX = 1 << 20 };

static Str
sha256_text(struct arena *a, Str bytes)
{
	char hex[CRYPT_HASH_TEXT];

	crypt_sha256_text(bytes, hex);
	return arena_str(a, str_c(hex));
}

static const char *
path_of(struct arena *a, Str name)
{
	return arena_printf(a, "catalog/blobs/%.*s", STR(name)).p;
}

Err
snapshot_put(struct ctx *c, Str domain_id, Str product_id, const struct manifest *m, struct mesh_table *t)
{
	char name[MESH_SNAPSHOT_NAME];
	BUF_AUTO b = BUF_INIT;

	manifest_write(m, &b);
	t->content = sha256_text(c->arena, buf_view(&b));
	mesh_snapshot_name(domain_id, product_id, m->table, t->content, name);
	t->manifest = arena_str(c->arena, str_c(name));
	return file_replace(c, AT_FDCWD, path_of(c->arena, t->manifest), buf_view(&b), 0600);
}

/* The name was held against the content, log, product and table by the fold. */
static Err
bound_get(struct ctx *c, const struct mesh_table *t, Str *ret)
{
	TRY(file_read_path(c, AT_FDCWD, path_of(c->arena, t->manifest), MANIFEST_MAX, ret));
	ENSURE(c, str_eq(sha256_text(c->arena, *ret), t->content), CORRUPT, "the manifest of table %.*s is damaged", STR(t->policy.name));
	return OK;
}

Err
snapshot_get(struct core *core, struct ctx *c, const struct mesh_table *t, struct manifest *ret)
{
	struct manifest m;
	Str bytes;

	if (t->content.n)
		TRY(bound_get(c, t, &bytes));
	else
		TRY(blob_get(core, c, t->manifest, &bytes)); /* published before snapshots were bound */
	TRY(manifest_read(c, bytes, &m));
	ENSURE(c, str_eq(m.table, t->policy.name), CORRUPT, "the manifest of table %.*s is another table's", STR(t->policy.name));
	*ret = m;
	return OK;
}

Err
evidence_put(struct core *core, struct ctx *c, Str bytes, Str *ret)
{
	const struct mesh_evidence **all;
	size_t n = mesh_evidence(core->mesh, c->arena, &all), documents = 0;
	Str sha256 = sha256_text(c->arena, bytes);

	for (size_t i = 0; i < n; i++) documents += all[i]->document.n > 0;
	ENSURE(c, bytes.n <= EVIDENCE_BYTES_MAX, TOO_LARGE, "a document has at most %d bytes", EVIDENCE_BYTES_MAX);
	ENSURE(c, documents < EVIDENCE_MAX, TOO_LARGE, "%d documents are kept already; say it without one", EVIDENCE_MAX);
	TRY(file_replace(c, AT_FDCWD, path_of(c->arena, arena_printf(c->arena, "evidence-%.*s", STR(sha256))), bytes, 0600));
	*ret = sha256;
	return OK;
}

Str
report_of(struct arena *a, Str domain_id, Str product_id)
{
	return arena_printf(a, "%.*s/%.*s", STR(domain_id), STR(product_id));
}

Err
report_get(struct core *core, struct ctx *c, const struct mesh_product *p, json_t **ret)
{
	JSON_AUTO *doc = NULL;
	Str text;

	ENSURE(c, p->report.n, NOT_FOUND, "%.*s has no quality report", STR(p->name));
	TRY(blob_get(core, c, p->report, &text));
	TRY(json_read(c, text, (struct json_limits){.bytes = REPORT_MAX, .values = REPORT_VALUES_MAX}, &doc));
	const json_t *of = json_object_get(doc, "of"); /* reports of before do not say */
	ENSURE(c, !of || str_eq(str_c(json_is_string(of) ? json_string_value(of) : ""), report_of(c->arena, p->domain_id, p->id)), CORRUPT,
	       "the quality report of %.*s is another product's", STR(p->name));
	json_object_del(doc, "of");
	*ret = json_incref(doc);
	return OK;
}

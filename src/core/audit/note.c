/* What the journal tells of a request, from its arguments. New operations need nothing here as long as they call things as others do. */
#include "core/request.h"

static void
tell_text(struct buf *b, const char *key, Str value)
{
	if (!value.n) return;
	buf_printf(b, ",\"%s\":", key);
	buf_json(b, value);
}

/* "domain.product" of "domain.product.table". */
static Str
product_part(Str object)
{
	Str domain, product, rest = str_cut(object, '.', &domain);

	if (!rest.p) return S("");
	str_cut(rest, '.', &product);
	return str_of(object.p, domain.n + 1 + product.n);
}

static const struct mesh_product *
product_named(const struct mesh *m, Str object)
{
	Str name = object.p ? product_part(object) : S("");

	return name.n ? mesh_product_by_name(m, name) : NULL;
}

static const struct mesh_product *
product_of_id(const struct request *rq)
{
	const struct mesh *m = rq->core->mesh;
	const struct mesh_grant *g = arg(rq, "grant").p ? mesh_grant(m, arg(rq, "grant")) : NULL;
	const struct mesh_request *r = arg(rq, "request").p ? mesh_request(m, arg(rq, "request")) : NULL;

	if (g) return mesh_product(m, g->policy.product_id);
	return r ? mesh_product(m, r->product_id) : NULL;
}

static const struct mesh_product *
product_about(const struct request *rq)
{
	static const char *const named[] = {"product", "object", "table", "suspend"};
	const struct mesh_product *p = product_named(rq->core->mesh, rq->about);

	for (size_t i = 0; i < ARRAY_LEN(named) && !p; i++) p = product_named(rq->core->mesh, arg(rq, named[i]));
	return p ? p : product_of_id(rq);
}

/* A word of the mesh or an id: no free text has this form for long. */
static bool
is_word(Str s)
{
	if (s.n == 0 || s.n > 64) return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
	}
	return true;
}

/* Is it the id of something, so that it is no free text? */
static bool
is_there(const struct request *rq, const char *kind, Str id)
{
	const struct mesh *m = rq->core->mesh;

	if (strcmp(kind, "grant") == 0) return mesh_grant(m, id) != NULL;
	if (strcmp(kind, "request") == 0) return mesh_request(m, id) != NULL;
	if (strcmp(kind, "restriction") == 0) return mesh_restriction(m, id) != NULL;
	if (strcmp(kind, "domain") == 0) return mesh_domain_by_name(m, id) != NULL;
	if (strcmp(kind, "text") == 0) return mesh_request(m, id) != NULL;
	return strcmp(kind, "log") == 0 && (mesh_domain(m, id) || str_eqc(id, "journal"));
}

/* People by their ids: they can be erased, entries cannot. */
static void
tell_person(struct request *rq, struct buf *b)
{
	static const char *const named[] = {"person", "owner", "name", "principal", "same_human_as"};
	struct ctx c = {.arena = &rq->arena};
	Str id;

	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		Str name = arg(rq, named[i]);
		if (!name.n || !err_ok(directory_person_by_name(&c, rq->core->directory, name, &id))) continue;
		tell_text(b, "whom", id);
		return;
	}
}

void
note_made(Str answer, struct buf *b)
{
	static const Str begin = S("{\"id\":\"");
	Str id;

	if (!str_starts(answer, begin)) return;
	str_cut(str_of(answer.p + begin.n, answer.n - begin.n), '"', &id);
	if (is_word(id)) tell_text(b, "id", id);
}

void
note_about(struct request *rq, bool done, struct buf *b)
{
	static const char *const checked[] = {"grant", "request", "restriction", "domain", "log", "text"};
	static const char *const words[] = {"query", "delegation", "group", "tag", "control", "exception", "role", "classification", "mask", "outcome", "subject", "webhook",
	                                    "renews", "change", "handing", "kind", "draft"};
	static const char *const lines[] = {"object", "table", "column", "purpose", "until", "from_time", "to_time"};
	const struct mesh_product *p = product_about(rq);

	if (p) {
		tell_text(b, "product", product_name(rq, p));
		tell_text(b, "owner", p->domain_id);
	}
	for (size_t i = 0; i < ARRAY_LEN(checked); i++)
		if (arg(rq, checked[i]).n && is_there(rq, checked[i], arg(rq, checked[i]))) tell_text(b, checked[i], arg(rq, checked[i]));
	tell_person(rq, b);
	if (!done) return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is_word(arg(rq, words[i]))) tell_text(b, words[i], arg(rq, words[i]));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) tell_text(b, lines[i], arg(rq, lines[i]));
}

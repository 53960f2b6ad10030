/* Purposes: the center's tree, and what a name that is none of it may have meant. */
#include "core/access/grants.h"

enum { PURPOSE_BYTES_MAX = 128, NEAREST = 3 };

/* --- what a name may have meant --- */

/* Edits between two texts of at most PURPOSE_BYTES_MAX bytes. */
static unsigned
distance(Str a, Str b)
{
	unsigned row[PURPOSE_BYTES_MAX + 1];

	if (a.n > PURPOSE_BYTES_MAX || b.n > PURPOSE_BYTES_MAX) return PURPOSE_BYTES_MAX;
	for (size_t j = 0; j <= b.n; j++) row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned corner = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned best = corner + (a.p[i - 1] != b.p[j - 1]);
			corner = row[j];
			if (row[j] + 1 < best) best = row[j] + 1;
			if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

static Str
last_part(Str purpose)
{
	Str part = purpose;

	for (Str rest = purpose; rest.p;) rest = str_cut(rest, '/', &part);
	return part;
}

/* Somebody who writes `campaigns` may mean marketing/campaigns. */
static unsigned
far_from(Str said, Str meant)
{
	unsigned whole = distance(said, meant), part = distance(last_part(said), last_part(meant)) + 1;

	return whole < part ? whole : part;
}

static Str
nearest(struct request *rq, Str said)
{
	const struct mesh_purpose **all, *best[NEAREST] = {0};
	unsigned far[NEAREST] = {0};
	size_t n = mesh_purposes(rq->core->mesh, &rq->arena, &all), count = 0;
	Str list = S("");

	for (size_t i = 0; i < n; i++) {
		unsigned d = far_from(said, all[i]->purpose);
		size_t at = count;
		while (at > 0 && far[at - 1] > d) at--;
		if (at == NEAREST) continue;
		if (count < NEAREST) count++;
		for (size_t k = count - 1; k > at; k--) best[k] = best[k - 1], far[k] = far[k - 1];
		best[at] = all[i];
		far[at] = d;
	}
	for (size_t i = 0; i < count; i++)
		list = arena_printf(&rq->arena, "%.*s%s%.*s", STR(list), i ? ", " : "", STR(best[i]->purpose));
	return list;
}

/* --- checks --- */

static Err
well_formed(struct request *rq, Str purpose)
{
	ENSURE(&rq->c, mesh_purpose_path(purpose), INVALID, "'%.*s' is no purpose: names of a-z, 0-9 and _, with / between a part and what it is part of",
	       STR(purpose));
	return OK;
}

Err
purpose_check(struct request *rq, Str purpose)
{
	TRY(well_formed(rq, purpose));
	if (mesh_purpose_ok(rq->core->mesh, purpose)) return OK;
	return err_set(&rq->c, ERR_DENIED, "there is no purpose '%.*s'; the nearest are: %.*s", STR(purpose), STR(nearest(rq, purpose)));
}

/* --- operations --- */

static void
purposes_json(struct request *rq, struct buf *b)
{
	const struct mesh_purpose **all;
	size_t n = mesh_purposes(rq->core->mesh, &rq->arena, &all);

	buf_c(b, "{\"purposes\":[");
	for (size_t i = 0; i < n; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, all[i]->purpose);
	}
	buf_c(b, "]}");
}

Err
handle_purposes(struct request *rq)
{
	BUF_AUTO b = BUF_INIT;

	purposes_json(rq, &b);
	reply_json(rq, 200, &b);
	return OK;
}

static bool
defined(struct request *rq, Str purpose)
{
	const struct mesh_purpose **all;
	size_t n = mesh_purposes(rq->core->mesh, &rq->arena, &all);

	for (size_t i = 0; i < n; i++)
		if (str_eq(all[i]->purpose, purpose)) return true;
	return false;
}

static Err
say_purpose(struct request *rq, enum event_type type, Str purpose, unsigned status)
{
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	body_purpose(&body, purpose);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, type, rq->person_id, buf_view(&body)));
	access_narrowed(rq->core); /* what runs for a purpose that is none of the tree ends */
	purposes_json(rq, &b);
	reply_json(rq, status, &b);
	return OK;
}

Err
handle_purpose_add(struct request *rq)
{
	Str purpose = arg(rq, "purpose");

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center keeps the tree of purposes");
	TRY(well_formed(rq, purpose));
	ENSURE(&rq->c, !defined(rq, purpose), CONFLICT, "there is a purpose '%.*s' already", STR(purpose));
	return say_purpose(rq, EVENT_PURPOSE_DEFINE, purpose, 201);
}

Err
handle_purpose_retire(struct request *rq)
{
	Str purpose = arg(rq, "purpose");

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center keeps the tree of purposes");
	ENSURE(&rq->c, defined(rq, purpose), NOT_FOUND, "there is no purpose '%.*s'", STR(purpose));
	return say_purpose(rq, EVENT_PURPOSE_RETIRE, purpose, 200);
}

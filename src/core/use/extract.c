#include "core/use/extract.h"

#include <stdlib.h>

#include "crypt/encode.h"
#include "os/log.h"
#include "query/extract.h"

struct extract {
	struct extract *next;
	char name[CRYPT_SHORT_ID_MAX + 8];
	Str key;       /* manifest hash and decision hash; owned */
	Str *columns;  /* owned, each too */
	size_t column_count;
	uint64_t bytes;
	int64_t used_ns;
};

struct extract_cache {
	struct extract *head;
	uint64_t bytes;
};

static struct extract_cache *
cache_of(struct core *core)
{
	if (!core->extracts) core->extracts = mem_alloc(sizeof *core->extracts);
	return core->extracts;
}

static void
extract_free(struct extract *x)
{
	for (size_t i = 0; i < x->column_count; i++) free((char *)x->columns[i].p);
	free(x->columns);
	free((char *)x->key.p);
	free(x);
}

void
extracts_forget(struct core *core)
{
	struct extract_cache *cache = cache_of(core);

	while (cache->head) {
		struct extract *next = cache->head->next;
		extract_free(cache->head);
		cache->head = next;
	}
	cache->bytes = 0;
}

static Str
key_of(struct arena *a, const struct table_use *u)
{
	char hex[CRYPT_HASH_TEXT];

	hex_text(u->decision.hash, sizeof u->decision.hash, hex);
	return arena_printf(a, "%.*s %s", STR(u->manifest_sha), hex);
}

static bool
has_column(const Str *columns, size_t n, Str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(columns[i], name)) return true;
	return false;
}

/* The columns to show: visible, and named by the statement unless it needs all; at least one, so that rows can be counted. */
static void
choose_columns(struct arena *a, struct table_use *u)
{
	u->columns = NEW_N(a, u->shape.column_count, Str);
	u->column_count = 0;
	for (size_t i = 0; i < u->shape.column_count; i++) {
		if (u->decision.columns[i].hidden) continue;
		if (u->all || has_column(u->wanted, u->wanted_count, u->shape.columns[i].name))
			u->columns[u->column_count++] = u->shape.columns[i].name;
	}
	for (size_t i = 0; i < u->shape.column_count && u->column_count == 0; i++)
		if (!u->decision.columns[i].hidden) u->columns[u->column_count++] = u->shape.columns[i].name;
}

static struct extract *
find(struct core *core, Str key, const struct table_use *u)
{
	for (struct extract *x = cache_of(core)->head; x; x = x->next) {
		size_t have = 0;
		if (!str_eq(x->key, key)) continue;
		while (have < u->column_count && has_column(x->columns, x->column_count, u->columns[have])) have++;
		if (have == u->column_count) return x;
	}
	return NULL;
}

/* All that the extract has, in its order, and not only those of this statement: then the worker's view stays as it is. */
static void
show_columns(struct arena *a, struct table_use *u, const struct extract *x)
{
	u->columns = NEW_N(a, x->column_count, Str);
	u->column_count = x->column_count;
	for (size_t i = 0; i < x->column_count; i++) u->columns[i] = arena_str(a, x->columns[i]);
}

static void
make_room(struct core *core, uint64_t bytes)
{
	struct extract_cache *cache = cache_of(core);

	while (cache->head && cache->bytes + bytes > core->limits.extract_cache_bytes) {
		struct extract **oldest = &cache->head;
		for (struct extract **at = &cache->head; *at; at = &(*at)->next)
			if ((*at)->used_ns < (*oldest)->used_ns) oldest = at;
		struct extract *x = *oldest;
		Str name = str_c(x->name);
		*oldest = x->next;
		cache->bytes -= x->bytes;
		tell(core, core->lake, L_EXTRACT_DROP, ++core->next_id, -1, .names = {&name, 1});
		extract_free(x);
	}
}

static void
keep(struct core *core, const char *name, Str key, const struct table_use *u, uint64_t bytes)
{
	struct extract *x = mem_alloc(sizeof *x);

	make_room(core, bytes);
	*x = (struct extract){.next = cache_of(core)->head, .bytes = bytes, .used_ns = core_ns(), .column_count = u->column_count};
	snprintf(x->name, sizeof x->name, "%s", name);
	x->key = str_of(mem_dup(key.p, key.n), key.n);
	x->columns = mem_alloc(u->column_count * sizeof *x->columns);
	for (size_t i = 0; i < u->column_count; i++)
		x->columns[i] = str_of(mem_dup(u->columns[i].p, u->columns[i].n), u->columns[i].n);
	core->extracts->head = x;
	core->extracts->bytes += bytes;
}

/* --- making them --- */

/* One reader at work on the tables of one product. */
struct job {
	Str product_id, consumer_id;
	bool apart; /* the key of its hashes */
	struct table_use *uses[64];
	char names[64][CRYPT_SHORT_ID_MAX + 8];
	size_t n;
	struct proc *proc;
	struct call call;
	bool running;
};

static Str
object_name(struct arena *a, const struct manifest_file *f)
{
	return arena_printf(a, "%.*s.parquet", STR(f->sha256));
}

static Err
job_sql(struct ctx *c, struct table_use *u, Str *ret)
{
	BUF_AUTO sql = BUF_INIT;
	Str *files = NEW_N(c->arena, u->manifest.file_count, Str);
	bool *chosen = NEW_N(c->arena, u->shape.column_count, bool);

	for (size_t i = 0; i < u->manifest.file_count; i++) files[i] = object_name(c->arena, &u->manifest.files[i]);
	for (size_t i = 0; i < u->shape.column_count; i++) chosen[i] = has_column(u->columns, u->column_count, u->shape.columns[i].name);
	TRY(extract_sql(c, &u->shape, &u->decision, chosen, files, u->manifest.file_count, &sql));
	*ret = arena_str(c->arena, buf_view(&sql));
	return OK;
}

static Err
job_begin(struct core *core, struct ctx *c, Str purpose, struct job *j)
{
	Str *sources, *pairs = NEW_N(c->arena, 2 * j->n, Str), *names = NEW_N(c->arena, j->n, Str);
	size_t files = 0, k = 0;
	struct frame f;
	struct msg_DONE key;
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < j->n; i++) files += j->uses[i]->manifest.file_count;
	sources = NEW_N(c->arena, 3 * files, Str);
	for (size_t i = 0; i < j->n; i++) {
		char id[CRYPT_SHORT_ID_MAX];
		for (size_t m = 0; m < j->uses[i]->manifest.file_count; m++) {
			const struct manifest_file *file = &j->uses[i]->manifest.files[m];
			sources[k++] = S("object");
			sources[k++] = file->sha256;
			sources[k++] = object_name(c->arena, file);
		}
		crypt_short_id("x", id);
		snprintf(j->names[i], sizeof j->names[i], "%s.parquet", id);
		names[i] = str_c(j->names[i]);
		TRY(job_sql(c, j->uses[i], &pairs[2 * i]));
		pairs[2 * i + 1] = names[i];
	}
	Str whose = j->apart ? arena_printf(c->arena, "%.*s apart", STR(j->consumer_id)) : j->consumer_id;
	TRY(ask_keys(core, c, K_MASK_KEY, DONE, &f, .consumer = whose, .purpose = purpose));
	TRY(msg_get_DONE(c, f.payload, &key));
	TRY(proc_take(core, c, PROC_READER, &j->proc));
	TRY(proc_link(core, c, j->proc, sources, k));
	TRY(ask(core, c, core->lake, L_EXTRACT, DONE, &f, .view = str_c(j->proc->view), .names = {names, j->n}));
	frame_fini(&f); /* the reader has its folder since it started */
	msg_put_R_EXTRACT(&b, &(struct msg_R_EXTRACT){.mask_key = key.text, .jobs = {pairs, 2 * j->n},
	                                              .memory_bytes = core->limits.reader_memory_bytes, .threads = core->limits.threads});
	TRY(call_begin(core, c, j->proc->peer, MSG_R_EXTRACT, buf_view(&b), -1, &j->call));
	j->running = true;
	return OK;
}

static Err
job_end(struct core *core, struct ctx *c, struct job *j)
{
	struct frame f;
	struct msg_DONE done;
	Str *names = NEW_N(c->arena, j->n, Str);

	Err e = call_wait(core, c, &j->call, MSG_R_DONE, core->limits.query_timeout_ms, &f);
	call_end(core, &j->call);
	j->running = false;
	TRY(e);
	for (size_t i = 0; i < j->n; i++) names[i] = str_c(j->names[i]);
	TRY(ask(core, c, core->lake, L_EXTRACT_KEEP, DONE, &f, .view = str_c(j->proc->view), .names = {names, j->n}));
	TRY(msg_get_DONE(c, f.payload, &done));
	for (size_t i = 0; i < j->n; i++) {
		keep(core, j->names[i], key_of(c->arena, j->uses[i]), j->uses[i], done.value / j->n);
		j->uses[i]->files = NEW(c->arena, Str);
		j->uses[i]->files[0] = arena_str(c->arena, names[i]);
		j->uses[i]->file_count = 1;
		core->count.extracts_made++;
	}
	return OK;
}

/* What can't be told to the one who asks: our SQL failed over data they may not see. */
static Err
sanitised(struct ctx *c, Err e)
{
	if (err_ok(e) || e.code == ERR_UNAVAILABLE || e.code == ERR_FULL || e.code == ERR_BUSY || e.code == ERR_TIMEOUT) return e;
	log_line(LOG_ERROR, "an extract could not be made: %s: %s", err_name(e), err_detail(c, e));
	return err_set(c, ERR_INTERNAL, "the data entitled to you could not be prepared; the node's log says why");
}

static Err
make_all(struct core *core, struct ctx *c, Str purpose, struct job *jobs, size_t n)
{
	Err first = OK;

	for (size_t i = 0; i < n && err_ok(first); i++) first = job_begin(core, c, purpose, &jobs[i]);
	for (size_t i = 0; i < n; i++) {
		struct ctx mine = {.arena = c->arena};
		if (jobs[i].running) {
			Err e = job_end(core, &mine, &jobs[i]);
			if (err_ok(first) && !err_ok(e)) first = err_set(c, (enum err_code)e.code, "%s", err_detail(&mine, e));
		}
		if (jobs[i].proc) proc_release(core, jobs[i].proc, false);
	}
	return sanitised(c, first);
}

static void
bind_plain(struct ctx *c, struct table_use *u)
{
	u->files = NEW_N(c->arena, u->manifest.file_count, Str);
	u->file_count = u->manifest.file_count;
	for (size_t i = 0; i < u->file_count; i++) u->files[i] = object_name(c->arena, &u->manifest.files[i]);
}

static void
add_to_job(struct job *jobs, size_t *n, struct table_use *u)
{
	size_t i = 0;

	while (i < *n && !(str_eq(jobs[i].product_id, u->product_id) && jobs[i].apart == u->decision.apart && jobs[i].n < ARRAY_LEN(jobs[i].uses))) i++;
	if (i == *n) jobs[(*n)++] = (struct job){.product_id = u->product_id, .consumer_id = u->consumer_id, .apart = u->decision.apart};
	jobs[i].uses[jobs[i].n++] = u;
	u->made = true;
}

Err
extracts_bind(struct core *core, struct ctx *c, Str purpose, struct table_use *uses, size_t n)
{
	struct job *jobs = NEW_N(c->arena, n, struct job);
	size_t job_count = 0;

	for (size_t i = 0; i < n; i++) {
		struct table_use *u = &uses[i];
		struct extract *x;
		ENSURE(c, !u->decision.plain || u->decision.terms.min_group == 0, INTERNAL, "all of a table that is given in aggregates only");
		if (u->decision.plain) {
			u->all = true;
			choose_columns(c->arena, u);
			bind_plain(c, u);
			continue;
		}
		choose_columns(c->arena, u);
		ENSURE(c, u->column_count > 0, DENIED, "every column of %.*s is hidden from you", STR(u->name));
		x = find(core, key_of(c->arena, u), u);
		if (!x) {
			add_to_job(jobs, &job_count, u);
			continue;
		}
		x->used_ns = core_ns();
		show_columns(c->arena, u, x);
		u->files = NEW(c->arena, Str);
		u->files[0] = arena_str(c->arena, str_c(x->name));
		u->file_count = 1;
		core->count.extracts_hit++;
	}
	return job_count ? make_all(core, c, purpose, jobs, job_count) : OK;
}

size_t
extracts_sources(struct arena *a, const struct table_use *uses, size_t n, Str **ret)
{
	size_t files = 0, k = 0;

	for (size_t i = 0; i < n; i++) files += uses[i].file_count;
	*ret = NEW_N(a, 3 * files, Str);
	for (size_t i = 0; i < n; i++)
		for (size_t m = 0; m < uses[i].file_count; m++) {
			(*ret)[k++] = uses[i].decision.plain ? S("object") : S("extract");
			(*ret)[k++] = uses[i].decision.plain ? uses[i].manifest.files[m].sha256 : uses[i].files[m];
			(*ret)[k++] = uses[i].files[m];
		}
	return k;
}

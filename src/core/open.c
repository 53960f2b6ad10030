/* The core's start: opening what is on disk, folding what the store has not seen, refusing what was put there by others; the
 * first start of a node; and folding everything anew. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/dsse.h"
#include "core/audit/audit.h"
#include "core/core.h"
#include "core/notify/feed.h"
#include "core/keys/keys.h"
#include "crypt/encode.h"
#include "ledger/tree.h"
#include "mesh/contract/contract.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

static const Str JOURNAL = S("journal");
enum { REFOLD_STEP = 2048 };

struct folding {
	struct core *core;
	struct mesh *mesh;
	mesh_record_fn sink;
	Str log_id;
	uint64_t trusted;     /* entries below this are under a checkpoint that this node signed */
	uint64_t forged_at;   /* UINT64_MAX: none */
	char reason[256];
	uint64_t events;
};

/* Signed by its domain, for this place of this log? Entries of others' are taken out; what the domain itself said wrongly, the fold refuses. */
static Err
check_place(struct ctx *c, const struct mesh *m, Str log_id, uint64_t index, Str entry)
{
	const struct mesh_domain *d = mesh_domain(m, log_id);
	struct dsse e;
	struct event ev;

	if (!d) return OK; /* an inception brings its own key and is left to the fold */
	TRY(mesh_check_signature(c, m, log_id, index, entry));
	TRY(dsse_parse(c, entry, &e));
	TRY(event_parse(c, e.payload, &ev));
	bool placed = ev.seq == index && str_eq(ev.origin, log_id) && memcmp(ev.prev.b, d->head.b, HASH_BYTES) == 0;
	event_fini(&ev);
	ENSURE(c, placed, CORRUPT, "signed for another place or another log");
	return OK;
}

static Err
fold_entry(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct folding *f = arg;
	struct mesh_outcome outcome;

	if (f->forged_at != UINT64_MAX) return OK;
	if (index >= f->trusted) {
		Err e = check_place(c, f->mesh, f->log_id, index, entry);
		if (!err_ok(e)) {
			f->forged_at = index;
			snprintf(f->reason, sizeof f->reason, "%s", err_detail(c, e));
			return OK;
		}
	}
	TRY(mesh_apply(c, f->mesh, f->log_id, index, entry, index >= f->trusted, f->sink, f->core, &outcome));
	f->events++;
	if (!outcome.accepted)
		log_line(LOG_ERROR, "log %.*s entry %llu refused by the fold: %s", STR(f->log_id), (unsigned long long)index, outcome.reason);
	if (f->events % 4096 == 0) arena_reset(c->arena);
	return OK;
}

static Err
fold_log(struct core *core, struct ctx *c, const struct ledger_state *s)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx in = {.arena = &arena};
	uint64_t folded;
	uint8_t root[HASH_BYTES];
	struct folding f = {.core = core, .mesh = core->mesh, .sink = core->loaded ? core_to_store : NULL, .log_id = s->log_id,
	                    .trusted = s->published, .forged_at = UINT64_MAX};

	TRY(store_position_get(c, core->store, s->log_id, &folded, root));
	if (folded > s->size) { /* the catalog has folded more than the log holds: acknowledged entries are missing */
		BUF_AUTO why = BUF_INIT;
		buf_printf(&why, "%llu entries were acknowledged, only %llu are left", (unsigned long long)folded,
		           (unsigned long long)s->size);
		log_line(LOG_ERROR, "log %.*s: %s; refusing to sign on", STR(s->log_id), buf_z(&why));
		return ledger_stop(c, core->ledger, s->log_id, buf_view(&why));
	}
	Err e = ledger_read(&in, core->ledger, s->log_id, folded, s->size - folded, fold_entry, &f);
	if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
	core->mark += s->size;
	if (f.forged_at == UINT64_MAX) return OK;
	/* Beyond the last checkpoint and never folded in, so never acknowledged: somebody else put it there. Out with it. */
	log_line(LOG_ERROR, "log %.*s entry %llu refused: %s", STR(s->log_id), (unsigned long long)f.forged_at, f.reason);
	TRY(ledger_drop_tail(c, core->ledger, s->log_id, f.forged_at, str_c(f.reason)));
	core->mark -= s->size - f.forged_at;
	core->refused_new = true;
	return OK;
}

/* The newest time in the journal: the clock may have been set back since. */
static Err
recall_time(struct core *core, struct ctx *c)
{
	struct ledger_head head;
	struct dsse d;
	struct event e;
	Str entry;

	TRY(ledger_head(c, core->ledger, JOURNAL, &head));
	if (head.size == 0) return OK;
	TRY(ledger_entry(c, core->ledger, JOURNAL, head.size - 1, &entry));
	TRY(dsse_parse(c, entry, &d));
	TRY(event_parse(c, d.payload, &e));
	core_saw_time(e.time);
	event_fini(&e);
	return OK;
}

static Err
load_record(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	struct core *core = arg;

	core->loaded = true;
	return mesh_load(c, core->mesh, kind, id, body);
}

/* A catalog that was empty gets its records at once, and the words of the contracts that are in force. */
static Err
fill_store(struct core *core, struct ctx *c)
{
	const struct mesh_product **products;
	size_t n = mesh_products(core->mesh, c->arena, &products);

	TRY(mesh_records(c, core->mesh, core_to_store, core));
	for (size_t i = 0; i < n; i++) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx in = {.arena = &arena};
		const struct contract *k;
		Str text;
		Err e = blob_get(core, &in, products[i]->contract, &text);
		if (err_ok(e)) e = contract_parse(&in, text, &k);
		if (!err_ok(e)) {
			log_line(LOG_ERROR, "product %.*s will not be found by its words: %s", STR(products[i]->name), err_detail(&in, e));
			continue;
		}
		e = catalog_index(core, &in, products[i]->id, k);
		if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
	}
	return OK;
}

static Err
store_start(struct core *core, struct ctx *c)
{
	Err e = store_open(c, "catalog/catalog.db", &core->store);

	if (e.code == ERR_CORRUPT) { /* derived from the logs: fold it anew */
		log_line(LOG_WARN, "the catalog is damaged and is folded anew from the logs: %s", c->detail);
		static const char *const files[] = {"catalog/catalog.db", "catalog/catalog.db-wal", "catalog/catalog.db-shm"};
		for (size_t i = 0; i < ARRAY_LEN(files); i++) (void)!unlink(files[i]);
		e = store_open(c, "catalog/catalog.db", &core->store);
	}
	TRY(e);
	TRY(store_each(c, core->store, load_record, core));
	return store_begin(c, core->store);
}

static Err
read_center(struct core *core, struct ctx *c)
{
	Str text;
	Err e = file_read_path(c, AT_FDCWD, "catalog/center", 128, &text);

	if (e.code == ERR_NOT_FOUND) {
		c->detail[0] = 0;
		return OK;
	}
	TRY(e);
	mesh_set_center(core->mesh, str_trim(text));
	return OK;
}

Err
core_open(struct core *core, struct ctx *c)
{
	struct ledger_state *states;

	core->started = core_now();
	core->mesh = mesh_new();
	TRY(read_center(core, c));
	TRY(dir_open(c, AT_FDCWD, "ledger", &core->ledger_fd)); /* the ledger borrows it for its life, which is the process's */
	TRY(ledger_open(c, core->ledger_fd, &core->ledger));
	TRY(directory_open(c, "catalog/directory.db", &core->directory));
	TRY(feed_open(core, c));
	TRY(store_start(core, c));
	TRY(ledger_create(c, core->ledger, JOURNAL));
	audit_start(core);
	if (!err_ok(recall_time(core, c))) log_line(LOG_ERROR, "the journal's last entry cannot be read: %s", c->detail);
	c->detail[0] = 0;
	size_t n = ledger_states(core->ledger, c->arena, &states);
	for (size_t i = 0; i < n; i++) {
		if (str_eq(states[i].log_id, JOURNAL)) continue;
		if (states[i].damaged)
			log_line(LOG_ERROR, "log %.*s is damaged and takes no more entries: %s", STR(states[i].log_id), states[i].damage);
		TRY(fold_log(core, c, &states[i]));
	}
	if (!core->loaded) TRY(fill_store(core, c));
	core->dirty = true; /* what was folded goes into the store with the first commit */
	core_publish_soon(core);
	return OK;
}

/* --- the first start --- */

static Err
journal_open(struct core *core, struct ctx *c)
{
	struct ledger_head head;
	struct frame f;
	struct msg_DONE done;
	BUF_AUTO body = BUF_INIT;

	TRY(core_set_log_key(core, c, JOURNAL));
	TRY(ledger_head(c, core->ledger, JOURNAL, &head));
	if (head.size > 0) return OK;
	TRY(ask_keys(core, c, K_EVENT_PUB, DONE, &f, .log = JOURNAL));
	TRY(msg_get_DONE(c, f.payload, &done));
	buf_printf(&body, "{\"node\":\"%s\",\"pub\":\"", core->node_id);
	hex_put(&body, done.text);
	buf_c(&body, "\"}");
	return core_note(core, c, "open", S(""), buf_view(&body));
}

static Err
make_center(struct core *core, struct ctx *c, Str *ret_person)
{
	char person[CRYPT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	Str id;

	crypt_random_id(person);
	Err e = directory_person_add(c, core->directory, str_c(person), S("admin"));
	if (e.code == ERR_CONFLICT)
		TRY(directory_person_by_name(c, core->directory, S("admin"), ret_person));
	else {
		TRY(e);
		*ret_person = arena_str(c->arena, str_c(person));
	}
	TRY(core_new_domain(core, c, S("governance"), true, *ret_person, NULL, &id));
	TRY(file_replace(c, AT_FDCWD, "catalog/center", id, 0600));
	mesh_set_center(core->mesh, id);
	body_member_set(&body, *ret_person, ROLE_OWNER, false, S(""));
	return core_say(core, c, id, EVENT_MEMBER_SET, *ret_person, buf_view(&body));
}

/* `init` left the hash of the administrator's token; it goes into the directory and the file away. A death in between repeats. */
static Err
adopt_admin_token(struct core *core, struct ctx *c)
{
	uint8_t hash[CRYPT_HASH_BYTES];
	Str text, person;
	Err e = file_read_path(c, AT_FDCWD, "catalog/bootstrap", 128, &text);

	if (e.code == ERR_NOT_FOUND) {
		c->detail[0] = 0;
		return OK;
	}
	TRY(e);
	ENSURE(c, hex_get_n(str_trim(text), hash, sizeof hash), CORRUPT, "catalog/bootstrap is damaged; make a new node with heddle init");
	TRY(directory_person_by_name(c, core->directory, S("admin"), &person));
	TRY(directory_token_add(c, core->directory, hash, person));
	ENSURE(c, unlink("catalog/bootstrap") == 0, IO, "catalog/bootstrap: %s", strerror(errno));
	return OK;
}

/* The journal tells of every entry that this start took out. */
static Err
note_refused(struct core *core, struct ctx *c)
{
	struct ledger_refused *r;
	size_t n;
	BUF_AUTO body = BUF_INIT;

	if (!core->refused_new) return OK;
	TRY(ledger_refused(c, core->ledger, &r, &n));
	for (size_t i = 0; i < n; i++) {
		buf_printf(&body, "%s{\"log\":\"%.*s\",\"index\":%llu,\"reason\":", i ? "," : "{\"entries\":[", STR(r[i].log_id),
		           (unsigned long long)r[i].index);
		buf_json(&body, r[i].reason);
		buf_char(&body, '}');
	}
	buf_c(&body, n ? "]}" : "{}");
	TRY(core_note(core, c, "entries.refused", S(""), buf_view(&body)));
	core->refused_new = false;
	return OK;
}

/* The key under which the journal keeps statements: the same as long as the node lives, so that a known one can be recognised. */
static Err
read_text_key(struct core *core, struct ctx *c)
{
	struct frame f;
	struct msg_DONE done;

	TRY(ask_keys(core, c, K_MASK_KEY, DONE, &f, .consumer = JOURNAL, .purpose = S("statement")));
	TRY(msg_get_DONE(c, f.payload, &done));
	ENSURE(c, done.text.n == sizeof core->text_salt.secret_bytes, INTERNAL, "the keys role gave no key");
	memcpy(core->text_salt.secret_bytes, done.text.p, done.text.n);
	return OK;
}

/* A log whose making was cut off may lack its key. */
static Err
set_log_keys(struct core *core, struct ctx *c)
{
	struct ledger_state *s;
	size_t n = ledger_states(core->ledger, c->arena, &s);

	for (size_t i = 0; i < n; i++)
		if (!s[i].damaged) TRY(core_set_log_key(core, c, s[i].log_id));
	return OK;
}

Err
core_bootstrap(struct core *core, struct ctx *c)
{
	Str person;

	TRY(journal_open(core, c));
	TRY(set_log_keys(core, c));
	TRY(keys_settle(core, c));
	/* A center whose first words did not become durable is made anew: nobody has heard of it. */
	if (!mesh_domain(core->mesh, mesh_center(core->mesh))) TRY(make_center(core, c, &person));
	TRY(adopt_admin_token(core, c));
	TRY(note_refused(core, c));
	TRY(read_text_key(core, c));
	core_commit(core);
	return OK;
}

/* --- folding everything anew --- */

struct refold {
	struct core *core;
	struct mesh *fresh;
	struct map done; /* log id → how many entries, uint64_t */
	uint64_t events;
};

/* Up to REFOLD_STEP further entries of a log; *ret_more: there were as many. */
static Err
refold_some(struct refold *r, struct ctx *c, const struct ledger_state *s, bool *ret_more)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx in = {.arena = &arena};
	struct folding f = {.core = r->core, .mesh = r->fresh, .log_id = s->log_id, .trusted = s->published, .forged_at = UINT64_MAX};
	uint64_t *at = map_get(&r->done, s->log_id);

	if (!at) {
		at = mem_alloc(sizeof *at);
		map_put(&r->done, s->log_id, at);
	}
	uint64_t left = s->size - *at, n = left < REFOLD_STEP ? left : REFOLD_STEP;
	Err e = ledger_read(&in, r->core->ledger, s->log_id, *at, n, fold_entry, &f);
	*at += n;
	r->events += n;
	*ret_more = n == REFOLD_STEP;
	return err_ok(e) ? OK : err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
}

/* All logs as far as they are by now. Others work meanwhile, so: again, until nothing was so long that they had to be let. */
static Err
refold(struct refold *r, struct ctx *c)
{
	for (bool waited = true; waited;) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ledger_state *states;
		do core_commit(r->core); /* only what is durable can be read, and others who waited may have said more */
		while (r->core->dirty);
		size_t n = ledger_states(r->core->ledger, &arena, &states);
		waited = false;
		for (size_t i = 0; i < n; i++) {
			bool more = !str_eq(states[i].log_id, JOURNAL);
			while (more) {
				TRY(refold_some(r, c, &states[i], &more));
				if (!more) break;
				fiber_sleep_ms(r->core, 0);
				waited = true;
			}
		}
	}
	return OK;
}

static void
refold_fini(struct refold *r)
{
	Str key;
	void *value;

	for (size_t i = 0; map_next(&r->done, &i, &key, &value);) free(value);
	map_fini(&r->done);
	mesh_free(r->fresh);
}

Err
core_rebuild(struct core *core, struct ctx *c, struct rebuild_result *ret)
{
	static bool under_way;
	struct rebuild_result res = {0};
	struct refold r = {.core = core};

	ENSURE(c, !under_way, BUSY, "the catalog is being folded anew already");
	under_way = true;
	r.fresh = mesh_new();
	mesh_set_center(r.fresh, mesh_center(core->mesh));
	int64_t from = core_ns();
	Err e = refold(&r, c);
	if (err_ok(e)) {
		res.seconds = (double)(core_ns() - from) / 1e9;
		res.events = r.events;
		res.refused = mesh_refused_count(r.fresh);
		mesh_hash(r.fresh, res.hash);
		mesh_hash(core->mesh, res.was);
		*ret = res;
	}
	refold_fini(&r);
	under_way = false;
	return e;
}

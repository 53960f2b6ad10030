/* The core: the one role that writes logs and catalog, decides, and conducts the others.
 *
 * One thread, one loop (loop.c): frames from the other roles wake fibers; each request of the gate is a fiber running one handler
 * (handlers.def). What handlers declare is appended and folded at once but answered only after the loop's group commit: nothing is
 * acknowledged before it is durable. If the ledger cannot be written the process ends, and no answer leaves.
 *
 * Strings in mesh records are valid until the next fold, so a handler that waits looks things up again. */
#ifndef HEDDLE_CORE_CORE_H
#define HEDDLE_CORE_CORE_H

#include "api/args.h"
#include "core/fiber.h"
#include "crypt/hash.h"
#include "ipc/chan.h"
#include "mesh/mesh.h"
#include "store/directory.h"
#include "store/store.h"

struct peer; /* another role's process, as seen from here */

struct core_limits {
	uint64_t worker_memory_bytes, worker_temp_bytes, reader_memory_bytes;
	uint64_t result_max_bytes, result_max_rows, extract_cache_bytes, upload_max_bytes;
	uint64_t query_timeout_ms, check_timeout_ms;
	unsigned threads, workers_max, workers_per_person;
	unsigned sandbox_minimum; /* level below which no user SQL is run */
	const char *webhook_allow; /* addresses that webhooks may reach besides public ones (net/address.h); "" for none */
};

struct role_line { char role[16]; long pid; unsigned long restarts; int level; };
enum { ROLES_MAX = 64 };

struct core {
	struct mesh *mesh;
	struct ledger *ledger;
	int ledger_fd;
	struct store *store;
	struct audit *audit;         /* the journal's index (core/audit/audit.h); NULL when it cannot be used */
	uint64_t audited;            /* entries of the journal that it holds */
	bool auditing;               /* a fiber folds more */
	int64_t audit_due_ns;
	int64_t posture_day, posture_due_ns; /* the newest day whose posture was kept; when to look again */
	bool posture_under_way;
	struct map budgets;          /* grant id → struct budget (budget.c) */
	struct directory *directory;
	struct outbox *outbox;       /* the feed and its webhooks */
	uint64_t feed_mark;          /* `mark` when the feed had all that the logs hold; UINT64_MAX: not yet */
	struct peer *parent, *gate, *keys, *lake; /* NULL while one is gone */
	struct peer *peers;                       /* all of them, workers and readers too */
	char node_id[CRYPT_ID_MAX];
	struct core_limits limits;
	struct secret32 text_salt;   /* for commitments to statements in the journal */
	bool dirty, stopping;
	bool urgent;                 /* the commit is not to wait for commit_due_ns: somebody waits for it, or soon will */
	int64_t commit_due_ns;
	bool store_clean;            /* nothing for the store since its last commit: only the journal grew */
	uint64_t unpublished;        /* entries that are not in tiles yet, */
	int64_t publish_ns;          /* and when they shall be */
	uint64_t publishes;          /* since the start */
	int64_t published_ns;        /* the last one */
	struct waiter *commit_waiters;
	uint64_t next_id, mark;      /* mark: entries folded on this node, all logs but the journal */
	uint64_t policy_epoch;       /* grows whenever access may have become narrower */
	struct request *requests;    /* under way */
	struct walk *walks;          /* under way or waiting: walk.h */
	struct role_line roles[ROLES_MAX];
	size_t role_count;
	bool refused_new;            /* this start found entries that nobody entitled had signed */
	int level;                   /* own sandbox level */
	Time started;
	struct extract_cache *extracts;
	struct pool *pool;
	struct map uploads;          /* id → struct upload */
	bool loaded;                 /* the store had records when it was opened */
	bool begun;                  /* the first entries are said and the keys of this node known; before, nobody is answered */
	struct core_counters { uint64_t requests, refused, queries, rows, bytes, extracts_made, extracts_hit, commits; } count;
	uint64_t decide_ns_total, decide_count;
};

/* --- processes and calls (loop.c) --- */

struct peer *peer_new(struct core *core, int fd, const char *name);
/* Close; every call under way on it ends with UNAVAILABLE. */
void peer_drop(struct core *core, struct peer *p);
bool peer_alive(const struct peer *p);
const char *peer_name(const struct peer *p);
struct peer *peer_next(const struct peer *p); /* walk core->peers */
int peer_level(const struct peer *p); /* its sandbox, as it said itself; -1 before, or without a peer */
Time peer_tested(const struct peer *p); /* when it said so */
/* Called once when the peer's channel closes; may be NULL. */
void peer_on_close(struct peer *p, void (*fn)(struct core *core, struct peer *p, void *arg), void *arg);

/* A call: one request to a peer and the frames that answer it. Lives on the fiber's stack between begin and end. */
struct call {
	struct peer *peer;       /* NULL once the peer is gone */
	struct call *next;
	uint64_t id;
	struct fiber *waiting;
	struct frame_node *head, *tail; /* answers that came and were not yet taken */
	unsigned untaken;
	int64_t deadline_ns;     /* 0: none */
	bool timed_out;
	bool for_people;         /* its errors are about what a person said, not about our files */
};
NODISCARD Err call_begin(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, int fd, struct call *ret);
NODISCARD Err call_begin_fds(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, const int *fds,
                             size_t fd_count, struct call *ret); /* the fds are taken in any case */
/* The next frame for this call; its payload lives in the arena of c, its fds (only the lake gives any) are the caller's. UNAVAILABLE when the peer
 * dies, TIMEOUT after timeout_ms (0: wait for ever). A FAILED answer becomes its Err. */
NODISCARD Err call_wait(struct core *core, struct ctx *c, struct call *call, enum msg_type want, uint64_t timeout_ms, struct frame *ret);
/* Forget the call; later answers to it are dropped. */
void call_end(struct core *core, struct call *call);
/* begin, wait, end; TIMEOUT when there is no answer for so long that there will be none. */
NODISCARD Err call_once(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, enum msg_type want,
                        struct frame *ret);
NODISCARD Err call_within(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, uint64_t timeout_ms,
                          enum msg_type want, struct frame *ret);

/* ask(core, c, core->lake, L_SEAL, DONE, &frame, .upload = id): encode, call once, wait. */
#define ask(core, c, peer, NAME, WANT, ret_frame, ...)                                                                         \
	__extension__({                                                                                                        \
		BUF_AUTO ask_b_ = BUF_INIT;                                                                                    \
		msg_put_##NAME(&ask_b_, &(struct msg_##NAME){__VA_ARGS__});                                                    \
		call_once((core), (c), (peer), MSG_##NAME, buf_view(&ask_b_), MSG_##WANT, (ret_frame));                        \
	})
#define ask_within(core, c, ms, peer, NAME, WANT, ret_frame, ...)                                                              \
	__extension__({                                                                                                        \
		BUF_AUTO ask_b_ = BUF_INIT;                                                                                    \
		msg_put_##NAME(&ask_b_, &(struct msg_##NAME){__VA_ARGS__});                                                    \
		call_within((core), (c), (peer), MSG_##NAME, buf_view(&ask_b_), (ms), MSG_##WANT, (ret_frame));                \
	})

/* Send and expect nothing back; a peer that cannot take it is dropped by the loop, never meanwhile: nobody else goes on. The fd is taken. */
void peer_post(struct core *core, struct peer *p, enum msg_type type, uint64_t id, Str payload, int fd);
#define tell(core, peer, NAME, id, fd, ...)                                                                                    \
	do {                                                                                                                   \
		BUF_AUTO tell_b_ = BUF_INIT;                                                                                   \
		msg_put_##NAME(&tell_b_, &(struct msg_##NAME){__VA_ARGS__});                                                   \
		peer_post((core), (peer), MSG_##NAME, (id), buf_view(&tell_b_), (fd));                                         \
	} while (0)
/* Ask and block the whole core for the answer: for the keys role only, which answers in microseconds. */
NODISCARD Err peer_exchange(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, enum msg_type want,
                            struct frame *ret);
#define ask_keys(core, c, NAME, WANT, ret_frame, ...)                                                                          \
	__extension__({                                                                                                        \
		BUF_AUTO ask_b_ = BUF_INIT;                                                                                    \
		msg_put_##NAME(&ask_b_, &(struct msg_##NAME){__VA_ARGS__});                                                    \
		peer_exchange((core), (c), (core)->keys, MSG_##NAME, buf_view(&ask_b_), MSG_##WANT, (ret_frame));              \
	})

int64_t core_ns(void); /* since boot */
void fiber_sleep_ms(struct core *core, uint64_t ms);
NODISCARD Err core_run(struct core *core, struct ctx *c); /* the loop; ends when told to stop */

/* --- saying things (commit.c) --- */

/* Append an event of `type` with this JSON body to the domain's log, signed by its key, and fold it in. DENIED etc. when the fold
 * would refuse it: nothing is appended then. Durable and to be acknowledged only after core_commit(). Where the owner keeps the key it waits,
 * perhaps for minutes, until their client has signed (drafts.h): what was looked up before is to be looked up anew. */
NODISCARD Err core_say(struct core *core, struct ctx *c, Str domain_id, enum event_type type, Str actor, Str body);
/* Append to the journal. `outcome`: "ok", "refused", "failed". */
NODISCARD Err core_note(struct core *core, struct ctx *c, const char *type, Str actor, Str body);
/* The same for what no answer rests on: durable with the next commit, at the latest some milliseconds from now. */
NODISCARD Err core_note_later(struct core *core, struct ctx *c, const char *type, Str actor, Str body);
/* Wait for the group commit of all that was appended so far. Returns at once when nothing is pending. */
void core_commit(struct core *core);
/* The loop's part: one write, one sync, one store transaction; ends the process when the ledger fails. */
void core_commit_now(struct core *core);
/* End the process with the exit code that says so: the ledger or the catalog cannot be written. */
void core_die(const char *what, const struct ctx *c, Err e) __attribute__((noreturn));
/* The sink of the fold: the store follows inside one transaction per group commit. arg is the core. */
NODISCARD Err core_to_store(struct ctx *c, void *arg, Str kind, Str id, Str body);
/* What is durable into tiles, under a new checkpoint: about ten syncs, during which nobody is answered. The loop does it when it is due: soon
 * after a domain said something, seconds after something was only noted in the journal. */
void core_publish_logs(struct core *core);
void core_publish_soon(struct core *core);
bool core_publish_due(const struct core *core);
/* In a fiber: what was appended so far stands under a checkpoint, if the keys role is there to sign one. Who asks at about the same time shares one,
 * so that asking again and again does not keep everybody else waiting. */
void core_publish_wait(struct core *core);
/* Ledger, store, directory below the current folder; fold what the store has not seen (open.c). */
NODISCARD Err core_open(struct core *core, struct ctx *c);
/* A new node's center and administrator, when there is none yet. Needs the keys role: a fiber calls it. */
NODISCARD Err core_bootstrap(struct core *core, struct ctx *c);
/* The key that checks the log's checkpoints goes beside it, for who verifies a copy. Before its first publish. */
NODISCARD Err core_set_log_key(struct core *core, struct ctx *c, Str log_id);
/* custody NULL: the node keeps the key, and nobody can recover it. With a key that the owner keeps it waits for their signature (drafts.h). */
NODISCARD Err core_new_domain(struct core *core, struct ctx *c, Str name, bool center, Str actor, const struct custody *custody, Str *ret_id);
/* The payload of an event in the log's next place. */
NODISCARD Err core_write_event(struct core *core, struct ctx *c, Str log_id, enum event_type type, Str actor, Str body, struct buf *out);
/* The payload of an event with its signature: checked by the fold (not the signature), appended, folded in. As core_say(). */
NODISCARD Err core_append_event(struct core *core, struct ctx *c, Str log_id, Str payload, const uint8_t signature[64]);
/* Fold every log from its beginning into fresh state and compare; others go on meanwhile. BUSY: somebody does it already. */
struct rebuild_result { uint64_t events, refused; double seconds; uint8_t hash[32], was[32]; };
NODISCARD Err core_rebuild(struct core *core, struct ctx *c, struct rebuild_result *ret);

/* Make the product findable by its contract's words. */
struct contract;
NODISCARD Err catalog_index(struct core *core, struct ctx *c, Str product_id, const struct contract *k);
Str quarantine_path(struct arena *a, Str product_id);
void gate_gone(struct core *core, struct peer *gate, void *arg);
/* Discard uploads that nobody published within an hour. */
void uploads_tick(struct core *core);
void uploads_forget(struct core *core); /* the lake lost them */

NODISCARD Err blob_put(struct core *core, struct ctx *c, Str bytes, Str *ret_sha256);
NODISCARD Err blob_get(struct core *core, struct ctx *c, Str sha256, Str *ret);

/* --- requests (request.c) --- */

struct request {
	struct core *core;
	struct request *next;
	uint64_t id;                  /* of the gate's frame */
	struct peer *gate;            /* who asked; replies go nowhere when it is gone */
	enum route_id route;
	struct api_args args;
	Str token, request_id, mark;
	Str hint;                     /* how to go on, told with the error */
	Str about;                    /* "domain.product" that this is about, for the journal, where no argument tells it */
	struct ctx c;
	struct arena arena;
	/* who asks; set before the handler runs, but for routes that need no token */
	Str person_id, person_name, domain_id;
	enum role role;
	bool is_admin;                /* owner of the center */
	enum { APPROVALS_UNASKED, APPROVALS_NONE, APPROVALS_SOME } approvals; /* does policy demand any? Asked once: approvals.c */
	bool replied, cancelled, noted; /* noted: the journal has its own word on a refusal already */
	uint64_t uploaded_bytes;      /* the gate's word on the body of an upload */
	bool upload_complete;
	struct fiber *upload_waiting;
	struct running_query *query;  /* so that a disconnect can cancel it */
	bool streamed;                /* the gate says that its stream has arrived */
};

void request_start(struct core *core, struct peer *gate, const struct frame *f);
void request_gate_frame(struct core *core, struct peer *gate, const struct frame *f); /* G_CANCEL, G_STREAMED, G_UPLOADED */
/* Answer after the pending commit. At most once. */
void reply_json(struct request *rq, unsigned status, struct buf *body);
void reply_text(struct request *rq, unsigned status, Str content_type, Str body);
void reply_error(struct request *rq, Err e, Str hint);
const char *core_mark(struct core *core, char ret[static 32]);

Str arg(const struct request *rq, const char *name); /* p == NULL when absent */
Time core_now(void); /* never goes back, not even over restarts */
void core_saw_time(Time t);

/* A name for a person's id, "(erased)" when the directory has none. In the request's arena. */
Str person_name(struct request *rq, Str person_id);
/* The id of the newest who left under this name; p == NULL when nobody did. Looks at all people. */
Str person_who_left(struct request *rq, Str name);
Str domain_name(struct request *rq, Str domain_id);
/* "domain.product" */
Str product_name(struct request *rq, const struct mesh_product *p);
NODISCARD Err need_role(struct request *rq, Str domain_id, const char *what, unsigned roles_mask);
#define ROLE_BIT(r) (1u << ROLE_##r)
/* Resolve "domain", "domain:NAME", "user:NAME", or a bare name that is one of them. */
NODISCARD Err principal_resolve(struct request *rq, Str text, enum principal_kind *ret_kind, Str *ret_id);
Str principal_text(struct request *rq, enum principal_kind kind, Str id);
/* May this person know that the product exists? */
bool product_visible(struct request *rq, const struct mesh_product *p);
NODISCARD Err product_find(struct request *rq, Str name, const struct mesh_product **ret); /* NOT_FOUND for invisible ones too */

/* --- queries, workers, readers, extracts (running.c, pool.c, extract.c) --- */

struct running_query;
void running_cancel(struct core *core, struct running_query *q, const char *why);
void running_delivered(struct peer *gate, uint64_t request); /* the client has it; request 0: the gate is gone */
/* Access became narrower: queries whose tables are no longer decided the same way are ended, also those whose answer is still on its way; idle workers are given up with
 * the extracts in their folders. */
void access_narrowed(struct core *core);
/* End those whose grant ran out, and those whose worker does not stop although it was told to. */
void queries_tick(struct core *core);
void pool_tick(struct core *core); /* keep spares, give up what is idle too long */
void lake_restarted(struct core *core); /* its views and extracts are gone */

#endif

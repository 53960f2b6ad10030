/* The mesh: the catalog as a fold of the logs, and who may say what.
 *
 * mesh_apply() takes one log entry and either accepts it (records change) or refuses it (kept as a `refused` record with its
 * reason: never silently). Each record depends on its own log alone, so the fold of the same logs in any interleaving gives
 * the same records and the same mesh_hash(). What spans logs (a request and its answer, a grant and who holds it, a
 * restriction) is joined when it is asked for. Pure: no I/O, no clock. */
#ifndef HEDDLE_MESH_MESH_H
#define HEDDLE_MESH_MESH_H

#include "base/map.h"
#include "mesh/event.h"
#include "policy/policy.h"

struct mesh;

enum role { ROLE_OWNER, ROLE_ENGINEER, ROLE_ANALYST, ROLE_STEWARD, ROLE_AUDITOR, ROLE_COUNT };
bool role_parse(Str name, enum role *ret);
const char *role_name(enum role r);

struct mesh_domain {
	Str id, name;            /* id: 64 hex digits */
	uint8_t event_pub[32];   /* Ed25519 key in force */
	bool center;
	uint64_t log_size;       /* entries folded, refused ones too */
	Hash head;               /* leaf hash of the newest entry, refused ones too: what the next one names as `prev` */
};

struct mesh_member { Str person_id, domain_id; enum role role; bool active; Str added_by; };

struct mesh_table {
	struct policy_table policy;  /* names, columns with type and class: what decisions rest on */
	Str manifest;                /* SHA-256 (hex) of the snapshot manifest blob (table/manifest.h) */
	uint64_t rows;
};

struct mesh_product {
	Str id, domain_id, name;
	Str version, status;         /* from the contract */
	Str title, purpose;          /* short texts for lists; the contract has the rest */
	Str contract;                /* SHA-256 (hex) of the contract blob */
	Str report;                  /* SHA-256 (hex) of the newest quality report blob, "" when none */
	Str snapshot;                /* id of the current snapshot, short random */
	Time published;
	bool discoverable, retired;
	struct mesh_table *tables;
	size_t table_count;
	uint64_t seq;                /* of the event that set this */
};

struct mesh_grant {
	struct policy_grant policy;
	Str request_id;              /* "" when granted directly */
	Str by;                      /* person id */
	Str rows_text;               /* canonical predicate, "" for all rows */
	Time added, revoked_at;
	Str revoked_by;
};

enum request_state { REQUEST_PENDING, REQUEST_APPROVED, REQUEST_DENIED, REQUEST_WITHDRAWN };
struct mesh_request {
	Str id, consumer_domain_id, person_id;
	Str producer_domain_id, product_id;
	Str purpose, reason;         /* reason: commitment (hex), "" when none */
	Time until, opened;          /* until: TIME_FOREVER when not asked for */
};
/* How it stands, joined over both logs: approved once the producer granted (*ret_grant, revoked or not; NULL otherwise), else withdrawn,
 * else denied (*ret_deny_reason: the commitment, "" when none), else pending. */
enum request_state mesh_request_state(const struct mesh *m, const struct mesh_request *r, const struct mesh_grant **ret_grant,
                                      Str *ret_deny_reason);

struct mesh_restriction { struct policy_restriction policy; Str by; Time added; };

struct mesh *mesh_new(void);
void mesh_free(struct mesh *m);
/* The log whose restrictions count here; "" for none. Part of the node's configuration, not of any log. */
void mesh_set_center(struct mesh *m, Str domain_id);
Str mesh_center(const struct mesh *m);

/* --- folding --- */

/* Told of every record that changed: body.n == 0 means deleted. Borrows. */
typedef Err (*mesh_record_fn)(struct ctx *c, void *arg, Str kind, Str id, Str body);

struct mesh_outcome { bool accepted; enum event_type type; char reason[256]; };

/* Fold in the entry (a DSSE envelope) at `index` of a log. verify: check the signature (off only when the entry is covered by a
 * checkpoint that this node signed itself). Refusals: bad envelope or signature, wrong origin, seq or prev, unknown type or
 * field, not said by who may say it, references to what this log does not hold. The Err is only about the sink failing. */
NODISCARD Err mesh_apply(struct ctx *c, struct mesh *m, Str log_id, uint64_t index, Str entry, bool verify,
                         mesh_record_fn sink, void *arg, struct mesh_outcome *ret);
/* Would this payload (not yet signed) be accepted as the next entry of the log? DENIED when the log has not the authority to say
 * it ("only stores can grant on stores.transactions"), INVALID, NOT_FOUND, CONFLICT otherwise. Changes nothing. */
NODISCARD Err mesh_check(struct ctx *c, const struct mesh *m, Str log_id, Str payload);
/* Is this entry signed by the domain whose log it stands in? The entries before it must be folded (the first one needs none). */
NODISCARD Err mesh_check_signature(struct ctx *c, const struct mesh *m, Str log_id, uint64_t index, Str entry);
/* Put back a record that the store kept; the same as having folded the events that made it. */
NODISCARD Err mesh_load(struct ctx *c, struct mesh *m, Str kind, Str id, Str body);
/* Every record in (kind, id) order: what a rebuild writes at the end instead of each step. */
NODISCARD Err mesh_records(struct ctx *c, const struct mesh *m, mesh_record_fn fn, void *arg);
/* SHA-256 over all records in (kind, id) order: u32be kind length, kind, u32be id length, id, u64be body length, body. The same
 * as store_hash(). */
void mesh_hash(const struct mesh *m, uint8_t ret[32]);
size_t mesh_refused_count(const struct mesh *m);
struct mesh_refused { Str log_id; uint64_t index; Str reason; };
size_t mesh_refused(const struct mesh *m, struct arena *a, struct mesh_refused **ret);

/* --- asking; results borrow from the state and are valid until the next mesh_apply() --- */

/* Ids of things are unique within their log. Should two logs use one, the log of the smaller domain id is found, everywhere the same;
 * mesh_decide() never looks up by id alone. Of domains of one name likewise. By name only products that are not retired. */
const struct mesh_domain *mesh_domain(const struct mesh *m, Str id);
const struct mesh_domain *mesh_domain_by_name(const struct mesh *m, Str name);
const struct mesh_product *mesh_product(const struct mesh *m, Str id);
const struct mesh_product *mesh_product_by_name(const struct mesh *m, Str domain_dot_product);
const struct mesh_table *mesh_table_by_name(const struct mesh *m, Str domain_dot_product_dot_table, const struct mesh_product **ret_product);
/* A person belongs to one domain. Should several claim them: the smallest domain id of those where they are active. */
const struct mesh_member *mesh_member(const struct mesh *m, Str person_id);
const struct mesh_grant *mesh_grant(const struct mesh *m, Str id);
/* The grant of that id in that domain's log: what a revoke is about. */
const struct mesh_grant *mesh_grant_in(const struct mesh *m, Str domain_id, Str id);
const struct mesh_request *mesh_request(const struct mesh *m, Str id);
const struct mesh_restriction *mesh_restriction(const struct mesh *m, Str id); /* the center's; others have no effect and are not shown */

/* Lists in the arena, sorted by name or time; NULL filters mean all. */
size_t mesh_domains(const struct mesh *m, struct arena *a, const struct mesh_domain ***ret);
size_t mesh_products(const struct mesh *m, struct arena *a, const struct mesh_product ***ret);
size_t mesh_members(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_member ***ret); /* "" = all */
size_t mesh_grants(const struct mesh *m, struct arena *a, const struct mesh_grant ***ret);
size_t mesh_requests(const struct mesh *m, struct arena *a, const struct mesh_request ***ret);
size_t mesh_restrictions(const struct mesh *m, struct arena *a, const struct mesh_restriction ***ret);

/* The decision for a person at a table: collects the grants of (product, person) and (product, person's domain) from an index
 * and the live restrictions, and calls policy_decide(). Cost: O(grants on that product to that principal). */
void mesh_decide(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product,
                 const struct mesh_table *table, Str purpose, enum interaction interaction, Time now,
                 struct policy_trace *trace, struct policy_decision *ret);

/* Is there any purpose for which this person may read it? For showing metadata only. */
void mesh_decide_any_purpose(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product,
                             const struct mesh_table *table, Time now, struct policy_decision *ret);
/* The same evaluation for showing why: for a person, or for what any member of a domain may do. purpose "" asks for any. */
void mesh_explain(const struct mesh *m, struct arena *a, enum principal_kind kind, Str id, const struct mesh_product *product,
                  const struct mesh_table *table, Str purpose, Time now, struct policy_trace *trace, struct policy_decision *ret);

/* --- bodies of events, as JSON text (written with base/buf, keys in fixed order) --- */
void body_inception(struct buf *out, Str name, const uint8_t event_pub[32], const uint8_t next_pub_digest[32], bool center, Str salt);
void body_member_set(struct buf *out, Str person_id, enum role role);
void body_member_end(struct buf *out, Str person_id);
void body_publish(struct buf *out, const struct mesh_product *p);
void body_retire(struct buf *out, Str product_id);
void body_grant(struct buf *out, const struct mesh_grant *g);
void body_revoke(struct buf *out, Str grant_id);
void body_request(struct buf *out, const struct mesh_request *r);
void body_withdraw(struct buf *out, Str request_id);
void body_deny(struct buf *out, Str request_id, Str reason_commitment);
void body_restriction(struct buf *out, const struct mesh_restriction *r);
void body_lift(struct buf *out, Str restriction_id);

#endif

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
	Time key_since;          /* when the key in force came into the log; 0: not known, from before that was kept */
	bool next_committed, recovery; /* is there a next key, and recovery keys */
	bool frozen;             /* its log has two proven histories, and that is not resolved */
	bool owner_keeps_key;    /* custody "owner": the node has no key for it, its owner's client signs */
	bool handing_named;      /* grants to it are used by owners and by those they were delegated to only */
	uint64_t handing_seq;    /* of the newest domain.set, 0 for none */
	uint64_t log_size;       /* entries folded, refused ones too */
	Hash head;               /* leaf hash of the newest entry, refused ones too: what the next one names as `prev` */
};

struct mesh_member {
	Str person_id, domain_id;
	enum role role;
	bool active;
	bool service;                /* a program, not a human */
	Str human_id;                /* the person's own id unless said otherwise */
	Str added_by;
	uint64_t seq;                /* of the member.set that began this membership */
	uint64_t set_seq;            /* of the newest member.set: who made them what they are */
	Time since, ended;           /* ended: 0 while active */
};

struct mesh_group { Str id, domain_id, name; bool ended; };

/* One thing's own tag; see mesh_tags_of() for what counts. */
struct mesh_tag {
	Str id;                      /* of the tag.set */
	Str domain_id, product_id, table, column, tag, value; /* value "": removed */
	Str before;                  /* the value that counted before, "" for none */
	Str by;
	Time at;
	uint64_t seq;
	bool voided;
};

enum tag_kind { TAG_ORDERED, TAG_CHOICE, TAG_FREE };
struct mesh_tag_def { Str tag; enum tag_kind kind; const Str *values; /* ordered: rising */ size_t value_count; bool built_in, retired; };

struct mesh_purpose { Str purpose; bool retired; uint64_t seq; /* the newest entry about it */ };

struct mesh_delegation {
	struct policy_delegation policy;
	Str rows_text;
	Str by;
	Time added, ended_at;
	Str ended_by;
	uint64_t seq;
};

/* Said in the log of the domain of who said it. */
struct mesh_comment { Str id, domain_id, consumer_domain_id, request_id, text /* commitment */, by; Time at; };

/* A finding that the center accepts for a while. */
struct mesh_exception { Str id, control, subject, reason, by; Time until, added; bool ended; uint64_t seq; };
struct mesh_review { Str id, domain_id, product_id, by; Time at; uint64_t seq; };
struct mesh_evidence { Str id, control, document, by; bool ok; Time at; uint64_t seq; };

struct mesh_table {
	struct policy_table policy;  /* names, columns with type and class: what decisions rest on */
	Str manifest;                /* name of the snapshot: mesh_snapshot_name(), which the fold has held against the rest */
	Str content;                 /* SHA-256 (hex) of its manifest (table/manifest.h). "": published before that, and then it is `manifest` */
	uint64_t rows;
	Str *floors;                 /* of each column: the class that publishes gave it, which the next publish can only raise */
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
	struct mesh_table *tables;   /* policy.tags and columns' tags are those that count */
	size_t table_count;
	uint64_t seq;                /* of the event that set this */
	uint64_t since;              /* of its first publish */
	Time first_published;
	Str publisher;               /* person id, of the newest publish */
	uint64_t doubt;              /* a publish before that was void then: until it is confirmed, what it said of classes closes; 0: none */
};

struct mesh_grant {
	struct policy_grant policy;
	Str request_id;              /* "" when granted directly */
	Str by;                      /* person id */
	Str rows_text;               /* canonical predicate, "" for all rows */
	Str tags_text;               /* canonical tag expression, "" without */
	uint32_t by_role;            /* what they were then, as a bit; 0 when no member of the domain */
	Time added, revoked_at;
	Str revoked_by;
};

enum { REQUEST_LIFE_DAYS = 30 };
enum request_state { REQUEST_PENDING, REQUEST_APPROVED, REQUEST_DENIED, REQUEST_WITHDRAWN, REQUEST_DRAFT, REQUEST_EXPIRED };
struct mesh_request {
	Str id, consumer_domain_id, person_id;
	Str producer_domain_id, product_id;
	Str purpose, reason;         /* reason: commitment (hex), "" when none */
	Time until, opened;          /* until: TIME_FOREVER when not asked for. opened: when it was opened, or submitted */
	Str renews;                  /* id of the grant, "" when it renews none */
	bool draft;                  /* not submitted yet: for its author alone */
	uint64_t seq;                /* entry that opened it, or submitted it */
};
/* How it stands, joined over both logs: approved once the producer granted (*ret_grant, revoked or not; NULL otherwise), else withdrawn,
 * else denied (*ret_deny_reason: the commitment, "" when none), else a draft, else expired REQUEST_LIFE_DAYS after it was opened, else pending. */
enum request_state mesh_request_state(const struct mesh *m, const struct mesh_request *r, Time now, const struct mesh_grant **ret_grant,
                                      Str *ret_deny_reason);

struct mesh_restriction { struct policy_restriction policy; Str name /* "" when none was given */, tags_text /* canonical, "" without */, by; Time added;
                          uint64_t lifted_seq; /* the entry that lifted it, 0: none. policy.lifted: and it counts */ };

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
/* Has the payload the form that its type has in this version, nothing missing and nothing more? INVALID. Whether it would be accepted depends on its log. */
NODISCARD Err mesh_body_check(struct ctx *c, Str payload);
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
/* A person belongs to one domain. Should several claim them: the smallest domain id of those where they are active, and that before a claim that is void. */
const struct mesh_member *mesh_member(const struct mesh *m, Str person_id);
/* Active, and not made what they are with a stolen key, or behind a fork: whoever was is no member until that is confirmed, or said anew. */
bool mesh_member_counts(const struct mesh *m, const struct mesh_member *member);
const struct mesh_grant *mesh_grant(const struct mesh *m, Str id);
/* The grant of that id in that domain's log: what a revoke is about. */
const struct mesh_grant *mesh_grant_in(const struct mesh *m, Str domain_id, Str id);
const struct mesh_request *mesh_request(const struct mesh *m, Str id);
const struct mesh_restriction *mesh_restriction(const struct mesh *m, Str id); /* the center's; others have no effect and are not shown */

/* Lists in the arena, sorted by name or time; NULL filters mean all. */
size_t mesh_domains(const struct mesh *m, struct arena *a, const struct mesh_domain ***ret);
size_t mesh_products(const struct mesh *m, struct arena *a, const struct mesh_product ***ret);
size_t mesh_members(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_member ***ret); /* "" = all */
size_t mesh_grants(const struct mesh *m, struct arena *a, const struct mesh_grant ***ret); /* sorts all: for reports, not for pages */
/* All of them one by one, in an order that means nothing, NULL at the end; *at begins as {0}. Only while nothing is folded in. O(1). */
struct mesh_place { uint32_t slot; const void *item; };
const struct mesh_grant *mesh_grant_next(const struct mesh *m, struct mesh_place *at);
/* One after the other, NULL after the last one, in an order that means nothing; after NULL: the first. Others may fold meanwhile: what is new then is
 * left out, nothing comes twice. O(1). Grants in a domain's log; to that person, domain or group, of all logs. */
const struct mesh_grant *mesh_grant_of(const struct mesh *m, Str domain_id, const struct mesh_grant *after);
const struct mesh_grant *mesh_grant_to(const struct mesh *m, Str to_id, const struct mesh_grant *after);
/* The products that a grant is about: one, or by tags each of its issuer's (whether it fits is for the decision to say). Likewise. */
const struct mesh_product *mesh_product_of(const struct mesh *m, const struct mesh_grant *g, const struct mesh_product *after);
/* Requests likewise: in the log of who asks, and those that a domain is asked. */
const struct mesh_request *mesh_request_of(const struct mesh *m, Str domain_id, const struct mesh_request *after);
const struct mesh_request *mesh_request_to(const struct mesh *m, Str producer_domain_id, const struct mesh_request *after);
/* As the lists sort them: by when they were added or opened, then ids. */
int mesh_grant_order(const struct mesh_grant *a, const struct mesh_grant *b);
int mesh_request_order(const struct mesh_request *a, const struct mesh_request *b);
/* To the person, their domain and its groups that they are in, whether they still count or not. Cost: O(those). */
size_t mesh_grants_to(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_grant ***ret);
bool mesh_approvals_demanded(const struct mesh *m); /* of anything at all */
size_t mesh_requests(const struct mesh *m, struct arena *a, const struct mesh_request ***ret);
size_t mesh_restrictions(const struct mesh *m, struct arena *a, const struct mesh_restriction ***ret);

/* The decision for a person at a table: collects from indexes the grants to the person, their groups and their domain (on the product, or by tags),
 * what their domain handed on to them, and the restrictions that bear on the table, and calls policy_decide(). level: of the sandbox in which the
 * statement would run, UINT32_MAX where only something is shown. Cost: O(of what was collected), not of what there is. */
void mesh_decide(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product,
                 const struct mesh_table *table, Str purpose, enum interaction interaction, uint32_t level, Time now,
                 struct policy_trace *trace, struct policy_decision *ret);

/* Is there any purpose for which this person may read it? For showing metadata only. */
void mesh_decide_any_purpose(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product,
                             const struct mesh_table *table, Time now, struct policy_decision *ret);
/* The same evaluation for showing why: for a person, or for what any member of a domain may do. purpose "" asks for any. */
void mesh_explain(const struct mesh *m, struct arena *a, enum principal_kind kind, Str id, const struct mesh_product *product,
                  const struct mesh_table *table, Str purpose, Time now, struct policy_trace *trace, struct policy_decision *ret);

/* --- governance: lists and single things; "" filters mean all; order is stable, oldest or smallest name first --- */
const struct mesh_group *mesh_group_in(const struct mesh *m, Str domain_id, Str id);
const struct mesh_group *mesh_group_named(const struct mesh *m, Str domain_id, Str name); /* not ended */
size_t mesh_groups(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_group ***ret);
size_t mesh_group_members(const struct mesh *m, struct arena *a, const struct mesh_group *g, Str **ret_person_ids); /* active ones */
const struct mesh_delegation *mesh_delegation(const struct mesh *m, Str domain_id, Str id);
size_t mesh_delegations(const struct mesh *m, struct arena *a, Str domain_id, const struct mesh_delegation ***ret);
const struct mesh_tag_def *mesh_tag_def(const struct mesh *m, Str tag); /* built in, or of the center and not retired */
size_t mesh_tag_defs(const struct mesh *m, struct arena *a, const struct mesh_tag_def ***ret);
size_t mesh_tags(const struct mesh *m, struct arena *a, Str product_id, const struct mesh_tag ***ret); /* that stand now; value never "" */
const struct mesh_tag *mesh_tag_in(const struct mesh *m, Str domain_id, Str tag_set_id);
size_t mesh_tag_changes(const struct mesh *m, struct arena *a, Str product_id, const struct mesh_tag ***ret); /* the newest of each, removals too */
size_t mesh_purposes(const struct mesh *m, struct arena *a, const struct mesh_purpose ***ret); /* the center's, not retired, by path */
bool mesh_purpose_path(Str s); /* names joined by '/', at most 8 of them and 128 bytes */
/* May it be used: is it in the tree, or is there none? */
bool mesh_purpose_ok(const struct mesh *m, Str purpose);
size_t mesh_comments(const struct mesh *m, struct arena *a, const struct mesh_request *r, const struct mesh_comment ***ret); /* of asker's and producer's domain */
size_t mesh_exceptions(const struct mesh *m, struct arena *a, const struct mesh_exception ***ret); /* the center's */
size_t mesh_reviews(const struct mesh *m, struct arena *a, Str product_id, const struct mesh_review ***ret);
size_t mesh_evidence(const struct mesh *m, struct arena *a, const struct mesh_evidence ***ret);    /* the center's */

/* The grant as the decision sees it, in the arena: who stands behind it, who asked for it, voided or not. */
const struct policy_grant *mesh_grant_joined(const struct mesh *m, struct arena *a, const struct mesh_grant *g);
/* The same of a grant of the state, for who looks at very many: no copy where no other log says anything of it. approvals: does anything demand them
 * (mesh_approvals_demanded())? Else who stands behind it is left out, unless it answers a request. */
const struct policy_grant *mesh_grant_effective(const struct mesh *m, struct arena *a, const struct mesh_grant *g, bool approvals);

/* How many approvals policy demands for this grant (on this table, or on the widest of its tables when NULL) and how many it has. `by`: a restriction that is
 * not met, NULL when all are. */
struct mesh_approvals { uint32_t needed, has; const struct mesh_restriction *by; };
struct mesh_approvals mesh_grant_approvals(const struct mesh *m, struct arena *a, const struct mesh_grant *g, const struct mesh_table *table);
struct mesh_approvals mesh_tag_approvals(const struct mesh *m, struct arena *a, const struct mesh_tag *t);
/* Would this person's approval count for one that is missing? */
bool mesh_may_approve(const struct mesh *m, struct arena *a, const struct mesh_grant *g, Str person_id);
bool mesh_may_approve_tag(const struct mesh *m, struct arena *a, const struct mesh_tag *t, Str person_id);
/* Would setting this tag so open anything: is there a live grant by tags that would match more, or a restriction that would match less? */
bool mesh_tag_opens(const struct mesh *m, struct arena *a, const struct mesh_product *p, Str table, Str column, Str tag, Str value);
/* Did this change? Of the thing as it is now, were its tag what it was before. */
bool mesh_tag_opened(const struct mesh *m, struct arena *a, const struct mesh_tag *t);
/* The same of a publish that gives this column the class, with the class that counts then; false for what is not there yet. */
bool mesh_class_opens(const struct mesh *m, struct arena *a, const struct mesh_product *p, Str table, Str column, Str class, Str *ret_then);

/* Every table that the person may read for some purpose, without looking at those they may not: cost O(tables found + their grants). */
struct mesh_visible { const struct mesh_product *product; const struct mesh_table *table; };
size_t mesh_visible_tables(const struct mesh *m, struct arena *a, Str person_id, Time now, struct mesh_visible **ret);

/* --- keys and forks --- */
/* A domain's recovery keys; false: it has none. */
bool mesh_recovery(const struct mesh *m, Str domain_id, uint8_t ret[static 3][32]);
/* The digest of the next key. */
void mesh_next_key(const struct mesh *m, Str domain_id, uint8_t ret[static 32]);
/* Void ranges of a log, to exclusive; and whether one entry is void. */
struct mesh_void { uint64_t from, to; };
size_t mesh_voids(const struct mesh *m, struct arena *a, Str domain_id, struct mesh_void **ret);
bool mesh_is_void(const struct mesh *m, Str domain_id, uint64_t seq);
/* Proven ones, of all logs; settled: by an entry of the forked log, endorsed by its recovery keys. */
struct mesh_fork { Str log_id; uint64_t at; Str report_id, reporter_domain_id, by; Time reported; bool settled; };
size_t mesh_forks(const struct mesh *m, struct arena *a, struct mesh_fork **ret);

/* --- supposing: the same state and the same evaluation, were one thing otherwise --- */
struct mesh_suppose {
	const struct policy_restriction *added; /* one more of the center's; NULL: none */
	Str lifted;                             /* a restriction of the center that no longer counts; "": none */
	Str grant_domain_id, grant_id;          /* a grant that no longer counts, or with `alone` the only one that does; "": none */
	bool alone;
};
/* To ask, never to fold into. In the arena; borrows from both, valid until the next mesh_apply(). O(1). */
const struct mesh *mesh_suppose(const struct mesh *m, struct arena *a, const struct mesh_suppose *s);

/* --- bodies of events, as JSON text (written with base/buf, keys in fixed order) --- */
/* The keys that an inception declares: the one in force, the digest of its successor, who keeps them, and three of which two recover it. */
struct custody {
	uint8_t event_pub[32], next[32];
	bool owner_keeps, recoverable;
	uint8_t recovery[3][32];
};
void body_inception(struct buf *out, Str name, const uint8_t event_pub[32], const uint8_t next_pub_digest[32], bool center, Str salt);
void body_founding(struct buf *out, Str name, bool center, Str salt, const struct custody *k); /* the same with custody and recovery */
void body_member_set(struct buf *out, Str person_id, enum role role, bool service, Str human_id); /* human_id "": their own */
void body_member_end(struct buf *out, Str person_id);
void body_publish(struct buf *out, const struct mesh_product *p);
/* The name of a table's snapshot, with a zero behind it: it tells log, product and table apart, however alike what they hold. */
enum { MESH_SNAPSHOT_NAME = 65 };
void mesh_snapshot_name(Str log_id, Str product_id, Str table, Str content, char ret[static MESH_SNAPSHOT_NAME]);
void body_retire(struct buf *out, Str product_id);
void body_grant(struct buf *out, const struct mesh_grant *g);
void body_revoke(struct buf *out, Str grant_id);
void body_request(struct buf *out, const struct mesh_request *r);
void body_withdraw(struct buf *out, Str request_id);
void body_deny(struct buf *out, Str request_id, Str reason_commitment);
void body_restriction(struct buf *out, const struct mesh_restriction *r);
/* key.rotate, confirm, fork.resolve. What is endorsed is these texts (docs/events.md), by the key before or two of the recovery keys. */
enum { RECOVERY_KEYS = 3, RECOVERY_NEEDED = 2, ENDORSEMENTS_MAX = RECOVERY_KEYS };
struct endorsement { uint8_t pub[32], signature[64]; };
struct rotation {
	uint8_t pub[32], next[32]; /* the key revealed, the digest of the one after it */
	bool compromised;
	uint64_t since;            /* with compromised: what opens from that entry on is void until confirmed */
	struct endorsement endorsements[ENDORSEMENTS_MAX];
	size_t count;
};
void mesh_rotate_text(struct buf *out, Str log_id, uint64_t seq, const Hash *prev, const struct rotation *r);
/* What two recovery keys sign to be shown a next key that the node keeps. */
void mesh_prepare_text(struct buf *out, Str log_id, uint64_t seq, const Hash *prev);
/* How many different recovery keys of the domain stand behind the text. */
size_t mesh_recovery_count(const struct mesh *m, Str domain_id, const struct endorsement *list, size_t n, Str text);
void mesh_resolve_text(struct buf *out, Str log_id, uint64_t seq, const Hash *prev, uint64_t from);
void body_rotate(struct buf *out, const struct rotation *r);
void body_confirm(struct buf *out, const uint64_t *seqs, size_t n);
void body_resolve(struct buf *out, uint64_t from, const struct endorsement *list, size_t n);
void body_fork(struct buf *out, Str id, Str log_id, const Str *a, size_t a_count, const Str *b, size_t b_count); /* branches: envelopes in base64 */
void body_domain_set(struct buf *out, bool handing_named);
void body_group_set(struct buf *out, Str group_id, Str name);
void body_group_end(struct buf *out, Str group_id);
void body_group_member(struct buf *out, Str group_id, Str person_id); /* of group.join and group.leave */
void body_tag_define(struct buf *out, const struct mesh_tag_def *d);
void body_tag_retire(struct buf *out, Str tag);
void body_tag_set(struct buf *out, const struct mesh_tag *t);
void body_purpose(struct buf *out, Str purpose);                      /* of purpose.define and purpose.retire */
void body_approval(struct buf *out, Str log_id, Str subject_id);
void body_delegation(struct buf *out, const struct mesh_delegation *d);
void body_delegation_end(struct buf *out, Str delegation_id);
void body_submit(struct buf *out, Str request_id);
void body_comment(struct buf *out, const struct mesh_comment *x);
void body_review(struct buf *out, Str id, Str product_id);
void body_exception(struct buf *out, const struct mesh_exception *x);
void body_exception_end(struct buf *out, Str id);
void body_evidence(struct buf *out, const struct mesh_evidence *x);
void body_erase(struct buf *out, Str ref, Str basis);
void body_lift(struct buf *out, Str restriction_id);

#endif

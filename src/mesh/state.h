/* What the mesh holds, and the one way it changes. Private to mesh/.
 *
 * Everything stands in the log that said it: an item is found by (id, log), so one log cannot touch, shadow or block what stands in
 * another. Strings live as long as the state; those that repeat are kept once. */
#ifndef HEDDLE_MESH_STATE_H
#define HEDDLE_MESH_STATE_H

#include "base/arena.h"
#include "codec/tagexpr.h"
#include "mesh/doc.h"
#include "mesh/index.h"
#include "mesh/keys.h"
#include "mesh/lookup.h"
#include "mesh/mesh.h"

struct log;

/* What each thing below begins with. */
struct item {
	Str id;
	struct log *log;
	struct item *same; /* the same id in another log, by rising log id */
};

struct log {
	struct item item;         /* id: the log's */
	struct mesh_domain pub;   /* name "" until the inception is in */
	uint8_t next_digest[32];
	struct log_keys keys;
	bool founded;
	bool frozen;              /* fork.c, worked out from all reports: a fork is proven and not settled, */
	uint64_t fork_at;         /* the first of these; */
	struct fork_end *fork_ends; /* what the branches of all proven ones revoke and end */
	struct log *same_name;    /* another domain of that name, by rising id */
	struct lookup_log lookup;
	size_t purposes;          /* of a center: in its tree */
};

struct member { struct item item; struct mesh_member pub; struct group_member *groups; /* lookup.c */ };
struct product { struct item item; struct mesh_product pub; struct policy_tag *tags; /* all lists of tags that count, in one piece */
                 const struct tag *newest; /* of its tag.sets, those before behind it */
                 struct product *next; struct filed *filed; /* lookup.c */ };
/* A tag.set, each its own: who decides looks back over those that nobody approved. */
struct tag {
	struct item item;
	struct mesh_tag pub;
	struct tag *older; /* of the same product */
};
struct group { struct item item; struct mesh_group pub; };
/* One of each (group, person); id "<group>/<person>". Whether it counts: group_member_counts(). */
struct group_member { struct item item; Str group_id, person_id; bool in; uint64_t seq; /* of the newest join */
                      struct group *group; struct group_member *same_person, *same_group; /* lookup.c */ };
struct delegation { struct item item; struct mesh_delegation pub; struct delegation *same_grant, *same_to; };
/* One of each (log, subject, person), the newest; id "<log>/<subject>/<person>". */
struct approval { struct item item; struct policy_approval pub; Str subject_log, subject_id; uint64_t seq; Time at;
                  struct approval *same_subject; };
struct review { struct item item; struct mesh_review pub; };
struct tag_def { struct item item; struct mesh_tag_def pub; };
struct purpose { struct item item; struct mesh_purpose pub; };
struct comment { struct item item; struct mesh_comment pub; };
struct exception { struct item item; struct mesh_exception pub; };
struct evidence { struct item item; struct mesh_evidence pub; };
struct grant {
	struct item item;
	struct mesh_grant pub;
	struct grant *same_pair;    /* of the same product to the same principal */
	struct grant *same_request; /* answering the same request, in the same log */
	struct grant *same_to, *same_log, *next_by_tags; /* lookup.c */
};
struct request { struct item item; struct mesh_request pub; bool withdrawn; struct request *same_log, *same_producer; /* lookup.c */ };
/* A denied request, in the log of the producer. */
struct answer { struct item item; Str by, reason; Time at; };
struct restriction { struct item item; struct mesh_restriction pub; };
/* Of a fork, in the log of who reports it. */
struct report {
	struct item item;
	struct fork_body body;
	Str by;
	Time reported;
	struct report *same_log;   /* on the same log */
	bool judged, proven;       /* under this key of that log */
	uint8_t judged_pub[32];
};
struct refused { struct item item; struct mesh_refused pub; };

/* The kinds of records, in the order of their names: RECORD(kind, name). */
#define RECORDS                                                                                                                \
	RECORD(ANSWER, answer)                                                                                                 \
	RECORD(APPROVAL, approval)                                                                                             \
	RECORD(COMMENT, comment)                                                                                               \
	RECORD(DELEGATION, delegation)                                                                                         \
	RECORD(DOMAIN, domain)                                                                                                 \
	RECORD(EVIDENCE, evidence)                                                                                             \
	RECORD(EXCEPTION, exception)                                                                                           \
	RECORD(GRANT, grant)                                                                                                   \
	RECORD(GROUP, group)                                                                                                   \
	RECORD(GROUP_MEMBER, group_member)                                                                                     \
	RECORD(MEMBER, member)                                                                                                 \
	RECORD(POSITION, position)                                                                                             \
	RECORD(PRODUCT, product)                                                                                               \
	RECORD(PURPOSE, purpose)                                                                                               \
	RECORD(REFUSED, refused)                                                                                               \
	RECORD(REPORT, report)                                                                                                 \
	RECORD(REQUEST, request)                                                                                               \
	RECORD(RESTRICTION, restriction)                                                                                       \
	RECORD(REVIEW, review)                                                                                                 \
	RECORD(TAG, tag)                                                                                                       \
	RECORD(TAG_DEF, tag_def)

enum record_kind {
#define RECORD(id, name) RECORD_##id,
	RECORDS
#undef RECORD
	RECORD_KIND_COUNT
};

struct fork_end { enum record_kind kind; Str id; struct fork_end *next; };

struct mesh {
	struct arena mem;     /* lives as long as the state */
	struct arena scratch; /* one event */
	struct buf record_id, record; /* one record */
	uint64_t seed;
	struct index strings, predicates, tag_exprs;
	struct index logs, log_names;
	struct index by_kind[RECORD_KIND_COUNT]; /* items by id; the first of each chain. Unused for DOMAIN and POSITION: logs */
	struct index product_names;              /* by (log, name), live ones first */
	struct index group_names;                /* by (log, name), live ones first */
	struct index grant_pairs, grant_requests;
	struct lookup lookup;
	struct index product_tags;               /* the newest tag.set of each (log, product) */
	struct index reports;                    /* of forks, by the forked log */
	Str center;
	struct log *center_log; /* NULL until it is known */
	const struct mesh_suppose *suppose; /* of a view; NULL in what is folded into */
};

/* One thing as it shall stand from now on; strings borrow. */
struct change {
	bool any; /* false: accepted, but nothing changes */
	enum record_kind kind;
	Str id; /* within its log */
	union {
		struct log domain;
		struct { uint64_t size; Hash head; } position;
		struct mesh_member member;
		struct mesh_product product;
		struct mesh_grant grant;
		struct { struct mesh_request pub; bool withdrawn; } request;
		struct { Str by, reason; Time at; } answer;
		struct { struct mesh_restriction pub; } restriction;
		struct mesh_group group;
		struct { Str group_id, person_id; bool in; uint64_t seq; } group_member;
		struct mesh_tag tag;
		struct mesh_delegation delegation;
		struct { struct policy_approval pub; Str subject_log, subject_id; uint64_t seq; Time at; } approval;
		struct mesh_review review;
		struct mesh_comment comment;
		struct mesh_tag_def tag_def;
		struct mesh_purpose purpose;
		struct mesh_exception exception;
		struct mesh_evidence evidence;
		struct { struct fork_body body; Str by; Time reported; } report;
		struct { uint64_t index; Str reason; } refused;
	};
};

Str state_text(struct mesh *m, Str s); /* kept once */
struct log *state_log(const struct mesh *m, Str id); /* NULL when unknown */
static inline struct log *state_center(const struct mesh *m) { return m->center_log; }
const struct log *state_log_named(const struct mesh *m, Str name); /* the founded one of the smallest id */
struct log *state_log_make(struct mesh *m, Str id);
void state_put(struct mesh *m, struct log *log, const struct change *ch);

/* NULL when that log has none. */
struct item *state_find(const struct mesh *m, enum record_kind kind, const struct log *log, Str id);
/* The first of the chain of that id: in the log of the smallest id. */
struct item *state_first(const struct mesh *m, enum record_kind kind, Str id);
const struct group *state_group_named(const struct mesh *m, const struct log *log, Str name); /* live, else NULL */
const struct product *state_product_named(const struct mesh *m, const struct log *log, Str name); /* live, else NULL */
void state_expect_grants(const struct mesh *m, Str product_id, Str to_id); /* state_grants_of() is to come */
const struct grant *state_grants_of(const struct mesh *m, const struct log *log, Str product_id, Str to_id);
const struct grant *state_grants_for(const struct mesh *m, const struct log *log, Str request_id);
/* Of the tag.sets of a product in that log the newest, NULL for none; the others behind it by falling seq. */
const struct tag *state_tags_of(const struct mesh *m, const struct log *log, Str product_id);
/* Are they in the group now: joined, and a member since before that (who left the domain and came back joins again)? */
bool group_member_counts(const struct mesh *m, const struct group_member *gm);
bool group_member_is(const struct group_member *gm, const struct mesh_member *who); /* the same, where who they are in that log is at hand */
/* The reports of forks of that log, whoever reports them; NULL for none; the others behind it, in no order. */
struct report *state_reports_on(const struct mesh *m, Str log_id);
/* A row filter already known by its canonical text, NULL otherwise. */
const struct predicate *state_predicate_find(const struct mesh *m, Str canonical);
const struct tag_expr *state_tag_expr_find(const struct mesh *m, Str canonical); /* of a tag expression likewise */

/* --- tags.c: which tags count --- */

/* Lay down what counts for the tables and columns of p, from the tag.sets of its log and the floors of its columns. */
void tags_join(struct product *p, const struct tag *newest);
/* What counts for a thing of the product as it stands, "" for nothing; table "", column "" for the product itself. */
Str tags_value(const struct mesh_product *p, const struct tag *newest, Str table, Str column, Str tag);
/* What a publish makes of a column's floor: `was` as it stood, published the seq of that publish, class the contract's now. */
Str tags_floor(const struct mesh_table *was, size_t column, const struct tag *newest, uint64_t published, Str class);
/* The class that would count for the column after a publish whose contract says `class`. */
Str tags_published(const struct mesh_product *p, const struct mesh_table *t, size_t column, const struct tag *newest, Str class);
void product_fini(struct product *p);
/* public 1, internal 2, confidential 3, restricted 4, anything else 5, "" 0. */
unsigned class_rank(Str class);

/* --- mesh/record/center.c --- */

/* What a center lifted, and which purposes it keeps, judged anew: its keys, or what is known of its forks, changed. */
void center_judge(struct mesh *m, struct log *log);

/* --- vocabulary.c --- */

const struct mesh_tag_def *tag_built_in(Str tag); /* NULL when it is not */

/* --- suppose.c: what a view has otherwise; for whoever collects what a decision rests on --- */

bool suppose_counts(const struct mesh *m, const struct grant *g);
const struct grant *suppose_alone(const struct mesh *m); /* the only one that does; NULL: there is none, or others do */
/* The restrictions that were collected for a table, with one less or more; *list in the arena. Returns how many. */
size_t suppose_restrictions(const struct mesh *m, struct arena *a, const struct policy_restriction *const **list, size_t n);

/* --- records.c: bodies are {"…":…,"body":{as in the event}} with keys in fixed order --- */

/* "<log id>/<id>", or the log's id alone for domains and positions. */
void record_id(const struct log *log, enum record_kind kind, Str id, struct buf *out);
Str record_kind_name(enum record_kind kind);
void record_write(const struct change *ch, struct buf *out);
/* The change that the record stands for; everything borrows from body or is in the arena of c. CORRUPT when it is none. */
NODISCARD Err record_read(struct ctx *c, const struct mesh *m, enum record_kind kind, Str body, struct doc *d, struct change *ret);
/* All items of a kind in the order of their record ids; free() the list. */
size_t state_items(const struct mesh *m, enum record_kind kind, struct item ***ret);
/* Those that keep() keeps, NULL for all; state_gather() in an order that means nothing. Sorting costs far more than looking: keep little. */
typedef bool state_keep_fn(const struct mesh *m, const struct item *it, const void *arg);
size_t state_gather(const struct mesh *m, enum record_kind kind, state_keep_fn *keep, const void *arg, struct item ***ret);
size_t state_items_that(const struct mesh *m, enum record_kind kind, state_keep_fn *keep, const void *arg, struct item ***ret);
/* How an item stands now, as a change that would make it so. */
void record_of(enum record_kind kind, const struct item *it, struct change *ret);

/* --- read.c: bodies of events, which are also the better part of records --- */

enum { INTERACTION_COUNT = 5 };
extern const struct interaction_name { const char *name; enum interaction bit; } INTERACTIONS[INTERACTION_COUNT]; /* in rising bits */

enum { TAG_VALUE_MAX = 255 };

void read_member(struct fields *f, struct mesh_member *ret);
void read_product(struct fields *f, struct mesh_product *ret); /* tables in the arena of f->c */
void read_grant(struct fields *f, const struct mesh *m, struct mesh_grant *ret);
void read_request(struct fields *f, struct mesh_request *ret);
void read_restriction(struct fields *f, struct mesh_restriction *ret);
bool read_handing(struct fields *f); /* of domain.set: named? */
Str handing_name(bool named);
void read_group(struct fields *f, struct mesh_group *ret);
void read_tag(struct fields *f, struct mesh_tag *ret);
void read_delegation(struct fields *f, const struct mesh *m, struct mesh_delegation *ret);
void read_comment(struct fields *f, struct mesh_comment *ret);
void read_review(struct fields *f, struct mesh_review *ret);
void read_tag_def(struct fields *f, struct mesh_tag_def *ret);
void read_exception(struct fields *f, struct mesh_exception *ret);
void read_evidence(struct fields *f, struct mesh_evidence *ret);
void put_tags(struct buf *out, Str text, const struct tag_expr *tree); /* the optional key "tags", from the text or else the tree */
const char *tag_kind_name(enum tag_kind kind);
Str read_table_name(struct fields *f, const char *expected); /* or "" */
Str read_purpose(struct fields *f, Str key); /* a path: mesh_purpose_path() */
/* Parts of grants that delegations have too. */
void read_purposes(struct fields *f, uint32_t min, const Str **ret, size_t *ret_n);
uint32_t read_interactions(struct fields *f); /* 0 for an empty list */
const struct predicate *read_rows(struct fields *f, const struct mesh *m, Str *ret_text); /* NULL for "" */
void read_masks(struct fields *f, const struct policy_mask **ret, size_t *ret_n);
/* Texts of 1 to max_bytes bytes, at most `max`. */
void read_texts(struct fields *f, Str key, uint32_t max, size_t max_bytes, const char *expected, const Str **ret, size_t *ret_n);
uint32_t read_roles(struct fields *f, Str key); /* a list of roles, as bits */

#endif

/* The decision: one pure function of (what the producer granted, what the center restricts, who asks, what for, when).
 *
 * No I/O, no clock, no allocation on the deciding path except into the caller's arena. Every door asks here and nowhere else,
 * and `explain` shows the trace of the very same evaluation. Fail closed: an unknown mask, operator or flag refuses.
 *
 * Ids are 16-byte random values written as 32 hex digits in logs and JSON; here they are interned small strings (Str) owned by
 * the mesh state, compared bytewise. */
#ifndef HEDDLE_POLICY_POLICY_H
#define HEDDLE_POLICY_POLICY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"
#include "codec/predicate.h"

/* Ordered from open to closed: of two masks on a column the later one wins; of two different ones that each tell a part (last4, year, hash)
 * MASK_CONSTANT, which tells nothing of either. */
enum mask_kind {
	MASK_NONE,
	MASK_LAST_FOUR, /* text: all but the last four characters become '*' (texts of up to four: all) */
	MASK_YEAR,      /* date, timestamp without zone: 1 January of the year, same type; NULL outside the years 1 to 9999 */
	MASK_HASH,      /* keyed hash, text of 32 hex digits; key per (consumer domain, purpose), and `apart` in the decision; NULL stays NULL */
	MASK_CONSTANT,  /* '***' for text; 0, epoch, false for other types: the type stays */
	MASK_NULL,      /* NULL of the column's type */
	MASK_KIND_COUNT
};

/* "none", "last4", "year", "hash", "constant", "null"; false when unknown. */
bool mask_parse(Str name, enum mask_kind *ret);
const char *mask_name(enum mask_kind kind);
enum mask_kind mask_stricter(enum mask_kind a, enum mask_kind b);

enum interaction { INTERACT_SQL = 1, INTERACT_API = 2, INTERACT_SHARE = 4, INTERACT_FILES = 8, INTERACT_ML = 16 };

/* A tag that counts for a thing: set on itself, or on what it is part of (a column's table, a table's product) where itself has none of
 * that name. `classification` is among them. */
struct policy_tag { Str name, value; };
struct policy_tags { const struct policy_tag *list; size_t count; };

struct policy_column {
	Str name;
	Str type;           /* DuckDB type text, e.g. BIGINT, VARCHAR, DATE, DECIMAL(18,2) */
	Str classification; /* "" when none is known */
	struct policy_tags tags;
	struct policy_tags tags_before; /* what else counted since the last change that policy saw approved: a tag may stand there several times,
	                                   and with value "" where there was none. Empty where there is no unapproved change */
	uint64_t since;     /* place in the producer's log of the publish that brought it */
};

struct policy_table {
	Str domain_id, product_id; /* ids, never names */
	Str name;                  /* of the table within the product */
	const struct policy_column *columns;
	size_t column_count;
	bool product_live;         /* published or deprecated, not retired */
	struct policy_tags tags, tags_before; /* as of columns */
	uint64_t since;
};

struct policy_mask { Str column; enum mask_kind kind; };

enum principal_kind { PRINCIPAL_DOMAIN, PRINCIPAL_PERSON, PRINCIPAL_GROUP }; /* a service is a person whose member says so */

/* When in the week (UTC). days 0: always. */
struct policy_hours { uint8_t days; /* bit 0 Monday … bit 6 Sunday */ uint16_t from_minute, until_minute; /* of the day; until exclusive, > from */ };

/* What a grant or a delegation demands of use, beyond rows and columns. */
struct policy_terms {
	uint32_t min_group;   /* > 0: aggregates only, over groups of at least so many */
	const Str *group_by;  /* with min_group: the columns that groups are made of */
	size_t group_by_count;
	Str unit;             /* with min_group: the column whose distinct values are counted; "": rows */
	uint64_t row_budget;  /* > 0: rows delivered each UTC day under this grant, by all together */
	bool no_export;       /* to look at, not to take away: no files, no more rows than a screen shows */
	struct policy_hours hours;
};

/* Somebody who stood up for a grant or for a change of a tag: who granted, and who approved. */
struct policy_approval {
	Str log_id;    /* of the domain they acted for */
	Str person_id;
	Str human_id;  /* equal for two accounts of one human; the person's own id where nobody said so */
	uint32_t role; /* enum role (mesh.h) as a bit, when they did */
	bool service;  /* no human: never counts */
};

/* A grant as it stands in the producer's log. */
struct policy_grant {
	Str id;
	Str issuer_domain_id; /* the log it stands in */
	Str product_id;       /* "" with tags */
	Str table;            /* "" for every table of the product, present and future */
	const struct tag_expr *tags; /* NULL, or which of the producer's tables, and which of their columns; never with NOT */
	bool future;          /* with tags: also what comes after the grant */
	uint64_t seq;         /* its place in the producer's log */
	enum principal_kind to_kind;
	Str to_id;            /* id of the domain, person or group */
	Str to_domain_id;     /* whose group; "" otherwise */
	const Str *purposes;  /* never empty; "*" means any */
	size_t purpose_count;
	Time from, until;     /* until exclusive; TIME_FOREVER when open */
	uint32_t interactions;
	const struct predicate *rows; /* NULL: all rows */
	const struct policy_mask *masks;
	size_t mask_count;
	const Str *hidden;    /* columns; one that does not exist hides nothing and refuses nothing */
	size_t hidden_count;
	struct policy_terms terms;
	const struct policy_approval *approvals; /* who granted first, then who approved, in the order of the logs */
	size_t approval_count;
	Str asker_human_id;   /* of the request it answers: never counts among the approvals; "" without a request */
	bool revoked, voided; /* voided: said with a key that was stolen by then, and not confirmed since; or behind a fork */
};

/* What the consumer's domain made of a grant to it: the same or less, for somebody of its own. Everything here is joined with the grant, so
 * that nothing written here can widen it. */
struct policy_delegation {
	Str id;
	Str domain_id;        /* the log it stands in */
	Str grant_id, issuer_domain_id; /* the grant, in the log it stands in */
	Str table;            /* "" for all that the grant covers */
	enum principal_kind to_kind; /* PRINCIPAL_PERSON or PRINCIPAL_GROUP, of the same domain */
	Str to_id;
	const Str *purposes;  /* none: as the grant */
	size_t purpose_count;
	Time from, until;
	uint32_t interactions; /* 0: as the grant */
	const struct predicate *rows; /* over columns that neither the grant nor the center masks or hides; else it covers nothing */
	const struct policy_mask *masks;
	size_t mask_count;
	const Str *hidden;
	size_t hidden_count;
	bool ended, voided;
};

enum { POLICY_APPROVERS_MAX = 16 };

/* From the governance log. Can only close. One may do several things at once. */
struct policy_restriction {
	Str id;
	/* what it is about: all that is given must fit. Nothing given: every table there is */
	Str product_id;
	Str domain_id;        /* of the producer */
	Str classification;   /* columns of this class; a table with such a column */
	const struct tag_expr *tags; /* columns, or tables, with such tags; a table with such a column */
	bool lifted;
	/* what it does */
	bool hide;            /* the columns it is about */
	enum mask_kind mask;  /* of them */
	uint32_t max_days;    /* > 0: a grant ends so many days after its beginning at the latest */
	uint32_t approvals;   /* > 0: so many different humans must stand behind a grant or a lowered tag, none of them who asked */
	uint32_t approver_roles; /* role bits, of the producer's domain; 0 with persons named: only those; 0 without: owners and stewards */
	size_t approver_count;
	bool demand_purpose;  /* the use must name a purpose, and a grant for any purpose does not do */
	bool demand_handing;  /* grants to a domain count only where its administrator handed them on by name */
	uint32_t min_level;   /* of the sandbox in which people's statements run */
	bool suspend;         /* closes what it is about altogether */
	bool freeze;          /* with domain_id: nothing of that domain is read by others, and its people read nothing of others */
	Str approvers[POLICY_APPROVERS_MAX]; /* ids of persons, of whichever domain. Late: few are looked at, and what is above in every decision */
	Str freeze_why;       /* of a freeze that no center said: what the domain "is" or "did", told instead of the id; else "" */
};

struct policy_principal {
	Str person_id, domain_id; /* the person and the domain they act for */
	const Str *groups;        /* ids of that domain's groups they are in */
	size_t group_count;
	bool is_owner;            /* role owner in domain_id: may read what their own domain publishes; grants to the domain are handed on to them */
	bool active;
	bool handed_to_all;       /* their domain hands on what it was granted to everybody in it (domain.set handing: everyone) */
};

struct policy_question {
	const struct policy_principal *who;
	const struct policy_table *table;
	Str purpose;              /* "" when none was named: then only grants with purpose "*" cover, or the owner's own */
	bool any_purpose;         /* would any purpose do? For showing metadata, never for reading data */
	bool purpose_unknown;     /* the center keeps a tree of purposes, and this is none of it */
	enum interaction interaction;
	uint32_t level;           /* of the sandbox the statement would run in, 0 to 3; UINT32_MAX when only shown */
	Time now;
	/* Only grants on this table to this person, their groups or their domain need be given; others are ignored, never trusted. */
	const struct policy_grant *const *grants;
	size_t grant_count;
	const struct policy_delegation *const *delegations; /* those of the person's domain to them or their groups */
	size_t delegation_count;
	const struct policy_restriction *const *restrictions;
	size_t restriction_count;
};

enum verdict { VERDICT_REFUSE, VERDICT_ALLOW };

struct policy_column_rule { bool hidden; enum mask_kind mask; };

struct policy_decision {
	enum verdict verdict;
	/* Why, for a person: "no grant on stores.transactions covers purpose 'campaign_analysis'", … In the request's arena. */
	Str reason;
	Str grant_id;              /* the grant used; "" when refused, or when the owner reads their own */
	Str delegation_id;         /* the delegation used; "" when none */
	struct policy_terms terms; /* to be kept by whoever carries it out; borrowed from the grant */
	uint32_t min_level;
	const struct predicate *rows; /* NULL: all rows. Borrowed from the grant */
	struct policy_column_rule *columns; /* column_count entries, in the table's order */
	bool plain;                /* all rows, no mask, nothing hidden: the files themselves may be read */
	bool apart;                /* MASK_HASH has a key of its own here: the consumer knows the values that are hashed, and is to look none up
	                              in what others gave it hashed */
	Time until;                /* the decision must be taken anew then */
	uint8_t hash[32];          /* of everything above that shapes the extract (rows, masks, hidden, and for MASK_HASH the
	                              consumer domain, purpose and `apart`): equal hash, equal extract */
};

/* Decide. Never fails: whatever is wrong is a refusal with its reason. A candidate is a grant as it stands, or as a delegation hands it on; by tags
 * it shows the columns whose tags fit, and is about tables that have one. Of several that cover, the one that shows most is used: without
 * min_group, plain, fewest hidden columns, fewest masks, no row filter; then may be exported, no budget, as it stands; then the smaller ids (stable).
 * Candidates are not merged. A restriction more can turn the choice to another candidate, never show more of any one than without it.
 * O(grants × (columns × masks + delegations) + restrictions × columns). `trace`, when not NULL, gets one line per step (candidate looked at and why
 * it does or does not cover, each restriction that tightened), for `explain`. */
struct policy_trace { Str *lines; size_t count, cap; };
void policy_decide(struct arena *a, const struct policy_question *q, struct policy_trace *trace, struct policy_decision *ret);

/* --- the parts of it that others need --- */

/* Is the restriction about this table, or a column of it? Freezes apart: they are about domains. */
bool policy_is_about(const struct policy_restriction *r, const struct policy_table *t);
/* Does it mask or hide this column of a table that it is about? False where the table lacks the column. */
bool policy_closes_column(const struct policy_restriction *r, const struct policy_table *t, Str column);
/* Do the tags fit in each way they may count (certain: for what opens), or in one (for what closes)? */
bool policy_tags_fit(const struct tag_expr *e, const struct policy_tags *now, const struct policy_tags *before, bool certain);
/* A purpose is a path: who may do `marketing` may do its part `marketing/campaigns`. "" has no parts, and `*` is no path. */
bool policy_purpose_within(Str path, Str purpose);
/* Does this approval count for what r demands, and how many different humans of the list do? */
bool policy_approval_counts(const struct policy_restriction *r, Str producer_id, Str asker_human_id, const struct policy_approval *p);
uint32_t policy_approvals(const struct policy_restriction *r, Str producer_id, Str asker_human_id, const struct policy_approval *list, size_t n);

/* --- compiling a decision into our own SQL --- */

/* The predicate as a DuckDB expression over quoted column names; constants are literals, quoted. Columns that the table lacks
 * are an error (fail closed). */
NODISCARD Err policy_rows_sql(struct ctx *c, const struct predicate *p, const struct policy_table *t, struct buf *out);
/* The select-list item `<masked expr> AS "name"` for a visible column; MASK_HASH calls heddle_hash(x::VARCHAR), a function the
 * reader registers with the key inside. */
NODISCARD Err policy_column_sql(struct ctx *c, const struct policy_column *col, enum mask_kind mask, struct buf *out);
/* The same without its name. */
NODISCARD Err policy_value_sql(struct ctx *c, const struct policy_column *col, enum mask_kind mask, struct buf *out);
/* What a reader selects from `from` (SQL of ours: the table's files): the entitled rows, the chosen columns (t->column_count flags) as
 * they are shown, in the table's order; under aggregates only made of cells (shape.h). INTERNAL when a hidden column is chosen, or none. */
NODISCARD Err policy_extract_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, Str from,
                                 struct buf *out);
/* The type that the consumer sees: VARCHAR under MASK_HASH and MASK_LAST_FOUR, else the column's own. */
Str policy_masked_type(const struct policy_column *col, enum mask_kind mask);
/* The same under all that was decided: a mean is a DOUBLE. */
Str policy_shown_type(const struct policy_decision *d, const struct policy_column *col, enum mask_kind mask);
/* Does this mask suit this type? (year: DATE/TIMESTAMP only, last4: VARCHAR only; others: any.) Checked at the door of grants. */
bool mask_fits(enum mask_kind kind, Str type);

#endif

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

/* Ordered from open to closed: of two masks on a column the later one wins. */
enum mask_kind {
	MASK_NONE,
	MASK_LAST_FOUR, /* text: all but the last four characters become '*' (texts of up to four: all) */
	MASK_YEAR,      /* date, timestamp without zone: 1 January of the year, same type; NULL outside the years 1 to 9999 */
	MASK_HASH,      /* keyed hash, text of 32 hex digits; key per (consumer domain, purpose); NULL stays NULL */
	MASK_CONSTANT,  /* '***' for text; 0, epoch, false for other types: the type stays */
	MASK_NULL,      /* NULL of the column's type */
	MASK_KIND_COUNT
};

/* "none", "last4", "year", "hash", "constant", "null"; false when unknown. */
bool mask_parse(Str name, enum mask_kind *ret);
const char *mask_name(enum mask_kind kind);
enum mask_kind mask_stricter(enum mask_kind a, enum mask_kind b);

enum interaction { INTERACT_SQL = 1, INTERACT_API = 2, INTERACT_SHARE = 4, INTERACT_FILES = 8, INTERACT_ML = 16 };

struct policy_column {
	Str name;
	Str type;           /* DuckDB type text, e.g. BIGINT, VARCHAR, DATE, DECIMAL(18,2) */
	Str classification; /* "" when the contract gives none */
};

struct policy_table {
	Str domain_id, product_id; /* ids, never names */
	Str name;                  /* of the table within the product */
	const struct policy_column *columns;
	size_t column_count;
	bool product_live;         /* published or deprecated, not suspended or retired */
};

struct policy_mask { Str column; enum mask_kind kind; };

enum principal_kind { PRINCIPAL_DOMAIN, PRINCIPAL_PERSON };

/* A grant as it stands in the producer's log. */
struct policy_grant {
	Str id;
	Str issuer_domain_id; /* the log it stands in */
	Str product_id;
	Str table;            /* "" for every table of the product, present and future */
	enum principal_kind to_kind;
	Str to_id;            /* domain id or person id */
	const Str *purposes;  /* never empty; "*" means any */
	size_t purpose_count;
	Time from, until;     /* until exclusive; TIME_FOREVER when open */
	uint32_t interactions;
	const struct predicate *rows; /* NULL: all rows */
	const struct policy_mask *masks;
	size_t mask_count;
	const Str *hidden;    /* columns; one that does not exist hides nothing and refuses nothing */
	size_t hidden_count;
	bool revoked;
};

/* From the governance log. Can only close. */
struct policy_restriction {
	Str id;
	Str product_id;       /* "" for every product of every domain */
	Str classification;   /* mask every column of this class; "" when the restriction suspends */
	enum mask_kind mask;
	bool suspend;         /* closes the product altogether */
	bool lifted;
};

struct policy_principal {
	Str person_id, domain_id; /* the person and the domain they act for */
	bool is_owner;            /* role owner in domain_id: may read what their own domain publishes */
	bool active;
};

struct policy_question {
	const struct policy_principal *who;
	const struct policy_table *table;
	Str purpose;              /* "" when none was named: then only grants with purpose "*" cover, or the owner's own */
	bool any_purpose;         /* would any purpose do? For showing metadata, never for reading data */
	enum interaction interaction;
	Time now;
	/* Only grants on this product to this person or their domain need be given; others are ignored, never trusted. */
	const struct policy_grant *const *grants;
	size_t grant_count;
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
	const struct predicate *rows; /* NULL: all rows. Borrowed from the grant */
	struct policy_column_rule *columns; /* column_count entries, in the table's order */
	bool plain;                /* all rows, no mask, nothing hidden: the files themselves may be read */
	Time until;                /* the decision must be taken anew then */
	uint8_t hash[32];          /* of everything above that shapes the extract (rows, masks, hidden, and for MASK_HASH the
	                              consumer domain and purpose): equal hash, equal extract */
};

/* Decide. Never fails: whatever is wrong is a refusal with its reason. When several grants cover, the one that shows most is
 * used: plain first, then fewest hidden columns, then fewest masks, then no row filter, then the smaller id (stable); grants
 * are not merged. O(grants + columns × masks). `trace`, when not NULL, gets one line per step (grant looked at and why it
 * does or does not cover, each restriction that tightened), for `explain`. */
struct policy_trace { Str *lines; size_t count, cap; };
void policy_decide(struct arena *a, const struct policy_question *q, struct policy_trace *trace, struct policy_decision *ret);

/* --- compiling a decision into our own SQL --- */

/* The predicate as a DuckDB expression over quoted column names; constants are literals, quoted. Columns that the table lacks
 * are an error (fail closed). */
NODISCARD Err policy_rows_sql(struct ctx *c, const struct predicate *p, const struct policy_table *t, struct buf *out);
/* The select-list item `<masked expr> AS "name"` for a visible column; MASK_HASH calls heddle_hash(x::VARCHAR), a function the
 * reader registers with the key inside. */
NODISCARD Err policy_column_sql(struct ctx *c, const struct policy_column *col, enum mask_kind mask, struct buf *out);
/* The type that the consumer sees: VARCHAR under MASK_HASH and MASK_LAST_FOUR, else the column's own. */
Str policy_masked_type(const struct policy_column *col, enum mask_kind mask);
/* Does this mask suit this type? (year: DATE/TIMESTAMP only, last4: VARCHAR only; others: any.) Checked at the door of grants. */
bool mask_fits(enum mask_kind kind, Str type);

#endif

/* Controls: what governance promises, checked by the program itself.
 *
 * Each control is a pure function of (facts, time): no I/O, no clock, memory from the caller's arena only. What it finds does not
 * depend on the order of the facts. Where access matters it asks policy_decide(), so that a control cannot be of another opinion than
 * the decision. What does not exist on this node is "not applicable", with the reason: never a pass.
 *
 * Facts borrow; the core fills them from the mesh, the usage and its own state (core/posture/facts.c). */
#ifndef HEDDLE_POLICY_CONTROLS_H
#define HEDDLE_POLICY_CONTROLS_H

#include "policy/policy.h"

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
const char *severity_name(enum severity s);

enum control_id {
#define CONTROL(id, severity, days, title, checked, gdpr, soc2, iso) CONTROL_##id,
#include "policy/controls.def"
#undef CONTROL
	CONTROL_COUNT
};

enum control_status { CONTROL_PASS, CONTROL_FAIL, CONTROL_NOT_APPLICABLE };
const char *control_status_name(enum control_status s); /* "pass", "fail", "not_applicable" */

/* The entry of a log that something rests on; log_id "" where it rests on none. */
struct posture_ref { Str log_id; uint64_t index; };

/* --- facts --- */

struct posture_domain {
	Str id, name;
	bool center, owner_keeps_key, next_key /* is committed to */;
	uint32_t recovery_keys;
	Time since, key_since;
	struct posture_ref ref, key_ref;
};

/* A membership, ended ones too. */
struct posture_person { Str person_id, human_id, domain_id; bool owner, active, service; Time since, ended; struct posture_ref ref; };

struct posture_group { Str id, domain_id; bool ended; };

struct posture_product {
	Str id, domain_id, name;       /* name: "domain.product" */
	Time first_published, published;
	const struct policy_table *const *tables;
	size_t table_count;
	bool report;                   /* there is a quality report of what is published */
	uint64_t failed;               /* checks in it */
	Time checked;
	Time window;                   /* the interval that the contract promises new data in; 0: none */
	Time quarantined;              /* the newest batch, when it broke the contract; 0: it was good */
	struct posture_ref ref;        /* the newest publish */
};

struct posture_grant {
	const struct policy_grant *policy;
	Time added, last_used;         /* last_used 0: never, as far as is known */
	struct posture_ref ref;
};

struct posture_delegation { const struct policy_delegation *policy; Time added; struct posture_ref ref; };

/* What a grant was used for. */
struct posture_use { Str grant_id, issuer_domain_id, purpose; uint64_t count; Time last; struct posture_ref ref; };

struct posture_tag { Str domain_id, product_id, table, column, tag, value; Time at; struct posture_ref ref; };
struct posture_tag_def { Str tag; const Str *values; size_t value_count; /* 0: any text */ };

/* A publish that broke the schema of the version before it. */
struct posture_change { Str domain_id, product_id, from, to; uint64_t breaking; bool major, noticed; Time at; struct posture_ref ref; };

struct posture_review { Str domain_id, product_id; Time at; struct posture_ref ref; };
struct posture_exception { Str id, control, subject; Time until; bool ended; };
struct posture_evidence { Str id, control; bool ok; Time at; struct posture_ref ref; };

struct posture_node {
	int level, minimum;            /* of the sandbox; level -1: none told yet */
	Time tested;                   /* the oldest self-test among processes that would run a statement now; 0: none */
	bool engine_pinned;            /* the engine's library was the one this program was built for */
	bool loopback;                 /* listens on loopback only */
	bool tls;                      /* and 1.2 at least: this program speaks nothing older */
	bool keys_wrapped, objects_encrypted;
	Time since;                    /* the node's first entry */
};

#define POSTURE_LIST(type, name) const struct type *name; size_t name##_count
struct posture_facts {
	POSTURE_LIST(posture_domain, domains);
	POSTURE_LIST(posture_person, people);
	POSTURE_LIST(posture_group, groups);
	POSTURE_LIST(posture_product, products); /* live ones */
	POSTURE_LIST(posture_grant, grants);
	POSTURE_LIST(posture_delegation, delegations);
	POSTURE_LIST(posture_use, uses);
	POSTURE_LIST(posture_tag, tags);         /* that stand */
	POSTURE_LIST(posture_tag_def, tag_defs);
	POSTURE_LIST(posture_change, changes);
	POSTURE_LIST(posture_review, reviews);
	POSTURE_LIST(posture_exception, exceptions);
	POSTURE_LIST(posture_evidence, evidence);
	const struct policy_restriction *const *restrictions; /* not lifted */
	size_t restrictions_count;
	const Str *purposes;                     /* the center's tree; none: any purpose is known */
	size_t purposes_count;
	bool past;                               /* as the logs say that it was: what no log tells is not known */
	Time usage_since;                        /* before, use is not known; TIME_FOREVER: not at all */
	struct posture_node node;
};

/* --- what comes out --- */

struct finding {
	enum control_id control;
	enum severity severity;
	Str subject;       /* what an exception names: "stores", "stores.transactions", "stores/grt_…", "node". Unique within its control */
	Str text;          /* one line; no names of people, no data */
	Str remedy;        /* a command line, or what to do; never "" */
	Str domain_id;     /* whose it is */
	Str owner_id;      /* the person to act: the longest-serving owner of that domain, else of the center; "" when there is nobody */
	Str person_id;     /* whom it is about; "" for nobody */
	Time since, due;   /* due: since plus the control's days */
	struct posture_ref ref;
	const struct posture_exception *exception; /* accepted; NULL: open */
};

struct control_result {
	enum control_status status; /* FAIL when a finding is open */
	Str note;                   /* why it does not apply, or what else there is to say */
	uint64_t examined;          /* things looked at: a control that looks at nothing shows */
	const struct finding *findings; /* by subject; accepted ones too; those that are kept */
	size_t kept, count, accepted;   /* count: of all, accepted: of these */
	uint64_t open_by[SEVERITY_COUNT], accepted_by[SEVERITY_COUNT], overdue_by[SEVERITY_COUNT];
};

struct posture {
	struct control_result controls[CONTROL_COUNT];
	uint64_t open[SEVERITY_COUNT], accepted[SEVERITY_COUNT], overdue[SEVERITY_COUNT];
	uint64_t passed, failed, not_applicable;
};

struct control_run; /* controls_run.h */
struct control {
	const char *id;
	enum severity severity;
	unsigned days;
	const char *title, *checked, *gdpr, *soc2, *iso;
	void (*check)(struct control_run *r);
};
extern const struct control controls[CONTROL_COUNT];

/* "C03"; false when there is none. */
bool control_parse(Str text, enum control_id *ret);
/* What is wanted of a judgement. */
struct posture_wish {
	Str domain_id, subject;      /* what is found elsewhere, or of another name, is left out; "" for all. Of one domain alone, controls about the
	                              * node do not apply */
	size_t most;                 /* findings of each control that are kept, open ones and accepted ones, the first by subject; 0: all */
	bool (*goes_on)(void *arg);  /* called every few microseconds; false ends it. NULL: in one go */
	void *arg;
};

/* Every control of `table` (that is, controls; tests plant faults in a copy); wish NULL for everything in one go. false: it was ended. What comes
 * out is in the arena and borrows nothing. O(grants × columns they cover × restrictions), about 4 µs a grant; memory O(what is kept). */
bool posture_judge(struct arena *a, const struct posture_facts *f, Time now, const struct control *table, const struct posture_wish *wish,
                   struct posture *ret);

#endif

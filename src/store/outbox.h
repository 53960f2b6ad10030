/* The outbox: what happened, in the order in which this node saw it, for those whom it concerns; who wants to be told (webhooks); and what was told to whom.
 *
 * Items are derived from the logs and carry no names; webhooks and deliveries are not derived. SQLite, synchronous=FULL. A number of the feed is never given twice, so
 * that a reader who keeps the last one misses nothing and sees nothing twice. */
#ifndef HEDDLE_STORE_OUTBOX_H
#define HEDDLE_STORE_OUTBOX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"

struct outbox;

NODISCARD Err outbox_open(struct ctx *c, const char *path, struct outbox **ret);
void outbox_close(struct outbox *o); /* NULL is fine */
/* What follows until outbox_commit() is durable together or not at all. */
NODISCARD Err outbox_begin(struct ctx *c, struct outbox *o);
NODISCARD Err outbox_commit(struct ctx *c, struct outbox *o);

/* --- the feed --- */

struct outbox_item {
	uint64_t seq;        /* from 1, rising; given by outbox_add() */
	Str log_id;          /* where it stands */
	uint64_t index;
	Time at;
	Str type;            /* of the event */
	Str product_id;      /* "" when it is about none */
	Str audience;        /* ids of domains, each between '|': "|a|b|"; '*' in it: everybody; '+': who has access to the product */
	Str about;           /* JSON object: ids of what it is about */
};

/* How far the log was taken in. */
NODISCARD Err outbox_position(struct ctx *c, struct outbox *o, Str log_id, uint64_t *ret);
NODISCARD Err outbox_position_put(struct ctx *c, struct outbox *o, Str log_id, uint64_t size);
NODISCARD Err outbox_add(struct ctx *c, struct outbox *o, const struct outbox_item *item, uint64_t *ret_seq);
/* Up to limit items after that number; texts in the arena of c. */
NODISCARD Err outbox_items(struct ctx *c, struct outbox *o, uint64_t after, size_t limit, struct outbox_item **ret, size_t *ret_n);
NODISCARD Err outbox_item(struct ctx *c, struct outbox *o, uint64_t seq, struct outbox_item *ret); /* NOT_FOUND */
NODISCARD Err outbox_last(struct ctx *c, struct outbox *o, uint64_t *ret); /* 0: none yet */

/* --- webhooks --- */

struct outbox_hook {
	Str id, domain_id, url;
	Str events;          /* patterns, comma between: "grant.*,product.publish"; "*" for all */
	Str by;              /* person id */
	Time added;
	uint64_t after;      /* it is told of items after this one */
};

enum { OUTBOX_HOOKS_MAX = 1024 };
/* CONFLICT when there are OUTBOX_HOOKS_MAX of them. */
NODISCARD Err outbox_hook_add(struct ctx *c, struct outbox *o, const struct outbox_hook *h);
/* It and its deliveries are forgotten. */
NODISCARD Err outbox_hook_remove(struct ctx *c, struct outbox *o, Str id);
NODISCARD Err outbox_hooks(struct ctx *c, struct outbox *o, struct outbox_hook **ret, size_t *ret_n); /* oldest first */

enum delivery_state { DELIVERY_PENDING, DELIVERY_DONE, DELIVERY_FAILED /* given up */ };
struct outbox_delivery {
	Str hook_id;
	uint64_t seq;
	enum delivery_state state;
	uint32_t attempts;
	Time next;           /* when it is tried again */
	int status;          /* of the last answer, 0 for none */
	Str note;
	Time at;             /* of the last change */
};

NODISCARD Err outbox_delivery_put(struct ctx *c, struct outbox *o, const struct outbox_delivery *d); /* new or changed */
/* For each webhook the oldest pending one, if it is due. O(webhooks), however many deliveries lie there. */
NODISCARD Err outbox_due(struct ctx *c, struct outbox *o, Time now, size_t limit, struct outbox_delivery **ret, size_t *ret_n);
NODISCARD Err outbox_deliveries(struct ctx *c, struct outbox *o, Str hook_id, size_t limit, struct outbox_delivery **ret, size_t *ret_n); /* newest first */
/* All of it that are pending or were given up are due now, as if never tried; *ret_n: how many. */
NODISCARD Err outbox_redeliver(struct ctx *c, struct outbox *o, Str hook_id, Time now, uint64_t *ret_n);
/* Forget deliveries that ended before that time. */
NODISCARD Err outbox_prune(struct ctx *c, struct outbox *o, Time before);

#endif

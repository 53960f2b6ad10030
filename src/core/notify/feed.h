/* The feed: what happened in the logs, for those whom it concerns, in one order per node; and the webhooks that carry it to them.
 *
 * Taken from the logs behind the commit, never from requests: what is in the feed is durable, and what is durable comes into the feed, over crashes too. */
#ifndef HEDDLE_CORE_FEED_H
#define HEDDLE_CORE_FEED_H

#include "core/request.h"
#include "store/outbox.h"

NODISCARD Err feed_open(struct core *core, struct ctx *c);
/* Take in what the logs have more, a slice at a time. */
void feed_tick(struct core *core);
/* All that is durable now; *ret_last is the newest item. In a fiber. */
NODISCARD Err feed_catch_up(struct core *core, struct ctx *c, uint64_t *ret_last);
/* Start what is due to be delivered. */
void webhooks_tick(struct core *core);

/* Does the item concern this domain, and may it know of it? person_id: "" for the domain as such. */
bool feed_concerns(struct core *core, struct arena *a, const struct outbox_item *item, Str domain_id, Str person_id);
/* As one JSON object. Names of people are not in it. */
void feed_item_json(struct core *core, const struct outbox_item *item, struct buf *b);
/* Put something into the feed that stands in no log, for one domain: a trial of its webhook. */
NODISCARD Err feed_add(struct core *core, struct ctx *c, Str type, Str domain_id, Str about);

/* "grant.*,product.publish" covers "grant.add". */
bool webhook_wants(Str events, Str type);
/* The one of this id; NOT_FOUND. */
NODISCARD Err webhook_find(struct ctx *c, struct outbox *o, Str id, const struct outbox_hook **ret);
/* What its messages are signed with: 32 bytes on the arena, from the keys role, kept nowhere. In a fiber. */
NODISCARD Err webhook_secret(struct core *core, struct ctx *c, Str id, Str *ret);

#endif

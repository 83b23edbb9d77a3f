/* notify.h: keyspace notifications: what happens to keys, told to the subscribers of two channels.
 *
 * With notify-keyspace-events set, an event of a wanted class is published (pubsub.h) as
 *
 *     K: __keyspace@<database>__:<key>      with the event's name as the message, then
 *     E: __keyevent@<database>__:<event>    with the key as the message.
 *
 * Handlers call notify at the point where Redis does: after the change, before the reply is written. That
 * point shows in the order of the events of one command, and where a RESP3 client is told of what it does
 * itself. Since the slice of the key is held, the events of a key are published in the order of its changes.
 * While notifications are off, which is the default, a call costs one relaxed load.
 *
 * Keys that expire or are evicted, new keys and misses are told by the store, which knows neither clients
 * nor channels (shard/store/events.h); its upcall is set with the first configuration.
 */
#ifndef GYRE_SERVER_NOTIFY_H
#define GYRE_SERVER_NOTIFY_H

#include "server/call.h"
#include "server/notify_class.h"
#include "shard/base/assert.h"

#include <stdatomic.h>

/* What notify does when the class is wanted. */
void notify_publish(struct call *c, enum notify_class class, const char *event, const struct key *key);

/* Tells of `event` (Redis's name of it) concerning `key`, in the database that c->visit is turned to. `class`
 * is one letter's. In a handler, under the hold of the key's slice. */
static inline void notify(struct call *c, enum notify_class class, const char *event, const struct key *key) {
    if (LIKELY(!(atomic_load_explicit(&notify_classes_active, memory_order_relaxed) & class))) return;
    notify_publish(c, class, event, key);
}

#endif

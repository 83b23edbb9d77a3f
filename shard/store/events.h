/* events.h: what happens to keys without a command having asked for it, told upwards.
 *
 * The store alone knows when a key is born, expires, is evicted, or is looked for in vain; somebody above it
 * (server/notify.c) may want to know. It says what it wants and gives a function, which is called under the
 * hold of the key's slice and must neither wait nor touch the slice. While nothing is wanted, an event costs
 * one relaxed load.
 */
#ifndef GYRE_STORE_EVENTS_H
#define GYRE_STORE_EVENTS_H

#include "shard/base/assert.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct visit;

enum store_event {
    STORE_KEY_NEW = 1 << 0, /* made, or moved or copied to this name */
    STORE_KEY_EXPIRED = 1 << 1,
    STORE_KEY_EVICTED = 1 << 2,
    STORE_KEY_MISSED = 1 << 3, /* a read did not find it */
};

struct store_event_key {
    unsigned database;
    const char *data;
    size_t len;
};

typedef void store_event_listener(struct visit *v, enum store_event event, const struct store_event_key *key);

/* Events wanted, and who is told. The listener is set once, before threads start. */
extern _Atomic uint32_t store_events_wanted;
extern store_event_listener *store_events_listener;

static inline bool store_event_is_wanted(enum store_event event) {
    return UNLIKELY(atomic_load_explicit(&store_events_wanted, memory_order_relaxed) & event);
}

#endif

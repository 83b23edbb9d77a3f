/* policy.h: the part of the configuration that slices need, as one immutable value.
 *
 * The server publishes a new one at CONFIG SET; the old is freed through thread_retire. A thread reads the
 * pointer once per command or step.
 */
#ifndef GYRE_STORE_POLICY_H
#define GYRE_STORE_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum eviction {
    EVICT_NONE, /* noeviction */
    EVICT_ALL_LRU,
    EVICT_ALL_LFU,
    EVICT_ALL_RANDOM,
    EVICT_VOLATILE_LRU,
    EVICT_VOLATILE_LFU,
    EVICT_VOLATILE_RANDOM,
    EVICT_VOLATILE_TTL,
};

struct policy {
    uint64_t maxmemory_bytes; /* 0: no limit */
    enum eviction eviction;
    unsigned maxmemory_samples;
    unsigned lfu_log_factor;
    unsigned lfu_decay_minutes;
    unsigned active_expire_effort;
    bool active_rehashing;
    bool active_expire;                  /* DEBUG SET-ACTIVE-EXPIRE */
    bool unlink_expired, unlink_evicted; /* those who follow are told UNLINK instead of DEL */
};

static inline bool policy_is_lfu(const struct policy *p) {
    return p->eviction == EVICT_ALL_LFU || p->eviction == EVICT_VOLATILE_LFU;
}

const struct policy *policy_get(void);
/* Copies `p`. Call with the configuration's lock held, on a thread of the server or before they start. */
void policy_publish(const struct policy *p);

#endif

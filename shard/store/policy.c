/* policy.c: the published policy: an immutable value behind one pointer, replaced whole. */
#include "shard/store/policy.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/thread.h"

/* What holds until the configuration has been read: the defaults of redis.conf. */
static const struct policy policy_default = {
    .maxmemory_samples = 5,
    .lfu_log_factor = 10,
    .lfu_decay_minutes = 1,
    .active_expire_effort = 1,
    .active_rehashing = true,
    .active_expire = true,
};

static _Atomic(const struct policy *) policy_current = &policy_default;

const struct policy *policy_get(void) {
    return atomic_load_explicit(&policy_current, memory_order_acquire);
}

void policy_publish(const struct policy *p) {
    ASSERT(p->eviction <= EVICT_VOLATILE_TTL);
    ASSERT(p->maxmemory_samples > 0);
    const struct policy *copy = mem_dup(p, sizeof *p);
    const struct policy *old = atomic_exchange_explicit(&policy_current, copy, memory_order_acq_rel);
    if (old == &policy_default) return;
    struct thread *self = thread_self();
    if (self) {
        thread_retire(self, (void *)old, mem_free);
    } else {
        mem_free((void *)old);
    }
}

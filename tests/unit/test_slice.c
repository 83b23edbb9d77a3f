/* test_slice.c: the set of slices covers all slots evenly; the policy in force is always a whole one. */
#include <criterion/criterion.h>
#include <signal.h>

#include "shard/store/policy.h"
#include "shard/store/slice.h"

static void check_set(unsigned shards) {
    slices_create(shards, 16);
    cr_assert_geq(slices.count, shards * SLICES_PER_SHARD);
    cr_assert_leq(slices.count, SLICES_MAX);
    cr_assert_eq(slices.count & (slices.count - 1), 0);
    unsigned owned[THREADS_MAX] = {0}, slots[SLICES_MAX] = {0};
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        const struct slice *s = slice_of_slot((uint16_t)slot);
        cr_assert(s >= slices.all && s < slices.all + slices.count);
        cr_assert_eq(s, &slices.all[s->index]);
        if (slot) cr_assert_geq(s, slice_of_slot((uint16_t)(slot - 1)));
        slots[s->index]++;
    }
    for (unsigned i = 0; i < slices.count; i++) {
        cr_assert_eq(slots[i], SLOT_COUNT / slices.count);
        cr_assert_lt(slices.all[i].owner, shards);
        cr_assert_eq((uintptr_t)&slices.all[i].hold % CACHE_LINE, 0);
        owned[slices.all[i].owner]++;
        for (unsigned database = 0; database < 16; database++)
            cr_assert_null(slice_keyspace(&slices.all[i], database));
    }
    for (unsigned shard = 0; shard < shards; shard++) {
        cr_assert_geq(owned[shard], SLICES_PER_SHARD);
        cr_assert_leq(owned[shard], 2 * SLICES_PER_SHARD + 1);
    }
}

Test(slice, one_shard) {
    check_set(1);
}
Test(slice, three_shards) {
    check_set(3);
}
Test(slice, eight_shards) {
    check_set(8);
}
Test(slice, a_hundred_shards) {
    check_set(100);
}
Test(slice, most_shards) {
    check_set(THREADS_MAX);
}
Test(slice, is_made_once, .signal = SIGABRT) {
    slices_create(1, 1);
    slices_create(1, 1);
}

Test(policy, is_replaced_whole) {
    struct policy p = *policy_get();
    cr_assert_eq(p.maxmemory_bytes, 0);
    cr_assert_eq(p.eviction, EVICT_NONE);
    cr_assert_eq(p.maxmemory_samples, 5);
    cr_assert_eq(p.lfu_log_factor, 10);
    cr_assert_eq(p.lfu_decay_minutes, 1);
    for (unsigned i = 1; i < 100; i++) {
        p.maxmemory_bytes = i;
        p.maxmemory_samples = i;
        policy_publish(&p);
        p.maxmemory_bytes = 0;
        cr_assert_eq(policy_get()->maxmemory_bytes, i);
        cr_assert_eq(policy_get()->maxmemory_samples, i);
    }
    p.eviction = EVICT_VOLATILE_LFU;
    cr_assert(policy_is_lfu(&p));
    p.eviction = EVICT_VOLATILE_LRU;
    cr_assert_not(policy_is_lfu(&p));
}

/* test_access.c: the clocks of last use: idle time, LFU's growth and decay as redis.conf describes them. */
#include <criterion/criterion.h>

#include "shard/base/random.h"
#include "shard/store/evict.h"

static const int64_t start_ms = INT64_C(1700000000000);
static const int64_t minute_ms = 60000;

static struct policy lfu_policy(unsigned log_factor, unsigned decay_minutes) {
    return (struct policy){
        .eviction = EVICT_ALL_LFU, .lfu_log_factor = log_factor, .lfu_decay_minutes = decay_minutes};
}

Test(access, idle_time_counts_from_the_last_use) {
    struct random random;
    random_seed(&random, 1);
    struct policy p = {.eviction = EVICT_ALL_LRU};
    uint32_t access = access_initial(&p, start_ms);
    cr_assert_eq(access_idle_ms(access, start_ms), 0);
    for (int64_t ms = 0; ms < 100000; ms += 37) {
        uint64_t idle = access_idle_ms(access, start_ms + ms);
        cr_assert(idle <= (uint64_t)ms + ACCESS_LRU_MS && idle + ACCESS_LRU_MS >= (uint64_t)ms);
        cr_assert_geq(idle / 1000, (uint64_t)ms / 1000, "whole seconds stay whole");
    }
    int64_t year_ms = 365 * 24 * 60 * minute_ms;
    cr_assert_geq(access_idle_ms(access, start_ms + 2 * year_ms), (uint64_t)(2 * year_ms - ACCESS_LRU_MS));
    access = access_touched(&p, access, start_ms + 5000, &random);
    cr_assert_eq(access_idle_ms(access, start_ms + 5000), 0);
    cr_assert_eq(access_idle_ms(access, start_ms + 4000), 0, "a caller whose time is behind");
    cr_assert_eq(access_idle_ms(access_from_idle_ms(77000, start_ms), start_ms), 77000);
}

Test(access, lfu_begins_at_five_and_decays_by_the_minute) {
    struct policy p = lfu_policy(10, 1);
    uint32_t access = access_initial(&p, start_ms);
    cr_assert_eq(access_frequency(&p, access, start_ms), 5);
    for (unsigned minutes = 0; minutes < 8; minutes++) {
        unsigned left = minutes < 5 ? 5 - minutes : 0;
        cr_assert_eq(access_frequency(&p, access, start_ms + minutes * minute_ms), left);
    }
    access = access_from_frequency(100, start_ms);
    cr_assert_eq(access_frequency(&p, access, start_ms + 30 * minute_ms), 70);
    p.lfu_decay_minutes = 10;
    cr_assert_eq(access_frequency(&p, access, start_ms + 30 * minute_ms), 97);
    p.lfu_decay_minutes = 0;
    cr_assert_eq(access_frequency(&p, access, start_ms + 3000 * minute_ms), 100);
    cr_assert_eq(access_frequency(&p, access_from_frequency(1000, start_ms), start_ms), 255);
}

Test(access, lfu_decays_over_the_wrap_of_its_minutes) {
    struct policy p = lfu_policy(10, 1);
    for (int64_t minute = 65530; minute < 65540; minute++) {
        uint32_t access = access_from_frequency(50, minute * minute_ms);
        cr_assert_eq(access_frequency(&p, access, (minute + 4) * minute_ms), 46);
    }
}

Test(access, a_touch_decays_before_it_counts) {
    struct random random;
    random_seed(&random, 1);
    struct policy p = lfu_policy(10, 1);
    uint32_t access = access_from_frequency(3, start_ms);
    /* Down to 2, then up for certain: at or below the first value every touch counts. */
    access = access_touched(&p, access, start_ms + minute_ms, &random);
    cr_assert_eq(access_frequency(&p, access, start_ms + minute_ms), 3);
    access = access_from_frequency(255, start_ms);
    access = access_touched(&p, access, start_ms, &random);
    cr_assert_eq(access_frequency(&p, access, start_ms), 255);
}

/* The table of redis.conf: the counter after so many hits for a log factor. */
Test(access, lfu_grows_as_the_documentation_says) {
    static const struct {
        unsigned factor, hits, counter;
    } table[] = {
        {0, 100, 104}, {0, 1000, 255}, {1, 100, 18},      {1, 1000, 49},   {1, 100000, 255},
        {10, 100, 10}, {10, 1000, 18}, {10, 100000, 142}, {100, 1000, 11}, {100, 100000, 49},
    };
    struct random random;
    random_seed(&random, 7);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        struct policy p = lfu_policy(table[i].factor, 1);
        double mean = 0;
        enum { ROUNDS = 20 };
        for (unsigned round = 0; round < ROUNDS; round++) {
            uint32_t access = access_initial(&p, start_ms);
            for (unsigned hit = 0; hit < table[i].hits; hit++)
                access = access_touched(&p, access, start_ms, &random);
            mean += (double)access_frequency(&p, access, start_ms) / ROUNDS;
        }
        cr_assert_float_eq(mean, table[i].counter, 1.5 + table[i].counter * 0.12, "factor %u, %u hits: %f",
                           table[i].factor, table[i].hits, mean);
    }
}

/* test_evict.c: each policy picks sensible victims, memory comes back under the limit, and what cannot be
 * done is said. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/keyspace.h"

enum { KEYS = 20000, DATABASES = 2 };

static struct thread me;
static struct visit v;
static int64_t now_ms = INT64_C(1700000000000);
static char text[200];

static void setup(void) {
    clock_init();
    slot_init();
    random_seed(&me.random, 1);
    table_set_seed(3);
    slices_create(1, DATABASES);
    me.turn_unix_ms = now_ms;
    v = (struct visit){.thread = &me, .now_ms = now_ms};
    memset(text, 't', sizeof text);
}

TestSuite(evict, .init = setup);

static void pass_time(int64_t ms) {
    now_ms += ms;
    v.now_ms = now_ms;
    me.turn_unix_ms = now_ms;
}

static void limit(enum eviction eviction, size_t bytes) {
    struct policy p = *policy_get();
    p.eviction = eviction;
    p.maxmemory_bytes = bytes;
    policy_publish(&p);
}

static struct key key_number(unsigned n, char *room) {
    return key_make(room, (size_t)sprintf(room, "key:%u", n));
}

static void set(unsigned n, int64_t when_ms) {
    char room[32];
    struct key k = key_number(n, room);
    cr_assert(hold_try(&k.slice->hold, &me));
    keyspace_set(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE), value_bytes(text, sizeof text), when_ms);
    hold_release(&k.slice->hold, &me);
}

static bool touch(unsigned n) {
    char room[32];
    struct key k = key_number(n, room);
    cr_assert(hold_try(&k.slice->hold, &me));
    bool there = keyspace_find(&v, &k, KEYSPACE_READ) != NULL;
    hold_release(&k.slice->hold, &me);
    return there;
}

static bool is_there(unsigned n) {
    char room[32];
    struct key k = key_number(n, room);
    cr_assert(hold_try(&k.slice->hold, &me));
    bool there = keyspace_find(&v, &k, KEYSPACE_PEEK) != NULL;
    hold_release(&k.slice->hold, &me);
    return there;
}

static unsigned count_there(unsigned from, unsigned to) {
    unsigned n = 0;
    for (unsigned i = from; i < to; i++) n += is_there(i);
    return n;
}

static void check_all(void) {
    for (unsigned i = 0; i < slices.count; i++) keyspace_check(&slices.all[i]);
}

/* Lowers the limit to `percent` of what is in use and makes room. */
static void squeeze(enum eviction eviction, unsigned percent) {
    size_t target = mem_used() * percent / 100;
    limit(eviction, target);
    for (unsigned calls = 0; mem_used() > target; calls++) {
        cr_assert_lt(calls, 1000);
        cr_assert(evict_make_room(&v));
    }
    check_all();
    uint64_t evicted = 0;
    for (unsigned i = 0; i < slices.count; i++) evicted += counter_get(&slices.all[i].counters.evicted);
    cr_assert_eq(evicted, KEYS - count_there(0, KEYS));
}

Test(evict, no_limit_and_no_policy) {
    for (unsigned n = 0; n < 100; n++) set(n, NO_TTL);
    limit(EVICT_ALL_LRU, 0);
    cr_assert(evict_make_room(&v));
    limit(EVICT_NONE, 1);
    cr_assert_not(evict_make_room(&v));
    limit(EVICT_NONE, mem_used() + 1000000);
    cr_assert(evict_make_room(&v));
    cr_assert_eq(count_there(0, 100), 100);
}

Test(evict, during_a_pause_everything_stays) {
    for (unsigned n = 0; n < 1000; n++) set(n, NO_TTL);
    for (unsigned i = 0; i < slices.count; i++) slices.all[i].switches = SWITCH_PAUSE_WRITES;
    limit(EVICT_ALL_LRU, 1);
    evict_make_room(&v);
    cr_assert_eq(count_there(0, 1000), 1000);
    for (unsigned i = 0; i < slices.count; i++) slices.all[i].switches = 0;
    evict_make_room(&v);
    cr_assert_lt(count_there(0, 1000), 1000);
}

/* The tables of a FLUSHALL are still in memory when the next write comes. */
Test(evict, what_is_being_discarded_is_room) {
    for (unsigned n = 0; n < KEYS; n++) set(n, NO_TTL);
    size_t full = mem_used();
    limit(EVICT_NONE, full / 2);
    cr_assert_not(evict_make_room(&v));
    struct keyspace *detached[64];
    cr_assert_leq(slices.count, 64);
    for (unsigned i = 0; i < slices.count; i++) {
        cr_assert(hold_try(&slices.all[i].hold, &me));
        detached[i] = keyspace_detach(&v, &slices.all[i], 0);
        hold_release(&slices.all[i].hold, &me);
    }
    cr_assert(evict_make_room(&v));
    cr_assert_gt(mem_used(), full / 2);
    for (unsigned i = 0; i < slices.count; i++)
        while (keyspace_discard(detached[i], 100)) continue;
    cr_assert_lt(mem_used(), full / 2);
    cr_assert(evict_make_room(&v));
    limit(EVICT_NONE, 1);
    cr_assert_not(evict_make_room(&v));
}

Test(evict, lru_takes_the_idle) {
    for (unsigned n = 0; n < KEYS; n++) set(n, NO_TTL);
    pass_time(60000);
    for (unsigned n = 0; n < KEYS / 2; n++) touch(n);
    squeeze(EVICT_ALL_LRU, 70);
    unsigned used_left = count_there(0, KEYS / 2), idle_left = count_there(KEYS / 2, KEYS);
    cr_assert_geq(used_left, KEYS / 2 - 20, "%u of the used are left, %u of the idle", used_left, idle_left);
}

/* Keys touched one after the other: what remains is the latest, as far as samples can tell. */
Test(evict, lru_order_is_fine) {
    for (unsigned n = 0; n < KEYS; n++) {
        set(n, NO_TTL);
        if (n % 10 == 0) pass_time(20);
    }
    squeeze(EVICT_ALL_LRU, 50);
    unsigned left = count_there(0, KEYS), kept = count_there(KEYS - left, KEYS);
    cr_assert_gt(kept, left * 0.90, "%u of the %u latest are left", kept, left);
}

Test(evict, lfu_takes_the_rare) {
    limit(EVICT_ALL_LFU, 0);
    for (unsigned n = 0; n < KEYS; n++) set(n, NO_TTL);
    for (unsigned hits = 0; hits < 30; hits++)
        for (unsigned n = 0; n < KEYS; n += 4) touch(n);
    squeeze(EVICT_ALL_LFU, 60);
    unsigned used_left = 0;
    for (unsigned n = 0; n < KEYS; n += 4) used_left += is_there(n);
    cr_assert_geq(used_left, KEYS / 4 - 20, "%u", used_left);
}

Test(evict, random_takes_any) {
    for (unsigned n = 0; n < KEYS; n++) set(n, NO_TTL);
    squeeze(EVICT_ALL_RANDOM, 60);
    double left = count_there(0, KEYS), part = KEYS / 8;
    for (unsigned i = 0; i < 8; i++) {
        double here = count_there(i * KEYS / 8, (i + 1) * KEYS / 8);
        cr_assert_float_eq(here / part, left / KEYS, 0.06);
    }
}

Test(evict, volatile_policies_spare_what_does_not_expire) {
    static const enum eviction policies[] = {EVICT_VOLATILE_LRU, EVICT_VOLATILE_LFU, EVICT_VOLATILE_RANDOM,
                                             EVICT_VOLATILE_TTL};
    for (unsigned i = 0; i < 4; i++) {
        limit(policies[i], 0);
        for (unsigned n = 0; n < KEYS; n++) set(n, n % 2 ? now_ms + 1000000 + n : NO_TTL);
        limit(policies[i], mem_used() * 8 / 10);
        while (mem_used() > policy_get()->maxmemory_bytes) cr_assert(evict_make_room(&v));
        unsigned lasting = 0;
        for (unsigned n = 0; n < KEYS; n += 2) lasting += is_there(n);
        cr_assert_eq(lasting, KEYS / 2);
        check_all();
    }
}

Test(evict, volatile_lru_takes_the_idle) {
    for (unsigned n = 0; n < KEYS; n++) set(n, now_ms + 100000000 + 1000 * (int64_t)(n * 7919 % KEYS));
    pass_time(60000);
    for (unsigned n = 0; n < KEYS / 2; n++) touch(n);
    squeeze(EVICT_VOLATILE_LRU, 70);
    cr_assert_geq(count_there(0, KEYS / 2), KEYS / 2 - 20);
}

Test(evict, volatile_ttl_takes_the_soonest) {
    for (unsigned n = 0; n < KEYS; n++) set(n, now_ms + 5000 + 100 * (int64_t)n);
    squeeze(EVICT_VOLATILE_TTL, 60);
    unsigned left = count_there(0, KEYS), kept = count_there(KEYS - left, KEYS);
    cr_assert_gt(kept, left * 0.95, "%u of the %u latest are left", kept, left);
}

Test(evict, volatile_without_such_keys_says_no) {
    for (unsigned n = 0; n < 1000; n++) set(n, NO_TTL);
    limit(EVICT_VOLATILE_LRU, mem_used() / 2);
    cr_assert_not(evict_make_room(&v));
    limit(EVICT_VOLATILE_TTL, mem_used() / 2);
    cr_assert_not(evict_make_room(&v));
    cr_assert_eq(count_there(0, 1000), 1000);
}

Test(evict, nothing_left_says_no) {
    for (unsigned n = 0; n < 1000; n++) set(n, NO_TTL);
    limit(EVICT_ALL_LRU, 1);
    unsigned calls = 0;
    while (evict_make_room(&v)) cr_assert_lt(calls++, 1000);
    cr_assert_eq(count_there(0, 1000), 0);
    cr_assert_not(evict_make_room(&v));
}

Test(evict, stays_at_the_limit_while_writing) {
    size_t base = mem_used(), bytes = base + 3000000;
    limit(EVICT_ALL_LRU, bytes);
    for (unsigned n = 0; n < 100000; n++) {
        cr_assert(evict_make_room(&v));
        set(n, NO_TTL);
        cr_assert_lt(mem_used(), bytes + bytes / 100);
    }
    cr_assert_gt(mem_used(), bytes - bytes / 100);
    check_all();
}

/* Keys of another database, and in few slices. */
Test(evict, finds_keys_wherever_they_are) {
    char room[32];
    v.database = 1;
    for (unsigned n = 0; n < 3000; n++) {
        struct key k = key_make(room, (size_t)sprintf(room, "{tag}%u", n));
        cr_assert(hold_try(&k.slice->hold, &me));
        keyspace_set(&v, &k, NULL, value_bytes(text, sizeof text), NO_TTL);
        hold_release(&k.slice->hold, &me);
    }
    size_t target = mem_used() - 300000;
    limit(EVICT_ALL_LRU, target);
    for (unsigned calls = 0; mem_used() > target; calls++) {
        cr_assert_lt(calls, 1000);
        cr_assert(evict_make_room(&v));
    }
    check_all();
}

/* Two slices with very different numbers of keys: each key has the same chance. */
Test(evict, slices_are_drawn_by_their_keys) {
    char room[32];
    unsigned many = 20000, few = 1000;
    for (unsigned n = 0; n < many + few; n++) {
        struct key k = key_make(room, (size_t)sprintf(room, n < many ? "{a}%u" : "{b}%u", n));
        cr_assert(hold_try(&k.slice->hold, &me));
        keyspace_set(&v, &k, NULL, value_bytes(text, sizeof text), NO_TTL);
        hold_release(&k.slice->hold, &me);
    }
    const struct slice *a = key_make("{a}", 3).slice, *b = key_make("{b}", 3).slice;
    cr_assert_neq(a, b);
    size_t target = mem_used() * 6 / 10;
    limit(EVICT_ALL_RANDOM, target);
    while (mem_used() > target) cr_assert(evict_make_room(&v));
    double left_a = (double)keyspace_count(a, 0) / many, left_b = (double)keyspace_count(b, 0) / few;
    cr_assert_float_eq(left_a, left_b, 0.07, "%f of the many are left, %f of the few", left_a, left_b);
}

Test(evict, busy_slices_are_passed_over) {
    for (unsigned n = 0; n < KEYS; n++) set(n, NO_TTL);
    static struct thread other = {.index = 1};
    for (unsigned i = 0; i < slices.count / 2; i++) cr_assert(hold_try(&slices.all[i].hold, &other));
    size_t target = mem_used() * 8 / 10;
    limit(EVICT_ALL_LRU, target);
    for (unsigned calls = 0; mem_used() > target; calls++) {
        cr_assert_lt(calls, 1000);
        cr_assert(evict_make_room(&v));
    }
    for (unsigned i = 0; i < slices.count / 2; i++) {
        cr_assert_eq(counter_get(&slices.all[i].counters.evicted), 0);
        hold_release(&slices.all[i].hold, &other);
    }
}

enum { WRITERS = 3, WRITES = 20000 };
static struct thread writers[WRITERS];
static _Atomic unsigned failures;

static void *write_on(void *arg) {
    struct thread *self = arg;
    struct visit visit = {.thread = self, .now_ms = now_ms};
    char room[32];
    for (unsigned i = 0; i < WRITES; i++) {
        if (!evict_make_room(&visit)) atomic_fetch_add(&failures, 1);
        struct key k = key_number((unsigned)random_below(&self->random, 100000), room);
        while (!hold_try(&k.slice->hold, self)) sched_yield();
        keyspace_set(&visit, &k, keyspace_find(&visit, &k, KEYSPACE_WRITE), value_bytes(text, sizeof text),
                     NO_TTL);
        hold_release(&k.slice->hold, self);
    }
    mem_publish();
    return NULL;
}

Test(evict, several_threads_at_the_limit, .timeout = 120) {
    size_t bytes = mem_used() + 4000000;
    limit(EVICT_ALL_LRU, bytes);
    pthread_t threads[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].index = (uint16_t)(i + 1);
        writers[i].turn_unix_ms = now_ms;
        random_seed(&writers[i].random, i);
        pthread_create(&threads[i], NULL, write_on, &writers[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    cr_assert_eq(failures, 0);
    cr_assert_lt(mem_used(), bytes + bytes / 50);
    check_all();
}

/* test_keyspace_keep.c: what stays in the keyspace although it could go, and what has gone and is still in
 * memory: keys past their time on a replica and during a pause, flushed tables, large blobs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"
#include "shard/store/keyspace.h"

static struct thread me;
static struct visit v;
static int64_t now_ms = INT64_C(1700000000000);

static void setup(void) {
    clock_init();
    slot_init();
    random_seed(&me.random, 1);
    table_set_seed(3);
    slices_create(1, 1);
    me.turn_unix_ms = now_ms;
    v = (struct visit){.thread = &me, .now_ms = now_ms};
    for (unsigned i = 0; i < slices.count; i++) cr_assert(hold_try(&slices.all[i].hold, &me));
}

TestSuite(keyspace_keep, .init = setup);

static void pass_time(int64_t ms) {
    now_ms += ms;
    v.now_ms = now_ms;
    me.turn_unix_ms = now_ms;
}

static void set_switches(uint32_t switches) {
    for (unsigned i = 0; i < slices.count; i++) slices.all[i].switches = switches;
}

static uint64_t total(size_t offset) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < slices.count; i++)
        sum += counter_get((_Atomic uint64_t *)(void *)((char *)&slices.all[i].counters + offset));
    return sum;
}
#define TOTAL(counter) total(offsetof(struct slice_counters, counter))

static void check_all(void) {
    for (unsigned i = 0; i < slices.count; i++) keyspace_check(&slices.all[i]);
}

static void put(const char *name, const char *value, int64_t when_ms) {
    struct key k = key_make(name, strlen(name));
    keyspace_set(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE), value_bytes(value, strlen(value)), when_ms);
}

static struct entry **get(const char *name) {
    struct key k = key_make(name, strlen(name));
    return keyspace_find(&v, &k, KEYSPACE_READ);
}

/* A pause ends for the slices one after the other, a writable replica writes at any time. */
Test(keyspace_keep, paused_it_hides_and_keeps_but_a_write_makes_room) {
    static const uint32_t keeping[] = {SWITCH_PAUSE_WRITES, SWITCH_PAUSE_ALL, SWITCH_REPLICA};
    for (unsigned i = 0; i < sizeof keeping / sizeof *keeping; i++) {
        put("k", "old", now_ms + 10);
        set_switches(keeping[i]);
        pass_time(1000);
        cr_assert_null(get("k"));
        struct key k = key_make("k", 1);
        cr_assert_null(keyspace_random(&v, k.slice));
        while (keyspace_maintain(&v, k.slice, 100)) continue;
        cr_assert_eq(TOTAL(keys), 1);
        cr_assert_eq(TOTAL(expired), i);
        /* SET ... GET looks for the old value as a reader does. */
        v.writes = true;
        struct entry **at = keyspace_find(&v, &k, KEYSPACE_READ);
        cr_assert_null(at);
        keyspace_set(&v, &k, at, value_bytes("new", 3), NO_TTL);
        v.writes = false;
        cr_assert_eq(TOTAL(keys), 1, "not two of the same name");
        cr_assert_eq(TOTAL(expired), i + 1);
        check_all();
        set_switches(0);
        keyspace_delete(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE));
        cr_assert_eq(TOTAL(keys), 0);
    }
}

Test(keyspace_keep, what_is_being_discarded_is_known) {
    size_t begun = mem_used();
    for (unsigned i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%u", i);
        put(name, i % 2 ? "a short value" : name, i % 3 ? NO_TTL : now_ms + 10000);
    }
    size_t used = mem_used() - begun, discarded = 0;
    cr_assert_eq(keyspace_discarded_bytes(), 0);
    struct keyspace *detached[64];
    cr_assert_leq(slices.count, 64);
    for (unsigned i = 0; i < slices.count; i++) detached[i] = keyspace_detach(&v, &slices.all[i], 0);
    cr_assert_leq(keyspace_discarded_bytes(), used);
    cr_assert_geq(keyspace_discarded_bytes(), used / 10 * 6, "%zu of %zu", keyspace_discarded_bytes(), used);
    for (unsigned i = 0; i < slices.count; i++) {
        do {
            cr_assert(keyspace_discarded_bytes() <= used - discarded || !detached[i]);
            discarded = used - keyspace_discarded_bytes();
        } while (detached[i] && keyspace_discard(detached[i], 5));
    }
    cr_assert_eq(keyspace_discarded_bytes(), 0);
}

/* Freed in the thread's upkeep: the kernel takes its time over a large one. */
Test(keyspace_keep, large_blobs_are_buried_and_small_ones_are_not) {
    enum { LARGE = 2 << 20 };
    static char text[LARGE];
    struct key k = key_make("k", 1);
    for (size_t len = 5000; len <= LARGE; len = len == 5000 ? LARGE : LARGE + 1) {
        struct entry **at =
            keyspace_set(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE), value_bytes(text, len), NO_TTL);
        cr_assert(grave_is_empty(&me));
        if (len == LARGE) {
            keyspace_set(&v, &k, at, value_bytes("x", 1), NO_TTL);
            cr_assert_not(grave_is_empty(&me));
            cr_assert_geq(grave_bytes(), LARGE);
        }
    }
    for (unsigned i = 0; i < slices.count; i++) hold_release(&slices.all[i].hold, &me);
    cr_assert_not(grave_dig(&me, 1000000));
    cr_assert_eq(grave_bytes(), 0);
}

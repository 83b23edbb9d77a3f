/* test_hold.c: holds under real threads: mutual exclusion, sets without deadlock, no lost wake-up,
 * insistence ends.
 *
 * The threads here have rings and sleep in thread_turn as the server's do, so a lost wake-up shows as a test
 * that does not end (criterion's timeout).
 */
#include "shard/rt/clock.h"
#include "shard/rt/hold.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, HOLDS = 8, ROUNDS = 20000 };

struct taker {
    struct thread thread;
    unsigned seed;
    uint64_t done, refused;
};

static struct hold holds[HOLDS];
static uint64_t guarded[HOLDS]; /* each changed only under its hold */
static struct taker takers[THREADS];

static void start(struct taker *t) {
    char why[256];
    snprintf(t->thread.name, sizeof t->thread.name, "taker-%u", t->thread.index);
    cr_assert(thread_start(&t->thread, false, why, sizeof why), "%s", why);
}

static void wait_for_wake(struct taker *t) {
    while (!atomic_exchange(&t->thread.wake, false)) {
        thread_turn(&t->thread, UINT64_MAX);
        while (ring_next(t->thread.ring)) {
        }
    }
}

static unsigned pick(struct taker *t, unsigned n) {
    return (unsigned)random_below(&t->thread.random, n);
}

/* Adds one to each guarded number of a random set, all of them or none. */
static void take_random_set(struct taker *t) {
    struct hold *wanted[HOLDS];
    unsigned count = 0, passes = 0;
    uint64_t mask = 1 + pick(t, (1 << HOLDS) - 1);
    if (t->thread.index == 0 && pick(t, 10) == 0) mask = (1 << HOLDS) - 1; /* a cut now and then */
    for (unsigned i = 0; i < HOLDS; i++)
        if (mask & (1u << i)) wanted[count++] = &holds[i];
    while (!hold_take_set(wanted, count, &t->thread, &passes)) {
        t->refused++;
        wait_for_wake(t);
    }
    for (unsigned i = 0; i < HOLDS; i++)
        if (mask & (1u << i)) guarded[i]++;
    t->done += count;
    hold_release_set(wanted, count, &t->thread);
    cr_assert_eq(t->thread.holds_held, 0);
}

static void take_one(struct taker *t) {
    unsigned i = pick(t, HOLDS);
    while (!hold_try(&holds[i], &t->thread)) {
        t->refused++;
        if (hold_park(&holds[i], &t->thread)) break;
        wait_for_wake(t);
    }
    cr_assert(hold_is_mine(&holds[i], &t->thread));
    guarded[i]++;
    t->done++;
    hold_release(&holds[i], &t->thread);
}

static void *body(void *arg) {
    struct taker *t = arg;
    start(t);
    for (int round = 0; round < ROUNDS; round++) {
        if (pick(t, 3))
            take_one(t);
        else
            take_random_set(t);
        /* Rings what was noted, as the end of a turn does. */
        if (round % 8 == 0) {
            thread_turn(&t->thread, 0);
            while (ring_next(t->thread.ring)) {
            }
        }
    }
    /* The last doorbells. */
    thread_turn(&t->thread, 0);
    return NULL;
}

Test(hold, excludes_and_loses_no_wakeup, .timeout = 120) {
    pthread_t threads[THREADS];
    uint64_t sum = 0, done = 0;
    clock_init();
    for (unsigned i = 0; i < THREADS; i++) {
        takers[i].thread.index = (uint16_t)i;
        pthread_create(&threads[i], NULL, body, &takers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < HOLDS; i++) {
        cr_assert_eq(atomic_load(&holds[i].word), 0, "free and unreserved at the end");
        sum += guarded[i];
    }
    for (unsigned i = 0; i < THREADS; i++) done += takers[i].done;
    cr_assert_eq(sum, done, "no update was lost");
}

Test(hold, refuses_and_parks) {
    struct thread a = {.index = 1}, b = {.index = 2};
    struct hold h = {0};
    cr_assert(hold_try(&h, &a));
    cr_assert(hold_is_mine(&h, &a) && !hold_is_mine(&h, &b));
    cr_assert_not(hold_try(&h, &b));
    cr_assert_not(hold_park(&h, &b));
    cr_assert_eq(atomic_load(&h.parked[0]), 1u << 2);
    cr_assert_eq(a.holds_held, 1);
    cr_assert_eq(b.holds_held, 0);
}

Test(hold, parking_on_a_free_hold_takes_it) {
    struct thread a = {.index = 3};
    struct hold h = {0};
    cr_assert(hold_park(&h, &a));
    cr_assert_eq(atomic_load(&h.parked[0]), 0, "no bit is left behind");
    hold_release(&h, &a);
    cr_assert_eq(atomic_load(&h.word), 0);
}

/* Two connections of one thread on one hold. The second finds it free between the two halves of a release,
 * the freeing and the look at who is parked: the first one's bit has to survive, or nobody would ever wake
 * it. */
Test(hold, taking_it_after_all_keeps_the_bit_of_another_connection) {
    char why[256];
    static struct thread me = {.index = 0, .name = "me"};
    struct thread other = {.index = 5};
    struct hold h = {0};
    clock_init();
    cr_assert(thread_start(&me, false, why, sizeof why), "%s", why);
    cr_assert(hold_try(&h, &other));
    cr_assert_not(hold_park(&h, &me), "the first connection is parked");
    atomic_store(&h.word, 0); /* freed, and not yet looked at who is parked */
    cr_assert(hold_park(&h, &me), "the second one gets it");
    cr_assert_eq(atomic_load(&h.parked[0]), 1);
    hold_release(&h, &me);
    cr_assert(atomic_load(&me.wake), "its release wakes the first");
    cr_assert_eq(atomic_load(&h.parked[0]), 0);
}

/* A set taker that was passed over often enough reserves what refuses it, and others then yield to it. */
Test(hold, insistence_reserves) {
    char why[256];
    static struct thread a = {.index = 0, .name = "a"};
    struct thread b = {.index = 5};
    struct hold h[2] = {0}, *set[2] = {&h[0], &h[1]};
    unsigned passes = 0;
    clock_init();
    cr_assert(thread_start(&a, false, why, sizeof why), "%s", why);
    cr_assert(hold_try(&h[1], &b));
    for (int i = 0; i <= HOLD_PASSES_MAX; i++) cr_assert_not(hold_take_set(set, 2, &a, &passes));
    cr_assert_eq(atomic_load(&h[1].word) >> 16, 1, "reserved for thread 0");
    cr_assert_eq(a.holds_held, 0, "it holds nothing while it waits");
    hold_release(&h[1], &b);
    cr_assert_not(hold_try(&h[1], &b), "others are refused now");
    cr_assert(hold_take_set(set, 2, &a, &passes));
    cr_assert_eq(passes, 0);
    hold_release_set(set, 2, &a);
    cr_assert(hold_try(&h[1], &b), "the reservation ended with success");
    hold_release(&h[1], &b);
    cr_assert_eq(atomic_load(&h[0].word) | atomic_load(&h[1].word), 0);
}

Test(hold, forgoing_ends_insistence) {
    char why[256];
    static struct thread a = {.index = 0, .name = "a"};
    struct thread b = {.index = 5};
    struct hold h[1] = {0}, *set[1] = {&h[0]};
    unsigned passes = 0;
    clock_init();
    cr_assert(thread_start(&a, false, why, sizeof why), "%s", why);
    cr_assert(hold_try(&h[0], &b));
    for (int i = 0; i <= HOLD_PASSES_MAX; i++) cr_assert_not(hold_take_set(set, 1, &a, &passes));
    hold_forgo(&a, &passes);
    cr_assert_eq(atomic_load(&h[0].word) >> 16, 0);
    hold_release(&h[0], &b);
    cr_assert(hold_try(&h[0], &b));
}

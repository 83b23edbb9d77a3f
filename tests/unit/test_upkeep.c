/* test_upkeep.c: a shard's upkeep is fair to its slices and bounded in time, and reads its thresholds
 * right. */
#include "server/upkeep.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config_helper.h"
#include "server/command.h"
#include "server/pause.h"
#include "server/worker.h"
#include "shard/rt/clock.h"

static struct worker *w;
static struct visit v;

static void setup(void) {
    clock_init();
    slot_init();
    commands_init();
    config_init();
    slices_create(1, 1);
    workers_create(1);
    w = worker_by_index(0);
    w->thread.turn_unix_ms = clock_unix_ms();
    w->thread.turn_mono_ns = clock_mono_ns();
    random_seed(&w->thread.random, 1);
    upkeep_init(w);
}

TestSuite(upkeep, .init = setup, .timeout = 60);

/* One turn's upkeep; `round`: with a new round begun. */
static void turn(bool round) {
    w->thread.turn_mono_ns = clock_mono_ns();
    w->next_cron_ms = round ? 0 : UINT64_MAX;
    upkeep_run(w);
}

/* Makes keys of a slice that are past their time already. */
static void fill(struct slice *s, unsigned count) {
    v = (struct visit){.thread = &w->thread, .now_ms = 1000};
    cr_assert(hold_try(&s->hold, &w->thread));
    for (unsigned n = 0, made = 0; made < count; n++) {
        char name[32];
        struct key k = key_make(name, (size_t)snprintf(name, sizeof name, "k%u", n));
        if (k.slice != s) continue;
        keyspace_set(&v, &k, NULL, value_bytes("v", 1), 2000);
        made++;
    }
    hold_release(&s->hold, &w->thread);
}

static size_t left(const struct slice *s) {
    return keyspace_count(s, 0);
}

Test(upkeep, a_slice_without_end_of_work_does_not_starve_the_others) {
    struct slice *busy = &slices.all[0], *last = &slices.all[slices.count - 1];
    fill(busy, 100000);
    fill(last, 10);
    unsigned turns = 0;
    /* Each turn is another round, as where every turn takes long. */
    for (; left(last) > 0; turns++) {
        cr_assert_leq(turns, 2 * slices.count, "%zu keys are left in the last slice", left(last));
        turn(true);
    }
    cr_assert_gt(left(busy), 0, "the test's premise: there was more to do");
    while (left(busy)) turn(false);
    turn(false);
}

Test(upkeep, the_walk_ends_when_there_is_nothing_left_to_do) {
    fill(&slices.all[3], 20000);
    turn(true);
    cr_assert_eq(upkeep_wait_ns(w), 0, "there is more");
    unsigned turns = 0;
    for (; w->upkeep_left > 0; turns++) {
        cr_assert_lt(turns, 100000);
        turn(false);
    }
    cr_assert_eq(left(&slices.all[3]), 0);
    w->next_cron_ms = clock_mono_ms() + 100;
    cr_assert_gt(upkeep_wait_ns(w), 50000000);
}

Test(upkeep, a_busy_slice_is_left_alone) {
    struct thread other = {.index = 1};
    fill(&slices.all[0], 10);
    fill(&slices.all[1], 10);
    cr_assert(hold_try(&slices.all[0].hold, &other));
    turn(true);
    for (int i = 0; i < 100; i++) turn(false);
    cr_assert_eq(left(&slices.all[0]), 10);
    cr_assert_eq(left(&slices.all[1]), 0);
    hold_release(&slices.all[0].hold, &other);
    turn(true);
    for (int i = 0; i < 100; i++) turn(false);
    cr_assert_eq(left(&slices.all[0]), 0);
}

Test(upkeep, flushed_tables_are_freed_bit_by_bit) {
    struct slice *s = &slices.all[0];
    fill(s, 100000);
    cr_assert(hold_try(&s->hold, &w->thread));
    struct keyspace *ks = keyspace_detach(&v, s, 0);
    hold_release(&s->hold, &w->thread);
    worker_discard(w, ks);
    unsigned turns = 0;
    uint64_t longest_ns = 0;
    for (; w->discards; turns++) {
        uint64_t began_ns = clock_mono_ns();
        turn(false);
        uint64_t ns = clock_mono_ns() - began_ns;
        if (ns > longest_ns) longest_ns = ns;
    }
    cr_assert_gt(turns, 5);
    cr_assert_eq(keyspace_discarded_bytes(), 0);
}

Test(upkeep, pauses_that_are_over_are_forgotten_and_expiry_goes_on_at_once) {
    for (unsigned i = 0; i < slices.count; i++) cr_assert(hold_try(&slices.all[i].hold, &w->thread));
    pause_begin(&w->thread, SWITCH_PAUSE_WRITES, 1);
    for (unsigned i = 0; i < slices.count; i++) hold_release(&slices.all[i].hold, &w->thread);
    fill(&slices.all[0], 5);
    while (pause_switches()) clock_sleep_ns(1000000);
    turn(true);
    for (int i = 0; i < 100; i++) turn(false);
    cr_assert_eq(slices.all[0].switches, 0);
    cr_assert_eq(left(&slices.all[0]), 0);
}

static uint64_t slow_ns(void) {
    turn(true);
    return w->slow_ticks == UINT64_MAX ? UINT64_MAX : clock_ticks_to_ns(w->slow_ticks);
}

static void expect_about(uint64_t ns, uint64_t expected) {
    cr_assert_geq(ns, expected - expected / 20);
    cr_assert_leq(ns, expected + expected / 20);
}

Test(upkeep, commands_count_as_slow_from_the_lower_threshold_on) {
    config_test_set("slowlog-log-slower-than", "10000", NULL);
    expect_about(slow_ns(), 10000000);
    config_test_set("latency-monitor-threshold", "5", NULL);
    expect_about(slow_ns(), 5000000);
    config_test_set("latency-monitor-threshold", "500", NULL);
    expect_about(slow_ns(), 10000000);
    config_test_set("slowlog-log-slower-than", "-1", NULL);
    expect_about(slow_ns(), 500000000);
    config_test_set("latency-monitor-threshold", "0", NULL);
    cr_assert_eq(slow_ns(), UINT64_MAX);
    config_test_set("slowlog-log-slower-than", "0", NULL);
    cr_assert_eq(slow_ns(), 0);
    config_test_set("slowlog-log-slower-than", "9223372036854775807", "latency-monitor-threshold",
                    "9223372036854775807", NULL);
    cr_assert_gt(slow_ns(), UINT64_C(1000000000000000));
}

/* The statistics' sums, their reset, and the histogram of durations. */
#include "server/statistics.h"

#include "server/command.h"
#include "server/errorstats.h"
#include "server/worker.h"
#include "shard/base/mem.h"
#include "shard/base/slot.h"
#include "shard/rt/clock.h"
#include "shard/store/slice.h"

#include <criterion/criterion.h>

Test(statistics, every_duration_is_in_the_bucket_that_ends_behind_it) {
    for (unsigned bit = 0; bit < 60; bit++) {
        uint64_t base = (uint64_t)1 << bit;
        uint64_t near[] = {base - 1,        base,        base + 1, base + base / 8 - 1, base + base / 8,
                           base + base / 2, 2 * base - 1};
        for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
            unsigned bucket = latency_bucket(near[i]);
            cr_assert_lt(bucket, LATENCY_BUCKETS);
            if (bucket < LATENCY_BUCKETS - 1) cr_assert_lt(near[i], latency_bucket_end_ns(bucket));
            if (bucket > 0) cr_assert_geq(near[i], latency_bucket_end_ns(bucket - 1));
        }
    }
    cr_assert_eq(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
}

Test(statistics, buckets_are_an_eighth_apart) {
    for (unsigned b = 1; b < LATENCY_BUCKETS - 1; b++) {
        uint64_t from = latency_bucket_end_ns(b - 1), to = latency_bucket_end_ns(b);
        cr_assert_lt(from, to);
        cr_assert_leq((to - from) * 8, from);
    }
}

Test(statistics, percentiles) {
    struct command_total t = {0};
    cr_assert_eq(latency_percentile_ns(&t, 50), 0);
    t.histogram[latency_bucket(1000)] = 99;
    t.histogram[latency_bucket(1000000)] = 1;
    t.samples = 100;
    uint64_t low = latency_bucket_end_ns(latency_bucket(1000)) - 1;
    uint64_t high = latency_bucket_end_ns(latency_bucket(1000000)) - 1;
    cr_assert_eq(latency_percentile_ns(&t, 0), low);
    cr_assert_eq(latency_percentile_ns(&t, 50), low);
    cr_assert_eq(latency_percentile_ns(&t, 99), low);
    cr_assert_eq(latency_percentile_ns(&t, 99.9), high);
    cr_assert_eq(latency_percentile_ns(&t, 100), high);
}

extern struct command info_commands[];

static void make_server(void) {
    clock_init();
    slot_init();
    commands_init();
    slices_create(2, 2);
    workers_create(2);
}

Test(statistics, sums_go_over_workers_and_slices_and_begin_anew_after_a_reset) {
    make_server();
    struct statistics_total total;
    for (unsigned i = 0; i < 2; i++) {
        count_add(&worker_by_index(i)->statistics.commands_processed, 5 + i);
        count_add(&worker_by_index(i)->statistics.bytes_in, 100);
    }
    counter_add(&slices.all[0].counters.hits, 3);
    counter_add(&slices.all[slices.count - 1].counters.hits, 4);
    statistics_sum(&total);
    cr_assert_eq(total.commands_processed, 11);
    cr_assert_eq(total.bytes_in, 200);
    cr_assert_eq(total.hits, 7);

    statistics_reset_all();
    statistics_sum(&total);
    cr_assert_eq(total.commands_processed, 0);
    cr_assert_eq(total.hits, 0);
    counter_add(&slices.all[1].counters.hits, 2);
    statistics_sum(&total);
    cr_assert_eq(total.hits, 2);
    statistics_sum_ever(&total);
    cr_assert_eq(total.hits, 9);
}

static void call_command(unsigned worker, unsigned id, uint64_t ns) {
    struct command_statistics *s = &worker_by_index(worker)->statistics.commands[id];
    if (!s->histogram) s->histogram = mem_zalloc(LATENCY_BUCKETS * sizeof *s->histogram);
    count_add(&s->calls, 1);
    count_add(&s->histogram[latency_bucket(ns)], 1);
}

Test(statistics, commands_begin_anew_after_a_reset) {
    make_server();
    struct command_total total;
    unsigned id = info_commands[0].id;
    call_command(0, id, 1000);
    call_command(1, id, 1000);
    call_command(1, id, 50000);
    count_add(&worker_by_index(0)->statistics.commands[id].rejected, 2);
    statistics_sum_command(id, &total);
    cr_assert_eq(total.calls, 3);
    cr_assert_eq(total.samples, 3);
    cr_assert_eq(total.rejected, 2);
    cr_assert_eq(total.histogram[latency_bucket(1000)], 2);

    for (int i = 0; i < 2; i++) {
        errorstats_note("ERR");
        statistics_reset_all();
        statistics_sum_command(id, &total);
        cr_assert_eq(total.calls, 0);
        cr_assert_eq(total.samples, 0);
        cr_assert_eq(total.rejected, 0);
        struct errorstat kinds[ERRORSTATS_KINDS_MAX];
        cr_assert_eq(errorstats_list(kinds), 0);
        call_command(0, id, 1000);
        statistics_sum_command(id, &total);
        cr_assert_eq(total.calls, 1);
        cr_assert_eq(total.histogram[latency_bucket(1000)], 1);
    }
}

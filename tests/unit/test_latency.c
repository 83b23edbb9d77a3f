/* The latency monitor's events. */
#include "server/latency.h"

#include "server/config.h"
#include "shard/rt/clock.h"

#include <criterion/criterion.h>
#include <string.h>

static void begin(void) {
    clock_init();
    config_init();
}

static void set_threshold(const char *ms) {
    struct config_setting setting = {.name = "latency-monitor-threshold", .value = ms};
    setting.name_len = strlen(setting.name);
    setting.value_len = strlen(ms);
    struct config_change change = {.settings = &setting, .count = 1};
    struct buf error = {0};
    cr_assert(config_set(&change, &error));
}

static uint64_t worst(const struct latency_event *e) {
    uint64_t ms = 0;
    for (unsigned i = 0; i < e->count; i++)
        if (e->samples[i].ms > ms) ms = e->samples[i].ms;
    return ms;
}

Test(latency, nothing_is_noted_below_the_threshold_or_without_one, .init = begin) {
    latency_note("command", 1000000);
    cr_assert_eq(latency_events(), 0);
    set_threshold("10");
    latency_note("command", 9);
    cr_assert_eq(latency_events(), 0);
    latency_note("command", 10);
    cr_assert_eq(latency_events(), 1);
}

Test(latency, events_keep_the_worst_of_each_second, .init = begin) {
    struct latency_event e;
    set_threshold("10");
    for (uint64_t ms = 10; ms <= 30; ms++) latency_note("command", ms);
    latency_note("command", 12);
    latency_note("expire-cycle", 40);
    cr_assert_eq(latency_events(), 2);
    cr_assert(latency_event_at(0, &e));
    cr_assert_str_eq(e.name, "command");
    /* All within one second, or two if one has just ended. */
    cr_assert(e.count == 1 || e.count == 2);
    cr_assert_eq(worst(&e), 30);
    cr_assert_eq(e.worst_ms, 30);
    cr_assert(latency_event_named("expire-cycle", 12, &e));
    cr_assert_eq(e.samples[0].ms, 40);
    cr_assert_not(latency_event_named("expire-cycl", 11, &e));
    cr_assert_not(latency_event_at(2, &e));
}

Test(latency, resetting_one_leaves_the_others, .init = begin) {
    struct latency_event e;
    set_threshold("1");
    latency_note("a", 1);
    latency_note("b", 2);
    latency_note("c", 3);
    cr_assert_eq(latency_reset("b", 1), 1);
    cr_assert_eq(latency_reset("b", 1), 0);
    cr_assert_eq(latency_events(), 2);
    cr_assert(latency_event_named("c", 1, &e));
    cr_assert_eq(e.worst_ms, 3);
    latency_note("b", 5);
    cr_assert(latency_event_at(2, &e));
    cr_assert_eq(e.worst_ms, 5);
    cr_assert_eq(latency_reset_all(), 3);
    cr_assert_eq(latency_events(), 0);
}

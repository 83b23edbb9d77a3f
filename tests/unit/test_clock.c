/* test_clock.c: unix time keeps up with the wall clock and never steps back, whatever is done to that.
 *
 * clock_gettime is this file's own: it gives the real clocks, or a monotonic clock and a wall clock that a
 * test sets, of which the former moves on by a little at every look, as a real one does.
 */
#include "shard/rt/clock.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool on;
    int64_t mono_us, wall_ahead_us; /* the wall clock is that far ahead of the monotonic one */
    int64_t look_us;                /* what passes with each look */
    int interrupted_at;             /* before this look (counted down) another process has its turn */
} fake;

int clock_gettime(clockid_t id, struct timespec *ts) {
    if (!fake.on || (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME))
        return (int)syscall(SYS_clock_gettime, id, ts);
    fake.mono_us += fake.look_us;
    if (fake.interrupted_at && --fake.interrupted_at == 0) fake.mono_us += 50000;
    int64_t us = fake.mono_us + (id == CLOCK_REALTIME ? fake.wall_ahead_us : 0);
    *ts = (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    return 0;
}

static const int64_t second_us = 1000000;

static void fake_time(void) {
    /* clock_init looks at the real clock to measure the processor's counter. */
    clock_init();
    fake.on = true;
    fake.mono_us = 1000 * second_us;
    fake.wall_ahead_us = 4000000000 * second_us; /* later than the real one */
    clock_follow_wall();
}

static int64_t wall_us(void) {
    return fake.mono_us + fake.wall_ahead_us;
}

Test(clock, follows_a_wall_clock_that_is_set_forward_at_once) {
    fake_time();
    cr_assert_eq(clock_unix_us(), wall_us());
    fake.mono_us += 5 * second_us;
    cr_assert_eq(clock_unix_us(), wall_us());
    fake.wall_ahead_us += 3600 * second_us;
    int64_t before = clock_unix_us();
    cr_assert_eq(before, wall_us() - 3600 * second_us, "until the cron looks");
    clock_follow_wall();
    cr_assert_eq(clock_unix_us(), wall_us());
    cr_assert_eq(clock_unix_ms(), wall_us() / 1000);
}

Test(clock, waits_for_a_wall_clock_that_was_set_back) {
    fake_time();
    fake.wall_ahead_us -= 10 * second_us;
    clock_follow_wall();
    int64_t last = clock_unix_us();
    cr_assert_eq(last, wall_us() + 10 * second_us);
    int seconds = 0;
    for (; clock_unix_us() != wall_us() && seconds < 200; seconds++) {
        fake.mono_us += second_us;
        clock_follow_wall();
        int64_t now = clock_unix_us();
        cr_assert_gt(now, last);
        cr_assert_leq(now, last + second_us);
        last = now;
    }
    /* A tenth slower, so it takes ten times as long as the step; what is within the tolerance stays. */
    cr_assert_geq(seconds, 99);
    cr_assert_leq(last - wall_us(), 3000);
}

Test(clock, small_differences_are_left_alone) {
    fake_time();
    fake.wall_ahead_us += 1500;
    clock_follow_wall();
    cr_assert_eq(clock_unix_us(), wall_us() - 1500);
    fake.wall_ahead_us -= 3000;
    clock_follow_wall();
    cr_assert_eq(clock_unix_us(), wall_us() + 1500);
}

/* Every look at the clock takes a while: none of the changes of the line may lose that. */
Test(clock, never_steps_back) {
    fake_time();
    fake.look_us = 700;
    int64_t last = clock_unix_us(), last_mono = fake.mono_us;
    for (int i = 0; i < 20000; i++) {
        if (i % 50 == 0) fake.wall_ahead_us += i % 100 ? 40000 : -40000;
        clock_follow_wall();
        int64_t now = clock_unix_us(), passed = fake.mono_us - last_mono;
        last_mono = fake.mono_us;
        /* It slows down to nine tenths at most (rounded down twice). */
        cr_assert_geq(now - last, passed * 9 / 10 - 2, "step %d: %lld of %lld us", i, (long long)(now - last),
                      (long long)passed);
        last = now;
    }
}

/* A processor that is taken away in the middle looks like a wall clock that was set. */
Test(clock, an_interruption_is_no_change_of_the_wall_clock) {
    for (int look = 1; look < 8; look++) {
        fake_time();
        fake.interrupted_at = look;
        for (int i = 0; i < 3; i++) clock_follow_wall();
        cr_assert_eq(clock_unix_us(), wall_us(), "interrupted at look %d", look);
        fake.on = false;
    }
}

static _Atomic bool over;

static void *read_time(void *arg) {
    int64_t last = 0;
    (void)arg;
    while (!atomic_load(&over)) {
        int64_t now = clock_unix_us();
        if (now < last) return (void *)1;
        last = now;
    }
    return NULL;
}

Test(clock, readers_see_it_rise_while_it_is_being_followed, .timeout = 30) {
    pthread_t thread;
    void *stepped_back;
    clock_init();
    pthread_create(&thread, NULL, read_time, NULL);
    for (int i = 0; i < 200000; i++) clock_follow_wall();
    atomic_store(&over, true);
    pthread_join(thread, &stepped_back);
    cr_assert_null(stepped_back);
}

Test(clock, real_time_is_the_wall_clocks) {
    clock_init();
    int64_t off = clock_unix_us() - (int64_t)time(NULL) * second_us;
    cr_assert_geq(off, -second_us);
    cr_assert_leq(off, 2 * second_us);
    uint64_t mono = clock_mono_ns();
    cr_assert_geq(clock_mono_ms(), mono / 1000000);
}

Test(clock, ticks_measure_time) {
    clock_init();
    uint64_t ticks = clock_ticks(), began_ns = clock_mono_ns();
    clock_sleep_ns(50000000);
    uint64_t by_ticks = clock_ticks_to_ns(clock_ticks() - ticks), by_clock = clock_mono_ns() - began_ns;
    cr_assert_geq(by_clock, 50000000);
    cr_assert_geq(by_ticks, by_clock / 100 * 95);
    cr_assert_leq(by_ticks, by_clock / 100 * 105);
}

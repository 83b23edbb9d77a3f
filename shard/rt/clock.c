/* clock.c: the real clock behind clock.h.
 *
 * Unix time is a line through (base_mono, base_unix) whose slope is 1, or CATCH_UP_PERMILLE / 1000 while the
 * wall clock stands behind us (somebody set it back): so time slows down until the wall has caught up and
 * never steps back. When the wall clock is ahead, we step forward. The line is changed by the coordinator
 * alone, under a sequence count: a reader that meets a change reads again.
 */
#include "shard/rt/clock.h"

#include "shard/base/assert.h"
#include "shard/rt/pause.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

enum {
    CATCH_UP_PERMILLE = 900,
    TOLERANCE_US = 2000, /* drift between the two clocks that is left alone */
    CALIBRATION_NS = 5000000,
};

static struct {
    _Atomic uint32_t sequence; /* odd while being changed */
    _Atomic int64_t base_unix_us;
    _Atomic int64_t base_mono_us;
    _Atomic int32_t permille;
} line;

static bool counter_is_steady;
static double counter_ns_per_tick = 1.0;

static int64_t read_us(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint64_t clock_mono_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int64_t clock_unix_us(void) {
    for (;;) {
        uint32_t before = atomic_load_explicit(&line.sequence, memory_order_acquire);
        int64_t base_unix = atomic_load_explicit(&line.base_unix_us, memory_order_acquire);
        int64_t base_mono = atomic_load_explicit(&line.base_mono_us, memory_order_acquire);
        int32_t permille = atomic_load_explicit(&line.permille, memory_order_acquire);
        /* Before the check: a moment after a change must not be looked up on the old line. */
        int64_t passed = read_us(CLOCK_MONOTONIC) - base_mono;
        uint32_t after = atomic_load_explicit(&line.sequence, memory_order_acquire);
        if (UNLIKELY((before & 1) || before != after)) {
            cpu_pause();
            continue;
        }
        return base_unix + (LIKELY(permille == 1000) ? passed : passed * permille / 1000);
    }
}

/* Begins a new line where the old one is now, or at the wall clock's time if that is to be followed and ahead.
 * Now is looked up while readers are kept waiting: whoever read the old line did so before, so none sees time
 * step back, however long we are interrupted. The wall clock is looked at first: what passes in between is
 * lost, not gained. */
static void bend_line(int32_t permille, bool follow) {
    atomic_fetch_add(&line.sequence, 1);
    int64_t wall = read_us(CLOCK_REALTIME), mono = read_us(CLOCK_MONOTONIC);
    int64_t passed = mono - atomic_load_explicit(&line.base_mono_us, memory_order_relaxed);
    passed = passed * atomic_load_explicit(&line.permille, memory_order_relaxed) / 1000;
    int64_t ours = atomic_load_explicit(&line.base_unix_us, memory_order_relaxed) + passed;
    atomic_store_explicit(&line.base_unix_us, follow && wall > ours ? wall : ours, memory_order_release);
    atomic_store_explicit(&line.base_mono_us, mono, memory_order_release);
    atomic_store_explicit(&line.permille, permille, memory_order_release);
    atomic_fetch_add(&line.sequence, 1);
}

void clock_follow_wall(void) {
    /* Between two looks at the wall clock: time that passes here makes neither difference larger. */
    int64_t before = read_us(CLOCK_REALTIME), ours = clock_unix_us(), after = read_us(CLOCK_REALTIME);
    int32_t permille = atomic_load_explicit(&line.permille, memory_order_relaxed);
    if (before > ours + TOLERANCE_US) {
        bend_line(1000, true);
    } else if (after < ours - TOLERANCE_US) {
        if (permille == 1000) bend_line(CATCH_UP_PERMILLE, false);
    } else if (permille != 1000) {
        bend_line(1000, false);
    }
}

void clock_sleep_ns(uint64_t ns) {
    struct timespec left = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

uint64_t clock_ticks(void) {
#if defined(__x86_64__)
    if (LIKELY(counter_is_steady)) return __rdtsc();
#endif
    return clock_mono_ns();
}

uint64_t clock_ticks_to_ns(uint64_t ticks) {
    return counter_is_steady ? (uint64_t)((double)ticks * counter_ns_per_tick) : ticks;
}

void clock_init(void) {
    atomic_store(&line.base_unix_us, read_us(CLOCK_REALTIME));
    atomic_store(&line.base_mono_us, read_us(CLOCK_MONOTONIC));
    atomic_store(&line.permille, 1000);
#if defined(__x86_64__)
    unsigned a, b, c, d;
    /* Leaf 0x80000007, EDX bit 8: the counter runs at a constant rate in all states. */
    if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & (1u << 8))) return;
    uint64_t ns = clock_mono_ns(), ticks = __rdtsc(), end;
    do end = clock_mono_ns();
    while (end - ns < CALIBRATION_NS);
    uint64_t passed = __rdtsc() - ticks;
    if (passed == 0) return;
    counter_ns_per_tick = (double)(end - ns) / (double)passed;
    counter_is_steady = true;
#endif
}

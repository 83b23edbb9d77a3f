/* clock.h: time, one of the three doors (with ring.h and random seeds) through which the outside enters a
 * thread.
 *
 * A simulator replaces clock.c and ring.c at link time; nothing else in the server asks the operating system
 * for the time. Unix time never steps back within a process: it follows the wall clock forward at once, and
 * where that was set back it slows down until it has been caught up with. Any thread may call these.
 */
#ifndef GYRE_RT_CLOCK_H
#define GYRE_RT_CLOCK_H

#include <stdint.h>

/* Measures the tick rate; called once before threads start. */
void clock_init(void);

int64_t clock_unix_us(void);
static inline int64_t clock_unix_ms(void) {
    return clock_unix_us() / 1000;
}
uint64_t clock_mono_ns(void);
static inline uint64_t clock_mono_ms(void) {
    return clock_mono_ns() / 1000000;
}
/* Blocks the calling thread: for DEBUG commands, which are there to be in the way. */
void clock_sleep_ns(uint64_t ns);
/* Takes a new wall-clock offset if the wall clock has run ahead. Called by the coordinator's cron. */
void clock_follow_wall(void);

/* The cheapest clock there is (the processor's counter), for durations only. */
uint64_t clock_ticks(void);
uint64_t clock_ticks_to_ns(uint64_t ticks);

#endif

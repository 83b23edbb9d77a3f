/* schedule.h: when requests should be sent in the open loop.
 *
 * A schedule is computed, not stored: what is due and could not be sent yet costs no memory, however long
 * the server stands still, and is charged from the time it should have been sent. The threads share the
 * rate: thread t of n sends requests t, t + n, t + 2n, ... of one even sequence, or its own share of a
 * Poisson process. */
#ifndef GYRE_BENCH_SCHEDULE_H
#define GYRE_BENCH_SCHEDULE_H

#include "shard/base/random.h"

#include <stdbool.h>
#include <stdint.h>

/* How one thread of several takes part. */
struct schedule_shape {
    double rate; /* requests a second of all threads together */
    bool poisson;
    unsigned thread, threads;
};

struct schedule {
    double next_ns; /* after start_ns */
    double gap_ns;
    uint64_t start_ns;
    bool poisson;
};

void schedule_start(struct schedule *s, uint64_t start_ns, const struct schedule_shape *shape);
static inline uint64_t schedule_due(const struct schedule *s) {
    return s->start_ns + (uint64_t)s->next_ns;
}
/* The request that was due has been sent. */
void schedule_advance(struct schedule *s, struct random *random);

#endif

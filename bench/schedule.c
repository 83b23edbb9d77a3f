/* schedule.c: see schedule.h. */
#include "bench/schedule.h"

#include "shard/base/assert.h"

#include <math.h>

void schedule_start(struct schedule *s, uint64_t start_ns, double rate, bool poisson, unsigned thread,
                    unsigned threads) {
    ASSERT(rate > 0 && thread < threads);
    *s = (struct schedule){.start_ns = start_ns, .poisson = poisson};
    s->gap_ns = 1e9 / rate * threads;
    s->next_ns = s->gap_ns / threads * thread;
}

void schedule_advance(struct schedule *s, struct random *random) {
    s->next_ns += s->poisson ? -log1p(-random_unit(random)) * s->gap_ns : s->gap_ns;
}

/* schedule.c: see schedule.h. */
#include "bench/schedule.h"

#include "shard/base/assert.h"

#include <math.h>

void schedule_start(struct schedule *s, uint64_t start_ns, const struct schedule_shape *shape) {
    ASSERT(shape->rate > 0 && shape->thread < shape->threads);
    *s = (struct schedule){.start_ns = start_ns, .poisson = shape->poisson};
    s->gap_ns = 1e9 / shape->rate * shape->threads;
    s->next_ns = s->gap_ns / shape->threads * shape->thread;
}

void schedule_advance(struct schedule *s, struct random *random) {
    s->next_ns += s->poisson ? -log1p(-random_unit(random)) * s->gap_ns : s->gap_ns;
}

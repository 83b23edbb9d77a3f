/* random.h: a small fast generator (xoshiro256**), one state per thread, seeded through the thread's ring
 * interface.
 *
 * Not for secrets. The state belongs to one thread.
 */
#ifndef GYRE_BASE_RANDOM_H
#define GYRE_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t s[4];
};

/* Expands one 64-bit seed (splitmix64). */
void random_seed(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);
/* Uniform in [0, 1). */
double random_unit(struct random *r);

#endif

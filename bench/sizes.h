/* sizes.h: how long values are, and any other number that is drawn from weighted ranges (times to live).
 *
 *   100              always 100
 *   10-1000          uniform, both ends included
 *   64:80,1000-4000:20   weighted: 64 in 80 of 100 cases, 1000 to 4000 in 20
 *
 * Shared and read-only once parsed; drawing uses the calling thread's random state.
 */
#ifndef GYRE_BENCH_SIZES_H
#define GYRE_BENCH_SIZES_H

#include "bench/problem.h"
#include "shard/base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIZES_PARTS_MAX = 32 };

struct sizes {
    unsigned count; /* 0: none was given */
    uint64_t weight_total;
    struct size_part {
        uint64_t low, high, weight;
    } part[SIZES_PARTS_MAX];
};

/* Numbers may carry a unit (k, kb, m, ...) and must not exceed `max`. False with the reason in `problem`. */
bool sizes_parse(const char *text, uint64_t max, struct sizes *sizes, struct problem *problem);
uint64_t sizes_draw(const struct sizes *sizes, struct random *random);
uint64_t sizes_largest(const struct sizes *sizes);
/* Whether only one number can be drawn. */
bool sizes_fixed(const struct sizes *sizes);

#endif

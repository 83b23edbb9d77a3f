/* draw.h: which key a request is for: numbers from 0 to n - 1 by a chosen distribution.
 *
 *   uniform      every key as often as any other
 *   zipf         the r-th most popular key in proportion to 1 / r^theta; popular keys are scattered over the
 *                numbers, so that neighbours are not all hot
 *   sequential   one after the other, shared out among the threads without gaps
 *   hot set      a share of the keys receives a share of the requests, uniform within and without
 *
 * A shape is what the user asked for and is shared; a draw is one thread's state. Drawing allocates nothing,
 * takes time independent of n, and replays exactly from the thread's seed.
 */
#ifndef GYRE_BENCH_DRAW_H
#define GYRE_BENCH_DRAW_H

#include "bench/problem.h"
#include "shard/base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum draw_kind { DRAW_UNIFORM, DRAW_ZIPF, DRAW_SEQUENTIAL, DRAW_HOT_SET };

struct draw_shape {
    enum draw_kind kind;
    double theta;     /* zipf, above 0 */
    double hot_keys;  /* hot set: the share of keys, above 0 and below 1 */
    double hot_share; /* and the share of requests that they receive */
};

struct draw {
    struct draw_shape shape;
    uint64_t n;
    uint64_t scatter;             /* a number coprime to n: rank * scatter mod n visits every key once */
    uint64_t next, step;          /* sequential */
    uint64_t hot;                 /* keys in the hot set */
    double low, high, flat, base; /* of the Zipf sampler: see draw.c */
};

/* "uniform", "zipf", "zipf:0.8", "sequential", "hotset:KEYS,REQUESTS" (shares such as 0.1,0.9). Returns false
 * with the reason in `problem`. */
bool draw_parse(const char *text, struct draw_shape *shape, struct problem *problem);

/* Prepares to draw from n keys, as thread `thread` of `threads`. */
void draw_start(struct draw *d, const struct draw_shape *shape, uint64_t n, unsigned thread,
                unsigned threads);
uint64_t draw_next(struct draw *d, struct random *random);
/* The same without the scattering: 0 is the most popular. What the tests look at. */
uint64_t draw_rank(struct draw *d, struct random *random);

#endif

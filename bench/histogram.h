/* histogram.h: how often each latency was seen, with at most 0.8% error from a nanosecond to 68 seconds.
 *
 * Log-linear: 128 buckets of equal width between each power of two and the next, so a bucket is never
 * wider than 1/128 of what it counts; below 128 ns every nanosecond has its own. What is above the range
 * is counted in the last bucket; the exact largest and the sum are kept beside.
 *
 * One thread records into a histogram; any other may read it meanwhile, by histogram_add into one of its
 * own: every cell is an atomic written by one thread only, so neither locks nor locked instructions are
 * needed. A reader sees each cell whole, but perhaps not all cells of the same instant, which is what a
 * live line needs; after the recording thread has ended it is exact. */
#ifndef GYRE_BENCH_HISTOGRAM_H
#define GYRE_BENCH_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    HISTOGRAM_PRECISION_BITS = 7,
    HISTOGRAM_RANGE_BITS = 36, /* 2^36 ns: 68.7 s */
    HISTOGRAM_BUCKETS = (HISTOGRAM_RANGE_BITS - HISTOGRAM_PRECISION_BITS + 1) << HISTOGRAM_PRECISION_BITS,
};

struct histogram {
    _Atomic uint64_t sum_ns, max_ns;
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t ns) {
    if (ns >> HISTOGRAM_RANGE_BITS) return HISTOGRAM_BUCKETS - 1;
    const unsigned above = 63u - (unsigned)__builtin_clzll(ns | (1u << HISTOGRAM_PRECISION_BITS));
    const unsigned shift = above - HISTOGRAM_PRECISION_BITS;
    return (shift << HISTOGRAM_PRECISION_BITS) + (unsigned)(ns >> shift);
}

/* Adds to a cell that only the calling thread writes. */
static inline void histogram_bump(_Atomic uint64_t *cell, uint64_t by) {
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + by, memory_order_relaxed);
}

static inline void histogram_record(struct histogram *h, uint64_t ns) {
    histogram_bump(&h->counts[histogram_bucket(ns)], 1);
    histogram_bump(&h->sum_ns, ns);
    if (ns > atomic_load_explicit(&h->max_ns, memory_order_relaxed))
        atomic_store_explicit(&h->max_ns, ns, memory_order_relaxed);
}

/* Adds all that `from` has counted to `to`, which is the caller's. */
void histogram_add(struct histogram *to, const struct histogram *from);
/* Takes away what was counted before: `earlier` is a copy of an earlier state of `from`. The largest value is
 * then known to the width of its bucket only. */
void histogram_subtract(struct histogram *from, const struct histogram *earlier);
void histogram_clear(struct histogram *h);

uint64_t histogram_count(const struct histogram *h);
/* 0 when nothing was counted. */
double histogram_mean(const struct histogram *h);
/* The smallest and the largest value, the smallest to the width of its bucket; 0 when nothing was counted. */
uint64_t histogram_min(const struct histogram *h);
uint64_t histogram_max(const struct histogram *h);
/* The value that `share` (0 to 1) of all counted do not exceed: the middle of its bucket, and never above the
 * largest value. 0 when nothing was counted. */
uint64_t histogram_quantile(const struct histogram *h, double share);
/* The same for several ascending shares in one walk. */
void histogram_quantiles(const struct histogram *h, const double *shares, uint64_t *values, unsigned count);

#endif

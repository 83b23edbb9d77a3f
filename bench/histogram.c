/* histogram.c: see histogram.h. */
#include "bench/histogram.h"

#include "shard/base/assert.h"

#include <math.h>
#include <string.h>

static uint64_t get(const _Atomic uint64_t *cell) {
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* The lowest value that is counted in a bucket, and how many values are. */
static uint64_t bucket_low(unsigned bucket, uint64_t *width) {
    ASSERT(bucket < HISTOGRAM_BUCKETS);
    unsigned shift = bucket >> HISTOGRAM_PRECISION_BITS;
    if (shift) shift--; /* the first two rows are of width 1 */
    *width = UINT64_C(1) << shift;
    return ((uint64_t)bucket - ((uint64_t)shift << HISTOGRAM_PRECISION_BITS)) << shift;
}

static uint64_t bucket_middle(unsigned bucket) {
    uint64_t width, low = bucket_low(bucket, &width);
    return low + width / 2;
}

void histogram_add(struct histogram *to, const struct histogram *from) {
    ASSERT(to != from);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t count = get(&from->counts[i]);
        if (count) histogram_bump(&to->counts[i], count);
    }
    histogram_bump(&to->sum_ns, get(&from->sum_ns));
    if (get(&from->max_ns) > get(&to->max_ns)) atomic_store(&to->max_ns, get(&from->max_ns));
}

void histogram_subtract(struct histogram *from, const struct histogram *earlier) {
    unsigned highest = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t now = get(&from->counts[i]), before = get(&earlier->counts[i]);
        ASSERT(now >= before);
        atomic_store_explicit(&from->counts[i], now - before, memory_order_relaxed);
        if (now > before) highest = i;
    }
    /* The sums were read at other instants than the counts: they may be behind. */
    uint64_t sum = get(&from->sum_ns), before = get(&earlier->sum_ns);
    atomic_store(&from->sum_ns, sum > before ? sum - before : 0);
    if (get(&from->max_ns) == get(&earlier->max_ns)) {
        uint64_t middle = histogram_count(from) ? bucket_middle(highest) : 0;
        atomic_store(&from->max_ns, middle < get(&from->max_ns) ? middle : get(&from->max_ns));
    }
}

void histogram_clear(struct histogram *h) {
    memset(h, 0, sizeof *h);
}

uint64_t histogram_count(const struct histogram *h) {
    uint64_t count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) count += get(&h->counts[i]);
    return count;
}

double histogram_mean(const struct histogram *h) {
    uint64_t count = histogram_count(h);
    return count ? (double)get(&h->sum_ns) / (double)count : 0;
}

uint64_t histogram_min(const struct histogram *h) {
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (get(&h->counts[i]))
            return bucket_middle(i) < get(&h->max_ns) ? bucket_middle(i) : get(&h->max_ns);
    }
    return 0;
}

uint64_t histogram_max(const struct histogram *h) {
    return get(&h->max_ns);
}

uint64_t histogram_quantile(const struct histogram *h, double share) {
    uint64_t value;
    histogram_quantiles(h, &share, &value, 1);
    return value;
}

void histogram_quantiles(const struct histogram *h, const double *shares, uint64_t *values, unsigned count) {
    const uint64_t total = histogram_count(h), max = get(&h->max_ns);
    uint64_t seen = 0;
    unsigned bucket = 0;
    for (unsigned i = 0; i < count; i++) {
        ASSERT(shares[i] >= 0 && shares[i] <= 1 && (i == 0 || shares[i] >= shares[i - 1]));
        values[i] = 0;
        if (!total) continue;
        uint64_t wanted = (uint64_t)ceil(shares[i] * (double)total);
        if (wanted == 0) wanted = 1;
        if (wanted > total) wanted = total;
        while (bucket < HISTOGRAM_BUCKETS && seen + get(&h->counts[bucket]) < wanted)
            seen += get(&h->counts[bucket++]);
        /* A thread that goes on counting can only have made `total` too small, so the walk ends in time. */
        ASSERT(bucket < HISTOGRAM_BUCKETS);
        const uint64_t middle = bucket_middle(bucket);
        values[i] = wanted == total || middle > max ? max : middle;
    }
}

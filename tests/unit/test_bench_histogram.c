/* test_bench_histogram.c: the histogram's error over its whole range, its quantiles, and merging. */
#include <criterion/criterion.h>

#include "bench/histogram.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"

#include <math.h>
#include <stdlib.h>

static struct histogram *fresh(void) {
    return mem_zalloc(sizeof(struct histogram));
}

static double error_of(uint64_t ns) {
    struct histogram *h = fresh();
    histogram_record(h, ns);
    histogram_record(h, ns * 2); /* so that the median is not the largest, which is exact */
    const double error = fabs((double)histogram_quantile(h, 0.5) - (double)ns) / (double)ns;
    mem_free(h);
    return error;
}

Test(bench_histogram, error_is_at_most_one_percent_from_a_microsecond_to_a_minute) {
    for (double ns = 1000; ns < 30e9; ns *= 1.0007) {
        const double error = error_of((uint64_t)ns);
        cr_assert(error <= 0.01, "%.0f ns: %.3f%%", ns, error * 100);
    }
}

Test(bench_histogram, buckets_follow_each_other_without_gaps) {
    unsigned last = histogram_bucket(0);
    cr_assert_eq(last, 0);
    for (uint64_t ns = 1; ns < 1 << 20; ns++) {
        const unsigned bucket = histogram_bucket(ns);
        cr_assert(bucket == last || bucket == last + 1, "%llu", (unsigned long long)ns);
        last = bucket;
    }
    cr_assert_eq(histogram_bucket((UINT64_C(1) << HISTOGRAM_RANGE_BITS) - 1), HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

Test(bench_histogram, an_empty_one_answers_zero) {
    struct histogram *h = fresh();
    cr_assert_eq(histogram_count(h), 0);
    cr_assert_eq(histogram_quantile(h, 0.99), 0);
    cr_assert_eq(histogram_min(h), 0);
    cr_assert_eq(histogram_max(h), 0);
    cr_assert_eq(histogram_mean(h), 0);
    mem_free(h);
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Against the sorted list of what was recorded, whose values span five orders of magnitude. */
Test(bench_histogram, quantiles_are_those_of_the_sorted_list) {
    enum { COUNT = 200000 };
    uint64_t *all = mem_alloc(COUNT * sizeof *all), sum = 0;
    struct histogram *h = fresh();
    struct random random;
    random_seed(&random, 7);
    for (unsigned i = 0; i < COUNT; i++) {
        all[i] = (uint64_t)exp(random_unit(&random) * 14 + 7);
        sum += all[i];
        histogram_record(h, all[i]);
    }
    qsort(all, COUNT, sizeof *all, ascending);
    static const double shares[] = {0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    uint64_t values[8];
    histogram_quantiles(h, shares, values, 8);
    for (unsigned i = 0; i < 8; i++) {
        const unsigned at = shares[i] == 0 ? 0 : (unsigned)ceil(shares[i] * COUNT) - 1;
        const double exact = (double)all[at];
        cr_assert(fabs((double)values[i] - exact) <= exact * 0.008 + 1, "share %f: %f and not %f", shares[i],
                  (double)values[i], exact);
    }
    cr_assert_eq(values[7], all[COUNT - 1]);
    cr_assert_eq(histogram_max(h), all[COUNT - 1]);
    cr_assert_eq(histogram_count(h), COUNT);
    cr_assert_float_eq(histogram_mean(h), (double)sum / COUNT, 1e-6 * (double)sum / COUNT);
    mem_free(all);
    mem_free(h);
}

Test(bench_histogram, merged_it_is_as_if_all_had_been_recorded_in_one) {
    struct histogram *one = fresh(), *parts[4], *sum = fresh();
    struct random random;
    random_seed(&random, 11);
    for (unsigned i = 0; i < 4; i++) parts[i] = fresh();
    for (unsigned i = 0; i < 100000; i++) {
        const uint64_t ns = random_below(&random, UINT64_C(60000000000));
        histogram_record(one, ns);
        histogram_record(parts[i % 4], ns);
    }
    for (unsigned i = 0; i < 4; i++) histogram_add(sum, parts[i]);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) cr_assert_eq(sum->counts[i], one->counts[i]);
    cr_assert_eq(sum->max_ns, one->max_ns);
    cr_assert_eq(sum->sum_ns, one->sum_ns);
    for (unsigned i = 0; i < 4; i++) mem_free(parts[i]);
    mem_free(one);
    mem_free(sum);
}

Test(bench_histogram, a_difference_holds_what_came_in_between) {
    struct histogram *h = fresh(), *earlier = fresh();
    for (unsigned i = 0; i < 100; i++) histogram_record(h, 5000000);
    histogram_add(earlier, h);
    for (unsigned i = 0; i < 50; i++) histogram_record(h, 2000);
    histogram_subtract(h, earlier);
    cr_assert_eq(histogram_count(h), 50);
    cr_assert_float_eq((double)histogram_quantile(h, 0.5), 2000, 20);
    cr_assert_float_eq((double)histogram_max(h), 2000, 20);
    cr_assert_float_eq(histogram_mean(h), 2000, 1e-9);
    mem_free(h);
    mem_free(earlier);
}

/* What lies beyond the range is counted, and its maximum is exact. */
Test(bench_histogram, values_beyond_the_range_are_not_lost) {
    struct histogram *h = fresh();
    histogram_record(h, UINT64_C(200000000000));
    cr_assert_eq(histogram_count(h), 1);
    cr_assert_eq(histogram_max(h), UINT64_C(200000000000));
    cr_assert_eq(histogram_quantile(h, 1), UINT64_C(200000000000));
    mem_free(h);
}

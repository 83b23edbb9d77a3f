/* test_bench_draw.c: the key distributions, by chi-squared tests with fixed seeds, and what they parse. */
#include <criterion/criterion.h>

#include "bench/draw.h"
#include "bench/sizes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 1000000 };

/* The value that a chi-squared variable with `degrees` of freedom exceeds once in a thousand
 * (Wilson-Hilferty). */
static double limit(unsigned degrees) {
    const double k = degrees, z = 3.0902;
    return k * pow(1 - 2 / (9 * k) + z * sqrt(2 / (9 * k)), 3);
}

/* Draws ranks and compares how often each came with what `expected` says. Ranks expected less than ten
 * times are put together. */
static void check_fit(const struct draw_shape *shape, uint64_t n,
                      double (*expected)(const struct draw_shape *, uint64_t n, uint64_t rank)) {
    static unsigned seen[100000];
    struct draw d;
    struct random random;
    cr_assert(n <= 100000);
    memset(seen, 0, sizeof seen);
    random_seed(&random, 20240607);
    draw_start(&d, shape, n, 0, 1);
    for (unsigned i = 0; i < DRAWS; i++) seen[draw_rank(&d, &random)]++;
    double chi = 0, together = 0, together_seen = 0, sum = 0;
    unsigned cells = 0;
    for (uint64_t rank = 0; rank < n; rank++) {
        const double mean = expected(shape, n, rank) * DRAWS;
        sum += mean;
        together += mean;
        together_seen += seen[rank];
        if (together < 10 && rank + 1 < n) continue;
        chi += (together_seen - together) * (together_seen - together) / together;
        together = together_seen = 0;
        cells++;
    }
    cr_assert_float_eq(sum, DRAWS, 1e-3 * DRAWS, "the expectation itself is off: %f", sum);
    cr_assert(cells > 1);
    cr_assert_lt(chi, limit(cells - 1), "chi-squared %.1f with %u degrees of freedom (limit %.1f)", chi,
                 cells - 1, limit(cells - 1));
}

static double expected_uniform(const struct draw_shape *shape, uint64_t n, uint64_t rank) {
    (void)shape, (void)rank;
    return 1.0 / (double)n;
}

static double expected_zipf(const struct draw_shape *shape, uint64_t n, uint64_t rank) {
    static double total, total_theta;
    static uint64_t total_n;
    if (total_n != n || total_theta != shape->theta) {
        total = 0;
        for (uint64_t i = 1; i <= n; i++) total += pow((double)i, -shape->theta);
        total_n = n;
        total_theta = shape->theta;
    }
    return pow((double)rank + 1, -shape->theta) / total;
}

static double expected_hot_set(const struct draw_shape *shape, uint64_t n, uint64_t rank) {
    const double hot = round((double)n * shape->hot_keys);
    return (double)rank < hot ? shape->hot_share / hot : (1 - shape->hot_share) / ((double)n - hot);
}

static struct draw_shape parsed(const char *text) {
    struct draw_shape shape;
    struct problem problem;
    cr_assert(draw_parse(text, &shape, &problem), "%s: %s", text, problem.text);
    return shape;
}

Test(bench_draw, uniform_fits) {
    const struct draw_shape shape = parsed("uniform");
    check_fit(&shape, 1000, expected_uniform);
    check_fit(&shape, 7, expected_uniform);
}

Test(bench_draw, zipf_fits) {
    static const char *const texts[] = {"zipf", "zipf:0.5", "zipf:1", "zipf:1.2", "zipf:3"};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct draw_shape shape = parsed(texts[i]);
        check_fit(&shape, 10, expected_zipf);
        check_fit(&shape, 100000, expected_zipf);
    }
}

Test(bench_draw, hot_set_fits) {
    const struct draw_shape shape = parsed("hotset:0.2,0.8"), usual = parsed("hotset");
    check_fit(&shape, 1000, expected_hot_set);
    check_fit(&usual, 50, expected_hot_set);
}

/* A wrong expectation must be found out, or the tests above show nothing. */
Test(bench_draw, the_test_itself_can_fail) {
    struct draw d;
    struct random random;
    const struct draw_shape shape = parsed("zipf:0.99");
    unsigned seen[10] = {0};
    double chi = 0, total = 0;
    random_seed(&random, 1);
    draw_start(&d, &shape, 10, 0, 1);
    for (unsigned i = 0; i < DRAWS; i++) seen[draw_rank(&d, &random)]++;
    for (unsigned i = 0; i < 10; i++) total += pow(i + 1, -0.95);
    for (unsigned i = 0; i < 10; i++) {
        const double mean = pow(i + 1, -0.95) / total * DRAWS;
        chi += (seen[i] - mean) * (seen[i] - mean) / mean;
    }
    cr_assert_gt(chi, limit(9), "theta 0.99 passes for 0.95");
}

Test(bench_draw, scattering_visits_every_key) {
    static const uint64_t sizes[] = {1, 2, 3, 10, 97, 1000, 4096, 99999};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        static bool seen[100000];
        struct draw d;
        const struct draw_shape shape = parsed("zipf");
        memset(seen, 0, sizeof seen);
        draw_start(&d, &shape, sizes[i], 0, 1);
        for (uint64_t rank = 0; rank < sizes[i]; rank++) {
            const uint64_t key = (uint64_t)((__uint128_t)rank * d.scatter % sizes[i]);
            cr_assert_not(seen[key]);
            seen[key] = true;
        }
    }
}

Test(bench_draw, sequential_threads_share_all_keys) {
    enum { KEYS = 1000, THREADS = 3 };
    unsigned seen[KEYS] = {0};
    const struct draw_shape shape = parsed("sequential");
    struct random random;
    random_seed(&random, 1);
    for (unsigned t = 0; t < THREADS; t++) {
        struct draw d;
        draw_start(&d, &shape, KEYS, t, THREADS);
        for (unsigned i = 0; i < KEYS / THREADS + (t < KEYS % THREADS); i++) seen[draw_next(&d, &random)]++;
    }
    for (unsigned i = 0; i < KEYS; i++) cr_assert_eq(seen[i], 1, "key %u came %u times", i, seen[i]);
}

Test(bench_draw, one_seed_gives_one_sequence) {
    const struct draw_shape shape = parsed("zipf:0.99");
    struct draw d;
    struct random a, b;
    random_seed(&a, 5);
    random_seed(&b, 5);
    draw_start(&d, &shape, 12345, 0, 1);
    for (unsigned i = 0; i < 1000; i++) cr_assert_eq(draw_next(&d, &a), draw_next(&d, &b));
}

Test(bench_draw, one_key_is_always_that_key) {
    static const char *const texts[] = {"uniform", "zipf", "sequential", "hotset"};
    for (unsigned i = 0; i < 4; i++) {
        const struct draw_shape shape = parsed(texts[i]);
        struct draw d;
        struct random random;
        random_seed(&random, 3);
        draw_start(&d, &shape, 1, 0, 4);
        for (unsigned n = 0; n < 100; n++) cr_assert_eq(draw_next(&d, &random), 0);
    }
}

Test(bench_draw, malformed_distributions_are_refused) {
    static const char *const texts[] = {
        "",           "normal",       "zipf:",        "zipf:0",         "zipf:-1",
        "zipf:x",     "zipf:21",      "zipf:nan",     "uniform:1",      "sequential:",
        "hotset:0.1", "hotset:0,0.5", "hotset:1,0.5", "hotset:0.1,1.1", "hotset:a,b"};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct draw_shape shape;
        struct problem problem = {""};
        cr_assert_not(draw_parse(texts[i], &shape, &problem), "'%s' was taken", texts[i]);
        cr_assert(problem.text[0]);
    }
}

Test(bench_sizes, forms) {
    struct sizes s;
    struct problem problem;
    cr_assert(sizes_parse("100", 1000, &s, &problem));
    cr_assert(sizes_fixed(&s));
    cr_assert_eq(sizes_largest(&s), 100);
    cr_assert(sizes_parse("10-1kb", 2000, &s, &problem));
    cr_assert_not(sizes_fixed(&s));
    cr_assert_eq(s.part[0].low, 10);
    cr_assert_eq(s.part[0].high, 1024);
    cr_assert(sizes_parse("64:80,1000-4000:20,5:0", 5000, &s, &problem));
    cr_assert_eq(s.count, 3);
    cr_assert_eq(s.weight_total, 100);
    cr_assert_eq(sizes_largest(&s), 4000);
    static const char *const bad[] = {"",   "x",   "1-",  "-1",    "5-4",  "1,",
                                      ",1", "1:0", "1:x", "10000", "1:-1", "1-2-3"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(sizes_parse(bad[i], 5000, &s, &problem), "'%s' was taken", bad[i]);
}

Test(bench_sizes, weights_and_ranges_are_kept) {
    struct sizes s;
    struct problem problem;
    struct random random;
    unsigned small = 0, ends[2] = {0};
    random_seed(&random, 9);
    cr_assert(sizes_parse("64:80,1000-1003:20", 5000, &s, &problem));
    for (unsigned i = 0; i < 100000; i++) {
        const uint64_t size = sizes_draw(&s, &random);
        cr_assert(size == 64 || (size >= 1000 && size <= 1003));
        small += size == 64;
        ends[0] += size == 1000;
        ends[1] += size == 1003;
    }
    cr_assert(abs((int)small - 80000) < 600, "%u", small);
    cr_assert(abs((int)ends[0] - 5000) < 300 && abs((int)ends[1] - 5000) < 300, "%u %u", ends[0], ends[1]);
}

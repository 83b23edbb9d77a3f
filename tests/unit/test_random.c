/* test_random.c: the generator against published vectors, and its two distributions. */
#include <criterion/criterion.h>

#include "shard/base/random.h"

/* First outputs of xoshiro256** from the state {1, 2, 3, 4}, as the reference implementation prints them. */
Test(random, matches_the_reference_sequence) {
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct random r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        cr_assert_eq(random_next(&r), expected[i], "output %zu", i);
    }
}

/* splitmix64 from 1234567. */
Test(random, seed_is_expanded_by_splitmix64) {
    struct random r;
    random_seed(&r, 1234567);
    cr_assert_eq(r.s[0], UINT64_C(6457827717110365317));
    cr_assert_eq(r.s[1], UINT64_C(3203168211198807973));
    cr_assert_eq(r.s[2], UINT64_C(9817491932198370423));
    cr_assert_eq(r.s[3], UINT64_C(4593380528125082431));
}

Test(random, one_seed_gives_one_sequence) {
    struct random a, b, other;
    random_seed(&a, 42);
    random_seed(&b, 42);
    random_seed(&other, 43);
    unsigned same_as_other = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = random_next(&a);
        cr_assert_eq(x, random_next(&b));
        same_as_other += x == random_next(&other);
    }
    cr_assert_eq(same_as_other, 0);
}

Test(random, zero_seed_works) {
    struct random r;
    random_seed(&r, 0);
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++) bits |= random_next(&r);
    cr_assert_eq(bits, UINT64_MAX);
}

Test(random, below_is_uniform_over_a_small_bound) {
    enum { BOUND = 10, DRAWS = 100000 };
    unsigned seen[BOUND] = {0};
    struct random r;
    random_seed(&r, 7);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = random_below(&r, BOUND);
        cr_assert_lt(x, BOUND);
        seen[x]++;
    }
    /* Chi square with 9 degrees of freedom: above 33.7 once in ten thousand. */
    double chi2 = 0;
    for (int i = 0; i < BOUND; i++) {
        const double expected = (double)DRAWS / BOUND;
        double d = (double)seen[i] - expected;
        chi2 += d * d / expected;
    }
    cr_assert_lt(chi2, 33.7, "chi square %f", chi2);
}

/* With bound = 3/4 of 2^64 a plain modulo would hit the lowest third twice as often as the others, and the
 * high half of the product, without the drawing again, every multiple of three. */
Test(random, below_has_no_bias_with_a_huge_bound) {
    enum { DRAWS = 90000 };
    const uint64_t bound = UINT64_C(3) << 62;
    unsigned thirds[3] = {0}, remainders[3] = {0};
    struct random r;
    random_seed(&r, 11);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = random_below(&r, bound);
        cr_assert_lt(x, bound);
        thirds[x / (bound / 3)]++;
        remainders[x % 3]++;
    }
    for (int i = 0; i < 3; i++) {
        cr_assert(thirds[i] > DRAWS / 3 - 1000 && thirds[i] < DRAWS / 3 + 1000, "third %d: %u", i, thirds[i]);
        cr_assert(remainders[i] > DRAWS / 3 - 1000 && remainders[i] < DRAWS / 3 + 1000, "remainder %d: %u", i,
                  remainders[i]);
    }
}

Test(random, below_one_is_zero) {
    struct random r;
    random_seed(&r, 3);
    for (int i = 0; i < 100; i++) cr_assert_eq(random_below(&r, 1), 0);
}

Test(random, unit_lies_in_its_interval) {
    enum { DRAWS = 100000 };
    struct random r;
    random_seed(&r, 5);
    double sum = 0, least = 1, most = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = random_unit(&r);
        cr_assert(x >= 0 && x < 1);
        sum += x;
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    cr_assert(sum / DRAWS > 0.495 && sum / DRAWS < 0.505, "mean %f", sum / DRAWS);
    cr_assert(least < 0.001 && most > 0.999);
}

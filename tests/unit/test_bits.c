/* test_bits.c: rows of bits against the plainest model: one bit at a time. */
#include <criterion/criterion.h>
#include <string.h>

#include "shard/base/bits.h"
#include "shard/base/random.h"

enum { BYTES = 300, ROUNDS = 20000 };

static struct random dice;

static void setup(void) {
    random_seed(&dice, 1);
}

TestSuite(bits, .init = setup);

static bool bit_at(const unsigned char *bytes, uint64_t i) {
    return bytes[i / 8] >> (7 - i % 8) & 1;
}

static uint64_t below(uint64_t bound) {
    return random_below(&dice, bound);
}

/* Random bytes, or mostly zeros or ones, as bitmaps are. */
static void fill(unsigned char *bytes, size_t n) {
    unsigned kind = (unsigned)below(3);
    if (kind == 0) {
        for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)random_next(&dice);
        return;
    }
    memset(bytes, kind == 1 ? 0 : 0xff, n);
    for (uint64_t flips = below(3); flips > 0; flips--) bytes[below(n)] ^= (unsigned char)(1u << below(8));
}

/* Whether ranges of all lengths, at all alignments, are met. */
static void draw_range(uint64_t bits, uint64_t *from, uint64_t *to) {
    *from = below(bits + 1);
    *to = below(2) ? below(bits + 1) : *from + below(20);
    if (*to > bits) *to = bits;
}

Test(bits, count_is_the_number_of_set_bits_in_a_range) {
    unsigned char bytes[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from, to, expected = 0;
        fill(bytes, BYTES);
        draw_range(BYTES * 8, &from, &to);
        for (uint64_t i = from; i < to; i++) expected += bit_at(bytes, i);
        cr_assert_eq(bits_count(bytes, from, to), expected, "[%lu, %lu)", from, to);
    }
}

Test(bits, find_is_the_first_such_bit_of_a_range_or_its_end) {
    unsigned char bytes[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from, to;
        bool bit = below(2);
        fill(bytes, BYTES);
        draw_range(BYTES * 8, &from, &to);
        uint64_t expected = from < to ? from : to;
        while (expected < to && bit_at(bytes, expected) != bit) expected++;
        cr_assert_eq(bits_find(bytes, from, to, bit), expected, "%d in [%lu, %lu)", bit, from, to);
    }
}

Test(bits, a_field_reads_back_and_leaves_its_neighbours_alone) {
    unsigned char bytes[BYTES], before[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        unsigned width = 1 + (unsigned)below(BITS_FIELD_MAX);
        uint64_t at = below(BYTES * 8 - width + 1), value = random_next(&dice);
        fill(bytes, BYTES);
        memcpy(before, bytes, BYTES);
        uint64_t expected = 0;
        for (unsigned i = 0; i < width; i++) expected = expected << 1 | bit_at(bytes, at + i);
        cr_assert_eq(bits_get(bytes, BYTES, at, width), expected, "%u bits at %lu", width, at);

        bits_set(bytes, at, width, value);
        uint64_t kept = width == 64 ? value : value & ((UINT64_C(1) << width) - 1);
        cr_assert_eq(bits_get(bytes, BYTES, at, width), kept, "%u bits at %lu", width, at);
        for (uint64_t i = 0; i < BYTES * 8; i++)
            if (i < at || i >= at + width) cr_assert_eq(bit_at(bytes, i), bit_at(before, i));
    }
}

Test(bits, beyond_the_end_a_field_is_zeros) {
    const unsigned char ones[2] = {0xff, 0xff};
    cr_assert_eq(bits_get(ones, 2, 12, 8), 0xf0);
    cr_assert_eq(bits_get(ones, 2, 16, 64), 0);
    cr_assert_eq(bits_get(ones, 2, UINT64_C(1) << 40, 1), 0);
    cr_assert_eq(bits_get(ones, 0, 0, 64), 0);
    cr_assert_eq(bits_get(ones, 2, 1, 64), UINT64_C(0xfffe000000000000));
}

Test(bits, combining_works_on_every_byte) {
    unsigned char a[BYTES], b[BYTES], to[BYTES];
    for (int round = 0; round < 1000; round++) {
        size_t n = below(BYTES + 1);
        fill(a, BYTES);
        fill(b, BYTES);
        for (int operation = BITS_AND; operation <= BITS_NOT; operation++) {
            memcpy(to, a, BYTES);
            bits_combine((enum bits_operation)operation, to, b, n);
            for (size_t i = 0; i < BYTES; i++) {
                unsigned expected[] = {a[i] & b[i], a[i] | b[i], a[i] ^ b[i], ~b[i] & 0xffu};
                cr_assert_eq(to[i], i < n ? expected[operation] : a[i]);
            }
        }
    }
}

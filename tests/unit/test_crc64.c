/* test_crc64.c: shard/base/crc64.h against known sums, a bit-by-bit model, and itself in pieces. */
#include "shard/base/crc64.h"

#include "shard/base/random.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ROOM = 4096 };

/* The definition, bit by bit. */
static uint64_t model(const unsigned char *bytes, size_t len) {
    uint64_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ UINT64_C(0x95ac9329ac4bc9b5) : crc >> 1;
    }
    return crc;
}

static void fill(struct random *r, unsigned char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) bytes[i] = (unsigned char)random_next(r);
}

Test(crc64, known_sums) {
    static const char text[] = "This is a test of the emergency broadcast system.";
    cr_assert_eq(crc64(0, "", 0), 0);
    cr_assert_eq(crc64(0, "123456789", 9), UINT64_C(0xe9c6d914c4b8d9ca));
    cr_assert_eq(crc64_by_table(0, "123456789", 9), UINT64_C(0xe9c6d914c4b8d9ca));
    cr_assert_eq(crc64(0, text, strlen(text)), model((const unsigned char *)text, strlen(text)));
}

Test(crc64, all_lengths_as_the_model) {
    static unsigned char bytes[ROOM];
    struct random r;
    random_seed(&r, 1);
    fill(&r, bytes, sizeof bytes);
    for (size_t len = 0; len < 700; len++) {
        size_t at = random_below(&r, ROOM - len);
        cr_assert_eq(crc64(0, bytes + at, len), model(bytes + at, len), "length %zu", len);
        cr_assert_eq(crc64_by_table(0, bytes + at, len), model(bytes + at, len), "length %zu", len);
    }
}

Test(crc64, pieces_one_after_the_other_and_combined) {
    static unsigned char bytes[ROOM];
    struct random r;
    random_seed(&r, 2);
    for (int round = 0; round < 300; round++) {
        size_t len = random_below(&r, ROOM) + 1, split = random_below(&r, len + 1);
        fill(&r, bytes, len);
        uint64_t whole = crc64(0, bytes, len), first = crc64(0, bytes, split);
        cr_assert_eq(crc64(first, bytes + split, len - split), whole);
        cr_assert_eq(crc64_combine(first, crc64(0, bytes + split, len - split), len - split), whole);
    }
}

Test(crc64, combines_over_lengths_beyond_32_bits) {
    /* Zero bytes leave a sum of 0, so A followed by them is A moved forward twice as well as at once. */
    uint64_t sum = crc64(0, "abc", 3), far = UINT64_C(5) << 32;
    uint64_t once = crc64_combine(sum, 0, far), twice = crc64_combine(crc64_combine(sum, 0, far - 7), 0, 7);
    cr_assert_eq(once, twice);
    cr_assert_neq(once, sum);
}

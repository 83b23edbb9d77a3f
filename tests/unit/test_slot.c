/* test_slot.c: the table-driven CRC against a bitwise one, and the hash tag rule against a plain reading of
 * it.
 *
 * The expected slots of the fixed keys are what CLUSTER KEYSLOT of redis-server 7.0.15 answers.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/slot.h"

TestSuite(slot, .init = slot_init);

static uint16_t crc16_bit_by_bit(const unsigned char *p, size_t len) {
    unsigned crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)p[i] << 8;
        for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

static uint16_t slot_by_the_book(const unsigned char *key, size_t len) {
    size_t open = 0, close;
    while (open < len && key[open] != '{') open++;
    if (open == len) return crc16_bit_by_bit(key, len) & 16383;
    for (close = open + 1; close < len && key[close] != '}';) close++;
    if (close == len || close == open + 1) return crc16_bit_by_bit(key, len) & 16383;
    return crc16_bit_by_bit(key + open + 1, close - open - 1) & 16383;
}

Test(slot, crc_check_value) {
    cr_assert_eq(slot_crc16("123456789", 9), 0x31c3);
    cr_assert_eq(slot_crc16("", 0), 0);
}

/* Every length around the eight and four byte steps, on blocks of exactly that size (so that a sanitizer
 * sees a read past the end), random bytes. */
Test(slot, crc_equals_bitwise_at_every_length) {
    struct random r;
    random_seed(&r, 1);
    for (size_t len = 0; len <= 300; len++) {
        unsigned char *bytes = mem_alloc(len);
        for (size_t i = 0; i < len; i++) bytes[i] = (unsigned char)random_next(&r);
        cr_assert_eq(slot_crc16(bytes, len), crc16_bit_by_bit(bytes, len), "length %zu", len);
        mem_free(bytes);
    }
}

Test(slot, single_bytes_use_the_whole_table) {
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned char key[1] = {(unsigned char)byte};
        cr_assert_eq(slot_crc16(key, 1), crc16_bit_by_bit(key, 1));
    }
}

Test(slot, known_keys) {
    static const struct {
        const char *key;
        uint16_t slot;
    } cases[] = {
        {"", 0},
        {"foo", 12182},
        {"bar", 5061},
        {"hello", 866},
        {"123456789", 12739},
        {"{user1000}.following", 3443},
        {"foo{}{bar}", 8363},
        {"foo{{bar}}zap", 4015},
        {"foo{bar}{zap}", 5061},
        {"{}", 15257},
        {"{", 4092},
        {"}", 12090},
        {"{}a", 10875},
        {"a{", 14311},
        {"a{b", 13340},
        {"a}b{c}d", 7365},
        {"{a}", 15495},
        {"{{}}", 4092},
        {"{{}", 4092},
        {"x{y}z{w}", 12222},
        {"key:000000000001", 8924},
        {"key:000000000002", 4799},
        {"averyveryverylongkeywithnobraceatall", 7904},
        {"{averyveryverylongtag}x", 9293},
        {"\x7f", 3960},
        {"}{", 12793},
        {"}{a}", 15495},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(slot_of_key(cases[i].key, strlen(cases[i].key)), cases[i].slot, "key %s", cases[i].key);
    }
}

Test(slot, same_tag_same_slot) {
    uint16_t tagged = slot_of_key("{user1000}.following", 20);
    cr_assert_eq(tagged, slot_of_key("{user1000}.followers", 20));
    cr_assert_eq(tagged, slot_of_key("user1000", 8));
    cr_assert_neq(tagged, slot_of_key("{user1001}.followers", 20));
}

/* Braces in every position of keys of every small length, few other bytes, among them the neighbours of
 * '{' and those that differ from it in the high bit. */
Test(slot, tags_equal_the_book_on_random_keys) {
    static const unsigned char alphabet[] = {'{', '}', '{', '}', 'a', 'z', '|', 0, 0xfb, 0xff, 0x7a, 0x80};
    struct random r;
    random_seed(&r, 2);
    unsigned tagged = 0;
    for (int i = 0; i < 50000; i++) {
        size_t len = random_below(&r, 40);
        size_t letters = 2 + random_below(&r, sizeof alphabet - 1);
        unsigned char *key = mem_alloc(len);
        for (size_t k = 0; k < len; k++) key[k] = alphabet[sizeof alphabet - 1 - random_below(&r, letters)];
        uint16_t expected = slot_by_the_book(key, len);
        tagged += expected != (crc16_bit_by_bit(key, len) & 16383);
        cr_assert_eq(slot_of_key(key, len), expected, "round %d length %zu", i, len);
        mem_free(key);
    }
    cr_assert_gt(tagged, 100);
}

/* One brace pair moved over all positions of a key longer than several words. */
Test(slot, tag_found_wherever_it_stands) {
    enum { LEN = 45 };
    for (size_t open = 0; open < LEN; open++) {
        for (size_t close = 0; close < LEN; close++) {
            if (open == close) continue;
            unsigned char key[LEN];
            for (size_t i = 0; i < LEN; i++) key[i] = (unsigned char)('a' + i % 26);
            key[open] = '{';
            key[close] = '}';
            cr_assert_eq(slot_of_key(key, LEN), slot_by_the_book(key, LEN), "{ at %zu, } at %zu", open,
                         close);
        }
    }
}

Test(slot, slots_are_in_range_and_spread) {
    static unsigned char seen[SLOT_COUNT];
    char key[32];
    for (int i = 0; i < 200000; i++) {
        int n = snprintf(key, sizeof key, "key:%012d", i);
        uint16_t slot = slot_of_key(key, (size_t)n);
        cr_assert_lt(slot, SLOT_COUNT);
        seen[slot] = 1;
    }
    unsigned used = 0;
    for (int i = 0; i < SLOT_COUNT; i++) used += seen[i];
    cr_assert_eq(used, SLOT_COUNT);
}

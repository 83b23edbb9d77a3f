/* Elements of a listpack: every form at both ends of its range, forwards and backwards. */
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/type/element.h"

#include <criterion/criterion.h>

enum { ROOM = 1 << 21 };

/* Writes an element and checks its measures; returns it in a block that ends where the element does. */
static unsigned char *written(const struct element *e) {
    unsigned char *block = mem_alloc(e->bytes);
    element_write(block, e);
    cr_assert_eq(element_bytes(block), e->bytes);
    cr_assert_eq(element_bytes_before(block + e->bytes), e->bytes);
    cr_assert(element_equals(block, e));
    return block;
}

static void check_int(int64_t n, unsigned bytes) {
    char digits[TEXT_I64_MAX];
    struct element e = element_from(digits, text_from_i64(digits, n)), same = element_from_int(n);
    unsigned char *block = written(&e);
    struct packed_value v = element_get(block);
    cr_assert_null(v.data);
    cr_assert_eq(v.integer, n, "%lld became %lld", (long long)n, (long long)v.integer);
    cr_assert_eq(e.bytes, bytes, "%lld takes %u bytes", (long long)n, e.bytes);
    cr_assert(element_equals(block, &same));
    mem_free(block);
}

Test(element, integers_take_the_narrowest_form) {
    static const struct {
        int64_t from, to;
        unsigned bytes;
    } ranges[] = {{0, 127, 2},
                  {128, 4095, 3},
                  {-4096, -1, 3},
                  {4096, INT16_MAX, 4},
                  {INT16_MIN, -4097, 4},
                  {INT16_MAX + 1, 8388607, 5},
                  {-8388608, -32769, 5},
                  {8388608, INT32_MAX, 6},
                  {INT32_MIN, -8388609, 6},
                  {(int64_t)INT32_MAX + 1, INT64_MAX, 10},
                  {INT64_MIN, (int64_t)INT32_MIN - 1, 10}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        check_int(ranges[i].from, ranges[i].bytes);
        check_int(ranges[i].to, ranges[i].bytes);
        check_int(ranges[i].from + (ranges[i].to / 2 - ranges[i].from / 2), ranges[i].bytes);
    }
}

Test(element, strings_keep_their_bytes_at_every_length) {
    static const size_t lens[] = {0,       1,       2,       62,      63,      64,     65,    125,
                                  126,     127,     128,     4093,    4094,    4095,   4096,  4097,
                                  16376,   16377,   16378,   16379,   16380,   65535,  65536, 70000,
                                  2097144, 2097145, 2097146, 2097147, 2097148, 2097149};
    char *bytes = mem_alloc(ROOM);
    for (size_t i = 0; i < ROOM; i++) bytes[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct element e = element_from(bytes, lens[i]);
        unsigned char *block = written(&e);
        struct packed_value v = element_get(block);
        cr_assert_not_null(v.data);
        cr_assert_eq(v.len, lens[i]);
        cr_assert_eq(memcmp(v.data, bytes, lens[i]), 0);
        mem_free(block);
    }
    mem_free(bytes);
}

Test(element, what_is_no_canonical_integer_stays_a_string) {
    static const char *const texts[] = {"-0",
                                        "00",
                                        "01",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "-",
                                        "",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "123456789012345678901"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct element e = element_from(texts[i], strlen(texts[i]));
        unsigned char *block = written(&e);
        struct packed_value v = element_get(block);
        cr_assert_not_null(v.data, "%s was taken for an integer", texts[i]);
        cr_assert_eq(v.len, strlen(texts[i]));
        mem_free(block);
    }
}

/* The bytes that redis-server 7.0.15 wrote for RPUSH of these values (the middle of a DUMP). */
Test(element, forms_are_the_ones_of_redis) {
    static const struct {
        const char *text;
        unsigned char bytes[12];
        unsigned len;
    } known[] = {{"0", {0x00, 0x01}, 2},
                 {"127", {0x7f, 0x01}, 2},
                 {"128", {0xc0, 0x80, 0x02}, 3},
                 {"-1", {0xdf, 0xff, 0x02}, 3},
                 {"4096", {0xf1, 0x00, 0x10, 0x03}, 4},
                 {"a", {0x81, 'a', 0x02}, 3},
                 {"8388607", {0xf2, 0xff, 0xff, 0x7f, 0x04}, 5},
                 {"-2147483648", {0xf3, 0x00, 0x00, 0x00, 0x80, 0x05}, 6},
                 {"9223372036854775807", {0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x09}, 10}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct element e = element_from(known[i].text, strlen(known[i].text));
        unsigned char *block = written(&e);
        cr_assert_eq(e.bytes, known[i].len);
        cr_assert_eq(memcmp(block, known[i].bytes, known[i].len), 0, "%s", known[i].text);
        mem_free(block);
    }
}

Test(element, rows_read_the_same_from_both_ends) {
    struct random r;
    random_seed(&r, 7);
    unsigned char *row = mem_alloc(ROOM), *at = row;
    char bytes[300];
    memset(bytes, 'q', sizeof bytes);
    unsigned count = 0;
    for (; at + 400 < row + ROOM; count++) {
        struct element e = random_below(&r, 2)
                               ? element_from(bytes, random_below(&r, sizeof bytes))
                               : element_from_int((int64_t)(random_next(&r) >> random_below(&r, 64)));
        element_write(at, &e);
        at += e.bytes;
    }
    unsigned forwards = 0, backwards = 0;
    for (unsigned char *p = row; p < at; p += element_bytes(p)) forwards++;
    for (unsigned char *p = at; p > row; p -= element_bytes_before(p)) backwards++;
    cr_assert_eq(forwards, count);
    cr_assert_eq(backwards, count);
    mem_free(row);
}

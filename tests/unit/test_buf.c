/* test_buf.c: growth, formatting across the room left, and the quoted form. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/base/text.h"

static void assert_holds(const struct buf *b, const char *expected) {
    cr_assert_eq(b->len, strlen(expected));
    cr_assert_str_eq(b->data, expected);
    cr_assert_lt(b->len, b->cap);
}

Test(buf, zero_initialised_is_empty) {
    struct buf b = {0};
    cr_assert_eq(b.len, 0);
    buf_clear(&b);
    buf_consume(&b, 0);
    buf_free(&b);
    buf_free(&b);
    buf_append(&b, NULL, 0);
    assert_holds(&b, "");
    buf_free(&b);
}

Test(buf, appends_in_order) {
    struct buf b = {0};
    buf_append(&b, "ab", 2);
    buf_append_text(&b, "cd");
    buf_append_char(&b, 'e');
    buf_printf(&b, "%d-%s", 7, "x");
    assert_holds(&b, "abcde7-x");
    buf_clear(&b);
    assert_holds(&b, "");
    buf_append_char(&b, 'z');
    assert_holds(&b, "z");
    buf_free(&b);
    cr_assert_null(b.data);
}

Test(buf, keeps_binary_bytes) {
    struct buf b = {0};
    buf_append(&b, "a\0b", 3);
    buf_append_char(&b, '\0');
    cr_assert_eq(b.len, 4);
    cr_assert_arr_eq(b.data, "a\0b\0\0", 5);
    buf_free(&b);
}

Test(buf, growth_keeps_contents_and_doubles) {
    struct buf b = {0};
    unsigned moves = 0;
    size_t cap = 0;
    for (unsigned i = 0; i < 1000000; i++) {
        buf_append_char(&b, (char)('a' + i % 26));
        moves += b.cap != cap;
        cap = b.cap;
    }
    cr_assert_eq(b.len, 1000000);
    for (unsigned i = 0; i < 1000000; i++) cr_assert_eq(b.data[i], (char)('a' + i % 26));
    cr_assert_leq(moves, 16);
    buf_free(&b);
}

Test(buf, reserve_gives_room_that_the_caller_fills) {
    struct buf b = {0};
    buf_append_text(&b, "x=");
    char *at = buf_reserve(&b, 1000);
    cr_assert_eq(at, b.data + 2);
    memset(at, 'y', 1000);
    b.len += 1000;
    buf_append_char(&b, '.');
    cr_assert_eq(b.len, 1003);
    cr_assert_eq(b.data[1001], 'y');
    cr_assert_eq(b.data[1002], '.');
    buf_free(&b);
}

/* A formatted piece of every length, begun at every fill, so that it just fits, just does not, and is far
 * too long. */
Test(buf, printf_of_every_length) {
    char text[301];
    memset(text, 'q', sizeof text);
    for (size_t before = 0; before < 70; before++) {
        for (size_t len = 0; len <= 300; len += len < 70 ? 1 : 23) {
            struct buf b = {0};
            for (size_t i = 0; i < before; i++) buf_append_char(&b, '.');
            buf_printf(&b, "%.*s!", (int)len, text);
            cr_assert_eq(b.len, before + len + 1);
            cr_assert_eq(b.data[b.len - 1], '!');
            cr_assert_eq(b.data[b.len], '\0');
            cr_assert_eq(strspn(b.data + before, "q"), len);
            buf_free(&b);
        }
    }
}

Test(buf, consume_drops_from_the_front) {
    struct buf b = {0};
    buf_append_text(&b, "hello world");
    buf_consume(&b, 6);
    assert_holds(&b, "world");
    buf_consume(&b, 5);
    assert_holds(&b, "");
    buf_free(&b);
}

/* The expected forms are what MONITOR of redis-server 7.0.15 shows. */
Test(buf, quoted_form) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *quoted;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain text", 10, "\"plain text\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\r\t\a\b", 5, "\"\\n\\r\\t\\a\\b\""},
        {"\0\x01\x1f\x7f\x80\xff", 6, "\"\\x00\\x01\\x1f\\x7f\\x80\\xff\""},
        {"\v\f'", 3, "\"\\x0b\\x0c'\""},
        {" ~", 2, "\" ~\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = {0};
        buf_append_quoted(&b, cases[i].bytes, cases[i].len);
        assert_holds(&b, cases[i].quoted);
        buf_free(&b);
    }
}

/* What is quoted, text_split reads back. */
Test(buf, quoted_form_round_trips) {
    struct random r;
    random_seed(&r, 9);
    for (int i = 0; i < 5000; i++) {
        unsigned char bytes[64];
        size_t len = random_below(&r, sizeof bytes);
        for (size_t k = 0; k < len; k++) bytes[k] = (unsigned char)random_next(&r);
        struct buf b = {0};
        buf_append_quoted(&b, bytes, len);
        struct text_word *words;
        cr_assert_eq(text_split(b.data, b.len, &words), 1);
        cr_assert_eq(words[0].len, len);
        cr_assert_eq(memcmp(words[0].data, bytes, len), 0);
        mem_free(words);
        buf_free(&b);
    }
}

Test(buf, gives_all_its_memory_back) {
    size_t before = mem_used();
    struct buf b = {0};
    for (int i = 0; i < 1000; i++) buf_printf(&b, "line %d\n", i);
    cr_assert_gt(mem_used(), before);
    buf_free(&b);
    cr_assert_eq(mem_used(), before);
}

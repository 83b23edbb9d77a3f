/* Listpack elements as replies: what is written is what one reply_bulk for each would have written. */
#include "server/reply_chunk.h"
#include "server/reply_elements.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/type/element.h"

#include <criterion/criterion.h>

enum { ROOM = 1 << 20 };

static struct reply_pool pool;

/* All that is waiting in a reply, in one block. */
static char *text_of(struct reply *r, size_t *len) {
    struct reply_chunk *chunk = reply_take(r, len);
    char *text = mem_alloc(*len), *at = text;
    while (chunk) {
        memcpy(at, chunk->data, chunk->len);
        at += chunk->len;
        chunk = reply_chunk_free(&pool, chunk);
    }
    cr_assert_eq((size_t)(at - text), *len);
    return text;
}

static void check(const unsigned char *row, const unsigned char *end, size_t count) {
    struct reply fast, plain;
    size_t len, plain_len;
    reply_init(&fast, &pool);
    reply_init(&plain, &pool);
    cr_assert_eq(reply_elements(&fast, row, count), end);
    for (size_t i = 0; i < count; i++, row += element_bytes(row)) {
        struct packed_value v = element_get(row);
        if (v.data)
            reply_bulk(&plain, v.data, v.len);
        else
            reply_bulk_int(&plain, v.integer);
    }
    char *text = text_of(&fast, &len), *expected = text_of(&plain, &plain_len);
    cr_assert_eq(len, plain_len);
    cr_assert_eq(memcmp(text, expected, len), 0);
    mem_free(text);
    mem_free(expected);
}

Test(reply_elements, every_length_reads_the_same) {
    char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
    for (size_t len = 0; len < sizeof bytes; len += len < 200 ? 1 : 97) {
        struct element e = element_from_string(bytes, (uint32_t)len);
        unsigned char *row = mem_alloc(e.bytes);
        element_write(row, &e);
        check(row, row + e.bytes, 1);
        mem_free(row);
    }
    reply_pool_empty(&pool);
}

Test(reply_elements, rows_of_all_kinds_read_the_same) {
    struct random r;
    random_seed(&r, 11);
    char bytes[6000];
    memset(bytes, 'z', sizeof bytes);
    unsigned char *row = mem_alloc(ROOM);
    for (int round = 0; round < 20; round++) {
        unsigned char *at = row;
        size_t count = 0;
        for (; at + 7000 < row + ROOM && count < 4000; count++) {
            size_t kind = random_below(&r, 40);
            struct element e = kind < 20 ? element_from(bytes, random_below(&r, 70))
                               : kind < 39
                                   ? element_from_int((int64_t)(random_next(&r) >> random_below(&r, 64)))
                                   : element_from(bytes, random_below(&r, sizeof bytes));
            element_write(at, &e);
            at += e.bytes;
        }
        check(row, at, count);
    }
    mem_free(row);
    reply_pool_empty(&pool);
}

Test(reply_elements, a_muted_reply_stays_empty) {
    struct reply r;
    unsigned char row[64], *at = row;
    for (int i = 0; i < 5; i++) {
        struct element e = element_from_int(i * 100);
        element_write(at, &e);
        at += e.bytes;
    }
    reply_init(&r, &pool);
    r.mute = true;
    cr_assert_eq(reply_elements(&r, row, 5), at);
    cr_assert_eq(r.bytes, 0);
    cr_assert_null(r.first);
}

/* test_reply.c: every type of reply in RESP2 and RESP3, and how replies are laid into chunks: small ones
 * together, large ones on their own, blobs by reference, aggregates whose length comes last. */
#include "server/reply.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/reply_chunk.h"
#include "shard/base/buf.h"
#include "shard/base/random.h"

static struct reply_pool pool;
static struct reply reply;
static struct buf taken;

static void setup(void) {
    reply_init(&reply, &pool);
}

static void finish(void) {
    reply_clear(&reply);
    reply_pool_empty(&pool);
    buf_free(&taken);
}

TestSuite(reply, .init = setup, .fini = finish);

/* Everything written since the last call, as text. */
static const char *text(void) {
    size_t bytes;
    struct reply_chunk *chunk = reply_take(&reply, &bytes);
    buf_clear(&taken);
    buf_append(&taken, "", 0);
    for (; chunk; chunk = reply_chunk_free(&pool, chunk)) {
        cr_assert_leq(chunk->len, chunk->cap);
        buf_append(&taken, chunk->data, chunk->len);
    }
    cr_assert_eq(taken.len, bytes, "the count of bytes is what was written");
    cr_assert_eq(reply.bytes, 0);
    return taken.data;
}

/* What the same calls give in each version. */
#define EXPECT(two, three, calls)                                                                            \
    do {                                                                                                     \
        reply.protocol = 2;                                                                                  \
        calls;                                                                                               \
        cr_assert_str_eq(text(), two, "RESP2");                                                              \
        reply.protocol = 3;                                                                                  \
        calls;                                                                                               \
        cr_assert_str_eq(text(), three, "RESP3");                                                            \
    } while (0)
#define EXPECT_BOTH(same, calls) EXPECT(same, same, calls)

/* ---- types ---- */

Test(reply, simple_types_are_the_same_in_both_versions) {
    EXPECT_BOTH("+PONG\r\n", reply_simple(&reply, "PONG"));
    EXPECT_BOTH("+OK\r\n", reply_ok(&reply));
    EXPECT_BOTH("$5\r\nhello\r\n", reply_bulk(&reply, "hello", 5));
    EXPECT_BOTH("$0\r\n\r\n", reply_bulk(&reply, "", 0));
    EXPECT_BOTH("$5\r\nhello\r\n", reply_bulk_text(&reply, "hello"));
    EXPECT_BOTH("$4\r\na=12\r\n", reply_bulk_printf(&reply, "a=%d", 12));
    EXPECT_BOTH("$20\r\n-9223372036854775808\r\n", reply_bulk_int(&reply, INT64_MIN));
    EXPECT_BOTH("*2\r\n:1\r\n:2\r\n", (reply_array(&reply, 2), reply_int(&reply, 1), reply_int(&reply, 2)));
    EXPECT_BOTH("*0\r\n", reply_array(&reply, 0));
    EXPECT_BOTH("raw\r\n", reply_raw(&reply, "raw\r\n", 5));
}

Test(reply, integers_of_every_length) {
    char expected[64];
    EXPECT_BOTH(":0\r\n", reply_int(&reply, 0));
    EXPECT_BOTH(":-1\r\n", reply_int(&reply, -1));
    EXPECT_BOTH(":9223372036854775807\r\n", reply_int(&reply, INT64_MAX));
    EXPECT_BOTH(":-9223372036854775808\r\n", reply_int(&reply, INT64_MIN));
    for (int64_t n = 1, digits = 1; digits < 19; n *= 10, digits++) {
        for (int64_t near = n - 1; near <= n + 1; near++) {
            snprintf(expected, sizeof expected, ":%lld\r\n:%lld\r\n", (long long)near, (long long)-near);
            reply_int(&reply, near);
            reply_int(&reply, -near);
            cr_assert_str_eq(text(), expected);
        }
    }
}

Test(reply, bulks_of_every_length_around_the_bounds) {
    static const size_t lengths[] = {1,     9,     10,    99,    100,   511,    512,   513,
                                     4095,  4096,  8191,  8192,  8193,  16300,  16383, 16384,
                                     16385, 32768, 70000, 99999, 99999, 100000, 250001};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct buf expected = {0}, value = {0};
        size_t n = lengths[i];
        for (size_t k = 0; k < n; k++) buf_append_char(&value, (char)('a' + k % 26));
        buf_printf(&expected, "$%zu\r\n", n);
        buf_append(&expected, value.data, n);
        buf_append_text(&expected, "\r\n");
        reply_bulk(&reply, value.data, n);
        text();
        cr_assert_eq(taken.len, expected.len, "%zu", n);
        cr_assert_eq(memcmp(taken.data, expected.data, expected.len), 0, "%zu", n);
        buf_free(&expected);
        buf_free(&value);
    }
}

Test(reply, nulls_and_booleans) {
    EXPECT("$-1\r\n", "_\r\n", reply_null(&reply));
    EXPECT("*-1\r\n", "_\r\n", reply_null_array(&reply));
    EXPECT(":1\r\n", "#t\r\n", reply_bool(&reply, true));
    EXPECT(":0\r\n", "#f\r\n", reply_bool(&reply, false));
}

Test(reply, doubles) {
    EXPECT("$4\r\n3.25\r\n", ",3.25\r\n", reply_double(&reply, 3.25));
    EXPECT("$2\r\n10\r\n", ",10\r\n", reply_double(&reply, 10));
    EXPECT("$3\r\ninf\r\n", ",inf\r\n", reply_double(&reply, INFINITY));
    EXPECT("$4\r\n-inf\r\n", ",-inf\r\n", reply_double(&reply, -INFINITY));
    EXPECT("$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n", reply_double(&reply, 0.1));
}

Test(reply, aggregates) {
    EXPECT("*4\r\n", "%2\r\n", reply_map(&reply, 2));
    EXPECT("*0\r\n", "%0\r\n", reply_map(&reply, 0));
    EXPECT("*3\r\n", "~3\r\n", reply_set(&reply, 3));
    EXPECT("*2\r\n", ">2\r\n", reply_push(&reply, 2));
    reply.protocol = 3;
    reply_attribute(&reply, 1);
    cr_assert_str_eq(text(), "|1\r\n");
}

Test(reply, verbatim_text) {
    EXPECT("$4\r\na\r\nb\r\n", "=8\r\ntxt:a\r\nb\r\n", reply_verbatim(&reply, "txt", "a\r\nb", 4));
    EXPECT("$0\r\n\r\n", "=4\r\nmkd:\r\n", reply_verbatim(&reply, "mkd", "", 0));
}

Test(reply, help_has_its_frame) {
    static const char *const lines[] = {"GET", "    Gets.", NULL};
    EXPECT_BOTH(
        "*5\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+GET\r\n+    Gets.\r\n"
        "+HELP\r\n+    Prints this help.\r\n",
        reply_help(&reply, "config", lines));
}

/* ---- errors ---- */

Test(reply, errors) {
    EXPECT_BOTH("-ERR syntax error\r\n", reply_syntax_error(&reply));
    EXPECT_BOTH("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
                reply_wrong_type(&reply));
    EXPECT_BOTH("-ERR value is not an integer or out of range\r\n", reply_not_an_integer(&reply));
    EXPECT_BOTH("-ERR no such key\r\n", reply_no_such_key(&reply));
    EXPECT_BOTH("-ERR unknown subcommand 'x'. Try CLIENT HELP.\r\n",
                reply_unknown_subcommand(&reply, "client", "x", 1));
    EXPECT_BOTH("-ERR unknown subcommand or wrong number of arguments for 'x'. Try DEBUG HELP.\r\n",
                reply_subcommand_syntax(&reply, "DEBUG", "x", 1));
}

Test(reply, errors_are_counted_with_their_word) {
    uint64_t before = reply.errors;
    reply_error(&reply, "NOAUTH Authentication required.");
    cr_assert_eq(reply.errors, before + 1);
    cr_assert_str_eq(reply.error_word, "NOAUTH");
    reply_error(&reply, "AWORDTHATISLONGERTHANTHEPLACEFORIT text");
    cr_assert_eq(reply.errors, before + 2);
    cr_assert_str_eq(reply.error_word, "AWORDTHATISLONGERTHANTHEPLACEF");
    reply_errorf(&reply, "ERR %s", "x");
    cr_assert_str_eq(reply.error_word, "ERR");
    text();
}

Test(reply, an_error_is_one_line) {
    reply_error(&reply, "ERR a\r\nb\nc");
    cr_assert_str_eq(text(), "-ERR a  b c\r\n");
    reply_errorf(&reply, "ERR %s", "\r\na\r\nb\r\n\n");
    cr_assert_str_eq(text(), "-ERR   a  b\r\n", "line ends at the end are dropped");
    reply_errorf(&reply, "%s", "");
    cr_assert_str_eq(text(), "-\r\n");
}

/* ---- muting ---- */

Test(reply, muted_nothing_is_written_but_errors_are_counted) {
    struct blob *blob = blob_new_from(memset(buf_reserve(&taken, 10000), 'b', 10000), 10000);
    reply.mute = true;
    reply.protocol = 3;
    reply_ok(&reply);
    reply_bulk(&reply, "x", 1);
    reply_bulk(&reply, blob->data, 10000);
    reply_bulk_blob(&reply, blob, 0, 10000);
    reply_int(&reply, 5);
    reply_map(&reply, 1);
    reply_double(&reply, 1);
    reply_verbatim(&reply, "txt", "x", 1);
    struct reply_mark mark = reply_mark(&reply);
    reply_null(&reply);
    reply_mark_array(&reply, mark, 1);
    reply_error(&reply, "ERR x");
    cr_assert_eq(reply.bytes, 0);
    cr_assert_null(reply.first);
    cr_assert_eq(reply.errors, 1);
    cr_assert_not(blob_is_shared(blob));
    blob_unref(blob);
}

/* ---- blobs ---- */

Test(reply, large_blobs_are_sent_from_where_they_lie) {
    struct blob *blob = blob_new(REPLY_BLOB_MIN * 2);
    blob->len = blob->cap;
    for (size_t i = 0; i < blob->len; i++) blob->data[i] = (char)('a' + i % 26);
    reply_ok(&reply);
    reply_bulk_blob(&reply, blob, 3, REPLY_BLOB_MIN);
    reply_ok(&reply);
    cr_assert(blob_is_shared(blob));
    struct reply_chunk *second = reply.first->next;
    cr_assert_eq(second->data, blob->data + 3);
    cr_assert_eq(second->len, REPLY_BLOB_MIN);
    struct buf expected = {0};
    buf_printf(&expected, "+OK\r\n$%d\r\n", REPLY_BLOB_MIN);
    buf_append(&expected, blob->data + 3, REPLY_BLOB_MIN);
    buf_append_text(&expected, "\r\n+OK\r\n");
    cr_assert_str_eq(text(), expected.data);
    cr_assert_not(blob_is_shared(blob), "sent, and let go");
    buf_free(&expected);
    blob_unref(blob);
}

Test(reply, small_parts_of_a_blob_are_copied) {
    struct blob *blob = blob_new(REPLY_BLOB_MIN);
    blob->len = blob->cap;
    memset(blob->data, 'x', blob->len);
    reply_bulk_blob(&reply, blob, blob->len - 3, 3);
    reply_bulk_blob(&reply, blob, blob->len, 0);
    cr_assert_not(blob_is_shared(blob));
    cr_assert_str_eq(text(), "$3\r\nxxx\r\n$0\r\n\r\n");
    blob_unref(blob);
}

Test(reply, clearing_lets_go_of_blobs) {
    struct blob *blob = blob_new(REPLY_BLOB_MIN);
    blob->len = blob->cap;
    memset(blob->data, 'x', blob->len);
    reply_bulk_blob(&reply, blob, 0, blob->len);
    reply_clear(&reply);
    cr_assert_eq(reply.bytes, 0);
    cr_assert_not(blob_is_shared(blob));
    blob_unref(blob);
}

/* ---- marks ---- */

Test(reply, lengths_that_come_last) {
    EXPECT("*2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n", {
        struct reply_mark mark = reply_mark(&reply);
        reply_int(&reply, 1);
        reply_int(&reply, 2);
        reply_mark_array(&reply, mark, 2);
    });
    EXPECT("*4\r\n", "%2\r\n", reply_mark_map(&reply, reply_mark(&reply), 2));
    EXPECT("*2\r\n", "~2\r\n", reply_mark_set(&reply, reply_mark(&reply), 2));
    EXPECT("*0\r\n", "*0\r\n", reply_mark_array(&reply, reply_mark(&reply), 0));
}

Test(reply, marks_within_marks_and_behind_other_replies) {
    reply_ok(&reply);
    struct reply_mark outer = reply_mark(&reply);
    reply_int(&reply, 1);
    struct reply_mark inner = reply_mark(&reply), empty = reply_mark(&reply);
    reply_mark_array(&reply, empty, 0);
    reply_int(&reply, 2);
    reply_mark_array(&reply, inner, 2);
    reply_mark_array(&reply, outer, 2);
    reply_ok(&reply);
    cr_assert_str_eq(text(), "+OK\r\n*2\r\n:1\r\n*2\r\n*0\r\n:2\r\n+OK\r\n");
}

Test(reply, mark_before_more_than_a_chunk) {
    enum { COUNT = 5000 };
    struct buf expected = {0};
    struct reply_mark mark = reply_mark(&reply);
    buf_printf(&expected, "*%d\r\n", COUNT);
    for (int i = 0; i < COUNT; i++) {
        reply_bulk_printf(&reply, "element %d", i);
        char element[32];
        int n = snprintf(element, sizeof element, "element %d", i);
        buf_printf(&expected, "$%d\r\n%s\r\n", n, element);
    }
    reply_mark_array(&reply, mark, COUNT);
    cr_assert_str_eq(text(), expected.data);
    buf_free(&expected);
}

/* ---- chunks ---- */

/* A random mixture of pieces of every size comes out as it went in. */
Test(reply, nothing_is_lost_at_the_ends_of_chunks) {
    struct random random;
    struct buf expected = {0}, bytes = {0};
    random_seed(&random, 7);
    for (int i = 0; i < 40000; i++) buf_append_char(&bytes, (char)('a' + random_below(&random, 26)));
    for (int round = 0; round < 300; round++) {
        buf_clear(&expected);
        for (int i = 0; i < 40; i++) {
            static const size_t bounds[] = {8, 40, 600, 20000, 40000};
            size_t n = random_below(&random, bounds[random_below(&random, 5)]);
            if (random_below(&random, 2)) {
                reply_bulk(&reply, bytes.data, n);
                buf_printf(&expected, "$%zu\r\n", n);
                buf_append(&expected, bytes.data, n);
                buf_append_text(&expected, "\r\n");
            } else {
                reply_raw(&reply, bytes.data, n);
                buf_append(&expected, bytes.data, n);
            }
        }
        text();
        cr_assert_eq(taken.len, expected.len);
        cr_assert_eq(memcmp(taken.data, expected.data, expected.len), 0, "round %d", round);
    }
    buf_free(&bytes);
    buf_free(&expected);
}

Test(reply, small_replies_share_a_chunk) {
    for (int i = 0; i < 1000; i++) reply_ok(&reply);
    cr_assert_eq(reply.first, reply.last);
    text();
    reply_ok(&reply);
    cr_assert_eq(pool.count, 0, "the chunk is used again");
    text();
    cr_assert_eq(pool.count, 1);
}

Test(reply, the_pool_is_bounded) {
    for (int i = 0; i < 4 * REPLY_POOL_MAX; i++) {
        for (int k = 0; k < 40; k++) reply_bulk(&reply, memset(buf_reserve(&taken, 500), 'x', 500), 500);
    }
    cr_assert_gt(reply.bytes, (size_t)2 * REPLY_POOL_MAX * REPLY_CHUNK_BYTES);
    reply_clear(&reply);
    cr_assert_eq(pool.count, REPLY_POOL_MAX);
}

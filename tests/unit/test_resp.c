/* test_resp.c: both parsers against each other and against redis-server's rules, cut at every byte. */
#include "server/resp.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const struct resp_limits LIMITS = {512 * 1024 * 1024, true};

/* Feeds the bytes in the given pieces; returns what the last piece that mattered said. */
static enum resp_result feed_in_pieces(struct resp_partial *p, const char *data, size_t len, size_t piece,
                                       const struct resp_limits *limits, size_t *total) {
    enum resp_result result = RESP_MORE;
    *total = 0;
    while (*total < len && result == RESP_MORE) {
        size_t n = len - *total < piece ? len - *total : piece, used;
        result = resp_feed(p, data + *total, n, limits, &used);
        cr_assert(used <= n);
        cr_assert(result != RESP_MORE || used == n, "without a command all is consumed");
        *total += used;
    }
    return result;
}

static void expect_argv(struct resp_partial *p, const char *const *words, unsigned n) {
    unsigned argc;
    struct arg *argv = resp_argv(p, &argc);
    cr_assert_eq(argc, n);
    for (unsigned i = 0; i < n; i++) {
        cr_assert_eq(argv[i].len, strlen(words[i]));
        cr_assert_eq(memcmp(argv[i].data, words[i], argv[i].len), 0);
    }
}

Test(resp, plain_command_in_place) {
    const char in[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n";
    struct arg argv[8];
    unsigned argc;
    size_t used = resp_parse(in, sizeof in - 1, argv, 8, &argc);
    cr_assert_eq(used, strlen("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"));
    cr_assert_eq(argc, 3);
    cr_assert_eq(argv[2].len, 0);
    cr_assert_eq(resp_parse(in + used, sizeof in - 1 - used, argv, 8, &argc), strlen("*1\r\n$4\r\nPING\r\n"));
    cr_assert_eq(argc, 1);
}

Test(resp, fast_parser_takes_nothing_incomplete) {
    const char in[] = "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n";
    struct arg argv[8];
    unsigned argc;
    for (size_t len = 0; len < sizeof in - 1; len++)
        cr_assert_eq(resp_parse(in, len, argv, 8, &argc), 0, "%zu", len);
    cr_assert_eq(resp_parse(in, sizeof in - 1, argv, 8, &argc), sizeof in - 1);
    cr_assert_eq(resp_parse(in, sizeof in - 1, argv, 1, &argc), 0, "more arguments than there is room for");
}

Test(resp, fast_parser_leaves_odd_forms_to_the_other) {
    static const char *const odd[] = {"PING\r\n",
                                      "*0\r\n",
                                      "*-1\r\n",
                                      "*01\r\n$4\r\nPING\r\n",
                                      "*1\r\n$+4\r\nPING\r\n",
                                      "*1\r\n$-1\r\n",
                                      "*1\r\n:4\r\n",
                                      "*9999999999\r\n",
                                      "*\r\n",
                                      "*1\n$4\nPING\n"};
    struct arg argv[8];
    unsigned argc;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        cr_assert_eq(resp_parse(odd[i], strlen(odd[i]), argv, 8, &argc), 0, "%s", odd[i]);
}

Test(resp, partial_cut_at_every_byte) {
    const char in[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nva\r\nl\r\n";
    const char *const words[] = {"SET", "key", "va\r\nl"};
    for (size_t cut = 1; cut < sizeof in - 1; cut++) {
        struct resp_partial *p = resp_partial_new();
        size_t used;
        cr_assert_eq(resp_feed(p, in, cut, &LIMITS, &used), RESP_MORE);
        cr_assert_eq(resp_feed(p, in + cut, sizeof in - 1 - cut, &LIMITS, &used), RESP_COMMAND);
        cr_assert_eq(used, sizeof in - 1 - cut);
        expect_argv(p, words, 3);
        resp_partial_free(p);
    }
}

Test(resp, inline_commands) {
    const char in[] = "SET key \"a\\x41 b\" 'it''s'\r\n", ok[] = "  set  k   \"v\\n\"  \nrest";
    const char *const words[] = {"set", "k", "v\n"};
    struct resp_partial *p = resp_partial_new();
    size_t used;
    cr_assert_eq(resp_feed(p, in, sizeof in - 1, &LIMITS, &used), RESP_BAD);
    cr_assert_str_eq(resp_error(p), "Protocol error: unbalanced quotes in request");
    resp_partial_reset(p);
    cr_assert_eq(resp_feed(p, ok, sizeof ok - 1, &LIMITS, &used), RESP_COMMAND);
    cr_assert_eq(used, sizeof ok - 1 - strlen("rest"));
    expect_argv(p, words, 3);
    resp_partial_reset(p);
    cr_assert_eq(resp_feed(p, "\r\n", 2, &LIMITS, &used), RESP_NOTHING);
    resp_partial_free(p);
}

struct bad_case {
    const char *in, *error;
    bool authenticated;
};

Test(resp, protocol_errors) {
    static const struct bad_case cases[] = {
        {"*abc\r\n", "Protocol error: invalid multibulk length", true},
        {"*2147483648\r\n", "Protocol error: invalid multibulk length", true},
        {"*11\r\n", "Protocol error: unauthenticated multibulk length", false},
        {"*1\r\nPING\r\n", "Protocol error: expected '$', got 'P'", true},
        {"*1\r\n$-1\r\n", "Protocol error: invalid bulk length", true},
        {"*1\r\n$536870913\r\n", "Protocol error: invalid bulk length", true},
        {"*1\r\n$16385\r\n", "Protocol error: unauthenticated bulk length", false},
        {"*1\r\n$x\r\n", "Protocol error: invalid bulk length", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t piece = 1; piece <= strlen(cases[i].in); piece++) {
            struct resp_limits limits = {LIMITS.bulk_max, cases[i].authenticated};
            struct resp_partial *p = resp_partial_new();
            size_t used;
            cr_assert_eq(feed_in_pieces(p, cases[i].in, strlen(cases[i].in), piece, &limits, &used), RESP_BAD,
                         "%s", cases[i].in);
            cr_assert_str_eq(resp_error(p), cases[i].error);
            resp_partial_free(p);
        }
    }
}

static void expect_too_long(const char *head, const char *error) {
    struct resp_partial *p = resp_partial_new();
    struct buf b = {0};
    size_t used;
    buf_append_text(&b, head);
    while (b.len <= RESP_LINE_MAX + 8) buf_append_char(&b, '1');
    cr_assert_eq(feed_in_pieces(p, b.data, b.len, 1000, &LIMITS, &used), RESP_BAD);
    cr_assert_str_eq(resp_error(p), error);
    buf_free(&b);
    resp_partial_free(p);
}

Test(resp, endless_lines_are_refused) {
    expect_too_long("*", "Protocol error: too big mbulk count string");
    expect_too_long("*1\r\n$", "Protocol error: too big bulk count string");
    expect_too_long("PING ", "Protocol error: too big inline request");
}

Test(resp, large_argument_becomes_a_blob) {
    size_t n = RESP_BLOB_MIN * 3 + 1, used;
    struct buf b = {0};
    buf_printf(&b, "*2\r\n$1\r\nx\r\n$%zu\r\n", n);
    size_t head = b.len;
    for (size_t i = 0; i < n; i++) buf_append_char(&b, (char)('a' + i % 26));
    buf_append_text(&b, "\r\n");
    for (size_t piece = 777; piece < b.len; piece = piece * 3 + 1) {
        struct resp_partial *p = resp_partial_new();
        cr_assert_eq(feed_in_pieces(p, b.data, b.len, piece, &LIMITS, &used), RESP_COMMAND);
        unsigned argc;
        struct arg *argv = resp_argv(p, &argc);
        struct blob **blobs = resp_blobs(p);
        cr_assert(blobs && !blobs[0] && blobs[1]);
        cr_assert_eq(blobs[1]->len, n);
        cr_assert_eq(argv[1].data, blobs[1]->data);
        cr_assert_eq(memcmp(argv[1].data, b.data + head, n), 0);
        /* A handler that keeps the blob clears its place; the partial then no longer frees it. */
        struct blob *kept = blobs[1];
        blobs[1] = NULL;
        resp_partial_free(p);
        cr_assert_eq(kept->data[25], 'z');
        blob_unref(kept);
    }
    buf_free(&b);
}

Test(resp, copies_keep_what_the_buffer_loses) {
    char data[] = "GETkey";
    struct arg argv[2] = {{data, 3}, {data + 3, 3}};
    const char *const words[] = {"GET", "key"};
    struct resp_partial *p = resp_partial_copy(argv, 2);
    memset(data, 'x', sizeof data);
    expect_argv(p, words, 2);
    resp_partial_free(p);
}

/* Random commands: what the fast parser takes, the partial takes too, with the same arguments and length. */
Test(resp, parsers_agree) {
    struct random r;
    random_seed(&r, 42);
    for (int round = 0; round < 2000; round++) {
        struct buf b = {0};
        unsigned argc = 1 + (unsigned)random_below(&r, 5), got;
        buf_printf(&b, "*%u\r\n", argc);
        for (unsigned i = 0; i < argc; i++) {
            size_t n = random_below(&r, 40);
            buf_printf(&b, "$%zu\r\n", n);
            for (size_t k = 0; k < n; k++) buf_append_char(&b, (char)random_next(&r));
            buf_append_text(&b, "\r\n");
        }
        struct arg fast[8];
        size_t used = resp_parse(b.data, b.len, fast, 8, &got), total;
        cr_assert_eq(used, b.len);
        struct resp_partial *p = resp_partial_new();
        cr_assert_eq(feed_in_pieces(p, b.data, b.len, 1 + random_below(&r, 30), &LIMITS, &total),
                     RESP_COMMAND);
        cr_assert_eq(total, used);
        unsigned n;
        struct arg *slow = resp_argv(p, &n);
        cr_assert_eq(n, got);
        for (unsigned i = 0; i < n; i++)
            cr_assert(slow[i].len == fast[i].len && memcmp(slow[i].data, fast[i].data, fast[i].len) == 0);
        resp_partial_free(p);
        buf_free(&b);
    }
}

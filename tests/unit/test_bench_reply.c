/* test_bench_reply.c: the reply parser: every type, cut at every byte, values compared, and what is not
 * RESP. */
#include <criterion/criterion.h>

#include "bench/reply.h"

#include <stdio.h>
#include <string.h>

struct expectation {
    const char *bytes;
    char kind;
    bool error;
    uint32_t nulls;
    int64_t number;
    const char *text;
};

static const struct expectation CASES[] = {
    {"+OK\r\n", '+', false, 0, 0, ""},
    {"+\r\n", '+', false, 0, 0, ""},
    {"-ERR what is this\r\n", '-', true, 0, 0, "ERR what is this"},
    {":-12\r\n", ':', false, 0, -12, ""},
    {"$-1\r\n", '$', false, 1, -1, ""},
    {"$0\r\n\r\n", '$', false, 0, 0, ""},
    {"$5\r\nhello\r\n", '$', false, 0, 5, ""},
    {"$6\r\na\r\nb\r\n\r\n", '$', false, 0, 6, ""},
    {"*-1\r\n", '*', false, 1, -1, ""},
    {"*0\r\n", '*', false, 0, 0, ""},
    {"*3\r\n:1\r\n$-1\r\n$1\r\nx\r\n", '*', false, 1, 3, ""},
    {"*2\r\n*2\r\n+a\r\n*0\r\n*1\r\n*1\r\n:5\r\n", '*', false, 0, 2, ""},
    {"*2\r\n+OK\r\n-WRONGTYPE no\r\n", '*', true, 0, 2, "WRONGTYPE no"},
    {"_\r\n", '_', false, 1, 0, ""},
    {"#t\r\n", '#', false, 0, 0, ""},
    {",3.25\r\n", ',', false, 0, 0, ""},
    {"(123456789012345678901234567890\r\n", '(', false, 0, 0, ""},
    {"!9\r\nSYNTAX no\r\n", '!', true, 0, 9, "SYNTAX no"},
    {"=7\r\ntxt:abc\r\n", '=', false, 0, 7, ""},
    {"~2\r\n+a\r\n+b\r\n", '~', false, 0, 2, ""},
    {"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", '%', false, 1, 2, ""},
    {"%0\r\n", '%', false, 0, 0, ""},
    {"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n", '$', false, 0, 1, ""},
    {"*2\r\n|1\r\n+a\r\n-not heard\r\n:1\r\n:2\r\n", '*', false, 0, 2, ""},
    {"|0\r\n+OK\r\n", '+', false, 0, 0, ""},
    {">3\r\n+message\r\n+c\r\n-hidden\r\n:7\r\n", ':', false, 0, 7, ""},
    {">0\r\n:8\r\n", ':', false, 0, 8, ""},
};

enum { CASES_COUNT = sizeof CASES / sizeof CASES[0] };

static void check(const struct expectation *c, const struct reply_parser *p) {
    cr_assert_not(p->failed, "%s", c->bytes);
    cr_assert_eq(p->reply.kind, c->kind, "%s: %c", c->bytes, p->reply.kind);
    cr_assert_eq(p->reply.error, c->error, "%s", c->bytes);
    cr_assert_eq(p->reply.nulls, c->nulls, "%s: %u nulls", c->bytes, p->reply.nulls);
    cr_assert_eq(p->reply.number, c->number, "%s: %lld", c->bytes, (long long)p->reply.number);
    if (c->error) cr_assert_str_eq(p->text, c->text);
}

Test(bench_reply, whole_replies) {
    struct reply_parser p;
    reply_start(&p);
    for (unsigned i = 0; i < CASES_COUNT; i++) {
        bool done;
        const size_t n = strlen(CASES[i].bytes);
        cr_assert_eq(reply_feed(&p, CASES[i].bytes, n, &done), n);
        cr_assert(done, "%s", CASES[i].bytes);
        check(&CASES[i], &p);
    }
}

/* Each case between two others, in two pieces cut at every byte, and byte by byte. */
Test(bench_reply, replies_cut_at_every_byte) {
    for (unsigned i = 0; i < CASES_COUNT; i++) {
        char bytes[512];
        const int n = snprintf(bytes, sizeof bytes, ":1\r\n%s+END\r\n", CASES[i].bytes);
        for (int cut = 0; cut <= n; cut++) {
            struct reply_parser p;
            unsigned replies = 0;
            reply_start(&p);
            for (int at = 0; at < n;) {
                bool done;
                const int end = at < cut ? cut : n;
                at += (int)reply_feed(&p, bytes + at, (size_t)(end - at), &done);
                if (!done) {
                    cr_assert_eq(at, end, "bytes were left");
                    continue;
                }
                if (replies == 0) cr_assert_eq(p.reply.number, 1);
                if (replies == 1) check(&CASES[i], &p);
                if (replies == 2) cr_assert_eq(p.reply.kind, '+');
                replies++;
            }
            cr_assert_eq(replies, 3, "%s cut at %d: %u replies", CASES[i].bytes, cut, replies);
        }
    }
}

Test(bench_reply, replies_byte_by_byte) {
    struct reply_parser p;
    reply_start(&p);
    for (unsigned i = 0; i < CASES_COUNT; i++) {
        const size_t n = strlen(CASES[i].bytes);
        bool done = false;
        for (size_t at = 0; at < n; at++) {
            cr_assert_not(done);
            cr_assert_eq(reply_feed(&p, CASES[i].bytes + at, 1, &done), 1);
        }
        cr_assert(done);
        check(&CASES[i], &p);
    }
}

/* A reply of three values, cut at every byte, with each of the values right or wrong. */
Test(bench_reply, values_are_compared_in_pieces) {
    static const char *const values[] = {"first value......", "second...........", "third............"};
    const struct reply_expected expected = {values, 3, 17};
    static const struct {
        const char *bytes;
        bool wrong;
    } cases[] = {
        {"*3\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n$5\r\nthird\r\n", false},
        {"*3\r\n$5\r\nfirst\r\n$-1\r\n$5\r\nthird\r\n", false},
        {"*3\r\n$0\r\n\r\n_\r\n$-1\r\n", false},
        {"*3\r\n$5\r\nfirst\r\n$6\r\nsecxnd\r\n$5\r\nthird\r\n", true},
        {"*3\r\n$5\r\nfirst\r\n$5\r\nthird\r\n$6\r\nsecond\r\n", true},
        {"*3\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n$5\r\nthirt\r\n", true},
        {"*3\r\n$18\r\nfirst value.......\r\n$-1\r\n$-1\r\n", true}, /* longer than anything written */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t n = strlen(cases[i].bytes);
        for (size_t cut = 0; cut <= n; cut++) {
            struct reply_parser p;
            bool done = false;
            reply_start(&p);
            reply_expect(&p, expected);
            if (cut) reply_feed(&p, cases[i].bytes, cut, &done);
            if (cut < n) {
                cr_assert_not(done);
                reply_feed(&p, cases[i].bytes + cut, n - cut, &done);
            }
            cr_assert(done && !p.failed);
            cr_assert_eq(p.reply.wrong, cases[i].wrong, "case %u cut at %zu", i, cut);
            /* What comes next is compared with nothing. */
            reply_feed(&p, "$1\r\nq\r\n", 7, &done);
            cr_assert(done && !p.reply.wrong);
        }
    }
}

Test(bench_reply, the_text_of_a_value_is_kept_where_asked_for) {
    struct reply_parser p;
    bool done;
    reply_start(&p);
    p.keep_values = true;
    reply_feed(&p, "$5\r\nhel", 7, &done);
    reply_feed(&p, "lo\r\n", 4, &done);
    cr_assert(done);
    cr_assert_str_eq(p.text, "hello");
    reply_feed(&p, "$-1\r\n", 5, &done);
    cr_assert(done);
    cr_assert_str_eq(p.text, "");
}

Test(bench_reply, long_lines_are_cut_but_read_to_their_end) {
    char bytes[3000];
    for (unsigned piece = 1; piece <= 1200; piece += 37) {
        struct reply_parser p;
        bool done = false;
        reply_start(&p);
        memset(bytes, 'e', sizeof bytes);
        memcpy(bytes, "-ERR ", 5);
        memcpy(bytes + 1000, "\r\n:7\r\n", 6);
        size_t at = 0;
        while (!done) at += reply_feed(&p, bytes + at, at + piece > 1006 ? 1006 - at : piece, &done);
        cr_assert_eq(at, 1002);
        cr_assert(p.reply.error);
        cr_assert(strlen(p.text) >= 190 && strlen(p.text) <= REPLY_LINE_MAX);
        reply_feed(&p, bytes + at, 4, &done);
        cr_assert(done);
        cr_assert_eq(p.reply.number, 7);
    }
}

Test(bench_reply, what_is_not_resp_fails) {
    static const char *const bad[] = {"x\r\n",           "\r\n",
                                      "$a\r\n",          "$-2\r\n",
                                      "*-2\r\n",         ":\r\n",
                                      ":1x\r\n",         "$99999999999\r\n",
                                      "+no end\n",       "$3\r\nabcde\r\n",
                                      "$3\r\nabc\rx",    "HTTP/1.1 400 Bad Request\r\n",
                                      "*99999999999\r\n"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reply_parser p;
        bool done;
        reply_start(&p);
        reply_feed(&p, bad[i], strlen(bad[i]), &done);
        cr_assert(p.failed && !done, "'%s' was taken", bad[i]);
    }
    char deep[256] = "";
    for (unsigned i = 0; i < REPLY_DEPTH_MAX + 1; i++) strcat(deep, "*1\r\n");
    struct reply_parser p;
    bool done;
    reply_start(&p);
    reply_feed(&p, deep, strlen(deep), &done);
    cr_assert(p.failed);
}

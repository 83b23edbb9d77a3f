/* test_docs.c: the notation of arguments, and that the table of documentation fits the commands. */
#include "server/command.h"
#include "server/docs.h"
#include "server/reply_chunk.h"
#include "shard/base/buf.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_reply(const char *syntax, uint8_t protocol, const char *expected) {
    struct reply_pool pool = {0};
    struct reply r;
    struct buf b = {0};
    reply_init(&r, &pool);
    r.protocol = protocol;
    docs_reply_arguments(&r, syntax);
    for (struct reply_chunk *c = r.first; c; c = c->next) buf_append(&b, c->data, c->len);
    cr_assert_str_eq(b.data, expected);
    reply_clear(&r);
    reply_pool_empty(&pool);
    buf_free(&b);
}

Test(docs, replies_an_argument) {
    expect_reply(
        "key~k#0", 2,
        "*1\r\n*6\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n");
    expect_reply(
        "n~i=EX@2.0?*", 3,
        "*1\r\n%5\r\n$4\r\nname\r\n$1\r\nn\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$5\r\ntoken\r\n$2\r\nEX\r\n"
        "$5\r\nsince\r\n$3\r\n2.0\r\n$5\r\nflags\r\n~2\r\n+optional\r\n+multiple\r\n");
}

Test(docs, replies_nested_arguments) {
    expect_reply(
        "c~o?(a~x=A b~x=B) v~s", 2,
        "*2\r\n*8\r\n$4\r\nname\r\n$1\r\nc\r\n$4\r\ntype\r\n$5\r\noneof\r\n$5\r\nflags\r\n*1\r\n+optional\r\n"
        "$9\r\narguments\r\n*2\r\n*6\r\n$4\r\nname\r\n$1\r\na\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$"
        "5\r\ntoken\r\n"
        "$1\r\nA\r\n*6\r\n$4\r\nname\r\n$1\r\nb\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$5\r\ntoken\r\n$"
        "1\r\nB\r\n"
        "*4\r\n$4\r\nname\r\n$1\r\nv\r\n$4\r\ntype\r\n$6\r\nstring\r\n");
}

Test(docs, malformed_notation_is_found) {
    static const char *const bad[] = {"key",  "key~",  "key~q",   "~k",           "k~o",
                                      "k~o(", "k~o()", "k~o(a~s", "k~s(a~s)",     "a~s  b~s",
                                      "a~s=", "a~s@",  "a~s,b~s", "a~o(b~o(c~q))"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(docs_syntax_is_valid(bad[i]), "%s", bad[i]);
    cr_expect(docs_syntax_is_valid(""));
    cr_expect(docs_syntax_is_valid("ip:port~s yes/no~o(a~s b~b(c~i d~t))"));
}

Test(docs, table_is_sorted_and_valid) {
    for (unsigned i = 0; i < docs_count; i++) {
        cr_expect(docs_syntax_is_valid(docs_table[i].syntax), "%s", docs_table[i].name);
        if (i) cr_expect(strcmp(docs_table[i - 1].name, docs_table[i].name) < 0, "%s", docs_table[i].name);
        cr_expect_eq(docs_find(docs_table[i].name), &docs_table[i]);
    }
    cr_expect_null(docs_find("no such command"));
}

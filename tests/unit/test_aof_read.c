/* test_aof_read.c: commands are read as they were written; every prefix asks for more; damage is located. */
#include <criterion/criterion.h>

#include "persist/aof_read.h"

#include "shard/base/mem.h"

#include <string.h>

static struct aof_reader reader;

static void tear_down(void) {
    aof_reader_free(&reader);
}

TestSuite(aof_read, .fini = tear_down);

static enum aof_read_result read_text(const char *text) {
    static char copy[4096];
    size_t n = strlen(text);
    memcpy(copy, text, n);
    return aof_read(&reader, copy, n);
}

static void refused(const char *text, size_t at) {
    cr_assert_eq(read_text(text), AOF_READ_BAD, "%s", text);
    cr_assert_eq(reader.bad_at, at, "%s: at %zu", text, reader.bad_at);
    cr_assert(reader.why && *reader.why);
}

Test(aof_read, a_command_and_what_follows) {
    const char *text = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\r\nbc\r\n*1\r\n";
    cr_assert_eq(read_text(text), AOF_READ_COMMAND);
    cr_assert_eq(reader.used, strlen(text) - 4);
    cr_assert_eq(reader.count, 3);
    cr_assert(reader.words[0].len == 3 && memcmp(reader.words[0].data, "SET", 3) == 0);
    cr_assert_eq(reader.words[1].len, 0);
    cr_assert(reader.words[2].len == 5 && memcmp(reader.words[2].data, "a\r\nbc", 5) == 0);
    cr_assert_eq(read_text("#TS:1234\r\n*1\r\n"), AOF_READ_REMARK);
    cr_assert_eq(reader.used, 10);
}

Test(aof_read, every_prefix_asks_for_more) {
    const char *text = "*2\r\n$4\r\nINCR\r\n$12\r\n0123456789ab\r\n";
    char copy[64];
    for (size_t n = 0; n < strlen(text); n++) {
        memcpy(copy, text, n);
        cr_assert_eq(aof_read(&reader, copy, n), AOF_READ_MORE, "%zu bytes", n);
        cr_assert(reader.needed > n && reader.needed <= strlen(text));
    }
    cr_assert_eq(read_text("#TS:12"), AOF_READ_MORE);
}

Test(aof_read, damage_is_located) {
    refused("SET a 1\r\n", 0);
    refused("*x\r\n", 0);
    refused("*0\r\n", 0);
    refused("*-1\r\n", 0);
    refused("*99999999\r\n", 0);
    refused("*1\n$4\r\n", 0);
    refused("*1\r\n*4\r\nPING\r\n", 4);
    refused("*1\r\n$9999999999\r\n", 4);
    refused("*1\r\n$-1\r\n", 4);
    refused("*1\r\n$4\r\nPINGxx*1\r\n", 12);
    refused("*000000000000000000000000000000000000000000000000000000000000000000000000000001\r\n", 0);
}

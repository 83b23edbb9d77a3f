/* test_backlog.c: the last bytes of the stream, by replication offsets: what is kept, who can go on where, and what is left of it
 * when another history begins. */
#include "repl/backlog.h"
#include "shard/rt/thread.h"

#include <criterion/criterion.h>
#include <string.h>

static struct thread self;
static struct stream stream;
static struct backlog backlog;

static void set_up(void) {
    stream_open(&stream, &self, 1);
    backlog_open(&backlog, &stream, 1000);
}

static void tear_down(void) {
    backlog_close(&backlog);
    stream_close(&stream);
}

static void say(const char *text) {
    stream_relay(&stream, text, strlen(text), 0, 0);
}

/* Whether the next bytes of a reader at this offset are these, to the end. */
static void assert_from(int64_t offset, const char *expected) {
    struct stream_reader reader;
    const char *bytes;
    char seen[256];
    size_t n, len = 0;
    backlog_join(&backlog, offset, &reader);
    cr_assert_eq(backlog_offset_of(&backlog, &reader), offset);
    while ((n = stream_look(&reader, &bytes)) > 0) {
        memcpy(seen + len, bytes, n);
        len += n;
        stream_advance(&reader, n);
    }
    cr_assert_eq(backlog_offset_of(&backlog, &reader), backlog_end(&backlog));
    stream_leave(&reader);
    cr_assert_eq(len, strlen(expected));
    cr_assert_eq(memcmp(seen, expected, len), 0);
}

TestSuite(backlog, .init = set_up, .fini = tear_down);

Test(backlog, readers_begin_at_any_byte_that_is_kept) {
    say("0123456789");
    say("abcdef");
    cr_assert_eq(backlog_first(&backlog), 1000);
    cr_assert_eq(backlog_end(&backlog), 1016);
    assert_from(1000, "0123456789abcdef");
    assert_from(1009, "9abcdef");
    assert_from(1016, "");
}

Test(backlog, what_only_the_file_is_to_have_is_not_counted) {
    say("0123");
    stream_say(&stream, STREAM_FILE, "#for the file\n", 14);
    stream_say(&stream, STREAM_REPLICAS, "PING", 4);
    say("4567");
    cr_assert_eq(backlog_end(&backlog), 1012);
    assert_from(1002, "23PING4567");
}

Test(backlog, is_cut_to_its_size_but_not_below_a_reader) {
    struct stream_reader late;
    say("0123456789");
    backlog_join(&backlog, 1001, &late);
    backlog_trim(&backlog, 4);
    cr_assert_eq(backlog_first(&backlog), 1006);
    assert_from(1006, "6789");
    const char *bytes;
    cr_assert_eq(stream_look(&late, &bytes), 9, "who reads it already goes on");
    cr_assert_eq(memcmp(bytes, "123456789", 9), 0);
    stream_leave(&late);
    backlog_trim(&backlog, 100);
    cr_assert_eq(backlog_first(&backlog), 1006);
}

Test(backlog, another_history_begins_with_nothing_kept) {
    struct stream_reader old;
    say("0123456789");
    backlog_join(&backlog, 1004, &old);
    backlog_rebase(&backlog, 50);
    cr_assert_eq(backlog_first(&backlog), 50);
    cr_assert_eq(backlog_end(&backlog), 50);
    say("new");
    cr_assert_eq(backlog_end(&backlog), 53);
    assert_from(50, "new");
    assert_from(52, "w");
    stream_leave(&old);
}

/* test_stream.c: the merge: entries of several logs come out in the order of their tickets, with SELECT, MULTI
 * and EXEC where they belong; readers go at their own pace and keep only what they have not read. */
#include <criterion/criterion.h>

#include "persist/stream.h"

#include "shard/base/buf.h"
#include "shard/base/mem.h"

#include <string.h>

enum { OTHERS = 3, ALL = 1 << 30 };

static struct thread self, others[OTHERS];
static struct stream stream;
static struct stream_reader reader;

static void set_up(void) {
    char why[256];
    cr_assert(thread_start(&self, false, why, sizeof why), "%s", why);
    self.holds_held = 1;
    for (unsigned i = 0; i < OTHERS; i++) {
        others[i].index = (uint16_t)(i + 1);
        others[i].holds_held = 1;
    }
    stream_open(&stream, &self, OTHERS + 1);
    stream_join(&stream, &reader, STREAM_FILE);
}

static void tear_down(void) {
    stream_leave(&reader);
    stream_close(&stream);
    self.holds_held = 0;
}

TestSuite(stream, .init = set_up, .fini = tear_down);

static void log_incr(struct thread *t, unsigned database, const char *key) {
    oplog_command(t, database, 2);
    oplog_word(t, "INCR", 4);
    oplog_word(t, key, strlen(key));
}

/* All that the reader has not read yet. */
static struct buf read_all(struct stream_reader *r) {
    struct buf text = {0};
    const char *bytes;
    size_t n;
    while ((n = stream_look(r, &bytes)) > 0) {
        buf_append(&text, bytes, n);
        stream_advance(r, n);
    }
    buf_append_text(&text, "");
    return text;
}

static void expect(struct stream_reader *r, const char *text) {
    struct buf got = read_all(r);
    cr_assert_str_eq(got.data, text);
    buf_free(&got);
}

#define SELECT(n) "*2\r\n$6\r\nSELECT\r\n$" #n "\r\n"
#define INCR(key) "*2\r\n$4\r\nINCR\r\n$1\r\n" key "\r\n"

Test(stream, entries_come_in_the_order_of_their_tickets) {
    log_incr(&others[1], 0, "a");
    oplog_publish(&others[1], false);
    log_incr(&others[0], 0, "b");
    oplog_publish(&others[0], false);
    log_incr(&others[1], 0, "c");
    oplog_publish(&others[1], false);
    log_incr(&others[2], 0, "d");
    oplog_publish(&others[2], false);
    cr_assert_gt(stream_merge(&stream, ALL), 0);
    expect(&reader, SELECT(1) "0\r\n" INCR("a") INCR("b") INCR("c") INCR("d"));
    cr_assert_eq(stream.next_ticket, oplog_next_ticket());
    cr_assert_eq(stream_merge(&stream, ALL), 0);
}

Test(stream, several_commands_of_an_entry_stay_together) {
    log_incr(&others[0], 5, "a");
    log_incr(&others[0], 12, "b");
    oplog_publish(&others[0], false);
    log_incr(&others[0], 12, "c");
    log_incr(&others[0], 12, "d");
    oplog_publish(&others[0], true);
    stream_merge(&stream, ALL);
    expect(&reader, "*1\r\n$5\r\nMULTI\r\n" SELECT(1) "5\r\n" INCR("a")
                        SELECT(2) "12\r\n" INCR("b") "*1\r\n$4\r\nEXEC\r\n" INCR("c") INCR("d"));
    struct stream_cut cut, behind;
    stream_note_cut(&stream, &cut);
    cr_assert(cut.reached && cut.at[STREAM_FILE] == stream.end[STREAM_FILE]);
    log_incr(&others[0], 12, "e");
    oplog_publish(&others[0], false);
    stream_merge(&stream, ALL);
    expect(&reader, SELECT(2) "12\r\n" INCR("e"));
    log_incr(&others[0], 12, "f");
    oplog_publish(&others[0], false);
    stream_note_cut(&stream, &cut);
    stream_note_cut(&stream, &behind);
    log_incr(&others[0], 12, "g");
    oplog_publish(&others[0], false);
    cr_assert(!cut.reached && !behind.reached);
    stream_merge(&stream, ALL);
    cr_assert(cut.reached && behind.reached && cut.at[STREAM_FILE] == behind.at[STREAM_FILE]);
    cr_assert_eq(cut.at[STREAM_FILE], reader.at + strlen(INCR("f")));
    expect(&reader, INCR("f") SELECT(2) "12\r\n" INCR("g"));
}

Test(stream, nothing_overtakes_an_entry_that_is_missing) {
    struct stream late;
    stream_open(&late, &self, 1); /* which sees only one of the logs */
    struct stream_reader late_reader;
    stream_join(&late, &late_reader, STREAM_FILE);
    log_incr(&others[0], 0, "a");
    oplog_publish(&others[0], false);
    log_incr(&self, 0, "b");
    oplog_publish(&self, false);
    cr_assert_eq(stream_merge(&late, ALL), 0);
    stream_leave(&late_reader);
    stream_close(&late);
    stream_merge(&stream, ALL);
    expect(&reader, SELECT(1) "0\r\n" INCR("a") INCR("b"));
}

Test(stream, a_large_value_is_not_copied) {
    struct blob *blob = blob_new(OPLOG_BLOB_MIN);
    memset(blob->data, 'x', OPLOG_BLOB_MIN);
    blob->len = OPLOG_BLOB_MIN;
    oplog_command(&others[0], 0, 3);
    oplog_word(&others[0], "SET", 3);
    oplog_word(&others[0], "k", 1);
    oplog_blob_word(&others[0], blob);
    oplog_publish(&others[0], false);
    log_incr(&others[0], 0, "a");
    oplog_publish(&others[0], false);
    stream_merge(&stream, ALL);
    cr_assert_eq(atomic_load(&blob->refs), 2);
    struct buf got = read_all(&reader);
    const char *head = SELECT(1) "0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$32768\r\n";
    cr_assert_eq(memcmp(got.data, head, strlen(head)), 0);
    cr_assert_eq(memcmp(got.data + strlen(head), blob->data, OPLOG_BLOB_MIN), 0);
    cr_assert_str_eq(got.data + strlen(head) + OPLOG_BLOB_MIN, "\r\n" INCR("a"));
    cr_assert_eq(atomic_load(&blob->refs), 1, "given up with the block that the reader has left");
    buf_free(&got);
    blob_unref(blob);
}

/* Two readers, of which one lags: each sees every byte once; what both have passed is freed. */
Test(stream, readers_go_at_their_own_pace) {
    enum { COUNT = 300000 };
    struct stream_reader slow;
    stream_join(&stream, &slow, STREAM_FILE);
    size_t before = mem_used();
    uint64_t length = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        log_incr(&others[i % OTHERS], 0, "some-key");
        oplog_publish(&others[i % OTHERS], false);
        if (i % 100 != 99) continue;
        length += stream_merge(&stream, ALL);
        struct buf got = read_all(&reader);
        buf_free(&got);
    }
    cr_assert_eq(reader.at, length);
    cr_assert_gt(mem_used() - before, length);
    struct buf all = read_all(&slow);
    cr_assert_eq(all.len, length);
    const char *one = "*2\r\n$4\r\nINCR\r\n$8\r\nsome-key\r\n", *at = all.data + strlen(SELECT(1) "0\r\n");
    for (unsigned i = 0; i < COUNT; i++, at += strlen(one)) cr_assert_eq(memcmp(at, one, strlen(one)), 0);
    buf_free(&all);
    stream_leave(&slow);
    cr_assert_lt(mem_used(), before + length / 2);
}

Test(stream, a_merge_stops_at_its_bound) {
    for (unsigned i = 0; i < 10; i++) {
        log_incr(&others[0], 0, "a");
        oplog_publish(&others[0], false);
    }
    uint64_t first = stream_merge(&stream, 50);
    cr_assert(first >= 50 && first < 100);
    cr_assert_gt(stream_merge(&stream, ALL), 0);
    struct buf got = read_all(&reader);
    cr_assert_eq(got.len, strlen(SELECT(1) "0\r\n") + 10 * strlen(INCR("a")));
    buf_free(&got);
}

#define PING "*1\r\n$4\r\nPING\r\n"

/* Each audience hears what is for it, and counts only that. */
Test(stream, what_is_said_to_one_audience_is_not_heard_by_the_other) {
    struct stream_reader replica, late;
    stream_join(&stream, &replica, STREAM_REPLICAS);
    stream_say(&stream, STREAM_REPLICAS, PING, strlen(PING));
    stream_join(&stream, &late, STREAM_FILE);
    expect(&reader, "");
    cr_assert_eq(stream.end[STREAM_FILE], 0);
    cr_assert_eq(stream.end[STREAM_REPLICAS], strlen(PING));
    log_incr(&others[0], 0, "a");
    oplog_publish(&others[0], false);
    stream_merge(&stream, ALL);
    stream_say(&stream, STREAM_REPLICAS, PING, strlen(PING));
    stream_say(&stream, STREAM_FILE, INCR("x"), strlen(INCR("x")));
    log_incr(&others[0], 0, "b");
    oplog_publish(&others[0], false);
    stream_merge(&stream, ALL);
    expect(&reader, SELECT(1) "0\r\n" INCR("a") INCR("x") INCR("b"));
    expect(&late, SELECT(1) "0\r\n" INCR("a") INCR("x") INCR("b"));
    expect(&replica, PING SELECT(1) "0\r\n" INCR("a") PING INCR("b"));
    cr_assert_eq(reader.at, stream.end[STREAM_FILE]);
    cr_assert_eq(replica.at, stream.end[STREAM_REPLICAS]);
    stream_leave(&replica);
    stream_leave(&late);
}

/* Bytes from elsewhere come out as they are; a file that begins anew among them is told the database. */
Test(stream, what_is_relayed_stays_as_it_is) {
    struct stream_reader replica;
    struct stream_cut cut;
    stream_join(&stream, &replica, STREAM_REPLICAS);
    stream_relay(&stream, SELECT(1) "3\r\n" INCR("a"), strlen(SELECT(1) "3\r\n" INCR("a")), -1, 3);
    stream_relay(&stream, INCR("b"), strlen(INCR("b")), 3, 3);
    expect(&reader, SELECT(1) "3\r\n" INCR("a") INCR("b"));
    stream_note_cut(&stream, &cut);
    cr_assert(cut.reached);
    cr_assert_eq(cut.at[STREAM_FILE], stream.end[STREAM_FILE]);
    stream_relay(&stream, INCR("c"), strlen(INCR("c")), 3, 3);
    expect(&reader, SELECT(1) "3\r\n" INCR("c"));
    expect(&replica, SELECT(1) "3\r\n" INCR("a") INCR("b") INCR("c"));
    /* The server is its own master now: nobody has to be told what is selected. */
    log_incr(&others[0], 3, "d");
    oplog_publish(&others[0], false);
    stream_merge(&stream, ALL);
    expect(&replica, INCR("d"));
    expect(&reader, INCR("d"));
    stream_leave(&replica);
}

/* A PING behind each write: a backlog of few bytes takes little memory. */
Test(stream, audiences_that_alternate_take_little_memory) {
    enum { COUNT = 1000 };
    struct stream_reader slow;
    stream_join(&stream, &slow, STREAM_REPLICAS);
    size_t before = mem_used();
    for (unsigned i = 0; i < COUNT; i++) {
        log_incr(&others[0], 0, "a");
        oplog_publish(&others[0], false);
        stream_merge(&stream, ALL);
        stream_say(&stream, STREAM_REPLICAS, PING, strlen(PING));
    }
    cr_assert_lt(mem_used() - before, COUNT * 2 * 1024);
    stream_leave(&slow);
}

/* Memory that `count` runs of a primary's stream take, each of `bytes` in pieces, between keys evicted here. */
static size_t cost_of_runs(unsigned count, size_t bytes, size_t piece) {
    static char text[100000];
    struct stream_reader slow;
    cr_assert_leq(piece, sizeof text);
    stream_join(&stream, &slow, STREAM_REPLICAS);
    size_t before = mem_used();
    for (unsigned i = 0; i < count; i++) {
        for (size_t done = 0; done < bytes; done += piece) stream_relay(&stream, text, piece, 0, 0);
        stream_say(&stream, STREAM_FILE, PING, strlen(PING));
    }
    size_t cost = mem_used() - before;
    stream_leave(&slow);
    return cost;
}

Test(stream, what_is_cut_short_takes_little_memory) {
    enum { COUNT = 200, BYTES = 60000, OTHERS_BYTES = 8192 };
    cr_assert_lt(cost_of_runs(COUNT, BYTES, BYTES), COUNT * (BYTES + OTHERS_BYTES));
    cr_assert_lt(cost_of_runs(COUNT, BYTES, 100), COUNT * (2 * BYTES + OTHERS_BYTES));
}

/* What lies ahead is shown in pieces without the reader moving; he may go anywhere in it then. */
Test(stream, looks_ahead_over_blocks) {
    enum { COUNT = 600, PIECES = 8 };
    struct iovec pieces[PIECES];
    struct buf seen = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        log_incr(&others[i % OTHERS], 0, "a");
        oplog_publish(&others[i % OTHERS], false);
        stream_merge(&stream, ALL);
        if (i % 100 == 0) stream_say(&stream, STREAM_REPLICAS, PING, strlen(PING));
    }
    unsigned first = stream_look_ahead(&reader, pieces, PIECES, 5);
    cr_assert_eq(first, 1);
    cr_assert_eq(pieces[0].iov_len, 5);
    cr_assert_eq(stream_look_ahead(&reader, pieces, 2, UINT64_MAX), 2,
                 "no more pieces than there is room for");
    while (reader.at < stream.end[STREAM_FILE]) {
        unsigned count = stream_look_ahead(&reader, pieces, PIECES, 3000);
        uint64_t bytes = 0;
        cr_assert_gt(count, 0);
        for (unsigned i = 0; i < count; i++) {
            buf_append(&seen, pieces[i].iov_base, pieces[i].iov_len);
            bytes += pieces[i].iov_len;
        }
        cr_assert(bytes > 0 && bytes <= 3000);
        stream_advance_to(&reader, reader.at + bytes);
    }
    cr_assert_eq(seen.len, stream.end[STREAM_FILE]);
    size_t one = strlen(INCR("a")), select = seen.len - COUNT * one;
    for (size_t at = select; at < seen.len; at += one)
        cr_assert_eq(memcmp(seen.data + at, INCR("a"), one), 0);
    cr_assert_eq(stream_look_ahead(&reader, pieces, PIECES, UINT64_MAX), 0);
    stream_advance_to(&reader, 1);
    cr_assert_eq(reader.at, stream.end[STREAM_FILE], "never back");
    buf_free(&seen);
}

/* What a primary said, one INCR of "p" for each place. */
static uint64_t relayed_to;

static void relay_up_to(uint64_t place) {
    for (; relayed_to < place; relayed_to++) stream_relay(&stream, INCR("p"), strlen(INCR("p")), 0, 0);
}

Test(stream, changes_made_here_come_behind_what_they_saw_and_in_the_file_alone) {
    struct stream_reader replica;
    stream_join(&stream, &replica, STREAM_REPLICAS);
    stream_set_relayed(&stream, relay_up_to);
    log_incr(&others[0], 0, "a");
    oplog_publish(&others[0], false);
    oplog_note_place(2);
    log_incr(&others[1], 1, "b");
    oplog_publish(&others[1], false);
    oplog_note_place(3); /* nobody here saw it */
    stream_merge(&stream, ALL);
    cr_assert_eq(relayed_to, 2);
    expect(&reader, SELECT(1) "0\r\n" INCR("a") INCR("p") INCR("p") SELECT(1) "1\r\n" INCR("b"));
    relay_up_to(3);
    expect(&reader, SELECT(1) "0\r\n" INCR("p"));
    expect(&replica, INCR("p") INCR("p") INCR("p"));
    stream_set_relayed(&stream, NULL);
    log_incr(&others[0], 0, "c");
    oplog_publish(&others[0], false);
    stream_merge(&stream, ALL);
    expect(&reader, SELECT(1) "0\r\n" INCR("c"));
    expect(&replica, SELECT(1) "0\r\n" INCR("c"));
    stream_leave(&replica);
}

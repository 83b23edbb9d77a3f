/* test_spill.c: the stream in a file: users at any place get every byte once and in order, through wraps of
 * the ring, a ring that is full, errors, and users who come and go while something is written. */
#include "repl/spill.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shard/base/mem.h"
#include "shard/rt/clock.h"

enum { TURNS_MAX = 5000, TURN_NS = 1000000, PIECE = 100 * 1000, PIECES = 60, READ_BYTES = 37 * 1000 };

static struct thread self;
static struct stream stream;
static struct stream_reader beginning;
static char directory[] = "/tmp/gyre-spill-XXXXXX";
static unsigned moves;

static void moved(struct thread *t, struct spill *s) {
    cr_assert_eq(t, &self);
    cr_assert_not_null(s);
    moves++;
}

static void set_up(void) {
    char why[256];
    clock_init();
    cr_assert(thread_start(&self, false, why, sizeof why), "%s", why);
    cr_assert(mkdtemp(directory) && chdir(directory) == 0);
    stream_open(&stream, &self, 1);
    stream_join(&stream, &beginning, STREAM_REPLICAS);
}

static void turn(void) {
    const struct completion *done;
    thread_turn(&self, TURN_NS);
    while ((done = ring_next(self.ring))) file_completion(&self, done);
}

static void tear_down(void) {
    file_heal();
    for (int i = 0; i < 20; i++) turn();
    if (beginning.block) stream_leave(&beginning);
    stream_close(&stream); /* nobody reads it */
    ring_close(self.ring);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(directory), 0, "a file is left");
}

TestSuite(spill, .init = set_up, .fini = tear_down, .timeout = 60);

/* The byte at a place of the stream. */
static char byte_at(uint64_t place) {
    return (char)(place * 31 + place / 251 + place / 65536 * 7);
}

static void emit(size_t n) {
    char *bytes = mem_alloc(n);
    for (size_t i = 0; i < n; i++) bytes[i] = byte_at(stream.end[STREAM_REPLICAS] + i);
    stream_say(&stream, STREAM_REPLICAS, bytes, n);
    mem_free(bytes);
}

static struct spill *opened_at_beginning(uint64_t capacity) {
    return spill_open(&self, &beginning, capacity, moved);
}

/* What is next for the user, and checks it. False: it has all. */
static bool read_some(struct spill_user *user) {
    static char chunk[READ_BYTES];
    struct spill_span span = spill_look(user);
    if (!span.n) return false;
    if (span.n > READ_BYTES) span.n = READ_BYTES;
    if (!span.bytes) {
        cr_assert_eq(pread(span.fd, chunk, span.n, (off_t)span.offset), (ssize_t)span.n);
        span.bytes = chunk;
    }
    for (size_t i = 0; i < span.n; i++) cr_assert_eq(span.bytes[i], byte_at(user->at + i), "at %zu", i);
    user->at += span.n;
    return true;
}

static void check_stream(struct stream_reader *reader) {
    const char *bytes;
    size_t n;
    while ((n = stream_look(reader, &bytes)) > 0) {
        for (size_t i = 0; i < n; i++) cr_assert_eq(bytes[i], byte_at(reader->at + i));
        stream_advance(reader, n);
    }
    cr_assert_eq(reader->at, stream.end[STREAM_REPLICAS]);
}

static void leave_and_check(struct spill_user *user, bool last) {
    struct stream_reader reader;
    cr_assert_eq(spill_leave_for_stream(user, &reader), last);
    check_stream(&reader);
    stream_leave(&reader);
}

/* Until all that there is has been copied and written. */
static void settle(struct spill *s) {
    for (int i = 0; i < TURNS_MAX; i++) {
        uint64_t before = spill_end(s);
        turn();
        spill_copy(s);
        if (before == stream.end[STREAM_REPLICAS] && i > 3) return;
        if (spill_is_full(s) || spill_error(s)) return;
    }
    cr_assert(false, "it does not come to an end");
}

Test(spill, users_read_all_of_it_and_go_on_in_the_stream) {
    struct spill_user near = {0}, far = {0};
    emit(PIECE);
    struct spill *s = opened_at_beginning(1 << 30);
    cr_assert(spill_join(s, &far, beginning.at));
    cr_assert(spill_join(s, &near, beginning.at + PIECE / 2));
    stream_leave(&beginning);
    for (int i = 0; i < PIECES; i++) {
        emit(PIECE);
        spill_copy(s);
        turn();
        read_some(&near);
        if (i % 3 == 0) read_some(&far);
    }
    cr_assert_gt(moves, 0);
    cr_assert_eq(spill_tail(s), far.at);
    settle(s);
    while (read_some(&near)) {
    }
    leave_and_check(&near, false);
    emit(PIECE);
    while (read_some(&far)) {
    }
    leave_and_check(&far, true);
}

Test(spill, a_ring_is_used_again) {
    struct spill_user user = {0};
    struct spill *s = opened_at_beginning(1); /* the least there is */
    cr_assert(spill_join(s, &user, beginning.at));
    stream_leave(&beginning);
    for (int i = 0; i < PIECES; i++) {
        emit(PIECE);
        settle(s);
        cr_assert_not(spill_is_full(s));
        for (int n = 0; n < 3; n++) read_some(&user); /* a little more than what has come */
    }
    emit(3 * SPILL_CAPACITY_MIN);
    settle(s);
    cr_assert(spill_is_full(s));
    cr_assert_eq(spill_end(s) - user.at, SPILL_CAPACITY_MIN);
    struct spill_user late = {0};
    cr_assert_not(spill_join(s, &late, user.at - 1));
    cr_assert(spill_join(s, &late, user.at + 1));
    for (int i = 0; i < TURNS_MAX && read_some(&user); i++) {
        read_some(&late);
        spill_copy(s);
        turn();
    }
    cr_assert_not(spill_leave(&late));
    settle(s);
    while (read_some(&user)) {
    }
    leave_and_check(&user, true);
}

Test(spill, what_cannot_be_written_is_still_in_the_stream) {
    struct spill_user user = {0}, ahead = {0};
    emit(PIECE);
    struct spill *s = opened_at_beginning(1 << 30);
    cr_assert(spill_join(s, &user, beginning.at));
    stream_leave(&beginning);
    settle(s);
    file_fault(FILE_WRITE, 1, ENOSPC);
    for (int i = 0; i < PIECES; i++) emit(PIECE);
    cr_assert(spill_join(s, &ahead, stream.end[STREAM_REPLICAS]));
    settle(s);
    cr_assert_eq(spill_error(s), -ENOSPC);
    cr_assert_lt(spill_end(s), stream.end[STREAM_REPLICAS]);
    file_heal();
    while (read_some(&user)) {
    }
    cr_assert_eq(user.at, spill_end(s));
    leave_and_check(&user, false);
    emit(PIECE);
    leave_and_check(&ahead, true);
}

Test(spill, a_file_that_cannot_be_made) {
    struct spill_user user = {0};
    file_fault(FILE_OPEN, 0, EACCES);
    emit(PIECE);
    struct spill *s = opened_at_beginning(1 << 30);
    cr_assert(spill_join(s, &user, beginning.at));
    stream_leave(&beginning);
    settle(s);
    cr_assert_eq(spill_error(s), -EACCES);
    leave_and_check(&user, true);
}

Test(spill, the_last_user_may_leave_at_any_time) {
    struct spill_user user = {0};
    struct spill *s = opened_at_beginning(1 << 30);
    cr_assert(spill_join(s, &user, beginning.at));
    cr_assert(spill_leave(&user)); /* before the file is there */
    turn();
    emit(PIECE);
    s = opened_at_beginning(1 << 30);
    cr_assert(spill_join(s, &user, beginning.at));
    for (int i = 0; i < TURNS_MAX && spill_end(s) == beginning.at; i++) turn();
    cr_assert(spill_leave(&user)); /* with a write under way */
}

/* Identities, the decision between going on and beginning anew, and the backlog. */
#include "repl/backlog.h"
#include "repl/identity.h"
#include "repl/psync.h"
#include "shard/base/buf.h"

#include <criterion/criterion.h>
#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"

Test(identity, a_history_begins_under_an_id_of_its_own) {
    struct random r;
    random_seed(&r, 1);
    identity_begin(&r);
    struct identity first = identity_get();
    cr_assert(identity_is_id(first.id) && first.offset == 0 && first.second_end == -1);
    cr_assert_str_eq(first.second_id, REPLICATION_ID_NONE);
    identity_begin(&r);
    cr_assert_str_neq(identity_get().id, first.id);
}

Test(identity, ids_are_checked) {
    cr_assert(identity_is_id(A));
    cr_assert_not(identity_is_id(A "a"));
    cr_assert_not(identity_is_id("aaa"));
    cr_assert_not(identity_is_id("?"));
    cr_assert_not(identity_is_id("gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

Test(identity, promotion_and_renaming_remember_the_old_id_up_to_there) {
    struct random r;
    random_seed(&r, 1);
    identity_adopt(A, 100);
    identity_set_offset(150);
    identity_rename(A);
    cr_assert_eq(identity_get().second_end, -1, "the same id is no change");
    identity_rename(B);
    struct identity renamed = identity_get();
    cr_assert_str_eq(renamed.id, B);
    cr_assert_str_eq(renamed.second_id, A);
    cr_assert_eq(renamed.second_end, 150);
    identity_set_offset(170);
    identity_fork(&r);
    struct identity forked = identity_get();
    cr_assert_str_eq(forked.second_id, B);
    cr_assert_eq(forked.second_end, 170);
    cr_assert_eq(forked.offset, 170);
    identity_adopt(C, 5);
    cr_assert_eq(identity_get().second_end, -1, "what comes from elsewhere has no past here");
    identity_recover(&r, C, 1000);
    cr_assert_str_eq(identity_get().second_id, C);
    cr_assert_eq(identity_get().second_end, 1000);
}

/* Ours: 200 bytes of A's history, of which the first 150 are B's as well; the backlog has bytes 101 to 200. */
static const struct identity ours = {.id = A, .second_id = B, .second_end = 150, .offset = 200};
static const struct psync_backlog kept = {.exists = true, .first = 100};

Test(psync, every_place_of_every_history) {
    for (int64_t from = -1; from <= 300; from++) {
        enum psync_answer here = from <= 100 ? PSYNC_TOO_OLD : from <= 201 ? PSYNC_CONTINUE : PSYNC_AHEAD;
        cr_assert_eq(psync_decide(&ours, &kept, A, from), here, "%d", (int)from);
        cr_assert_eq(psync_decide(&ours, &kept, B, from), from > 151 ? PSYNC_DIVERGED : here, "%d",
                     (int)from);
        cr_assert_eq(psync_decide(&ours, &kept, C, from), PSYNC_UNKNOWN_ID);
        cr_assert_eq(psync_decide(&ours, &kept, "?", from), PSYNC_ASKED);
        struct psync_backlog none = {.exists = false};
        cr_assert_eq(psync_decide(&ours, &none, A, from), PSYNC_NO_BACKLOG);
    }
}

Test(psync, ids_are_compared_as_redis_does) {
    cr_assert_eq(psync_decide(&ours, &kept, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 150), PSYNC_CONTINUE);
    struct identity young = {.id = A, .second_id = REPLICATION_ID_NONE, .second_end = -1, .offset = 200};
    cr_assert_eq(psync_decide(&young, &kept, REPLICATION_ID_NONE, 150), PSYNC_UNKNOWN_ID, "none is no id");
}

Test(psync, an_empty_backlog_serves_who_has_everything) {
    struct psync_backlog empty = {.exists = true, .first = 200};
    cr_assert_eq(psync_decide(&ours, &empty, A, 201), PSYNC_CONTINUE);
    cr_assert_eq(psync_decide(&ours, &empty, A, 200), PSYNC_TOO_OLD);
}

/* ---- the backlog ---- */

static struct thread self;
static struct stream stream;

static void set_up(void) {
    char why[256];
    cr_assert(thread_start(&self, false, why, sizeof why), "%s", why);
    stream_open(&stream, &self, 1);
}

static void tear_down(void) {
    stream_close(&stream);
}

TestSuite(backlog, .init = set_up, .fini = tear_down);

static void say(enum stream_audience to, unsigned bytes, char with) {
    char text[1000];
    cr_assert_leq(bytes, sizeof text);
    memset(text, with, bytes);
    stream_say(&stream, to, text, bytes);
}

static struct buf rest_from(const struct backlog *b, int64_t offset) {
    struct stream_reader reader;
    struct buf text = {0};
    const char *bytes;
    size_t n;
    backlog_join(b, offset, &reader);
    cr_assert_eq(backlog_offset_of(b, &reader), offset);
    while ((n = stream_look(&reader, &bytes)) > 0) {
        buf_append(&text, bytes, n);
        stream_advance(&reader, n);
    }
    stream_leave(&reader);
    return text;
}

Test(backlog, every_offset_that_is_kept_can_be_joined) {
    struct backlog b = {0};
    say(STREAM_REPLICAS, 7, 'x');
    backlog_open(&b, &stream, 5000);
    cr_assert_eq(backlog_first(&b), 5000);
    for (unsigned i = 0; i < 10; i++) {
        say(STREAM_REPLICAS, 300, (char)('a' + i));
        say(STREAM_FILE, 100, '!'); /* which no replica hears or counts */
    }
    cr_assert_eq(backlog_end(&b), 8000);
    backlog_trim(&b, 2500);
    cr_assert_eq(backlog_first(&b), 5500);
    for (int64_t offset = 5500; offset <= 8000; offset++) {
        struct buf text = rest_from(&b, offset);
        cr_assert_eq(text.len, 8000 - offset);
        for (size_t i = 0; i < text.len; i++)
            cr_assert_eq(text.data[i], 'a' + (offset - 5000 + (int64_t)i) / 300);
        buf_free(&text);
    }
    backlog_trim(&b, 0);
    cr_assert_eq(backlog_first(&b), 8000);
    backlog_close(&b);
}

/* test_oplog.c: the threads' logs: what is written comes out, whole and in order; tickets are dense; a full log
 * says so and wakes its writer when there is room. */
#include <criterion/criterion.h>

#include "shard/store/oplog.h"

#include "shard/base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct thread self;

static void set_up(void) {
    char why[256];
    cr_assert(thread_start(&self, false, why, sizeof why), "%s", why);
    self.holds_held = 1; /* entries are published with slices held */
}

static void tear_down(void) {
    self.holds_held = 0;
}

TestSuite(oplog, .init = set_up, .fini = tear_down);

static void log_set(struct thread *t, unsigned database, const char *key, const char *value) {
    oplog_command(t, database, 3);
    oplog_word(t, "SET", 3);
    oplog_word(t, key, strlen(key));
    oplog_word(t, value, strlen(value));
}

static void expect_words(const struct oplog_command *command, const char *words) {
    cr_assert_eq(command->bytes, strlen(words));
    cr_assert_eq(memcmp(oplog_words(command), words, command->bytes), 0);
}

Test(oplog, what_is_open_is_not_seen) {
    cr_assert_null(oplog_peek(0));
    log_set(&self, 0, "a", "1");
    cr_assert(oplog_is_open(&self));
    cr_assert_null(oplog_peek(0));
    uint64_t before = oplog_next_ticket();
    cr_assert_eq(oplog_publish(&self, false), before);
    cr_assert_eq(oplog_next_ticket(), before + 1);
    cr_assert_not(oplog_is_open(&self));
    cr_assert_eq(oplog_publish(&self, false), 0, "nothing is open: no ticket is taken");
    const struct oplog_entry *entry = oplog_peek(0);
    cr_assert(entry && entry->ticket == before && entry->commands == 1 && !entry->loose);
    expect_words(oplog_first(entry), "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n");
    oplog_take(0);
    cr_assert_null(oplog_peek(0));
}

Test(oplog, an_entry_holds_several_commands) {
    log_set(&self, 3, "key", "");
    oplog_command(&self, 5, 2);
    oplog_word(&self, "EXPIREAT", 8);
    oplog_number(&self, -1234567890123);
    oplog_key_gone(&self, 7, "gone", 4, OPLOG_EXPIRED);
    oplog_publish(&self, true);
    const struct oplog_entry *entry = oplog_peek(0);
    cr_assert(entry && entry->commands == 3 && entry->loose);
    const struct oplog_command *command = oplog_first(entry);
    cr_assert_eq(command->database, 3);
    expect_words(command, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
    command = oplog_after(command);
    cr_assert_eq(command->database, 5);
    expect_words(command, "*2\r\n$8\r\nEXPIREAT\r\n$14\r\n-1234567890123\r\n");
    command = oplog_after(command);
    cr_assert_eq(command->database, 7);
    expect_words(command, "*2\r\n$3\r\nDEL\r\n$4\r\ngone\r\n");
    oplog_take(0);
}

Test(oplog, a_large_word_is_referred_to) {
    struct blob *blob = blob_new(OPLOG_BLOB_MIN), *small = blob_new_from("small", 5);
    memset(blob->data, 'x', OPLOG_BLOB_MIN);
    blob->len = OPLOG_BLOB_MIN;
    oplog_command(&self, 0, 4);
    oplog_word(&self, "MSET", 4);
    oplog_blob_word(&self, blob);
    oplog_blob_word(&self, small);
    oplog_blob_word(&self, blob);
    oplog_publish(&self, false);
    cr_assert_eq(atomic_load(&blob->refs), 3);
    const struct oplog_command *command = oplog_first(oplog_peek(0));
    const struct oplog_blob *blobs = oplog_blobs(command);
    cr_assert_eq(command->blobs, 2);
    expect_words(command, "*4\r\n$4\r\nMSET\r\n$32768\r\n\r\n$5\r\nsmall\r\n$32768\r\n\r\n");
    cr_assert_eq(memcmp(oplog_words(command) + blobs[0].at, "\r\n$5", 4), 0);
    cr_assert_eq(blobs[1].at, command->bytes - 2);
    oplog_take(0);
    cr_assert_eq(atomic_load(&blob->refs), 1);
    blob_unref(blob);
    blob_unref(small);
}

/* Entries of all sizes, of which some do not fit what is left of their block, and some not into any. */
Test(oplog, blocks_are_changed_in_the_middle) {
    enum { ROUNDS = 400, LARGEST = 600 * 1024 };
    char *value = mem_zalloc(LARGEST + 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t len = i % 50 == 49 ? LARGEST : i * 37 % 30000;
        memset(value, 'a' + (int)(i % 26), len);
        value[len] = 0;
        log_set(&self, i, "first", value);
        log_set(&self, i, "second", value);
        oplog_publish(&self, false);
        if (i % 3) continue;
        for (const struct oplog_entry *entry; (entry = oplog_peek(0));) {
            unsigned made = oplog_first(entry)->database;
            size_t expected = made % 50 == 49 ? LARGEST : made * 37 % 30000;
            const struct oplog_command *second = oplog_after(oplog_first(entry));
            cr_assert_eq(entry->commands, 2);
            char head[64];
            int n = snprintf(head, sizeof head, "*3\r\n$3\r\nSET\r\n$6\r\nsecond\r\n$%zu\r\n", expected);
            cr_assert_eq(second->bytes, (size_t)n + expected + 2);
            cr_assert_eq(memcmp(oplog_words(second), head, (size_t)n), 0);
            for (size_t b = 0; b < expected; b++)
                cr_assert_eq(oplog_words(second)[(size_t)n + b], 'a' + (int)(made % 26));
            oplog_take(0);
        }
    }
    mem_free(value);
}

Test(oplog, a_full_log_wakes_its_writer) {
    enum { LEN = 1024 * 1024 };
    char *value = mem_zalloc(LEN + 1);
    memset(value, 'v', LEN);
    unsigned count = 0;
    while (!oplog_is_full(&self)) {
        log_set(&self, 0, "k", value);
        oplog_publish(&self, false);
        cr_assert_lt(++count, 2 * OPLOG_BYTES_MAX / LEN);
    }
    cr_assert_geq(count, OPLOG_BYTES_MAX / LEN - 1);
    atomic_store(&self.wake, false);
    oplog_take(0);
    oplog_take(0);
    oplog_make_room(&self, 0);
    cr_assert(atomic_load(&self.wake));
    cr_assert_not(oplog_is_full(&self));
    mem_free(value);
}

/* ---- several threads ---- */

enum { WRITERS = 3, EACH = 20000 };

static void *write_many(void *arg) {
    struct thread *t = arg;
    for (unsigned i = 0; i < EACH; i++) {
        char key[32];
        snprintf(key, sizeof key, "%u:%u", (unsigned)t->index, i);
        log_set(t, t->index, key, "value");
        oplog_publish(t, false);
    }
    return NULL;
}

static bool rings_for_one_more(void) {
    atomic_store(&self.wake, false);
    log_set(&self, 0, "a", "1");
    oplog_publish(&self, false);
    oplog_ring(&self);
    return atomic_load(&self.wake);
}

Test(oplog, the_reader_is_woken_from_the_ticket_it_wants) {
    oplog_set_reader(self.index);
    cr_assert(rings_for_one_more());
    atomic_store(&self.wake, false);
    oplog_ring(&self);
    cr_assert_not(atomic_load(&self.wake), "nothing new");
    cr_assert_not(oplog_wake_from(UINT64_MAX), "less than before: nothing can be missed");
    cr_assert_not(rings_for_one_more());
    uint64_t second = oplog_next_ticket() + 1;
    cr_assert(oplog_wake_from(second), "more than before: look once more");
    cr_assert_not(oplog_wake_from(second));
    cr_assert_not(rings_for_one_more());
    cr_assert(rings_for_one_more());
    cr_assert(oplog_wake_from(0));
    cr_assert(rings_for_one_more());
}

Test(oplog, a_full_log_wakes_a_reader_that_wants_nothing) {
    static char large[OPLOG_BLOB_MIN * 4];
    memset(large, 'x', sizeof large - 1);
    oplog_set_reader(self.index);
    oplog_wake_from(UINT64_MAX);
    while (!oplog_is_full(&self)) {
        cr_assert_not(atomic_load(&self.wake));
        log_set(&self, 0, "a", large);
        oplog_publish(&self, false);
        oplog_ring(&self);
    }
    cr_assert(atomic_load(&self.wake));
}

Test(oplog, tickets_are_dense_and_each_log_keeps_its_order) {
    static struct thread threads[WRITERS];
    pthread_t bodies[WRITERS];
    uint64_t next = oplog_next_ticket();
    unsigned seen[WRITERS] = {0};
    for (unsigned i = 0; i < WRITERS; i++) {
        threads[i].index = (uint16_t)(i + 1);
        threads[i].holds_held = 1;
        cr_assert_eq(pthread_create(&bodies[i], NULL, write_many, &threads[i]), 0);
    }
    for (unsigned left = WRITERS * EACH; left > 0;) {
        for (unsigned i = 1; i <= WRITERS; i++) {
            const struct oplog_entry *entry = oplog_peek(i);
            if (!entry || entry->ticket != next) continue;
            char words[96];
            snprintf(words, sizeof words, "%u:%u\r\n$5\r\nvalue\r\n", i, seen[i - 1]++);
            const struct oplog_command *command = oplog_first(entry);
            size_t n = strlen(words);
            cr_assert_eq(command->database, i);
            cr_assert_eq(memcmp(oplog_words(command) + command->bytes - n, words, n), 0);
            oplog_take(i);
            next++;
            left--;
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) pthread_join(bodies[i], NULL);
    cr_assert_eq(oplog_next_ticket(), next);
}

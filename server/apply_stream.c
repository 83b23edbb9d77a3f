/* apply_stream.c: see apply_stream.h. The worker's part; a few hundred microseconds at a time, so that its clients do
 * not wait for a long batch. */
#include "server/apply_stream.h"

#include "persist/aof_read.h"
#include "server/apply.h"
#include "server/client.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    STEP_NS = 300000,
    LOOK_EVERY = 16,
    COMMANDS_AT_FIRST = 16,
    ARGUMENTS_AT_FIRST = 64,
    COMMANDS_KEPT = 4096
};

/* The worker's while a batch is on its way; the coordinator's otherwise. */
static struct {
    struct worker *worker;
    struct applier applier;
    struct aof_reader reader;
    struct stream_batch *batch;
    size_t done;    /* bytes of the batch that have had their effect */
    size_t scanned; /* that were looked at: more than that while a transaction is read */
    bool in_multi;
    /* The transaction that is being read, or the one command. Their words are where the batch's bytes are. */
    struct apply_command *commands;
    unsigned count, commands_capacity;
    struct arg *arguments;
    size_t arguments_count, arguments_capacity;
    char origin[48];
} own;

static void run(struct thread *t, struct message *message);

static void give_back(struct thread *t, struct message *message) {
    struct stream_batch *batch = (struct stream_batch *)message;
    batch->done(t, batch);
}

static void end(enum stream_outcome outcome, const char *why) {
    struct stream_batch *batch = own.batch;
    own.batch = NULL;
    batch->end = (struct stream_mark){own.done, own.applier.client->database};
    batch->outcome = outcome;
    batch->errors = own.applier.errors;
    if (why) snprintf(batch->why, sizeof batch->why, "%s", why);
    applier_close(&own.applier);
    if (own.commands_capacity > COMMANDS_KEPT) {
        mem_free(own.commands);
        mem_free(own.arguments);
        own.commands = NULL;
        own.arguments = NULL;
        own.commands_capacity = 0;
        own.arguments_capacity = 0;
    }
    batch->message.deliver = give_back;
    thread_post(&own.worker->thread, batch->from, &batch->message);
}

/* ---- reading ---- */

static bool is(const struct aof_reader *r, unsigned i, const char *word) {
    return i < r->count && text_is(r->words[i].data, r->words[i].len, word);
}

static void keep_command(void) {
    const struct aof_reader *r = &own.reader;
    if (own.count == own.commands_capacity) {
        own.commands_capacity = own.commands_capacity ? own.commands_capacity * 2 : COMMANDS_AT_FIRST;
        own.commands = mem_realloc(own.commands, own.commands_capacity * sizeof *own.commands);
    }
    if (own.arguments_count + r->count > own.arguments_capacity) {
        own.arguments_capacity = (own.arguments_count + r->count) * 2 + ARGUMENTS_AT_FIRST;
        own.arguments = mem_realloc(own.arguments, own.arguments_capacity * sizeof *own.arguments);
    }
    own.commands[own.count++] = (struct apply_command){.argc = r->count};
    for (unsigned i = 0; i < r->count; i++)
        own.arguments[own.arguments_count++] = (struct arg){r->words[i].data, r->words[i].len};
}

static void forget_commands(void) {
    own.count = 0;
    own.arguments_count = 0;
}

/* Where their words are, now that no more come. */
static void place_arguments(void) {
    struct arg *at = own.arguments;
    for (unsigned i = 0; i < own.count; i++) {
        own.commands[i].argv = at;
        at += own.commands[i].argc;
    }
}

/* ---- applying ---- */

/* With the slices held that were changed. */
static void note_applied(void *context) {
    struct stream_batch *batch = context;
    batch->mark = (struct stream_mark){own.scanned, own.applier.client->database};
}

enum progress { GOES_ON, WAITS, IS_OVER };

/* What was read up to own.scanned is whole. */
static enum progress apply_whole(void) {
    place_arguments();
    switch (applier_run(&own.applier, own.commands, own.count)) {
    case APPLY_LATER:
        own.scanned = own.done; /* and is read again */
        forget_commands();
        return WAITS;
    case APPLY_REFUSED:
        forget_commands();
        end(STREAM_UNKNOWN, own.applier.why);
        return IS_OVER;
    case APPLY_DONE: break;
    }
    forget_commands();
    own.done = own.scanned;
    return GOES_ON;
}

/* What is for the link alone. */
static bool is_for_link(void) {
    if (is(&own.reader, 0, "PING")) return true;
    if (!is(&own.reader, 0, "REPLCONF")) return false;
    if (is(&own.reader, 1, "GETACK")) own.batch->asks = true;
    return true;
}

static enum progress take_command(void) {
    own.scanned += own.reader.used;
    if (!own.in_multi && is_for_link()) {
        own.done = own.scanned;
        return GOES_ON;
    }
    if (!own.in_multi && is(&own.reader, 0, "MULTI")) {
        own.in_multi = true;
        return GOES_ON;
    }
    if (own.in_multi && is(&own.reader, 0, "EXEC")) {
        own.in_multi = false;
        return apply_whole();
    }
    keep_command();
    return own.in_multi ? GOES_ON : apply_whole();
}

static enum progress go_on(void) {
    struct stream_batch *batch = own.batch;
    size_t left = batch->bytes.len - own.scanned;
    if (left == 0) {
        batch->needed = own.scanned - own.done + 1;
        end(STREAM_GOES_ON, NULL);
        return IS_OVER;
    }
    switch (aof_read(&own.reader, batch->bytes.data + own.scanned, left)) {
    case AOF_READ_COMMAND: return take_command();
    case AOF_READ_MORE:
        batch->needed = own.scanned - own.done + own.reader.needed;
        end(STREAM_GOES_ON, NULL);
        return IS_OVER;
    case AOF_READ_REMARK:
    case AOF_READ_BAD: break;
    }
    end(STREAM_BROKEN, "its stream is not understood");
    return IS_OVER;
}

static void run(struct thread *t, struct message *message) {
    uint64_t began_ns = clock_mono_ns();
    enum progress progress = GOES_ON;
    (void)message;
    for (unsigned i = 0; progress == GOES_ON; i++) {
        if (i % LOOK_EVERY == LOOK_EVERY - 1 && clock_mono_ns() - began_ns > STEP_NS) break;
        if (UNLIKELY(atomic_load_explicit(&own.batch->stop, memory_order_relaxed))) {
            end(STREAM_GOES_ON, NULL);
            return;
        }
        progress = go_on();
    }
    if (progress == IS_OVER) return;
    own.batch->message.deliver = run;
    thread_post(t, t, &own.batch->message);
}

static void start(struct thread *t, struct message *message) {
    struct stream_batch *batch = (struct stream_batch *)message;
    ASSERT(t == &own.worker->thread && !own.batch);
    own.batch = batch;
    own.scanned = own.done = batch->mark.bytes;
    own.in_multi = false;
    forget_commands();
    applier_open(&own.applier, own.worker, true);
    own.applier.client->database = batch->mark.database < 0 ? 0 : (uint32_t)batch->mark.database;
    memcpy(own.applier.client->peer, own.origin, sizeof own.origin);
    own.applier.applied = note_applied;
    own.applier.context = batch;
    run(t, message);
}

void apply_stream_begin(struct worker *w, const char *origin) {
    ASSERT(!own.batch);
    own.worker = w;
    snprintf(own.origin, sizeof own.origin, "%s", origin);
}

void apply_stream(struct thread *t, struct stream_batch *batch) {
    ASSERT(own.worker && batch->done && !own.batch);
    batch->from = t;
    batch->asks = false;
    batch->needed = 0;
    batch->errors = 0;
    atomic_store(&batch->stop, false);
    batch->message.deliver = start;
    thread_post(t, &own.worker->thread, &batch->message);
}

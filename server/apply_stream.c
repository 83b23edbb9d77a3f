/* apply_stream.c: see apply_stream.h. The worker's part; a few hundred microseconds at a time, so that its clients do
 * not wait for a long batch. */
#include "server/apply_stream.h"

#include "persist/aof_read.h"
#include "server/apply.h"
#include "server/broken.h"
#include "server/client.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/clock.h"
#include "shard/store/oplog.h"
#include "shard/store/prefetch.h"

#include <stdio.h>
#include <string.h>

enum {
    STEP_NS = 300000,
    AHEAD_MAX =
        16, /* commands read before the first of them is applied: their memory is asked for meanwhile */
    COMMANDS_AT_FIRST = 2 * AHEAD_MAX,
    ARGUMENTS_AT_FIRST = 64,
    COMMANDS_KEPT = 4096,
};

/* What a command is to us. */
enum kind { KIND_COMMAND, KIND_FOR_LINK, KIND_MULTI, KIND_EXEC };

struct place {
    size_t end; /* in the batch */
    enum kind kind;
};

/* The worker's while a batch is on its way; the coordinator's otherwise. */
static struct {
    struct worker *worker;
    struct applier applier;
    struct aof_reader reader;
    struct stream_batch *batch;
    size_t done;     /* bytes of the batch that have had their effect */
    size_t read;     /* that were read: into these, whose words are where the bytes are */
    size_t applying; /* up to where they reach when what is being applied has been */
    struct apply_command *commands;
    struct place *places;
    unsigned next, count, commands_capacity;
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
        mem_free(own.places);
        mem_free(own.arguments);
        own.commands = NULL;
        own.places = NULL;
        own.arguments = NULL;
        own.commands_capacity = 0;
        own.arguments_capacity = 0;
    }
    batch->message.deliver = give_back;
    thread_post(&own.worker->thread, batch->from, &batch->message);
}

/* ---- reading ahead ---- */

static bool is(const struct aof_reader *r, unsigned i, const char *word) {
    return i < r->count && text_is(r->words[i].data, r->words[i].len, word);
}

static enum kind kind_of(const struct aof_reader *r) {
    /* Told apart by their first letter, as nearly all are something else. */
    switch (r->words[0].data[0] | 0x20) {
    case 'p': return is(r, 0, "PING") ? KIND_FOR_LINK : KIND_COMMAND;
    case 'r': return is(r, 0, "REPLCONF") ? KIND_FOR_LINK : KIND_COMMAND;
    case 'm': return is(r, 0, "MULTI") ? KIND_MULTI : KIND_COMMAND;
    case 'e': return is(r, 0, "EXEC") ? KIND_EXEC : KIND_COMMAND;
    default: return KIND_COMMAND;
    }
}

static void keep_command(enum kind kind) {
    const struct aof_reader *r = &own.reader;
    if (own.count == own.commands_capacity) {
        own.commands_capacity = own.commands_capacity ? own.commands_capacity * 2 : COMMANDS_AT_FIRST;
        own.commands = mem_realloc(own.commands, own.commands_capacity * sizeof *own.commands);
        own.places = mem_realloc(own.places, own.commands_capacity * sizeof *own.places);
    }
    if (own.arguments_count + r->count > own.arguments_capacity) {
        own.arguments_capacity = (own.arguments_count + r->count) * 2 + ARGUMENTS_AT_FIRST;
        own.arguments = mem_realloc(own.arguments, own.arguments_capacity * sizeof *own.arguments);
    }
    own.places[own.count] = (struct place){own.read, kind};
    own.commands[own.count++] = (struct apply_command){.argc = r->count};
    for (unsigned i = 0; i < r->count; i++)
        own.arguments[own.arguments_count++] = (struct arg){r->words[i].data, r->words[i].len};
}

/* Where their words are, now that no more come; and has what they will look for brought near. */
static void place_arguments(void) {
    struct key keys[AHEAD_MAX];
    unsigned ahead = 0, database = own.applier.client->database;
    struct arg *at = own.arguments;
    for (unsigned i = 0; i < own.count; i++) {
        own.commands[i].argv = at;
        if (own.commands[i].argc > 1 && own.places[i].kind == KIND_COMMAND && ahead < AHEAD_MAX) {
            keys[ahead] = key_make(at[1].data, at[1].len); /* most often its key, and a guess does no harm */
            prefetch_bucket(keys[ahead].slice, database, keys[ahead].hash);
            ahead++;
        }
        at += own.commands[i].argc;
    }
    for (unsigned i = 0; i < ahead; i++) prefetch_entry(keys[i].slice, database, keys[i].hash);
}

enum progress { GOES_ON, WAITS, IS_OVER };

/* Reads some commands; a transaction, once it has begun, to its end. */
static enum progress read_ahead(void) {
    struct stream_batch *batch = own.batch;
    size_t multi = 0; /* where the transaction begins that is being read, */
    unsigned multi_at = 0;
    bool in_multi = false;
    enum aof_read_result seen = AOF_READ_COMMAND;
    own.next = own.count = 0;
    own.arguments_count = 0;
    while (own.count < AHEAD_MAX || in_multi) {
        size_t at = own.read, left = batch->bytes.len - at;
        own.reader.needed = 1;
        seen = left ? aof_read(&own.reader, batch->bytes.data + at, left) : AOF_READ_MORE;
        if (seen != AOF_READ_COMMAND) break;
        enum kind kind = kind_of(&own.reader);
        own.read += own.reader.used;
        if (kind == KIND_MULTI && !in_multi) {
            in_multi = true;
            multi = at;
            multi_at = own.count;
        } else if (kind == KIND_EXEC) {
            in_multi = false;
        }
        keep_command(kind);
    }
    size_t whole = in_multi ? multi : own.read;
    batch->needed = own.read - whole + own.reader.needed;
    own.read = whole;
    if (in_multi) own.count = multi_at;
    if (own.count) {
        place_arguments();
        return GOES_ON;
    }
    if (seen == AOF_READ_MORE)
        end(STREAM_GOES_ON, NULL);
    else
        end(STREAM_BROKEN, "its stream is not understood");
    return IS_OVER;
}

/* ---- at a glance ---- */

static bool selects(const struct aof_reader *r, int64_t *database) {
    return r->count == 2 && text_to_i64(r->words[1].data, r->words[1].len, database) && *database >= 0 &&
           *database < slices.databases;
}

static bool is_certain(const struct aof_reader *r, int64_t *database) {
    const struct aof_word *words = r->words;
    const struct command *cmd = commands_find(words[0].data, words[0].len);
    if (cmd && cmd->subcommands)
        cmd = r->count > 1 ? commands_find_sub(cmd, words[1].data, words[1].len) : NULL;
    if (!cmd || !cmd->handler) return false;
    if (is(r, 0, "SELECT")) return selects(r, database);
    return cmd->arity < 0 ? r->count >= (unsigned)-cmd->arity : r->count == (unsigned)cmd->arity;
}

size_t apply_stream_glance(char *bytes, size_t len, int64_t *database) {
    static struct aof_reader glance; /* the coordinator's */
    size_t at = 0, whole = 0;
    int64_t selected = *database;
    bool in_multi = false;
    while (at < len) {
        enum aof_read_result seen = aof_read(&glance, bytes + at, len - at);
        if (seen == AOF_READ_MORE) break;
        if (seen != AOF_READ_COMMAND || !is_certain(&glance, &selected)) return 0;
        enum kind kind = kind_of(&glance);
        if (kind == KIND_EXEC && !in_multi) return 0;
        in_multi = kind == KIND_MULTI || (in_multi && kind != KIND_EXEC);
        at += glance.used;
        if (in_multi) continue;
        whole = at;
        *database = selected;
    }
    return whole;
}

/* ---- applying ---- */

/* With the slices held that were changed. */
static void note_applied(void *context) {
    struct stream_batch *batch = context;
    batch->mark = (struct stream_mark){own.applying, own.applier.client->database};
    oplog_note_place(stream_place(batch->begins_at + own.applying, own.applier.client->database));
}

/* Some of the commands that were read, as one; then those before `behind` are dealt with. */
static enum progress apply(unsigned first, unsigned count, unsigned behind) {
    own.applying = own.places[behind - 1].end;
    switch (count && !broken_skip() ? applier_run(&own.applier, own.commands + first, count) : APPLY_DONE) {
    case APPLY_LATER: return WAITS;
    case APPLY_REFUSED: end(STREAM_UNKNOWN, own.applier.why); return IS_OVER;
    case APPLY_DONE: break;
    }
    own.done = own.applying;
    own.next = behind;
    return GOES_ON;
}

static enum progress apply_next(void) {
    unsigned at = own.next, last = at;
    switch (own.places[at].kind) {
    case KIND_COMMAND:
        broken_swap(&own.commands[at], at + 1 < own.count && own.places[at + 1].kind == KIND_COMMAND);
        return apply(at, 1, at + 1);
    case KIND_MULTI:
        while (own.places[last].kind != KIND_EXEC) last++;
        return apply(at + 1, last - at - 1, last + 1);
    case KIND_FOR_LINK:
        if (own.commands[at].argc > 1 &&
            text_is(own.commands[at].argv[1].data, own.commands[at].argv[1].len, "GETACK"))
            own.batch->asks = true;
        return apply(at, 0, at + 1);
    case KIND_EXEC: break;
    }
    end(STREAM_BROKEN, "EXEC without MULTI in its stream");
    return IS_OVER;
}

static enum progress go_on(void) {
    return own.next < own.count ? apply_next() : read_ahead();
}

static void run(struct thread *t, struct message *message) {
    uint64_t began_ns = clock_mono_ns();
    enum progress progress = GOES_ON;
    (void)message;
    for (unsigned i = 0; progress == GOES_ON; i++) {
        if (i % AHEAD_MAX == AHEAD_MAX - 1 && clock_mono_ns() - began_ns > STEP_NS) break;
        if (UNLIKELY(atomic_load_explicit(&own.batch->stop, memory_order_relaxed)) && !own.batch->whole) {
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
    own.read = own.done = batch->mark.bytes;
    own.next = own.count = 0;
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

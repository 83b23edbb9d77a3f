/* aof_replay.c: see aof_replay.h. */
#include "server/aof_replay.h"

#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

enum { PIECE_BYTES = 256 * 1024, ARGUMENTS_AT_FIRST = 64 };

static struct replay *replay_of(struct file_operation *op) {
    return (struct replay *)(void *)((char *)op - offsetof(struct replay, op));
}

/* ---- the end ---- */

static void deliver_done(struct thread *to, struct message *message) {
    struct replay *r = (struct replay *)message;
    r->done(to, r);
}

static void end(struct replay *r, enum replay_outcome outcome, const char *why) {
    struct thread *t = &r->worker->thread;
    r->outcome = outcome;
    r->why = why;
    if (r->fd >= 0) file_close(t, r->fd);
    applier_close(&r->applier);
    aof_reader_free(&r->reader);
    buf_free(&r->bytes);
    mem_free(r->arguments);
    r->message.deliver = deliver_done;
    thread_post(t, r->from, &r->message);
}

/* ---- applying ---- */

static bool is_word(const struct replay *r, const char *word) {
    return r->reader.count == 1 && text_is(r->reader.words[0].data, r->reader.words[0].len, word);
}

static enum apply_result apply(struct replay *r) {
    unsigned count = r->reader.count;
    if (count > r->arguments_capacity) {
        r->arguments_capacity = count + ARGUMENTS_AT_FIRST;
        r->arguments = mem_realloc(r->arguments, r->arguments_capacity * sizeof *r->arguments);
    }
    for (unsigned i = 0; i < count; i++)
        r->arguments[i] = (struct arg){r->reader.words[i].data, r->reader.words[i].len};
    struct apply_command command = {.argv = r->arguments, .argc = count};
    enum apply_result result = applier_run(&r->applier, &command, 1);
    if (result == APPLY_DONE) r->commands++;
    return result;
}

enum progress { GOES_ON, NEEDS_BYTES, WAITS, IS_OVER };

/* The next command of a transaction that is complete. */
static enum progress apply_queued(struct replay *r) {
    enum aof_read_result seen = aof_read(&r->reader, r->bytes.data + r->apply, r->apply_to - r->apply);
    ASSERT(seen == AOF_READ_COMMAND || seen == AOF_READ_REMARK);
    size_t used = r->reader.used;
    if (seen == AOF_READ_COMMAND) {
        enum apply_result result = apply(r);
        if (result == APPLY_LATER) return WAITS;
        if (result == APPLY_REFUSED) {
            r->whole = r->base + r->apply;
            end(r, REPLAY_REFUSED, r->applier.why);
            return IS_OVER;
        }
    }
    r->apply += used;
    return GOES_ON;
}

/* A command was read at `scanned`. */
static enum progress take_command(struct replay *r) {
    size_t used = r->reader.used;
    if (is_word(r, "MULTI") && !r->in_multi) {
        r->in_multi = true;
        r->multi = r->scanned;
        r->apply = r->apply_to = r->scanned + used;
    } else if (is_word(r, "EXEC") && r->in_multi) {
        r->in_multi = false;
        r->apply_to = r->scanned;
    } else if (!r->in_multi) {
        enum apply_result result = apply(r);
        if (result == APPLY_LATER) return WAITS;
        if (result == APPLY_REFUSED) {
            r->whole = r->base + r->scanned;
            end(r, REPLAY_REFUSED, r->applier.why);
            return IS_OVER;
        }
    }
    r->scanned += used;
    return GOES_ON;
}

/* The number at *at, which moves behind it and the character that ends it. */
static bool next_number(const char **at, const char *end, int64_t *n) {
    const char *stop = *at;
    while (stop < end && *stop != ' ' && *stop != '\r') stop++;
    bool good = text_to_i64(*at, (size_t)(stop - *at), n);
    *at = stop < end ? stop + 1 : end;
    return good;
}

/* A line that is no command: perhaps it says which history this is (AOF_HISTORY_FORMAT). */
static void take_remark(struct replay *r) {
    static const char prefix[] = "#GYRE-HISTORY ";
    const char *at = r->bytes.data + r->scanned, *end = at + r->reader.used;
    struct history h = {.offset = 0};
    r->scanned += r->reader.used;
    if (r->reader.used < sizeof prefix + REPLICATION_ID_LEN || memcmp(at, prefix, sizeof prefix - 1) != 0)
        return;
    at += sizeof prefix - 1;
    memcpy(h.id, at, REPLICATION_ID_LEN);
    at += REPLICATION_ID_LEN + 1;
    if (!next_number(&at, end, &h.offset) || !next_number(&at, end, &h.database)) return;
    r->history = h;
    r->history_end = r->base + r->scanned;
}

static enum progress go_on(struct replay *r) {
    if (r->apply < r->apply_to) return apply_queued(r);
    enum aof_read_result seen = aof_read(&r->reader, r->bytes.data + r->scanned, r->bytes.len - r->scanned);
    switch (seen) {
    case AOF_READ_COMMAND: return take_command(r);
    case AOF_READ_REMARK: take_remark(r); return GOES_ON;
    case AOF_READ_MORE: return NEEDS_BYTES;
    case AOF_READ_BAD:
        r->whole = r->base + r->scanned + r->reader.bad_at;
        end(r, REPLAY_DAMAGED, r->reader.why);
        return IS_OVER;
    }
    return IS_OVER;
}

/* ---- reading ---- */

static void run(struct replay *r);

static void piece_read(struct thread *t, struct file_operation *op, int64_t result) {
    struct replay *r = replay_of(op);
    (void)t;
    if (result < 0) {
        end(r, REPLAY_FAILED, strerror((int)-result));
        return;
    }
    if ((size_t)result < op->n) r->at_end = true;
    r->bytes.len += (size_t)result;
    atomic_fetch_add_explicit(&r->read, (uint64_t)result, memory_order_relaxed);
    run(r);
}

static void read_piece(struct replay *r) {
    size_t applied = r->in_multi ? r->multi : r->scanned;
    buf_consume(&r->bytes, applied);
    r->base += applied;
    r->scanned -= applied;
    r->multi = 0;
    r->apply -= applied;
    r->apply_to -= applied;
    if (!r->in_multi) r->apply = r->apply_to = 0;
    size_t have = r->bytes.len - r->scanned, n = PIECE_BYTES;
    if (r->reader.needed > have && r->reader.needed - have > n) n = r->reader.needed - have;
    char *room = buf_reserve(&r->bytes, n);
    r->op.done = piece_read;
    file_read(&r->worker->thread, &r->op, r->fd, room, n, r->base + r->bytes.len);
}

static void deliver_again(struct thread *to, struct message *message) {
    (void)to;
    run((struct replay *)message);
}

static void run(struct replay *r) {
    enum progress progress;
    do progress = go_on(r);
    while (progress == GOES_ON);
    if (progress == WAITS) {
        r->message.deliver = deliver_again;
        thread_post(&r->worker->thread, &r->worker->thread, &r->message);
    } else if (progress == NEEDS_BYTES && !r->at_end) {
        read_piece(r);
    } else if (progress == NEEDS_BYTES) {
        bool torn = r->in_multi || r->scanned < r->bytes.len;
        r->whole = r->base + (r->in_multi ? r->multi : r->scanned);
        end(r, torn ? REPLAY_TORN : REPLAY_ALL, NULL);
    }
}

static void opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct replay *r = replay_of(op);
    (void)t;
    r->fd = (int)result;
    if (result < 0)
        end(r, REPLAY_FAILED, strerror((int)-result));
    else
        read_piece(r);
}

static void deliver_begin(struct thread *to, struct message *message) {
    struct replay *r = (struct replay *)message;
    applier_open(&r->applier, r->worker, false);
    r->op.done = opened;
    file_open(to, &r->op, r->path, O_RDONLY, 0);
}

void replay_begin(struct thread *from, struct replay *r, struct worker *w) {
    ASSERT(r->done && r->path);
    uint64_t offset = r->offset;
    *r = (struct replay){.path = r->path,
                         .offset = offset,
                         .done = r->done,
                         .from = from,
                         .worker = w,
                         .base = offset,
                         .fd = -1};
    r->message.deliver = deliver_begin;
    thread_post(from, &w->thread, &r->message);
}

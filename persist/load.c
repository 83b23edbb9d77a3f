/* load.c: the reader of a load: see load.h. It reads a block, cuts spans from it, and keeps what is left of a record
 * at its end for the next block. */
#include "persist/load.h"

#include "persist/dump.h"
#include "persist/load_parts.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/rt/pause.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_BYTES = 2 << 20, /* at a time */
    RUN_BYTES = 64 * 1024,
    KEY_BYTES_MIN = 3, /* the shortest record of a key */
    CHECKSUM_BYTES = 8,
};

static void read_more(struct thread *t, struct load *load);
static void go_on(struct thread *t, struct load *load);

/* ---- the end ---- */

static void fail(struct load *load, const char *why, uint64_t offset) {
    if (load->failed) return;
    load->failed = load->ended = true;
    snprintf(load->why, sizeof load->why, "%.*s, at offset %llu: %s", PATH_MAX / 2, load->path,
             (unsigned long long)offset, why);
}

static void block_unref(struct load_block *block) {
    if (--block->refs == 0) mem_free(block);
}

static void finish(struct thread *t, struct load *load) {
    ASSERT(!load->first && load->spans_left == 0);
    if (!load->failed && load->check_sum && load->expected_crc && load->crc != load->expected_crc) {
        char why[128];
        snprintf(why, sizeof why, "the checksum is %016llx, but that of what precedes it %016llx",
                 (unsigned long long)load->expected_crc, (unsigned long long)load->crc);
        fail(load, why, load->end_offset - CHECKSUM_BYTES);
    }
    if (load->block) block_unref(load->block);
    load->block = NULL;
    if (load->fd >= 0) file_close(t, load->fd);
    load->fd = -1;
    load->done(t, load, load->failed ? load->why : NULL);
}

/* ---- spans ---- */

static struct load_span *span_new(struct load *load, const unsigned char *at, size_t len) {
    struct load_span *span = mem_zalloc(sizeof *span);
    span->load = load;
    span->at = at;
    span->len = len;
    span->offset = load->block->offset + (uint64_t)(at - load->block->bytes);
    *(load->first ? &load->last->next : &load->first) = span;
    load->last = span;
    return span;
}

/* Sums what has been dealt with, in the order of the file. */
static void sum_up(struct load *load) {
    while (load->first && load->first->done) {
        struct load_span *span = load->first;
        load->first = span->next;
        if (load->check_sum) load->crc = crc64_combine(load->crc, span->crc, span->len);
        atomic_fetch_add_explicit(&load->bytes, span->len, memory_order_relaxed);
        mem_free(span);
    }
}

/* Bytes that the reader has dealt with itself. */
static void pass(struct load *load, size_t len) {
    struct load_span *span = span_new(load, load->block->bytes + load->cut, len);
    if (load->check_sum) span->crc = crc64(0, span->at, len);
    span->done = true;
    load->cut += len;
    load->run = load->cut;
    sum_up(load);
}

/* Gives each shard that has none the next span. */
static void send_unsent(struct thread *t, struct load *load) {
    for (unsigned i = 0; i < load->shards && load->unsent; i++) {
        struct load_span *span = load->unsent;
        if (load->busy[i]) continue;
        do load->unsent = load->unsent->next;
        while (load->unsent && load->unsent->done); /* the reader dealt with it itself */
        load->busy[i] = true;
        span->shard = i;
        thread_post(t, thread_by_index(i), &span->message);
    }
}

/* Hands the bytes from load->run to `end` to the next shard. */
static void send_span(struct thread *t, struct load *load, size_t end) {
    if (end == load->run) return;
    struct load_span *span = span_new(load, load->block->bytes + load->run, end - load->run);
    span->block = load->block;
    span->block->refs++;
    span->database = load->database;
    span->reader = t;
    span->message.deliver = load_span_run;
    load->run = end;
    load->ahead += span->len;
    load->spans_left++;
    if (load->beside) {
        if (!load->unsent) load->unsent = span;
        send_unsent(t, load);
        return;
    }
    thread_post(t, thread_by_index(load->next_shard), &span->message);
    load->next_shard = (load->next_shard + 1) % load->shards;
}

void load_span_returned(struct thread *t, struct message *message) {
    struct load_span *span = (struct load_span *)message;
    struct load *load = span->load;
    load->ahead -= span->len;
    load->spans_left--;
    if (load->beside) {
        load->busy[span->shard] = false;
        send_unsent(t, load);
    }
    block_unref(span->block);
    span->block = NULL;
    span->done = true;
    if (span->error) fail(load, span->error, span->offset);
    mem_free(span->error);
    span->error = NULL;
    sum_up(load);
    go_on(t, load);
}

/* ---- records that the reader deals with itself ---- */

/* Makes room for the keys of a database, as far as the file can hold so many. */
static void reserve(struct thread *t, const struct load *load, const struct rdb_record *record) {
    struct visit v = {.thread = t, .now_ms = load->now_ms};
    uint64_t total = atomic_load_explicit(&load->bytes_total, memory_order_relaxed);
    if (load->database >= slices.databases || record->keys > total / KEY_BYTES_MIN) return;
    v.database = load_database(load, load->database);
    for (unsigned i = 0; i < slices.count; i++) {
        struct slice *s = &slices.all[i];
        while (!hold_try(&s->hold, t)) cpu_pause();
        keyspace_reserve(&v, s, (size_t)(record->keys / slices.count));
        hold_release(&s->hold, t);
    }
}

static bool is_named(const struct rdb_record *record, const char *name) {
    return record->key.len == strlen(name) && memcmp(record->key.data, name, record->key.len) == 0;
}

static int64_t number_of(const struct rdb_record *record) {
    int64_t n = 0;
    return text_to_i64(record->text.data, record->text.len, &n) ? n : 0;
}

static void take_fact(struct load *load, const struct rdb_record *record) {
    unsigned first, last, bytes, keys;
    int len = (int)(record->text.len < LOAD_ID_MAX ? record->text.len : LOAD_ID_MAX - 1);
    char text[LOAD_ID_MAX];
    snprintf(text, sizeof text, "%.*s", len, record->text.data);
    if (is_named(record, DUMP_PIECE_NAME)) {
        if (dump_piece_parse(text, &first, &last, &bytes, &keys)) load->piece = bytes;
    } else if (is_named(record, "redis-ver")) {
        log_notice("Loading RDB produced by version %s", text);
    } else if (is_named(record, "ctime")) {
        int64_t age = load->now_ms / 1000 - number_of(record);
        log_notice("RDB age %lld seconds", (long long)(age < 0 ? 0 : age));
    } else if (is_named(record, "used-mem")) {
        log_notice("RDB memory usage when created %.2f Mb", (double)number_of(record) / (1024 * 1024));
    } else if (is_named(record, "aof-base")) {
        load->aof_base = number_of(record) != 0;
    } else if (is_named(record, "repl-id")) {
        snprintf(load->replication_id, sizeof load->replication_id, "%s", text);
    } else if (is_named(record, "repl-offset")) {
        load->replication_offset = number_of(record);
    } else if (is_named(record, "repl-stream-db")) {
        load->replication_database = number_of(record);
    }
}

/* A whole record of `len` bytes that is no key. False: the file is at its end, or broken. */
static bool take_record(struct thread *t, struct load *load, unsigned opcode, size_t len) {
    const unsigned char *at = load->block->bytes + load->cut;
    uint64_t offset = load->block->offset + load->cut;
    if (opcode == RDB_EOF) {
        size_t sum = load->version >= RDB_VERSION_WITH_CHECKSUM ? CHECKSUM_BYTES : 0;
        ASSERT(len == 1 + sum);
        if (sum) memcpy(&load->expected_crc, at + 1, sum);
        load->end_offset = offset + len;
        load->ended = true;
        pass(load, 1);
        return false;
    }
    struct rdb_record record = {.database = load->database};
    struct rdb_reader r;
    rdb_reader_on_span(&r, at, len, offset);
    r.version = load->version;
    enum rdb_event event = rdb_read_next(&r, &record);
    if (event == RDB_EVENT_AUX)
        take_fact(load, &record);
    else if (event == RDB_EVENT_SELECT)
        load->database = record.database;
    else if (event == RDB_EVENT_RESIZE)
        reserve(t, load, &record);
    else if (event == RDB_EVENT_FUNCTION)
        rdb_fail(&r, "a library of functions, which this version of Gyre does not have");
    if (event == RDB_EVENT_BROKEN || event == RDB_EVENT_FUNCTION) fail(load, rdb_error(&r), offset);
    rdb_reader_close(&r);
    if (load->failed) return false;
    pass(load, len);
    return true;
}

/* ---- cutting ---- */

static bool take_header(struct load *load) {
    const unsigned char *at = load->block->bytes + load->cut;
    size_t present = load->block->len - load->cut;
    struct rdb_reader r;
    if (load->has_header) return true;
    if (present < RDB_HEADER_BYTES) return false;
    rdb_reader_on_span(&r, at, present, load->block->offset + load->cut);
    if (rdb_read_header(&r)) {
        load->version = r.version;
        load->has_header = true;
    } else {
        fail(load, rdb_error(&r), 0);
    }
    rdb_reader_close(&r);
    if (load->has_header) pass(load, RDB_HEADER_BYTES);
    return load->has_header;
}

/* A piece that was announced. False: not all of it is there yet. */
static bool take_piece(struct thread *t, struct load *load) {
    if (load->block->len - load->cut < load->piece) return false;
    load->cut += (size_t)load->piece;
    load->piece = 0;
    send_span(t, load, load->cut);
    return true;
}

/* One record, found by skimming. False: it is not all there, or the file ends here. */
static bool take_next(struct thread *t, struct load *load) {
    size_t len, present = load->block->len - load->cut;
    const unsigned char *at = load->block->bytes + load->cut;
    uint64_t offset = load->block->offset + load->cut;
    char why[RDB_ERROR_MAX];
    switch (rdb_skim(&load->skim, load->version, at, present, &len)) {
    case RDB_SKIM_MORE: return false;
    case RDB_SKIM_BROKEN:
        rdb_explain(&(struct rdb_broken){at, present, offset, load->version, load->skim.why}, why);
        fail(load, why, offset + load->skim.done);
        return false;
    case RDB_SKIM_WHOLE: break;
    }
    if (load->skim.opcode >= RDB_OPCODE_FIRST) {
        send_span(t, load, load->cut);
        return take_record(t, load, load->skim.opcode, len);
    }
    load->cut += len;
    if (load->cut - load->run >= RUN_BYTES) send_span(t, load, load->cut);
    return true;
}

/* Cuts what is there of the block. */
static void cut_block(struct thread *t, struct load *load) {
    if (!take_header(load)) return;
    while (!load->ended && load->cut < load->block->len)
        if (!(load->piece ? take_piece(t, load) : take_next(t, load))) break;
    if (!load->failed && !load->piece) send_span(t, load, load->cut);
}

/* ---- reading ---- */

static void was_read(struct thread *t, struct file_operation *op, int64_t result) {
    struct load *load = (struct load *)(void *)((char *)op - offsetof(struct load, op));
    load->reading = false;
    if (result < 0) {
        fail(load, strerror((int)-result), load->offset);
    } else if (result == 0) {
        fail(load, "the file ends in the middle", load->offset);
    } else {
        load->block->len += (size_t)result;
        load->offset += (uint64_t)result;
        cut_block(t, load);
    }
    go_on(t, load);
}

/* A new block that begins with what is left of the last one. */
static void next_block(struct load *load) {
    struct load_block *old = load->block;
    size_t left = old ? old->len - load->run : 0, cap = left + (left > READ_BYTES ? left : READ_BYTES);
    struct load_block *block = mem_alloc(sizeof *block + cap);
    *block = (struct load_block){.refs = 1, .len = left, .cap = cap, .offset = load->offset - left};
    if (old) {
        if (left) memcpy(block->bytes, old->bytes + load->run, left);
        load->cut -= load->run;
        block_unref(old);
    }
    load->run = 0;
    load->block = block;
}

static void read_more(struct thread *t, struct load *load) {
    next_block(load);
    load->reading = true;
    load->op.done = was_read;
    file_read(t, &load->op, load->fd, load->block->bytes + load->block->len,
              load->block->cap - load->block->len, load->offset);
}

static void go_on(struct thread *t, struct load *load) {
    if (load->reading) return;
    if (!load->ended && load->ahead < LOAD_AHEAD_BYTES)
        read_more(t, load);
    else if (load->ended && load->spans_left == 0)
        finish(t, load);
}

static void opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct load *load = (struct load *)(void *)((char *)op - offsetof(struct load, op));
    if (result == -ENOENT) {
        load->missing = true;
        load->done(t, load, NULL);
        return;
    }
    if (result < 0) {
        snprintf(load->why, sizeof load->why, "cannot open '%.*s': %s", PATH_MAX / 2, load->path,
                 strerror((int)-result));
        load->done(t, load, load->why);
        return;
    }
    load->fd = (int)result;
    atomic_store(&load->bytes_total, file_size(load->fd));
    go_on(t, load);
}

void load_begin(struct thread *t, struct load *load, const char *path) {
    ASSERT(load->done && load->shards > 0);
    ASSERT(!load->block && !load->first);
    load->last = load->unsent = NULL;
    memset(load->busy, 0, sizeof load->busy);
    load->skim = (struct rdb_skim){0};
    load->fd = -1;
    load->version = load->next_shard = load->spans_left = 0;
    load->cut = load->run = 0;
    load->piece = load->piece_keys = load->database = load->offset = load->ahead = 0;
    load->crc = load->expected_crc = load->end_offset = 0;
    load->reading = load->ended = load->failed = load->has_header = false;
    load->missing = load->aof_base = false;
    load->replication_id[0] = 0;
    load->replication_offset = load->replication_database = 0;
    atomic_store(&load->keys, 0);
    atomic_store(&load->expired, 0);
    atomic_store(&load->empty, 0);
    atomic_store(&load->bytes, 0);
    atomic_store(&load->bytes_total, 0);
    snprintf(load->path, sizeof load->path, "%s", path);
    load->op.done = opened;
    file_open(t, &load->op, load->path, O_RDONLY, 0);
}

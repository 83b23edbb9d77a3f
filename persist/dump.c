/* dump.c: see dump.h. */
#include "persist/dump.h"

#include "persist/record.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/store/policy.h"
#include "shard/store/snap.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNK_BYTES = 128 * 1024,
    PIECE_BYTES = 112 * 1024, /* entries are added to a piece until it has so many */
    NO_DATABASE = -1,
    TIME_TEXT_MAX = 32,
    STEP_ENTRY = 1 << 30, /* a small value goes out in one step */
};

/* What redis-ver says: whose format and commands these are. */
#define PRODUCER "7.2.0"

/* ---- what all threads see ---- */

/* A shard's walk over its slices. */
struct shard {
    _Alignas(CACHE_LINE) _Atomic int64_t outstanding; /* bytes of its making that the sink has not taken */
    _Atomic unsigned left;                            /* slices that it has still to walk over */
    _Atomic bool wanted;                              /* a client waits for a value of one of its slices, */
    _Atomic uint64_t wanted_slices[SLICES_MAX / 64];  /* and of which */
};
static struct shard shards[THREADS_MAX];

/* Set at the cut; read by all threads afterwards. */
static struct dump_options options;
static struct thread *reader;
static struct snap **prepared; /* one per slice */
static _Atomic bool under_way;
static _Atomic uint64_t values, keys_saved, keys_expected, bytes_of_changes;

/* ---- the reader's ---- */

static const void *claimed_by;

static struct {
    struct dump_sink *sink; /* NULL when it wants no more */
    uint64_t crc, open_value;
    struct dump_part *waiting, *waiting_last; /* until the open value ends */
    unsigned slices_left;
    bool aborted;
} row;

bool dump_is_under_way(void) {
    return atomic_load_explicit(&under_way, memory_order_relaxed);
}

uint64_t dump_keys(uint64_t *expected) {
    *expected = atomic_load_explicit(&keys_expected, memory_order_relaxed);
    return atomic_load_explicit(&keys_saved, memory_order_relaxed);
}

uint64_t dump_bytes_of_changes(void) {
    return atomic_load_explicit(&bytes_of_changes, memory_order_relaxed);
}

/* ---- parts ---- */

void dump_part_done(struct thread *t, struct dump_part *part) {
    while (part->chunks) {
        struct rdb_chunk *chunk = part->chunks;
        part->chunks = chunk->next;
        rdb_chunk_free(chunk);
    }
    if (part->credited) {
        struct shard *shard = &shards[part->credited - 1];
        int64_t before = atomic_fetch_sub(&shard->outstanding, (int64_t)part->bytes);
        if (before >= DUMP_CREDIT_BYTES && before - (int64_t)part->bytes < DUMP_CREDIT_BYTES)
            thread_wake(t, thread_by_index(part->credited - 1u));
    }
    mem_free(part);
}

/* Chunks of a writer, gathered until they are handed on as one part. */
struct gathering {
    struct rdb_writer writer;
    struct rdb_chunk *first, *last;
    uint64_t bytes, crc, keys;
    uint16_t owner;
};

static void gather(void *arg, struct rdb_chunk *chunk) {
    struct gathering *g = arg;
    chunk->next = NULL;
    *(g->first ? &g->last->next : &g->first) = chunk;
    g->last = chunk;
    if (g->writer.checksum) g->crc = crc64_combine(g->crc, chunk->crc, chunk->len);
    g->bytes += chunk->len;
}

static void gathering_init(struct gathering *g, uint16_t owner) {
    *g = (struct gathering){.owner = owner};
    rdb_writer_init(&g->writer, gather, g);
    g->writer.chunk_bytes = CHUNK_BYTES;
    g->writer.compress = options.compress;
    g->writer.checksum = options.checksum;
}

static struct dump_part *part_of(struct gathering *g) {
    struct dump_part *part = mem_zalloc(sizeof *part);
    rdb_write_flush(&g->writer);
    part->chunks = g->first;
    part->bytes = g->bytes;
    part->crc = g->crc;
    part->keys = g->keys;
    g->first = g->last = NULL;
    g->bytes = g->crc = g->keys = 0;
    return part;
}

static void gathering_drop(struct gathering *g) {
    struct dump_part *part = part_of(g);
    dump_part_done(NULL, part);
    rdb_writer_close(&g->writer);
}

static void deliver(struct thread *to, struct message *message);

/* Set while a shard walks on its own credit. What a change makes, or what a client waits for, is on nobody's: it may
 * have to stand behind a value that this shard is in the middle of, which must be able to go on. */
static _Thread_local bool walks_on_credit;

/* Hands a part to the reader. */
static void post(struct gathering *g, struct dump_part *part) {
    struct thread *t = thread_self();
    part->message.deliver = deliver;
    if (walks_on_credit) {
        ASSERT(t->index == g->owner);
        part->credited = (uint16_t)(g->owner + 1);
        atomic_fetch_add(&shards[g->owner].outstanding, (int64_t)part->bytes);
    } else {
        atomic_fetch_add_explicit(&bytes_of_changes, part->bytes, memory_order_relaxed);
    }
    thread_post(t, reader, &part->message);
}

/* ---- whole entries ---- */

struct snap_entries {
    struct gathering g;
    struct record record;
    uint16_t first_slot, last_slot;
    int database;   /* that is selected in the piece; NO_DATABASE: there is none yet */
    size_t text_at; /* where in the piece's first chunk its description stands */
};

static struct snap_entries *entries_open(const struct slice *s) {
    struct snap_entries *out = mem_zalloc(sizeof *out);
    gathering_init(&out->g, s->owner);
    out->database = NO_DATABASE;
    out->first_slot = (uint16_t)(s->index << slices.shift);
    out->last_slot = (uint16_t)(((s->index + 1u) << slices.shift) - 1);
    return out;
}

static void piece_text(char text[DUMP_PIECE_TEXT + 1], const struct snap_entries *out, uint64_t bytes) {
    int n = snprintf(text, DUMP_PIECE_TEXT + 1, DUMP_PIECE_FORMAT, out->first_slot, out->last_slot,
                     (unsigned)bytes, (unsigned)out->g.keys);
    ASSERT(n == DUMP_PIECE_TEXT);
}

/* The number of `digits` hexadecimal digits at *text, which ends with `end`; moves *text behind that. */
static bool parse_hex(const char **text, unsigned digits, char end, unsigned *n) {
    *n = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = (*text)[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit == 16) return false;
        *n = *n << 4 | digit;
    }
    if ((*text)[digits] != end) return false;
    *text += digits + 1;
    return true;
}

bool dump_piece_parse(const char *text, unsigned *first, unsigned *last, unsigned *bytes, unsigned *keys) {
    return parse_hex(&text, 4, '-', first) && parse_hex(&text, 4, ' ', last) &&
           parse_hex(&text, 8, ' ', bytes) && parse_hex(&text, 6, 0, keys);
}

static void piece_begin(struct snap_entries *out) {
    struct rdb_writer *w = &out->g.writer;
    char text[DUMP_PIECE_TEXT + 1];
    ASSERT(!out->g.first && !w->chunk);
    if (options.commands) return;
    piece_text(text, out, 0);
    w->compress = false;
    rdb_write_aux(w, DUMP_PIECE_NAME, text, DUMP_PIECE_TEXT);
    w->compress = options.compress;
    out->text_at = w->chunk->len - DUMP_PIECE_TEXT;
}

static void piece_end(struct snap_entries *out, bool slice_ends) {
    struct rdb_chunk *chunk = out->g.writer.chunk;
    if (chunk && !out->g.first && out->database != NO_DATABASE && !options.commands) {
        char text[DUMP_PIECE_TEXT + 1];
        piece_text(text, out, chunk->len - (out->text_at + DUMP_PIECE_TEXT));
        memcpy(chunk->bytes + out->text_at, text, DUMP_PIECE_TEXT);
    }
    struct dump_part *part = part_of(&out->g);
    part->slice_ends = slice_ends;
    out->database = NO_DATABASE;
    post(&out->g, part);
}

static struct rdb_save_how how_now(void) {
    return (struct rdb_save_how){.policy = policy_get(), .now_ms = options.now_ms};
}

static void entries_add(struct snap_entries *out, unsigned database, const struct entry *e) {
    struct rdb_writer *w = &out->g.writer;
    struct rdb_save_how how = how_now();
    if (out->database == NO_DATABASE) piece_begin(out);
    if (out->database != (int)database) record_select(w, options.commands, database);
    out->database = (int)database;
    record_begin(&out->record, w, options.commands, e, &how);
    while (record_step(&out->record, STEP_ENTRY)) {
    }
    record_end(&out->record);
    out->g.keys++;
    if (out->g.bytes + (w->chunk ? w->chunk->len : 0) >= PIECE_BYTES) piece_end(out, false);
}

static void entries_close(struct snap_entries *out, bool whole) {
    if (!whole) gathering_drop(&out->g);
    if (!whole) gathering_init(&out->g, out->g.owner);
    piece_end(out, true);
    rdb_writer_close(&out->g.writer);
    mem_free(out);
}

/* ---- values in pieces ---- */

struct snap_value {
    struct gathering g;
    struct record record;
    uint64_t number;
};

static struct snap_value *value_begin(const struct slice *s, unsigned database, const struct entry *e) {
    struct snap_value *v = mem_zalloc(sizeof *v);
    struct rdb_save_how how = how_now();
    gathering_init(&v->g, s->owner);
    v->number = atomic_fetch_add(&values, 1) + 1;
    record_select(&v->g.writer, options.commands, database);
    record_begin(&v->record, &v->g.writer, options.commands, e, &how);
    return v;
}

static void value_post(struct snap_value *v, bool ends) {
    struct dump_part *part = part_of(&v->g);
    part->value = v->number;
    part->value_ends = ends;
    part->keys = ends;
    post(&v->g, part);
}

static bool value_step(struct snap_value *v) {
    bool more = record_step(&v->record, SNAP_PIECE_BYTES);
    if (more && v->g.bytes + (v->g.writer.chunk ? v->g.writer.chunk->len : 0) >= PIECE_BYTES)
        value_post(v, false);
    return more;
}

static void value_end(struct snap_value *v, bool whole) {
    record_end(&v->record);
    if (whole)
        value_post(v, true);
    else
        gathering_drop(&v->g);
    rdb_writer_close(&v->g.writer);
    mem_free(v);
}

static void value_wanted(const struct slice *s) {
    struct thread *t = thread_self();
    struct shard *shard = &shards[s->owner];
    atomic_fetch_or(&shard->wanted_slices[s->index / 64], (uint64_t)1 << (s->index % 64));
    atomic_store(&shard->wanted, true);
    thread_wake(t, thread_by_index(s->owner));
}

void dump_register(void (*discard)(struct thread *t, struct keyspace *ks),
                   void (*value_done)(struct thread *t)) {
    snap_format = (struct snap_format){
        .open = entries_open,
        .entry = entries_add,
        .close = entries_close,
        .begin = value_begin,
        .step = value_step,
        .end = value_end,
        .wanted = value_wanted,
        .discard = discard,
        .value_done = value_done,
    };
}

/* ---- the row ---- */

static void hand_on(struct thread *t, struct dump_part *part) {
    if (part->value) row.open_value = part->value_ends ? 0 : part->value;
    if (part->slice_ends) row.slices_left--;
    atomic_fetch_add_explicit(&keys_saved, part->keys, memory_order_relaxed);
    if (!row.sink || row.aborted || part->bytes == 0) {
        dump_part_done(t, part);
        return;
    }
    row.crc = crc64_combine(row.crc, part->crc, part->bytes);
    row.sink->take(row.sink, t, part);
}

/* What the frame of the file is made of: written and handed on by the reader itself. */
static void hand_on_frame(struct thread *t, struct gathering *g) {
    hand_on(t, part_of(g));
    rdb_writer_close(&g->writer);
}

static void end_of_row(struct thread *t) {
    struct gathering g;
    bool whole = !row.aborted;
    gathering_init(&g, 0);
    if (whole && !options.commands) {
        rdb_write_end(&g.writer);
        hand_on(t, part_of(&g));
        g.writer.checksum = false;
        rdb_write_checksum(&g.writer, options.checksum ? row.crc : 0);
    }
    hand_on_frame(t, &g);
    snap_set_under_way(false);
    atomic_store(&under_way, false);
    struct dump_sink *sink = row.sink;
    row.sink = NULL;
    sink->end(sink, t, whole);
}

/* Parts that had to wait, as far as they need not any more. Where a value ends, what was passed over so far comes
 * before the rest: parts of one value, and of one slice, stay in their order. */
static void hand_on_waiting(struct thread *t) {
    struct dump_part *list = row.waiting;
    row.waiting = NULL;
    while (list) {
        struct dump_part *part = list;
        list = part->next;
        part->next = NULL;
        if (row.open_value && part->value != row.open_value) {
            *(row.waiting ? &row.waiting_last->next : &row.waiting) = part;
            row.waiting_last = part;
            continue;
        }
        bool begin_again = part->value_ends && row.waiting;
        hand_on(t, part);
        if (!begin_again) continue;
        row.waiting_last->next = list;
        list = row.waiting;
        row.waiting = NULL;
    }
}

static void deliver(struct thread *to, struct message *message) {
    struct dump_part *part = (struct dump_part *)message;
    ASSERT(to == reader && atomic_load(&under_way));
    part->next = NULL;
    *(row.waiting ? &row.waiting_last->next : &row.waiting) = part;
    row.waiting_last = part;
    if (row.open_value && part->value != row.open_value) return;
    hand_on_waiting(to);
    if (row.slices_left == 0 && !row.waiting) end_of_row(to);
}

/* ---- begin and end ---- */

bool dump_claim(const void *who) {
    ASSERT(who);
    if (claimed_by || dump_is_under_way()) return false;
    claimed_by = who;
    if (!prepared) prepared = mem_zalloc(slices.count * sizeof *prepared);
    for (unsigned i = 0; i < slices.count; i++)
        if (!prepared[i]) prepared[i] = snap_new();
    return true;
}

void dump_disclaim(const void *who) {
    if (claimed_by == who) claimed_by = NULL;
}

/* Of a file of commands: a remark. */
static void write_time(struct thread *t) {
    struct gathering g;
    char text[TIME_TEXT_MAX];
    int n = snprintf(text, sizeof text, "#TS:%lld\r\n", (long long)(options.now_ms / 1000));
    gathering_init(&g, 0);
    if (options.timestamp) rdb_write_raw(&g.writer, text, (size_t)n);
    hand_on_frame(t, &g);
}

static void write_header(struct thread *t, const uint64_t *keys, const uint64_t *expiring) {
    struct gathering g;
    gathering_init(&g, 0);
    rdb_write_header(&g.writer);
    rdb_write_aux(&g.writer, "redis-ver", PRODUCER, strlen(PRODUCER));
    rdb_write_aux_int(&g.writer, "redis-bits", 64);
    rdb_write_aux_int(&g.writer, "ctime", options.now_ms / 1000);
    rdb_write_aux_int(&g.writer, "used-mem", (int64_t)mem_used());
    if (options.replication_id) {
        rdb_write_aux_int(&g.writer, "repl-stream-db", options.replication_database);
        rdb_write_aux(&g.writer, "repl-id", options.replication_id, strlen(options.replication_id));
        rdb_write_aux_int(&g.writer, "repl-offset", options.replication_offset);
    }
    rdb_write_aux_int(&g.writer, "aof-base", options.aof_base);
    for (unsigned i = 0; i < slices.databases; i++) {
        if (keys[i] == 0) continue;
        rdb_write_select(&g.writer, i);
        rdb_write_resize(&g.writer, keys[i], expiring[i]);
    }
    hand_on_frame(t, &g);
}

/* Every slice gets its part of the snapshot, and every shard its share; adds up what there is in each database. */
static void begin_slices(struct thread *t, uint64_t *keys, uint64_t *expiring) {
    row.slices_left = slices.count;
    for (unsigned i = 0; i < slices.count; i++) {
        struct slice *s = &slices.all[i];
        for (unsigned d = 0; d < slices.databases; d++) {
            keys[d] += keyspace_count(s, d);
            expiring[d] += keyspace_expiring(s, d);
        }
        snap_begin(s, prepared[i]);
        prepared[i] = NULL;
        struct shard *shard = &shards[s->owner];
        if (atomic_fetch_add(&shard->left, 1) == 0) thread_wake(t, thread_by_index(s->owner));
    }
}

void dump_begin(struct thread *t, const struct dump_options *o, struct dump_sink *sink) {
    ASSERT(claimed_by && !dump_is_under_way() && !row.waiting);
    claimed_by = NULL;
    options = *o;
    if (options.commands) options.checksum = options.compress = false;
    reader = t;
    memset(&row, 0, sizeof row);
    row.sink = sink;
    uint64_t *keys = mem_zalloc(2 * slices.databases * sizeof *keys), *expiring = keys + slices.databases;
    uint64_t expected = 0;
    snap_set_under_way(true);
    if (!options.no_keys) begin_slices(t, keys, expiring);
    for (unsigned d = 0; d < slices.databases; d++) expected += keys[d];
    atomic_store(&keys_saved, 0);
    atomic_store(&keys_expected, expected);
    atomic_store(&bytes_of_changes, 0);
    atomic_store(&under_way, true);
    if (options.commands)
        write_time(t);
    else
        write_header(t, keys, expiring);
    mem_free(keys);
    if (options.no_keys) end_of_row(t);
}

void dump_abort(void) {
    row.aborted = true;
    snap_abort();
}

/* ---- the shards' share ---- */

/* The next slice with a value that a client waits for; NULL: none. */
static struct slice *wanted_slice(struct shard *shard, unsigned first, unsigned last) {
    for (unsigned word = first / 64; word <= (last - 1) / 64; word++) {
        uint64_t bits = atomic_load(&shard->wanted_slices[word]);
        if (bits) return &slices.all[word * 64 + (unsigned)__builtin_ctzll(bits)];
    }
    return NULL;
}

/* A value that a client waits for goes before everything, and without credit. True: there may be more of it. */
static bool work_on_wanted(struct thread *t, struct shard *shard, unsigned first, unsigned last) {
    if (LIKELY(!atomic_load_explicit(&shard->wanted, memory_order_relaxed))) return false;
    atomic_store(&shard->wanted, false);
    struct slice *s = wanted_slice(shard, first, last);
    if (!s) return false;
    /* Taken off before the step: whoever asks during it is seen. */
    uint64_t bit = (uint64_t)1 << (s->index % 64);
    atomic_fetch_and(&shard->wanted_slices[s->index / 64], ~bit);
    enum snap_progress progress = snap_step(t, s, DUMP_STEP_US, false);
    if (progress == SNAP_MORE || progress == SNAP_BUSY)
        atomic_fetch_or(&shard->wanted_slices[s->index / 64], bit);
    atomic_store(&shard->wanted, true);
    return true;
}

bool dump_work(struct thread *t, unsigned first, unsigned last) {
    struct shard *shard = &shards[t->index];
    unsigned left = atomic_load(&shard->left);
    if (left == 0) return false;
    ASSERT(left <= last - first);
    if (work_on_wanted(t, shard, first, last)) return true;
    bool credit = atomic_load(&shard->outstanding) < DUMP_CREDIT_BYTES;
    walks_on_credit = credit;
    enum snap_progress progress = snap_step(t, &slices.all[last - left], DUMP_STEP_US, credit);
    walks_on_credit = false;
    if (progress == SNAP_OVER) return atomic_fetch_sub(&shard->left, 1) > 1;
    return progress != SNAP_NO_CREDIT || atomic_load(&shard->outstanding) < DUMP_CREDIT_BYTES;
}

/* oplog.c: see oplog.h.
 *
 * A log belongs to its thread; the reader has a side of its own on another cache line. They share few words:
 * a block's `published`, its `next`, and the count of bytes taken. The writer publishes by a release store to
 * the first; an entry that does not fit its block is carried over to a new one while it is still open, so the
 * old block is complete when the reader sees `next`.
 */
#include "shard/store/oplog.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/store/policy.h"

#include <string.h>

enum { ALIGNMENT = 8, BLOBS_AT_FIRST = 4, HEAD_MAX = TEXT_I64_MAX + 3 };

struct block {
    _Atomic(struct block *) next;
    _Atomic size_t published;
    size_t capacity;
    _Alignas(ALIGNMENT) char bytes[];
};
/* With its head, memory of a size that an allocator has nothing to round up of. */
enum { BLOCK_BYTES = 256 * 1024 - sizeof(struct block) };

struct oplog {
    /* The writer's. */
    _Alignas(CACHE_LINE) struct block *block;
    size_t begin, end;   /* of the open entry in the block; equal: none is open */
    size_t command;      /* where its last command begins */
    unsigned words_left; /* of that command */
    unsigned blobs_capacity;
    struct oplog_blob *blobs; /* of that command */
    uint64_t appended, taken_seen;
    uint64_t last_ticket; /* published since the last oplog_ring; 0: nothing was */
    /* The reader's. */
    _Alignas(CACHE_LINE) struct block *reading;
    size_t at;
    /* Shared. */
    _Alignas(CACHE_LINE) _Atomic uint64_t taken;
    _Atomic bool waits_durable;       /* it wants to be woken when more is durable */
    _Atomic bool waits;               /* the writer wants to be woken when there is room */
    _Atomic(struct block *) first;    /* where the reader begins */
    _Atomic(struct block *) returned; /* an empty block for the writer */
};

static struct oplog logs[THREADS_MAX];
static struct { _Alignas(CACHE_LINE) _Atomic uint64_t next; } tickets = {1};
static _Atomic int reader = -1;
static struct { _Alignas(CACHE_LINE) _Atomic uint64_t from; } wakes = {0}; /* see oplog_wake_from */
static struct { _Alignas(CACHE_LINE) _Atomic uint64_t place; } applied;    /* see oplog_note_place */
static struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t durable;
    _Atomic bool replies_wait;
} safety;

static size_t align(size_t n) {
    return (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static struct oplog *log_of(const struct thread *t) {
    return &logs[t->index];
}

/* ---- writing ---- */

static struct block *block_new(struct oplog *log, size_t capacity) {
    struct block *b = capacity == BLOCK_BYTES ? atomic_exchange(&log->returned, NULL) : NULL;
    if (!b) b = mem_passing_alloc(sizeof *b + capacity);
    atomic_store_explicit(&b->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&b->published, 0, memory_order_relaxed);
    b->capacity = capacity;
    return b;
}

/* Carries the open entry over to a block with room for `more` bytes. */
static void move_to_new_block(struct oplog *log, size_t more) {
    size_t used = log->end - log->begin, wanted = (used + more) * 2;
    struct block *old = log->block;
    struct block *fresh = block_new(log, wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES);
    ASSERT(old || !used);
    if (old) memcpy(fresh->bytes, old->bytes + log->begin, used);
    log->command -= log->begin;
    log->block = fresh;
    log->begin = 0;
    log->end = used;
    atomic_store_explicit(old ? &old->next : &log->first, fresh, memory_order_release);
}

/* Where the next `n` bytes of the open entry go; they count as used. */
static inline char *extend(struct oplog *log, size_t n) {
    if (UNLIKELY(!log->block || log->block->capacity - log->end < n)) move_to_new_block(log, n);
    char *at = log->block->bytes + log->end;
    log->end += n;
    return at;
}

static struct oplog_entry *open_entry(const struct oplog *log) {
    ASSERT(log->end > log->begin);
    return (struct oplog_entry *)(void *)(log->block->bytes + log->begin);
}

static struct oplog_command *open_command(const struct oplog *log) {
    return (struct oplog_command *)(void *)(log->block->bytes + log->command);
}

/* Appends "<mark><n>\r\n". */
static inline void append_head(struct oplog *log, char mark, uint64_t n) {
    char *at = extend(log, HEAD_MAX);
    size_t used = 1;
    at[0] = mark;
    if (LIKELY(n < 10))
        at[used++] = (char)('0' + n);
    else
        used += text_from_u64(at + used, n);
    at[used++] = '\r';
    at[used++] = '\n';
    log->end -= HEAD_MAX - used;
}

static void word_is_complete(struct oplog *log) {
    ASSERT(log->words_left > 0);
    if (--log->words_left > 0) return;
    struct oplog_command *command = open_command(log);
    command->bytes = log->end - log->command - sizeof *command;
    size_t blobs = command->blobs * sizeof *log->blobs, words_end = log->end, padded = align(log->end);
    char *at = extend(log, padded - words_end + blobs); /* may move all of it */
    if (blobs) memcpy(at + (padded - words_end), log->blobs, blobs);
}

void oplog_command(struct thread *me, unsigned database, unsigned words) {
    struct oplog *log = log_of(me);
    ASSERT(words > 0 && log->words_left == 0);
    if (log->end == log->begin) {
        struct oplog_entry *entry = (void *)extend(log, sizeof *entry);
        *entry = (struct oplog_entry){0};
    }
    struct oplog_command *command = (void *)extend(log, sizeof *command);
    *command = (struct oplog_command){.database = database};
    log->command = log->end - sizeof *command;
    log->words_left = words;
    open_entry(log)->commands++;
    append_head(log, '*', words);
}

void oplog_word(struct thread *me, const char *data, size_t len) {
    struct oplog *log = log_of(me);
    append_head(log, '$', len);
    char *at = extend(log, len + 2);
    if (len) memcpy(at, data, len);
    at[len] = '\r';
    at[len + 1] = '\n';
    word_is_complete(log);
}

void oplog_number(struct thread *me, int64_t n) {
    char digits[TEXT_I64_MAX];
    oplog_word(me, digits, text_from_i64(digits, n));
}

void oplog_blob_word(struct thread *me, struct blob *blob) {
    struct oplog *log = log_of(me);
    if (blob->len < OPLOG_BLOB_MIN) {
        oplog_word(me, blob->data, blob->len);
        return;
    }
    append_head(log, '$', blob->len);
    unsigned i = open_command(log)->blobs++;
    if (i >= log->blobs_capacity) {
        log->blobs_capacity = i ? i * 2 : BLOBS_AT_FIRST;
        log->blobs = mem_realloc(log->blobs, log->blobs_capacity * sizeof *log->blobs);
    }
    log->blobs[i] = (struct oplog_blob){.at = log->end - log->command - sizeof(struct oplog_command),
                                        .blob = blob_ref(blob)};
    log->appended += blob->len;
    memcpy(extend(log, 2), "\r\n", 2);
    word_is_complete(log);
}

void oplog_key_gone(struct thread *me, unsigned database, const char *key, size_t len, enum oplog_gone why) {
    const struct policy *policy = policy_get();
    bool unlink = why == OPLOG_EVICTED ? policy->unlink_evicted : policy->unlink_expired;
    oplog_command(me, database, 2);
    oplog_word(me, unlink ? "UNLINK" : "DEL", unlink ? 6 : 3);
    oplog_word(me, key, len);
}

bool oplog_is_open(const struct thread *me) {
    const struct oplog *log = log_of(me);
    return log->end > log->begin;
}

uint64_t oplog_publish(struct thread *me, bool loose) {
    struct oplog *log = log_of(me);
    ASSERT(log->words_left == 0 && me->holds_held > 0);
    if (log->end == log->begin) return 0;
    struct oplog_entry *entry = open_entry(log);
    ASSERT(log->end % ALIGNMENT == 0 && entry->commands > 0);
    entry->bytes = log->end - log->begin;
    entry->loose = loose;
    entry->behind = atomic_load_explicit(&applied.place, memory_order_relaxed);
    log->appended += entry->bytes;
    log->begin = log->end;
    uint64_t ticket = atomic_fetch_add_explicit(&tickets.next, 1, memory_order_acq_rel);
    entry->ticket = log->last_ticket = ticket;
    atomic_store_explicit(&log->block->published, log->end, memory_order_release);
    return ticket;
}

static void wake_reader(struct thread *me) {
    int to = atomic_load_explicit(&reader, memory_order_relaxed);
    if (to >= 0) thread_wake(me, thread_by_index((unsigned)to));
}

bool oplog_is_full(struct thread *me) {
    struct oplog *log = log_of(me);
    if (LIKELY(log->appended - log->taken_seen < OPLOG_BYTES_MAX)) return false;
    /* Says that it waits, then looks once more; the reader counts, then looks whether anybody waits. */
    atomic_store(&log->waits, true);
    log->taken_seen = atomic_load(&log->taken);
    if (log->appended - log->taken_seen < OPLOG_BYTES_MAX) return false;
    wake_reader(me);
    return true;
}

void oplog_ring(struct thread *me) {
    struct oplog *log = log_of(me);
    if (LIKELY(!log->last_ticket)) return;
    uint64_t ticket = log->last_ticket;
    log->last_ticket = 0;
    /* We publish, then look what the reader wants; it says so, then looks what was published. */
    atomic_thread_fence(memory_order_seq_cst);
    if (ticket >= atomic_load_explicit(&wakes.from, memory_order_relaxed)) wake_reader(me);
}

void oplog_note_place(uint64_t place) {
    atomic_store_explicit(&applied.place, place, memory_order_relaxed);
}

/* ---- durability ---- */

bool oplog_may_tell(uint64_t ticket) {
    if (LIKELY(!atomic_load_explicit(&safety.replies_wait, memory_order_relaxed))) return true;
    return atomic_load(&safety.durable) >= ticket;
}

void oplog_wait_durable(struct thread *me) {
    atomic_store(&log_of(me)->waits_durable, true);
}

static void wake_those_who_tell(struct thread *me) {
    for (unsigned i = 0; i < THREADS_MAX; i++)
        if (UNLIKELY(atomic_load(&logs[i].waits_durable)) && atomic_exchange(&logs[i].waits_durable, false))
            thread_wake(me, thread_by_index(i));
}

void oplog_set_durable(struct thread *me, uint64_t ticket) {
    if (ticket <= atomic_load_explicit(&safety.durable, memory_order_relaxed)) return;
    atomic_store(&safety.durable, ticket);
    wake_those_who_tell(me);
}

uint64_t oplog_durable_ticket(void) {
    return atomic_load(&safety.durable);
}

void oplog_set_replies_wait(struct thread *me, bool wait) {
    if (atomic_load_explicit(&safety.replies_wait, memory_order_relaxed) == wait) return;
    atomic_store(&safety.replies_wait, wait);
    if (!wait) wake_those_who_tell(me);
}

/* ---- reading ---- */

void oplog_set_reader(unsigned thread) {
    ASSERT(thread < THREADS_MAX);
    atomic_store(&reader, (int)thread);
}

bool oplog_wake_from(uint64_t ticket) {
    uint64_t before = atomic_load_explicit(&wakes.from, memory_order_relaxed);
    if (before == ticket) return false;
    atomic_store_explicit(&wakes.from, ticket, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    return ticket < before;
}

static void block_done(struct oplog *log, struct block *b) {
    struct block *none = NULL;
    if (b->capacity == BLOCK_BYTES && atomic_compare_exchange_strong(&log->returned, &none, b)) return;
    mem_passing_free(b);
}

const struct oplog_entry *oplog_peek(unsigned thread) {
    struct oplog *log = &logs[thread];
    if (UNLIKELY(!log->reading)) {
        log->reading = atomic_load_explicit(&log->first, memory_order_acquire);
        if (!log->reading) return NULL;
    }
    while (log->at == atomic_load_explicit(&log->reading->published, memory_order_acquire)) {
        struct block *next = atomic_load_explicit(&log->reading->next, memory_order_acquire);
        if (!next) return NULL;
        /* Nothing more is published in a block that has a next one; but perhaps just before it had. */
        if (log->at != atomic_load_explicit(&log->reading->published, memory_order_acquire)) break;
        block_done(log, log->reading);
        log->reading = next;
        log->at = 0;
    }
    return (const struct oplog_entry *)(void *)(log->reading->bytes + log->at);
}

void oplog_take(unsigned thread) {
    struct oplog *log = &logs[thread];
    const struct oplog_entry *entry = oplog_peek(thread);
    ASSERT(entry);
    uint64_t bytes = entry->bytes;
    const struct oplog_command *command = oplog_first(entry);
    for (uint32_t i = 0; i < entry->commands; i++, command = oplog_after(command)) {
        const struct oplog_blob *blobs = oplog_blobs(command);
        for (uint32_t b = 0; b < command->blobs; b++) {
            bytes += blobs[b].blob->len;
            blob_unref(blobs[b].blob);
        }
    }
    log->at += entry->bytes;
    uint64_t taken = atomic_load_explicit(&log->taken, memory_order_relaxed);
    atomic_store_explicit(&log->taken, taken + bytes, memory_order_relaxed);
}

void oplog_make_room(struct thread *me, unsigned thread) {
    struct oplog *log = &logs[thread];
    atomic_thread_fence(memory_order_seq_cst);
    if (LIKELY(!atomic_load(&log->waits)) || !atomic_exchange(&log->waits, false)) return;
    thread_wake(me, thread_by_index(thread));
}

const struct oplog_command *oplog_first(const struct oplog_entry *entry) {
    return (const struct oplog_command *)(const void *)(entry + 1);
}

const char *oplog_words(const struct oplog_command *command) {
    return (const char *)(command + 1);
}

const struct oplog_blob *oplog_blobs(const struct oplog_command *command) {
    return (const struct oplog_blob *)(const void *)(oplog_words(command) + align(command->bytes));
}

const struct oplog_command *oplog_after(const struct oplog_command *command) {
    return (const struct oplog_command *)(const void *)(oplog_blobs(command) + command->blobs);
}

uint64_t oplog_next_ticket(void) {
    return atomic_load_explicit(&tickets.next, memory_order_acquire);
}

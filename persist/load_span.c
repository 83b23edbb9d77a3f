/* load_span.c: the keys of a span of an RDB file stored by a shard: see load.h.
 *
 * Keys lie all over the tables, so storing each as it is read would wait for memory each time: a few are read
 * ahead and their buckets asked for. They need no memory of their own, since most strings stay in the span;
 * what the reader had to unpack is stored before the next key is read.
 */
#include "persist/load_parts.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/rt/pause.h"
#include "shard/store/evict.h"
#include "shard/store/prefetch.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_PER_HOLD = 64, KEY_SHOWN_MAX = 64, KEYS_AHEAD = 16 };

/* A key that was read and is to be stored. */
struct ahead {
    struct key key;
    struct value value;
    struct rdb_record record;
    uint64_t end; /* of its record in the file */
};

struct storing {
    struct visit visit;
    struct slice *held;
    unsigned keys_held;
    const struct load_span *span;
    struct ahead ahead[KEYS_AHEAD];
    unsigned ahead_count;
};

static void let_go(struct storing *s) {
    if (s->held) hold_release(&s->held->hold, s->visit.thread);
    s->held = NULL;
    s->keys_held = 0;
}

/* Others hold a slice for microseconds, and clients are told to wait: so this spins. */
static void enter(struct storing *s, struct slice *slice) {
    if (s->held == slice && ++s->keys_held < KEYS_PER_HOLD) return;
    let_go(s);
    while (!hold_try(&slice->hold, s->visit.thread)) cpu_pause();
    s->held = slice;
}

static void set_access(const struct load *load, const struct rdb_record *record, struct entry *e) {
    bool lfu = policy_is_lfu(policy_get());
    if (lfu && record->frequency >= 0)
        e->access = access_from_frequency((unsigned)record->frequency, load->now_ms);
    else if (!lfu && record->idle_s >= 0)
        e->access = access_from_idle_ms((uint64_t)record->idle_s * 1000, load->now_ms);
}

/* False: something is wrong with it; the reader says what. */
static bool store(struct storing *s, struct rdb_reader *r, const struct load *load, struct ahead *a) {
    const struct rdb_record *record = &a->record;
    s->visit.database = load_database(load, record->database);
    enter(s, a->key.slice);
    if (keyspace_find(&s->visit, &a->key, KEYSPACE_PEEK)) {
        rdb_value_free(&a->value);
        r->key.data = NULL; /* it reads another one already */
        r->reading = "the file";
        return rdb_fail(r,
                        "the key '%.*s' of database %u comes twice (its second record ends at offset %llu)",
                        (int)(a->key.len < KEY_SHOWN_MAX ? a->key.len : KEY_SHOWN_MAX), a->key.data,
                        (unsigned)record->database, (unsigned long long)a->end);
    }
    struct entry **at = keyspace_set(&s->visit, &a->key, NULL, a->value,
                                     record->expires_ms >= 0 ? record->expires_ms : NO_TTL);
    set_access(load, record, *at);
    return true;
}

/* Stores what was read ahead; after a failure the rest is dropped. */
static bool store_ahead(struct storing *s, struct rdb_reader *r, struct load *load) {
    unsigned count = s->ahead_count, stored = 0;
    bool fine = true;
    for (unsigned i = 0; i < count; i++) {
        if (fine) {
            fine = store(s, r, load, &s->ahead[i]);
            stored += fine;
        } else {
            rdb_value_free(&s->ahead[i].value);
        }
    }
    atomic_fetch_add_explicit(&load->keys, stored, memory_order_relaxed);
    s->ahead_count = 0;
    return fine;
}

static bool lies_in_span(const struct storing *s, const char *data) {
    const unsigned char *at = (const unsigned char *)data;
    return at >= s->span->at && at < s->span->at + s->span->len;
}

/* Takes a key that was read, whose value is handed over. */
static bool read_ahead(struct storing *s, struct rdb_reader *r, struct load *load,
                       const struct rdb_record *record, const struct value *value) {
    struct ahead *a = &s->ahead[s->ahead_count++];
    *a = (struct ahead){.value = *value, .record = *record, .end = rdb_reader_offset(r)};
    a->key = key_make(record->key.data, record->key.len);
    prefetch_bucket(a->key.slice, load_database(load, record->database), a->key.hash);
    bool stays = lies_in_span(s, record->key.data) &&
                 (value->form != VALUE_BYTES || lies_in_span(s, value->bytes.data));
    return (stays && s->ahead_count < KEYS_AHEAD) || store_ahead(s, r, load);
}

static bool take_key(struct storing *s, struct rdb_reader *r, struct load *load,
                     const struct rdb_record *record) {
    struct value value;
    if (record->database >= slices.databases)
        return rdb_fail(r, "database %llu, but there are only %u (`databases`)",
                        (unsigned long long)record->database, slices.databases);
    if (load->skip_expired && record->expires_ms >= 0 && record->expires_ms < load->now_ms) {
        atomic_fetch_add_explicit(&load->expired, 1, memory_order_relaxed);
        return rdb_skip_value(r, record->type);
    }
    switch (rdb_load_value(r, record->type, &load->limits, &value)) {
    case RDB_LOAD_BROKEN: return false;
    case RDB_LOADED_EMPTY: atomic_fetch_add_explicit(&load->empty, 1, memory_order_relaxed); return true;
    case RDB_LOADED: break;
    }
    return read_ahead(s, r, load, record, &value);
}

static bool take_all(struct storing *s, struct rdb_reader *r, struct load *load, struct rdb_record *record) {
    for (;;) {
        switch (rdb_read_next(r, record)) {
        case RDB_EVENT_KEY:
            if (!take_key(s, r, load, record)) return false;
            break;
        case RDB_EVENT_AUX:
        case RDB_EVENT_SELECT:
        case RDB_EVENT_RESIZE:
        case RDB_EVENT_SLOT: break;
        case RDB_EVENT_NONE: return store_ahead(s, r, load);
        case RDB_EVENT_FUNCTION:
        case RDB_EVENT_END: return rdb_fail(r, "this cannot stand inside a piece");
        case RDB_EVENT_BROKEN: return false;
        }
    }
}

void load_span_run(struct thread *t, struct message *message) {
    struct load_span *span = (struct load_span *)message;
    struct load *load = span->load;
    struct storing s = {.visit = {.thread = t, .now_ms = load->now_ms, .follows = true, .no_touch = true},
                        .span = span};
    struct rdb_record record = {.database = span->database};
    struct rdb_reader r;
    rdb_reader_on_span(&r, span->at, span->len, span->offset);
    r.version = load->version;
    if (!take_all(&s, &r, load, &record)) {
        span->error = mem_strdup(rdb_error(&r));
        for (unsigned i = 0; i < s.ahead_count; i++) rdb_value_free(&s.ahead[i].value);
    }
    let_go(&s);
    rdb_reader_close(&r);
    if (load->check_sum) span->crc = crc64(0, span->at, span->len);
    span->message.deliver = load_span_returned;
    thread_post(t, span->reader, &span->message);
}

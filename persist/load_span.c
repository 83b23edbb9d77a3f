/* load_span.c: the keys of a span of an RDB file stored by a shard: see load.h. */
#include "persist/load_parts.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/rt/pause.h"
#include "shard/store/evict.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_PER_HOLD = 64, KEY_SHOWN_MAX = 64 };

struct storing {
    struct visit visit;
    struct slice *held;
    unsigned keys_held;
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
static bool store(struct storing *s, struct rdb_reader *r, const struct load *load,
                  const struct rdb_record *record, struct value *value) {
    struct key k = key_make(record->key.data, record->key.len);
    s->visit.database = (unsigned)record->database;
    enter(s, k.slice);
    if (keyspace_find(&s->visit, &k, KEYSPACE_PEEK)) {
        rdb_value_free(value);
        return rdb_fail(r, "the key '%.*s' of database %u comes twice",
                        (int)(k.len < KEY_SHOWN_MAX ? k.len : KEY_SHOWN_MAX), k.data, s->visit.database);
    }
    struct entry **at =
        keyspace_set(&s->visit, &k, NULL, *value, record->expires_ms >= 0 ? record->expires_ms : NO_TTL);
    set_access(load, record, *at);
    return true;
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
    if (!store(s, r, load, record, &value)) return false;
    atomic_fetch_add_explicit(&load->keys, 1, memory_order_relaxed);
    return true;
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
        case RDB_EVENT_NONE: return true;
        case RDB_EVENT_FUNCTION:
        case RDB_EVENT_END: return rdb_fail(r, "this cannot stand inside a piece");
        case RDB_EVENT_BROKEN: return false;
        }
    }
}

void load_span_run(struct thread *t, struct message *message) {
    struct load_span *span = (struct load_span *)message;
    struct load *load = span->load;
    struct storing s = {.visit = {.thread = t, .now_ms = load->now_ms, .follows = true, .no_touch = true}};
    struct rdb_record record = {.database = span->database};
    struct rdb_reader r;
    rdb_reader_on_span(&r, span->at, span->len, span->offset);
    r.version = load->version;
    if (!take_all(&s, &r, load, &record)) span->error = mem_strdup(rdb_error(&r));
    let_go(&s);
    rdb_reader_close(&r);
    if (load->check_sum) span->crc = crc64(0, span->at, span->len);
    span->message.deliver = load_span_returned;
    thread_post(t, span->reader, &span->message);
}

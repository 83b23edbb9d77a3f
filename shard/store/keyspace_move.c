/* keyspace_move.c: keys that change their name, slice or database, and whole databases that do.
 *
 * Runs on the thread that runs the command, under the holds of the slices concerned (asserted). Values are
 * handed on, not copied: even COPY of a large string only takes another reference to its blob.
 */
#include "shard/base/mem.h"
#include "shard/rt/thread.h"
#include "shard/store/evict.h"
#include "shard/store/grave.h"
#include "shard/store/keyspace_parts.h"
#include "shard/store/value_methods.h"

enum { RANDOM_TRIES = 1000, DISCARD_WHEEL_CHUNKS = 4 };

static _Atomic size_t
    discarded_bytes; /* of all keyspaces between keyspace_detach and the end of keyspace_discard */

/* An entry for another key with the value and clocks of `e` and those of its flags that are named; what lies
 * outside is referred to by both. */
static struct entry *entry_for_key(const struct entry *e, const struct key *to, uint8_t flags) {
    struct entry_shape shape = {
        .type = entry_type(e),
        .encoding = entry_encoding(e),
        .flags = e->flags & flags,
    };
    const char *bytes = NULL;
    if (shape.encoding == ENC_INLINE) bytes = entry_inline(e, &shape.inline_len);
    struct entry *fresh = entry_new(&shape, to->data, to->len);
    fresh->access = e->access;
    if (bytes) {
        memcpy(entry_inline_at(fresh), bytes, shape.inline_len);
    } else {
        memcpy(entry_value_at(fresh), entry_value_at(e), entry_value_bytes(e));
    }
    return fresh;
}

struct entry **keyspace_move(struct visit *v, const struct key *from, struct entry **at, unsigned to_database,
                             const struct key *to) {
    ASSERT(hold_is_mine(&from->slice->hold, v->thread));
    ASSERT(hold_is_mine(&to->slice->hold, v->thread));
    struct entry *old = keyspace_take(home_of(from->slice, v->database), at, from->hash);
    struct entry *fresh = entry_for_key(old, to, ENTRY_EXPIRES | ENTRY_RAW | ENTRY_SAVING);
    int64_t when_ms = entry_when(old);
    if (UNLIKELY(old->flags & ENTRY_SAVING) && entry_encoding(old) == ENC_OBJECT)
        snap_move_value(entry_object(old), to->slice);
    mem_free(old);
    return keyspace_file(v, home_open(to->slice, to_database), fresh, to->hash, when_ms);
}

struct entry **keyspace_copy(struct visit *v, const struct key *from, struct entry **at, unsigned to_database,
                             const struct key *to) {
    ASSERT(hold_is_mine(&from->slice->hold, v->thread));
    ASSERT(hold_is_mine(&to->slice->hold, v->thread));
    struct entry *e = *at;
    struct entry *fresh = entry_for_key(e, to, ENTRY_EXPIRES | ENTRY_RAW);
    fresh->access = access_initial(policy_get(), v->thread->turn_unix_ms);
    if (entry_encoding(e) == ENC_BLOB) {
        blob_ref(entry_blob(e));
    } else if (entry_encoding(e) == ENC_OBJECT) {
        entry_set_pointer(fresh, value_methods_get(entry_type(e))->copy(entry_object(e)));
    }
    return keyspace_file(v, home_open(to->slice, to_database), fresh, to->hash, entry_when(e));
}

void keyspace_reserve(struct visit *v, struct slice *s, size_t keys) {
    ASSERT(hold_is_mine(&s->hold, v->thread));
    table_reserve(&home_open(s, v->database).keyspace->table, keys);
}

static bool holds_key(struct keyspace *ks, const struct interest *i) {
    return ks && table_find(&ks->table, i->key, i->len, i->hash);
}

struct keyspace *keyspace_detach(struct visit *v, struct slice *s, unsigned database) {
    ASSERT(hold_is_mine(&s->hold, v->thread));
    struct keyspace *ks = slice_keyspace(s, database);
    if (!ks) return NULL;
    for (struct interest *i = interest_next(s, NULL); i; i = interest_next(s, i))
        if (i->database == database && holds_key(ks, i)) interest_touch(i);
    atomic_store_explicit(&s->databases[database], NULL, memory_order_release);
    counter_sub(&s->counters.keys, table_count(&ks->table));
    counter_sub(&s->counters.expiring, wheel_count(ks->wheel));
    counter_sub(&s->counters.entry_bytes, ks->entry_bytes);
    bool kept = UNLIKELY(s->snap != NULL) && snap_adopt_keyspace(s, ks);
    /* From here on it tells what there is to gain, table and wheel included. */
    ks->entry_bytes += table_bytes(&ks->table) + wheel_count(ks->wheel) * sizeof(struct entry *);
    atomic_fetch_add_explicit(&discarded_bytes, ks->entry_bytes, memory_order_relaxed);
    return kept ? NULL : ks;
}

size_t keyspace_discarded_bytes(void) {
    return atomic_load_explicit(&discarded_bytes, memory_order_relaxed);
}

struct discarding {
    struct thread *thread; /* the running one; NULL if it is not the server's */
    size_t bytes;
};

static void discard_entry(void *arg, struct entry *e) {
    struct discarding *d = arg;
    d->bytes += entry_footprint(e);
    if (UNLIKELY(e->flags & ENTRY_SAVING) && entry_encoding(e) == ENC_OBJECT &&
        snap_adopt_value(entry_object(e))) {
        mem_free(e);
    } else if (d->thread && entry_encoding(e) == ENC_OBJECT) {
        grave_free(d->thread, entry_type(e), entry_object(e));
        mem_free(e);
    } else {
        entry_free(e);
    }
}

bool keyspace_discard(struct keyspace *ks, unsigned entries) {
    if (ks->wheel) {
        if (!wheel_discard(ks->wheel, DISCARD_WHEEL_CHUNKS)) ks->wheel = NULL;
        return true;
    }
    struct discarding d = {.thread = thread_self()};
    bool more = table_drain(&ks->table, entries, discard_entry, &d);
    /* What is left at the end is the share of table and wheel. */
    if (!more || d.bytes > ks->entry_bytes) d.bytes = ks->entry_bytes;
    ks->entry_bytes -= d.bytes;
    atomic_fetch_sub_explicit(&discarded_bytes, d.bytes, memory_order_relaxed);
    if (more) return true;
    if (d.thread) {
        thread_retire(d.thread, ks, mem_free);
    } else {
        mem_free(ks);
    }
    return false;
}

/* After an exchange of databases: who watches a key that is there on either side, or waits for one that has
 * come. */
static void tell_of_swap(struct visit *v, struct slice *s, unsigned a, unsigned b) {
    for (struct interest *i = interest_next(s, NULL); i; i = interest_next(s, i)) {
        if (i->database != a && i->database != b) continue;
        bool is_there = holds_key(slice_keyspace(s, i->database), i);
        bool was_there = holds_key(slice_keyspace(s, i->database == a ? b : a), i);
        if (is_there || was_there) interest_touch(i);
        if (is_there) interest_note_ready(i, &v->ready);
    }
}

void keyspace_swap(struct visit *v, struct slice *s, unsigned a, unsigned b) {
    ASSERT(hold_is_mine(&s->hold, v->thread));
    ASSERT(slice_has_database(a) && slice_has_database(b));
    struct keyspace *was_a = slice_keyspace(s, a);
    atomic_store_explicit(&s->databases[a], slice_keyspace(s, b), memory_order_release);
    atomic_store_explicit(&s->databases[b], was_a, memory_order_release);
    tell_of_swap(v, s, a, b);
}

struct scan {
    struct visit *v;
    const struct slice *slice;
    void (*visit)(void *arg, struct entry **at);
    void *arg;
};

static void scan_live(void *arg, struct entry **at) {
    struct scan *scan = arg;
    if (!keyspace_is_past(scan->v, scan->slice, *at)) scan->visit(scan->arg, at);
}

uint64_t keyspace_scan(struct visit *v, struct slice *s, uint64_t cursor,
                       void (*visit)(void *arg, struct entry **at), void *arg) {
    ASSERT(hold_is_mine(&s->hold, v->thread));
    struct keyspace *ks = slice_keyspace(s, v->database);
    if (!ks) return 0;
    struct scan scan = {.v = v, .slice = s, .visit = visit, .arg = arg};
    return table_scan(&ks->table, cursor, scan_live, &scan);
}

struct entry **keyspace_random(struct visit *v, struct slice *s) {
    ASSERT(hold_is_mine(&s->hold, v->thread));
    struct home home = home_of(s, v->database);
    if (!home.keyspace) return NULL;
    for (unsigned i = 0; i < RANDOM_TRIES; i++) {
        struct entry **at = table_random(&home.keyspace->table, &v->thread->random);
        if (!at || !keyspace_is_past(v, s, *at)) return at;
        if (s->switches & SWITCHES_KEEPING) continue;
        keyspace_drop(v, home, at, keyspace_entry_hash(*at), DROP_EXPIRED);
        v->expired++;
    }
    return NULL;
}

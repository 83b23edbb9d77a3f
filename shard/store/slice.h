/* slice.h: a contiguous range of slots with its own tables, expiry wheels and counters, under one hold.
 *
 * The set of slices is made once at start (slices_create): a power of two, at least SLICES_PER_SHARD for each
 * shard, so slot >> shift is the slice. Ownership (owner) says which shard maintains a slice; any thread may
 * visit it.
 */
#ifndef GYRE_STORE_SLICE_H
#define GYRE_STORE_SLICE_H

#include "shard/base/slot.h"
#include "shard/rt/hold.h"
#include "shard/store/table.h"
#include "shard/store/wheel.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLICES_PER_SHARD = 16, SLICES_MAX = 2048 };

/* One database's part of a slice. Threads without the hold may prefetch through its table, so it is freed by
 * thread_retire. */
struct keyspace {
    struct table table;
    struct wheel *wheel;             /* NULL until a key expires */
    size_t entry_bytes;              /* of its entries and their values, as the slice's counter has it */
    _Atomic uint64_t keys, expiring; /* written under the hold, read by anyone (INFO) with relaxed loads */
    unsigned saved_as;               /* its database at the last cut: see snap.h */
};

/* Server-wide switches, copied into every slice and changed only while all slices are held (a cut). */
enum slice_switch {
    SWITCH_PAUSE_WRITES = 1,
    SWITCH_PAUSE_ALL = 2,
    SWITCH_LOADING = 4,
    SWITCH_REPLICA = 8,
    SWITCH_LOGGING = 16,
    SWITCH_READONLY = 32, /* a replica that clients may not write to */
    /* Nothing expires by itself and nothing is evicted: a primary says what goes, or nothing is to change. */
    SWITCHES_KEEPING = SWITCH_REPLICA | SWITCH_PAUSE_WRITES | SWITCH_PAUSE_ALL,
};

/* Written under the hold; read by anyone (INFO) with relaxed loads. */
struct slice_counters {
    _Atomic uint64_t ops, visits, keys, expiring, entry_bytes, expired, evicted, hits, misses;
};

struct slice {
    _Alignas(CACHE_LINE) struct hold hold;
    uint16_t switches;
    uint8_t epoch; /* of the last snapshot: see snap.h */
    uint16_t index;
    uint16_t owner; /* thread number of its shard */
    _Atomic(struct keyspace *)
        *databases;              /* twice slices.databases: see slice_database_beside; NULL until used */
    struct interest **interests; /* keys that somebody watches or waits for: see interest.h */
    uint32_t interests_buckets, interests_count;
    struct snap *snap; /* a snapshot's part that is under way here, or NULL */
    _Alignas(CACHE_LINE) struct slice_counters counters;
    unsigned maintain_database; /* where maintenance goes on */
    uint64_t last_ticket;       /* of the last change that was logged: see oplog.h */
};

struct slices {
    struct slice *all;
    unsigned count, shift, databases;
};

static inline struct slice *slice_of_hold(struct hold *hold) {
    return (struct slice *)(void *)((char *)hold - offsetof(struct slice, hold));
}

/* Counters have one writer, the holder: a load and a store instead of a locked addition. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n) {
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + n, memory_order_relaxed);
}
static inline void counter_sub(_Atomic uint64_t *counter, uint64_t n) {
    counter_add(counter, -n);
}
static inline uint64_t counter_get(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The one set of this process; made before threads start, never changed afterwards. */
void slices_create(unsigned shards, unsigned databases);
extern struct slices slices;

/* Beside each database that clients see there is room for another one with the same number, in which a dataset can be
 * built that is to take its place (keyspace_swap). Nobody but its builder finds his way there. */
static inline unsigned slice_database_beside(unsigned database) {
    return database + slices.databases;
}
/* Whether there is such a database, in sight or beside. */
static inline bool slice_has_database(unsigned database) {
    return database < 2 * slices.databases;
}

static inline struct slice *slice_of_slot(uint16_t slot) {
    return &slices.all[slot >> slices.shift];
}

/* One database of a slice, NULL while it was never used. Under the hold, or to prefetch through it. */
static inline struct keyspace *slice_keyspace(const struct slice *s, unsigned database) {
    return atomic_load_explicit(&s->databases[database], memory_order_acquire);
}

#endif

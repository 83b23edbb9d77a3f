/* slice.h: a contiguous range of slots with its own tables, expiry wheels and counters, under one hold.
 *
 * The set of slices is made once at start (slices_create): a power of two, at least SLICES_PER_SHARD for each shard, so
 * slot >> shift is the slice. Ownership (owner) says which shard maintains a slice; any thread may visit it.
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

/* One database's part of a slice. */
struct keyspace {
    struct table table;
    struct wheel *wheel; /* NULL until a key expires */
};

/* Server-wide switches, copied into every slice and changed only while all slices are held (a cut). */
enum slice_switch {
    SWITCH_PAUSE_WRITES = 1,
    SWITCH_PAUSE_ALL = 2,
    SWITCH_LOADING = 4,
    SWITCH_REPLICA = 8,
    SWITCH_LOGGING = 16,
};

/* Written under the hold; read by anyone (INFO) with relaxed loads. */
struct slice_counters {
    _Atomic uint64_t ops, visits, keys, expiring, entry_bytes, expired, evicted, hits, misses;
};

struct slice {
    _Alignas(CACHE_LINE) struct hold hold;
    uint32_t switches;
    uint16_t index;
    uint16_t owner; /* thread number of its shard */
    struct keyspace **databases; /* databases_count pointers, each NULL until first used */
    _Alignas(CACHE_LINE) struct slice_counters counters;
    unsigned expire_database; /* where active expiry goes on */
    unsigned step_database;   /* where resizing goes on */
};

struct slices {
    struct slice *all;
    unsigned count, shift, databases;
};

/* The one set of this process; made before threads start, never changed afterwards. */
void slices_create(unsigned shards, unsigned databases);
extern struct slices slices;

static inline struct slice *slice_of_slot(uint16_t slot) {
    return &slices.all[slot >> slices.shift];
}

#endif

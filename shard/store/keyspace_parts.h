/* keyspace_parts.h: what the files of the keyspace share: keyspace*.c, expire.c and evict.c only.
 *
 * Every change of a key passes one of these: keyspace_file (a key is born), keyspace_take (it leaves its
 * place, its entry lives on), keyspace_drop (it is gone). They keep table, wheel, account and counters in
 * step. Under the slice's hold.
 */
#ifndef GYRE_STORE_KEYSPACE_PARTS_H
#define GYRE_STORE_KEYSPACE_PARTS_H

#include "shard/base/assert.h"
#include "shard/store/events.h"
#include "shard/store/interest.h"
#include "shard/store/keyspace.h"
#include "shard/store/snap.h"

enum drop_reason { DROP_DELETED, DROP_EXPIRED, DROP_EVICTED };

/* The hash of an entry's key. */
uint64_t keyspace_entry_hash(const struct entry *e);

/* A database of a slice: where a key lives. */
struct home {
    struct slice *slice;
    struct keyspace *keyspace;
    unsigned database;
};
/* The keyspace is NULL if the database was never used. */
static inline struct home home_of(struct slice *s, unsigned database) {
    return (struct home){.slice = s, .keyspace = slice_keyspace(s, database), .database = database};
}

/* The same, made if it was never used. */
struct home home_open(struct slice *s, unsigned database);

/* Files a new entry whose key is absent; when_ms (if it expires) is written by this. */
struct entry **keyspace_file(struct visit *v, struct home home, struct entry *e, uint64_t hash,
                             int64_t when_ms);
/* Takes an entry out of table, wheel and account without freeing it. */
struct entry *keyspace_take(struct home home, struct entry **at, uint64_t hash);
/* Takes it out and frees it. */
void keyspace_drop(struct visit *v, struct home home, struct entry **at, uint64_t hash,
                   enum drop_reason reason);

/* Whether an entry is past its time, and this visit may know: while a file is loaded or a primary's stream is
 * applied, what comes later may still prolong it. */
bool keyspace_is_past(struct visit *v, const struct slice *s, const struct entry *e);

/* Writes the deadline of an entry that has room for one, and files it. */
void keyspace_wheel_add(struct visit *v, struct home home, struct entry *e, int64_t when_ms);
void keyspace_wheel_remove(struct home home, struct entry *e);

/* What others are to know of a change: those that watch the key. Every change of a key's value, deadline or
 * existence passes here. */
static inline void keyspace_touch(const struct slice *s, unsigned database, const struct key *k) {
    if (LIKELY(!s->interests_count)) return;
    struct interest *i = interest_find(s, database, k->data, k->len, k->hash);
    if (i) interest_touch(i);
}

/* Before anything of an entry is changed or let go: a snapshot may still need it as it is. */
static inline void keyspace_preserve(struct home home, struct entry *e) {
    if (snap_is_due(home.slice, e)) snap_preserve(home.slice, home.keyspace, e);
}

/* Tells of what happened to an entry's key. */
static inline void keyspace_tell(struct visit *v, enum store_event event, struct home home,
                                 const struct entry *e) {
    if (!store_event_is_wanted(event) || home.database >= slices.databases) return; /* not in sight */
    struct store_event_key key = {.database = home.database};
    key.data = entry_key(e, &key.len);
    store_events_listener(v, event, &key);
}

/* Books the change of an entry's memory. */
static inline void keyspace_account(struct home home, size_t before, size_t after) {
    home.keyspace->entry_bytes += after - before;
    counter_add(&home.slice->counters.entry_bytes, after - before);
}

#endif

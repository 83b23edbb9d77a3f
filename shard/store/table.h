/* table.h: the hash table of one slice's keys in one database.
 *
 * Buckets of one cache line: seven entry pointers, seven 1-byte fingerprints, a presence mask and a chain
 * link. The table grows and shrinks one bucket at a time, in place (linear hashing: see bucket.h), with every
 * insertion and in table_step, so no call pays for a whole resize; a key has one bucket at any time. The
 * bucket array is made of segments of 64 KiB: no large block is ever allocated, cleared or freed at once.
 * SCAN's guarantee (an element present from start to end of a full iteration is returned at least once) holds
 * across resizes by the reverse-binary cursor.
 *
 * Hashes are XXH3 of the key under the process's random seed; bucket index and fingerprint use different bits
 * of it, and neither uses the slot. The table does not own what an entry points to: keyspace.h does. Every
 * call needs the slice's hold, except table_hash and the two prefetches.
 *
 * Since prefetching reads arrays without the hold, they are freed through thread_retire. A table that is the
 * inside of a value (shard/type/) is never prefetched so; `private`, set while it is empty, has its arrays
 * freed at once.
 */
#ifndef GYRE_STORE_TABLE_H
#define GYRE_STORE_TABLE_H

#include "shard/store/entry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct directory;
struct random;

struct table {
    uint64_t mask;                         /* capacity in buckets - 1 */
    _Atomic(struct directory *) directory; /* of segments of buckets; NULL while nothing was ever inserted */
    _Atomic uint64_t live;                 /* buckets in use: half to all of the capacity */
    size_t used;                           /* entries */
    size_t children;                       /* chained buckets */
    int resizing;                          /* 1 growing, -1 shrinking, 0 neither */
    bool private; /* a container inside a value: nobody prefetches without the hold; see above */
};

/* The seed of all tables' hashes; set once before threads start. */
void table_set_seed(uint64_t seed);
uint64_t table_hash(const void *key, size_t len);

/* A zeroed table is empty and valid; it allocates with the first insertion. */
void table_free(struct table *t); /* frees the arrays, not the entries */
static inline size_t table_count(const struct table *t) {
    return t->used;
}
/* Bytes of the arrays and chained buckets. */
size_t table_bytes(const struct table *t);

/* Where the entry of this key stands, or NULL. Valid until the next call that inserts or steps; removing
 * another key leaves it where it is. */
struct entry **table_find(struct table *t, const void *key, size_t len, uint64_t hash);
/* The key must be absent. Returns where it stands. */
struct entry **table_insert(struct table *t, struct entry *e, uint64_t hash);
/* Takes out what stands at `at` (a result of table_find), without freeing it. */
void table_remove(struct table *t, struct entry **at, uint64_t hash);
/* Where this very entry stands, by address: nothing is read through `e`, so it may long be freed. NULL if not
 * here. */
struct entry **table_find_entry(struct table *t, const struct entry *e, uint64_t hash);
/* Another entry of the same key takes the place (the old one is the caller's). */
static inline void table_replace(struct entry **at, struct entry *e) {
    __atomic_store_n(at, e, __ATOMIC_RELAXED);
}

/* Moves up to `buckets` buckets of an unfinished resize; begins a shrink where the table has become sparse.
 * Returns true while there is more to do. The owner calls it in its maintenance. */
bool table_step(struct table *t, unsigned buckets);
/* Makes room for `count` keys in one go (loading). Only an empty table is enlarged; another grows as it
 * fills. */
void table_reserve(struct table *t, size_t count);

/* Visits every entry of one cursor position; returns the next cursor, 0 at the end. `visit` must not change
 * the table. */
uint64_t table_scan(struct table *t, uint64_t cursor, void (*visit)(void *arg, struct entry **at), void *arg);
/* Asks for the cache lines that a walk which is at `cursor` will read in the next few positions: called before each
 * table_scan of a walk that goes on and on. */
void table_scan_ask(const struct table *t, uint64_t cursor);
/* An entry, every one equally likely (nearly so in a table that became very sparse and has not shrunk yet),
 * or NULL when empty. */
struct entry **table_random(struct table *t, struct random *random);
/* The same in two steps, for those who can do something else in between: the first asks for the cache
 * lines that the draw of this seed (fresh from a generator, used once) will read; the second, perhaps
 * after changes of the table, draws. NULL: empty, or no luck; then table_random is to be asked. */
void table_draw_ask(const struct table *t, uint64_t seed);
struct entry **table_draw(struct table *t, uint64_t seed, struct random *random);
/* Up to `count` entries found from a random place on, quickly and not evenly: for eviction's samples. */
unsigned table_sample(struct table *t, struct random *random, struct entry **out, unsigned count);
/* Takes entries out of a table that nobody uses any more, handing each to `take`, until about `count` are
 * gone (whole buckets, so a few more) or as many buckets were looked at; frees the arrays as they become
 * empty. True while there is more. */
bool table_drain(struct table *t, unsigned count, void (*take)(void *arg, struct entry *e), void *arg);
/* Asserts every invariant; O(n), for tests. */
void table_check(const struct table *t);

/* Asks for the cache line where a key of this hash would be looked up. Needs no hold, unless the table is
 * private: it reads only the table's head, and arrays are freed through thread_retire. */
void table_prefetch(const struct table *t, uint64_t hash);
/* Asks for the entries whose fingerprint matches in that bucket (which is read, so it should have been asked
 * for a while ago). Needs no hold either; nothing is read through an entry. */
void table_prefetch_entry(const struct table *t, uint64_t hash);

#endif

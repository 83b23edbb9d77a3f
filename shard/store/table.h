/* table.h: the hash table of one slice's keys in one database.
 *
 * Buckets of one cache line: seven entry pointers, seven 1-byte fingerprints, a presence mask and a chain link. Two
 * arrays exist while the table grows or shrinks; buckets move a few at a time (table_step, and one step with every
 * insertion), so no call pays for a whole resize. SCAN's guarantee (an element present from start to end of a full
 * iteration is returned at least once) holds across resizes by the reverse-binary cursor.
 *
 * Hashes are XXH3 of the key under the process's random seed; bucket index and fingerprint use different bits of it, and
 * neither uses the slot. The table does not own what an entry points to: keyspace.h does.
 * Every call needs the slice's hold, except table_prefetch.
 */
#ifndef GYRE_STORE_TABLE_H
#define GYRE_STORE_TABLE_H

#include "shard/store/entry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bucket;
struct random;

struct table {
    _Atomic(struct bucket *) buckets[2]; /* the second only while rehashing */
    _Atomic uint8_t bits[2];             /* log2 of the number of buckets */
    int64_t rehash_at;                   /* next bucket of the first array to move; -1 when not rehashing */
    size_t used[2];
    size_t chained;                      /* child buckets allocated */
};

/* The seed of all tables' hashes; set once before threads start. */
void table_set_seed(uint64_t seed);
uint64_t table_hash(const void *key, size_t len);

/* A zeroed table is empty and valid; it allocates with the first insertion. */
void table_free(struct table *t); /* frees the arrays, not the entries */
static inline size_t table_count(const struct table *t) {
    return t->used[0] + t->used[1];
}
/* Bytes of the arrays and chained buckets. */
size_t table_bytes(const struct table *t);

/* Where the entry of this key stands, or NULL. Valid until the next call that inserts, removes or steps. */
struct entry **table_find(struct table *t, const void *key, size_t len, uint64_t hash);
/* The key must be absent. Returns where it stands. */
struct entry **table_insert(struct table *t, struct entry *e, uint64_t hash);
/* Takes out what stands at `at` (a result of table_find), without freeing it. */
void table_remove(struct table *t, struct entry **at, uint64_t hash);

/* Moves up to `buckets` buckets of an unfinished resize; begins a shrink where the table has become sparse. Returns true
 * while there is more to do. The owner calls it in its maintenance. */
bool table_step(struct table *t, unsigned buckets);
/* Room for `count` keys in one go (loading). */
void table_reserve(struct table *t, size_t count);

/* Visits every entry of one cursor position; returns the next cursor, 0 at the end. `visit` must not change the table. */
uint64_t table_scan(struct table *t, uint64_t cursor, void (*visit)(void *arg, struct entry **at), void *arg);
/* An entry, every one equally likely, or NULL when empty. */
struct entry **table_random(struct table *t, struct random *random);
/* Up to `count` entries found from a random place on, quickly and not evenly: for eviction's samples. */
unsigned table_sample(struct table *t, struct random *random, struct entry **out, unsigned count);

/* Asks for the cache line where a key of this hash would be looked up. Needs no hold: it reads only the table's head,
 * and arrays are freed through thread_retire. */
void table_prefetch(const struct table *t, uint64_t hash);
/* Asks for the entries whose fingerprint matches in that bucket. Needs no hold either; nothing is read through an entry. */
void table_prefetch_entry(const struct table *t, uint64_t hash);

#endif

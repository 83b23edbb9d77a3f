/* prefetch.h: asking for the cache lines of keys that will be looked up soon, before their slices are held.
 *
 * Reads only what is freed through thread_retire (a database's head and its bucket arrays), by atomic loads;
 * nothing is read through an entry.
 */
#ifndef GYRE_STORE_PREFETCH_H
#define GYRE_STORE_PREFETCH_H

#include "shard/store/slice.h"

/* First the bucket; once that has had time to come, the entries whose fingerprint matches. */
static inline void prefetch_bucket(const struct slice *s, unsigned database, uint64_t hash) {
    const struct keyspace *ks = slice_keyspace(s, database);
    if (ks) table_prefetch(&ks->table, hash);
}
static inline void prefetch_entry(const struct slice *s, unsigned database, uint64_t hash) {
    const struct keyspace *ks = slice_keyspace(s, database);
    if (ks) table_prefetch_entry(&ks->table, hash);
}

#endif

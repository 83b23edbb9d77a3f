/* evict.h: making room when memory is at its limit, by Redis's eight policies; and the access clocks they
 * read.
 *
 * A writer calls evict_make_room before it takes its own holds. It visits slices in turn (trying their holds,
 * skipping those that are busy), samples keys into a small pool per thread, and deletes the best candidate
 * until memory is below the limit or its bound of work is used up. Counters: slice_counters.evicted.
 */
#ifndef GYRE_STORE_EVICT_H
#define GYRE_STORE_EVICT_H

#include "shard/store/keyspace.h"
#include "shard/store/policy.h"

#include <stdbool.h>
#include <stdint.h>

/* True when a write may go on: there is no limit, memory is below it, or room was made. False: the OOM error.
 * The thread holds nothing. A replica does not ask: it keeps what its primary keeps. */
bool evict_make_room(struct visit *v);

/* The access field of a new entry, the field after an access, and what OBJECT IDLETIME and FREQ say. `now_ms`
 * may be the turn's cached time. LRU: the time of the last access in units of ACCESS_LRU_MS, modulo 2^32 (2.7
 * years); finer than Redis's seconds, because a busy cache turns over in seconds. LFU: Redis's (16 bits of
 * minutes << 8 | 8-bit logarithmic counter). */
enum { ACCESS_LRU_MS = 20, ACCESS_LFU_INITIAL = 5 };
static inline uint32_t access_lru_clock(int64_t now_ms) {
    return (uint32_t)((uint64_t)now_ms / ACCESS_LRU_MS);
}
uint32_t access_initial(const struct policy *p, int64_t now_ms);
uint32_t access_touched(const struct policy *p, uint32_t access, int64_t now_ms, struct random *random);
uint64_t access_idle_ms(uint32_t access, int64_t now_ms);
/* The field that an entry gets which has been idle for so long, or is used so often (RESTORE, loading a
 * file). */
uint32_t access_from_idle_ms(uint64_t idle_ms, int64_t now_ms);
uint32_t access_from_frequency(unsigned frequency, int64_t now_ms);
unsigned access_frequency(const struct policy *p, uint32_t access, int64_t now_ms);

#endif

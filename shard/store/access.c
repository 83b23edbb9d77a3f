/* access.c: the clock of last use that every entry carries, and LFU's counter: pure functions of evict.h.
 *
 * The counter is the one redis.conf describes: it grows by one with probability 1 / ((counter - 5) *
 * lfu-log-factor + 1), starts at 5 so that a new key is not the first to go, and loses one for every
 * lfu-decay-time minutes without access.
 */
#include "shard/base/random.h"
#include "shard/store/evict.h"

enum { LFU_COUNTER_MAX = 255, MS_PER_MINUTE = 60000 };

static uint32_t lfu_minutes(int64_t now_ms) {
    return (uint32_t)(now_ms / MS_PER_MINUTE) & 0xffff;
}

uint32_t access_initial(const struct policy *p, int64_t now_ms) {
    if (policy_is_lfu(p)) return lfu_minutes(now_ms) << 8 | ACCESS_LFU_INITIAL;
    return access_lru_clock(now_ms);
}

unsigned access_frequency(const struct policy *p, uint32_t access, int64_t now_ms) {
    unsigned counter = access & 0xff;
    if (p->lfu_decay_minutes == 0) return counter;
    uint32_t elapsed = (lfu_minutes(now_ms) - (access >> 8)) & 0xffff;
    uint32_t periods = elapsed / p->lfu_decay_minutes;
    return periods < counter ? counter - periods : 0;
}

uint32_t access_touched(const struct policy *p, uint32_t access, int64_t now_ms, struct random *random) {
    if (!policy_is_lfu(p)) return access_lru_clock(now_ms);
    unsigned counter = access_frequency(p, access, now_ms);
    if (counter < LFU_COUNTER_MAX) {
        unsigned above = counter > ACCESS_LFU_INITIAL ? counter - ACCESS_LFU_INITIAL : 0;
        if (random_unit(random) * ((double)above * p->lfu_log_factor + 1) < 1) counter++;
    }
    return lfu_minutes(now_ms) << 8 | counter;
}

uint64_t access_idle_ms(uint32_t access, int64_t now_ms) {
    /* A field from a moment ahead of the caller's cached time is not idle. */
    int32_t idle = (int32_t)(access_lru_clock(now_ms) - access);
    uint32_t units = idle < 0 && idle > -(60000 / ACCESS_LRU_MS) ? 0 : (uint32_t)idle;
    return (uint64_t)units * ACCESS_LRU_MS;
}

uint32_t access_from_idle_ms(uint64_t idle_ms, int64_t now_ms) {
    uint64_t units = idle_ms / ACCESS_LRU_MS;
    return access_lru_clock(now_ms) - (uint32_t)(units < UINT32_MAX / 2 ? units : UINT32_MAX / 2);
}

uint32_t access_from_frequency(unsigned frequency, int64_t now_ms) {
    return lfu_minutes(now_ms) << 8 | (frequency < LFU_COUNTER_MAX ? frequency : LFU_COUNTER_MAX);
}

/* evict.c: making room when memory is at its limit.
 *
 * Runs on the writer's thread while it holds nothing. Each round visits one slice drawn at random in
 * proportion to its keys, samples some keys of one of its databases and puts the best of them into the
 * thread's pool of candidates; then the best candidate of the pool is deleted, under the hold of its own
 * slice. A pool that outlives the call makes few samples as good as many: it remembers the best keys that
 * were met and not taken yet.
 *
 * A candidate is remembered by slice, database, hash and address. Nothing is read through the address: when
 * its turn comes, the table is asked whether that very entry still stands there, and its score is worked out
 * anew. A key that was used meanwhile is therefore spared, which is what makes this better than taking the
 * pool's word for it.
 *
 * Holds are only tried, one at a time, and each is kept for one sample or one deletion. The work is bounded
 * by time.
 */
#include "shard/store/evict.h"

#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"
#include "shard/store/keyspace_parts.h"
#include "shard/store/oplog.h"

enum {
    POOL_MAX = 32,
    SAMPLES_EACH =
        2, /* taken for each of maxmemory-samples: a bucket gives several keys for one cache line */
    SAMPLES_MAX = 128, /* more would not be better */
    SLICE_DRAWS = 16,  /* draws for a slice with its fair share of keys */
    EVICT_NS_MAX = 10000000,
    ROUNDS_PER_LOOK = 16, /* rounds between two looks at the clock */
};

struct candidate {
    uint64_t score; /* higher goes first */
    uint64_t hash;
    const struct entry *entry;
    uint16_t slice;
    unsigned database;
};

/* The best candidates seen by this thread, ascending by score. */
struct pool {
    struct candidate candidates[POOL_MAX];
    unsigned count;
    enum eviction eviction; /* what the scores mean */
    uint64_t fullest;       /* keys of the fullest slice met lately: see draw_slice */
};

static _Thread_local struct pool pool;

static bool eviction_is_volatile(enum eviction eviction) {
    return eviction >= EVICT_VOLATILE_LRU;
}

static bool eviction_is_random(enum eviction eviction) {
    return eviction == EVICT_ALL_RANDOM || eviction == EVICT_VOLATILE_RANDOM;
}

static uint64_t evictable_keys(const struct slice *s, enum eviction eviction) {
    return counter_get(eviction_is_volatile(eviction) ? &s->counters.expiring : &s->counters.keys);
}

static uint64_t entry_score(const struct policy *p, const struct entry *e, int64_t now_ms) {
    switch (p->eviction) {
    case EVICT_ALL_LRU:
    case EVICT_VOLATILE_LRU: return access_idle_ms(e->access, now_ms);
    case EVICT_ALL_LFU:
    case EVICT_VOLATILE_LFU: {
        /* Among equals, the one that was counted down longer ago. */
        uint64_t rarity = 255 - access_frequency(p, e->access, now_ms);
        uint64_t minutes = ((uint64_t)now_ms / 60000 - (e->access >> 8)) & 0xffff;
        return rarity << 16 | minutes;
    }
    case EVICT_VOLATILE_TTL: return INT64_MAX - (uint64_t)entry_when(e);
    case EVICT_NONE:
    case EVICT_ALL_RANDOM:
    case EVICT_VOLATILE_RANDOM: break;
    }
    return 0;
}

static void pool_remove(unsigned place) {
    ASSERT(place < pool.count);
    pool.count--;
    memmove(&pool.candidates[place], &pool.candidates[place + 1],
            (pool.count - place) * sizeof pool.candidates[0]);
}

static void pool_offer(const struct candidate *c) {
    for (unsigned i = 0; i < pool.count; i++)
        if (pool.candidates[i].entry == c->entry && pool.candidates[i].hash == c->hash) return;
    if (pool.count == POOL_MAX) {
        if (c->score <= pool.candidates[0].score) return;
        pool_remove(0);
    }
    unsigned place = pool.count;
    while (place > 0 && pool.candidates[place - 1].score > c->score) place--;
    memmove(&pool.candidates[place + 1], &pool.candidates[place],
            (pool.count - place) * sizeof pool.candidates[0]);
    pool.candidates[place] = *c;
    pool.count++;
}

/* The same by adding all slices up: exact, and finds the few keys of a nearly empty server. NULL when there
 * are none. */
static struct slice *draw_slice_by_sum(struct random *random, enum eviction eviction) {
    uint64_t total = 0, sum = 0;
    pool.fullest = 0;
    for (unsigned i = 0; i < slices.count; i++) {
        uint64_t keys = evictable_keys(&slices.all[i], eviction);
        total += keys;
        if (keys > pool.fullest) pool.fullest = keys;
    }
    if (total == 0) return NULL;
    uint64_t draw = random_below(random, total);
    struct slice *s = NULL;
    for (unsigned i = 0; i < slices.count && sum <= draw; i++) {
        uint64_t keys =
            evictable_keys(&slices.all[i], eviction); /* another thread may have changed it meanwhile */
        if (keys) s = &slices.all[i];
        sum += keys;
    }
    return s;
}

/* A slice, in proportion to the evictable keys that each has. A draw is accepted with the probability of the
 * slice's share of the fullest one met, so that usually nobody has to add all slices up. */
static struct slice *draw_slice(struct random *random, enum eviction eviction) {
    for (unsigned i = 0; i < SLICE_DRAWS && pool.fullest; i++) {
        struct slice *s = &slices.all[random_next(random) & (slices.count - 1)];
        uint64_t keys = evictable_keys(s, eviction);
        if (keys > pool.fullest) pool.fullest = keys;
        if (random_below(random, pool.fullest) < keys) return s;
    }
    return draw_slice_by_sum(random, eviction);
}

/* A database of the slice, in proportion to its evictable keys. */
static bool draw_database(const struct slice *s, struct random *random, bool is_volatile,
                          unsigned *database) {
    uint64_t total = counter_get(is_volatile ? &s->counters.expiring : &s->counters.keys);
    if (total == 0) return false;
    uint64_t draw = random_below(random, total);
    for (unsigned i = 0; i < slices.databases; i++) {
        uint64_t keys = is_volatile ? keyspace_expiring(s, i) : keyspace_count(s, i);
        *database = i;
        if (draw < keys) return true;
        draw -= keys;
    }
    return false;
}

static unsigned sample_keyspace(struct keyspace *ks, const struct policy *p, struct random *random,
                                struct entry **out) {
    unsigned count = p->maxmemory_samples;
    count = count < SAMPLES_MAX / SAMPLES_EACH ? count * SAMPLES_EACH : SAMPLES_MAX;
    if (eviction_is_random(p->eviction)) count = 1;
    if (!eviction_is_volatile(p->eviction)) {
        if (count > 1) return table_sample(&ks->table, random, out, count);
        struct entry **at = table_random(&ks->table, random);
        out[0] = at ? *at : NULL;
        return at ? 1 : 0;
    }
    for (unsigned i = 0; i < count; i++) {
        out[i] = p->eviction == EVICT_VOLATILE_TTL ? wheel_soonest(ks->wheel, random)
                                                   : wheel_random(ks->wheel, random);
        __builtin_prefetch(out[i]);
    }
    return count;
}

/* Samples one slice into the pool. False if it was busy or empty. */
static bool sample_slice(struct visit *v, struct slice *s, const struct policy *p) {
    struct thread *me = v->thread;
    if (!hold_try(&s->hold, me)) return false;
    unsigned database, found = 0;
    if (draw_database(s, &me->random, eviction_is_volatile(p->eviction), &database)) {
        struct entry *sampled[SAMPLES_MAX];
        found = sample_keyspace(slice_keyspace(s, database), p, &me->random, sampled);
        for (unsigned i = 0; i < found; i++) {
            struct candidate c = {
                .score = entry_score(p, sampled[i], me->turn_unix_ms),
                .hash = keyspace_entry_hash(sampled[i]),
                .entry = sampled[i],
                .slice = s->index,
                .database = database,
            };
            pool_offer(&c);
        }
    }
    hold_release(&s->hold, me);
    return found > 0;
}

/* Deletes the best candidate if it still is what it was. False if nothing was deleted; the candidate leaves
 * the pool in any case but one: when it is still there with a lower score, it is filed again under that. */
static bool evict_best(struct visit *v, const struct policy *p) {
    struct thread *me = v->thread;
    struct candidate c = pool.candidates[pool.count - 1];
    struct slice *s = &slices.all[c.slice];
    if (!hold_try(&s->hold, me)) {
        pool_remove(pool.count - 1);
        return false;
    }
    pool_remove(pool.count - 1);
    bool evicted = false;
    struct home home = home_of(s, c.database);
    struct entry **at = home.keyspace ? table_find_entry(&home.keyspace->table, c.entry, c.hash) : NULL;
    if (s->switches & (SWITCH_PAUSE_WRITES | SWITCH_PAUSE_ALL)) at = NULL; /* a pause has begun meanwhile */
    if (at && (entry_expires(*at) || !eviction_is_volatile(p->eviction))) {
        uint64_t score = entry_score(p, *at, me->turn_unix_ms);
        if (score >= c.score || pool.count == 0 || score >= pool.candidates[pool.count - 1].score) {
            keyspace_drop(v, home, at, c.hash, DROP_EVICTED);
            oplog_publish_in(me, s, true);
            evicted = true;
        } else {
            c.score = score;
            pool_offer(&c);
        }
    }
    hold_release(&s->hold, me);
    return evicted;
}

/* What is on its way out already does not ask for more keys: after a FLUSHALL there is room at once. */
static bool is_above_limit(const struct policy *p) {
    size_t used = mem_countable();
    if (!p->maxmemory_bytes || used <= p->maxmemory_bytes) return false;
    return used > p->maxmemory_bytes + grave_bytes() + keyspace_discarded_bytes();
}

bool evict_make_room(struct visit *v) {
    const struct policy *p = policy_get();
    if (LIKELY(!is_above_limit(p))) return true;
    if (p->eviction == EVICT_NONE) return false;
    ASSERT(v->thread->holds_held == 0);
    if (pool.eviction != p->eviction) {
        pool.count = 0;
        pool.fullest = 0;
        pool.eviction = p->eviction;
    }

    uint64_t begun = clock_ticks(), evicted = 0;
    for (unsigned round = 1; is_above_limit(p); round++) {
        struct slice *s = draw_slice(&v->thread->random, p->eviction);
        if (!s) return evicted > 0;
        sample_slice(v, s, p);
        if (pool.count && evict_best(v, p)) {
            evicted++;
            mem_publish();
        }
        if (round % ROUNDS_PER_LOOK == 0 && clock_ticks_to_ns(clock_ticks() - begun) > EVICT_NS_MAX) break;
    }
    return true;
}

/* wheel.c: the hierarchical timing wheel of wheel.h. Under the slice's hold, on whatever thread has it.
 *
 * Time is counted in ticks of WHEEL_TICK_MS. `tick` is the first one not yet dealt with; it lags behind the
 * clock while the wheel is not asked. An entry whose deadline falls into tick T is filed by the highest group
 * of six bits in which T and `tick` differ:
 *
 *     tick   ... 000101 000011 010000          level = the highest differing group (here 1),
 *     T      ... 000101 001001 111010          slot  = T's value of that group     (here 9)
 *
 * So all entries of level l agree with `tick` in the groups above l, and the entries of a level are later
 * than all of the levels below. Level 0 holds exactly one tick per slot. When `tick` comes to the start of a
 * higher slot, that slot's entries agree in group l as well: they are due to be spread, which is done before
 * `tick` moves on. Invariants:
 *
 * - a slot of level 0 that stands before `tick` in its round is empty, and so is a slot of a higher level at
 *   or before it, except the one at `tick` while it is being spread;
 * - a deadline that was already past when it was filed is filed at `tick`;
 * - what was put aside is in no slot: nothing of the above is true of it;
 * - occupied[l] has the bit of every slot of level l that is not empty.
 */
#include "shard/store/wheel.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/bag.h"

enum {
    LEVEL_BITS = 6,
    LEVEL_SLOTS = 1 << LEVEL_BITS,
    LEVELS = 6,                      /* reach 2^36 ticks: 34 years */
    SLOT_FAR = LEVELS * LEVEL_SLOTS, /* what is further away */
    SLOT_ASIDE,                      /* what is overdue, and stays */
    SOONEST_DRAWS = 5,
    SOONEST_ALL = 16, /* a bag of so few is looked through */
    AVERAGE_DRAWS = 16,
    SPREAD_AHEAD = 8, /* entries prefetched while spreading */
};

struct wheel {
    uint64_t tick;
    size_t count, set_here;
    uint64_t occupied[LEVELS];
    struct bag *levels[LEVELS]; /* LEVEL_SLOTS bags each, NULL until used */
    struct bag far, aside;
};

static uint64_t tick_of(int64_t when_ms) {
    return when_ms > 0 ? (uint64_t)when_ms / WHEEL_TICK_MS : 0;
}

static unsigned tick_group(uint64_t tick, unsigned level) {
    return (unsigned)(tick >> (LEVEL_BITS * level)) & (LEVEL_SLOTS - 1);
}

struct wheel *wheel_new(int64_t now_ms) {
    struct wheel *w = mem_zalloc(sizeof *w);
    w->tick = tick_of(now_ms);
    return w;
}

void wheel_free(struct wheel *w) {
    if (!w) return;
    while (wheel_discard(w, 1024)) continue;
}

bool wheel_discard(struct wheel *w, unsigned chunks) {
    for (unsigned level = 0; level < LEVELS; level++) {
        if (!w->levels[level]) continue;
        for (unsigned slot = 0; slot < LEVEL_SLOTS; slot++) {
            struct bag *b = &w->levels[level][slot];
            while (b->count) {
                if (chunks-- == 0) return true;
                bag_drop_chunk(b);
            }
        }
        mem_free(w->levels[level]);
        w->levels[level] = NULL;
    }
    while (w->far.count || w->aside.count) {
        if (chunks-- == 0) return true;
        bag_drop_chunk(w->far.count ? &w->far : &w->aside);
    }
    mem_free(w);
    return false;
}

size_t wheel_count(const struct wheel *w) {
    return w ? w->count : 0;
}

size_t wheel_bytes(const struct wheel *w) {
    if (!w) return 0;
    size_t bytes = sizeof *w + bag_bytes(&w->far) + bag_bytes(&w->aside);
    for (unsigned level = 0; level < LEVELS; level++) {
        if (!w->levels[level]) continue;
        bytes += LEVEL_SLOTS * sizeof(struct bag);
        for (unsigned slot = 0; slot < LEVEL_SLOTS; slot++) bytes += bag_bytes(&w->levels[level][slot]);
    }
    return bytes;
}

/* The slot that a tick belongs to now. */
static unsigned wheel_slot(const struct wheel *w, uint64_t tick) {
    if (tick <= w->tick) return tick_group(w->tick, 0);
    unsigned level = (63 - (unsigned)__builtin_clzll(tick ^ w->tick)) / LEVEL_BITS;
    return level < LEVELS ? level * LEVEL_SLOTS + tick_group(tick, level) : SLOT_FAR;
}

static struct bag *wheel_bag(const struct wheel *w, unsigned slot) {
    if (slot == SLOT_FAR) return (struct bag *)&w->far;
    if (slot == SLOT_ASIDE) return (struct bag *)&w->aside;
    ASSERT(slot < SLOT_FAR && w->levels[slot / LEVEL_SLOTS]);
    return &w->levels[slot / LEVEL_SLOTS][slot % LEVEL_SLOTS];
}

static void wheel_file(struct wheel *w, struct entry *e) {
    struct deadline *d = entry_deadline(e);
    unsigned slot = wheel_slot(w, tick_of(d->when_ms));
    if (slot != SLOT_FAR) {
        unsigned level = slot / LEVEL_SLOTS;
        if (!w->levels[level]) w->levels[level] = mem_zalloc(LEVEL_SLOTS * sizeof(struct bag));
        w->occupied[level] |= UINT64_C(1) << slot % LEVEL_SLOTS;
    }
    d->slot = (uint16_t)slot;
    d->place = bag_add(wheel_bag(w, slot), e);
}

static void wheel_unfile(struct wheel *w, struct entry *e) {
    const struct deadline *d = entry_deadline(e);
    unsigned slot = d->slot;
    struct bag *b = wheel_bag(w, slot);
    ASSERT(d->place < b->count && *bag_at(b, d->place) == e);
    struct entry *moved = bag_remove(b, d->place);
    if (moved) entry_deadline(moved)->place = d->place;
    if (b->count == 0 && slot < SLOT_FAR)
        w->occupied[slot / LEVEL_SLOTS] &= ~(UINT64_C(1) << slot % LEVEL_SLOTS);
}

void wheel_add(struct wheel *w, struct entry *e) {
    ASSERT(entry_expires(e));
    wheel_file(w, e);
    w->count++;
    w->set_here += entry_deadline(e)->set_here;
}

void wheel_remove(struct wheel *w, struct entry *e) {
    ASSERT(entry_expires(e) && w->count > 0);
    wheel_unfile(w, e);
    w->count--;
    w->set_here -= entry_deadline(e)->set_here;
}

void wheel_set_aside(struct wheel *w, struct entry *e) {
    struct deadline *d = entry_deadline(e);
    ASSERT(d->slot < SLOT_FAR);
    wheel_unfile(w, e);
    d->slot = SLOT_ASIDE;
    d->place = bag_add(&w->aside, e);
}

void wheel_take_back(struct wheel *w, unsigned *budget) {
    for (; w->aside.count && *budget; --*budget) {
        struct entry *e = *bag_at(&w->aside, w->aside.count - 1);
        wheel_unfile(w, e);
        wheel_file(w, e);
    }
}

size_t wheel_set_here(const struct wheel *w) {
    return w ? w->set_here : 0;
}

void wheel_moved(struct wheel *w, struct entry *e) {
    const struct deadline *d = entry_deadline(e);
    struct bag *b = wheel_bag(w, d->slot);
    ASSERT(entry_expires(e) && d->place < b->count);
    *bag_at(b, d->place) = e;
}

/* Empties a slot into the levels below it, as far as the budget goes; the last of the bag first, so nothing
 * in it moves. An entry on the way that is overdue by `target` is returned at once. */
static struct entry *wheel_spread(struct wheel *w, unsigned slot, uint64_t target, unsigned *budget) {
    struct bag *b = wheel_bag(w, slot);
    while (b->count && *budget) {
        (*budget)--;
        struct entry *e = *bag_at(b, b->count - 1);
        if (b->count > SPREAD_AHEAD) __builtin_prefetch(*bag_at(b, b->count - 1 - SPREAD_AHEAD));
        if (tick_of(entry_when(e)) < target) return e;
        wheel_unfile(w, e);
        wheel_file(w, e);
    }
    return NULL;
}

/* What is far is looked through once in 34 years: what has come near is filed, the rest stays where it is. */
static void wheel_spread_far(struct wheel *w) {
    for (uint32_t i = w->far.count; i-- > 0;) {
        struct entry *e = *bag_at(&w->far, i);
        if (wheel_slot(w, tick_of(entry_when(e))) == SLOT_FAR) continue;
        wheel_unfile(w, e);
        wheel_file(w, e);
    }
}

/* The first tick after `tick` at which there is something to do: the start of the nearest slot that is not
 * empty. */
static uint64_t wheel_next_tick(const struct wheel *w) {
    for (unsigned level = 0; level < LEVELS; level++) {
        unsigned group = tick_group(w->tick, level);
        uint64_t later = w->occupied[level] & ~(UINT64_MAX >> (LEVEL_SLOTS - 1 - group));
        if (!later) continue;
        unsigned shift = LEVEL_BITS * level;
        uint64_t above = w->tick >> shift >> LEVEL_BITS << LEVEL_BITS;
        return (above | (unsigned)__builtin_ctzll(later)) << shift;
    }
    if (w->far.count) return ((w->tick >> LEVELS * LEVEL_BITS) + 1) << LEVELS * LEVEL_BITS;
    return UINT64_MAX;
}

/* Moves `tick`, whose slots are empty, to the next tick with something to do, but not beyond the target. */
static void wheel_advance(struct wheel *w, uint64_t target) {
    uint64_t next = wheel_next_tick(w), before = w->tick;
    if (next < target && next >> LEVELS * LEVEL_BITS != before >> LEVELS * LEVEL_BITS) {
        /* Nothing but what was far is left. A clock that leaps over decades does so in one step: what the
         * leap passed is filed at the last tick before the target. */
        next = target - 1;
    }
    w->tick = next < target ? next : target;
    if (w->tick >> LEVELS * LEVEL_BITS != before >> LEVELS * LEVEL_BITS) wheel_spread_far(w);
}

struct entry *wheel_overdue(struct wheel *w, int64_t now_ms, unsigned *budget) {
    uint64_t target = tick_of(now_ms);
    while (*budget) {
        for (unsigned level = LEVELS - 1; level > 0; level--) {
            unsigned group = tick_group(w->tick, level);
            if (!(w->occupied[level] >> group & 1)) continue;
            struct entry *e = wheel_spread(w, level * LEVEL_SLOTS + group, target, budget);
            if (e || !*budget) return e;
        }
        if (w->tick >= target) return NULL;

        unsigned group = tick_group(w->tick, 0);
        if (w->occupied[0] >> group & 1) {
            (*budget)--;
            struct bag *b = wheel_bag(w, group);
            return *bag_at(b, b->count - 1);
        }
        wheel_advance(w, target);
    }
    return NULL;
}

int64_t wheel_next_due_ms(const struct wheel *w) {
    if (!w || w->count == w->aside.count) return INT64_MAX;
    for (unsigned level = LEVELS - 1; level > 0; level--)
        if (w->occupied[level] >> tick_group(w->tick, level) & 1) return (int64_t)(w->tick * WHEEL_TICK_MS);
    unsigned group = tick_group(w->tick, 0);
    uint64_t next = w->occupied[0] >> group & 1 ? w->tick : wheel_next_tick(w);
    if (next >= INT64_MAX / WHEEL_TICK_MS) return INT64_MAX;
    return (int64_t)((next + 1) * WHEEL_TICK_MS);
}

/* The bag of the nearest entries; there is one. */
static struct bag *wheel_nearest(const struct wheel *w) {
    if (w->aside.count) return (struct bag *)&w->aside;
    for (unsigned level = 0; level < LEVELS; level++)
        if (w->occupied[level]) return &w->levels[level][__builtin_ctzll(w->occupied[level])];
    ASSERT(w->far.count);
    return (struct bag *)&w->far;
}

struct entry *wheel_soonest(struct wheel *w, struct random *random) {
    if (!w || w->count == 0) return NULL;
    const struct bag *b = wheel_nearest(w);
    struct entry *best = NULL;
    bool all = b->count <= SOONEST_ALL;
    for (uint32_t i = 0; i < (all ? b->count : SOONEST_DRAWS); i++) {
        struct entry *e = *bag_at(b, all ? i : (uint32_t)random_below(random, b->count));
        if (!best || entry_when(e) < entry_when(best)) best = e;
    }
    return best;
}

struct entry *wheel_random(struct wheel *w, struct random *random) {
    if (!w || w->count == 0) return NULL;
    uint64_t draw = random_below(random, w->count);
    for (unsigned level = 0; level < LEVELS; level++) {
        for (uint64_t left = w->occupied[level]; left; left &= left - 1) {
            const struct bag *b = &w->levels[level][__builtin_ctzll(left)];
            if (draw < b->count) return *bag_at(b, (uint32_t)draw);
            draw -= b->count;
        }
    }
    if (draw < w->far.count) return *bag_at(&w->far, (uint32_t)draw);
    return *bag_at(&w->aside, (uint32_t)(draw - w->far.count));
}

int64_t wheel_average_ttl_ms(struct wheel *w, int64_t now_ms, struct random *random) {
    if (!w || w->count == 0) return 0;
    double sum = 0;
    for (unsigned i = 0; i < AVERAGE_DRAWS; i++) {
        int64_t when = entry_when(wheel_random(w, random));
        if (when > now_ms) sum += (double)(when - now_ms) / AVERAGE_DRAWS;
    }
    return sum < (double)INT64_MAX ? (int64_t)sum : INT64_MAX;
}

static size_t wheel_check_slot(const struct wheel *w, unsigned slot) {
    const struct bag *b = wheel_bag(w, slot);
    for (uint32_t i = 0; i < b->count; i++) {
        struct entry *e = *bag_at(b, i);
        ASSERT(entry_expires(e));
        ASSERT(entry_deadline(e)->slot == slot && entry_deadline(e)->place == i);
        unsigned level = slot / LEVEL_SLOTS, group = slot % LEVEL_SLOTS;
        if (slot == SLOT_ASIDE) continue;
        if (slot != SLOT_FAR && level > 0 && group == tick_group(w->tick, level)) continue; /* being spread */
        ASSERT(wheel_slot(w, tick_of(entry_when(e))) == slot);
    }
    return b->count;
}

void wheel_check(const struct wheel *w) {
    size_t count = wheel_check_slot(w, SLOT_FAR) + wheel_check_slot(w, SLOT_ASIDE);
    for (unsigned level = 0; level < LEVELS; level++) {
        ASSERT(w->levels[level] || w->occupied[level] == 0);
        for (unsigned slot = 0; slot < LEVEL_SLOTS && w->levels[level]; slot++) {
            size_t n = wheel_check_slot(w, level * LEVEL_SLOTS + slot);
            ASSERT((w->occupied[level] >> slot & 1) == (n > 0));
            ASSERT(n == 0 || slot >= tick_group(w->tick, level));
            count += n;
        }
    }
    ASSERT(count == w->count);
}

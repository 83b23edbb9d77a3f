/* table_scan.c: the walks over a table: SCAN, random and sampled entries, and the check of its invariants.
 *
 * The SCAN cursor counts with its bits reversed: from the highest bit of the index down. A bucket that is
 * split or merged between two calls thereby stands for a range of cursors that is either wholly behind the
 * cursor or wholly ahead of it, whatever the capacity was when the cursor was made. While the table is being
 * resized the walk counts in steps of the smaller capacity and visits both halves of a bucket that has been
 * split.
 *
 * Under the slice's hold.
 */
#include "shard/base/random.h"
#include "shard/store/bucket.h"

enum {
    SCAN_ENTRIES_AHEAD = 2, /* positions: a bucket's entries are asked for so long before they are read, */
    SCAN_BUCKETS_AHEAD = 3, /* and the bucket itself so much earlier */
    RANDOM_WIDTH = 24,      /* entries that one chain may have for table_random to be exactly fair */
    RANDOM_AHEAD = 8,       /* draws that are under way together */
    RANDOM_TRIES = 256,     /* of those, before it walks instead: a dozen are needed at the emptiest fill */
    SAMPLE_BUCKETS = 64,    /* buckets that table_sample looks at, at most, per entry wanted */
};

static uint64_t bits_reverse(uint64_t v) {
    v = __builtin_bswap64(v);
    v = (v >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (v & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    v = (v >> 2 & UINT64_C(0x3333333333333333)) | (v & UINT64_C(0x3333333333333333)) << 2;
    return (v >> 1 & UINT64_C(0x5555555555555555)) | (v & UINT64_C(0x5555555555555555)) << 1;
}

static uint64_t cursor_next(uint64_t cursor, uint64_t mask) {
    return bits_reverse(bits_reverse(cursor | ~mask) + 1);
}

static void chain_visit(struct bucket *b, void (*visit)(void *arg, struct entry **at), void *arg) {
    for (; b; b = bucket_child(b))
        for (unsigned places = (unsigned)bucket_head(b) & BUCKET_PRESENT; places; places &= places - 1)
            visit(arg, &b->entries[places_first(places)]);
}

void table_scan_ask(const struct table *t, uint64_t cursor) {
    struct directory *d = table_directory(t);
    if (!d) return;
    uint64_t live = table_live(t), mask = live == t->mask + 1 ? t->mask : t->mask >> 1;
    for (unsigned i = 0; i < SCAN_ENTRIES_AHEAD; i++) cursor = cursor_next(cursor, mask);
    /* This bucket was asked for some positions ago. */
    const struct bucket *b = directory_bucket(d, cursor & mask);
    for (unsigned places = (unsigned)bucket_head(b) & BUCKET_PRESENT; places; places &= places - 1) {
        const char *e = (const char *)b->entries[places_first(places)];
        __builtin_prefetch(e);
        __builtin_prefetch(e + sizeof *b);
    }
    for (unsigned i = 0; i < SCAN_BUCKETS_AHEAD; i++) cursor = cursor_next(cursor, mask);
    __builtin_prefetch(directory_bucket(d, cursor & mask));
}

uint64_t table_scan(struct table *t, uint64_t cursor, void (*visit)(void *arg, struct entry **at),
                    void *arg) {
    struct directory *d = table_directory(t);
    if (!d || t->used == 0) return 0;
    uint64_t live = table_live(t), capacity = t->mask + 1;
    uint64_t mask = live == capacity ? t->mask : t->mask >> 1;
    uint64_t index = cursor & mask;
    chain_visit(directory_bucket(d, index), visit, arg);
    if (live != capacity && index + mask + 1 < live)
        chain_visit(directory_bucket(d, index + mask + 1), visit, arg);
    return cursor_next(cursor, mask);
}

/* How many bits of a bucket's presence mask are set: without a call, which the general count is on older
 * processors. */
static inline unsigned places_count(unsigned places) {
    ASSERT(places < 256);
    return ((places * 0x08040201U >> 3 & 0x11111111U) * 0x11111111U) >> 28;
}

static unsigned chain_length(const struct bucket *b) {
    unsigned n = 0;
    for (; b; b = bucket_child(b)) n += places_count((unsigned)bucket_head(b) & BUCKET_PRESENT);
    return n;
}

static struct entry **chain_nth(struct bucket *b, unsigned n) {
    for (; b; b = bucket_child(b)) {
        unsigned places = (unsigned)bucket_head(b) & BUCKET_PRESENT;
        unsigned here = places_count(places);
        if (n < here) {
            for (; n > 0; n--) places &= places - 1;
            return &b->entries[places_first(places)];
        }
        n -= here;
    }
    return NULL;
}

/* The entry at one of RANDOM_WIDTH + 1 places of a chain, all taken to be there; NULL where there is none.
 * The last place stands for all entries beyond the width. */
static struct entry **chain_draw(struct bucket *b, unsigned place, struct random *random) {
    if (LIKELY(place < RANDOM_WIDTH)) return chain_nth(b, place);
    unsigned n = chain_length(b);
    if (LIKELY(n <= RANDOM_WIDTH)) return NULL;
    return chain_nth(b, RANDOM_WIDTH + (unsigned)random_below(random, n - RANDOM_WIDTH));
}

/* Draw i of a seed: a bucket, all equally likely, and a place in it. (splitmix64 and two products: the
 * high bits decide the bucket, the low ones the place.) */
static struct bucket *draw_place(const struct table *t, uint64_t seed, unsigned i, unsigned *place) {
    uint64_t x = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    *place = (unsigned)((x & UINT32_MAX) * (RANDOM_WIDTH + 1) >> 32);
    return directory_bucket(table_directory(t), (uint64_t)((__uint128_t)x * table_live(t) >> 64));
}

void table_draw_ask(const struct table *t, uint64_t seed) {
    unsigned place;
    if (t->used == 0) return;
    for (unsigned i = 0; i < RANDOM_AHEAD; i++) __builtin_prefetch(draw_place(t, seed, i, &place));
}

/* A place drawn evenly from buckets that are all taken to be equally wide: empty places are drawn again. */
struct entry **table_draw(struct table *t, uint64_t seed, struct random *random) {
    if (t->used == 0) return NULL;
    for (unsigned i = 0; i < RANDOM_AHEAD; i++) {
        unsigned place;
        struct bucket *b = draw_place(t, seed, i, &place);
        struct entry **at = chain_draw(b, place, random);
        if (at) return at;
    }
    return NULL;
}

struct entry **table_random(struct table *t, struct random *random) {
    if (t->used == 0) return NULL;
    for (unsigned i = 0; i < RANDOM_TRIES; i++) {
        uint64_t seed = random_next(random);
        table_draw_ask(t, seed);
        struct entry **at = table_draw(t, seed, random);
        if (at) return at;
    }
    struct directory *d = table_directory(t);
    uint64_t live = table_live(t), start = random_below(random, live);
    for (uint64_t i = 0; i < live; i++) {
        struct bucket *b = directory_bucket(d, (start + i) % live);
        unsigned n = chain_length(b);
        if (n) return chain_nth(b, (unsigned)random_below(random, n));
    }
    ASSERT(false);
    return NULL;
}

/* Up to `count` entries of one chain. The place in a bucket tells of its age, so of a chain with more than
 * that a run from a random place on is taken. */
static unsigned chain_sample(struct bucket *b, struct random *random, struct entry **out, unsigned count) {
    unsigned n = chain_length(b), from = 0, i = 0, found = 0;
    if (n > count) {
        from = (unsigned)random_below(random, n);
    } else {
        count = n;
    }
    for (; b; b = bucket_child(b)) {
        for (unsigned places = (unsigned)bucket_head(b) & BUCKET_PRESENT; places; places &= places - 1, i++) {
            if ((i + n - from) % n >= count) continue;
            out[found] = b->entries[places_first(places)];
            __builtin_prefetch(out[found]);
            found++;
        }
    }
    ASSERT(found == count);
    return found;
}

unsigned table_sample(struct table *t, struct random *random, struct entry **out, unsigned count) {
    if (t->used == 0) return 0;
    struct directory *d = table_directory(t);
    uint64_t live = table_live(t), at = random_below(random, live);
    unsigned found = 0;
    for (uint64_t i = 0; i < live && i < (uint64_t)SAMPLE_BUCKETS * count && found < count; i++) {
        found += chain_sample(directory_bucket(d, at), random, out + found, count - found);
        at = at + 1 == live ? 0 : at + 1;
    }
    return found;
}

void table_check(const struct table *t) {
    struct directory *d = table_directory(t);
    uint64_t live = table_live(t), capacity = t->mask + 1;
    if (!d) {
        ASSERT(t->used == 0 && live == 0 && t->children == 0 && t->resizing == 0);
        return;
    }
    ASSERT(d->mask == t->mask && (capacity & t->mask) == 0);
    ASSERT(live >= capacity / 2 && live <= capacity);
    ASSERT(t->resizing != 0 || live == capacity);
    size_t used = 0, children = 0;
    for (uint64_t i = 0; i < live; i++) {
        const struct bucket *first = directory_bucket(d, i);
        for (const struct bucket *b = first; b; b = bucket_child(b)) {
            uint64_t head = bucket_head(b);
            ASSERT((uintptr_t)b % sizeof *b == 0);
            ASSERT(!(head & BUCKET_CHAINED) || !(head >> BUCKET_PLACES & 1));
            if (b != first) {
                children++;
                ASSERT(head & BUCKET_PRESENT);
            }
            for (unsigned places = (unsigned)head & BUCKET_PRESENT; places; places &= places - 1) {
                unsigned place = places_first(places);
                size_t len;
                const char *key = entry_key(b->entries[place], &len);
                uint64_t hash = table_hash(key, len);
                ASSERT(table_index(hash, t->mask, live) == i);
                ASSERT(hash_tag(hash) == bucket_tag(head, place));
                used++;
            }
        }
    }
    ASSERT(used == t->used && children == t->children);
}

/* table.c: looking up, inserting and removing; the shape of a table is drawn in bucket.h.
 *
 * Everything here runs under the slice's hold, on whatever thread has it, except the two prefetches. A lookup
 * costs two cache lines (bucket and entry) after the table's head and the directory, which stay cached: a
 * directory is 8 bytes for every 64 KiB of buckets. Chains are short: at the fullest, a mean of six entries
 * in seven places, a quarter of the buckets have a child.
 *
 * table_remove moves nothing, so what earlier finds returned stays valid; insertion tidies the chain it
 * meets.
 */
#include "shard/store/table.h"

#include "shard/base/mem.h"
#include "shard/store/bucket.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t table_seed;

void table_set_seed(uint64_t seed) {
    table_seed = seed;
}

uint64_t table_hash(const void *key, size_t len) {
    return XXH3_64bits_withSeed(key, len, table_seed);
}

/* memcmp for the short strings that keys are, without its call. */
static inline bool bytes_equal(const char *a, const char *b, size_t n) {
    if (n >= 8) {
        if (n > 64) return memcmp(a, b, n) == 0;
        uint64_t x, y, difference = 0;
        for (size_t i = 0; i + 8 < n; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            difference |= x ^ y;
        }
        memcpy(&x, a + n - 8, 8);
        memcpy(&y, b + n - 8, 8);
        return (difference | (x ^ y)) == 0;
    }
    if (n >= 4) {
        uint32_t x, y, z, w;
        memcpy(&x, a, 4);
        memcpy(&y, b, 4);
        memcpy(&z, a + n - 4, 4);
        memcpy(&w, b + n - 4, 4);
        return ((x ^ y) | (z ^ w)) == 0;
    }
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i]) return false;
    return true;
}

static inline bool entry_has_key(const struct entry *e, const char *key, size_t len) {
    size_t own;
    const char *bytes = entry_key(e, &own);
    return own == len && bytes_equal(bytes, key, len);
}

static inline struct bucket *table_bucket(const struct table *t, uint64_t hash) {
    return directory_bucket(table_directory(t), table_index(hash, t->mask, table_live(t)));
}

struct entry **table_find(struct table *t, const void *key, size_t len, uint64_t hash) {
    if (UNLIKELY(t->used == 0)) return NULL;
    for (struct bucket *b = table_bucket(t, hash); b; b = bucket_child(b)) {
        unsigned hits = head_match(bucket_head(b), hash_tag(hash));
        for (; hits; hits &= hits - 1) {
            struct entry **at = &b->entries[places_first(hits)];
            if (LIKELY(entry_has_key(*at, key, len))) return at;
        }
    }
    return NULL;
}

struct entry **table_find_entry(struct table *t, const struct entry *e, uint64_t hash) {
    if (t->used == 0) return NULL;
    for (struct bucket *b = table_bucket(t, hash); b; b = bucket_child(b)) {
        unsigned hits = head_match(bucket_head(b), hash_tag(hash));
        for (; hits; hits &= hits - 1) {
            struct entry **at = &b->entries[places_first(hits)];
            if (*at == e) return at;
        }
    }
    return NULL;
}

struct entry **table_insert(struct table *t, struct entry *e, uint64_t hash) {
    table_before_insert(t);
    struct bucket *b = table_bucket(t, hash);
    t->used++;
    uint64_t head = bucket_head(b);
    unsigned free = head_free(head);
    if (LIKELY(free && !(head & BUCKET_CHAINED))) {
        unsigned place = places_first(free);
        bucket_put(b, place, e, hash_tag(hash));
        return &b->entries[place];
    }
    chain_compact(t, b);
    return chain_insert(t, b, e, hash_tag(hash));
}

/* Cuts the child off its parent; it is empty. */
static void bucket_unchain(struct table *t, struct bucket *parent, struct bucket *child) {
    ASSERT(child && bucket_child(parent) == child);
    ASSERT(!(bucket_head(child) & BUCKET_PRESENT));
    struct bucket *grandchild = bucket_child(child);
    if (grandchild) {
        bucket_set_entry(parent, BUCKET_PLACES - 1, (struct entry *)(void *)grandchild);
    } else {
        bucket_set_head(parent, bucket_head(parent) & ~(uint64_t)BUCKET_CHAINED);
    }
    t->children--;
    mem_free(child);
}

void table_remove(struct table *t, struct entry **at, uint64_t hash) {
    ASSERT(t->used > 0);
    /* Buckets are aligned to their size, so the place tells the bucket. */
    struct bucket *b = (struct bucket *)(void *)((uintptr_t)at & ~(uintptr_t)(sizeof *b - 1));
    unsigned place = (unsigned)(at - b->entries);
    uint64_t head = bucket_head(b);
    ASSERT(place < BUCKET_PLACES && (head >> place & 2));
    ASSERT(bucket_tag(head, place) == hash_tag(hash));
    bucket_take(b, place);
    t->used--;
    if (LIKELY(bucket_head(b) & BUCKET_PRESENT)) return;

    struct bucket *parent = table_bucket(t, hash);
    if (parent == b) return;
    while (bucket_child(parent) != b) {
        parent = bucket_child(parent);
        ASSERT(parent);
    }
    bucket_unchain(t, parent, b);
}

struct entry **chain_insert(struct table *t, struct bucket *b, struct entry *e, uint8_t tag) {
    for (;;) {
        uint64_t head = bucket_head(b);
        unsigned free = head_free(head);
        if (free) {
            unsigned place = places_first(free);
            bucket_put(b, place, e, tag);
            return &b->entries[place];
        }
        if (!(head & BUCKET_CHAINED)) {
            const unsigned last = BUCKET_PLACES - 1;
            struct bucket *child = mem_zalloc_aligned(sizeof *child, sizeof *child);
            bucket_put(child, 0, b->entries[last], bucket_tag(head, last));
            bucket_set_entry(b, last, (struct entry *)(void *)child);
            bucket_set_head(b, (head & ~(UINT64_C(2) << last)) | BUCKET_CHAINED);
            t->children++;
        }
        b = bucket_child(b);
    }
}

void chain_compact(struct table *t, struct bucket *b) {
    while (bucket_head(b) & BUCKET_CHAINED) {
        struct bucket *parent = b, *last = bucket_child(b);
        while (bucket_head(last) & BUCKET_CHAINED) {
            parent = last;
            last = bucket_child(last);
        }
        struct bucket *to = b;
        uint64_t head = bucket_head(last);
        for (unsigned left = (unsigned)head & BUCKET_PRESENT; left; left &= left - 1) {
            while (to != last && !head_free(bucket_head(to))) to = bucket_child(to);
            if (to == last) return;
            unsigned place = places_first(left);
            bucket_put(to, places_first(head_free(bucket_head(to))), last->entries[place],
                       bucket_tag(head, place));
            bucket_take(last, place);
        }
        bucket_unchain(t, parent, last);
    }
}

void chain_free_children(struct table *t, struct bucket *b) {
    struct bucket *child = bucket_child(b);
    while (child) {
        struct bucket *next = bucket_child(child);
        mem_free(child);
        t->children--;
        child = next;
    }
}

/* The first bucket of a hash as far as it can be told without the hold: NULL if there is none yet, and
 * perhaps the wrong one while the table is being resized. */
static inline const struct bucket *table_glimpse(const struct table *t, uint64_t hash) {
    const struct directory *d = atomic_load_explicit(&t->directory, memory_order_acquire);
    if (!d) return NULL;
    uint64_t index = table_index(hash, d->mask, table_live(t));
    const struct bucket *segment =
        atomic_load_explicit(&d->segments[index >> SEGMENT_BITS], memory_order_acquire);
    return segment ? segment + (index & (SEGMENT_BUCKETS - 1)) : NULL;
}

void table_prefetch(const struct table *t, uint64_t hash) {
    const struct bucket *b = table_glimpse(t, hash);
    if (b) __builtin_prefetch(b);
}

void table_prefetch_entry(const struct table *t, uint64_t hash) {
    const struct bucket *b = table_glimpse(t, hash);
    if (!b) return;
    uint64_t head = bucket_head(b);
    unsigned hits = head_match(head, hash_tag(hash));
    if (!hits && head & BUCKET_CHAINED) hits = 1u << BUCKET_PLACES; /* the child, for the lookup */
    for (; hits; hits &= hits - 1)
        __builtin_prefetch(__atomic_load_n(&b->entries[places_first(hits)], __ATOMIC_RELAXED));
}

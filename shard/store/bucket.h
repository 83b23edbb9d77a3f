/* bucket.h: the inside of a table, for table*.c only.
 *
 *   bucket: one cache line
 *   +------+-----+-----+-- -+-----+---------+---------+-- -+---------+
 *   | mask | tag | tag | .. | tag | entry 0 | entry 1 | .. | entry 6 |
 *   +------+-----+-----+-- -+-----+---------+---------+-- -+---------+
 *     mask: bit 0 says that place 6 holds a child bucket instead of an entry; bit 1+i that place i is taken
 *     tag:  the top byte of the hash of the entry at that place
 *
 * The bucket array is cut into segments of SEGMENT_BUCKETS, found through a directory. A table grows by
 * splitting one bucket after another (linear hashing), in the order of their index:
 *
 *   capacity 8 (mask 7), growing from 4, live 6:   0 1 2 3 | 4 5 . .
 *   buckets 0 and 1 are split into 0,4 and 1,5;  2 and 3 still hold what will belong to 6 and 7
 *
 * So a hash belongs to bucket (hash & mask), or, if that is not live yet, to (hash & mask / 2): always
 * exactly one place to look, the old half is not copied, and the memory of a growing table grows with it.
 * Shrinking merges the last live bucket into its lower half until the upper half is gone.
 *
 * Who may read what: the holder of the slice everything. Others (table_prefetch*) read `directory`, `live`,
 * the directory's segment pointers, and head and entries of first buckets, each by a relaxed or acquire
 * atomic load, and dereference neither entries nor children. That is why the holder writes these by atomic
 * stores, why directories and segments are freed through thread_retire, and why children need not be.
 */
#ifndef GYRE_STORE_BUCKET_H
#define GYRE_STORE_BUCKET_H

#include "shard/base/assert.h"
#include "shard/store/table.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    BUCKET_PLACES = 7,
    BUCKET_CHAINED = 1,
    BUCKET_PRESENT = 0xfe,
    SEGMENT_BITS = 10,
    SEGMENT_BUCKETS = 1 << SEGMENT_BITS,
    TABLE_BUCKETS_MIN = 4, /* a private table begins with one: there may be one for each key */
    TABLE_BUCKETS_LOG2_MAX = 40,
    FILL_MAX = 6,        /* mean entries per bucket that start growing */
    FILL_MIN_HALVES = 3, /* and shrinking: one and a half */
};

struct bucket {
    _Alignas(64) _Atomic uint64_t head;
    struct entry *entries[BUCKET_PLACES];
};
_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct directory {
    uint64_t mask; /* capacity in buckets - 1 */
    _Atomic(struct bucket *) segments[];
};

static inline uint64_t bucket_head(const struct bucket *b) {
    return atomic_load_explicit(&b->head, memory_order_relaxed);
}
static inline void bucket_set_head(struct bucket *b, uint64_t head) {
    atomic_store_explicit(&b->head, head, memory_order_relaxed);
}
static inline void bucket_set_entry(struct bucket *b, unsigned place, struct entry *e) {
    __atomic_store_n(&b->entries[place], e, __ATOMIC_RELAXED);
}
static inline struct bucket *bucket_child(const struct bucket *b) {
    if (!(bucket_head(b) & BUCKET_CHAINED)) return NULL;
    return (struct bucket *)(void *)b->entries[BUCKET_PLACES - 1];
}
static inline uint8_t bucket_tag(uint64_t head, unsigned place) {
    return (uint8_t)(head >> (8 * (place + 1)));
}
static inline uint8_t hash_tag(uint64_t hash) {
    return (uint8_t)(hash >> 56);
}

/* Bit 1+i is set for every taken place i that has this tag. */
static inline unsigned head_match(uint64_t head, uint8_t tag) {
    uint64_t wanted = tag * UINT64_C(0x0101010101010101);
#ifdef __SSE2__
    __m128i equal = _mm_cmpeq_epi8(_mm_cvtsi64_si128((long long)head), _mm_cvtsi64_si128((long long)wanted));
    unsigned hits = (unsigned)_mm_movemask_epi8(equal);
#else
    /* Exact zero bytes of the difference, one bit each, gathered into the top byte by a multiplication. */
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t difference = head ^ wanted;
    uint64_t zero = ~(((difference & low) + low) | difference | low);
    unsigned hits = (unsigned)(((zero >> 7) * UINT64_C(0x0102040810204080)) >> 56);
#endif
    return hits & (unsigned)head & BUCKET_PRESENT;
}
/* Bit 1+i for every place i that is free for an entry. */
static inline unsigned head_free(uint64_t head) {
    unsigned taken = (unsigned)head & BUCKET_PRESENT;
    if (head & BUCKET_CHAINED) taken |= 1u << BUCKET_PLACES;
    return ~taken & BUCKET_PRESENT;
}
/* The place of the lowest bit of such a set. */
static inline unsigned places_first(unsigned places) {
    return (unsigned)__builtin_ctz(places) - 1;
}

static inline void bucket_put(struct bucket *b, unsigned place, struct entry *e, uint8_t tag) {
    uint64_t head = bucket_head(b);
    unsigned shift = 8 * (place + 1);
    head = (head & ~(UINT64_C(0xff) << shift)) | ((uint64_t)tag << shift) | (UINT64_C(2) << place);
    bucket_set_entry(b, place, e);
    bucket_set_head(b, head);
}
static inline void bucket_take(struct bucket *b, unsigned place) {
    bucket_set_head(b, bucket_head(b) & ~(UINT64_C(2) << place));
}

static inline struct directory *table_directory(const struct table *t) {
    return atomic_load_explicit(&t->directory, memory_order_relaxed);
}
static inline uint64_t table_buckets_min(const struct table *t) {
    return t->private ? 1 : TABLE_BUCKETS_MIN;
}
static inline uint64_t table_live(const struct table *t) {
    return atomic_load_explicit(&t->live, memory_order_relaxed);
}
static inline struct bucket *directory_segment(const struct directory *d, uint64_t index) {
    return atomic_load_explicit(&d->segments[index >> SEGMENT_BITS], memory_order_relaxed);
}
static inline struct bucket *directory_bucket(const struct directory *d, uint64_t index) {
    return directory_segment(d, index) + (index & (SEGMENT_BUCKETS - 1));
}
static inline uint64_t table_index(uint64_t hash, uint64_t mask, uint64_t live) {
    uint64_t index = hash & mask;
    return index < live ? index : index & (mask >> 1);
}

/* The chain of buckets that starts at b: adds, keeps short. */
struct entry **chain_insert(struct table *t, struct bucket *b, struct entry *e, uint8_t tag);
/* Moves entries from its last buckets into free places before them and frees what becomes empty. */
void chain_compact(struct table *t, struct bucket *b);
/* Frees the children of b, without looking at their entries. */
void chain_free_children(struct table *t, struct bucket *b);

/* An empty table's first array. */
void table_begin(struct table *t, uint64_t buckets);
/* Starts growing where the table has become full, and moves a resize on by one bucket. */
void table_before_insert(struct table *t);

#endif

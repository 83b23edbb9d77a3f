/* table_resize.c: growing and shrinking, one bucket at a time: see the picture in bucket.h.
 *
 * Under the slice's hold, on whatever thread has it. The dearest single step allocates or frees one segment
 * (64 KiB) or, when the capacity doubles or halves, copies the directory (8 bytes per segment) or, in a small
 * table, its only segment.
 *
 * Splitting needs the hash of every key in the bucket, which lies in the entries: the entries of the bucket
 * after it are prefetched, so that the next step finds them near.
 */
#include "shard/base/mem.h"
#include "shard/rt/thread.h"
#include "shard/store/bucket.h"

static uint64_t segment_buckets(uint64_t capacity) {
    return capacity < SEGMENT_BUCKETS ? capacity : SEGMENT_BUCKETS;
}

static uint64_t directory_segments(uint64_t capacity) {
    return capacity < SEGMENT_BUCKETS ? 1 : capacity >> SEGMENT_BITS;
}

/* Whether a thread that begins a turn now can come upon the block. */
static bool reaches(const struct table *t, const void *block) {
    const struct directory *d = table_directory(t);
    if (d == block) return true;
    for (uint64_t i = 0; d && i < directory_segments(d->mask + 1); i++)
        if (directory_segment(d, i << SEGMENT_BITS) == block) return true;
    return false;
}

/* Frees what prefetching threads may still be reading, when each of them has begun another turn: so nothing
 * may lead to it any more already. On a thread that is not of the server's there are no others: that is
 * start-up and unit tests. */
static void retire(const struct table *t, void *block) {
    DASSERT(!reaches(t, block));
    struct thread *self = t->private ? NULL : thread_self();
    if (self) {
        thread_retire(self, block, mem_free);
    } else {
        mem_free(block);
    }
}

static struct bucket *segment_new(uint64_t buckets) {
    size_t bytes = buckets * sizeof(struct bucket);
    /* An allocator's blocks of this size are aligned as they are, while asking it for alignment may cost a
     * block of the next size class. */
    struct bucket *segment = mem_zalloc(bytes);
    if ((uintptr_t)segment % sizeof(struct bucket) == 0) return segment;
    mem_free(segment);
    return mem_zalloc_aligned(bytes, sizeof(struct bucket));
}

static struct directory *directory_new(uint64_t capacity) {
    ASSERT((capacity & (capacity - 1)) == 0);
    ASSERT(capacity <= UINT64_C(1) << TABLE_BUCKETS_LOG2_MAX);
    size_t segments = directory_segments(capacity);
    struct directory *d = mem_zalloc(sizeof *d + segments * sizeof d->segments[0]);
    d->mask = capacity - 1;
    return d;
}

/* Puts another directory in the old one's place. */
static void table_publish(struct table *t, struct directory *d) {
    struct directory *old = table_directory(t);
    t->mask = d->mask;
    atomic_store_explicit(&t->directory, d, memory_order_release);
    if (old) retire(t, old);
}

static void directory_set(struct directory *d, uint64_t segment, struct bucket *buckets) {
    atomic_store_explicit(&d->segments[segment], buckets, memory_order_release);
}

void table_begin(struct table *t, uint64_t buckets) {
    ASSERT(!table_directory(t) && t->used == 0);
    ASSERT(buckets >= table_buckets_min(t));
    struct directory *d = directory_new(buckets);
    for (uint64_t i = 0; i < directory_segments(buckets); i++)
        directory_set(d, i, segment_new(segment_buckets(buckets)));
    atomic_store_explicit(&t->live, buckets, memory_order_relaxed);
    t->resizing = 0;
    table_publish(t, d);
}

/* Gives the table a directory for another capacity; the live buckets stay, by address in segments of full
 * size. */
static void table_set_capacity(struct table *t, uint64_t capacity) {
    struct directory *old = table_directory(t), *d = directory_new(capacity);
    uint64_t live = table_live(t), old_capacity = t->mask + 1;
    struct bucket *replaced = NULL;
    ASSERT(live <= capacity && capacity >= table_buckets_min(t));
    if (segment_buckets(capacity) != segment_buckets(old_capacity)) {
        struct bucket *to = segment_new(segment_buckets(capacity));
        ASSERT(live <= SEGMENT_BUCKETS);
        replaced = directory_segment(old, 0);
        memcpy(to, replaced, live * sizeof *to);
        directory_set(d, 0, to);
    } else {
        uint64_t segments = (live + SEGMENT_BUCKETS - 1) >> SEGMENT_BITS;
        for (uint64_t i = 0; i < segments; i++)
            directory_set(d, i, directory_segment(old, i << SEGMENT_BITS));
    }
    table_publish(t, d);
    if (replaced) retire(t, replaced);
}

/* Asks for the entries of the bucket that the next step will work on. */
static void bucket_prefetch_entries(const struct directory *d, uint64_t index) {
    const struct bucket *b = directory_bucket(d, index);
    for (unsigned places = (unsigned)bucket_head(b) & BUCKET_PRESENT; places; places &= places - 1)
        __builtin_prefetch(b->entries[places_first(places)]);
    if (bucket_head(b) & BUCKET_CHAINED) __builtin_prefetch(bucket_child(b));
}

static uint64_t entry_hash(const struct entry *e) {
    size_t len;
    const char *key = entry_key(e, &len);
    return table_hash(key, len);
}

/* Splits the next bucket: what has the capacity's half in its hash moves to the new bucket, which becomes
 * live. */
static void table_split(struct table *t) {
    struct directory *d = table_directory(t);
    uint64_t live = table_live(t), half = (t->mask + 1) >> 1;
    ASSERT(t->resizing == 1 && live >= half && live <= t->mask);
    if (!directory_segment(d, live)) directory_set(d, live >> SEGMENT_BITS, segment_new(SEGMENT_BUCKETS));

    struct bucket *low = directory_bucket(d, live - half), *high = directory_bucket(d, live);
    DASSERT(bucket_head(high) == 0);
    for (struct bucket *b = low; b; b = bucket_child(b)) {
        uint64_t head = bucket_head(b);
        for (unsigned places = (unsigned)head & BUCKET_PRESENT; places; places &= places - 1) {
            unsigned place = places_first(places);
            if (!(entry_hash(b->entries[place]) & half)) continue;
            chain_insert(t, high, b->entries[place], bucket_tag(head, place));
            bucket_take(b, place);
        }
    }
    chain_compact(t, low);

    atomic_store_explicit(&t->live, live + 1, memory_order_relaxed);
    if (live == t->mask) {
        t->resizing = 0;
    } else {
        bucket_prefetch_entries(d, live + 1 - half);
    }
}

/* Merges the last live bucket into the one it was split from. */
static void table_merge(struct table *t) {
    struct directory *d = table_directory(t);
    uint64_t last = table_live(t) - 1, half = (t->mask + 1) >> 1;
    ASSERT(t->resizing == -1 && last >= half && last <= t->mask);

    struct bucket *high = directory_bucket(d, last), *low = directory_bucket(d, last - half);
    chain_compact(t, low);
    for (struct bucket *b = high; b; b = bucket_child(b)) {
        uint64_t head = bucket_head(b);
        for (unsigned places = (unsigned)head & BUCKET_PRESENT; places; places &= places - 1) {
            unsigned place = places_first(places);
            chain_insert(t, low, b->entries[place], bucket_tag(head, place));
        }
    }
    chain_free_children(t, high);
    bucket_set_head(high, 0);

    atomic_store_explicit(&t->live, last, memory_order_relaxed);
    if ((last & (SEGMENT_BUCKETS - 1)) == 0) {
        struct bucket *segment = directory_segment(d, last);
        directory_set(d, last >> SEGMENT_BITS, NULL);
        retire(t, segment);
    }
    if (last == half) {
        t->resizing = 0;
        table_set_capacity(t, half);
    }
}

void table_before_insert(struct table *t) {
    if (UNLIKELY(!table_directory(t))) table_begin(t, table_buckets_min(t));
    if (UNLIKELY(t->used >= FILL_MAX * table_live(t))) {
        if (t->resizing == 0) table_set_capacity(t, 2 * (t->mask + 1));
        t->resizing = 1;
    }
    if (UNLIKELY(t->resizing > 0)) table_split(t);
}

bool table_step(struct table *t, unsigned buckets) {
    if (!table_directory(t)) return false;
    for (unsigned i = 0; i < buckets; i++) {
        if (t->resizing == 0 && 2 * t->used < FILL_MIN_HALVES * table_live(t) &&
            t->mask + 1 > table_buckets_min(t))
            t->resizing = -1;
        if (t->resizing == 0) return false;
        if (t->resizing > 0) {
            table_split(t);
        } else {
            table_merge(t);
        }
    }
    return true;
}

void table_reserve(struct table *t, size_t count) {
    if (t->used) return;
    uint64_t buckets = table_buckets_min(t);
    while (buckets * FILL_MAX < count) buckets *= 2;
    if (table_directory(t)) {
        if (t->mask + 1 >= buckets) return;
        table_free(t);
    }
    table_begin(t, buckets);
}

void table_free(struct table *t) {
    struct directory *d = table_directory(t);
    if (!d) return;
    uint64_t live = table_live(t);
    for (uint64_t i = 0; t->children && i < live; i++) chain_free_children(t, directory_bucket(d, i));
    ASSERT(t->children == 0);
    atomic_store_explicit(&t->directory, NULL, memory_order_relaxed);
    atomic_store_explicit(&t->live, 0, memory_order_relaxed);
    for (uint64_t i = 0; i < directory_segments(t->mask + 1); i++) {
        struct bucket *segment = directory_segment(d, i << SEGMENT_BITS);
        if (segment) retire(t, segment);
    }
    t->mask = 0;
    t->used = 0;
    t->resizing = 0;
    retire(t, d);
}

bool table_drain(struct table *t, unsigned count, void (*take)(void *arg, struct entry *e), void *arg) {
    struct directory *d = table_directory(t);
    if (!d) return false;
    for (unsigned done = 0; done < count; done++) {
        uint64_t last = table_live(t) - 1;
        struct bucket *first = directory_bucket(d, last);
        for (struct bucket *b = first; b; b = bucket_child(b)) {
            for (unsigned places = (unsigned)bucket_head(b) & BUCKET_PRESENT; places; places &= places - 1) {
                take(arg, b->entries[places_first(places)]);
                t->used--;
                done++;
            }
        }
        if (last) bucket_prefetch_entries(d, last - 1);
        chain_free_children(t, first);
        bucket_set_head(first, 0);
        if (last == 0) {
            ASSERT(t->used == 0);
            table_free(t);
            return false;
        }
        atomic_store_explicit(&t->live, last, memory_order_relaxed);
        if ((last & (SEGMENT_BUCKETS - 1)) == 0) {
            struct bucket *segment = directory_segment(d, last);
            directory_set(d, last >> SEGMENT_BITS, NULL);
            retire(t, segment);
        }
    }
    return true;
}

size_t table_bytes(const struct table *t) {
    struct directory *d = table_directory(t);
    if (!d) return 0;
    uint64_t capacity = t->mask + 1;
    uint64_t segments = (table_live(t) + SEGMENT_BUCKETS - 1) >> SEGMENT_BITS;
    return sizeof *d + directory_segments(capacity) * sizeof d->segments[0] +
           segments * segment_buckets(capacity) * sizeof(struct bucket) + t->children * sizeof(struct bucket);
}

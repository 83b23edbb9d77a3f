/* zset_build.c: making a whole sorted set out of items in any order: see zset_build.h.
 *
 * The table of the builder is that of the large set it becomes; only the tree is missing until the end, when
 * it is filled in order, so its nodes are full.
 */
#include "shard/type/zset_build.h"

#include "shard/base/mem.h"
#include "shard/type/zset_parts.h"

#include <math.h>

struct zset_builder {
    zset_aggregate *aggregate;
    struct zset_large *set; /* without its tree */
    size_t longest;         /* member */
    size_t bytes;           /* of all members */
};

struct zset_builder *zset_builder_new_for(zset_aggregate *aggregate, size_t count) {
    struct zset_builder *b = mem_zalloc(sizeof *b);
    b->aggregate = aggregate;
    b->set = zset_large_new(count);
    return b;
}

struct zset_builder *zset_builder_new(zset_aggregate *aggregate) {
    return zset_builder_new_for(aggregate, 0);
}

void zset_builder_add(struct zset_builder *b, const char *member, size_t len, double score) {
    uint64_t hash = table_hash(member, len);
    struct entry **at = b->aggregate ? zset_large_find(b->set, member, len, hash) : NULL;
    ASSERT(!isnan(score));
    if (at) {
        zset_entry_set_score(*at, b->aggregate(zset_entry_score(*at), score));
        return;
    }
    zset_large_file(b->set, member, len, hash, score);
    if (len > b->longest) b->longest = len;
    b->bytes += len;
}

/* ---- putting in order ---- */

struct collected_item {
    double score;
    struct entry *entry;
};

struct collected {
    struct collected_item *items, *spare; /* room for all of them twice */
    size_t count;
};

static void collect(void *arg, struct entry **at) {
    struct collected *all = arg;
    all->items[all->count++] = (struct collected_item){zset_entry_score(*at), *at};
}

static bool is_before(const struct collected_item *a, const struct collected_item *b) {
    if (LIKELY(a->score != b->score)) return a->score < b->score;
    size_t alen, blen;
    const char *atext = entry_key(a->entry, &alen), *btext = entry_key(b->entry, &blen);
    return zset_compare_members(atext, alen, btext, blen) < 0;
}

/* Merges two runs that lie one behind the other, up to `middle` and `end`. */
static void merge(const struct collected_item *items, size_t middle, size_t end, struct collected_item *to) {
    size_t a = 0, b = middle;
    for (size_t i = 0; i < end; i++) {
        bool take_first = a < middle && (b == end || is_before(&items[a], &items[b]));
        to[i] = take_first ? items[a++] : items[b++];
    }
}

/* Runs of 1, 2, 4, ... items are merged: no recursion, and memory from where all memory comes from, which
 * qsort's is not. */
static void sort(struct collected *all) {
    size_t n = all->count;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t left = n - at, end = left < 2 * width ? left : 2 * width;
            merge(all->items + at, left < width ? left : width, end, all->spare + at);
        }
        struct collected_item *sorted = all->spare;
        all->spare = all->items;
        all->items = sorted;
    }
}

static struct packed *pack(const struct collected *all, size_t bytes) {
    struct packed *p = packed_new(OBJECT_PACKED, bytes + all->count * 4);
    for (size_t i = 0; i < all->count; i++) {
        size_t len;
        const char *member = entry_key(all->items[i].entry, &len);
        p = zset_small_insert(p, member, len, all->items[i].score);
    }
    return p;
}

struct zset *zset_builder_finish(struct zset_builder *b, struct zset_limits limits) {
    struct zset_large *z = b->set;
    size_t count = table_count(&z->table);
    struct collected_item *room = mem_alloc((count + 1) * 2 * sizeof *room);
    struct collected all = {.items = room, .spare = room + count};
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&z->table, cursor, collect, &all);
    } while (cursor);
    ASSERT(all.count == count);
    sort(&all);
    struct zset *result = NULL;
    bool small = all.count <= limits.entries_max && b->longest <= limits.value_max &&
                 b->bytes + all.count * 2 * TEXT_DOUBLE_MAX < PACKED_BYTES_MAX;
    if (all.count > 0 && small) {
        result = zset_of(pack(&all, b->bytes));
    } else if (all.count > 0) {
        for (size_t i = 0; i < all.count; i++)
            zset_tree_insert(&z->tree, all.items[i].score, all.items[i].entry);
        result = zset_of(z);
    }
    if (result != zset_of(z)) zset_free(zset_of(z));
    mem_free(room);
    mem_free(b);
    return result;
}

/* zset_build.c: making a whole sorted set out of items in any order: see zset_build.h.
 *
 * The table of the builder is that of the large set it becomes; only the tree is missing until the end, when
 * it is filled in order, so its nodes are full. Items are remembered as they come: what came in order, or in
 * the opposite one, as RDB files have it, need not be sorted.
 */
#include "shard/type/zset_build.h"

#include "shard/base/mem.h"
#include "shard/type/zset_parts.h"

#include <math.h>

struct collected_item {
    double score;
    struct entry *entry;
};

struct zset_builder {
    zset_aggregate *aggregate;
    struct zset_large *set; /* without its tree */
    size_t longest;         /* member */
    size_t bytes;           /* of all members */
    struct collected_item *items;
    size_t count, room;
    bool rising, falling; /* all items so far came in order, in the opposite order */
};

enum { ITEMS_FIRST = 64 };

struct zset_builder *zset_builder_new_for(zset_aggregate *aggregate, size_t count) {
    struct zset_builder *b = mem_zalloc(sizeof *b);
    b->aggregate = aggregate;
    b->set = zset_large_new(count);
    b->room = count > ITEMS_FIRST ? count : ITEMS_FIRST;
    b->items = mem_alloc(b->room * sizeof *b->items);
    b->rising = b->falling = true;
    return b;
}

struct zset_builder *zset_builder_new(zset_aggregate *aggregate) {
    return zset_builder_new_for(aggregate, 0);
}

static bool is_before(const struct collected_item *a, const struct collected_item *b) {
    if (LIKELY(a->score != b->score)) return a->score < b->score;
    size_t alen, blen;
    const char *atext = entry_key(a->entry, &alen), *btext = entry_key(b->entry, &blen);
    return zset_compare_members(atext, alen, btext, blen) < 0;
}

static void remember(struct zset_builder *b, struct entry *e, double score) {
    if (b->count == b->room) {
        b->room *= 2;
        b->items = mem_realloc(b->items, b->room * sizeof *b->items);
    }
    struct collected_item *item = &b->items[b->count++];
    *item = (struct collected_item){score, e};
    if (b->count == 1 || !(b->rising || b->falling)) return;
    bool rises = is_before(item - 1, item);
    b->rising = b->rising && rises;
    b->falling = b->falling && !rises;
}

void zset_builder_add(struct zset_builder *b, const char *member, size_t len, double score) {
    uint64_t hash = table_hash(member, len);
    struct entry **at = b->aggregate ? zset_large_find(b->set, member, len, hash) : NULL;
    ASSERT(!isnan(score));
    if (at) {
        zset_entry_set_score(*at, b->aggregate(zset_entry_score(*at), score));
        b->rising = b->falling = false;
        return;
    }
    remember(b, zset_large_file(b->set, member, len, hash, score), score);
    if (len > b->longest) b->longest = len;
    b->bytes += len;
}

/* ---- putting in order ---- */

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
static void sort(struct zset_builder *b) {
    size_t n = b->count;
    struct collected_item *spare = mem_alloc((n + 1) * sizeof *spare);
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t left = n - at, end = left < 2 * width ? left : 2 * width;
            merge(b->items + at, left < width ? left : width, end, spare + at);
        }
        struct collected_item *sorted = spare;
        spare = b->items;
        b->items = sorted;
    }
    mem_free(spare);
}

static void reverse(struct zset_builder *b) {
    for (size_t low = 0, high = b->count; low + 1 < high; low++) {
        struct collected_item item = b->items[low];
        b->items[low] = b->items[--high];
        b->items[high] = item;
    }
}

static void put_in_order(struct zset_builder *b) {
    if (b->rising) return;
    if (b->falling) {
        reverse(b);
        return;
    }
    /* An aggregate may have changed what was remembered. */
    for (size_t i = 0; i < b->count; i++) b->items[i].score = zset_entry_score(b->items[i].entry);
    sort(b);
}

static struct packed *pack(const struct zset_builder *b) {
    struct packed *p = packed_new(OBJECT_PACKED, b->bytes + b->count * 4);
    for (size_t i = 0; i < b->count; i++) {
        size_t len;
        const char *member = entry_key(b->items[i].entry, &len);
        p = zset_small_insert(p, member, len, b->items[i].score);
    }
    return p;
}

struct zset *zset_builder_finish(struct zset_builder *b, struct zset_limits limits) {
    struct zset_large *z = b->set;
    ASSERT(b->count == table_count(&z->table));
    put_in_order(b);
    struct zset *result = NULL;
    bool small = b->count <= limits.entries_max && b->longest <= limits.value_max &&
                 b->bytes + b->count * 2 * TEXT_DOUBLE_MAX < PACKED_BYTES_MAX;
    if (b->count > 0 && small) {
        result = zset_of(pack(b));
    } else if (b->count > 0) {
        for (size_t i = 0; i < b->count; i++)
            zset_tree_insert(&z->tree, b->items[i].score, b->items[i].entry);
        result = zset_of(z);
    }
    if (result != zset_of(z)) zset_free(zset_of(z));
    mem_free(b->items);
    mem_free(b);
    return result;
}

/* zset_build.c: making a whole sorted set out of items in any order: see zset_build.h.
 *
 * The table of the builder is that of the large set it becomes; only the tree is missing until the end, when
 * it is filled in order, so its nodes are full.
 */
#include "shard/type/zset_build.h"

#include "shard/base/mem.h"
#include "shard/type/zset_parts.h"

#include <math.h>
#include <stdlib.h>

struct zset_builder {
    zset_aggregate *aggregate;
    struct zset_large *set; /* without its tree */
    size_t longest;         /* member */
    size_t bytes;           /* of all members */
};

struct zset_builder *zset_builder_new(zset_aggregate *aggregate) {
    struct zset_builder *b = mem_zalloc(sizeof *b);
    b->aggregate = aggregate;
    b->set = zset_large_new(0);
    return b;
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

struct collected {
    struct entry **entries;
    size_t count;
};

static void collect(void *arg, struct entry **at) {
    struct collected *all = arg;
    all->entries[all->count++] = *at;
}

static int compare_entries(const void *a, const void *b) {
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    double xscore = zset_entry_score(x), yscore = zset_entry_score(y);
    if (xscore != yscore) return xscore < yscore ? -1 : 1;
    size_t xlen, ylen;
    const char *xtext = entry_key(x, &xlen), *ytext = entry_key(y, &ylen);
    return zset_compare_members(xtext, xlen, ytext, ylen);
}

static struct packed *pack(const struct collected *all, size_t bytes) {
    struct packed *p = packed_new(OBJECT_PACKED, bytes + all->count * 4);
    for (size_t i = 0; i < all->count; i++) {
        size_t len;
        const char *member = entry_key(all->entries[i], &len);
        p = zset_small_insert(p, member, len, zset_entry_score(all->entries[i]));
    }
    return p;
}

struct zset *zset_builder_finish(struct zset_builder *b, struct zset_limits limits) {
    struct zset_large *z = b->set;
    struct collected all = {.entries = mem_alloc((table_count(&z->table) + 1) * sizeof *all.entries)};
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&z->table, cursor, collect, &all);
    } while (cursor);
    ASSERT(all.count == table_count(&z->table));
    qsort(all.entries, all.count, sizeof *all.entries, compare_entries);
    struct zset *result = NULL;
    bool small = all.count <= limits.entries_max && b->longest <= limits.value_max &&
                 b->bytes + all.count * 2 * TEXT_DOUBLE_MAX < PACKED_BYTES_MAX;
    if (all.count > 0 && small) {
        result = zset_of(pack(&all, b->bytes));
    } else if (all.count > 0) {
        for (size_t i = 0; i < all.count; i++)
            zset_tree_insert(&z->tree, zset_entry_score(all.entries[i]), all.entries[i]);
        result = zset_of(z);
    }
    if (result != zset_of(z)) zset_free(zset_of(z));
    mem_free(all.entries);
    mem_free(b);
    return result;
}

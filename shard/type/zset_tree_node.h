/* zset_tree_node.h: the nodes of the tree of zset_tree.h: zset_tree.c and zset_tree_change.c
 * only.
 *
 * Both kinds begin with a count, then the scores and the entries (of a leaf its items, of an inner node the
 * first item of each child), so that one search serves both. A node fills its block of 1024 bytes.
 */
#ifndef GYRE_TYPE_ZSET_TREE_NODE_H
#define GYRE_TYPE_ZSET_TREE_NODE_H

#include "shard/base/assert.h"
#include "shard/type/zset_tree.h"

enum {
    LEAF_MAX = 62,
    INNER_MAX = 31,
    LEAF_SPARSE = LEAF_MAX / 4, /* below this a node looks for a neighbour to join */
    INNER_SPARSE = INNER_MAX / 4,
    LEAF_JOINED = LEAF_MAX * 3 / 4, /* the most that two may have to be joined */
    INNER_JOINED = INNER_MAX * 3 / 4,
    HEIGHT_MAX = 24,
};

struct zset_leaf {
    uint32_t count;
    uint32_t spare;
    struct zset_leaf *prev, *next;
    double scores[LEAF_MAX];
    struct entry *entries[LEAF_MAX];
};
_Static_assert(sizeof(struct zset_leaf) <= 1024, "a block of 1024 bytes");
_Static_assert((int)LEAF_MAX == (int)ZSET_TAKE_MAX, "a leaf's items fit the caller's array");

struct zset_inner {
    uint32_t count;
    uint32_t spare;
    double scores[INNER_MAX];
    struct entry *entries[INNER_MAX];
    void *children[INNER_MAX];
    uint64_t sizes[INNER_MAX];
};
_Static_assert(sizeof(struct zset_inner) <= 1024, "a block of 1024 bytes");

/* What is looked for: an item. The entry may be one that is not in the tree yet. */
struct zset_key {
    double score;
    const struct entry *entry;
    const char *member;
    size_t len;
};

/* The way from the root down to an item: at[i] is the child taken in node[i]. */
struct zset_path {
    struct zset_inner *node[HEIGHT_MAX];
    unsigned at[HEIGHT_MAX];
    struct zset_leaf *leaf;
    unsigned index;
};

static inline struct zset_key zset_key(double score, const struct entry *e) {
    struct zset_key key = {.score = score, .entry = e};
    key.member = entry_key(e, &key.len);
    return key;
}

/* Where the item is, or would be. */
void zset_path_find(const struct zset_tree *t, const struct zset_key *key, struct zset_path *path);
/* Where the item of that rank is. */
void zset_path_at(const struct zset_tree *t, size_t rank, struct zset_path *path);

#endif

/* zset_tree.c: finding in the tree of a sorted set, and walking: see zset_tree.h.
 *
 * Reads only; what changes a tree is in zset_tree_change.c. A descent takes, in every inner node, the last
 * child whose first item is not above what is looked for. Searches within a node are binary and without
 * branches on what they compare, since what they find is unpredictable.
 */
#include "shard/type/zset_tree.h"

#include "shard/type/zset_tree_node.h"

#include <string.h>

enum { WALK_AHEAD = 8 }; /* items between the one read and the one asked for */

int zset_compare_members(const char *a, size_t alen, const char *b, size_t blen) {
    int order = memcmp(a, b, alen < blen ? alen : blen);
    if (order) return order;
    return (alen > blen) - (alen < blen);
}

static int compare_member(const struct entry *e, const char *member, size_t len) {
    size_t own;
    const char *text = entry_key(e, &own);
    return zset_compare_members(text, own, member, len);
}

/* ---- within a node ---- */

/* How many of `n` scores in order are below `score`. */
static inline unsigned scores_below(const double *scores, unsigned n, double score) {
    const double *from = scores;
    while (n > 1) {
        unsigned half = n / 2;
        from = from[half - 1] < score ? from + half : from;
        n -= half;
    }
    return (unsigned)(from - scores) + (n == 1 && *from < score);
}

static inline unsigned scores_up_to(const double *scores, unsigned n, double score) {
    const double *from = scores;
    while (n > 1) {
        unsigned half = n / 2;
        from = from[half - 1] <= score ? from + half : from;
        n -= half;
    }
    return (unsigned)(from - scores) + (n == 1 && *from <= score);
}

static unsigned members_below(struct entry *const *entries, unsigned n, const char *member, size_t len,
                              bool inclusive) {
    unsigned from = 0;
    while (from < n) {
        unsigned middle = (from + n) / 2;
        int order = compare_member(entries[middle], member, len);
        if (order < 0 || (inclusive && order == 0))
            from = middle + 1;
        else
            n = middle;
    }
    return from;
}

/* How many of `n` items in order are below the key. */
static inline unsigned items_below(const double *scores, struct entry *const *entries, unsigned n,
                                   const struct zset_key *key) {
    unsigned from = scores_below(scores, n, key->score);
    if (LIKELY(from == n || scores[from] != key->score)) return from;
    unsigned same = scores_up_to(scores + from, n - from, key->score);
    return from + members_below(entries + from, same, key->member, key->len, false);
}

/* The last child whose first item is not above, where `not_above` of them are not. */
static inline unsigned child_of(unsigned not_above) {
    return not_above > 0 ? not_above - 1 : 0;
}

static inline size_t sizes_before(const struct zset_inner *n, unsigned i) {
    size_t sum = 0;
    for (unsigned child = 0; child < i; child++) sum += n->sizes[child];
    return sum;
}

/* ---- descents ---- */

/* The child of an inner node that the key belongs to. */
static inline unsigned child_for_key(const struct zset_inner *n, const struct zset_key *key) {
    unsigned at = items_below(n->scores, n->entries, n->count, key);
    bool is_first = at < n->count && n->entries[at] == key->entry;
    return child_of(at + is_first);
}

void zset_path_find(const struct zset_tree *t, const struct zset_key *key, struct zset_path *path) {
    void *node = t->root;
    ASSERT(node && t->height <= HEIGHT_MAX);
    for (unsigned level = 0; level < t->height; level++) {
        struct zset_inner *n = node;
        path->node[level] = n;
        path->at[level] = child_for_key(n, key);
        node = n->children[path->at[level]];
    }
    path->leaf = node;
    path->index = items_below(path->leaf->scores, path->leaf->entries, path->leaf->count, key);
}

void zset_path_at(const struct zset_tree *t, size_t rank, struct zset_path *path) {
    void *node = t->root;
    ASSERT(rank < t->count && t->height <= HEIGHT_MAX);
    for (unsigned level = 0; level < t->height; level++) {
        struct zset_inner *n = node;
        unsigned i = 0;
        for (; rank >= n->sizes[i]; i++) rank -= n->sizes[i];
        ASSERT(i < n->count);
        path->node[level] = n;
        path->at[level] = i;
        node = n->children[i];
    }
    path->leaf = node;
    path->index = (unsigned)rank;
    ASSERT(path->index < path->leaf->count);
}

size_t zset_tree_rank(const struct zset_tree *t, double score, const struct entry *e) {
    struct zset_key key = zset_key(score, e);
    struct zset_path path;
    zset_path_find(t, &key, &path);
    ASSERT(path.index < path.leaf->count && path.leaf->entries[path.index] == e);
    size_t rank = path.index;
    for (unsigned level = 0; level < t->height; level++)
        rank += sizes_before(path.node[level], path.at[level]);
    return rank;
}

size_t zset_tree_below_score(const struct zset_tree *t, double score, bool inclusive) {
    void *node = t->root;
    size_t rank = 0;
    if (!node) return 0;
    for (unsigned level = 0; level < t->height; level++) {
        struct zset_inner *n = node;
        unsigned i = child_of(inclusive ? scores_up_to(n->scores, n->count, score)
                                        : scores_below(n->scores, n->count, score));
        rank += sizes_before(n, i);
        node = n->children[i];
    }
    struct zset_leaf *leaf = node;
    return rank + (inclusive ? scores_up_to(leaf->scores, leaf->count, score)
                             : scores_below(leaf->scores, leaf->count, score));
}

size_t zset_tree_below_member(const struct zset_tree *t, const char *member, size_t len, bool inclusive) {
    void *node = t->root;
    size_t rank = 0;
    if (!node) return 0;
    for (unsigned level = 0; level < t->height; level++) {
        struct zset_inner *n = node;
        unsigned i = child_of(members_below(n->entries, n->count, member, len, inclusive));
        rank += sizes_before(n, i);
        node = n->children[i];
    }
    struct zset_leaf *leaf = node;
    return rank + members_below(leaf->entries, leaf->count, member, len, inclusive);
}

/* ---- places ---- */

struct zset_place zset_tree_at(const struct zset_tree *t, size_t rank) {
    struct zset_path path;
    if (rank >= t->count) return (struct zset_place){0};
    zset_path_at(t, rank, &path);
    unsigned from = path.index > WALK_AHEAD ? path.index - WALK_AHEAD : 0, to = path.index + WALK_AHEAD;
    for (unsigned i = from; i < to && i < path.leaf->count; i++) __builtin_prefetch(path.leaf->entries[i]);
    return (struct zset_place){path.leaf, path.index};
}

struct zset_place zset_tree_next(struct zset_place place) {
    ASSERT(place.leaf && place.index < place.leaf->count);
    struct zset_leaf *leaf = place.leaf;
    place.index++;
    if (place.index + WALK_AHEAD < leaf->count) {
        __builtin_prefetch(leaf->entries[place.index + WALK_AHEAD]);
    } else if (leaf->next && place.index + WALK_AHEAD - leaf->count < leaf->next->count) {
        __builtin_prefetch(leaf->next->entries[place.index + WALK_AHEAD - leaf->count]);
    }
    if (place.index == leaf->count) place = (struct zset_place){leaf->next, 0};
    return place;
}

struct zset_place zset_tree_prev(struct zset_place place) {
    ASSERT(place.leaf && place.index < place.leaf->count);
    if (place.index == 0) {
        struct zset_leaf *prev = place.leaf->prev;
        return (struct zset_place){prev, prev ? prev->count - 1 : 0};
    }
    place.index--;
    if (place.index >= WALK_AHEAD) __builtin_prefetch(place.leaf->entries[place.index - WALK_AHEAD]);
    return place;
}

struct entry *zset_tree_entry(struct zset_place place) {
    DASSERT(place.leaf && place.index < place.leaf->count);
    return place.leaf->entries[place.index];
}

double zset_tree_score(struct zset_place place) {
    DASSERT(place.leaf && place.index < place.leaf->count);
    return place.leaf->scores[place.index];
}

/* zset_tree.h: the order of a large sorted set: a counted B+-tree of scores and members.
 *
 *     leaf     scores[62] | entries[62]                     linked to its neighbours
 *     inner    scores[31] | entries[31] | children[31] | sizes[31]
 *
 * Items are ordered by score, then by the bytes of the member. An inner node knows of each child its first
 * item and how many items lie below it, so rank, item of a rank, and the bounds of a range are found in one
 * descent. Scores lie together, apart from what belongs to them: a search reads a few cache lines of
 * numbers, and looks at members (each an entry somewhere else) only among equal scores.
 *
 * Beside a skip list it takes 24 bytes an item instead of about 45, and a third of the cache misses. Nodes
 * that are filled from either end stay full. A node is joined with a neighbour when it has become sparse and
 * both fit well into one, so neither a queue nor a random load keeps the tree busy with splitting and
 * joining.
 *
 * The tree does not own the entries. It keeps a copy of each score: an entry's own may be changed before or
 * after its item is moved. Under the hold of the slice that the set belongs to, or by its only owner.
 */
#ifndef GYRE_TYPE_ZSET_TREE_H
#define GYRE_TYPE_ZSET_TREE_H

#include "shard/store/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zset_leaf;

/* A zeroed tree is empty and valid. */
struct zset_tree {
    void *root; /* a leaf when height is 0, else an inner node; NULL when empty */
    unsigned height;
    size_t count;
    size_t bytes; /* of all nodes, by mem_size */
};

/* Where an item stands; leaf is NULL past either end. Valid until the next change. */
struct zset_place {
    struct zset_leaf *leaf;
    unsigned index;
};

/* Orders members as the tree does: below, at or above 0. */
int zset_compare_members(const char *a, size_t alen, const char *b, size_t blen);

/* The item must be absent; its score is not NaN. */
void zset_tree_insert(struct zset_tree *t, double score, struct entry *e);
/* The item must be there, under that score. */
void zset_tree_remove(struct zset_tree *t, double score, const struct entry *e);
void zset_tree_move(struct zset_tree *t, double from, double to, struct entry *e);
/* Items before this one, which must be there. */
size_t zset_tree_rank(const struct zset_tree *t, double score, const struct entry *e);
/* Removes up to `max` items from `rank` (< count) on, as many as the leaf has that it stands in, and writes
 * them to out[ZSET_TAKE_MAX]. Returns how many, at least 1. */
enum { ZSET_TAKE_MAX = 62 };
unsigned zset_tree_take(struct zset_tree *t, size_t rank, size_t max, struct entry **out);

/* Items whose score is below `score`, or at most that. */
size_t zset_tree_below_score(const struct zset_tree *t, double score, bool inclusive);
/* The same of members. Means something only where all scores are the same. */
size_t zset_tree_below_member(const struct zset_tree *t, const char *member, size_t len, bool inclusive);

/* The item of a rank; past the end from count on. */
struct zset_place zset_tree_at(const struct zset_tree *t, size_t rank);
/* The neighbours; asks for the memory of members further on, so that a walk finds them there. */
struct zset_place zset_tree_next(struct zset_place place);
struct zset_place zset_tree_prev(struct zset_place place);
struct entry *zset_tree_entry(struct zset_place place);
double zset_tree_score(struct zset_place place);

/* Frees about `effort` nodes of a tree that nobody uses any more; true while there is more. */
bool zset_tree_drain(struct zset_tree *t, size_t effort);
/* Asserts every invariant; O(n), for tests. */
void zset_tree_check(const struct zset_tree *t);

#endif

/* zset_tree_change.c: inserting, removing and moving items in the tree of a sorted set: see zset_tree.h.
 *
 * A change is made in a leaf and then told to the inner nodes above it, from the lowest up: how many items
 * lie below, which is the first of them, and whether a child was added (split) or went away (joined, empty).
 *
 * A full node is split in the middle, but at the end where it is filled in order: then what lies behind the
 * end becomes a new node and the full one stays full.
 */
#include "shard/base/mem.h"
#include "shard/type/zset_tree_node.h"

#include <math.h>
#include <string.h>

/* ---- nodes ---- */

static void *node_new(struct zset_tree *t, size_t bytes) {
    void *node = mem_alloc(bytes);
    *(uint32_t *)node = 0;
    t->bytes += mem_size(node);
    return node;
}

static void node_free(struct zset_tree *t, void *node) {
    size_t bytes = mem_size(node);
    ASSERT(t->bytes >= bytes);
    t->bytes -= bytes;
    mem_free(node);
}

static uint32_t node_count(const void *node) {
    return *(const uint32_t *)node;
}

/* A leaf behind `before` (NULL: the first of all). */
static struct zset_leaf *leaf_new(struct zset_tree *t, struct zset_leaf *before) {
    struct zset_leaf *leaf = node_new(t, sizeof *leaf);
    leaf->prev = before;
    leaf->next = before ? before->next : NULL;
    if (before) before->next = leaf;
    if (leaf->next) leaf->next->prev = leaf;
    return leaf;
}

static void leaf_free(struct zset_tree *t, struct zset_leaf *leaf) {
    if (leaf->prev) leaf->prev->next = leaf->next;
    if (leaf->next) leaf->next->prev = leaf->prev;
    node_free(t, leaf);
}

#define MOVE(array, to, from, n) memmove((array) + (to), (array) + (from), (n) * sizeof *(array))
#define COPY(to, from, n) memcpy((to), (from), (n) * sizeof *(to))

static void leaf_open(struct zset_leaf *leaf, unsigned index, double score, struct entry *e) {
    ASSERT(leaf->count < LEAF_MAX && index <= leaf->count);
    MOVE(leaf->scores, index + 1, index, leaf->count - index);
    MOVE(leaf->entries, index + 1, index, leaf->count - index);
    leaf->scores[index] = score;
    leaf->entries[index] = e;
    leaf->count++;
}

static void leaf_close(struct zset_leaf *leaf, unsigned index, unsigned n) {
    ASSERT(index + n <= leaf->count);
    MOVE(leaf->scores, index, index + n, leaf->count - index - n);
    MOVE(leaf->entries, index, index + n, leaf->count - index - n);
    leaf->count -= n;
}

/* Items from `from` on go to the end of another leaf. */
static void leaf_pour(struct zset_leaf *leaf, unsigned from, struct zset_leaf *to) {
    unsigned n = leaf->count - from;
    ASSERT(to->count + n <= LEAF_MAX);
    COPY(to->scores + to->count, leaf->scores + from, n);
    COPY(to->entries + to->count, leaf->entries + from, n);
    to->count += n;
    leaf->count = from;
}

static void inner_pour(struct zset_inner *node, unsigned from, struct zset_inner *to) {
    unsigned n = node->count - from;
    ASSERT(to->count + n <= INNER_MAX);
    COPY(to->scores + to->count, node->scores + from, n);
    COPY(to->entries + to->count, node->entries + from, n);
    COPY(to->children + to->count, node->children + from, n);
    COPY(to->sizes + to->count, node->sizes + from, n);
    to->count += n;
    node->count = from;
}

static void inner_shift(struct zset_inner *node, unsigned to, unsigned from) {
    unsigned n = node->count - from;
    MOVE(node->scores, to, from, n);
    MOVE(node->entries, to, from, n);
    MOVE(node->children, to, from, n);
    MOVE(node->sizes, to, from, n);
}

static size_t inner_size(const struct zset_inner *node) {
    size_t sum = 0;
    for (unsigned i = 0; i < node->count; i++) sum += node->sizes[i];
    return sum;
}

/* What a node remembers of its child i, from the child. `is_leaf`: the child is one. */
static void inner_note_first(struct zset_inner *node, unsigned i, bool is_leaf) {
    if (is_leaf) {
        const struct zset_leaf *leaf = node->children[i];
        node->scores[i] = leaf->scores[0];
        node->entries[i] = leaf->entries[0];
    } else {
        const struct zset_inner *child = node->children[i];
        node->scores[i] = child->scores[0];
        node->entries[i] = child->entries[0];
    }
}

static void inner_note(struct zset_inner *node, unsigned i, bool is_leaf) {
    inner_note_first(node, i, is_leaf);
    node->sizes[i] = is_leaf ? node_count(node->children[i]) : inner_size(node->children[i]);
}

/* ---- inserting ---- */

/* Where a full node is split for something new at `index`. */
static unsigned split_at(unsigned index, unsigned count, bool at_front, bool at_back) {
    if (at_back && index == count) return count;
    if (at_front && index == 0) return 0;
    return count / 2;
}

/* Whether the new thing belongs to the right one of the two. */
static bool goes_right(unsigned index, unsigned at, unsigned count) {
    return index > at || at == count;
}

/* Which end of the tree an insertion is at: nodes there are filled in order. And what the children are of
 * the inner node that is looked at. */
struct edge {
    bool front, back;
    bool of_leaves;
};

/* Puts the item into the leaf; returns the new right half if it had to be split, otherwise NULL. */
static struct zset_leaf *leaf_insert(struct zset_tree *t, struct zset_path *path, double score,
                                     struct entry *e, struct edge edge) {
    struct zset_leaf *leaf = path->leaf;
    unsigned index = path->index, count = leaf->count;
    if (LIKELY(count < LEAF_MAX)) {
        leaf_open(leaf, index, score, e);
        return NULL;
    }
    unsigned at = split_at(index, count, edge.front, edge.back);
    struct zset_leaf *right = leaf_new(t, leaf);
    leaf_pour(leaf, at, right);
    if (goes_right(index, at, count))
        leaf_open(right, index - at, score, e);
    else
        leaf_open(leaf, index, score, e);
    return right;
}

static void inner_open(struct zset_inner *node, unsigned i, void *child, bool is_leaf) {
    ASSERT(node->count < INNER_MAX && i <= node->count);
    inner_shift(node, i + 1, i);
    node->count++;
    node->children[i] = child;
    inner_note(node, i, is_leaf);
}

/* Puts a child in; returns the new right half if the node had to be split, otherwise NULL. */
static struct zset_inner *inner_insert(struct zset_tree *t, struct zset_inner *node, unsigned i, void *child,
                                       struct edge edge) {
    unsigned count = node->count;
    if (LIKELY(count < INNER_MAX)) {
        inner_open(node, i, child, edge.of_leaves);
        return NULL;
    }
    /* The new child is never the first: it is the right half of one that is there. At the front it is the
     * second, and the first alone stays behind. */
    unsigned at = edge.front && i == 1 ? 1 : split_at(i, count, false, edge.back);
    struct zset_inner *right = node_new(t, sizeof *right);
    inner_pour(node, at, right);
    if (goes_right(i, at, count) || (edge.front && at == 1))
        inner_open(right, i - at, child, edge.of_leaves);
    else
        inner_open(node, i, child, edge.of_leaves);
    return right;
}

static void tree_grow(struct zset_tree *t, void *right) {
    bool of_leaves = t->height == 0;
    ASSERT(t->height < HEIGHT_MAX);
    struct zset_inner *root = node_new(t, sizeof *root);
    inner_open(root, 0, t->root, of_leaves);
    inner_open(root, 1, right, of_leaves);
    t->root = root;
    t->height++;
}

void zset_tree_insert(struct zset_tree *t, double score, struct entry *e) {
    struct zset_key key = zset_key(score, e);
    struct zset_path path;
    ASSERT(!isnan(score));
    if (!t->root) t->root = leaf_new(t, NULL);
    zset_path_find(t, &key, &path);
    struct edge edge = {.front = path.index == 0 && !path.leaf->prev,
                        .back = path.index == path.leaf->count && !path.leaf->next};
    void *right = leaf_insert(t, &path, score, e, edge);
    for (unsigned level = t->height; level-- > 0;) {
        struct zset_inner *node = path.node[level];
        unsigned i = path.at[level];
        bool of_leaves = level + 1 == t->height;
        if (LIKELY(!right)) {
            node->sizes[i]++;
            inner_note_first(node, i, of_leaves);
            continue;
        }
        inner_note(node, i, of_leaves);
        edge.of_leaves = of_leaves;
        right = inner_insert(t, node, i + 1, right, edge);
    }
    if (right) tree_grow(t, right);
    t->count++;
}

/* ---- removing ---- */

static void inner_drop(struct zset_inner *node, unsigned i) {
    inner_shift(node, i, i + 1);
    node->count--;
}

static void child_free(struct zset_tree *t, void *child, bool is_leaf) {
    if (is_leaf)
        leaf_free(t, child);
    else
        node_free(t, child);
}

/* Joins the children i and i + 1 if they fit well into one. */
static bool inner_join(struct zset_tree *t, struct zset_inner *node, unsigned i, bool is_leaf) {
    void *left = node->children[i], *right = node->children[i + 1];
    unsigned max = is_leaf ? LEAF_JOINED : INNER_JOINED;
    if (node_count(left) + node_count(right) > max) return false;
    if (is_leaf)
        leaf_pour(right, 0, left);
    else
        inner_pour(right, 0, left);
    node->sizes[i] += node->sizes[i + 1];
    inner_drop(node, i + 1);
    child_free(t, right, is_leaf);
    return true;
}

/* Child i has become smaller: frees it if it is empty, joins it with a neighbour if it is sparse. */
static void inner_tidy(struct zset_tree *t, struct zset_inner *node, unsigned i, bool is_leaf) {
    void *child = node->children[i];
    uint32_t count = node_count(child);
    if (LIKELY(count >= (is_leaf ? LEAF_SPARSE : INNER_SPARSE))) return;
    if (count == 0) {
        inner_drop(node, i);
        child_free(t, child, is_leaf);
        return;
    }
    if (i + 1 < node->count && inner_join(t, node, i, is_leaf)) return;
    if (i > 0) inner_join(t, node, i - 1, is_leaf);
}

/* A root with one child or none is none. */
static void tree_shrink(struct zset_tree *t) {
    while (t->height > 0 && node_count(t->root) <= 1) {
        struct zset_inner *root = t->root;
        t->root = root->count ? root->children[0] : NULL;
        t->height = root->count ? t->height - 1 : 0;
        node_free(t, root);
    }
    if (t->root && t->height == 0 && node_count(t->root) == 0) {
        leaf_free(t, t->root);
        t->root = NULL;
    }
}

/* Removes n items from where the path leads, all of one leaf. */
static void path_remove(struct zset_tree *t, struct zset_path *path, unsigned n) {
    leaf_close(path->leaf, path->index, n);
    for (unsigned level = t->height; level-- > 0;) {
        struct zset_inner *node = path->node[level];
        unsigned i = path->at[level];
        bool of_leaves = level + 1 == t->height;
        node->sizes[i] -= n;
        if (node_count(node->children[i]) > 0) inner_note_first(node, i, of_leaves);
        inner_tidy(t, node, i, of_leaves);
    }
    t->count -= n;
    tree_shrink(t);
}

void zset_tree_remove(struct zset_tree *t, double score, const struct entry *e) {
    struct zset_key key = zset_key(score, e);
    struct zset_path path;
    zset_path_find(t, &key, &path);
    ASSERT(path.index < path.leaf->count && path.leaf->entries[path.index] == e);
    path_remove(t, &path, 1);
}

unsigned zset_tree_take(struct zset_tree *t, size_t rank, size_t max, struct entry **out) {
    struct zset_path path;
    ASSERT(max > 0);
    zset_path_at(t, rank, &path);
    unsigned n = path.leaf->count - path.index;
    if (n > max) n = (unsigned)max;
    COPY(out, path.leaf->entries + path.index, n);
    path_remove(t, &path, n);
    return n;
}

/* ---- moving ---- */

/* Whether the item at the path may have this score where it stands, as far as its leaf can tell. Equal
 * scores would have members compared, which costs more than it saves. */
static bool fits_in_place(const struct zset_path *path, double score) {
    const struct zset_leaf *leaf = path->leaf;
    unsigned i = path->index;
    bool above = i > 0 ? leaf->scores[i - 1] < score : !leaf->prev;
    bool below = i + 1 < leaf->count ? score < leaf->scores[i + 1] : !leaf->next;
    return above && below;
}

void zset_tree_move(struct zset_tree *t, double from, double to, struct entry *e) {
    struct zset_key key = zset_key(from, e);
    struct zset_path path;
    ASSERT(!isnan(to));
    zset_path_find(t, &key, &path);
    ASSERT(path.index < path.leaf->count && path.leaf->entries[path.index] == e);
    if (!fits_in_place(&path, to)) {
        path_remove(t, &path, 1);
        zset_tree_insert(t, to, e);
        return;
    }
    path.leaf->scores[path.index] = to;
    bool is_first = path.index == 0;
    for (unsigned level = t->height; level-- > 0 && is_first;) {
        path.node[level]->scores[path.at[level]] = to;
        is_first = path.at[level] == 0;
    }
}

/* ---- freeing ---- */

/* Takes the last leaf off, with the inner nodes that have become empty by that. */
static void drain_leaf(struct zset_tree *t) {
    struct zset_inner *way[HEIGHT_MAX];
    void *node = t->root;
    for (unsigned level = 0; level < t->height; level++) {
        way[level] = node;
        node = way[level]->children[way[level]->count - 1];
    }
    node_free(t, node);
    unsigned level = t->height;
    while (level > 0 && --way[level - 1]->count == 0) node_free(t, way[--level]);
    if (level == 0) *t = (struct zset_tree){.bytes = t->bytes};
}

bool zset_tree_drain(struct zset_tree *t, size_t effort) {
    for (; t->root && effort > 0; effort--) drain_leaf(t);
    ASSERT(t->root || t->bytes == 0);
    return t->root != NULL;
}

/* ---- the check ---- */

struct check {
    const struct zset_leaf *last;
    const struct entry *entry;
    double score;
    size_t bytes;
};

static void check_leaf(const struct zset_leaf *leaf, struct check *check) {
    ASSERT(leaf->prev == check->last && (!check->last || check->last->next == leaf));
    check->last = leaf;
    for (unsigned i = 0; i < leaf->count; i++) {
        struct zset_key key = zset_key(leaf->scores[i], leaf->entries[i]);
        ASSERT(!isnan(key.score));
        if (check->entry) {
            struct zset_key before = zset_key(check->score, check->entry);
            ASSERT(before.score <= key.score);
            ASSERT(before.score < key.score ||
                   zset_compare_members(before.member, before.len, key.member, key.len) < 0);
        }
        check->score = key.score;
        check->entry = key.entry;
    }
}

static size_t check_node(const void *node, unsigned height, struct check *check) {
    ASSERT(node_count(node) > 0);
    check->bytes += mem_size(node);
    if (height == 0) {
        ASSERT(node_count(node) <= LEAF_MAX);
        check_leaf(node, check);
        return node_count(node);
    }
    const struct zset_inner *n = node;
    size_t sum = 0;
    ASSERT(n->count <= INNER_MAX);
    for (unsigned i = 0; i < n->count; i++) {
        struct zset_inner noted = *n;
        inner_note(&noted, i, height == 1);
        ASSERT(noted.scores[i] == n->scores[i] && noted.entries[i] == n->entries[i]);
        ASSERT(noted.sizes[i] == n->sizes[i]);
        size_t below = check_node(n->children[i], height - 1, check);
        ASSERT(below == n->sizes[i]);
        sum += below;
    }
    return sum;
}

void zset_tree_check(const struct zset_tree *t) {
    struct check check = {0};
    if (!t->root) {
        ASSERT(t->count == 0 && t->height == 0 && t->bytes == 0);
        return;
    }
    ASSERT(t->height == 0 || node_count(t->root) > 1);
    ASSERT(check_node(t->root, t->height, &check) == t->count);
    ASSERT(check.last && !check.last->next && check.bytes == t->bytes);
}

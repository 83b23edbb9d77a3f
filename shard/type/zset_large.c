/* zset_large.c: a sorted set of many members: a table of entries and a tree of their order: see zset.h.
 *
 * The table is the keyspace's own, with an entry for each member whose value word is the score. The tree
 * points at the same entries, which never move, so a change of score touches the entry and the tree and
 * leaves the table alone.
 */
#include "shard/base/mem.h"
#include "shard/type/zset_parts.h"

enum { STEPS_AFTER_REMOVAL = 2 };

static const struct entry_shape member_shape = {.encoding = ENC_INT};

struct zset_large *zset_large_new(size_t count) {
    struct zset_large *z = mem_zalloc(sizeof *z);
    z->encoding = OBJECT_TREE;
    z->bytes = mem_size(z);
    z->table.private = true;
    table_reserve(&z->table, count);
    return z;
}

struct entry **zset_large_find(struct zset_large *z, const char *member, size_t len, uint64_t hash) {
    return table_find(&z->table, member, len, hash);
}

struct entry *zset_large_file(struct zset_large *z, const char *member, size_t len, uint64_t hash,
                              double score) {
    struct entry *e = entry_new(&member_shape, member, len);
    zset_entry_set_score(e, score);
    z->bytes += mem_size(e);
    table_insert(&z->table, e, hash);
    return e;
}

void zset_large_insert(struct zset_large *z, const char *member, size_t len, uint64_t hash, double score) {
    zset_tree_insert(&z->tree, score, zset_large_file(z, member, len, hash, score));
}

void zset_large_move(struct zset_large *z, struct entry *e, double score) {
    zset_tree_move(&z->tree, zset_entry_score(e), score, e);
    zset_entry_set_score(e, score);
}

/* Takes what stands at `at`, which the tree has let go already, out of the table and frees it. */
static void forget(struct zset_large *z, struct entry **at, uint64_t hash) {
    struct entry *e = *at;
    size_t bytes = mem_size(e);
    ASSERT(z->bytes >= bytes);
    z->bytes -= bytes;
    table_remove(&z->table, at, hash);
    mem_free(e);
    table_step(&z->table, STEPS_AFTER_REMOVAL);
}

void zset_large_remove(struct zset_large *z, struct entry **at, uint64_t hash) {
    zset_tree_remove(&z->tree, zset_entry_score(*at), *at);
    forget(z, at, hash);
}

void zset_large_remove_span(struct zset_large *z, struct zset_span span) {
    struct entry *taken[ZSET_TAKE_MAX];
    ASSERT(span.from <= span.to && span.to <= z->tree.count);
    for (size_t left = span.to - span.from; left > 0;) {
        unsigned n = zset_tree_take(&z->tree, span.from, left, taken);
        for (unsigned i = 0; i < n; i++) __builtin_prefetch(taken[i]);
        for (unsigned i = 0; i < n; i++) {
            size_t len;
            const char *member = entry_key(taken[i], &len);
            uint64_t hash = table_hash(member, len);
            struct entry **at = table_find_entry(&z->table, taken[i], hash);
            ASSERT(at);
            forget(z, at, hash);
        }
        left -= n;
    }
}

struct zset_large *zset_large_from(const struct packed *p) {
    struct zset_large *z = zset_large_new(packed_count(p) / 2 + 1);
    for (unsigned char *at = packed_first(p); at; at = zset_small_next(p, at)) {
        struct zset_item item;
        zset_small_get(p, at, &item);
        zset_large_insert(z, item.member, item.len, table_hash(item.member, item.len), item.score);
    }
    return z;
}

/* Copies the items of ranks [from, to) into another set. */
static void copy_items(const struct zset_large *z, size_t from, size_t to, struct zset_large *into) {
    struct zset_place place = zset_tree_at(&z->tree, from);
    for (; from < to; from++, place = zset_tree_next(place)) {
        size_t len;
        ASSERT(place.leaf);
        const char *member = entry_key(zset_tree_entry(place), &len);
        zset_large_insert(into, member, len, table_hash(member, len), zset_tree_score(place));
    }
}

struct zset_large *zset_large_rest(const struct zset_large *z, struct zset_span span) {
    ASSERT(span.from <= span.to && span.to <= z->tree.count);
    struct zset_large *rest = zset_large_new(z->tree.count - (span.to - span.from));
    copy_items(z, 0, span.from, rest);
    copy_items(z, span.to, z->tree.count, rest);
    return rest;
}

struct zset_large *zset_large_copy(const struct zset_large *z) {
    return zset_large_rest(z, (struct zset_span){0});
}

/* ---- ranges ---- */

struct zset_span zset_large_by_score(const struct zset_large *z, const struct zset_score_range *range) {
    struct zset_span span;
    span.from = zset_tree_below_score(&z->tree, range->min, range->min_open);
    span.to = zset_tree_below_score(&z->tree, range->max, !range->max_open);
    if (span.to < span.from) span.to = span.from;
    return span;
}

/* Members below a bound, which itself counts as below where `inclusive` says so. */
static size_t below_bound(const struct zset_tree *t, const struct zset_lex_bound *bound, bool inclusive) {
    if (bound->kind == LEX_FIRST) return 0;
    if (bound->kind == LEX_LAST) return t->count;
    return zset_tree_below_member(t, bound->text, bound->len, inclusive);
}

struct zset_span zset_large_by_lex(const struct zset_large *z, const struct zset_lex_range *range) {
    struct zset_span span;
    span.from = below_bound(&z->tree, &range->min, range->min.kind == LEX_OPEN);
    span.to = below_bound(&z->tree, &range->max, range->max.kind == LEX_CLOSED);
    if (span.to < span.from) span.to = span.from;
    return span;
}

/* ---- freeing ---- */

static void free_entry(void *arg, struct entry *e) {
    (void)arg;
    mem_free(e);
}

bool zset_large_free_some(struct zset_large *z, size_t effort) {
    if (zset_tree_drain(&z->tree, effort)) return true;
    unsigned count = effort < UINT32_MAX ? (unsigned)effort : UINT32_MAX;
    if (table_drain(&z->table, count, free_entry, NULL)) return true;
    mem_free(z);
    return false;
}

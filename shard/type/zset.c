/* zset.c: what can be done with a sorted set, in whichever of its two forms it is: see zset.h. */
#include "shard/type/zset.h"

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/store/value_methods.h"
#include "shard/type/choice.h"
#include "shard/type/zset_parts.h"

#include <math.h>

enum {
    REST_FROM = 1024, /* fewer items are removed one by one */
    REST_SHARE = 2,   /* removing an item costs two to three times what copying one does */
};

/* ---- adding and updating ---- */

bool zset_put_decides(struct zset_put *put, double present) {
    double score = put->flags & ZSET_INCR ? present + put->score : put->score;
    put->outcome = ZSET_REFUSED;
    if (put->flags & ZSET_NX) return false;
    if (isnan(score)) {
        put->outcome = ZSET_NAN;
        return false;
    }
    if ((put->flags & ZSET_GT) && score <= present) return false;
    if ((put->flags & ZSET_LT) && score >= present) return false;
    put->score = score;
    put->outcome = score == present ? ZSET_SAME : ZSET_UPDATED;
    return put->outcome == ZSET_UPDATED;
}

static struct zset *put_into_large(struct zset_large *z, struct zset_put *put) {
    uint64_t hash = table_hash(put->member, put->len);
    struct entry **at = zset_large_find(z, put->member, put->len, hash);
    if (at) {
        if (zset_put_decides(put, zset_entry_score(*at))) zset_large_move(z, *at, put->score);
        return zset_of(z);
    }
    put->outcome = put->flags & ZSET_XX ? ZSET_REFUSED : ZSET_ADDED;
    if (put->outcome == ZSET_ADDED) zset_large_insert(z, put->member, put->len, hash, put->score);
    return zset_of(z);
}

static bool fits_small(const struct packed *p, const struct zset_put *put) {
    return packed_count(p) / 2 < put->limits.entries_max && put->len <= put->limits.value_max &&
           packed_has_room(p, put->len + TEXT_DOUBLE_MAX + TEXT_DOUBLE_MAX);
}

static struct zset *put_into_small(struct packed *p, struct zset_put *put) {
    size_t rank;
    unsigned char *at = zset_small_find(p, put->member, put->len, &rank);
    if (at) {
        if (zset_put_decides(put, zset_small_score(p, at)))
            p = zset_small_move(p, at, put->member, put->len, put->score);
        return zset_of(p);
    }
    put->outcome = put->flags & ZSET_XX ? ZSET_REFUSED : ZSET_ADDED;
    if (put->outcome == ZSET_REFUSED) return zset_of(p);
    if (LIKELY(fits_small(p, put))) return zset_of(zset_small_insert(p, put->member, put->len, put->score));
    struct zset_large *z = zset_large_from(p);
    packed_free(p);
    return put_into_large(z, put);
}

struct zset *zset_put(struct zset *z, struct zset_put *put) {
    ASSERT(!isnan(put->score));
    if (UNLIKELY(!z)) {
        put->outcome = ZSET_REFUSED;
        if (put->flags & ZSET_XX) return NULL;
        bool small = put->limits.entries_max > 0 && put->len <= put->limits.value_max;
        z = small ? zset_of(packed_new(OBJECT_PACKED, put->len + TEXT_I64_MAX)) : zset_of(zset_large_new(1));
    }
    return zset_is_small(z) ? put_into_small(zset_small(z), put) : put_into_large(zset_large(z), put);
}

/* ---- removing ---- */

struct zset *zset_remove(struct zset *z, const char *member, size_t len, bool *removed) {
    if (zset_is_small(z)) {
        size_t rank;
        unsigned char *at = zset_small_find(zset_small(z), member, len, &rank);
        *removed = at != NULL;
        return at ? zset_of(zset_small_remove(zset_small(z), at, 1)) : z;
    }
    uint64_t hash = table_hash(member, len);
    struct entry **at = zset_large_find(zset_large(z), member, len, hash);
    *removed = at != NULL;
    if (at) zset_large_remove(zset_large(z), at, hash);
    return z;
}

struct zset *zset_remove_span(struct zset *z, struct zset_span span) {
    ASSERT(span.from <= span.to && span.to <= zset_count(z));
    if (span.from == span.to) return z;
    if (zset_is_small(z)) {
        struct packed *p = zset_small(z);
        return zset_of(zset_small_remove(p, zset_small_at(p, span.from), span.to - span.from));
    }
    zset_large_remove_span(zset_large(z), span);
    return z;
}

bool zset_rest_is_less(const struct zset *z, struct zset_span span) {
    size_t removed = span.to - span.from;
    return !zset_is_small(z) && removed >= REST_FROM && zset_count(z) - removed <= removed * REST_SHARE;
}

struct zset *zset_rest(const struct zset *z, struct zset_span span) {
    ASSERT(!zset_is_small(z));
    return zset_of(zset_large_rest(zset_large(z), span));
}

/* ---- asking ---- */

bool zset_score(const struct zset *z, const char *member, size_t len, double *score) {
    if (zset_is_small(z)) {
        size_t rank;
        unsigned char *at = zset_small_find(zset_small(z), member, len, &rank);
        if (at) *score = zset_small_score(zset_small(z), at);
        return at != NULL;
    }
    struct entry **at = zset_large_find(zset_large(z), member, len, table_hash(member, len));
    if (at) *score = zset_entry_score(*at);
    return at != NULL;
}

bool zset_rank(const struct zset *z, const char *member, size_t len, size_t *rank, double *score) {
    if (zset_is_small(z)) {
        unsigned char *at = zset_small_find(zset_small(z), member, len, rank);
        if (at) *score = zset_small_score(zset_small(z), at);
        return at != NULL;
    }
    struct entry **at = zset_large_find(zset_large(z), member, len, table_hash(member, len));
    if (!at) return false;
    *score = zset_entry_score(*at);
    *rank = zset_tree_rank(&zset_large(z)->tree, *score, *at);
    return true;
}

size_t zset_count(const struct zset *z) {
    return zset_is_small(z) ? packed_count(zset_small(z)) / 2 : zset_large(z)->tree.count;
}

struct zset_span zset_span_by_score(const struct zset *z, const struct zset_score_range *range) {
    bool empty =
        range->min > range->max || (range->min == range->max && (range->min_open || range->max_open));
    if (empty) return (struct zset_span){0};
    return zset_is_small(z) ? zset_small_by_score(zset_small(z), range)
                            : zset_large_by_score(zset_large(z), range);
}

struct zset_span zset_span_by_lex(const struct zset *z, const struct zset_lex_range *range, bool reverse) {
    return zset_is_small(z) ? zset_small_by_lex(zset_small(z), range, reverse)
                            : zset_large_by_lex(zset_large(z), range);
}

/* ---- walks ---- */

struct zset_cursor zset_cursor_at(const struct zset *z, size_t rank) {
    struct zset_cursor cursor = {.set = z};
    if (zset_is_small(z))
        cursor.at = zset_small_at(zset_small(z), rank);
    else
        cursor.place = zset_tree_at(&zset_large(z)->tree, rank);
    return cursor;
}

static void item_from_place(struct zset_place place, struct zset_item *item) {
    item->member = entry_key(zset_tree_entry(place), &item->len);
    item->score = zset_tree_score(place);
}

bool zset_cursor_get(const struct zset_cursor *cursor, struct zset_item *item) {
    if (cursor->at)
        zset_small_get(zset_small(cursor->set), cursor->at, item);
    else if (cursor->place.leaf)
        item_from_place(cursor->place, item);
    else
        return false;
    return true;
}

void zset_cursor_next(struct zset_cursor *cursor) {
    if (cursor->at)
        cursor->at = zset_small_next(zset_small(cursor->set), cursor->at);
    else
        cursor->place = zset_tree_next(cursor->place);
}

void zset_cursor_prev(struct zset_cursor *cursor) {
    if (cursor->at)
        cursor->at = zset_small_prev(zset_small(cursor->set), cursor->at);
    else
        cursor->place = zset_tree_prev(cursor->place);
}

size_t zset_score_text(const struct zset *z, char *text, double score) {
    return zset_is_small(z) ? zset_small_score_text(text, score)
                            : text_from_double(text, TEXT_DOUBLE_MAX, score);
}

struct scan {
    zset_visit *visit;
    void *arg;
};

static void scan_entry(void *arg, struct entry **at) {
    struct scan *scan = arg;
    struct zset_item item;
    item.member = entry_key(*at, &item.len);
    item.score = zset_entry_score(*at);
    scan->visit(scan->arg, &item);
}

uint64_t zset_scan(const struct zset *z, uint64_t cursor, zset_visit *visit, void *arg) {
    if (!zset_is_small(z)) {
        struct scan scan = {visit, arg};
        return table_scan(&zset_large(z)->table, cursor, scan_entry, &scan);
    }
    struct packed *p = zset_small(z);
    for (unsigned char *at = packed_first(p); at; at = zset_small_next(p, at)) {
        struct zset_item item;
        zset_small_get(p, at, &item);
        visit(arg, &item);
    }
    return 0;
}

/* ---- by chance ---- */

static void sample_few(const struct zset *z, struct random *random, size_t count, zset_visit *visit,
                       void *arg) {
    struct drawn drawn = drawn_new(count);
    while (count > 0) {
        struct zset_item item;
        size_t rank = random_below(random, zset_count(z));
        if (!drawn_add(&drawn, rank)) continue;
        struct zset_cursor cursor = zset_cursor_at(z, rank);
        bool there = zset_cursor_get(&cursor, &item);
        ASSERT(there);
        visit(arg, &item);
        count--;
    }
    drawn_free(&drawn);
}

void zset_draw(const struct zset *z, struct random *random, zset_visit *visit, void *arg) {
    struct zset_item item;
    struct zset_cursor cursor = zset_cursor_at(z, random_below(random, zset_count(z)));
    bool there = zset_cursor_get(&cursor, &item);
    ASSERT(there);
    visit(arg, &item);
}

void zset_sample(const struct zset *z, struct random *random, size_t count, zset_visit *visit, void *arg) {
    struct choice choice = {.random = random, .left = zset_count(z), .wanted = count};
    ASSERT(count <= choice.left);
    if (choice_is_few(count, choice.left)) {
        sample_few(z, random, count, visit, arg);
        return;
    }
    struct zset_cursor cursor = zset_cursor_at(z, 0);
    for (; choice.wanted > 0; zset_cursor_next(&cursor)) {
        struct zset_item item;
        if (!choice_next(&choice)) continue;
        bool there = zset_cursor_get(&cursor, &item);
        ASSERT(there);
        visit(arg, &item);
    }
}

/* ---- for the keyspace ---- */

static size_t method_effort(const void *object) {
    const struct zset *z = object;
    return zset_is_small(z) ? 1 : zset_count(z) + zset_large(z)->tree.bytes / 1024;
}

static bool method_free_some(void *object, size_t effort) {
    struct zset *z = object;
    if (!zset_is_small(z)) return zset_large_free_some(zset_large(z), effort);
    packed_free(zset_small(z));
    return false;
}

static void *method_copy(const void *object) {
    const struct zset *z = object;
    return zset_is_small(z) ? (void *)packed_copy(zset_small(z)) : (void *)zset_large_copy(zset_large(z));
}

static size_t method_bytes(const void *object) {
    const struct zset *z = object;
    if (zset_is_small(z)) return packed_footprint(zset_small(z));
    const struct zset_large *large = zset_large(z);
    return large->bytes + large->tree.bytes + table_bytes(&large->table);
}

static size_t method_count(const void *object) {
    return zset_count(object);
}

static const struct table *method_table(const void *object) {
    return zset_is_small(object) ? NULL : &zset_large(object)->table;
}

static const char *method_encoding(const void *object) {
    return zset_is_small(object) ? "listpack" : "skiplist";
}

void zset_free(struct zset *z) {
    if (!z) return;
    while (method_free_some(z, SIZE_MAX)) {
    }
}

void zset_register(void) {
    static const struct value_methods methods = {
        .effort = method_effort,
        .free_some = method_free_some,
        .copy = method_copy,
        .bytes = method_bytes,
        .count = method_count,
        .encoding = method_encoding,
        .table = method_table,
    };
    value_methods_register(TYPE_ZSET, &methods);
}

/* ---- the check ---- */

static void check_small(const struct packed *p) {
    struct zset_item item, before = {0};
    bool first = true;
    ASSERT(packed_is_sound(p->lp, packed_bytes(p)) && packed_count(p) % 2 == 0);
    for (unsigned char *at = packed_first(p); at; at = zset_small_next(p, at), first = false) {
        zset_small_get(p, at, &item);
        ASSERT(!isnan(item.score));
        if (!first) {
            const char *text = before.member == item.digits ? before.digits : before.member;
            ASSERT(before.score < item.score ||
                   (before.score == item.score &&
                    zset_compare_members(text, before.len, item.member, item.len) < 0));
        }
        before = item;
    }
}

void zset_check(const struct zset *z) {
    if (zset_is_small(z)) {
        check_small(zset_small(z));
        return;
    }
    struct zset_large *large = zset_large(z);
    size_t bytes = mem_size(large);
    table_check(&large->table);
    zset_tree_check(&large->tree);
    ASSERT(table_count(&large->table) == large->tree.count);
    struct zset_place place = zset_tree_at(&large->tree, 0);
    for (; place.leaf; place = zset_tree_next(place)) {
        struct entry *e = zset_tree_entry(place);
        size_t len;
        const char *member = entry_key(e, &len);
        struct entry **at = zset_large_find(large, member, len, table_hash(member, len));
        ASSERT(at && *at == e && zset_entry_score(e) == zset_tree_score(place));
        bytes += mem_size(e);
    }
    ASSERT(bytes == large->bytes);
}

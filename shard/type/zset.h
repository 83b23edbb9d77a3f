/* zset.h: the value of a sorted-set key: members in the order of their scores.
 *
 *     struct packed       member, score, member, score, ... in order       OBJECT ENCODING: listpack
 *     struct zset_large   a table of members and a tree of their order     skiplist
 *
 * A small one is one allocation, byte for byte what Redis has in its listpack; it becomes a large one at the
 * thresholds that the caller hands over (struct zset_limits) and never a small one again. In a large one each
 * member is an entry that carries its score; the entry stays where it is when the score changes, only the
 * tree moves it (zset_tree.h). No sorted set is empty but between its last removal and its deletion.
 *
 * Every range, by rank, score or member, is a span of ranks: found in O(log n) steps at either end, then
 * read with a cursor or removed.
 *
 * Under the hold of the slice whose key it belongs to, or by its only owner. What changes one may move it:
 * the functions take and return its pointer.
 */
#ifndef GYRE_TYPE_ZSET_H
#define GYRE_TYPE_ZSET_H

#include "shard/base/text.h"
#include "shard/type/zset_tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random;
struct zset; /* either of the two: an object's first byte says which (object.h) */

/* Up to which number of members, and length of each, one stays small. */
struct zset_limits {
    size_t entries_max, value_max;
};

/* A member and its score. The text points into the set or at the digits, so an item that was filled in must
 * not be copied, and is valid until the set changes. */
struct zset_item {
    const char *member;
    size_t len;
    double score;
    char digits[TEXT_I64_MAX];
};

/* Ranks from `from` on, below `to`. */
struct zset_span {
    size_t from, to;
};

struct zset_score_range {
    double min, max;
    bool min_open, max_open; /* the bound itself is not meant */
};

struct zset_lex_bound {
    enum { LEX_FIRST, LEX_LAST, LEX_CLOSED, LEX_OPEN } kind; /* - + [text (text */
    const char *text;
    size_t len;
};
struct zset_lex_range {
    struct zset_lex_bound min, max;
};

/* What ZADD can be told, and what became of it. */
enum zset_put_flag {
    ZSET_NX = 1,   /* only add */
    ZSET_XX = 2,   /* only update */
    ZSET_GT = 4,   /* update only to a greater score */
    ZSET_LT = 8,   /* update only to a smaller score */
    ZSET_INCR = 16 /* the score is added to the present one */
};
enum zset_outcome {
    ZSET_ADDED,
    ZSET_UPDATED,
    ZSET_SAME,    /* it has that score already */
    ZSET_REFUSED, /* by a flag */
    ZSET_NAN,     /* the increment would have made it no number */
};
struct zset_put {
    const char *member;
    size_t len;
    double score; /* afterwards the member's present one; unchanged if refused */
    unsigned flags;
    struct zset_limits limits;
    enum zset_outcome outcome; /* what is returned here; nothing was changed but by the first two */
};

/* Makes the type known to the keyspace. Once, before threads start. */
void zset_register(void);

/* Adds or updates a member. `z` may be NULL: then one is made if the member is added, otherwise NULL is
 * returned. put->score is not NaN. */
struct zset *zset_put(struct zset *z, struct zset_put *put);
struct zset *zset_remove(struct zset *z, const char *member, size_t len, bool *removed);
struct zset *zset_remove_span(struct zset *z, struct zset_span span);
/* Removing by making a set of what stays. Whether that is less to do: much is removed, or most. */
bool zset_rest_is_less(const struct zset *z, struct zset_span span);
/* The items outside of the span, in a set of the same form as `z`, which is large and stays as it is. */
struct zset *zset_rest(const struct zset *z, struct zset_span span);
/* False: no such member. */
bool zset_score(const struct zset *z, const char *member, size_t len, double *score);
bool zset_rank(const struct zset *z, const char *member, size_t len, size_t *rank, double *score);
size_t zset_count(const struct zset *z);
/* Frees it all at once; NULL is allowed. */
void zset_free(struct zset *z);

/* The items of a range; to >= from, both at most the count. */
struct zset_span zset_span_by_score(const struct zset *z, const struct zset_score_range *range);
/* Defined where all scores are the same; otherwise, in a small set, it is what Redis finds when it begins at
 * the low end, or from `reverse` on at the high end. */
struct zset_span zset_span_by_lex(const struct zset *z, const struct zset_lex_range *range, bool reverse);

/* A place in the order; valid until the set changes. */
struct zset_cursor {
    const struct zset *set;
    struct zset_place place;
    unsigned char *at;
};
struct zset_cursor zset_cursor_at(const struct zset *z, size_t rank);
/* False past either end. */
bool zset_cursor_get(const struct zset_cursor *cursor, struct zset_item *item);
void zset_cursor_next(struct zset_cursor *cursor);
void zset_cursor_prev(struct zset_cursor *cursor);

/* Writes the text that ZSCAN has for a score: as this set stores it, which shows where large whole numbers
 * are concerned. `text` has room for TEXT_DOUBLE_MAX. */
size_t zset_score_text(const struct zset *z, char *text, double score);

typedef void zset_visit(void *arg, const struct zset_item *item);
/* Shows some items and returns where to go on, 0 at the end; begins with cursor 0. What is in the set from
 * the beginning to the end of such a walk is shown at least once. */
uint64_t zset_scan(const struct zset *z, uint64_t cursor, zset_visit *visit, void *arg);
/* Shows one item by chance of a set that is not empty, every one equally likely. O(log n). */
void zset_draw(const struct zset *z, struct random *random, zset_visit *visit, void *arg);
/* Shows `count` different items by chance, at most all, every choice equally likely. O(count log n),
 * expected, or O(n) where that is less. */
void zset_sample(const struct zset *z, struct random *random, size_t count, zset_visit *visit, void *arg);

/* Asserts every invariant; O(n), for tests. */
void zset_check(const struct zset *z);

#endif

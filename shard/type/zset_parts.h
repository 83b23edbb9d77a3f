/* zset_parts.h: what the files of the sorted set share: zset*.c only.
 *
 * zset_small_* are the functions of the packed form, zset_large_* those of the other; zset.c chooses.
 */
#ifndef GYRE_TYPE_ZSET_PARTS_H
#define GYRE_TYPE_ZSET_PARTS_H

#include "shard/base/assert.h"
#include "shard/store/table.h"
#include "shard/type/object.h"
#include "shard/type/packed.h"
#include "shard/type/zset.h"

#include <string.h>

struct zset_large {
    uint8_t encoding;
    struct table table; /* of members, ENC_INT: the bits of the score */
    struct zset_tree tree;
    size_t bytes; /* of this struct and all entries, by mem_size */
};

static inline bool zset_is_small(const struct zset *z) {
    return object_encoding(z) == OBJECT_PACKED;
}
/* The set as what it is. Reading a set takes it const; tables and walks do not, though they change nothing
 * then. */
static inline struct packed *zset_small(const struct zset *z) {
    ASSERT(object_encoding(z) == OBJECT_PACKED);
    return (struct packed *)(uintptr_t)z;
}
static inline struct zset_large *zset_large(const struct zset *z) {
    ASSERT(object_encoding(z) == OBJECT_TREE);
    return (struct zset_large *)(uintptr_t)z;
}
static inline struct zset *zset_of(void *object) {
    return object;
}

static inline double zset_entry_score(const struct entry *e) {
    double score;
    memcpy(&score, entry_value_at(e), sizeof score);
    return score;
}
static inline void zset_entry_set_score(struct entry *e, double score) {
    memcpy(entry_value_at(e), &score, sizeof score);
}

/* What becomes of a member that has the score `present`: sets put->outcome, and put->score to the score it
 * shall have. True when it is to be changed. */
bool zset_put_decides(struct zset_put *put, double present);

/* Positions of the small form are those of members; the score follows. */
unsigned char *zset_small_find(const struct packed *p, const char *member, size_t len, size_t *rank);
double zset_small_score(const struct packed *p, const unsigned char *at);
void zset_small_get(const struct packed *p, const unsigned char *at, struct zset_item *item);
unsigned char *zset_small_at(const struct packed *p, size_t rank);
static inline unsigned char *zset_small_next(const struct packed *p, const unsigned char *at) {
    return packed_next(p, packed_next(p, at));
}
static inline unsigned char *zset_small_prev(const struct packed *p, const unsigned char *at) {
    unsigned char *score = packed_prev(p, at);
    return score ? packed_prev(p, score) : NULL;
}
size_t zset_small_score_text(char *text, double score);
struct packed *zset_small_insert(struct packed *p, const char *member, size_t len, double score);
struct packed *zset_small_move(struct packed *p, unsigned char *at, const char *member, size_t len,
                               double score);
struct packed *zset_small_remove(struct packed *p, unsigned char *at, size_t count);
struct zset_span zset_small_by_score(const struct packed *p, const struct zset_score_range *range);
struct zset_span zset_small_by_lex(const struct packed *p, const struct zset_lex_range *range, bool reverse);
/* Whether the bound lets the member pass as a lower, as an upper one. */
bool zset_lex_is_above(const struct zset_lex_bound *min, const char *member, size_t len);
bool zset_lex_is_below(const struct zset_lex_bound *max, const char *member, size_t len);

struct zset_large *zset_large_new(size_t count);
struct zset_large *zset_large_from(const struct packed *p);
struct zset_large *zset_large_copy(const struct zset_large *z);
struct entry **zset_large_find(struct zset_large *z, const char *member, size_t len, uint64_t hash);
/* Only into the table; whoever calls this puts the entry into the tree. The member must be absent. */
struct entry *zset_large_file(struct zset_large *z, const char *member, size_t len, uint64_t hash,
                              double score);
/* The member must be absent. */
void zset_large_insert(struct zset_large *z, const char *member, size_t len, uint64_t hash, double score);
void zset_large_move(struct zset_large *z, struct entry *e, double score);
void zset_large_remove(struct zset_large *z, struct entry **at, uint64_t hash);
void zset_large_remove_span(struct zset_large *z, struct zset_span span);
/* A new set of the items outside of the span. */
struct zset_large *zset_large_rest(const struct zset_large *z, struct zset_span span);
struct zset_span zset_large_by_score(const struct zset_large *z, const struct zset_score_range *range);
struct zset_span zset_large_by_lex(const struct zset_large *z, const struct zset_lex_range *range);
/* True while there is more. */
bool zset_large_free_some(struct zset_large *z, size_t effort);

#endif

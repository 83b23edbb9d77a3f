/* rdb_load_zset.c: sorted sets from all the forms that there were: see rdb_load.h.
 *
 * A listpack that is in order, and has nothing but sound scores, is taken as it is; everything else goes
 * through a builder, which puts it in order: what a file says of the order is not relied on.
 */
#include "persist/rdb_load_parts.h"
#include "shard/base/text.h"
#include "shard/type/zset_build.h"

#include <math.h>

static bool twice(struct rdb_reader *r) {
    return rdb_fail(r, "a member that is there twice");
}

static double keep_first(double present, double score) {
    (void)score;
    return present;
}

/* Ends a builder that `count` members were given to. */
static enum rdb_loaded finish(struct rdb_reader *r, struct zset_builder *b, uint64_t count,
                              struct zset_limits limits, struct zset **z) {
    *z = zset_builder_finish(b, limits);
    if (r->broken) return RDB_LOAD_BROKEN;
    if (zset_count(*z) == count) return RDB_LOADED;
    twice(r);
    return RDB_LOAD_BROKEN;
}

static bool add_scored(struct rdb_reader *r, bool as_text, struct zset_builder *b) {
    struct rdb_text text;
    double score;
    if (!rdb_read_string(r, RDB_TEXT_FIRST, &text)) return false;
    if (!(as_text ? rdb_read_old_double(r, &score) : rdb_read_double(r, &score))) return false;
    if (isnan(score)) return rdb_fail(r, "a score that is no number (NaN)");
    zset_builder_add(b, text.data, text.len, score);
    return true;
}

static enum rdb_loaded load_scored(struct rdb_reader *r, bool as_text, struct zset_limits limits,
                                   struct zset **z) {
    uint64_t count;
    enum rdb_loaded result = rdb_load_count(r, as_text ? 2 : 9, &count);
    if (result != RDB_LOADED) return result;
    struct zset_builder *b = zset_builder_new_for(keep_first, rdb_room_for(r, count));
    for (uint64_t i = 0; i < count; i++)
        if (!add_scored(r, as_text, b)) break;
    return finish(r, b, count, limits, z);
}

/* ---- packed ones ---- */

static bool element_score(struct rdb_reader *r, const struct packed_value *v, double *score) {
    *score = (double)v->integer;
    if (v->data && (!text_to_double(v->data, v->len, score) || isnan(*score)))
        return rdb_fail(r, "a score that is no number");
    return true;
}

/* Whether all scores are numbers (or the reader is broken), and the members in order. */
static bool in_order(struct rdb_reader *r, struct rdb_elements *e) {
    struct packed_value member, before = {0}, value;
    char digits[PACKED_DIGITS], digits_before[PACKED_DIGITS];
    double score = 0, score_before = 0;
    bool ordered = true;
    rdb_elements_rewind(e);
    for (size_t i = 0; i < e->count && rdb_elements_next(e, &member); i += 2) {
        size_t len, len_before;
        if (!rdb_elements_next(e, &value) || !element_score(r, &value, &score)) return false;
        if (i > 0 && score == score_before) {
            const char *a = rdb_element_text(&before, digits_before, &len_before);
            const char *b = rdb_element_text(&member, digits, &len);
            ordered = ordered && zset_compare_members(a, len_before, b, len) < 0;
        } else if (i > 0) {
            ordered = ordered && score_before < score;
        }
        before = member;
        score_before = score;
    }
    rdb_elements_rewind(e);
    return ordered;
}

static enum rdb_loaded build(struct rdb_reader *r, struct rdb_elements *e, bool small, struct zset **z) {
    struct packed_value member, value;
    char digits[PACKED_DIGITS];
    struct zset_builder *b = zset_builder_new_for(keep_first, e->count / 2);
    struct zset_limits limits = {0};
    if (small) limits = (struct zset_limits){SIZE_MAX, SIZE_MAX};
    while (rdb_elements_next(e, &member) && rdb_elements_next(e, &value)) {
        double score;
        size_t len;
        if (!element_score(r, &value, &score)) break;
        const char *text = rdb_element_text(&member, digits, &len);
        zset_builder_add(b, text, len, score);
    }
    return finish(r, b, e->count / 2, limits, z);
}

static enum rdb_loaded load_elements(struct rdb_reader *r, unsigned kind, struct zset_limits limits,
                                     struct zset **z) {
    struct rdb_elements e;
    if (!rdb_read_elements(r, kind, &e)) return RDB_LOAD_BROKEN;
    if (e.count == 0) return RDB_LOADED_EMPTY;
    if (e.count % 2 != 0) {
        rdb_fail(r, "a member without a score");
        return RDB_LOAD_BROKEN;
    }
    bool small = e.count / 2 <= limits.entries_max && rdb_elements_fit(&e), ordered = in_order(r, &e);
    if (r->broken) return RDB_LOAD_BROKEN;
    if (!small || !ordered || !e.canonical) return build(r, &e, small, z);
    struct packed *p = rdb_elements_pack(&e);
    *z = (struct zset *)p;
    if (rdb_elements_differ(p, 2)) return RDB_LOADED;
    twice(r);
    return RDB_LOAD_BROKEN;
}

enum rdb_loaded rdb_load_zset(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                              void **object) {
    struct zset *z = NULL;
    enum rdb_loaded result;
    switch (type) {
    case RDB_ZSET: result = load_scored(r, true, limits->zset, &z); break;
    case RDB_ZSET_2: result = load_scored(r, false, limits->zset, &z); break;
    case RDB_ZSET_LISTPACK: result = load_elements(r, ELEMENTS_LISTPACK, limits->zset, &z); break;
    default: result = load_elements(r, ELEMENTS_ZIPLIST, limits->zset, &z); break;
    }
    if (result == RDB_LOADED) {
        *object = z;
    } else {
        zset_free(z);
    }
    return result;
}

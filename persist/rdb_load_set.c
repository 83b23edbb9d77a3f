/* rdb_load_set.c: sets from all the forms that there were: see rdb_load.h. */
#include "persist/rdb_load_parts.h"
#include "shard/type/intset.h"
#include "shard/type/set.h"

static bool add(struct rdb_reader *r, struct set **s, struct set_member *m, const struct rdb_limits *limits) {
    bool added;
    *s = set_add(*s, m, limits->intset_max, &added);
    return added || rdb_fail(r, "a member that is there twice");
}

/* The set to begin with: a large one if it will certainly become one. */
static struct set *begin(const struct rdb_reader *r, uint64_t count, const struct rdb_limits *limits) {
    bool large = count > limits->intset_max && count > SET_PACKED_COUNT_MAX;
    return large ? set_new_large(rdb_room_for(r, count)) : NULL;
}

static enum rdb_loaded load_members(struct rdb_reader *r, const struct rdb_limits *limits, struct set **s) {
    uint64_t count;
    enum rdb_loaded result = rdb_load_count(r, 1, &count);
    if (result != RDB_LOADED) return result;
    *s = begin(r, count, limits);
    for (uint64_t i = 0; i < count; i++) {
        struct rdb_text text;
        struct set_member m;
        if (!rdb_read_string(r, RDB_TEXT_FIRST, &text)) return RDB_LOAD_BROKEN;
        set_member_from_text(&m, text.data, text.len);
        if (!add(r, s, &m, limits)) return RDB_LOAD_BROKEN;
    }
    return RDB_LOADED;
}

static enum rdb_loaded load_intset(struct rdb_reader *r, const struct rdb_limits *limits, struct set **s) {
    struct rdb_text text;
    if (!rdb_read_string(r, RDB_TEXT_FIRST, &text)) return RDB_LOAD_BROKEN;
    if (text.len <= INTSET_IMAGE_HEAD || !intset_is_sound(text.data, text.len)) {
        rdb_fail(r, "the intset of %zu bytes before this place is damaged", text.len);
        return RDB_LOAD_BROKEN;
    }
    struct intset *i = intset_from(text.data, text.len);
    *s = (struct set *)i;
    if (intset_count(i) <= limits->intset_max) return RDB_LOADED;
    *s = begin(r, intset_count(i), limits);
    bool fine = true;
    for (size_t k = 0; k < intset_count(i) && fine; k++) {
        struct set_member m;
        set_member_from_int(&m, intset_at(i, k));
        fine = add(r, s, &m, limits);
    }
    intset_free(i);
    return fine ? RDB_LOADED : RDB_LOAD_BROKEN;
}

static enum rdb_loaded load_listpack(struct rdb_reader *r, const struct rdb_limits *limits, struct set **s) {
    struct rdb_elements e;
    struct packed_value v;
    if (!rdb_read_elements(r, ELEMENTS_LISTPACK, &e)) return RDB_LOAD_BROKEN;
    if (e.count == 0) return RDB_LOADED_EMPTY;
    while (rdb_elements_next(&e, &v)) {
        struct set_member m;
        if (v.data)
            set_member_from_text(&m, v.data, v.len);
        else
            set_member_from_int(&m, v.integer);
        if (!add(r, s, &m, limits)) return RDB_LOAD_BROKEN;
    }
    return RDB_LOADED;
}

enum rdb_loaded rdb_load_set(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                             void **object) {
    struct set *s = NULL;
    enum rdb_loaded result;
    switch (type) {
    case RDB_SET: result = load_members(r, limits, &s); break;
    case RDB_SET_INTSET: result = load_intset(r, limits, &s); break;
    default: result = load_listpack(r, limits, &s); break;
    }
    if (result == RDB_LOADED) {
        *object = s;
    } else {
        set_free(s);
    }
    return result;
}

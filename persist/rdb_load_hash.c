/* rdb_load_hash.c: hashes from all the forms that there were: see rdb_load.h.
 *
 * A small hash that is a listpack already stays one up to hash-max-listpack-entries, however long its values
 * are, as in redis-server; the other forms are looked at field by field.
 */
#include "persist/rdb_load_parts.h"

static bool twice(struct rdb_reader *r) {
    return rdb_fail(r, "a field that is there twice");
}

/* Adds a field to a hash that must not have it. */
static bool add(struct rdb_reader *r, struct hash **h, struct hash_field *f, const struct hash_value *v,
                const struct hash_limits *limits) {
    struct hash_change change;
    *h = hash_set(*h, f, v, limits, &change);
    if (change.left) blob_unref(change.left);
    return change.done || twice(r);
}

static bool add_pair(struct rdb_reader *r, struct hash **h, const struct hash_limits *limits) {
    struct rdb_text field, text;
    if (!rdb_read_string(r, RDB_TEXT_FIRST, &field) || !rdb_read_string(r, RDB_TEXT_SECOND, &text))
        return false;
    struct hash_field f = hash_field(field.data, field.len);
    struct hash_value v = hash_value_bytes(text.data, text.len);
    return add(r, h, &f, &v, limits);
}

static enum rdb_loaded load_pairs(struct rdb_reader *r, const struct hash_limits *limits, struct hash **h) {
    uint64_t pairs;
    enum rdb_loaded result = rdb_load_count(r, 2, &pairs);
    if (result != RDB_LOADED) return result;
    if (pairs > limits->entries_max) *h = hash_new_large(rdb_room_for(r, pairs));
    for (uint64_t i = 0; i < pairs; i++)
        if (!add_pair(r, h, limits)) return RDB_LOAD_BROKEN;
    return RDB_LOADED;
}

static bool pack(struct rdb_reader *r, struct rdb_elements *e, struct hash **h) {
    struct packed *p = rdb_elements_pack(e);
    *h = (struct hash *)p;
    return rdb_elements_differ(p, 2) || twice(r);
}

static bool spread(struct rdb_reader *r, struct rdb_elements *e, struct hash **h) {
    const struct hash_limits none = {0};
    struct packed_value field, value;
    char digits[PACKED_DIGITS];
    size_t len;
    *h = hash_new_large(e->count / 2);
    while (rdb_elements_next(e, &field) && rdb_elements_next(e, &value)) {
        const char *text = rdb_element_text(&field, digits, &len);
        struct hash_field f = hash_field(text, len);
        struct hash_value v = {.data = value.data, .len = value.len, .integer = value.integer};
        if (!add(r, h, &f, &v, &none)) return false;
    }
    return true;
}

static enum rdb_loaded load_elements(struct rdb_reader *r, unsigned kind, const struct hash_limits *limits,
                                     struct hash **h) {
    struct rdb_elements e;
    if (!rdb_read_elements(r, kind, &e)) return RDB_LOAD_BROKEN;
    if (e.count == 0) return RDB_LOADED_EMPTY;
    if (e.count % 2 != 0) {
        rdb_fail(r, "a field without a value");
        return RDB_LOAD_BROKEN;
    }
    bool small = e.count / 2 <= limits->entries_max && rdb_elements_fit(&e);
    if (kind == ELEMENTS_ZIPMAP && e.longest > limits->value_max) small = false;
    bool fine = small ? pack(r, &e, h) : spread(r, &e, h);
    return fine ? RDB_LOADED : RDB_LOAD_BROKEN;
}

enum rdb_loaded rdb_load_hash(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                              void **object) {
    struct hash *h = NULL;
    enum rdb_loaded result;
    switch (type) {
    case RDB_HASH: result = load_pairs(r, &limits->hash, &h); break;
    case RDB_HASH_LISTPACK: result = load_elements(r, ELEMENTS_LISTPACK, &limits->hash, &h); break;
    case RDB_HASH_ZIPLIST: result = load_elements(r, ELEMENTS_ZIPLIST, &limits->hash, &h); break;
    default: result = load_elements(r, ELEMENTS_ZIPMAP, &limits->hash, &h); break;
    }
    if (result == RDB_LOADED) {
        *object = h;
    } else {
        hash_free(h);
    }
    return result;
}

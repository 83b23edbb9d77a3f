/* rdb_load.c: strings, lists, and which function reads what: see rdb_load.h. */
#include "persist/rdb_load.h"

#include "persist/rdb_load_parts.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"
#include "shard/store/value_methods.h"

/* ---- what all share ---- */

const char *rdb_element_text(const struct packed_value *v, char *digits, size_t *len) {
    *len = v->data ? v->len : text_from_i64(digits, v->integer);
    return v->data ? v->data : digits;
}

bool rdb_read_elements(struct rdb_reader *r, unsigned kind, struct rdb_elements *e) {
    static const char *const names[] = {"listpack", "ziplist", "zipmap"};
    struct rdb_text text;
    if (!rdb_read_string(r, RDB_TEXT_FIRST, &text)) return false;
    if (!rdb_elements_open(e, kind, text.data, text.len))
        return rdb_fail(r, "the %s of %zu bytes before this place is damaged", names[kind], text.len);
    return true;
}

enum rdb_loaded rdb_load_count(struct rdb_reader *r, unsigned least, uint64_t *n) {
    if (!rdb_read_count(r, least, n)) return RDB_LOAD_BROKEN;
    return *n > 0 ? RDB_LOADED : RDB_LOADED_EMPTY;
}

/* ---- strings ---- */

static enum rdb_loaded load_string(struct rdb_reader *r, struct value *value) {
    struct rdb_text text;
    if (!rdb_read_string(r, RDB_TEXT_FIRST, &text)) return RDB_LOAD_BROKEN;
    *value = text.is_integer ? value_int(text.integer) : value_bytes(text.data, text.len);
    return RDB_LOADED;
}

/* ---- lists ---- */

static struct list *push_elements(struct list *l, struct rdb_elements *e, const struct list_limits *limits) {
    struct packed_value v;
    while (rdb_elements_next(e, &v)) {
        struct list_value value = {.data = v.data, .len = v.len, .integer = v.integer};
        l = list_push(l, LIST_TAIL, value, limits);
    }
    return l;
}

static bool load_node(struct rdb_reader *r, unsigned type, struct list **l,
                      const struct list_limits *limits) {
    struct rdb_elements e;
    struct rdb_text text;
    uint64_t container = RDB_NODE_PACKED;
    if (type == RDB_LIST_QUICKLIST_2 && !rdb_read_length(r, &container)) return false;
    if (container != RDB_NODE_PACKED && container != RDB_NODE_PLAIN)
        return rdb_fail(r, "a node of an unknown kind (%llu)", (unsigned long long)container);
    if (type == RDB_LIST || container == RDB_NODE_PLAIN) {
        if (!rdb_read_string(r, RDB_TEXT_FIRST, &text)) return false;
        if (type != RDB_LIST && text.len == 0) return rdb_fail(r, "an empty node");
        *l = list_push(*l, LIST_TAIL, (struct list_value){.data = text.data, .len = text.len}, limits);
        return true;
    }
    unsigned kind = type == RDB_LIST_QUICKLIST_2 ? ELEMENTS_LISTPACK : ELEMENTS_ZIPLIST;
    if (!rdb_read_elements(r, kind, &e)) return false;
    *l = push_elements(*l, &e, limits);
    return true;
}

enum rdb_loaded rdb_load_list(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                              void **object) {
    uint64_t nodes = 1;
    bool fine = true;
    if (type != RDB_LIST_ZIPLIST) {
        enum rdb_loaded result = rdb_load_count(r, type == RDB_LIST_QUICKLIST_2 ? 2 : 1, &nodes);
        if (result != RDB_LOADED) return result;
    }
    struct list *l = list_new(0);
    for (uint64_t i = 0; i < nodes && fine; i++) fine = load_node(r, type, &l, &limits->list);
    bool empty = list_count(l) == 0;
    if (!fine || empty) {
        list_free(l);
        return fine ? RDB_LOADED_EMPTY : RDB_LOAD_BROKEN;
    }
    *object = l;
    return RDB_LOADED;
}

/* ---- any value ---- */

enum rdb_loaded rdb_load_value(struct rdb_reader *r, unsigned type, const struct rdb_limits *limits,
                               struct value *value) {
    enum value_type kind = rdb_value_type(type);
    enum rdb_loaded result = RDB_LOAD_BROKEN;
    void *object = NULL;
    r->reading = rdb_type_text(type);
    switch (kind) {
    case TYPE_STRING: return load_string(r, value);
    case TYPE_LIST: result = rdb_load_list(r, type, limits, &object); break;
    case TYPE_SET: result = rdb_load_set(r, type, limits, &object); break;
    case TYPE_ZSET: result = rdb_load_zset(r, type, limits, &object); break;
    case TYPE_HASH: result = rdb_load_hash(r, type, limits, &object); break;
    case TYPE_STREAM:
    case TYPE_COUNT:
        rdb_fail(r, "%s (type %u), which this server does not have", rdb_type_text(type), type);
        return RDB_LOAD_BROKEN;
    }
    ASSERT((result == RDB_LOADED) == (object != NULL));
    if (object) *value = (struct value){.form = VALUE_OBJECT, .object = {object, kind}};
    return result;
}

void rdb_value_free(struct value *value) {
    if (value->form == VALUE_OBJECT) value_free(value->object.type, value->object.pointer);
    if (value->form == VALUE_BLOB) blob_unref(value->blob);
    *value = value_int(0);
}

/* collection.c: a key's hash, list, set or sorted set in a handler's hands: see collection.h. */
#include "server/cmd/collection.h"

#include "shard/base/assert.h"
#include "shard/store/value_methods.h"

static bool is_of_type(struct call *c, struct entry **at, enum value_type type) {
    if (LIKELY(at == NULL || entry_type(*at) == type)) return true;
    reply_wrong_type(c->reply);
    return false;
}

bool collection_read(struct call *c, unsigned i, enum value_type type, const void **object) {
    struct entry **at = call_read(c, i);
    ASSERT(type != TYPE_STRING);
    if (!is_of_type(c, at, type)) return false;
    *object = at ? entry_object(*at) : NULL;
    return true;
}

bool collection_open(struct call *c, unsigned i, enum value_type type, struct collection *col) {
    ASSERT(i < c->key_count && type != TYPE_STRING);
    *col = (struct collection){.key = i, .type = type, .at = call_write(c, i)};
    if (!is_of_type(c, col->at, type)) return false;
    if (col->at) {
        col->object = entry_object(*col->at);
        col->change = keyspace_change(&c->visit, &c->keys[i], col->at);
    }
    return true;
}

static struct value value_object(enum value_type type, void *object) {
    return (struct value){.form = VALUE_OBJECT, .object = {object, type}};
}

bool collection_close(struct call *c, struct collection *col, void *object, uint64_t changes) {
    const struct value_methods *methods = value_methods_get(col->type);
    const struct key *key = &c->keys[col->key];
    bool emptied = false;
    ASSERT(object || !col->at);
    if (col->at && changes == 0) {
        ASSERT(object == col->object); /* nobody who watches the key need be told */
        return false;
    }
    if (col->at) {
        keyspace_changed(&c->visit, key, col->at, col->change, object);
        emptied = methods->count(object) == 0;
        if (emptied) keyspace_delete(&c->visit, key, col->at);
    } else if (object && methods->count(object) == 0) {
        value_free(col->type, object);
    } else if (object) {
        keyspace_set(&c->visit, key, NULL, value_object(col->type, object), NO_TTL);
    }
    call_dirty(c, changes);
    return emptied;
}

bool collection_store(struct call *c, unsigned i, enum value_type type, void *object, uint64_t changes) {
    const struct key *key = &c->keys[i];
    struct entry **at = call_write(c, i);
    bool stored = object && value_methods_get(type)->count(object) > 0;
    if (stored) {
        keyspace_set(&c->visit, key, at, value_object(type, object), NO_TTL);
    } else {
        if (object) value_free(type, object);
        if (at) keyspace_delete(&c->visit, key, at);
    }
    if (stored || at) call_dirty(c, changes);
    return stored;
}

/* value_methods.h: what the keyspace must be able to do with a value whose inside it does not know.
 *
 * Strings are the keyspace's own business; every other type is an object behind a pointer (ENC_OBJECT), and
 * its module (shard/type/) registers here how it is freed, copied and measured. Registration happens at
 * start, before threads; afterwards the table is only read.
 *
 * All of these are called under the hold of the key's slice, but for free_some: an object that was detached
 * from its key is nobody else's any more (see grave.h).
 */
#ifndef GYRE_STORE_VALUE_METHODS_H
#define GYRE_STORE_VALUE_METHODS_H

#include "shard/base/kind.h"

#include <stdbool.h>
#include <stddef.h>

struct table;

struct value_methods {
    /* About how many blocks of memory it consists of: what freeing it costs. O(1). */
    size_t (*effort)(const void *object);
    /* Frees about `effort` blocks of it; true while there is more, false when all of it is gone, the object
     * included. Once begun, nothing else may be done with the object. */
    bool (*free_some)(void *object, size_t effort);
    void *(*copy)(const void *object);
    size_t (*bytes)(const void *object);         /* memory it holds, by mem_size; O(1) */
    size_t (*count)(const void *object);         /* its elements; O(1) */
    const char *(*encoding)(const void *object); /* as OBJECT ENCODING says it */
    /* The hash table in which a member is looked up, NULL while the object has none. May be left out. */
    const struct table *(*table)(const void *object);
};

/* `methods` must outlive the server (a static constant). Once per type. */
void value_methods_register(enum value_type type, const struct value_methods *methods);
/* Never NULL: asking for a type that was not registered is a broken invariant. */
const struct value_methods *value_methods_get(enum value_type type);
/* Whether values of this type can exist. */
bool value_methods_exist(enum value_type type);
/* Frees all of it at once. */
void value_free(enum value_type type, void *object);

#endif

/* value_methods.h: what the keyspace must be able to do with a value whose inside it does not know.
 *
 * Strings are the keyspace's own business; every other type is an object behind a pointer (ENC_OBJECT), and
 * its module (shard/type/) registers here how it is freed, copied and measured. Registration happens at
 * start, before threads; afterwards the table is only read.
 */
#ifndef GYRE_STORE_VALUE_METHODS_H
#define GYRE_STORE_VALUE_METHODS_H

#include "shard/base/kind.h"

#include <stddef.h>

struct value_methods {
    void (*free)(void *object);
    void *(*copy)(const void *object);
    size_t (*bytes)(const void *object); /* memory it holds, by mem_size; O(1) */
};

/* `methods` must outlive the server (a static constant). Once per type. */
void value_methods_register(enum value_type type, const struct value_methods *methods);
/* Never NULL: asking for a type that was not registered is a broken invariant. */
const struct value_methods *value_methods_get(enum value_type type);

#endif

/* value_methods.c: the table of methods by type: see value_methods.h. */
#include "shard/store/value_methods.h"

#include "shard/base/assert.h"

#include <stdint.h>

static const struct value_methods *methods_by_type[TYPE_COUNT];

void value_methods_register(enum value_type type, const struct value_methods *methods) {
    ASSERT(type > TYPE_STRING && type < TYPE_COUNT);
    ASSERT(methods->effort && methods->free_some && methods->copy);
    ASSERT(methods->bytes && methods->count && methods->encoding);
    methods_by_type[type] = methods;
}

const struct value_methods *value_methods_get(enum value_type type) {
    ASSERT(type < TYPE_COUNT);
    ASSERT(methods_by_type[type]);
    return methods_by_type[type];
}

bool value_methods_exist(enum value_type type) {
    return type < TYPE_COUNT && methods_by_type[type] != NULL;
}

void value_free(enum value_type type, void *object) {
    bool more = value_methods_get(type)->free_some(object, SIZE_MAX);
    ASSERT(!more);
}

/* value_methods.c: the table of methods by type: see value_methods.h. */
#include "shard/store/value_methods.h"

#include "shard/base/assert.h"

static const struct value_methods *methods_by_type[TYPE_COUNT];

void value_methods_register(enum value_type type, const struct value_methods *methods) {
    ASSERT(type > TYPE_STRING && type < TYPE_COUNT);
    ASSERT(methods->free && methods->copy && methods->bytes);
    methods_by_type[type] = methods;
}

const struct value_methods *value_methods_get(enum value_type type) {
    ASSERT(type < TYPE_COUNT);
    ASSERT(methods_by_type[type]);
    return methods_by_type[type];
}

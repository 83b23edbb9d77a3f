/* kind.h: the types of value a key can hold, by the numbers that everything in the server agrees on. */
#ifndef GYRE_BASE_KIND_H
#define GYRE_BASE_KIND_H

enum value_type { TYPE_STRING, TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_HASH, TYPE_STREAM, TYPE_COUNT };

/* As TYPE, SCAN and the like spell it. */
static inline const char *value_type_name(enum value_type type) {
    static const char *const names[TYPE_COUNT] = {"string", "list", "set", "zset", "hash", "stream"};
    return names[type];
}

#endif

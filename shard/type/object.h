/* object.h: what all objects of shard/type/ have in common: the first byte says how it is encoded. */
#ifndef GYRE_TYPE_OBJECT_H
#define GYRE_TYPE_OBJECT_H

#include <stdint.h>

enum object_encoding {
    OBJECT_PACKED = 1, /* struct packed: a small hash, list, set or sorted set */
    OBJECT_INTSET,     /* struct intset: a small set of integers */
    OBJECT_TABLE,      /* a hash or set in a hash table */
    OBJECT_CHAIN,      /* a list of packed nodes */
    OBJECT_TREE,       /* a sorted set: hash table and ordered tree */
};

static inline enum object_encoding object_encoding(const void *object) {
    return (enum object_encoding) * (const uint8_t *)object;
}

#endif

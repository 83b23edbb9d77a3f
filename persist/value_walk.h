/* value_walk.h: the elements of a collection, some at a time, for what saves values in steps.
 *
 *     value_walk_begin(&w, type, object);
 *     while (!w.over) {
 *         value_walk_collect(&w);          w.items, w.count
 *         ...                              other work in between, the hold let go and taken again
 *     }
 *     value_walk_end(&w);
 *
 * An item points into the value. A hash has fields and their values by turns, a sorted set members and their scores.
 * A set or hash comes in any order, a list in its own, a large sorted set from its greatest score down, which is
 * quickest to load.
 *
 * From begin to end the caller sees to it that the value is neither changed nor freed. Each call is made by one thread
 * under the hold of the value's slice, or as the only owner of a detached value.
 */
#ifndef GYRE_PERSIST_VALUE_WALK_H
#define GYRE_PERSIST_VALUE_WALK_H

#include "shard/base/kind.h"
#include "shard/type/zset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct walk_item {
    enum { ITEM_TEXT, ITEM_INTEGER, ITEM_SCORE } kind;
    size_t len;
    union {
        const char *text;
        int64_t integer;
        double score;
    };
};

struct value_walk {
    struct walk_item *items; /* what the last call collected */
    size_t count;
    bool over; /* nothing is left */
    /* value_walk.c's own. */
    size_t capacity;
    const void *object;
    enum value_type type;
    uint64_t place; /* a hash or set: cursor; a list: node */
    struct zset_cursor cursor;
};

/* Of any type but strings. */
void value_walk_begin(struct value_walk *w, enum value_type type, const void *object);
void value_walk_collect(struct value_walk *w);
void value_walk_end(struct value_walk *w);

#endif

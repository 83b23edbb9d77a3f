/* list.h: lists: a struct packed while small, a chain of nodes (chain.h) from then on and ever after.
 *
 * A `struct list *` is either; the first byte says which (object.h). What changes a list takes it and returns
 * where it is now. Values go in and come out as struct list_value, which does not own its bytes: one that
 * comes out is valid until the list changes, one that goes in must not lie in the same list.
 *
 * The caller says with each change how large nodes may become (list_limits_make, from the configuration), so
 * a change of list-max-listpack-size takes effect on what is added from then on, as in Redis.
 *
 * All under the hold of the key's slice. O(1): both ends, count, memory. Finding an index looks at the counts
 * of the nodes up to there (from the nearer end), then at one node.
 */
#ifndef GYRE_TYPE_LIST_H
#define GYRE_TYPE_LIST_H

#include "shard/type/chain.h"
#include "shard/type/object.h"
#include "shard/type/packed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list;

enum list_end { LIST_HEAD, LIST_TAIL };

enum { LIST_PACKED_BYTES = 512 }; /* the largest list that is one struct packed */

struct list_value {
    const char *data; /* NULL: an integer */
    size_t len;
    int64_t integer;
    struct blob *blob; /* where `data` lies, all of it, if that is a blob; the list takes its own reference */
};

/* list-max-listpack-size: -1 to -5 are 4 to 64 KiB a node, a positive number is elements a node (and 8 KiB).
 * Values of `alone_bytes` or more are nodes of their own even so. */
struct list_limits list_limits_make(int max_listpack_size, uint32_t alone_bytes);

/* Makes the type known to the keyspace. Once, before threads start. */
void list_register(void);

/* An empty list with room for about so many bytes of values. */
struct list *list_new(size_t bytes);
void list_free(struct list *l);
size_t list_count(const struct list *l);

/* ---- the ends ---- */

struct list *list_push(struct list *l, enum list_end end, struct list_value v,
                       const struct list_limits *limits);
/* The value at an end of a list that is not empty. */
struct list_value list_peek(const struct list *l, enum list_end end);
/* Takes it away. */
struct list *list_drop(struct list *l, enum list_end end);

/* ---- places ---- */

/* An element of a list. Valid until the list changes. */
struct list_cursor {
    const struct list *list;
    uint32_t node, index;    /* which node, which of its elements */
    const unsigned char *at; /* NULL: the node is a blob */
};
/* False: there is no such index (< list_count is there). */
bool list_seek(const struct list *l, size_t index, struct list_cursor *at);
/* To the neighbour; false, and the cursor is no longer valid, at the end. */
bool list_next(struct list_cursor *at);
bool list_prev(struct list_cursor *at);
struct list_value list_get(const struct list_cursor *at);

/* The elements from a cursor to the end of its node: `count` elements side by side from `at` on, or one blob.
 * list_skip goes to the first one behind them; false: there is none. */
struct list_run {
    const unsigned char *at; /* NULL: a blob */
    struct blob *blob;
    uint32_t count;
};
struct list_run list_run(const struct list_cursor *at);
bool list_skip(struct list_cursor *at);

/* Bytes to be looked for. They are not copied. */
struct list_needle {
    const char *data;
    size_t len;
    bool fits; /* an element can be as long */
    struct element element;
};
struct list_needle list_needle(const char *data, size_t len);
bool list_matches(const struct list_cursor *at, const struct list_needle *needle);

/* ---- changes in between ---- */

struct list *list_insert(struct list *l, const struct list_cursor *at, bool after, struct list_value v,
                         const struct list_limits *limits);
struct list *list_replace(struct list *l, const struct list_cursor *at, struct list_value v,
                          const struct list_limits *limits);
/* Deletes `count` elements from index `start` on, which are there. *rest becomes NULL, or a list of what was
 * deleted that takes time to free, which is the caller's. */
struct list *list_delete(struct list *l, size_t start, size_t count, struct list **rest);
/* Deletes elements that match, `max` at most, beginning at an end. */
struct list *list_remove(struct list *l, const struct list_needle *needle, enum list_end from, size_t max,
                         size_t *removed);

#endif

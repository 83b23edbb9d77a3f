/* chain.h: the ring of nodes that a large list consists of.
 *
 *     struct chain            ring[capacity]                        a block
 *     +-----------------+     +-------------------------------+     +------+--------------------+------+
 *     | first, nodes,   |     | block, begin, end, room, count|---->| free | element element .. | free |
 *     | elements, bytes |     | ...                           |     +------+--------------------+------+
 *     +-----------------+     +-------------------------------+            ^begin               ^end   ^room
 *
 * A node is a stretch of listpack elements (element.h) somewhere in its block, with what is free before and
 * behind it: so both ends of a list give and take in O(1) without moving what is there, which is what queues
 * do (a listpack, whose header stands before its elements, has to move all of them for LPUSH and LPOP). A
 * value too large for a node is a node of its own, a blob (`room` is 0 and `block` a struct blob): it is
 * taken from the request and sent to clients without a copy.
 *
 * The descriptors of all nodes are one circular array: the end nodes are found at once, finding an index
 * reads only counts that lie side by side, and a node in the middle comes or goes by moving the descriptors
 * on its shorter side. They are 24 bytes per 8 KiB of elements; when the array doubles it is copied as a
 * whole, 0.2 ms for a list of 4 GB. The array is the end of the chain's own allocation.
 *
 * Here is what concerns nodes; values and places among them are list.h's. A chain belongs to its key and is
 * touched under the hold of the key's slice. `bytes` is always the sum of mem_size of all that it consists
 * of. Nodes are numbered from the head, from 0; there is never an empty one between two calls of list.h.
 */
#ifndef GYRE_TYPE_CHAIN_H
#define GYRE_TYPE_CHAIN_H

#include "shard/store/blob.h"
#include "shard/type/element.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How large nodes may become. */
struct list_limits {
    uint32_t node_bytes;  /* of elements */
    uint32_t node_count;  /* elements */
    uint32_t alone_bytes; /* a value of so many bytes or more is a node of its own */
};

struct chain_node {
    void *block;
    uint32_t begin, end; /* its elements: bytes from the start of the block */
    uint32_t room;       /* bytes of the block; 0: it is a struct blob, the node's only element */
    uint32_t count;      /* elements */
};

struct chain {
    uint8_t encoding; /* OBJECT_CHAIN */
    uint32_t capacity, first, nodes;
    size_t elements, bytes;
    struct chain_node ring[]; /* capacity (a power of two) */
};

enum { CHAIN_BLOB_PIECE = 1 << 16 }; /* a blob of so many bytes is as much work to free as a node */

struct chain *chain_new(uint32_t capacity);
/* As value_methods.h has them. */
bool chain_free_some(struct chain *c, size_t effort);
struct chain *chain_copy(const struct chain *c);

static inline struct chain_node *chain_node(const struct chain *c, uint32_t i) {
    DASSERT(i < c->nodes);
    return (struct chain_node *)&c->ring[(c->first + i) & (c->capacity - 1)];
}
static inline bool chain_node_is_blob(const struct chain_node *n) {
    return n->room == 0;
}
static inline unsigned char *chain_node_first(const struct chain_node *n) {
    DASSERT(n->room > 0);
    return (unsigned char *)n->block + n->begin;
}
static inline unsigned char *chain_node_end(const struct chain_node *n) {
    return (unsigned char *)n->block + n->end;
}

/* Makes room for a node i among the others, all zero, to be filled in by one of the next two. */
struct chain_node *chain_add(struct chain **c, uint32_t i);
/* How large a block to give a node that has `used` bytes and gets an element of `bytes`: with room for more
 * of the kind, as far as the limits allow. */
uint32_t chain_room_for(const struct chain *c, uint32_t used, uint32_t bytes, const struct list_limits *l);
/* Gives an added node an empty block of at least `room` bytes, filled from its end (`back`) or start on. */
void chain_fill_block(struct chain *c, struct chain_node *n, uint32_t room, bool back);
/* Makes an added node of a blob, whose reference it takes over. */
void chain_fill_blob(struct chain *c, struct chain_node *n, struct blob *blob);
/* Frees node i and all in it, and takes it out. */
void chain_drop(struct chain **c, uint32_t i);
/* Takes `count` nodes from i on out. More than a few are not freed but returned as a chain of their own, so
 * that the caller may have them freed in steps; otherwise NULL. */
struct chain *chain_drop_range(struct chain **c, uint32_t i, uint32_t count);
/* Takes out all nodes whose count is 0. */
void chain_drop_empty(struct chain **c);

/* Whether the node may take that element: it is no blob and stays within the limits. */
static inline bool chain_node_takes(const struct chain_node *n, uint32_t bytes, const struct list_limits *l) {
    return n->room > 0 && n->count < l->node_count && n->end - n->begin + (uint64_t)bytes <= l->node_bytes;
}
/* Makes room for `bytes` bytes in a node, `offset` bytes behind the start of its elements, which the caller
 * fills with one element at once. */
unsigned char *chain_node_open(struct chain *c, struct chain_node *n, uint32_t offset, uint32_t bytes,
                               const struct list_limits *l);
/* Takes `bytes` bytes, which are `count` elements, out of a node. It may become empty. */
void chain_node_cut(struct chain *c, struct chain_node *n, uint32_t offset, uint32_t bytes, uint32_t count);
/* Gives back a part of the block where much more is free than used. */
void chain_node_trim(struct chain *c, struct chain_node *n);
/* Gives back what is free in the block of a node that will not grow any more soon. */
void chain_node_fit(struct chain *c, struct chain_node *n);
/* The elements from `offset` (the node's element `index`) on become a node behind it. */
void chain_split(struct chain **c, uint32_t i, uint32_t index, uint32_t offset);
/* Joins node i with the one behind it if both are small. */
void chain_join(struct chain **c, uint32_t i, const struct list_limits *l);

#endif

/* chain.c: nodes and their ring: see chain.h. */
#include "shard/type/chain.h"

#include "shard/base/mem.h"
#include "shard/type/object.h"

enum {
    RING_MIN = 2,
    NODES_MANY = 16,  /* from then on, blocks at the ends are made in full size at once */
    GROWTH_MIN = 64,  /* bytes that a block grows by at least */
    TRIM_FROM = 256,  /* blocks of fewer bytes are left as they are */
    DROPPED_FEW = 32, /* nodes that are freed at once */
};

/* ---- the ring ---- */

static size_t ring_bytes(uint32_t capacity) {
    return sizeof(struct chain) + capacity * sizeof(struct chain_node);
}

struct chain *chain_new(uint32_t capacity) {
    uint32_t rounded = RING_MIN;
    while (rounded < capacity) rounded *= 2;
    struct chain *c = mem_alloc(ring_bytes(rounded));
    *c = (struct chain){.encoding = OBJECT_CHAIN, .capacity = rounded};
    c->bytes = mem_size(c);
    return c;
}

/* Descriptors [i, i + count) into consecutive places. */
static void copy_nodes(struct chain_node *to, const struct chain *c, uint32_t i, uint32_t count) {
    uint32_t start = (c->first + i) & (c->capacity - 1), straight = c->capacity - start;
    if (straight > count) straight = count;
    memcpy(to, &c->ring[start], straight * sizeof *to);
    memcpy(to + straight, c->ring, (count - straight) * sizeof *to);
}

static struct chain *with_capacity(struct chain *c, uint32_t capacity) {
    ASSERT(c->nodes <= capacity);
    struct chain *moved = chain_new(capacity);
    copy_nodes(moved->ring, c, 0, c->nodes);
    moved->nodes = c->nodes;
    moved->elements = c->elements;
    moved->bytes += c->bytes - mem_size(c);
    mem_free(c);
    return moved;
}

/* Moves descriptors [from, from + count) by `by` places, one after the other: they may wrap around. */
static void shift_nodes(struct chain *c, uint32_t from, uint32_t count, int32_t by) {
    uint32_t mask = c->capacity - 1, base = c->first + from;
    if (by < 0) {
        for (uint32_t k = 0; k < count; k++)
            c->ring[(base + k + (uint32_t)by) & mask] = c->ring[(base + k) & mask];
    } else {
        for (uint32_t k = count; k-- > 0;)
            c->ring[(base + k + (uint32_t)by) & mask] = c->ring[(base + k) & mask];
    }
}

struct chain_node *chain_add(struct chain **at, uint32_t i) {
    ASSERT(i <= (*at)->nodes);
    if ((*at)->nodes == (*at)->capacity) *at = with_capacity(*at, (*at)->capacity * 2);
    struct chain *c = *at;
    uint32_t behind = c->nodes - i;
    if (i < behind) {
        shift_nodes(c, 0, i, -1);
        c->first = (c->first - 1) & (c->capacity - 1);
    } else {
        shift_nodes(c, i, behind, 1);
    }
    c->nodes++;
    struct chain_node *n = chain_node(c, i);
    *n = (struct chain_node){0};
    return n;
}

/* Takes descriptors out, whose nodes are no longer there. */
static void remove_nodes(struct chain **at, uint32_t i, uint32_t count) {
    struct chain *c = *at;
    ASSERT(i + count <= c->nodes);
    uint32_t behind = c->nodes - i - count;
    if (i < behind) {
        shift_nodes(c, 0, i, (int32_t)count);
        c->first = (c->first + count) & (c->capacity - 1);
    } else {
        shift_nodes(c, i + count, behind, -(int32_t)count);
    }
    c->nodes -= count;
    if (UNLIKELY(c->capacity > 4 * RING_MIN && c->nodes < c->capacity / 4))
        *at = with_capacity(c, c->capacity / 2);
}

void chain_fill_block(struct chain *c, struct chain_node *n, uint32_t room, bool back) {
    ASSERT(n->block == NULL && room > 0);
    n->block = mem_alloc(room);
    size_t got = mem_size(n->block);
    ASSERT(got <= UINT32_MAX);
    n->room = (uint32_t)got;
    n->begin = n->end = back ? n->room : 0;
    c->bytes += got;
}

void chain_fill_blob(struct chain *c, struct chain_node *n, struct blob *blob) {
    ASSERT(n->block == NULL);
    *n = (struct chain_node){.block = blob, .count = 1};
    c->bytes += blob_footprint(blob);
    c->elements++;
}

static size_t node_bytes(const struct chain_node *n) {
    return mem_size(n->block);
}

static void free_block(struct chain_node *n) {
    if (chain_node_is_blob(n))
        blob_unref(n->block);
    else
        mem_free(n->block);
    n->block = NULL;
}

static void free_node(struct chain *c, struct chain_node *n) {
    c->bytes -= node_bytes(n);
    c->elements -= n->count;
    free_block(n);
}

void chain_drop(struct chain **c, uint32_t i) {
    free_node(*c, chain_node(*c, i));
    remove_nodes(c, i, 1);
}

struct chain *chain_drop_range(struct chain **at, uint32_t i, uint32_t count) {
    struct chain *c = *at, *rest = NULL;
    ASSERT(i + count <= c->nodes);
    if (count <= DROPPED_FEW) {
        for (uint32_t k = 0; k < count; k++) free_node(c, chain_node(c, i + k));
    } else {
        rest = chain_new(count);
        copy_nodes(rest->ring, c, i, count);
        rest->nodes = count;
        for (uint32_t k = 0; k < count; k++) {
            rest->elements += rest->ring[k].count;
            rest->bytes += node_bytes(&rest->ring[k]);
        }
        c->elements -= rest->elements;
        c->bytes -= rest->bytes - mem_size(rest);
    }
    remove_nodes(at, i, count);
    return rest;
}

void chain_drop_empty(struct chain **at) {
    struct chain *c = *at;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->nodes; i++) {
        struct chain_node *n = chain_node(c, i);
        if (n->count > 0)
            *chain_node(c, kept++) = *n;
        else
            free_node(c, n);
    }
    uint32_t capacity = c->capacity;
    c->nodes = kept;
    while (capacity > 4 * RING_MIN && kept < capacity / 4) capacity /= 2;
    if (capacity < c->capacity) *at = with_capacity(c, capacity);
}

/* ---- all of it ---- */

bool chain_free_some(struct chain *c, size_t effort) {
    for (size_t spent = 0; c->nodes > 0 && spent < effort; spent++, c->nodes--) {
        struct chain_node *n = chain_node(c, c->nodes - 1);
        if (chain_node_is_blob(n)) spent += ((struct blob *)n->block)->cap / CHAIN_BLOB_PIECE;
        free_block(n);
    }
    if (c->nodes > 0) return true;
    mem_free(c);
    return false;
}

struct chain *chain_copy(const struct chain *c) {
    struct chain *copy = chain_new(c->nodes);
    for (uint32_t i = 0; i < c->nodes; i++) {
        const struct chain_node *from = chain_node(c, i);
        struct chain_node *to = &copy->ring[i];
        *to = (struct chain_node){0};
        copy->nodes++;
        if (chain_node_is_blob(from)) {
            chain_fill_blob(copy, to, blob_ref(from->block));
            continue;
        }
        chain_fill_block(copy, to, from->end - from->begin, false);
        memcpy(to->block, chain_node_first(from), from->end - from->begin);
        to->end = from->end - from->begin;
        to->count = from->count;
        copy->elements += from->count;
    }
    return copy;
}

/* ---- inside a node ---- */

uint32_t chain_room_for(const struct chain *c, uint32_t used, uint32_t bytes, const struct list_limits *l) {
    uint32_t need = used + bytes, growth = need / 8 > GROWTH_MIN ? need / 8 : GROWTH_MIN;
    if (need + bytes > l->node_bytes) return need; /* no further one like it would fit */
    bool many = c->nodes >= NODES_MANY && l->node_count == UINT32_MAX;
    uint32_t room = many ? l->node_bytes : need + growth;
    return room > l->node_bytes ? l->node_bytes : room;
}

/* Puts the node's elements into a block of `room` bytes, with `gap` bytes free from `offset` on. What else is
 * free comes to lie on the side that the offset is nearer to. */
static void reblock(struct chain *c, struct chain_node *n, uint32_t room, uint32_t offset, uint32_t gap) {
    unsigned char *old = n->block, *block = mem_alloc(room);
    uint32_t used = n->end - n->begin;
    size_t got = mem_size(block);
    ASSERT(used + gap <= got && got <= UINT32_MAX);
    uint32_t begin = offset < used - offset ? (uint32_t)got - used - gap : 0;
    memcpy(block + begin, old + n->begin, offset);
    memcpy(block + begin + offset + gap, old + n->begin + offset, used - offset);
    c->bytes += got - mem_size(old);
    mem_free(old);
    n->block = block;
    n->room = (uint32_t)got;
    n->begin = begin;
    n->end = begin + used + gap;
}

/* Moves the elements to one end of the block, away from where the gap is wanted, so that what is free comes
 * to lie on its side. */
static void slide(struct chain_node *n, uint32_t offset, uint32_t gap) {
    unsigned char *block = n->block;
    uint32_t used = n->end - n->begin;
    uint32_t begin = offset < used - offset ? n->room - used - gap : 0;
    /* The part that moves towards the other's old place goes second. */
    if (begin + gap > n->begin) {
        memmove(block + begin + offset + gap, block + n->begin + offset, used - offset);
        memmove(block + begin, block + n->begin, offset);
    } else {
        memmove(block + begin, block + n->begin, offset);
        memmove(block + begin + offset + gap, block + n->begin + offset, used - offset);
    }
    n->begin = begin;
    n->end = begin + used + gap;
}

static void open_downwards(struct chain_node *n, uint32_t offset, uint32_t bytes) {
    unsigned char *first = chain_node_first(n);
    if (offset > 0) memmove(first - bytes, first, offset);
    n->begin -= bytes;
}

static void open_upwards(struct chain_node *n, uint32_t offset, uint32_t bytes) {
    unsigned char *gap = chain_node_first(n) + offset, *end = chain_node_end(n);
    if (gap < end) memmove(gap + bytes, gap, (size_t)(end - gap));
    n->end += bytes;
}

unsigned char *chain_node_open(struct chain *c, struct chain_node *n, uint32_t offset, uint32_t bytes,
                               const struct list_limits *l) {
    uint32_t used = n->end - n->begin, behind = used - offset;
    ASSERT(n->room > 0 && offset <= used);
    bool front = n->begin >= bytes, back = n->room - n->end >= bytes;
    if (front && offset <= behind)
        open_downwards(n, offset, bytes);
    else if (back && behind <= offset)
        open_upwards(n, offset, bytes);
    else if (n->room - used < bytes)
        reblock(c, n, chain_room_for(c, used, bytes, l), offset, bytes);
    else if (offset == 0 || behind == 0 || !(front || back))
        slide(n, offset, bytes);
    else if (front)
        open_downwards(n, offset, bytes);
    else
        open_upwards(n, offset, bytes);
    n->count++;
    c->elements++;
    return chain_node_first(n) + offset;
}

void chain_node_cut(struct chain *c, struct chain_node *n, uint32_t offset, uint32_t bytes, uint32_t count) {
    uint32_t behind = n->end - n->begin - offset - bytes;
    ASSERT(n->room > 0 && offset + bytes <= n->end - n->begin && count <= n->count);
    unsigned char *first = chain_node_first(n);
    if (offset < behind) {
        memmove(first + bytes, first, offset);
        n->begin += bytes;
    } else {
        memmove(first + offset, first + offset + bytes, behind);
        n->end -= bytes;
    }
    n->count -= count;
    c->elements -= count;
}

void chain_node_trim(struct chain *c, struct chain_node *n) {
    uint32_t used = n->end - n->begin;
    if (n->room < TRIM_FROM || used > n->room / 4 || used == 0) return;
    reblock(c, n, used * 2, n->begin > n->room - n->end ? 0 : used, 0);
}

void chain_node_fit(struct chain *c, struct chain_node *n) {
    uint32_t used = n->end - n->begin;
    if (n->room > 0 && n->room - used > used / 8) reblock(c, n, used, used, 0);
}

void chain_split(struct chain **at, uint32_t i, uint32_t index, uint32_t offset) {
    chain_add(at, i + 1);
    struct chain *c = *at;
    struct chain_node *left = chain_node(c, i), *right = chain_node(c, i + 1);
    uint32_t bytes = left->end - left->begin - offset, count = left->count - index;
    ASSERT(index > 0 && count > 0 && bytes > 0);
    chain_fill_block(c, right, bytes, false);
    memcpy(right->block, chain_node_first(left) + offset, bytes);
    right->end = bytes;
    right->count = count;
    left->end -= bytes;
    left->count = index;
    chain_node_trim(c, left);
}

void chain_join(struct chain **at, uint32_t i, const struct list_limits *l) {
    struct chain *c = *at;
    if (i + 1 >= c->nodes) return;
    struct chain_node *left = chain_node(c, i), *right = chain_node(c, i + 1);
    uint32_t bytes = right->end - right->begin, used = left->end - left->begin;
    if (left->room == 0 || right->room == 0 || (uint64_t)used + bytes > l->node_bytes / 2 ||
        left->count + (uint64_t)right->count > l->node_count)
        return;
    if (left->room - left->end < bytes)
        reblock(c, left, used + bytes, used, bytes);
    else
        left->end += bytes;
    memcpy(chain_node_end(left) - bytes, chain_node_first(right), bytes);
    left->count += right->count;
    c->elements += right->count; /* which dropping the node takes off again */
    chain_drop(at, i + 1);
}

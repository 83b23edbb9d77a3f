/* bag.c: see bag.h. Chunks are given back when two of them stand empty, so that a bag at a boundary does not
 * thrash. */
#include "shard/store/bag.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <stdbool.h>

/* The list of chunks has room for the next power of two. */
static uint32_t bag_list_room(uint32_t chunks) {
    uint32_t room = 2;
    while (room < chunks) room *= 2;
    return room;
}

static void bag_grow(struct bag *b) {
    const size_t chunk_bytes = BAG_CHUNK * sizeof(struct entry *);
    if (b->room < BAG_CHUNK) {
        b->room = b->room ? 2 * b->room : BAG_SMALLEST;
        b->vector = mem_realloc(b->vector, b->room * sizeof(struct entry *));
        return;
    }
    ASSERT(b->room <= UINT32_MAX - BAG_CHUNK);
    uint32_t chunks = b->room / BAG_CHUNK;
    if (chunks == 1) {
        struct entry **first = b->vector;
        b->chunks = mem_alloc(bag_list_room(2) * sizeof(struct entry **));
        b->chunks[0] = first;
    } else if (bag_list_room(chunks) == chunks) {
        b->chunks = mem_realloc(b->chunks, bag_list_room(chunks + 1) * sizeof(struct entry **));
    }
    b->chunks[chunks] = mem_alloc(chunk_bytes);
    b->room += BAG_CHUNK;
}

uint32_t bag_add(struct bag *b, struct entry *e) {
    if (b->count == b->room) bag_grow(b);
    uint32_t place = b->count++;
    *bag_at(b, place) = e;
    return place;
}

static void bag_free_last_chunk(struct bag *b) {
    uint32_t chunks = b->room / BAG_CHUNK;
    ASSERT(b->room > BAG_CHUNK && b->count <= b->room - BAG_CHUNK);
    mem_free(b->chunks[chunks - 1]);
    b->room -= BAG_CHUNK;
    if (chunks == 2) {
        struct entry **first = b->chunks[0];
        mem_free(b->chunks);
        b->vector = first;
    }
}

static void bag_shrink(struct bag *b) {
    if (b->count == 0) {
        bag_clear(b);
    } else if (b->room > BAG_CHUNK) {
        if (b->count + 2 * BAG_CHUNK <= b->room) bag_free_last_chunk(b);
    } else if (b->room > BAG_SMALLEST && b->count <= b->room / 4) {
        b->room /= 2;
        b->vector = mem_realloc(b->vector, b->room * sizeof(struct entry *));
    }
}

struct entry *bag_remove(struct bag *b, uint32_t place) {
    ASSERT(place < b->count);
    struct entry *last = *bag_at(b, --b->count);
    bool was_last = place == b->count;
    if (!was_last) *bag_at(b, place) = last;
    bag_shrink(b);
    return was_last ? NULL : last;
}

void bag_drop_chunk(struct bag *b) {
    uint32_t dropped = b->count < BAG_CHUNK ? b->count : BAG_CHUNK;
    b->count -= dropped;
    while (b->room > BAG_CHUNK && b->count <= b->room - BAG_CHUNK) bag_free_last_chunk(b);
    if (b->count == 0) bag_clear(b);
}

void bag_clear(struct bag *b) {
    b->count = 0;
    while (b->room > BAG_CHUNK) bag_free_last_chunk(b);
    if (b->room) mem_free(b->vector);
    b->vector = NULL;
    b->room = 0;
}

size_t bag_bytes(const struct bag *b) {
    size_t bytes = (size_t)b->room * sizeof(struct entry *);
    if (b->room > BAG_CHUNK) bytes += bag_list_room(b->room / BAG_CHUNK) * sizeof(struct entry **);
    return bytes;
}

/* bag.h: an unordered, growing array of entry pointers, for the slots of the expiry wheel.
 *
 * A small bag is one vector that doubles; a large one is a list of chunks of BAG_CHUNK pointers, so that
 * adding to a bag of millions never copies them. The last element fills the gap of a removed one, so a place
 * is valid until a removal. 16 bytes when empty. Under the slice's hold.
 */
#ifndef GYRE_STORE_BAG_H
#define GYRE_STORE_BAG_H

#include <stddef.h>
#include <stdint.h>

struct entry;

enum { BAG_CHUNK = 512, BAG_SMALLEST = 4 };

struct bag {
    union {
        struct entry **vector;  /* room <= BAG_CHUNK */
        struct entry ***chunks; /* above: room / BAG_CHUNK of them */
    };
    uint32_t count, room;
};

static inline struct entry **bag_at(const struct bag *b, uint32_t place) {
    if (b->room <= BAG_CHUNK) return &b->vector[place];
    return &b->chunks[place / BAG_CHUNK][place % BAG_CHUNK];
}

/* Returns the place of the new element. */
uint32_t bag_add(struct bag *b, struct entry *e);
/* Takes out the element at `place`; returns the one that now stands there, NULL if it was the last. */
struct entry *bag_remove(struct bag *b, uint32_t place);
/* Forgets all elements and frees. */
void bag_clear(struct bag *b);
/* Forgets up to BAG_CHUNK of the last elements, for clearing a large bag in steps. */
void bag_drop_chunk(struct bag *b);
size_t bag_bytes(const struct bag *b);

#endif

/* intset.h: a sorted array of different integers in one allocation, in Redis's intset format.
 *
 * The format is the one of RDB files, so a small set of integers is dumped and loaded as it is:
 *
 *     width of an integer (4 bytes: 2, 4 or 8) | how many (4) | integers, ascending ...   (little endian)
 *
 * All have the width that the widest one needed when it came. A struct intset owns its bytes; what changes
 * one may move it and returns where it is now. Its first byte says OBJECT_INTSET, whoever owns it (object.h).
 * Finding is O(log n), adding and removing O(n) by one memmove: it is for small sets.
 *
 * Any thread may use one that nobody else uses: one in a key is used under its slice's hold.
 */
#ifndef GYRE_TYPE_INTSET_H
#define GYRE_TYPE_INTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTSET_COUNT_MAX = 1 << 28, INTSET_IMAGE_HEAD = 8 };

struct intset {
    uint8_t encoding;
    uint8_t spare[3];
    uint32_t room; /* bytes of integers[] that are allocated */
    /* The image that goes into files begins here. */
    uint32_t width, count;
    unsigned char integers[];
};

/* An empty one, ready for this integer. */
struct intset *intset_new_for(int64_t n);
/* From the bytes of an intset, which intset_is_sound has approved of. */
struct intset *intset_from(const void *image, size_t bytes);
struct intset *intset_copy(const struct intset *s);
void intset_free(struct intset *s);
/* Memory it takes, by mem_size. */
size_t intset_footprint(const struct intset *s);

/* Whether foreign bytes are an intset in every detail: width, length, order. */
bool intset_is_sound(const void *bytes, size_t len);
/* The bytes for a file: valid until the next change. */
const void *intset_image(const struct intset *s, size_t *bytes);

static inline size_t intset_count(const struct intset *s) {
    return s->count;
}
/* The i-th smallest; i < count. */
int64_t intset_at(const struct intset *s, size_t i);
bool intset_has(const struct intset *s, int64_t n);

/* There must be fewer than INTSET_COUNT_MAX. */
struct intset *intset_add(struct intset *s, int64_t n, bool *added);
struct intset *intset_remove(struct intset *s, int64_t n, bool *removed);
/* Removes `count` integers from the i-th on. Gives memory back when much of it is unused. */
struct intset *intset_remove_at(struct intset *s, size_t i, size_t count);

#endif

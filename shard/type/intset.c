/* intset.c: sorted arrays of integers: see intset.h for the format.
 *
 * Under the hold of the slice whose key it belongs to, or by its only owner. The array has room to spare in
 * the sense of the allocator only: `room` is all that the block can hold, so a growing set moves as often as
 * the allocator's sizes change, and no memory is set aside beyond that.
 *
 * Integers are read and written in the machine's order, which is the format's on every machine we run on.
 */
#include "shard/type/intset.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/type/object.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers lie in memory as in files");
_Static_assert(offsetof(struct intset, integers) - offsetof(struct intset, width) == INTSET_IMAGE_HEAD,
               "the image is in one piece");

enum {
    ROOM_FIRST = 16,    /* what fits beside the head in the smallest block */
    ROOM_KEPT_MIN = 64, /* blocks up to this are not worth shrinking */
};

/* The narrowest width that holds n. */
static uint32_t width_of(int64_t n) {
    if (n >= INT16_MIN && n <= INT16_MAX) return 2;
    return n >= INT32_MIN && n <= INT32_MAX ? 4 : 8;
}

static inline int64_t integer_load(const unsigned char *integers, uint32_t width, size_t i) {
    int16_t n16;
    int32_t n32;
    int64_t n64;
    switch (width) {
    case 2: memcpy(&n16, integers + i * 2, 2); return n16;
    case 4: memcpy(&n32, integers + i * 4, 4); return n32;
    default: memcpy(&n64, integers + i * 8, 8); return n64;
    }
}

static inline void integer_store(unsigned char *integers, uint32_t width, size_t i, int64_t n) {
    /* The low bytes of a little-endian number come first. */
    memcpy(integers + i * width, &n, width);
}

static struct intset *intset_allocate(size_t room) {
    ASSERT(room <= (size_t)INTSET_COUNT_MAX * 8);
    struct intset *s = mem_alloc(sizeof *s + room);
    *s = (struct intset){.encoding = OBJECT_INTSET, .room = (uint32_t)room, .width = 2};
    return s;
}

/* Gives it room for `bytes` bytes of integers, more or fewer than it has. */
static struct intset *intset_resize(struct intset *s, size_t bytes) {
    ASSERT(bytes <= (size_t)INTSET_COUNT_MAX * 8);
    s = mem_realloc(s, sizeof *s + bytes);
    size_t room = mem_size(s) - sizeof *s;
    s->room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
    ASSERT(s->room >= bytes);
    return s;
}

struct intset *intset_new_for(int64_t n) {
    struct intset *s = intset_allocate(ROOM_FIRST);
    s->width = width_of(n);
    return s;
}

struct intset *intset_from(const void *image, size_t bytes) {
    DASSERT(intset_is_sound(image, bytes));
    ASSERT(bytes >= INTSET_IMAGE_HEAD);
    struct intset *s = intset_allocate(bytes - INTSET_IMAGE_HEAD);
    memcpy(&s->width, image, bytes);
    return s;
}

struct intset *intset_copy(const struct intset *s) {
    size_t bytes;
    const void *image = intset_image(s, &bytes);
    return intset_from(image, bytes);
}

void intset_free(struct intset *s) {
    mem_free(s);
}

size_t intset_footprint(const struct intset *s) {
    return mem_size(s);
}

bool intset_is_sound(const void *bytes, size_t len) {
    uint32_t width, count;
    if (len < INTSET_IMAGE_HEAD) return false;
    memcpy(&width, bytes, sizeof width);
    memcpy(&count, (const char *)bytes + sizeof width, sizeof count);
    if ((width != 2 && width != 4 && width != 8) || count > INTSET_COUNT_MAX) return false;
    if (len - INTSET_IMAGE_HEAD != (size_t)count * width) return false;
    const unsigned char *integers = (const unsigned char *)bytes + INTSET_IMAGE_HEAD;
    for (size_t i = 1; i < count; i++)
        if (integer_load(integers, width, i - 1) >= integer_load(integers, width, i)) return false;
    return true;
}

const void *intset_image(const struct intset *s, size_t *bytes) {
    *bytes = INTSET_IMAGE_HEAD + (size_t)s->count * s->width;
    return &s->width;
}

int64_t intset_at(const struct intset *s, size_t i) {
    ASSERT(i < s->count);
    return integer_load(s->integers, s->width, i);
}

/* How many integers of the array are less than n. Without branches that depend on the data. */
static inline size_t lower_bound(const unsigned char *integers, uint32_t width, size_t count, int64_t n) {
    size_t low = 0;
    while (count > 1) {
        size_t half = count / 2;
        low = integer_load(integers, width, low + half - 1) < n ? low + half : low;
        count -= half;
    }
    return count == 1 && integer_load(integers, width, low) < n ? low + 1 : low;
}

/* Where n stands or belongs. A constant width makes each search its own loop. */
static size_t intset_place(const struct intset *s, int64_t n) {
    switch (s->width) {
    case 2: return lower_bound(s->integers, 2, s->count, n);
    case 4: return lower_bound(s->integers, 4, s->count, n);
    default: return lower_bound(s->integers, 8, s->count, n);
    }
}

static bool stands_at(const struct intset *s, size_t i, int64_t n) {
    return i < s->count && integer_load(s->integers, s->width, i) == n;
}

bool intset_has(const struct intset *s, int64_t n) {
    return stands_at(s, intset_place(s, n), n);
}

/* Gives all integers the width that n needs, and makes room for it: from the end, since every integer
 * moves up. */
static struct intset *intset_widen(struct intset *s, int64_t n) {
    uint32_t before = s->width, width = width_of(n);
    ASSERT(width > before);
    size_t bytes = ((size_t)s->count + 1) * width;
    if (bytes > s->room) s = intset_resize(s, bytes);
    for (size_t i = s->count; i > 0; i--)
        integer_store(s->integers, width, i - 1, integer_load(s->integers, before, i - 1));
    s->width = width;
    return s;
}

struct intset *intset_add(struct intset *s, int64_t n, bool *added) {
    ASSERT(s->encoding == OBJECT_INTSET);
    if (width_of(n) > s->width) s = intset_widen(s, n);
    size_t width = s->width, place = intset_place(s, n);
    *added = !stands_at(s, place, n);
    if (!*added) return s;
    ASSERT(s->count < INTSET_COUNT_MAX);
    size_t bytes = (size_t)s->count * width;
    if (bytes + width > s->room) s = intset_resize(s, bytes + width);
    unsigned char *at = s->integers + place * width;
    memmove(at + width, at, bytes - place * width);
    integer_store(s->integers, s->width, place, n);
    s->count++;
    return s;
}

struct intset *intset_remove_at(struct intset *s, size_t i, size_t count) {
    ASSERT(i <= s->count && count <= s->count - i);
    size_t width = s->width;
    unsigned char *at = s->integers + i * width;
    memmove(at, at + count * width, (s->count - i - count) * width);
    s->count -= (uint32_t)count;
    size_t bytes = s->count * width;
    return s->room > ROOM_KEPT_MIN && bytes < s->room / 2 ? intset_resize(s, bytes) : s;
}

struct intset *intset_remove(struct intset *s, int64_t n, bool *removed) {
    size_t place = intset_place(s, n);
    *removed = stands_at(s, place, n);
    return *removed ? intset_remove_at(s, place, 1) : s;
}

/* choice.c: remembering what was drawn: see choice.h. */
#include "shard/type/choice.h"

#include "shard/base/mem.h"

enum { PLACES_MIN = 16 };

struct drawn drawn_new(size_t count) {
    size_t size = PLACES_MIN;
    while (size < count * 2) size *= 2;
    struct drawn d = {.places = mem_alloc(size * sizeof *d.places), .mask = size - 1};
    for (size_t i = 0; i < size; i++) d.places[i] = UINTPTR_MAX;
    return d;
}

bool drawn_add(struct drawn *d, uintptr_t place) {
    ASSERT(place != UINTPTR_MAX);
    size_t i = (size_t)((place * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & d->mask;
    for (; d->places[i] != UINTPTR_MAX; i = (i + 1) & d->mask)
        if (d->places[i] == place) return false;
    d->places[i] = place;
    return true;
}

void drawn_free(struct drawn *d) {
    mem_free(d->places);
}

/* slice.c: making the one set of slices. At start, before threads. */
#include "shard/store/slice.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

struct slices slices;

void slices_create(unsigned shards, unsigned databases) {
    ASSERT(!slices.all);
    ASSERT(shards > 0 && shards <= THREADS_MAX && databases > 0);
    unsigned bits = 0;
    while (1u << bits < shards * SLICES_PER_SHARD) bits++;
    ASSERT(1u << bits <= SLICES_MAX && bits <= SLOT_BITS);

    slices.count = 1u << bits;
    slices.shift = SLOT_BITS - bits;
    slices.databases = databases;
    slices.all = mem_zalloc_aligned(slices.count * sizeof(struct slice), _Alignof(struct slice));
    for (unsigned i = 0; i < slices.count; i++) {
        struct slice *s = &slices.all[i];
        s->index = (uint16_t)i;
        s->owner = (uint16_t)((uint64_t)i * shards / slices.count);
        s->databases = mem_zalloc((size_t)2 * databases * sizeof s->databases[0]);
    }
}

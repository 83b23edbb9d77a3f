/* grave.c: a list of detached values per thread: see grave.h. */
#include "shard/store/grave.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/blob.h"
#include "shard/store/value_methods.h"

#include <stdint.h>

/* Blocks freed between two looks at the clock: each may be the last of its page and send that to the kernel. */
enum { STEP_EFFORT = 16 };

struct buried {
    struct buried *next;
    void *object;
    size_t bytes;
    enum value_type type; /* TYPE_STRING: the object is a blob */
};

/* Each touched by its thread alone. */
static struct {
    _Alignas(CACHE_LINE) struct buried *first;
    struct buried *last;
} graves[THREADS_MAX];

static _Atomic size_t bytes_waiting, objects_waiting, objects_freed;

static void bury(struct thread *t, enum value_type type, void *object, size_t bytes) {
    ASSERT(t->index < THREADS_MAX && object);
    struct buried *b = mem_alloc(sizeof *b);
    *b = (struct buried){.object = object, .bytes = bytes, .type = type};
    *(graves[t->index].last ? &graves[t->index].last->next : &graves[t->index].first) = b;
    graves[t->index].last = b;
    atomic_fetch_add_explicit(&bytes_waiting, b->bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&objects_waiting, 1, memory_order_relaxed);
}

void grave_free(struct thread *t, enum value_type type, void *object) {
    const struct value_methods *methods = value_methods_get(type);
    if (methods->effort(object) <= GRAVE_EFFORT)
        value_free(type, object);
    else
        bury(t, type, object, methods->bytes(object));
}

void grave_unref(struct thread *t, struct blob *blob) {
    if (blob->cap < GRAVE_BYTES)
        blob_unref(blob);
    else
        bury(t, TYPE_STRING, blob, blob_footprint(blob));
}

/* A step at a value; true while there is more of it. */
static bool free_some(const struct buried *b, size_t effort) {
    if (b->type != TYPE_STRING) return value_methods_get(b->type)->free_some(b->object, effort);
    return blob_unref_some(b->object);
}

/* Frees a step of the first value; true while anything is left. */
static bool dig_step(unsigned index, size_t effort) {
    struct buried *b = graves[index].first;
    if (!b) return false;
    if (free_some(b, effort)) return true;
    graves[index].first = b->next;
    if (!b->next) graves[index].last = NULL;
    atomic_fetch_sub_explicit(&bytes_waiting, b->bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&objects_waiting, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&objects_freed, 1, memory_order_relaxed);
    mem_free(b);
    return graves[index].first != NULL;
}

bool grave_dig(struct thread *t, unsigned budget_us) {
    ASSERT(t->holds_held == 0);
    if (LIKELY(!graves[t->index].first)) return false;
    mem_return_at_once(true); /* until the last is gone */
    uint64_t end_ns = clock_mono_ns() + (uint64_t)budget_us * 1000;
    while (dig_step(t->index, STEP_EFFORT))
        if (clock_mono_ns() >= end_ns) return true;
    mem_return_at_once(false);
    return false;
}

bool grave_is_empty(const struct thread *t) {
    return graves[t->index].first == NULL;
}

void graves_empty(void) {
    for (unsigned i = 0; i < THREADS_MAX; i++)
        while (dig_step(i, SIZE_MAX)) {
        }
}

size_t grave_bytes(void) {
    return atomic_load_explicit(&bytes_waiting, memory_order_relaxed);
}

size_t grave_objects(void) {
    return atomic_load_explicit(&objects_waiting, memory_order_relaxed);
}

size_t grave_freed(void) {
    return atomic_load_explicit(&objects_freed, memory_order_relaxed);
}

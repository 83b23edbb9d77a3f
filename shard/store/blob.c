/* blob.c: large string values, counted references to bytes: see blob.h for who may change them and when. */
#include "shard/store/blob.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <string.h>

enum {
    MAPPED_FROM = 16 * 1024 * 1024, /* from there on the allocator would ask the kernel as well */
    ZEROS_MAPPED_FROM = 1024 * 1024,
    UNMAPPED_AT_ONCE = 1024 * 1024,
};

static size_t bytes_for(size_t cap) {
    ASSERT(cap <= SIZE_MAX / 4);
    return sizeof(struct blob) + cap;
}

static struct blob *make(size_t cap, size_t mapped_from, void *allocate(size_t)) {
    bool mapped = cap >= mapped_from;
    struct blob *b = mapped ? mem_map(bytes_for(cap)) : allocate(bytes_for(cap));
    atomic_init(&b->refs, 1);
    b->mapped = mapped;
    b->len = 0;
    b->cap = cap;
    return b;
}

struct blob *blob_new(size_t cap) {
    return make(cap, MAPPED_FROM, mem_alloc);
}

struct blob *blob_new_zeroed(size_t cap) {
    return make(cap, ZEROS_MAPPED_FROM, mem_zalloc);
}

struct blob *blob_new_from(const void *bytes, size_t len) {
    struct blob *b = blob_new(len);
    if (len) memcpy(b->data, bytes, len);
    b->len = len;
    return b;
}

void blob_unref(struct blob *b) {
    uint32_t before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1) return;
    if (b->mapped)
        mem_unmap(b, bytes_for(b->cap));
    else
        mem_free(b);
}

bool blob_unref_some(struct blob *b) {
    if (!b->mapped || blob_is_shared(b) || b->cap <= UNMAPPED_AT_ONCE) {
        blob_unref(b);
        return false;
    }
    size_t cap = b->cap - UNMAPPED_AT_ONCE;
    struct blob *same = mem_map_resize(b, bytes_for(b->cap), bytes_for(cap));
    ASSERT(same == b);
    b->cap = cap;
    return true;
}

size_t blob_footprint(const struct blob *b) {
    return b->mapped ? mem_map_size(bytes_for(b->cap)) : mem_size(b);
}

struct blob *blob_make_writable(struct blob *b, size_t cap) {
    ASSERT(b->len <= b->cap);
    size_t kept = b->len < cap ? b->len : cap;
    if (blob_is_shared(b)) {
        struct blob *copy = blob_new(cap);
        memcpy(copy->data, b->data, kept);
        copy->len = kept;
        blob_unref(b);
        return copy;
    }
    if (cap != b->cap) {
        ASSERT(!b->mapped || cap > b->cap); /* so what lies behind the room is zeros */
        b = b->mapped ? mem_map_resize(b, bytes_for(b->cap), bytes_for(cap)) : mem_realloc(b, bytes_for(cap));
        b->cap = cap;
    }
    b->len = kept;
    return b;
}

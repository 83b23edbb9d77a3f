/* blob.c: large string values, counted references to bytes: see blob.h for who may change them and when. */
#include "shard/store/blob.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <string.h>

struct blob *blob_new(size_t cap) {
    ASSERT(cap <= SIZE_MAX - sizeof(struct blob));
    struct blob *b = mem_alloc(sizeof *b + cap);
    atomic_init(&b->refs, 1);
    b->len = 0;
    b->cap = cap;
    return b;
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
    if (before == 1) mem_free(b);
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
        ASSERT(cap <= SIZE_MAX - sizeof *b);
        b = mem_realloc(b, sizeof *b + cap);
        b->cap = cap;
    }
    b->len = kept;
    return b;
}

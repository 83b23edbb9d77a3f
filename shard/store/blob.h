/* blob.h: a large string value: refcounted bytes, immutable while shared.
 *
 * A blob is owned by its key's entry and, while a reply that refers to it is being sent, by that connection
 * too. The count is atomic, because the connection may belong to another thread than the next writer. Only
 * the sole owner, under the slice's hold, changes the bytes: a count of 1 seen by the holder cannot rise
 * behind its back, since new references are made only under the same hold.
 *
 * The largest, and those that begin as megabytes of zeros, have pages of their own: the zeros need not be
 * written, lengthening copies nothing, and they are given back to the kernel in steps.
 */
#ifndef GYRE_STORE_BLOB_H
#define GYRE_STORE_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    _Atomic uint32_t refs;
    bool mapped; /* it has pages of its own (mem_map) */
    size_t len;  /* bytes in use */
    size_t cap;  /* bytes there is room for */
    char data[];
};

/* A new blob with room for `cap` bytes, len 0, one reference. */
struct blob *blob_new(size_t cap);
struct blob *blob_new_from(const void *bytes, size_t len);
/* The same with zeros in all of its room; for megabytes they cost nothing until they are touched. */
struct blob *blob_new_zeroed(size_t cap);
static inline struct blob *blob_ref(struct blob *b) {
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}
/* Frees it with the last reference. */
void blob_unref(struct blob *b);
/* The same in steps of about a megabyte; true while there is more. Meanwhile nobody else may use the caller's
 * reference. */
bool blob_unref_some(struct blob *b);
/* Memory that it takes. */
size_t blob_footprint(const struct blob *b);
static inline bool blob_is_shared(struct blob *b) {
    return atomic_load_explicit(&b->refs, memory_order_acquire) > 1;
}
/* A blob with the same first min(len, cap) bytes, room for cap and one reference: *b itself, moved perhaps,
 * when it was not shared, otherwise a copy (and the caller's reference to the old one is given up). One that
 * is mapped and not shared is not made smaller; what it is made larger by is zeros. */
struct blob *blob_make_writable(struct blob *b, size_t cap);

#endif

/* mem.h: allocation, with an account of what is really used.
 *
 * All memory of the server comes from here (mimalloc; libc's malloc under the sanitizers, -DMEM_LIBC). Every
 * block is counted at the size the allocator gives for it. A thread keeps its own balance and publishes it to
 * the shared total once it has drifted by MEM_PUBLISH_BYTES, so mem_used() costs two loads and is off by at
 * most that much per other thread (the caller's own balance is always in it). Allocation never returns NULL:
 * a cache that cannot allocate says so and stops (maxmemory is the way to bound it).
 *
 * Any thread may call these and may free what another allocated (see mem_home.h).
 */
#ifndef GYRE_BASE_MEM_H
#define GYRE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEM_PUBLISH_BYTES = 16384 };

void *mem_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t bytes) __attribute__((malloc, returns_nonnull));
/* `alignment` is a power of two; the block is freed by mem_free. Zeroed. */
void *mem_zalloc_aligned(size_t bytes, size_t alignment) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *block, size_t bytes) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
void *mem_dup(const void *bytes, size_t n) __attribute__((malloc, returns_nonnull));
/* NULL is allowed. */
void mem_free(void *block);
/* The bytes really set aside for a live block: what the account holds for it. 0 for NULL. */
size_t mem_size(const void *block);

/* Blocks for what only passes through, on its way to a disk or to another server. They are in use like others, but do
 * not count towards maxmemory: deleting keys would not make them less. Freed by mem_passing_free, by any thread. */
void *mem_passing_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
void *mem_passing_realloc(void *block, size_t bytes) __attribute__((returns_nonnull));
void mem_passing_free(void *block);
/* Bytes in use without those: never more than there are (but for the drift), for a moment perhaps less, so nobody ever
 * makes room for what passes through. */
size_t mem_countable(void);

/* Zeros in pages of their own, for megabytes: they cost nothing until they are touched, grow and shrink without
 * being copied, and any thread may give them back. The caller remembers how many bytes there are; what is
 * counted is whole pages (mem_map_size). */
void *mem_map(size_t bytes);
void *mem_map_resize(void *block, size_t from_bytes, size_t to_bytes);
void mem_unmap(void *block, size_t bytes);
size_t mem_map_size(size_t bytes);
/* Bytes in use by all threads, and the highest that figure has been seen at mem_peak_note calls. */
size_t mem_used(void);
size_t mem_peak(void);
void mem_peak_note(void);
/* Asks the allocator to give free memory of this thread back to the kernel. */
void mem_purge(void);
/* Whether memory that becomes free goes back to the kernel at once, bit by bit, rather than much of it in one
 * long call some time later. This thread's wish; it is granted to all while one has it. */
void mem_return_at_once(bool at_once);
/* Publishes this thread's balance at once (before it sleeps or ends). */
void mem_publish(void);

#endif

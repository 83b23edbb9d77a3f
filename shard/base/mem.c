/* mem.c: the allocator's front, and the account of what is in use.
 *
 * mem_alloc and mem_free are on the path of every write, so the account must cost next to nothing: each
 * thread adds to a plain thread-local balance, and only when that has drifted by MEM_PUBLISH_BYTES is it
 * moved to the shared total with one atomic add. A thread that frees what others allocate has a negative
 * balance; the sum is what counts, and it may be below zero for a moment while one side is published and the
 * other is not.
 *
 * Blocks are counted at their usable size, asked of the allocator when they come and when they go, so no
 * header is kept in front of a block and the account cannot drift from the truth. For small blocks the
 * question costs as much as the allocation; a table made at start-up, of what this very allocator gives for
 * each small size, answers instead.
 *
 * Out of memory is not survivable for a cache half way through a command: it is said in the log, then the
 * process aborts. maxmemory is what keeps it from happening.
 */
#include "shard/base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem_home.h"

#ifdef MEM_LIBC
#include <malloc.h>
#else
#include <mimalloc.h>
#endif

/* On its own cache line: many threads add to the one and read it, and nothing else should suffer for that. */
static _Alignas(64) _Atomic int64_t total_bytes;
static _Atomic int64_t countable_bytes; /* the total without what passes through */
static _Alignas(64) _Atomic size_t peak_bytes;
static _Thread_local int64_t balance_bytes, passing_balance_bytes; /* the latter is part of the former */

static inline size_t usable_size(const void *block) {
#ifdef MEM_LIBC
    return malloc_usable_size((void *)block);
#else
    return mi_usable_size(block);
#endif
}

enum { PAGE_BYTES = 4096 };
enum { DECOMMIT_DELAY_MS = 25 }; /* the allocator's own setting */

/* usable_small[(n + 7) / 8] is the usable size of a block of n bytes, or 0 where it must be asked. */
enum { SMALL_MAX = 1024, SMALL_STEP = 8 };
static uint16_t usable_small[SMALL_MAX / SMALL_STEP + 1];

#ifndef MEM_LIBC
/* Before main, so that no allocation can come earlier. An allocator built with padding gives other sizes for
 * requests of one step, and then every block is asked. */
static __attribute__((constructor)) void measure_small_sizes(void) {
    for (size_t step = 1; step <= SMALL_MAX / SMALL_STEP; step++) {
        void *largest = mi_malloc(step * SMALL_STEP), *smallest = mi_malloc((step - 1) * SMALL_STEP + 1);
        size_t usable = largest == NULL ? 0 : mi_usable_size(largest);
        if (smallest != NULL && mi_usable_size(smallest) == usable && usable <= UINT16_MAX) {
            usable_small[step] = (uint16_t)usable;
        }
        mi_free(largest);
        mi_free(smallest);
    }
}
#endif

static inline size_t usable_size_of_new(const void *block, size_t bytes) {
    size_t known = bytes <= SMALL_MAX ? usable_small[(bytes + SMALL_STEP - 1) / SMALL_STEP] : 0;
    if (UNLIKELY(known == 0)) return usable_size(block);
    DASSERT(known == usable_size(block));
    return known;
}

static __attribute__((noinline)) void publish_balance(void) {
    atomic_fetch_add_explicit(&total_bytes, balance_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&countable_bytes, balance_bytes - passing_balance_bytes, memory_order_relaxed);
    balance_bytes = passing_balance_bytes = 0;
}

static inline void account(int64_t delta) {
    int64_t balance = balance_bytes + delta;
    balance_bytes = balance;
    /* One comparison for both signs. */
    if (UNLIKELY((uint64_t)(balance + MEM_PUBLISH_BYTES) > 2 * (uint64_t)MEM_PUBLISH_BYTES))
        publish_balance();
}

static _Noreturn __attribute__((noinline, cold)) void out_of_memory(size_t bytes) {
    log_warning(
        "Out of memory: cannot allocate %zu bytes (%zu bytes are in use). Lower maxmemory or free memory "
        "on this machine.",
        bytes, mem_used());
    abort();
}

/* Counts a block just got from malloc or calloc. */
static inline void *admit(void *block, size_t bytes) {
    if (UNLIKELY(block == NULL)) out_of_memory(bytes);
    account((int64_t)usable_size_of_new(block, bytes));
    return block;
}

void *mem_alloc(size_t bytes) {
#ifdef MEM_LIBC
    return admit(malloc(bytes), bytes);
#else
    return admit(mi_malloc(bytes), bytes);
#endif
}

void *mem_zalloc(size_t bytes) {
#ifdef MEM_LIBC
    return admit(calloc(1, bytes), bytes);
#else
    return admit(mi_zalloc(bytes), bytes);
#endif
}

void *mem_zalloc_aligned(size_t bytes, size_t alignment) {
    ASSERT(alignment != 0 && (alignment & (alignment - 1)) == 0);
#ifdef MEM_LIBC
    void *block = NULL;
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    if (posix_memalign(&block, alignment, bytes) != 0) out_of_memory(bytes);
    memset(block, 0, bytes);
#else
    void *block = mi_zalloc_aligned(bytes, alignment);
    if (UNLIKELY(block == NULL)) out_of_memory(bytes);
#endif
    account((int64_t)usable_size(block));
    return block;
}

void *mem_realloc(void *block, size_t bytes) {
    if (block == NULL) return mem_alloc(bytes);
    int64_t before = (int64_t)usable_size(block);
#ifdef MEM_LIBC
    /* libc frees the block when asked for 0 bytes; ours never does. */
    void *moved = realloc(block, bytes == 0 ? 1 : bytes);
#else
    void *moved = mi_realloc(block, bytes);
#endif
    if (UNLIKELY(moved == NULL)) out_of_memory(bytes);
    account((int64_t)usable_size(moved) - before);
    return moved;
}

char *mem_strdup(const char *text) {
    return mem_dup(text, strlen(text) + 1);
}

void *mem_dup(const void *bytes, size_t n) {
    void *copy = mem_alloc(n);
    if (n > 0) memcpy(copy, bytes, n);
    return copy;
}

void mem_home_release(void *block) {
#ifdef MEM_LIBC
    free(block);
#else
    mi_free(block);
#endif
}

void mem_free(void *block) {
    if (block == NULL) return;
    account(-(int64_t)usable_size(block));
    if (mem_home_sends && mem_home_take(block)) return;
    mem_home_release(block);
}

size_t mem_size(const void *block) {
    return block == NULL ? 0 : usable_size(block);
}

size_t mem_map_size(size_t bytes) {
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

/* ---- what passes through ---- */

/* The account takes note of such a block before it is there, at a guess that is put right then, and forgets it when it is
 * gone: whenever a balance is published in between, the block is not in what counts. */
static void count_passing(size_t now, size_t before) {
    passing_balance_bytes += (int64_t)now - (int64_t)before;
}

static void publish_passing(void) {
    if (passing_balance_bytes > MEM_PUBLISH_BYTES || passing_balance_bytes < -MEM_PUBLISH_BYTES)
        publish_balance();
}

void *mem_passing_realloc(void *block, size_t bytes) {
    size_t before = mem_size(block);
    size_t guess = (bytes > before ? bytes : before) + bytes / 4 + PAGE_BYTES; /* allocators round up less */
    count_passing(guess, before);
    void *moved = mem_realloc(block, bytes);
    count_passing(mem_size(moved), guess);
    publish_passing();
    return moved;
}

void *mem_passing_alloc(size_t bytes) {
    return mem_passing_realloc(NULL, bytes);
}

void mem_passing_free(void *block) {
    size_t before = mem_size(block);
    mem_free(block);
    count_passing(0, before);
    publish_passing();
}

/* ---- pages ---- */

void *mem_map(size_t bytes) {
    ASSERT(bytes > 0 && bytes < SIZE_MAX / 2);
    void *block = mmap(NULL, mem_map_size(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (UNLIKELY(block == MAP_FAILED)) out_of_memory(bytes);
    account((int64_t)mem_map_size(bytes));
    return block;
}

void *mem_map_resize(void *block, size_t from_bytes, size_t to_bytes) {
    ASSERT(block && to_bytes > 0 && to_bytes < SIZE_MAX / 2);
    size_t from = mem_map_size(from_bytes), to = mem_map_size(to_bytes);
    void *moved = mremap(block, from, to, MREMAP_MAYMOVE);
    if (UNLIKELY(moved == MAP_FAILED)) out_of_memory(to_bytes);
    account((int64_t)to - (int64_t)from);
    return moved;
}

void mem_unmap(void *block, size_t bytes) {
    int failed = munmap(block, mem_map_size(bytes));
    ASSERT(!failed);
    account(-(int64_t)mem_map_size(bytes));
}

size_t mem_used(void) {
    /* With this thread's own balance: it must see at once what its own frees gained (eviction counts on
     * that). */
    int64_t total = atomic_load_explicit(&total_bytes, memory_order_relaxed) + balance_bytes;
    return total > 0 ? (size_t)total : 0;
}

size_t mem_countable(void) {
    int64_t countable = atomic_load_explicit(&countable_bytes, memory_order_relaxed);
    countable += balance_bytes - passing_balance_bytes;
    return countable > 0 ? (size_t)countable : 0;
}

size_t mem_peak(void) {
    mem_peak_note();
    return atomic_load_explicit(&peak_bytes, memory_order_relaxed);
}

void mem_peak_note(void) {
    size_t used = mem_used();
    size_t peak = atomic_load_explicit(&peak_bytes, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak_explicit(
                              &peak_bytes, &peak, used, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* The allocator gives pages back some while after they became free, and then all that are free in a segment
 * of 32 MiB in one call, which takes the kernel up to two milliseconds. Where many become free one after the
 * other it is better to give each back at once. */
void mem_return_at_once(bool at_once) {
#ifdef MEM_LIBC
    (void)at_once;
#else
    static _Thread_local bool asked;
    static _Atomic unsigned asking; /* threads */
    if (at_once == asked) return;
    asked = at_once;
    /* Two threads that cross here may leave the setting at either: it is about time only. */
    if (at_once && atomic_fetch_add(&asking, 1) == 0) {
        mi_option_set(mi_option_decommit_delay, 0);
    } else if (!at_once && atomic_fetch_sub(&asking, 1) == 1) {
        mi_option_set(mi_option_decommit_delay, DECOMMIT_DELAY_MS);
    }
#endif
}

void mem_purge(void) {
#ifdef MEM_LIBC
    malloc_trim(0);
#else
    /* Pages that become free now are given back only a while later, by the next use of their segment, and on
     * an idle thread there is none: so for this once at once. */
    mem_return_at_once(true);
    mi_collect(true);
    mem_return_at_once(false);
#endif
}

void mem_publish(void) {
    if (balance_bytes != 0 || passing_balance_bytes != 0) publish_balance();
}

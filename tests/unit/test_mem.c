/* test_mem.c: the account against the blocks that are alive, across threads, and the end when memory runs
 * out. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/random.h"

Test(mem, block_is_counted_at_its_real_size) {
    for (size_t bytes = 0; bytes < 200000; bytes += bytes < 2100 ? 1 : 997) {
        size_t before = mem_used();
        unsigned char *block = mem_alloc(bytes);
        cr_assert_geq(mem_size(block), bytes);
        cr_assert_eq(mem_used() - before, mem_size(block), "%zu bytes", bytes);
        memset(block, 0xab, bytes);
        mem_free(block);
        cr_assert_eq(mem_used(), before, "%zu bytes", bytes);
    }
}

Test(mem, zeroed_blocks_are_zero_and_counted) {
    for (size_t bytes = 0; bytes < 5000; bytes += 13) {
        void *dirty = mem_alloc(bytes);
        memset(dirty, 0xff, bytes);
        mem_free(dirty);
        size_t before = mem_used();
        unsigned char *block = mem_zalloc(bytes);
        cr_assert_eq(mem_used() - before, mem_size(block));
        for (size_t i = 0; i < bytes; i++) cr_assert_eq(block[i], 0);
        mem_free(block);
        cr_assert_eq(mem_used(), before);
    }
}

Test(mem, aligned_blocks) {
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (size_t bytes = 1; bytes < 10000; bytes = bytes * 3 + 1) {
            size_t before = mem_used();
            unsigned char *block = mem_zalloc_aligned(bytes, alignment);
            cr_assert_eq((uintptr_t)block % alignment, 0);
            cr_assert_geq(mem_size(block), bytes);
            cr_assert_eq(mem_used() - before, mem_size(block));
            for (size_t i = 0; i < bytes; i++) cr_assert_eq(block[i], 0);
            mem_free(block);
            cr_assert_eq(mem_used(), before);
        }
    }
}

Test(mem, realloc_keeps_contents_and_account) {
    size_t before = mem_used();
    unsigned char *block = mem_realloc(NULL, 10);
    for (unsigned i = 0; i < 10; i++) block[i] = (unsigned char)i;
    static const size_t sizes[] = {11, 1000, 100000, 3000000, 50, 10, 0, 20};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        size_t kept = sizes[k] < 10 ? sizes[k] : 10;
        block = mem_realloc(block, sizes[k]);
        cr_assert_not_null(block);
        cr_assert_eq(mem_used() - before, mem_size(block));
        for (unsigned i = 0; i < kept && k < 6; i++) cr_assert_eq(block[i], i);
    }
    mem_free(block);
    cr_assert_eq(mem_used(), before);
}

Test(mem, copies) {
    char *text = mem_strdup("some text");
    cr_assert_str_eq(text, "some text");
    mem_free(text);
    unsigned char *bytes = mem_dup("a\0b", 3);
    cr_assert_arr_eq(bytes, "a\0b", 3);
    mem_free(bytes);
    mem_free(mem_dup(NULL, 0));
}

Test(mem, null_is_nothing) {
    size_t before = mem_used();
    mem_free(NULL);
    cr_assert_eq(mem_size(NULL), 0);
    cr_assert_eq(mem_used(), before);
}

/* Blocks of all sizes that come and go at random: the account equals the sum over the living at every
 * check. */
Test(mem, account_equals_the_living) {
    enum { BLOCKS = 500, ROUNDS = 50000 };
    static void *blocks[BLOCKS];
    struct random r;
    random_seed(&r, 4);
    size_t base = mem_used(), alive = 0;
    for (int i = 0; i < ROUNDS; i++) {
        void **block = &blocks[random_below(&r, BLOCKS)];
        alive -= mem_size(*block);
        size_t bytes = random_next(&r) >> (50 + random_below(&r, 14));
        if (*block != NULL && random_below(&r, 2) == 0) {
            *block = mem_realloc(*block, bytes);
        } else {
            mem_free(*block);
            *block = random_below(&r, 3) == 0 ? NULL : mem_alloc(bytes);
        }
        alive += mem_size(*block);
        if (i % 100 == 0) cr_assert_eq(mem_used() - base, alive);
    }
    for (int i = 0; i < BLOCKS; i++) mem_free(blocks[i]);
    cr_assert_eq(mem_used(), base);
}

enum { CROSS_BLOCKS = 20000, CROSS_BYTES = 200 };
static void *cross[CROSS_BLOCKS];

static void *allocate_all(void *unused) {
    for (int i = 0; i < CROSS_BLOCKS; i++) cross[i] = mem_alloc(CROSS_BYTES);
    mem_publish();
    return unused;
}

static void *free_all(void *unused) {
    for (int i = 0; i < CROSS_BLOCKS; i++) mem_free(cross[i]);
    mem_publish();
    return unused;
}

static void run_thread(void *(*body)(void *)) {
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, body, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(mem, another_thread_may_free) {
    size_t base = mem_used();
    run_thread(allocate_all);
    size_t alive = 0;
    for (int i = 0; i < CROSS_BLOCKS; i++) alive += mem_size(cross[i]);
    cr_assert_geq(alive, (size_t)CROSS_BLOCKS * CROSS_BYTES);
    cr_assert_eq(mem_used() - base, alive);
    run_thread(free_all);
    cr_assert_eq(mem_used(), base);
}

enum { KEEPERS = 8, KEPT_BLOCKS = 10000, KEPT_BYTES = 100 };
static pthread_barrier_t kept_all, looked;
static void *kept[KEEPERS][KEPT_BLOCKS];

static void *keep_blocks_and_wait(void *mine) {
    void **blocks = mine;
    for (int i = 0; i < KEPT_BLOCKS; i++) blocks[i] = mem_alloc(KEPT_BYTES);
    pthread_barrier_wait(&kept_all);
    pthread_barrier_wait(&looked);
    for (int i = 0; i < KEPT_BLOCKS; i++) mem_free(blocks[i]);
    mem_publish();
    return NULL;
}

/* While threads live and have not published, each may be off by its own drift and no more. */
Test(mem, unpublished_drift_is_bounded) {
    pthread_t threads[KEEPERS];
    pthread_barrier_init(&kept_all, NULL, KEEPERS + 1);
    pthread_barrier_init(&looked, NULL, KEEPERS + 1);
    size_t base = mem_used();
    for (int i = 0; i < KEEPERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, keep_blocks_and_wait, kept[i]), 0);
    }
    pthread_barrier_wait(&kept_all);
    int64_t truth = 0;
    for (int i = 0; i < KEEPERS; i++) {
        for (int k = 0; k < KEPT_BLOCKS; k++) truth += (int64_t)mem_size(kept[i][k]);
    }
    int64_t error = (int64_t)mem_used() - (int64_t)base - truth;
    cr_assert(error <= KEEPERS * MEM_PUBLISH_BYTES && error >= -KEEPERS * MEM_PUBLISH_BYTES,
              "off by %lld of %lld", (long long)error, (long long)truth);
    pthread_barrier_wait(&looked);
    for (int i = 0; i < KEEPERS; i++) pthread_join(threads[i], NULL);
    cr_assert_eq(mem_used(), base);
}

Test(mem, what_passes_through_is_used_and_does_not_count) {
    size_t used = mem_used(), countable = mem_countable();
    void *block = mem_passing_alloc(100);
    cr_assert_eq(mem_used() - used, mem_size(block));
    cr_assert_eq(mem_countable(), countable);
    block = mem_passing_realloc(block, 1000000);
    cr_assert_eq(mem_used() - used, mem_size(block));
    cr_assert_eq(mem_countable(), countable);
    void *other = mem_alloc(50000);
    cr_assert_eq(mem_countable() - countable, mem_size(other));
    block = mem_passing_realloc(block, 10);
    cr_assert_eq(mem_used() - used, mem_size(block) + mem_size(other));
    mem_passing_free(block);
    mem_passing_free(NULL);
    cr_assert_eq(mem_used() - used, mem_size(other));
    cr_assert_eq(mem_countable() - countable, mem_size(other));
    mem_free(other);
    struct buf text = {.passing = true};
    buf_printf(&text, "%100000d", 1);
    cr_assert_eq(mem_used() - used, mem_size(text.data));
    cr_assert_eq(mem_countable(), countable);
    buf_free(&text);
    cr_assert(text.passing);
    cr_assert_eq(mem_used(), used);
}

static _Atomic bool passing_ends;

static void *pass_blocks(void *random) {
    while (!passing_ends) {
        void *block = mem_passing_alloc(random_below(random, 1 << 18));
        for (int i = 0; i < 4; i++) block = mem_passing_realloc(block, random_below(random, 1 << 20));
        mem_passing_free(block);
    }
    mem_publish();
    return NULL;
}

/* Whenever one looks: else keys would be evicted for it. */
Test(mem, what_passes_through_is_never_seen_to_count) {
    enum { PASSERS = 3, LOOKS = 300000 };
    pthread_t threads[PASSERS];
    struct random random[PASSERS];
    size_t base = mem_countable();
    for (unsigned i = 0; i < PASSERS; i++) {
        random_seed(&random[i], i);
        cr_assert_eq(pthread_create(&threads[i], NULL, pass_blocks, &random[i]), 0);
    }
    size_t most = 0;
    for (unsigned i = 0; i < LOOKS; i++) {
        size_t seen = mem_countable();
        if (seen > most) most = seen;
    }
    passing_ends = true;
    for (unsigned i = 0; i < PASSERS; i++) pthread_join(threads[i], NULL);
    cr_assert_leq(most, base + PASSERS * MEM_PUBLISH_BYTES);
    cr_assert_eq(mem_countable(), base);
}

Test(mem, peak_stays_when_memory_goes) {
    size_t base = mem_used();
    void *block = mem_alloc(10 << 20);
    mem_peak_note();
    mem_free(block);
    cr_assert_geq(mem_peak(), base + (10 << 20));
    cr_assert_lt(mem_used(), mem_peak());
    mem_purge();
    cr_assert_eq(mem_used(), base);
}

#ifndef MEM_LIBC /* the sanitizers' allocators end the process themselves */

enum { OUTPUT_MAX = 4096 };

static void check_out_of_memory(void *(*body)(void *)) {
    int out[2];
    cr_assert_eq(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        body(NULL);
        _exit(0);
    }
    close(out[1]);
    char text[OUTPUT_MAX] = {0};
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len < sizeof text - 1;) {
        n = read(out[0], text + len, sizeof text - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    close(out[0]);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d", status);
    cr_assert_not_null(strstr(text, "# Out of memory: cannot allocate 4611686018427387904 bytes"), "log: %s",
                       text);
}

static volatile size_t absurd = (size_t)1 << 62;

static void *alloc_absurd(void *unused) {
    (void)unused;
    return mem_alloc(absurd);
}

static void *zalloc_absurd(void *unused) {
    (void)unused;
    return mem_zalloc(absurd);
}

static void *zalloc_aligned_absurd(void *unused) {
    (void)unused;
    return mem_zalloc_aligned(absurd, 64);
}

static void *realloc_absurd(void *unused) {
    (void)unused;
    return mem_realloc(mem_alloc(10), absurd);
}

Test(mem, out_of_memory_is_said_and_aborts) {
    check_out_of_memory(alloc_absurd);
    check_out_of_memory(zalloc_absurd);
    check_out_of_memory(zalloc_aligned_absurd);
    check_out_of_memory(realloc_absurd);
}

#endif

#ifndef MEM_LIBC
static size_t resident_bytes(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%ld %ld", &pages, &resident) == 2);
    fclose(f);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Without the wish, all of it stays until the allocator is used some time later. */
Test(mem, memory_returns_bit_by_bit_where_that_is_asked_for) {
    enum { BLOCKS = 400000, BLOCK = 160 };
    void **blocks = mem_alloc(BLOCKS * sizeof *blocks);
    for (size_t i = 0; i < BLOCKS; i++) blocks[i] = memset(mem_alloc(BLOCK), 1, BLOCK);
    size_t full = resident_bytes();
    mem_return_at_once(true);
    mem_return_at_once(true);
    for (size_t i = 0; i < BLOCKS / 2; i++) mem_free(blocks[i]);
    size_t half = resident_bytes();
    mem_return_at_once(false);
    cr_assert_lt(half, full - (size_t)BLOCKS / 3 * BLOCK, "%zu of %zu bytes are left", half, full);
    for (size_t i = BLOCKS / 2; i < BLOCKS; i++) mem_free(blocks[i]);
    mem_free(blocks);
}
#endif

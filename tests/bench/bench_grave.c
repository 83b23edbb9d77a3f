/* bench_grave.c: the longest step in which a large value is freed, in the thread's own processor time.
 *
 * One thread, no server around it. A value of so many elements is made, its members in random order as a
 * server has them after a while; then it loses its key, and its thread frees it as the upkeep of a server
 * does: by grave_dig, once a turn. What a client may have to wait for is one step of that. The clock on the
 * wall tells little about it on a machine that does other things too.
 *
 *   bench_grave TYPE ELEMENTS    TYPE is set, hash, zset or list
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"
#include "shard/type/hash.h"
#include "shard/type/list.h"
#include "shard/type/set.h"
#include "shard/type/types.h"
#include "shard/type/zset.h"

enum { BUDGET_US = 100, MEMBER_MAX = 32 };

static struct thread me;

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *add(enum value_type type, void *object, uint64_t n) {
    char text[MEMBER_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "element:%010llu", (unsigned long long)n);
    if (type == TYPE_SET) {
        struct set_member m;
        bool added;
        set_member_from_text(&m, text, len);
        return set_add(object, &m, 0, &added);
    }
    if (type == TYPE_HASH) {
        struct hash_field f = hash_field(text, len);
        struct hash_value v = hash_value_bytes("value", 5);
        struct hash_limits none = {0};
        struct hash_change change;
        return hash_set(object, &f, &v, &none, &change);
    }
    if (type == TYPE_ZSET) {
        struct zset_put put = {.member = text, .len = len, .score = (double)(n * 7919 % 1000003)};
        return zset_put(object, &put);
    }
    struct list_limits limits = list_limits_make(-2, UINT32_MAX);
    return list_push(object, LIST_TAIL, (struct list_value){.data = text, .len = len}, &limits);
}

/* All numbers below `count` once, in an order that is as good as random. */
static void *make(enum value_type type, uint64_t count) {
    void *object = type == TYPE_LIST ? list_new(0) : NULL;
    uint64_t bits = 1;
    while (bits < count) bits *= 2;
    uint64_t n = 0;
    for (uint64_t i = 0; i < bits; i++) {
        n = (n * 6364136223846793005u + 1442695040888963407u) & (bits - 1);
        if (n < count) object = add(type, object, n);
    }
    return object;
}

static void dig(void) {
    uint64_t steps = 0, longest_ns = 0, above = 0, begun = cpu_ns();
    for (bool more = true; more; steps++) {
        uint64_t before = cpu_ns();
        more = grave_dig(&me, BUDGET_US);
        uint64_t taken = cpu_ns() - before;
        if (taken > longest_ns) longest_ns = taken;
        above += taken > 2 * BUDGET_US * 1000;
    }
    printf("freed in %llu steps, %llu ms: longest %llu us, %llu above %d us\n", (unsigned long long)steps,
           (unsigned long long)((cpu_ns() - begun) / 1000000), (unsigned long long)(longest_ns / 1000),
           (unsigned long long)above, 2 * BUDGET_US);
}

int main(int argc, char **argv) {
    static const char *const names[] = {"set", "hash", "zset", "list"};
    static const enum value_type types[] = {TYPE_SET, TYPE_HASH, TYPE_ZSET, TYPE_LIST};
    if (argc != 3) {
        fprintf(stderr, "usage: bench_grave set|hash|zset|list ELEMENTS\n");
        return 2;
    }
    clock_init();
    types_register();
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(names[i], argv[1]) != 0) continue;
        void *object = make(types[i], strtoull(argv[2], NULL, 10));
        uint64_t before = cpu_ns();
        grave_free(&me, types[i], object);
        printf("%s: detached in %llu us; ", argv[1], (unsigned long long)((cpu_ns() - before) / 1000));
        dig();
        return 0;
    }
    fprintf(stderr, "no such type\n");
    return 2;
}

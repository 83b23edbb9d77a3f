/* bench_store.c: what the keyspace costs: time per find and set, bytes per key, and the longest pause while
 * it grows.
 *
 * One thread, no server around it. Finds and sets run in batches of 16 as the server runs them: prefetch the
 * buckets, prefetch the entries, then run. Pauses are single calls, timed by the clock and by the thread's
 * processor time: on a busy machine only the latter says something about the table.
 *
 *   bench_store find KEYS SLICES     time of find, set over, set new, delete; bytes per key
 *   bench_store pause KEYS SLICES    longest calls while growing from 0 to KEYS, then while shrinking
 *   bench_store expire KEYS SLICES   longest steps while KEYS expire at random within ten seconds
 *   bench_store hits TRACE SECONDS POLICY KEYS
 *       hit ratio of a trace (a file of 32-bit key numbers) that is taken to last so long, under the
 *       POLICY of that number in enum eviction, with room for KEYS values of 100 bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shard/base/mem.h"
#include "shard/base/random.h"
#include "shard/rt/clock.h"
#include "shard/store/evict.h"
#include "shard/store/keyspace.h"
#include "shard/store/prefetch.h"

enum { BATCH = 16, ROUND = 1024, KEY_BYTES = 16, VALUE_MAX = 1000 };

static struct thread me;
static struct visit v = {.thread = &me};
static char value_text[VALUE_MAX];

static void make_slices(unsigned count) {
    slices_create(1, 1);
    slices.count = count;
    slices.shift = SLOT_BITS - (unsigned)__builtin_ctz(count);
    for (unsigned i = 0; i < count; i++)
        if (!hold_try(&slices.all[i].hold, &me)) abort();
}

static size_t resident_bytes(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2) abort();
    fclose(f);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static struct key key_number(uint64_t n, char *room) {
    memcpy(room, "key:000000000000", KEY_BYTES + 1);
    for (unsigned at = KEY_BYTES; n; n /= 10) room[--at] = (char)('0' + n % 10);
    return key_make(room, KEY_BYTES);
}

enum action { FIND, SET_OVER, SET_NEW, DELETE };

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t run_batch(struct key *batch, enum action action, size_t value_len) {
    uint64_t found = 0;
    for (unsigned j = 0; j < BATCH; j++) prefetch_bucket(batch[j].slice, 0, batch[j].hash);
    for (unsigned j = 0; j < BATCH; j++) prefetch_entry(batch[j].slice, 0, batch[j].hash);
    for (unsigned j = 0; j < BATCH; j++) {
        struct key *k = &batch[j];
        struct entry **at = keyspace_find(&v, k, action == FIND ? KEYSPACE_READ : KEYSPACE_WRITE);
        found += at != NULL;
        if (action == SET_OVER || action == SET_NEW) {
            keyspace_set(&v, k, at, value_bytes(value_text, value_len), NO_TTL);
        } else if (action == DELETE && at) {
            keyspace_delete(&v, k, at);
        }
    }
    return found;
}

/* Runs `action` on about `count` keys, random ones or in turn, and prints the processor's time for each. */
static void run(const char *name, enum action action, uint64_t count, uint64_t keys, size_t value_len) {
    static char rooms[ROUND][KEY_BYTES + 1];
    static struct key round[ROUND];
    uint64_t spent = 0, found = 0, done = 0;
    while (done + BATCH <= count) {
        unsigned n = count - done < ROUND ? (unsigned)(count - done) / BATCH * BATCH : ROUND;
        for (unsigned j = 0; j < n; j++)
            round[j] = key_number(action >= SET_NEW ? done + j : random_below(&me.random, keys), rooms[j]);
        uint64_t begun = cpu_ns();
        for (unsigned j = 0; j < n; j += BATCH) found += run_batch(&round[j], action, value_len);
        spent += cpu_ns() - begun;
        done += n;
    }
    printf("%-9s %7.1f ns  (%llu of %llu were there)\n", name, (double)spent / (double)done,
           (unsigned long long)found, (unsigned long long)done);
}

static void print_bytes(uint64_t keys, size_t resident_before) {
    size_t tables = 0, entries = 0;
    for (unsigned i = 0; i < slices.count; i++) {
        tables += table_bytes(&slice_keyspace(&slices.all[i], 0)->table);
        entries += counter_get(&slices.all[i].counters.entry_bytes);
    }
    printf("bytes per key: table %.1f, entry %.1f, resident %.1f\n", (double)tables / (double)keys,
           (double)entries / (double)keys, (double)(resident_bytes() - resident_before) / (double)keys);
}

static void bench_find(uint64_t keys) {
    size_t before = resident_bytes();
    run("set new", SET_NEW, keys, keys, 32);
    print_bytes(keys, before);
    for (unsigned i = 0; i < slices.count; i++)
        while (keyspace_maintain(&v, &slices.all[i], 1000)) continue;
    for (unsigned round = 0; round < 3; round++) run("find", FIND, 4000000, keys, 0);
    for (unsigned round = 0; round < 3; round++) run("set over", SET_OVER, 4000000, keys, 32);
    run("delete", DELETE, keys, keys, 0);
    before = resident_bytes();
    run("set new", SET_NEW, keys, keys, 100);
    print_bytes(keys, before);
}

/* The longest calls, by the clock and by the processor's time of this thread. */
struct pauses {
    uint64_t calls, longest_ns, longest_cpu_ns, cpu_over_100us;
};

static void note_pause(struct pauses *p, uint64_t wall_ticks, uint64_t cpu) {
    uint64_t wall_ns = clock_ticks_to_ns(wall_ticks);
    p->calls++;
    if (wall_ns > p->longest_ns) p->longest_ns = wall_ns;
    if (cpu > p->longest_cpu_ns) p->longest_cpu_ns = cpu;
    if (cpu > 100000) p->cpu_over_100us++;
}

static void print_pauses(const char *name, const struct pauses *p) {
    printf("%-9s %llu calls: longest %llu us of processor time (%llu calls above 100 us), %llu us by the "
           "clock\n",
           name, (unsigned long long)p->calls, (unsigned long long)(p->longest_cpu_ns / 1000),
           (unsigned long long)p->cpu_over_100us, (unsigned long long)(p->longest_ns / 1000));
}

static void bench_pause(uint64_t keys) {
    char room[KEY_BYTES + 1];
    struct pauses grow = {0}, shrink = {0};
    size_t before = resident_bytes();
    for (uint64_t i = 0; i < keys; i++) {
        struct key k = key_number(i, room);
        uint64_t begun = clock_ticks(), cpu = cpu_ns();
        keyspace_set(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE), value_bytes(value_text, 100), NO_TTL);
        note_pause(&grow, clock_ticks() - begun, cpu_ns() - cpu);
    }
    print_pauses("grow", &grow);
    print_bytes(keys, before);
    for (uint64_t i = 0; i < keys; i++) {
        struct key k = key_number(i, room);
        keyspace_delete(&v, &k, keyspace_find(&v, &k, KEYSPACE_WRITE));
    }
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < slices.count; i++) {
            uint64_t begun = clock_ticks(), cpu = cpu_ns();
            more |= keyspace_maintain(&v, &slices.all[i], 100);
            note_pause(&shrink, clock_ticks() - begun, cpu_ns() - cpu);
        }
    }
    print_pauses("shrink", &shrink);
}

static uint64_t key_count(void) {
    uint64_t keys = 0;
    for (unsigned i = 0; i < slices.count; i++) keys += counter_get(&slices.all[i].counters.keys);
    return keys;
}

/* Time passes by 10 ms a round, in which every slice gets one step. */
static void bench_expire(uint64_t keys) {
    enum { SPAN_MS = 10000, ROUND_MS = 10, BUDGET_US = 100 };
    char room[KEY_BYTES + 1];
    struct pauses pauses = {0};
    double dead_most = 0;
    for (uint64_t i = 0; i < keys; i++) {
        struct key k = key_number(i, room);
        int64_t when_ms = v.now_ms + 1 + (int64_t)random_below(&me.random, SPAN_MS);
        keyspace_set(&v, &k, NULL, value_bytes(value_text, 100), when_ms);
    }
    for (int64_t passed = ROUND_MS; key_count() > 0; passed += ROUND_MS) {
        v.now_ms += ROUND_MS;
        for (unsigned i = 0; i < slices.count; i++) {
            uint64_t begun = clock_ticks(), cpu = cpu_ns();
            keyspace_maintain(&v, &slices.all[i], BUDGET_US);
            note_pause(&pauses, clock_ticks() - begun, cpu_ns() - cpu);
        }
        double alive = passed < SPAN_MS ? (double)keys * (double)(SPAN_MS - passed) / SPAN_MS : 0;
        double dead = ((double)key_count() - alive) / (double)keys;
        if (dead > dead_most) dead_most = dead;
    }
    print_pauses("expire", &pauses);
    printf("dead but resident: at most %.2f%% of all keys\n", 100 * dead_most);
}

/* A cache before a slow store: what is missing is set. Hits are counted in the second half, when the cache is
 * warm. */
static void bench_hits(FILE *trace, uint64_t seconds, enum eviction eviction, uint64_t keys_max) {
    enum { CHUNK = 4096 };
    uint32_t numbers[CHUNK];
    char room[KEY_BYTES + 1];
    struct policy p = *policy_get();
    p.eviction = eviction;
    policy_publish(&p);
    fseek(trace, 0, SEEK_END);
    uint64_t total = (uint64_t)ftell(trace) / sizeof numbers[0], done = 0, hits = 0, evict_ticks = 0,
             evictions = 0;
    rewind(trace);
    int64_t begun_ms = me.turn_unix_ms;
    for (size_t n; (n = fread(numbers, sizeof numbers[0], CHUNK, trace)) > 0;) {
        for (size_t i = 0; i < n; i++, done++) {
            me.turn_unix_ms = v.now_ms = begun_ms + (int64_t)(seconds * 1000 * done / total);
            struct key k = key_number(numbers[i], room);
            hold_try(&k.slice->hold, &me);
            struct entry **at = keyspace_find(&v, &k, KEYSPACE_READ);
            hold_release(&k.slice->hold, &me);
            if (at) {
                hits += done >= total / 2;
                continue;
            }
            if (!p.maxmemory_bytes && key_count() >= keys_max) {
                p.maxmemory_bytes = mem_used();
                policy_publish(&p);
            }
            uint64_t begun = clock_ticks();
            if (!evict_make_room(&v)) abort();
            evict_ticks += clock_ticks() - begun;
            evictions += p.maxmemory_bytes != 0;
            hold_try(&k.slice->hold, &me);
            keyspace_set(&v, &k, NULL, value_bytes(value_text, 100), NO_TTL);
            hold_release(&k.slice->hold, &me);
        }
    }
    printf("hits in the second half %.4f, %llu keys, %.0f ns per eviction\n",
           (double)hits / (double)(total - total / 2), (unsigned long long)key_count(),
           (double)clock_ticks_to_ns(evict_ticks) / (double)(evictions + 1));
}

int main(int argc, char **argv) {
    bool is_hits = argc == 6 && strcmp(argv[1], "hits") == 0;
    if (!is_hits && argc != 4) {
        fprintf(stderr, "usage: bench_store find|pause|expire KEYS SLICES (a power of two, at most 16)\n"
                        "       bench_store hits TRACE SECONDS POLICY KEYS\n");
        return 1;
    }
    uint64_t keys = strtoull(argv[2], NULL, 10);
    unsigned count = is_hits ? SLICES_PER_SHARD : (unsigned)atoi(argv[3]);
    if (count == 0 || count > SLICES_PER_SHARD || (count & (count - 1))) return 1;
    clock_init();
    slot_init();
    random_seed(&me.random, 1);
    table_set_seed(12345);
    me.turn_unix_ms = v.now_ms = clock_unix_ms();
    memset(value_text, 'v', sizeof value_text);
    make_slices(count);
    if (is_hits) {
        FILE *trace = fopen(argv[2], "rb");
        if (!trace) return 1;
        for (unsigned i = 0; i < slices.count; i++) hold_release(&slices.all[i].hold, &me);
        bench_hits(trace, strtoull(argv[3], NULL, 10), (enum eviction)atoi(argv[4]),
                   strtoull(argv[5], NULL, 10));
        fclose(trace);
    } else if (strcmp(argv[1], "find") == 0) {
        bench_find(keys);
    } else if (strcmp(argv[1], "expire") == 0) {
        bench_expire(keys);
    } else {
        bench_pause(keys);
    }
    return 0;
}

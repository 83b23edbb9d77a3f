/* statistics.h: what a worker counts. Written by its own thread alone (a relaxed load and store, no locked
 * instruction), read by anyone who sums them up (INFO, LATENCY HISTOGRAM).
 */
#ifndef GYRE_SERVER_STATISTICS_H
#define GYRE_SERVER_STATISTICS_H

#include <stdatomic.h>
#include <stdint.h>

/* Durations are counted in buckets of which there are eight for each doubling, so a percentile read from them
 * is off by at most an eighth: one bucket for all below 2^LATENCY_FIRST_BIT ns, the last for all from
 * 2^LATENCY_LAST_BIT ns (a minute) on. */
enum {
    LATENCY_FIRST_BIT = 6,
    LATENCY_LAST_BIT = 36,
    LATENCY_SPLIT_BITS = 3,
    LATENCY_BUCKETS = 1 + ((LATENCY_LAST_BIT - LATENCY_FIRST_BIT) << LATENCY_SPLIT_BITS) + 1,
};
static inline unsigned latency_bucket(uint64_t ns) {
    if (ns < 1u << LATENCY_FIRST_BIT) return 0;
    unsigned bit = 63u - (unsigned)__builtin_clzll(ns);
    if (bit >= LATENCY_LAST_BIT) return LATENCY_BUCKETS - 1;
    unsigned split = (unsigned)(ns >> (bit - LATENCY_SPLIT_BITS)) & ((1u << LATENCY_SPLIT_BITS) - 1);
    return 1 + ((bit - LATENCY_FIRST_BIT) << LATENCY_SPLIT_BITS) + split;
}

struct command_statistics {
    _Atomic uint64_t calls, ticks, rejected, failed;
    _Atomic(_Atomic uint64_t *) histogram; /* LATENCY_BUCKETS counts, by latency_bucket; NULL until called */
};

struct statistics {
    struct command_statistics *commands; /* by command id */
    _Atomic uint64_t commands_processed, connections_received;
    _Atomic uint64_t bytes_in, bytes_out, reads, writes;
    _Atomic uint64_t errors, dirty;
    _Atomic uint64_t parks, holds_refused;
    _Atomic uint64_t clients_timed_out, output_limit_closes, query_limit_closes;
    _Atomic uint64_t turns, longest_step_ns;
    _Atomic uint64_t maintenance_ns; /* spent in the owned slices' steps */
    /* The last census of the clients (census.h). */
    _Atomic uint64_t clients_bytes, clients_input_max, clients_output_max, clients_blocked;
};

static inline void count_add(_Atomic uint64_t *counter, uint64_t n) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}
static inline uint64_t count_get(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- Sums over all workers and slices, for INFO and its like. Any thread of the server. ----
 *
 * CONFIG RESETSTAT cannot set counters to 0 that other threads write without locks, so it notes what they
 * have reached, and the sums are given without that. */

/* Members are uint64_t throughout. */
struct statistics_total {
    uint64_t commands_processed, connections_received, connections_rejected;
    uint64_t bytes_in, bytes_out, reads, writes;
    uint64_t errors;
    uint64_t parks, holds_refused;
    uint64_t clients_timed_out, output_limit_closes, query_limit_closes;
    uint64_t expired, evicted, hits, misses;
};
/* Since the last reset, and since the start. */
void statistics_sum(struct statistics_total *total);
void statistics_sum_ever(struct statistics_total *total);

struct command_total {
    uint64_t calls, rejected, failed;
    uint64_t us;      /* in its handler */
    uint64_t samples; /* in the histogram */
    uint64_t histogram[LATENCY_BUCKETS];
};
/* One command's, since the last reset. */
void statistics_sum_command(unsigned id, struct command_total *total);

/* The time that no call of a bucket has reached, ns; of the last one it is only a guess. */
uint64_t latency_bucket_end_ns(unsigned bucket);
/* The time within which this share of the calls (0 to 100) ended, ns. 0 when there were none. */
uint64_t latency_percentile_ns(const struct command_total *total, double percentile);

/* CONFIG RESETSTAT: these sums, the errors by kind and the rates begin anew. Any thread of the server. */
void statistics_reset_all(void);

#endif

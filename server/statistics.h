/* statistics.h: what a worker counts. Written by its own thread alone (a relaxed load and store, no locked
 * instruction), read by anyone who sums them up (INFO, LATENCY HISTOGRAM).
 */
#ifndef GYRE_SERVER_STATISTICS_H
#define GYRE_SERVER_STATISTICS_H

#include <stdatomic.h>
#include <stdint.h>

enum { LATENCY_BUCKETS = 32 };

struct command_statistics {
    _Atomic uint64_t calls, ticks, rejected, failed;
    _Atomic(_Atomic uint64_t *) histogram; /* LATENCY_BUCKETS counts, by log2 of nanoseconds / 1024; NULL until called */
};

struct statistics {
    struct command_statistics *commands; /* by command id */
    _Atomic uint64_t commands_processed, connections_received, connections_rejected;
    _Atomic uint64_t bytes_in, bytes_out, reads, writes;
    _Atomic uint64_t errors, dirty;
    _Atomic uint64_t visits, parks, holds_refused;
    _Atomic uint64_t clients_timed_out, output_limit_closes, query_limit_closes;
    _Atomic uint64_t turns, expire_steps, longest_step_ns;
};

static inline void count_add(_Atomic uint64_t *counter, uint64_t n) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline uint64_t count_get(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}
static inline void count_reset(_Atomic uint64_t *counter) {
    atomic_store_explicit(counter, 0, memory_order_relaxed);
}

#endif

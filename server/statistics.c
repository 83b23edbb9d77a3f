/* statistics.c: adding up what the workers and slices count, and forgetting it: see statistics.h.
 *
 * Any thread of the server may run this, without holds: it reads counters with relaxed loads while their
 * owners go on writing, so a sum is of no single instant, but no counter in it ever goes back. The baseline
 * (what had been reached at the last reset) is guarded by a spin lock of its own. A reader takes the
 * baseline's part of its answer under the lock after a reset has read the same counters under it, so what it
 * reads is never less than the baseline.
 */
#include "server/statistics.h"

#include "server/command.h"
#include "server/errorstats.h"
#include "server/info.h"
#include "server/listener.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/rt/spin.h"
#include "shard/store/slice.h"

#include <string.h>

/* A command's counters at the last reset. */
struct command_baseline {
    uint64_t calls, ticks, rejected, failed;
    uint64_t *histogram; /* NULL: all 0 */
};

static struct {
    struct spin lock;
    struct statistics_total total;
    struct command_baseline *commands; /* by id; NULL before the first reset */
} baseline;

enum { TOTAL_MEMBERS = sizeof(struct statistics_total) / sizeof(uint64_t) };
_Static_assert(sizeof(struct statistics_total) == TOTAL_MEMBERS * sizeof(uint64_t), "nothing but uint64_t");

/* ---- the server's totals ---- */

static void add_worker(struct statistics_total *t, const struct statistics *s) {
    t->commands_processed += count_get(&s->commands_processed);
    t->connections_received += count_get(&s->connections_received);
    t->bytes_in += count_get(&s->bytes_in);
    t->bytes_out += count_get(&s->bytes_out);
    t->reads += count_get(&s->reads);
    t->writes += count_get(&s->writes);
    t->errors += count_get(&s->errors);
    t->parks += count_get(&s->parks);
    t->holds_refused += count_get(&s->holds_refused);
    t->clients_timed_out += count_get(&s->clients_timed_out);
    t->output_limit_closes += count_get(&s->output_limit_closes);
    t->query_limit_closes += count_get(&s->query_limit_closes);
}

void statistics_sum_ever(struct statistics_total *t) {
    memset(t, 0, sizeof *t);
    for (unsigned i = 0; i < workers_count; i++) add_worker(t, &worker_by_index(i)->statistics);
    for (unsigned i = 0; i < slices.count; i++) {
        const struct slice_counters *c = &slices.all[i].counters;
        t->expired += counter_get(&c->expired);
        t->evicted += counter_get(&c->evicted);
        t->hits += counter_get(&c->hits);
        t->misses += counter_get(&c->misses);
    }
    t->connections_rejected = listeners_rejected();
}

/* t -= less, member by member. */
static void subtract(struct statistics_total *t, const struct statistics_total *less) {
    uint64_t *to = (uint64_t *)(void *)t;
    const uint64_t *from = (const uint64_t *)(const void *)less;
    for (unsigned i = 0; i < TOTAL_MEMBERS; i++) {
        ASSERT(to[i] >= from[i]);
        to[i] -= from[i];
    }
}

void statistics_sum(struct statistics_total *t) {
    spin_lock(&baseline.lock);
    statistics_sum_ever(t);
    subtract(t, &baseline.total);
    spin_unlock(&baseline.lock);
}

/* ---- commands ---- */

struct command_sum {
    uint64_t calls, ticks, rejected, failed;
};

static void add_histogram(uint64_t *sums, const struct command_statistics *s) {
    const _Atomic uint64_t *histogram = atomic_load_explicit(&s->histogram, memory_order_acquire);
    if (!histogram) return;
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) sums[b] += count_get(&histogram[b]);
}

/* One command over all workers since the start. */
static void sum_command_ever(unsigned id, struct command_sum *sum, uint64_t *histogram) {
    memset(sum, 0, sizeof *sum);
    memset(histogram, 0, LATENCY_BUCKETS * sizeof *histogram);
    for (unsigned i = 0; i < workers_count; i++) {
        const struct command_statistics *s = &worker_by_index(i)->statistics.commands[id];
        sum->calls += count_get(&s->calls);
        sum->ticks += count_get(&s->ticks);
        sum->rejected += count_get(&s->rejected);
        sum->failed += count_get(&s->failed);
        add_histogram(histogram, s);
    }
}

static void subtract_command(struct command_sum *sum, uint64_t *histogram,
                             const struct command_baseline *less) {
    ASSERT(sum->calls >= less->calls && sum->ticks >= less->ticks);
    sum->calls -= less->calls;
    sum->ticks -= less->ticks;
    sum->rejected -= less->rejected;
    sum->failed -= less->failed;
    if (!less->histogram) return;
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
        ASSERT(histogram[b] >= less->histogram[b]);
        histogram[b] -= less->histogram[b];
    }
}

void statistics_sum_command(unsigned id, struct command_total *total) {
    ASSERT(id < commands_count());
    struct command_sum sum;
    spin_lock(&baseline.lock);
    sum_command_ever(id, &sum, total->histogram);
    if (baseline.commands) subtract_command(&sum, total->histogram, &baseline.commands[id]);
    spin_unlock(&baseline.lock);
    total->calls = sum.calls;
    total->rejected = sum.rejected;
    total->failed = sum.failed;
    total->us = clock_ticks_to_ns(sum.ticks) / 1000;
    total->samples = 0;
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++) total->samples += total->histogram[b];
}

/* ---- the histogram's times ---- */

uint64_t latency_bucket_end_ns(unsigned bucket) {
    ASSERT(bucket < LATENCY_BUCKETS);
    if (bucket == 0) return (uint64_t)1 << LATENCY_FIRST_BIT;
    unsigned bit = LATENCY_FIRST_BIT + ((bucket - 1) >> LATENCY_SPLIT_BITS);
    uint64_t split = (bucket - 1) & ((1u << LATENCY_SPLIT_BITS) - 1);
    return ((1u << LATENCY_SPLIT_BITS) + split + 1) << (bit - LATENCY_SPLIT_BITS);
}

uint64_t latency_percentile_ns(const struct command_total *total, double percentile) {
    ASSERT(percentile >= 0 && percentile <= 100);
    if (total->samples == 0) return 0;
    uint64_t wanted = (uint64_t)(percentile / 100 * (double)total->samples + 0.5), seen = 0;
    if (wanted == 0) wanted = 1;
    unsigned b = 0;
    while (b < LATENCY_BUCKETS - 1 && (seen += total->histogram[b]) < wanted) b++;
    return latency_bucket_end_ns(b) - 1;
}

/* ---- forgetting ---- */

static bool is_all_zero(const uint64_t *histogram) {
    for (unsigned b = 0; b < LATENCY_BUCKETS; b++)
        if (histogram[b]) return false;
    return true;
}

static void reset_command(unsigned id, struct command_baseline *base) {
    struct command_sum sum;
    uint64_t histogram[LATENCY_BUCKETS];
    uint64_t *room = mem_alloc(sizeof histogram); /* nothing is allocated under the lock */
    spin_lock(&baseline.lock);
    sum_command_ever(id, &sum, histogram);
    base->calls = sum.calls;
    base->ticks = sum.ticks;
    base->rejected = sum.rejected;
    base->failed = sum.failed;
    if (!base->histogram && !is_all_zero(histogram)) {
        base->histogram = room;
        room = NULL;
    }
    if (base->histogram) memcpy(base->histogram, histogram, sizeof histogram);
    spin_unlock(&baseline.lock);
    mem_free(room);
}

void statistics_reset_all(void) {
    struct command_baseline *fresh = mem_zalloc(commands_count() * sizeof *fresh);
    spin_lock(&baseline.lock);
    statistics_sum_ever(&baseline.total);
    if (!baseline.commands) {
        baseline.commands = fresh;
        fresh = NULL;
    }
    struct command_baseline *commands = baseline.commands;
    spin_unlock(&baseline.lock);
    mem_free(fresh);
    for (unsigned i = 0; i < commands_count(); i++) reset_command(i, &commands[i]);
    errorstats_reset();
    info_reset_samples();
}

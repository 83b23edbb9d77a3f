/* info_keys.c: INFO's sections keyspace and shards.
 *
 * Counts come from atomics. The mean time to live alone needs a look into the slices: a few of them are
 * tried, and those that are busy are passed over, so INFO never waits for a hold.
 */
#include "server/info_parts.h"

#include "server/call.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/rt/clock.h"

enum {
    TTL_SLICES = 8, /* slices looked into for one database's mean */
    NS_PER_US = 1000,
};

/* ---- keyspace ---- */

struct info_database info_database_now(unsigned database) {
    struct info_database d = {0};
    for (unsigned i = 0; i < slices.count; i++) {
        const struct keyspace *ks = slice_keyspace(&slices.all[i], database);
        if (!ks) continue;
        d.keys += counter_get(&ks->keys);
        d.expiring += counter_get(&ks->expiring);
        /* A bucket is a cache line. */
        d.table_bytes += atomic_load_explicit(&ks->table.live, memory_order_relaxed) * CACHE_LINE;
    }
    d.wheel_bytes = d.expiring * sizeof(struct entry *);
    return d;
}

/* The mean of one slice's database by a sample; false: it was busy or has no expiring keys. */
static bool slice_ttl(struct call *c, struct slice *s, unsigned database, int64_t *ms) {
    struct thread *me = c->visit.thread;
    bool mine = hold_is_mine(&s->hold, me);
    if (!mine && !hold_try(&s->hold, me)) return false;
    const struct keyspace *ks = slice_keyspace(s, database);
    bool found = ks && wheel_count(ks->wheel) > 0;
    if (found) *ms = wheel_average_ttl_ms(ks->wheel, clock_unix_ms(), &me->random);
    if (!mine) hold_release(&s->hold, me);
    return found;
}

/* Slices hold random shares of the keys, so a few of them stand for all. */
static int64_t mean_ttl_ms(struct call *c, unsigned database) {
    int64_t sum = 0, ms;
    unsigned found = 0, start = (unsigned)random_below(&c->visit.thread->random, slices.count);
    for (unsigned i = 0; i < slices.count && found < TTL_SLICES; i++) {
        struct slice *s = &slices.all[(start + i) % slices.count];
        const struct keyspace *ks = slice_keyspace(s, database);
        if (!ks || !counter_get(&ks->expiring) || !slice_ttl(c, s, database, &ms)) continue;
        sum += ms > 0 ? ms : 0;
        found++;
    }
    return found ? sum / found : 0;
}

void info_keyspace(struct info *in) {
    for (unsigned database = 0; database < slices.databases; database++) {
        struct info_database d = info_database_now(database);
        if (!d.keys && !d.expiring) continue;
        int64_t ttl_ms = d.expiring ? mean_ttl_ms(in->call, database) : 0;
        buf_printf(in->out, "db%u:keys=%llu,expires=%llu,avg_ttl=%lld\r\n", database,
                   (unsigned long long)d.keys, (unsigned long long)d.expiring, (long long)ttl_ms);
    }
}

/* ---- shards ---- */

/* What belongs to a shard: its slices and what is in them. */
struct owned {
    unsigned slices;
    uint64_t ops, visits, keys, bytes;
};

static struct owned owned_by(const struct worker *w) {
    struct owned o = {0};
    for (unsigned i = w->first_slice; i < w->last_slice; i++) {
        const struct slice_counters *c = &slices.all[i].counters;
        ASSERT(slices.all[i].owner == w->thread.index);
        o.slices++;
        o.ops += counter_get(&c->ops);
        o.visits += counter_get(&c->visits);
        o.keys += counter_get(&c->keys);
        o.bytes += counter_get(&c->entry_bytes);
    }
    return o;
}

/* ops: commands that its thread has run, for its own connections. slice_ops: those that ran on its slices,
 * and visits those of them that other threads ran. parks: how often one of its clients had to wait for a
 * slice; refused: how often a slice was not to be had at once. */
void info_shards(struct info *in) {
    for (unsigned i = 0; i < workers_count; i++) {
        const struct worker *w = worker_by_index(i);
        const struct statistics *s = &w->statistics;
        struct owned o = owned_by(w);
        buf_printf(in->out, "shard%u:connections=%u,ops=%llu,slices=%u,keys=%llu,memory=%llu", i,
                   atomic_load_explicit(&w->connections, memory_order_relaxed),
                   (unsigned long long)count_get(&s->commands_processed), o.slices,
                   (unsigned long long)o.keys, (unsigned long long)o.bytes);
        buf_printf(in->out, ",visits=%llu,parks=%llu,refused=%llu,slice_ops=%llu",
                   (unsigned long long)o.visits, (unsigned long long)count_get(&s->parks),
                   (unsigned long long)count_get(&s->holds_refused), (unsigned long long)o.ops);
        buf_printf(in->out, ",turns=%llu,longest_step_us=%llu\r\n", (unsigned long long)count_get(&s->turns),
                   (unsigned long long)(count_get(&s->longest_step_ns) / NS_PER_US));
    }
}

/* info.c: INFO's sections by name, and how a field is written: see info.h. The fields themselves are in
 * info_server.c (server, clients, memory, processor), info_stats.c (counters, commands, errors, latencies),
 * info_keys.c (databases, shards) and info_idle.c (what waits for its subsystem).
 */
#include "server/info.h"

#include "server/info_parts.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <string.h>

/* In the order in which they are shown. */
static const struct section {
    const char *name, *title;
    void (*append)(struct info *in);
    bool by_default;
} sections[] = {
    {"server", "Server", info_server, true},
    {"clients", "Clients", info_clients, true},
    {"memory", "Memory", info_memory, true},
    {"persistence", "Persistence", info_persistence, true},
    {"stats", "Stats", info_stats, true},
    {"replication", "Replication", info_replication, true},
    {"cpu", "CPU", info_cpu, true},
    {"modules", "Modules", info_modules, true},
    {"commandstats", "Commandstats", info_commandstats, false},
    {"errorstats", "Errorstats", info_errorstats, true},
    {"latencystats", "Latencystats", info_latencystats, false},
    {"cluster", "Cluster", info_cluster, true},
    {"keyspace", "Keyspace", info_keyspace, true},
    {"shards", "Shards", info_shards, true},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };
_Static_assert(SECTIONS <= 32, "a section is a bit");

info_sections info_sections_named(const char *name, size_t len) {
    bool all = text_is(name, len, "all") || text_is(name, len, "everything");
    bool usual = text_is(name, len, "default");
    info_sections found = 0;
    for (unsigned i = 0; i < SECTIONS; i++) {
        const struct section *s = &sections[i];
        if (all || (usual && s->by_default) || text_is(name, len, s->name)) found |= (info_sections)1 << i;
    }
    return found;
}

void info_append(struct buf *out, struct call *c, info_sections wanted) {
    struct info in = {.out = out, .call = c, .config = config_get()};
    bool first = true;
    for (unsigned i = 0; i < SECTIONS; i++) {
        if (!(wanted & (info_sections)1 << i)) continue;
        buf_printf(out, "%s# %s\r\n", first ? "" : "\r\n", sections[i].title);
        sections[i].append(&in);
        first = false;
    }
}

/* ---- fields ---- */

void info_text(struct info *in, const char *name, const char *value) {
    buf_printf(in->out, "%s:%s\r\n", name, value);
}

void info_int(struct info *in, const char *name, int64_t value) {
    buf_printf(in->out, "%s:%lld\r\n", name, (long long)value);
}

void info_percent(struct info *in, const char *name, double value) {
    buf_printf(in->out, "%s:%.2f%%\r\n", name, value);
}

void info_fixed(struct info *in, const struct info_fixed *fields) {
    for (; fields->name; fields++) info_text(in, fields->name, fields->value);
}

void info_bytes(struct info *in, const char *name, uint64_t bytes) {
    static const char units[] = "KMGTP";
    info_int(in, name, (int64_t)bytes);
    if (bytes < 1024) {
        buf_printf(in->out, "%s_human:%lluB\r\n", name, (unsigned long long)bytes);
        return;
    }
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    while (value >= 1024 && unit < sizeof units - 2) {
        value /= 1024;
        unit++;
    }
    buf_printf(in->out, "%s_human:%.2f%c\r\n", name, value, units[unit]);
}

/* ---- gauges ---- */

static uint64_t gauge_of(unsigned worker, size_t offset) {
    ASSERT(offset < sizeof(struct statistics) && offset % sizeof(uint64_t) == 0);
    const char *statistics = (const char *)&worker_by_index(worker)->statistics;
    return count_get((const _Atomic uint64_t *)(const void *)(statistics + offset));
}

uint64_t info_sum_gauge(size_t offset) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < workers_count; i++) sum += gauge_of(i, offset);
    return sum;
}

uint64_t info_max_gauge(size_t offset) {
    uint64_t max = 0;
    for (unsigned i = 0; i < workers_count; i++) {
        uint64_t value = gauge_of(i, offset);
        if (value > max) max = value;
    }
    return max;
}

double info_ratio(uint64_t a, uint64_t b) {
    return b ? (double)a / (double)b : 0;
}

/* info_server.c: INFO's sections server, clients, memory, cpu. */
#include "server/info_parts.h"

#include "repl/replicas.h"
#include "server/aof.h"
#include "server/host.h"
#include "server/listener.h"
#include "server/shutdown.h"
#include "server/supervise.h"
#include "shard/base/mem.h"
#include "shard/base/mem_report.h"
#include "shard/rt/clock.h"
#include "shard/store/grave.h"
#include "shard/store/oplog.h"
#include "shard/store/policy.h"
#include "shard/store/slice.h"

#include <stdlib.h>
#include <unistd.h>

#define TEXT_OF(x) #x
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

enum { SECONDS_PER_DAY = 86400, LRU_CLOCK_MASK = 0xffffff };

/* ---- server ---- */

/* Tells builds apart: a hash (FNV-1a) of version and compiler, so that the same sources give the same. */
static uint64_t build_id(void) {
    uint64_t hash = 14695981039346656037u;
    for (const char *p = GYRE_VERSION " " __VERSION__; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    return hash;
}

void info_server(struct info *in) {
    const struct info_facts *facts = info_facts();
    const struct config *config = in->config;
    int64_t now_us = clock_unix_us(), up_s = (int64_t)(clock_mono_ms() - facts->started_mono_ms) / 1000;
    info_text(in, "redis_version", INFO_REDIS_VERSION);
    info_text(in, "gyre_version", GYRE_VERSION);
    info_text(in, "redis_git_sha1", "00000000");
    info_int(in, "redis_git_dirty", 0);
    buf_printf(in->out, "redis_build_id:%llx\r\n", (unsigned long long)build_id());
    info_text(in, "redis_mode", "standalone");
    info_text(in, "os", host_system());
    info_int(in, "arch_bits", sizeof(void *) * 8);
    info_text(in, "monotonic_clock", "POSIX clock_gettime");
    info_text(in, "multiplexing_api", "io_uring");
    info_text(in, "atomicvar_api", "c11-builtin");
    info_text(in, "gcc_version", VERSION_TEXT(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
    info_int(in, "process_id", getpid());
    info_text(in, "process_supervised", supervise_name());
    info_text(in, "run_id", facts->run_id);
    info_int(in, "tcp_port", config->port);
    info_int(in, "server_time_usec", now_us);
    info_int(in, "uptime_in_seconds", up_s);
    info_int(in, "uptime_in_days", up_s / SECONDS_PER_DAY);
    info_int(in, "hz", config->hz);
    info_int(in, "configured_hz", config->hz);
    info_int(in, "lru_clock", now_us / 1000000 & LRU_CLOCK_MASK);
    info_text(in, "executable", host_executable());
    info_text(in, "config_file", config_file_path());
    info_int(in, "io_threads_active", 0);
    if (shutdown_is_waiting()) info_int(in, "shutdown_in_milliseconds", shutdown_left_ms());
}

/* ---- clients ---- */

void info_clients(struct info *in) {
    info_int(in, "connected_clients", listeners_connections());
    info_int(in, "cluster_connections", 0);
    info_int(in, "maxclients", in->config->maxclients);
    info_int(in, "client_recent_max_input_buffer", (int64_t)INFO_MAX(clients_input_max));
    info_int(in, "client_recent_max_output_buffer", (int64_t)INFO_MAX(clients_output_max));
    info_int(in, "blocked_clients", (int64_t)INFO_SUM(clients_blocked));
    info_int(in, "tracking_clients", 0);
    info_int(in, "clients_in_timeout_table", 0);
}

/* ---- memory ---- */

struct info_memory info_memory_now(void) {
    struct info_samples samples = info_samples();
    struct info_memory m = {.used = mem_used(), .startup = samples.startup_bytes};
    m.peak = mem_peak();
    m.resident = samples.resident_bytes;
    m.clients = INFO_SUM(clients_bytes);
    for (unsigned i = 0; i < slices.count; i++) {
        m.entries += counter_get(&slices.all[i].counters.entry_bytes);
        m.keys += counter_get(&slices.all[i].counters.keys);
    }
    if (m.peak < m.used) m.peak = m.used;
    if (m.entries > m.used) m.entries = m.used; /* the total is published by and by */
    m.overhead = m.used - m.entries;
    return m;
}

static const char *policy_name(enum eviction eviction) {
    switch (eviction) {
    case EVICT_NONE: return "noeviction";
    case EVICT_ALL_LRU: return "allkeys-lru";
    case EVICT_ALL_LFU: return "allkeys-lfu";
    case EVICT_ALL_RANDOM: return "allkeys-random";
    case EVICT_VOLATILE_LRU: return "volatile-lru";
    case EVICT_VOLATILE_LFU: return "volatile-lfu";
    case EVICT_VOLATILE_RANDOM: return "volatile-random";
    case EVICT_VOLATILE_TTL: return "volatile-ttl";
    }
    return "";
}

static void append_used(struct info *in, const struct info_memory *m) {
    uint64_t since_start = m->used > m->startup ? m->used - m->startup : 0;
    info_bytes(in, "used_memory", m->used);
    info_bytes(in, "used_memory_rss", m->resident);
    info_bytes(in, "used_memory_peak", m->peak);
    info_percent(in, "used_memory_peak_perc", 100 * info_ratio(m->used, m->peak));
    info_int(in, "used_memory_overhead", (int64_t)m->overhead);
    info_int(in, "used_memory_startup", (int64_t)m->startup);
    info_int(in, "used_memory_dataset", (int64_t)m->entries);
    info_percent(in, "used_memory_dataset_perc", 100 * info_ratio(m->entries, since_start));
    /* The allocator does not part active from resident memory: what it has is what the process has. */
    info_int(in, "allocator_allocated", (int64_t)m->used);
    info_int(in, "allocator_active", (int64_t)m->resident);
    info_int(in, "allocator_resident", (int64_t)m->resident);
    info_bytes(in, "total_system_memory", host_memory_bytes());
}

static void append_scripts(struct info *in) {
    static const struct info_fixed fields[] = {
        {"used_memory_lua", "0"},
        {"used_memory_vm_eval", "0"},
        {"used_memory_lua_human", "0B"},
        {"used_memory_scripts_eval", "0"},
        {"number_of_cached_scripts", "0"},
        {"number_of_functions", "0"},
        {"number_of_libraries", "0"},
        {"used_memory_vm_functions", "0"},
        {"used_memory_vm_total", "0"},
        {"used_memory_vm_total_human", "0B"},
        {"used_memory_functions", "0"},
        {"used_memory_scripts", "0"},
        {"used_memory_scripts_human", "0B"},
        {NULL, NULL},
    };
    info_fixed(in, fields);
}

static void append_fragmentation(struct info *in, const struct info_memory *m) {
    double ratio = info_ratio(m->resident, m->used);
    int64_t bytes = (int64_t)m->resident - (int64_t)m->used;
    buf_printf(in->out, "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%lld\r\n", ratio,
               (long long)bytes);
    buf_printf(in->out, "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%d\r\n", 1.0, 0);
    buf_printf(in->out, "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%d\r\n", 1.0, 0);
    buf_printf(in->out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%lld\r\n", ratio,
               (long long)bytes);
}

/* The file, the backlog and all replicas share one stream: what is more than the others need is the replicas'. */
static void append_buffers(struct info *in, const struct info_memory *m) {
    struct replicas_state replicas = replicas_state();
    int64_t passing = (int64_t)mem_used() - (int64_t)mem_countable(), stream = passing > 0 ? passing : 0;
    int64_t file = (int64_t)aof_state().buffered;
    int64_t backlog = replicas.backlog ? replicas.backlog_bytes : 0;
    int64_t rest = replicas.backlog && stream > backlog + file ? stream - backlog - file : 0;
    info_int(in, "mem_not_counted_for_evict", stream);
    info_int(in, "mem_replication_backlog", backlog);
    info_int(in, "mem_total_replication_buffers", backlog + rest);
    info_int(in, "mem_clients_slaves", rest);
    info_int(in, "mem_clients_normal", (int64_t)m->clients);
    info_int(in, "mem_cluster_links", 0);
    info_int(in, "mem_aof_buffer", file);
}

void info_memory(struct info *in) {
    struct info_memory m = info_memory_now();
    append_used(in, &m);
    append_scripts(in);
    info_bytes(in, "maxmemory", in->config->maxmemory);
    info_text(in, "maxmemory_policy", policy_name((enum eviction)in->config->maxmemory_policy));
    append_fragmentation(in, &m);
    append_buffers(in, &m);
    info_text(in, "mem_allocator", mem_allocator_name());
    info_int(in, "active_defrag_running", 0);
    info_int(in, "lazyfree_pending_objects", (int64_t)grave_objects());
    info_int(in, "lazyfreed_objects", (int64_t)grave_freed());
}

/* ---- processor ---- */

void info_cpu(struct info *in) {
    struct host_cpu cpu = host_cpu();
    buf_printf(in->out, "used_cpu_sys:%f\r\nused_cpu_user:%f\r\n", cpu.system_s, cpu.user_s);
    buf_printf(in->out, "used_cpu_sys_children:%f\r\nused_cpu_user_children:%f\r\n", cpu.children_system_s,
               cpu.children_user_s);
    buf_printf(in->out, "used_cpu_sys_main_thread:%f\r\nused_cpu_user_main_thread:%f\r\n",
               cpu.main_thread_system_s, cpu.main_thread_user_s);
}

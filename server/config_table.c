/* config_table.c: every option there is, as data.
 *
 * Names, types, bounds and defaults are those of redis-server 7.0.15, with what 7.2 added and our own
 * (shards, strict-config). Where ours differ on purpose it is said beside the row. Order is that of struct
 * config.
 *
 * Which options may be here is a matter of honesty. An option is live, or idle (OPTION_IDLE: whatever its
 * value, nothing a user could rely on changes while its subsystem is missing), or fixed (FIXED_*: another
 * value than the default would promise something that the server does not do, so it is refused). When a
 * subsystem arrives, its rows change kind.
 */
#include "server/config_option.h"

#include "shard/base/log.h"
#include "shard/rt/thread.h"
#include "shard/store/policy.h"

#include <limits.h>

/* The place of a field, with a check that its size is the one the option's type writes. */
#define FIELD(c_type, field)                                                                                 \
    .offset = (int)(offsetof(struct config, field) +                                                         \
                    0 * sizeof(char[sizeof(((struct config *)0)->field) == sizeof(c_type) ? 1 : -1]))

#define BOOL(n, field, value, f, ...)                                                                        \
    { .name = n, .type = &option_bool, FIELD(bool, field), .initial = value, .flags = f, __VA_ARGS__ }
#define ENUM(n, field, value, f, w, ...)                                                                     \
    {                                                                                                        \
        .name = n, .type = &option_enum, FIELD(int, field), .initial = value, .flags = f, .words = w,        \
        __VA_ARGS__                                                                                          \
    }
#define FLAGS(n, field, value, f, w)                                                                         \
    {                                                                                                        \
        .name = n, .type = &option_flags, FIELD(int, field), .initial = value, .flags = (f) | OPTION_MULTI,  \
        .words = w, .check = option_check_shutdown                                                           \
    }
#define INT(n, field, low, high, value, f, ...)                                                              \
    {                                                                                                        \
        .name = n, .type = &option_int, FIELD(int, field), .initial = value, .flags = f, .min = low,         \
        .max = high, __VA_ARGS__                                                                             \
    }
#define LONG(n, field, low, high, value, f, ...)                                                             \
    {                                                                                                        \
        .name = n, .type = &option_long, FIELD(int64_t, field), .initial = value, .flags = f, .min = low,    \
        .max = high, __VA_ARGS__                                                                             \
    }
#define MEMORY(n, field, low, high, value, f, ...)                                                           \
    {                                                                                                        \
        .name = n, .type = &option_memory, FIELD(uint64_t, field), .initial = value, .flags = f, .min = low, \
        .max = high, __VA_ARGS__                                                                             \
    }
#define STRING(n, field, value, f, ...)                                                                      \
    {                                                                                                        \
        .name = n, .type = &option_string, FIELD(const char *, field), .initial = value, .flags = f,         \
        __VA_ARGS__                                                                                          \
    }
/* A type of its own, whose values begin at `field`. */
#define SPECIAL(n, t, field, value, f, ...)                                                                  \
    {                                                                                                        \
        .name = n, .type = t, .offset = (int)offsetof(struct config, field), .initial = value, .flags = f,   \
        __VA_ARGS__                                                                                          \
    }
/* Without a field: only the default is possible. */
#define FIXED(n, t, value, f, ...)                                                                           \
    { .name = n, .type = t, .offset = OPTION_NO_FIELD, .initial = value, .flags = f, __VA_ARGS__ }

#define IMMUTABLE OPTION_IMMUTABLE
#define IDLE OPTION_IDLE
#define BY_HOOK OPTION_BY_HOOK
#define SENSITIVE OPTION_SENSITIVE

static const struct option_word eviction_words[] = {{"volatile-lru", EVICT_VOLATILE_LRU},
                                                    {"volatile-lfu", EVICT_VOLATILE_LFU},
                                                    {"volatile-random", EVICT_VOLATILE_RANDOM},
                                                    {"volatile-ttl", EVICT_VOLATILE_TTL},
                                                    {"allkeys-lru", EVICT_ALL_LRU},
                                                    {"allkeys-lfu", EVICT_ALL_LFU},
                                                    {"allkeys-random", EVICT_ALL_RANDOM},
                                                    {"noeviction", EVICT_NONE},
                                                    {NULL, 0}};
static const struct option_word level_words[] = {{"debug", LOG_DEBUG},
                                                 {"verbose", LOG_VERBOSE},
                                                 {"notice", LOG_NOTICE},
                                                 {"warning", LOG_WARNING},
                                                 {NULL, 0}};
static const struct option_word supervised_words[] = {{"upstart", SUPERVISED_UPSTART},
                                                      {"systemd", SUPERVISED_SYSTEMD},
                                                      {"auto", SUPERVISED_AUTO},
                                                      {"no", SUPERVISED_NO},
                                                      {NULL, 0}};
static const struct option_word access_words[] = {
    {"no", CONFIG_ACCESS_NO}, {"yes", CONFIG_ACCESS_YES}, {"local", CONFIG_ACCESS_LOCAL}, {NULL, 0}};
static const struct option_word shutdown_words[] = {
    {"default", 0},        {"save", SHUTDOWN_SAVE},   {"nosave", SHUTDOWN_NOSAVE},
    {"now", SHUTDOWN_NOW}, {"force", SHUTDOWN_FORCE}, {NULL, 0}};
static const struct option_word append_fsync_words[] = {
    {"everysec", APPEND_FSYNC_EVERYSEC}, {"always", APPEND_FSYNC_ALWAYS}, {"no", APPEND_FSYNC_NO}, {NULL, 0}};
static const struct option_word facility_words[] = {
    {"user", 0},   {"local0", 1}, {"local1", 2}, {"local2", 3}, {"local3", 4},
    {"local4", 5}, {"local5", 6}, {"local6", 7}, {"local7", 8}, {NULL, 0}};
static const struct option_word oom_words[] = {{"no", OOM_SCORE_NO},
                                               {"yes", OOM_SCORE_RELATIVE},
                                               {"relative", OOM_SCORE_RELATIVE},
                                               {"absolute", OOM_SCORE_ABSOLUTE},
                                               {NULL, 0}};
/* Of idle options: the values are nobody's but this table's. */
static const struct option_word channel_words[] = {{"allchannels", 1}, {"resetchannels", 0}, {NULL, 0}};
static const struct option_word sanitize_words[] = {{"no", 0}, {"yes", 1}, {"clients", 2}, {NULL, 0}};
static const struct option_word propagation_words[] = {
    {"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}, {NULL, 0}};
static const struct option_word diskless_load_words[] = {{"disabled", DISKLESS_LOAD_DISABLED},
                                                         {"on-empty-db", DISKLESS_LOAD_ON_EMPTY},
                                                         {"swapdb", DISKLESS_LOAD_SWAPDB},
                                                         {NULL, 0}};
static const struct option_word endpoint_words[] = {
    {"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {NULL, 0}};
static const struct option_word tls_auth_words[] = {{"no", 0}, {"yes", 1}, {"optional", 2}, {NULL, 0}};

/* More databases than this would cost more in empty tables than anyone can mean. redis-server: INT_MAX. */
enum { DATABASES_MAX = 16384, MEGABYTE = 1024 * 1024 };

const struct option option_table[] = {
    /* Network. */
    SPECIAL("bind", &option_bind, bind_count, "* -::*", BY_HOOK | OPTION_MULTI),
    INT("port", port, 0, 65535, "6379", BY_HOOK),
    INT("tcp-backlog", tcp_backlog, 0, INT_MAX, "511", IMMUTABLE),
    STRING("unixsocket", unixsocket, "", IMMUTABLE),
    {.name = "unixsocketperm",
     .type = &option_octal,
     FIELD(int, unixsocketperm),
     .initial = "0",
     .max = 0777,
     .flags = IMMUTABLE},
    BOOL("protected-mode", protected_mode, "yes", 0),
    INT("timeout", timeout, 0, INT_MAX, "0", 0),
    INT("tcp-keepalive", tcp_keepalive, 0, INT_MAX, "300", 0),
    LONG("maxclients", maxclients, 1, UINT_MAX, "10000", 0),
    MEMORY("client-query-buffer-limit", client_query_buffer_limit, MEGABYTE, LONG_MAX, "1gb", 0),
    MEMORY("proto-max-bulk-len", proto_max_bulk_len, MEGABYTE, LONG_MAX, "512mb", 0),
    SPECIAL("client-output-buffer-limit", &option_output_limit, client_output_buffer_limit,
            "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", OPTION_MULTI),
    STRING("requirepass", requirepass, "", SENSITIVE),
    FIXED("maxmemory-clients", &option_memory_or_percent, "0", 0, .max = INT64_MAX),
    FIXED("socket-mark-id", &option_long, "0", IMMUTABLE, .max = UINT_MAX),
    STRING("bind-source-addr", bind_source_addr, "", 0),

    /* Threads. */
    INT("shards", shards, 0, THREADS_MAX - 1, "0", IMMUTABLE),
    STRING("server_cpulist", server_cpulist, "", IMMUTABLE, .alias = "server-cpulist"),
    STRING("bio_cpulist", bio_cpulist, "", IMMUTABLE | IDLE, .alias = "bio-cpulist"),
    STRING("aof_rewrite_cpulist", aof_rewrite_cpulist, "", IMMUTABLE | IDLE, .alias = "aof-rewrite-cpulist"),
    STRING("bgsave_cpulist", bgsave_cpulist, "", IMMUTABLE | IDLE, .alias = "bgsave-cpulist"),
    INT("io-threads", io_threads, 1, 128, "1", IMMUTABLE | IDLE),
    BOOL("io-threads-do-reads", io_threads_do_reads, "no", IMMUTABLE | IDLE),
    INT("hz", hz, 0, INT_MAX, "10", 0),
    BOOL("dynamic-hz", dynamic_hz, "yes", IDLE),

    /* Process. */
    BOOL("daemonize", daemonize, "no", IMMUTABLE),
    STRING("pidfile", pidfile, "", IMMUTABLE),
    STRING("logfile", logfile, "", IMMUTABLE),
    ENUM("loglevel", loglevel, "notice", 0, level_words),
    BOOL("syslog-enabled", syslog_enabled, "no", IMMUTABLE),
    STRING("syslog-ident", syslog_ident, "gyre", IMMUTABLE),
    ENUM("syslog-facility", syslog_facility, "local0", IMMUTABLE, facility_words),
    SPECIAL("dir", &option_directory, dir, ".", OPTION_PROTECTED),
    ENUM("supervised", supervised, "no", IMMUTABLE, supervised_words),
    BOOL("set-proc-title", set_proc_title, "yes", IMMUTABLE),
    STRING("proc-title-template", proc_title_template, "{title} {listen-addr} {server-mode}", 0,
           .check = option_check_title),
    BOOL("always-show-logo", always_show_logo, "no", IMMUTABLE | IDLE),
    BOOL("crash-log-enabled", crash_log_enabled, "yes", 0),
    BOOL("crash-memcheck-enabled", crash_memcheck_enabled, "yes", IDLE),
    BOOL("disable-thp", disable_thp, "yes", IMMUTABLE),
    ENUM("oom-score-adj", oom_score_adj, "no", 0, oom_words),
    SPECIAL("oom-score-adj-values", &option_oom_values, oom_score_adj_values, "0 200 800", OPTION_MULTI),
    INT("shutdown-timeout", shutdown_timeout, 0, INT_MAX, "10", 0),
    FLAGS("shutdown-on-sigint", shutdown_on_sigint, "default", 0, shutdown_words),
    FLAGS("shutdown-on-sigterm", shutdown_on_sigterm, "default", 0, shutdown_words),
    ENUM("enable-debug-command", enable_debug_command, "no", IMMUTABLE, access_words),
    ENUM("enable-module-command", enable_module_command, "no", IMMUTABLE | IDLE, access_words),
    ENUM("enable-protected-configs", enable_protected_configs, "no", IMMUTABLE, access_words),
    BOOL("strict-config", strict_config, "no", IMMUTABLE),
    STRING("ignore-warnings", ignore_warnings, "", IDLE),
    FIXED("locale-collate", &option_string, "", 0),

    /* Data. */
    INT("databases", databases, 1, DATABASES_MAX, "16", IMMUTABLE),
    MEMORY("maxmemory", maxmemory, 0, ULLONG_MAX, "0", 0),
    ENUM("maxmemory-policy", maxmemory_policy, "noeviction", 0, eviction_words),
    INT("maxmemory-samples", maxmemory_samples, 1, INT_MAX, "5", 0),
    INT("maxmemory-eviction-tenacity", maxmemory_eviction_tenacity, 0, 100, "10", IDLE),
    INT("lfu-log-factor", lfu_log_factor, 0, INT_MAX, "10", 0),
    INT("lfu-decay-time", lfu_decay_time, 0, INT_MAX, "1", 0),
    INT("active-expire-effort", active_expire_effort, 1, 10, "1", IDLE),
    BOOL("activerehashing", activerehashing, "yes", 0),
    BOOL("lazyfree-lazy-eviction", lazyfree_lazy_eviction, "no", 0),
    BOOL("lazyfree-lazy-expire", lazyfree_lazy_expire, "no", 0),
    BOOL("lazyfree-lazy-server-del", lazyfree_lazy_server_del, "no", 0),
    BOOL("lazyfree-lazy-user-del", lazyfree_lazy_user_del, "no", 0),
    BOOL("lazyfree-lazy-user-flush", lazyfree_lazy_user_flush, "no", IDLE),
    LONG("hash-max-listpack-entries", hash_max_listpack_entries, 0, LONG_MAX, "512", 0,
         .alias = "hash-max-ziplist-entries"),
    MEMORY("hash-max-listpack-value", hash_max_listpack_value, 0, LONG_MAX, "64", 0,
           .alias = "hash-max-ziplist-value"),
    LONG("zset-max-listpack-entries", zset_max_listpack_entries, 0, LONG_MAX, "128", 0,
         .alias = "zset-max-ziplist-entries"),
    MEMORY("zset-max-listpack-value", zset_max_listpack_value, 0, LONG_MAX, "64", 0,
           .alias = "zset-max-ziplist-value"),
    LONG("set-max-intset-entries", set_max_intset_entries, 0, LONG_MAX, "512", 0),
    LONG("set-max-listpack-entries", set_max_listpack_entries, 0, LONG_MAX, "128", IDLE),
    MEMORY("set-max-listpack-value", set_max_listpack_value, 0, LONG_MAX, "64", IDLE),
    INT("list-max-listpack-size", list_max_listpack_size, INT_MIN, INT_MAX, "-2", 0,
        .alias = "list-max-ziplist-size"),
    INT("list-compress-depth", list_compress_depth, 0, INT_MAX, "0", IDLE),
    MEMORY("stream-node-max-bytes", stream_node_max_bytes, 0, LONG_MAX, "4096", IDLE),
    LONG("stream-node-max-entries", stream_node_max_entries, 0, LONG_MAX, "100", IDLE),
    MEMORY("hll-sparse-max-bytes", hll_sparse_max_bytes, 0, LONG_MAX, "3000", IDLE),

    /* Watching. */
    LONG("slowlog-log-slower-than", slowlog_log_slower_than, -1, LONG_MAX, "10000", 0),
    LONG("slowlog-max-len", slowlog_max_len, 0, LONG_MAX, "128", 0),
    LONG("latency-monitor-threshold", latency_monitor_threshold, 0, LONG_MAX, "0", 0),
    BOOL("latency-tracking", latency_tracking, "yes", 0),
    SPECIAL("latency-tracking-info-percentiles", &option_percentiles, latency_percentile_count, "50 99 99.9",
            OPTION_MULTI),
    SPECIAL("notify-keyspace-events", &option_event_classes, notify_keyspace_events, "", 0),

    /* Clients' caches, access lists, scripts. */
    LONG("busy-reply-threshold", busy_reply_threshold, 0, LONG_MAX, "5000", IDLE, .alias = "lua-time-limit"),
    LONG("tracking-table-max-keys", tracking_table_max_keys, 0, LONG_MAX, "1000000", IDLE),
    FIXED("aclfile", &option_string, "", IMMUTABLE),
    LONG("acllog-max-len", acllog_max_len, 0, LONG_MAX, "128", IDLE),
    ENUM("acl-pubsub-default", acl_pubsub_default, "resetchannels", IDLE, channel_words),

    /* Memory defragmentation: the allocator is another one. */
    FIXED("activedefrag", &option_bool, "no", 0, .check = option_check_defrag),
    INT("active-defrag-cycle-min", active_defrag_cycle_min, 1, 99, "1", IDLE),
    INT("active-defrag-cycle-max", active_defrag_cycle_max, 1, 99, "25", IDLE),
    INT("active-defrag-threshold-lower", active_defrag_threshold_lower, 0, 1000, "10", IDLE),
    INT("active-defrag-threshold-upper", active_defrag_threshold_upper, 0, 1000, "100", IDLE),
    LONG("active-defrag-max-scan-fields", active_defrag_max_scan_fields, 1, LONG_MAX, "1000", IDLE),
    MEMORY("active-defrag-ignore-bytes", active_defrag_ignore_bytes, 1, LONG_MAX, "100mb", IDLE),
    BOOL("jemalloc-bg-thread", jemalloc_bg_thread, "yes", IDLE),

    /* Snapshots. */
    SPECIAL("save", &option_save, save, "3600 1 300 100 60 10000", OPTION_MULTI),
    STRING("dbfilename", dbfilename, "dump.rdb", OPTION_PROTECTED, .check = option_check_file_name),
    BOOL("rdbcompression", rdbcompression, "yes", 0),
    BOOL("rdbchecksum", rdbchecksum, "yes", IMMUTABLE),
    BOOL("rdb-del-sync-files", rdb_del_sync_files, "no", IDLE),
    BOOL("rdb-save-incremental-fsync", rdb_save_incremental_fsync, "yes", 0),
    BOOL("stop-writes-on-bgsave-error", stop_writes_on_bgsave_error, "yes", 0),
    ENUM("sanitize-dump-payload", sanitize_dump_payload, "no", IDLE, sanitize_words),

    /* Append-only file. */
    BOOL("appendonly", appendonly, "no", 0),
    STRING("appendfilename", appendfilename, "appendonly.aof", IMMUTABLE, .check = option_check_file_name),
    STRING("appenddirname", appenddirname, "appendonlydir", IMMUTABLE, .check = option_check_directory_name),
    ENUM("appendfsync", appendfsync, "everysec", 0, append_fsync_words),
    BOOL("no-appendfsync-on-rewrite", no_appendfsync_on_rewrite, "no", 0),
    BOOL("aof-load-truncated", aof_load_truncated, "yes", 0),
    BOOL("aof-use-rdb-preamble", aof_use_rdb_preamble, "yes", 0),
    BOOL("aof-timestamp-enabled", aof_timestamp_enabled, "no", 0),
    BOOL("aof-disable-auto-gc", aof_disable_auto_gc, "no", IDLE),
    BOOL("aof-rewrite-incremental-fsync", aof_rewrite_incremental_fsync, "yes", 0),
    INT("auto-aof-rewrite-percentage", auto_aof_rewrite_percentage, 0, INT_MAX, "100", 0),
    MEMORY("auto-aof-rewrite-min-size", auto_aof_rewrite_min_size, 0, LONG_MAX, "64mb", 0),
    ENUM("propagation-error-behavior", propagation_error_behavior, "ignore", 0, propagation_words),

    /* Replication. */
    SPECIAL("replicaof", &option_replicaof, replicaof, "", IMMUTABLE | OPTION_MULTI, .alias = "slaveof"),
    STRING("masteruser", masteruser, "", SENSITIVE),
    STRING("masterauth", masterauth, "", SENSITIVE),
    STRING("replica-announce-ip", replica_announce_ip, "", 0, .alias = "slave-announce-ip"),
    INT("replica-announce-port", replica_announce_port, 0, 65535, "0", 0, .alias = "slave-announce-port"),
    BOOL("replica-announced", replica_announced, "yes", 0),
    BOOL("replica-serve-stale-data", replica_serve_stale_data, "yes", 0, .alias = "slave-serve-stale-data"),
    BOOL("replica-read-only", replica_read_only, "yes", 0, .alias = "slave-read-only"),
    BOOL("replica-ignore-maxmemory", replica_ignore_maxmemory, "yes", 0, .alias = "slave-ignore-maxmemory"),
    BOOL("replica-lazy-flush", replica_lazy_flush, "no", IDLE, .alias = "slave-lazy-flush"),
    BOOL("replica-refuse-empty-primary", replica_refuse_empty_primary, "yes", 0),
    BOOL("replica-ignore-disk-write-errors", replica_ignore_disk_write_errors, "no", IDLE),
    INT("replica-priority", replica_priority, 0, INT_MAX, "100", 0, .alias = "slave-priority"),
    BOOL("repl-diskless-sync", repl_diskless_sync, "yes", 0),
    INT("repl-diskless-sync-delay", repl_diskless_sync_delay, 0, INT_MAX, "5", 0),
    INT("repl-diskless-sync-period", repl_diskless_sync_period, 0, INT_MAX, "0", 0),
    INT("repl-diskless-sync-max-replicas", repl_diskless_sync_max_replicas, 0, INT_MAX, "0", 0),
    ENUM("repl-diskless-load", repl_diskless_load, "disabled", 0, diskless_load_words),
    BOOL("repl-disable-tcp-nodelay", repl_disable_tcp_nodelay, "no", 0),
    INT("repl-timeout", repl_timeout, 1, INT_MAX, "60", 0),
    INT("repl-ping-replica-period", repl_ping_replica_period, 1, INT_MAX, "10", 0,
        .alias = "repl-ping-slave-period"),
    MEMORY("repl-backlog-size", repl_backlog_size, 1, LONG_MAX, "1mb", 0),
    MEMORY("repl-spill-max-size", repl_spill_max_size, 0, LONG_MAX, "16gb", 0),
    LONG("repl-backlog-ttl", repl_backlog_ttl, 0, LONG_MAX, "3600", 0),
    INT("min-replicas-to-write", min_replicas_to_write, 0, INT_MAX, "0", 0, .alias = "min-slaves-to-write"),
    INT("min-replicas-max-lag", min_replicas_max_lag, 0, INT_MAX, "10", 0, .alias = "min-slaves-max-lag"),

    /* Cluster. */
    FIXED("cluster-enabled", &option_bool, "no", IMMUTABLE),
    STRING("cluster-config-file", cluster_config_file, "nodes.conf", IMMUTABLE | IDLE),
    STRING("cluster-announce-ip", cluster_announce_ip, "", IDLE),
    STRING("cluster-announce-hostname", cluster_announce_hostname, "", IDLE, .check = option_check_host_name),
    STRING("cluster-announce-human-nodename", cluster_announce_human_nodename, "", IDLE),
    INT("cluster-announce-port", cluster_announce_port, 0, 65535, "0", IDLE),
    INT("cluster-announce-bus-port", cluster_announce_bus_port, 0, 65535, "0", IDLE),
    INT("cluster-announce-tls-port", cluster_announce_tls_port, 0, 65535, "0", IDLE),
    INT("cluster-port", cluster_port, 0, 65535, "0", IMMUTABLE | IDLE),
    LONG("cluster-node-timeout", cluster_node_timeout, 0, LONG_MAX, "15000", IDLE),
    MEMORY("cluster-link-sendbuf-limit", cluster_link_sendbuf_limit, 0, ULLONG_MAX, "0", IDLE),
    INT("cluster-migration-barrier", cluster_migration_barrier, 0, INT_MAX, "1", IDLE),
    INT("cluster-replica-validity-factor", cluster_replica_validity_factor, 0, INT_MAX, "10", IDLE,
        .alias = "cluster-slave-validity-factor"),
    ENUM("cluster-preferred-endpoint-type", cluster_preferred_endpoint_type, "ip", IDLE, endpoint_words),
    BOOL("cluster-replica-no-failover", cluster_replica_no_failover, "no", IDLE,
         .alias = "cluster-slave-no-failover"),
    BOOL("cluster-require-full-coverage", cluster_require_full_coverage, "yes", IDLE),
    BOOL("cluster-allow-reads-when-down", cluster_allow_reads_when_down, "no", IDLE),
    BOOL("cluster-allow-pubsubshard-when-down", cluster_allow_pubsubshard_when_down, "yes", IDLE),
    BOOL("cluster-allow-replica-migration", cluster_allow_replica_migration, "yes", IDLE),

    /* TLS. */
    FIXED("tls-port", &option_int, "0", 0, .max = 65535),
    FIXED("tls-session-cache-size", &option_int, "20480", 0, .max = INT_MAX),
    FIXED("tls-session-cache-timeout", &option_int, "300", 0, .max = INT_MAX),
    FIXED("tls-cluster", &option_bool, "no", 0),
    FIXED("tls-replication", &option_bool, "no", 0),
    FIXED("tls-auth-clients", &option_enum, "yes", 0, .words = tls_auth_words),
    FIXED("tls-prefer-server-ciphers", &option_bool, "no", 0),
    FIXED("tls-session-caching", &option_bool, "yes", 0),
    FIXED("tls-cert-file", &option_string, "", 0),
    FIXED("tls-key-file", &option_string, "", 0),
    FIXED("tls-key-file-pass", &option_string, "", SENSITIVE),
    FIXED("tls-client-cert-file", &option_string, "", 0),
    FIXED("tls-client-key-file", &option_string, "", 0),
    FIXED("tls-client-key-file-pass", &option_string, "", SENSITIVE),
    FIXED("tls-dh-params-file", &option_string, "", 0),
    FIXED("tls-ca-cert-file", &option_string, "", 0),
    FIXED("tls-ca-cert-dir", &option_string, "", 0),
    FIXED("tls-protocols", &option_string, "", 0),
    FIXED("tls-ciphers", &option_string, "", 0),
    FIXED("tls-ciphersuites", &option_string, "", 0),
};
const unsigned option_count = sizeof option_table / sizeof option_table[0];

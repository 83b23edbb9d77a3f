/* config.h: the configuration: one immutable value, replaced as a whole.
 *
 * Every option has a plain typed field named like it, with '_' for '-'. A snapshot never changes once it is
 * published: CONFIG SET builds a changed copy, has it checked and applied, publishes it, and the old one is
 * freed when no thread can be looking at it any more (thread_retire). So readers pay one load and need no
 * lock, two fields read from one snapshot belong together, and a refused CONFIG SET leaves no trace.
 *
 * Rules for readers: take config_get() anew in every turn (a snapshot must not be kept across turns; copy
 * what must be), and take it once where several fields must agree. Any thread of the server may read.
 *
 * The options are data (config_table.c): name, type, bounds, default, when it may change, whether it does
 * anything yet. An option without a field is one whose subsystem does not exist: it can only have its default
 * value.
 *
 * Parts: config_option.h (what an option is), config_table.c (all of them), config_value.c and
 * config_special.c (text to value and back), config.c (snapshots, setting, hooks), config_reader.c (text of
 * files), config_load.c (the start: files and command line), config_rewrite.c (CONFIG REWRITE).
 */
#ifndef GYRE_SERVER_CONFIG_H
#define GYRE_SERVER_CONFIG_H

#include "shard/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_BIND_MAX = 16, CONFIG_SAVE_POINTS_MAX = 32, CONFIG_PERCENTILES_MAX = 16, CONFIG_WHY_MAX = 512 };

/* enable-debug-command, enable-module-command, enable-protected-configs. */
enum config_access { CONFIG_ACCESS_NO, CONFIG_ACCESS_YES, CONFIG_ACCESS_LOCAL };
enum config_supervised { SUPERVISED_NO, SUPERVISED_AUTO, SUPERVISED_SYSTEMD, SUPERVISED_UPSTART };
enum config_append_fsync { APPEND_FSYNC_NO, APPEND_FSYNC_ALWAYS, APPEND_FSYNC_EVERYSEC };
enum config_oom_score { OOM_SCORE_NO, OOM_SCORE_RELATIVE, OOM_SCORE_ABSOLUTE };
/* shutdown-on-sigint, shutdown-on-sigterm: 0 is "default". */
/* After so many seconds with so many changes, the data is saved. */
enum { SAVE_POINTS_MAX = 32 };
struct config_save {
    unsigned count;
    struct save_point {
        int64_t seconds, changes;
    } points[SAVE_POINTS_MAX];
};

enum config_shutdown { SHUTDOWN_SAVE = 1, SHUTDOWN_NOSAVE = 2, SHUTDOWN_NOW = 4, SHUTDOWN_FORCE = 8 };
enum config_client_class {
    CLIENT_CLASS_NORMAL,
    CLIENT_CLASS_REPLICA,
    CLIENT_CLASS_PUBSUB,
    CLIENT_CLASS_COUNT
};

struct config_output_limit {
    uint64_t hard_bytes, soft_bytes; /* 0: none */
    int64_t soft_seconds;
};

/* Strings are never NULL: unset is "". They belong to the snapshot. */
enum diskless_load { DISKLESS_LOAD_DISABLED, DISKLESS_LOAD_ON_EMPTY, DISKLESS_LOAD_SWAPDB };

struct config {
    /* Network. An address is optional when it begins with '-', and "*" stands for all of IPv4. */
    int bind_count;
    const char *bind[CONFIG_BIND_MAX];
    int port;
    int tcp_backlog;
    const char *unixsocket;
    int unixsocketperm; /* a mode; 0: as the umask has it */
    bool protected_mode;
    int timeout;       /* seconds; 0: never */
    int tcp_keepalive; /* seconds; 0: off */
    int64_t maxclients;
    uint64_t client_query_buffer_limit;
    uint64_t proto_max_bulk_len;
    struct config_output_limit client_output_buffer_limit[CLIENT_CLASS_COUNT];
    const char *requirepass;
    int64_t maxmemory_clients; /* bytes; negative: percent of maxmemory */

    /* Threads. */
    int shards; /* 0: as many as there are usable cores */
    const char *server_cpulist;
    int hz;
    bool dynamic_hz;

    /* Process. */
    bool daemonize;
    const char *pidfile;
    const char *logfile;
    int loglevel; /* enum log_level */
    bool syslog_enabled;
    const char *syslog_ident;
    int syslog_facility; /* 0: user; 1 to 8: local0 to local7 */
    const char *dir;
    int supervised; /* enum config_supervised */
    bool set_proc_title;
    const char *proc_title_template;
    bool always_show_logo;
    bool crash_log_enabled, crash_memcheck_enabled;
    bool disable_thp;
    int oom_score_adj; /* enum config_oom_score */
    int oom_score_adj_values[3];
    int shutdown_timeout;                        /* seconds */
    int shutdown_on_sigint, shutdown_on_sigterm; /* bits of enum config_shutdown */
    int enable_debug_command, enable_module_command, enable_protected_configs; /* enum config_access */
    bool strict_config;

    /* Data. */
    int databases;
    uint64_t maxmemory;
    int maxmemory_policy; /* enum eviction */
    int maxmemory_samples;
    int maxmemory_eviction_tenacity;
    int lfu_log_factor, lfu_decay_time;
    int active_expire_effort;
    bool activerehashing;
    bool lazyfree_lazy_eviction, lazyfree_lazy_expire, lazyfree_lazy_server_del;
    bool lazyfree_lazy_user_del, lazyfree_lazy_user_flush;
    uint64_t hash_max_listpack_entries, hash_max_listpack_value;
    uint64_t zset_max_listpack_entries, zset_max_listpack_value;
    uint64_t set_max_intset_entries, set_max_listpack_entries, set_max_listpack_value;
    int list_max_listpack_size, list_compress_depth;
    uint64_t stream_node_max_bytes, stream_node_max_entries;
    uint64_t hll_sparse_max_bytes;

    /* Watching. */
    int64_t slowlog_log_slower_than; /* microseconds; negative: off */
    uint64_t slowlog_max_len;
    int64_t latency_monitor_threshold; /* milliseconds; 0: off */
    bool latency_tracking;
    int notify_keyspace_events; /* bits of enum notify_class */
    int latency_percentile_count;
    double latency_tracking_info_percentiles[CONFIG_PERCENTILES_MAX];

    /* Persistence. */
    struct config_save save;
    const char *dbfilename;
    bool rdbcompression, rdbchecksum, rdb_save_incremental_fsync;
    bool stop_writes_on_bgsave_error;
    bool appendonly;
    const char *appendfilename, *appenddirname;
    int appendfsync; /* enum config_append_fsync */
    bool no_appendfsync_on_rewrite, aof_load_truncated, aof_use_rdb_preamble, aof_timestamp_enabled;
    bool aof_rewrite_incremental_fsync;
    int auto_aof_rewrite_percentage;
    uint64_t auto_aof_rewrite_min_size;

    /* Replication. */
    const char *replicaof; /* "host port", or "" */
    const char *masteruser, *masterauth;
    const char *bind_source_addr;
    const char *replica_announce_ip;
    int replica_announce_port;
    bool replica_announced, replica_serve_stale_data, replica_read_only, replica_ignore_maxmemory;
    bool replica_refuse_empty_primary;
    int replica_priority;
    bool repl_diskless_sync, repl_disable_tcp_nodelay;
    int repl_diskless_sync_delay, repl_diskless_sync_period, repl_diskless_sync_max_replicas;
    int repl_diskless_load; /* enum diskless_load */
    int repl_timeout, repl_ping_replica_period;
    uint64_t repl_backlog_size, repl_spill_max_size;
    int64_t repl_backlog_ttl;
    int min_replicas_to_write, min_replicas_max_lag;
    int propagation_error_behavior;

    /* Kept for subsystems that do not exist yet; nothing reads them (OPTION_IDLE in the table). */
    int64_t busy_reply_threshold;
    uint64_t tracking_table_max_keys;
    uint64_t acllog_max_len;
    int acl_pubsub_default;
    int sanitize_dump_payload;
    int io_threads;
    bool io_threads_do_reads;
    bool jemalloc_bg_thread;
    int active_defrag_cycle_min, active_defrag_cycle_max;
    int active_defrag_threshold_lower, active_defrag_threshold_upper;
    uint64_t active_defrag_max_scan_fields, active_defrag_ignore_bytes;
    const char *bio_cpulist, *aof_rewrite_cpulist, *bgsave_cpulist;
    const char *ignore_warnings;
    bool rdb_del_sync_files, aof_disable_auto_gc, replica_lazy_flush, replica_ignore_disk_write_errors;
    const char *cluster_config_file, *cluster_announce_ip, *cluster_announce_hostname;
    const char *cluster_announce_human_nodename;
    int cluster_announce_port, cluster_announce_bus_port, cluster_announce_tls_port, cluster_port;
    int64_t cluster_node_timeout;
    uint64_t cluster_link_sendbuf_limit;
    int cluster_migration_barrier, cluster_replica_validity_factor;
    int cluster_preferred_endpoint_type;
    bool cluster_replica_no_failover, cluster_require_full_coverage, cluster_allow_reads_when_down;
    bool cluster_allow_pubsubshard_when_down, cluster_allow_replica_migration;
};

/* The current snapshot. Valid until the calling thread's turn ends. */
const struct config *config_get(void);

/* Publishes the defaults. Once, before threads start (tests may call it again to begin afresh). */
void config_init(void);

/* Sets one option to what the start found out that it has to be (a default that depends on others, a number that
 * the system does not allow). Replaces the snapshot: take config_get() anew. Before threads start. False when
 * the option cannot have that value. */
bool config_override(const char *name, const char *value);

/* What a change of an option at run time does beside the new value being there to read. `apply` is called
 * with the snapshot still current and the one about to be, when the option's value differs; it does what must
 * be done, or refuses with a reason (at most CONFIG_WHY_MAX bytes) having done nothing. When a later one
 * refuses, it is called again with the two exchanged and must not refuse then. Several options may share one
 * function: it is called once for all.
 *
 * Called on the thread that runs CONFIG SET, with the configuration's lock held: it may make short system
 * calls, and must not take a slice, wait, or read config_get(). */
struct config_hook {
    const char *option; /* NULL ends a table */
    bool (*apply)(const struct config *before, const struct config *after, char *why);
};
/* `hooks` must live as long as the process. Before threads start. */
void config_register_hooks(const struct config_hook *hooks);

/* CONFIG SET: all of the settings or none. */
struct config_setting {
    const char *name, *value;
    size_t name_len, value_len;
};
struct config_change {
    const struct config_setting *settings;
    unsigned count;
    bool from_local_client; /* over loopback or a unix socket: enable-protected-configs local */
};
/* REPLICAOF has changed what is followed (NULL: nobody): CONFIG GET and REWRITE are to know. On a thread of the server. */
void config_note_primary(const char *host, int port);
/* On a thread of the server (or before they start). False with the whole text of the error reply. */
bool config_set(const struct config_change *change, struct buf *error);

/* Whether an option's value must not be shown (MONITOR, slow log). */
bool config_is_sensitive(const char *name, size_t len);

/* The lock of those who change things: CONFIG SET takes it itself; DEBUG SET-ACTIVE-EXPIRE needs it for
 * policy_publish. Readers need none. Ranked after the slices. */
void config_lock(void);
void config_unlock(void);

/* CONFIG RESETSTAT calls this; set by main. */
extern void (*config_reset_statistics)(void);

#endif

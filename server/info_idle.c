/* info_idle.c: the sections whose subsystems do not exist: they say what an idle redis-server 7.0.15 says. */
#include "server/info_parts.h"

void info_persistence(struct info *in) {
    static const struct info_fixed before[] = {
        {"loading", "0"},
        {"async_loading", "0"},
        {"current_cow_peak", "0"},
        {"current_cow_size", "0"},
        {"current_cow_size_age", "0"},
        {"current_fork_perc", "0.00"},
        {"current_save_keys_processed", "0"},
        {"current_save_keys_total", "0"},
        {NULL, NULL},
    };
    static const struct info_fixed after[] = {
        {"rdb_last_bgsave_status", "ok"},
        {"rdb_last_bgsave_time_sec", "-1"},
        {"rdb_current_bgsave_time_sec", "-1"},
        {"rdb_saves", "0"},
        {"rdb_last_cow_size", "0"},
        {"rdb_last_load_keys_expired", "0"},
        {"rdb_last_load_keys_loaded", "0"},
        {"aof_enabled", "0"},
        {"aof_rewrite_in_progress", "0"},
        {"aof_rewrite_scheduled", "0"},
        {"aof_last_rewrite_time_sec", "-1"},
        {"aof_current_rewrite_time_sec", "-1"},
        {"aof_last_bgrewrite_status", "ok"},
        {"aof_rewrites", "0"},
        {"aof_rewrites_consecutive_failures", "0"},
        {"aof_last_write_status", "ok"},
        {"aof_last_cow_size", "0"},
        {"module_fork_in_progress", "0"},
        {"module_fork_last_cow_size", "0"},
        {NULL, NULL},
    };
    info_fixed(in, before);
    info_int(in, "rdb_changes_since_last_save", (int64_t)INFO_SUM(dirty));
    info_int(in, "rdb_bgsave_in_progress", 0);
    info_int(in, "rdb_last_save_time", info_facts()->started_unix_s);
    info_fixed(in, after);
}

void info_replication(struct info *in) {
    char id[INFO_ID_CHARS + 1];
    info_replication_id(id);
    info_text(in, "role", "master");
    info_int(in, "connected_slaves", 0);
    info_text(in, "master_failover_state", "no-failover");
    info_text(in, "master_replid", id);
    info_text(in, "master_replid2", "0000000000000000000000000000000000000000");
    info_int(in, "master_repl_offset", 0);
    info_int(in, "second_repl_offset", -1);
    info_int(in, "repl_backlog_active", 0);
    info_int(in, "repl_backlog_size", (int64_t)in->config->repl_backlog_size);
    info_int(in, "repl_backlog_first_byte_offset", 0);
    info_int(in, "repl_backlog_histlen", 0);
}

void info_modules(struct info *in) {
    (void)in; /* there are none: only the heading */
}

void info_cluster(struct info *in) {
    info_int(in, "cluster_enabled", 0);
}

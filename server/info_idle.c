/* info_idle.c: the sections whose subsystems do not exist: they say what an idle redis-server 7.0.15 says. */
#include "server/info_parts.h"

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

/* info_replication.c: INFO's section replication, with Redis's fields. */
#include "repl/replicas.h"
#include "server/failover.h"
#include "server/follow.h"
#include "server/info_parts.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <stdio.h>

static const char *state_name(enum replica_state state) {
    static const char *const names[] = {
        [REPLICA_WAITS] = "wait_bgsave", [REPLICA_LOADS] = "send_bulk", [REPLICA_ONLINE] = "online"};
    return names[state];
}

static void one_replica(struct info *in, const struct replica_view *v, unsigned number, int64_t end) {
    char name[32], text[REPLICA_HOST_MAX + 160], host[REPLICA_HOST_MAX];
    int64_t now_ms = clock_unix_ms();
    int64_t lag_s = v->state == REPLICA_ONLINE && v->ack_ms ? (now_ms - v->ack_ms) / 1000 : 0;
    replica_view_host(v, host, sizeof host);
    snprintf(name, sizeof name, "slave%u", number);
    snprintf(text, sizeof text,
             "ip=%s,port=%d,state=%s,offset=%lld,lag=%lld,lag_bytes=%lld,lag_ms=%lld,below=%u", host, v->port,
             state_name(v->state), (long long)v->offset, (long long)lag_s,
             (long long)(end > v->offset ? end - v->offset : 0), (long long)v->lag_ms, v->below);
    info_text(in, name, text);
}

/* INFO's part about the primary that is followed. */
static void primary(struct info *in, const struct follow_view *us) {
    int64_t now_ms = clock_unix_ms();
    const struct link_view *link = &us->link;
    bool up = link->state == LINK_ONLINE, syncs = link->state == LINK_RECEIVES || us->loads;
    info_text(in, "master_host", us->host);
    info_int(in, "master_port", us->port);
    info_text(in, "master_link_status", up ? "up" : "down");
    info_int(in, "master_last_io_seconds_ago", up ? (now_ms - link->heard_ms) / 1000 : -1);
    info_int(in, "master_sync_in_progress", syncs);
    info_int(in, "slave_read_repl_offset", us->offset);
    info_int(in, "slave_repl_offset", us->offset);
    if (syncs) {
        int64_t total = link->dump_bytes < 0 ? 0 : link->dump_bytes;
        char percent[32];
        snprintf(percent, sizeof percent, "%.2f",
                 total ? (double)link->dump_received * 100 / (double)total : 0);
        info_int(in, "master_sync_total_bytes", total);
        info_int(in, "master_sync_read_bytes", link->dump_received);
        info_int(in, "master_sync_left_bytes", total ? total - link->dump_received : 0);
        info_text(in, "master_sync_perc", percent);
        info_int(in, "master_sync_last_io_seconds_ago", (now_ms - link->dump_heard_ms) / 1000);
    }
    if (!up) {
        info_int(in, "master_link_down_since_seconds",
                 link->down_since_ms ? (now_ms - link->down_since_ms) / 1000 : -1);
        info_text(in, "master_link_error", link->why);
    }
    info_int(in, "master_refused_empty", us->refused_empty);
    info_int(in, "slave_priority", in->config->replica_priority);
    info_int(in, "slave_read_only", in->config->replica_read_only);
    info_int(in, "replica_announced", in->config->replica_announced);
}

void info_replication(struct info *in) {
    struct follow_view us = follow_view();
    enum { SHOWN_MAX = 256 };
    struct replica_view *views = mem_alloc(SHOWN_MAX * sizeof *views);
    unsigned count = replicas_view(views, SHOWN_MAX);
    struct replicas_state state = replicas_state();
    struct identity ours = identity_get();
    info_text(in, "role", us.replica ? "slave" : "master");
    if (us.replica) primary(in, &us);
    info_int(in, "connected_slaves", count);
    if (in->config->min_replicas_to_write && in->config->min_replicas_max_lag)
        info_int(in, "min_slaves_good_slaves", replicas_present(in->config->min_replicas_max_lag));
    for (unsigned i = 0; i < count && i < SHOWN_MAX; i++) one_replica(in, &views[i], i, ours.offset);
    static const char *const states[] = {[FAILOVER_NONE] = "no-failover",
                                         [FAILOVER_WAITS] = "waiting-for-sync",
                                         [FAILOVER_IN_PROGRESS] = "failover-in-progress"};
    info_text(in, "master_failover_state", states[failover_state()]);
    info_text(in, "master_replid", ours.id);
    info_text(in, "master_replid2", ours.second_id);
    info_int(in, "master_repl_offset", ours.offset);
    info_int(in, "second_repl_offset", ours.second_end < 0 ? -1 : ours.second_end + 1);
    info_int(in, "repl_backlog_active", state.backlog);
    info_int(in, "repl_backlog_size", (int64_t)in->config->repl_backlog_size);
    info_int(in, "repl_backlog_first_byte_offset", state.backlog_first);
    info_int(in, "repl_backlog_histlen", state.backlog_bytes);
    info_int(in, "repl_spilled_bytes", (int64_t)state.spilled_bytes);
    mem_free(views);
}

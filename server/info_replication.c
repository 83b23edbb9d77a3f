/* info_replication.c: INFO's section replication, with Redis's fields. */
#include "repl/replicas.h"
#include "server/info_parts.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <stdio.h>

static const char *state_name(enum replica_state state) {
    static const char *const names[] = {
        [REPLICA_WAITS] = "wait_bgsave", [REPLICA_LOADS] = "send_bulk", [REPLICA_ONLINE] = "online"};
    return names[state];
}

static void one_replica(struct info *in, const struct replica_view *v, unsigned number) {
    char name[32], text[REPLICA_HOST_MAX + 160], host[REPLICA_HOST_MAX];
    int64_t now_ms = clock_unix_ms();
    int64_t lag_s = v->state == REPLICA_ONLINE && v->ack_ms ? (now_ms - v->ack_ms) / 1000 : 0;
    replica_view_host(v, host, sizeof host);
    snprintf(name, sizeof name, "slave%u", number);
    snprintf(text, sizeof text, "ip=%s,port=%d,state=%s,offset=%lld,lag=%lld", host, v->port,
             state_name(v->state), (long long)v->offset, (long long)lag_s);
    info_text(in, name, text);
}

void info_replication(struct info *in) {
    enum { SHOWN_MAX = 256 };
    struct replica_view *views = mem_alloc(SHOWN_MAX * sizeof *views);
    unsigned count = replicas_view(views, SHOWN_MAX);
    struct replicas_state state = replicas_state();
    struct identity ours = identity_get();
    info_text(in, "role", "master");
    info_int(in, "connected_slaves", count);
    if (in->config->min_replicas_to_write && in->config->min_replicas_max_lag)
        info_int(in, "min_slaves_good_slaves", replicas_present(in->config->min_replicas_max_lag));
    for (unsigned i = 0; i < count && i < SHOWN_MAX; i++) one_replica(in, &views[i], i);
    info_text(in, "master_failover_state", "no-failover");
    info_text(in, "master_replid", ours.id);
    info_text(in, "master_replid2", ours.second_id);
    info_int(in, "master_repl_offset", ours.offset);
    info_int(in, "second_repl_offset", ours.second_end < 0 ? -1 : ours.second_end + 1);
    info_int(in, "repl_backlog_active", state.backlog);
    info_int(in, "repl_backlog_size", (int64_t)in->config->repl_backlog_size);
    info_int(in, "repl_backlog_first_byte_offset", state.backlog_first);
    info_int(in, "repl_backlog_histlen", state.backlog_bytes);
    mem_free(views);
}

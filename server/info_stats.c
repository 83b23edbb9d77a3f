/* info_stats.c: INFO's sections stats, commandstats, errorstats, latencystats. */
#include "server/info_parts.h"

#include "repl/replicas.h"
#include "server/command.h"
#include "server/errorstats.h"
#include "server/pubsub.h"
#include "shard/base/assert.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };

/* ---- stats ---- */

static void append_traffic(struct info *in, const struct statistics_total *t, const struct info_samples *s) {
    info_int(in, "total_connections_received", (int64_t)t->connections_received);
    info_int(in, "total_commands_processed", (int64_t)t->commands_processed);
    info_int(in, "instantaneous_ops_per_sec", (int64_t)s->commands_per_s);
    info_int(in, "total_net_input_bytes", (int64_t)t->bytes_in);
    info_int(in, "total_net_output_bytes", (int64_t)t->bytes_out);
    info_int(in, "total_net_repl_input_bytes", 0);
    info_int(in, "total_net_repl_output_bytes", 0);
    buf_printf(in->out, "instantaneous_input_kbps:%.2f\r\n", (double)s->bytes_in_per_s / 1024);
    buf_printf(in->out, "instantaneous_output_kbps:%.2f\r\n", (double)s->bytes_out_per_s / 1024);
    info_text(in, "instantaneous_input_repl_kbps", "0.00");
    info_text(in, "instantaneous_output_repl_kbps", "0.00");
    info_int(in, "rejected_connections", (int64_t)t->connections_rejected);
    struct replicas_state replicas = replicas_state();
    info_int(in, "sync_full", (int64_t)replicas.full_syncs);
    info_int(in, "sync_partial_ok", (int64_t)replicas.partial_syncs);
    info_int(in, "sync_partial_err", (int64_t)replicas.refused_partial_syncs);
}

static void append_keys(struct info *in, const struct statistics_total *t, const struct info_samples *s) {
    info_int(in, "expired_keys", (int64_t)t->expired);
    /* Overdue keys are found without sampling, and no step is ever cut short by a cap. */
    info_text(in, "expired_stale_perc", "0.00");
    info_int(in, "expired_time_cap_reached_count", 0);
    info_int(in, "expire_cycle_cpu_milliseconds", (int64_t)(INFO_SUM(maintenance_ns) / NS_PER_MS));
    info_int(in, "evicted_keys", (int64_t)t->evicted);
    info_int(in, "evicted_clients", 0);
    info_int(in, "total_eviction_exceeded_time", (int64_t)s->over_limit_ms);
    info_int(in, "current_eviction_exceeded_time", (int64_t)s->over_limit_now_ms);
    info_int(in, "keyspace_hits", (int64_t)t->hits);
    info_int(in, "keyspace_misses", (int64_t)t->misses);
}

void info_stats(struct info *in) {
    static const struct info_fixed idle[] = {
        {"latest_fork_usec", "0"},
        {"total_forks", "0"},
        {"migrate_cached_sockets", "0"},
        {"slave_expires_tracked_keys", "0"},
        {"active_defrag_hits", "0"},
        {"active_defrag_misses", "0"},
        {"active_defrag_key_hits", "0"},
        {"active_defrag_key_misses", "0"},
        {"total_active_defrag_time", "0"},
        {"current_active_defrag_time", "0"},
        {"tracking_total_keys", "0"},
        {"tracking_total_items", "0"},
        {"tracking_total_prefixes", "0"},
        {"unexpected_error_replies", "0"},
        {NULL, NULL},
    };
    static const struct info_fixed last[] = {
        {"io_threaded_reads_processed", "0"},
        {"io_threaded_writes_processed", "0"},
        {"reply_buffer_shrinks", "0"},
        {"reply_buffer_expands", "0"},
        {NULL, NULL},
    };
    struct statistics_total total;
    statistics_sum(&total);
    struct info_samples samples = info_samples();
    append_traffic(in, &total, &samples);
    append_keys(in, &total, &samples);
    info_int(in, "pubsub_channels", (int64_t)pubsub_topics(PUBSUB_CHANNEL));
    info_int(in, "pubsub_patterns", (int64_t)pubsub_topics(PUBSUB_PATTERN));
    info_int(in, "pubsubshard_channels", (int64_t)pubsub_topics(PUBSUB_SHARD));
    info_fixed(in, idle);
    info_int(in, "total_error_replies", (int64_t)total.errors);
    info_int(in, "dump_payload_sanitizations", 0);
    info_int(in, "total_reads_processed", (int64_t)total.reads);
    info_int(in, "total_writes_processed", (int64_t)total.writes);
    info_fixed(in, last);
}

/* ---- commands ---- */

void info_commandstats(struct info *in) {
    for (unsigned id = 0; id < commands_count(); id++) {
        struct command_total t;
        statistics_sum_command(id, &t);
        if (!t.calls && !t.rejected && !t.failed) continue;
        double us_per_call = t.calls ? (double)t.us / (double)t.calls : 0;
        buf_printf(
            in->out,
            "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu\r\n",
            commands_by_id(id)->full_name, (unsigned long long)t.calls, (unsigned long long)t.us, us_per_call,
            (unsigned long long)t.rejected, (unsigned long long)t.failed);
    }
}

/* "99.9" of 99.9, "50" of 50. */
static void append_percentile(struct buf *out, double percentile) {
    char text[64];
    int n = snprintf(text, sizeof text, "%f", percentile);
    ASSERT(n > 0 && (size_t)n < sizeof text);
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    buf_append(out, text, (size_t)n);
}

void info_latencystats(struct info *in) {
    const struct config *config = in->config;
    if (!config->latency_tracking) return;
    for (unsigned id = 0; id < commands_count(); id++) {
        struct command_total t;
        statistics_sum_command(id, &t);
        if (!t.samples) continue;
        buf_printf(in->out, "latency_percentiles_usec_%s:", commands_by_id(id)->full_name);
        for (int i = 0; i < config->latency_percentile_count; i++) {
            double percentile = config->latency_tracking_info_percentiles[i];
            buf_append_text(in->out, i ? ",p" : "p");
            append_percentile(in->out, percentile);
            buf_printf(in->out, "=%.3f", (double)latency_percentile_ns(&t, percentile) / 1000);
        }
        buf_append_text(in->out, "\r\n");
    }
}

/* ---- errors ---- */

void info_errorstats(struct info *in) {
    struct errorstat kinds[ERRORSTATS_KINDS_MAX];
    unsigned count = errorstats_list(kinds);
    for (unsigned i = 0; i < count; i++) {
        /* A word may come from a script: what would break the line's form is shown as '_', as in Redis. */
        for (char *p = kinds[i].word; *p; p++)
            if (strchr("#:\n\r", *p)) *p = '_';
        buf_printf(in->out, "errorstat_%s:count=%llu\r\n", kinds[i].word, (unsigned long long)kinds[i].count);
    }
}

/* info_persistence.c: INFO persistence. What a fork would cost is what changes cost here: bytes that were saved
 * before their time. */
#include "server/aof.h"
#include "server/info_parts.h"
#include "server/persistence.h"
#include "shard/rt/clock.h"

/* While a file is being loaded. */
static void info_loading(struct info *in, const struct persistence_state *s) {
    int64_t took_s = clock_unix_ms() / 1000 - s->load_began_s;
    double part = info_ratio(s->load_bytes, s->load_bytes_total);
    info_int(in, "loading_start_time", s->load_began_s);
    info_int(in, "loading_total_bytes", (int64_t)s->load_bytes_total);
    info_int(in, "loading_rdb_used_mem", 0);
    info_int(in, "loading_loaded_bytes", (int64_t)s->load_bytes);
    buf_printf(in->out, "loading_loaded_perc:%.2f\r\n", part * 100);
    info_int(in, "loading_eta_seconds", part > 0 ? (int64_t)((double)took_s / part - (double)took_s) : 1);
}

static void info_aof(struct info *in, const struct aof_state *a) {
    info_int(in, "aof_enabled", a->enabled);
    info_int(in, "aof_rewrite_in_progress", a->rewriting);
    info_int(in, "aof_rewrite_scheduled", a->rewrite_scheduled);
    info_int(in, "aof_last_rewrite_time_sec", a->last_rewrite_s);
    info_int(in, "aof_current_rewrite_time_sec", a->current_rewrite_s);
    info_text(in, "aof_last_bgrewrite_status", a->rewrite_failed ? "err" : "ok");
    info_int(in, "aof_rewrites", (int64_t)a->rewrites);
    info_int(in, "aof_rewrites_consecutive_failures", (int64_t)a->rewrite_failures);
    info_text(in, "aof_last_write_status", a->write_ok ? "ok" : "err");
}

static void info_aof_enabled(struct info *in, const struct aof_state *a) {
    info_int(in, "aof_current_size", (int64_t)a->bytes);
    info_int(in, "aof_base_size", (int64_t)a->base_bytes);
    info_int(in, "aof_pending_rewrite", 0);
    info_int(in, "aof_buffer_length", (int64_t)a->buffered);
    info_int(in, "aof_pending_bio_fsync", a->sync_pending);
    info_int(in, "aof_delayed_fsync", (int64_t)a->delayed_syncs);
}

void info_persistence(struct info *in) {
    static const struct info_fixed forks[] = {
        {"aof_last_cow_size", "0"},
        {"module_fork_in_progress", "0"},
        {"module_fork_last_cow_size", "0"},
        {NULL, NULL},
    };
    struct persistence_state s = persistence_state();
    bool loading = atomic_load(&persistence_is_loading);
    info_int(in, "loading", loading);
    info_int(in, "async_loading", atomic_load(&persistence_is_loading_beside));
    info_int(in, "current_cow_peak", s.saving ? (int64_t)s.bytes_of_changes : 0);
    info_int(in, "current_cow_size", s.saving ? (int64_t)s.bytes_of_changes : 0);
    info_int(in, "current_cow_size_age", 0);
    buf_printf(in->out, "current_fork_perc:%.2f\r\n",
               s.saving ? info_ratio(s.keys_saved, s.keys_expected) * 100 : 0);
    info_int(in, "current_save_keys_processed", (int64_t)s.keys_saved);
    info_int(in, "current_save_keys_total", (int64_t)s.keys_expected);
    info_int(in, "rdb_changes_since_last_save", (int64_t)s.changes);
    info_int(in, "rdb_bgsave_in_progress", s.saving);
    info_int(in, "rdb_last_save_time", s.last_save_s);
    info_text(in, "rdb_last_bgsave_status", s.last_save_failed ? "err" : "ok");
    info_int(in, "rdb_last_bgsave_time_sec", s.last_took_s);
    info_int(in, "rdb_current_bgsave_time_sec", s.takes_s);
    info_int(in, "rdb_saves", (int64_t)s.saves);
    info_int(in, "rdb_last_cow_size", s.saving ? 0 : (int64_t)s.bytes_of_changes);
    info_int(in, "rdb_last_load_keys_expired", (int64_t)s.keys_expired);
    info_int(in, "rdb_last_load_keys_loaded", (int64_t)s.keys_loaded);
    struct aof_state aof = aof_state();
    info_aof(in, &aof);
    info_fixed(in, forks);
    if (aof.enabled) info_aof_enabled(in, &aof);
    if (loading) info_loading(in, &s);
}

/* replica_lag.c: how far a replica may be behind the stream, and what happens to one that is further.
 *
 * What it has not been sent yet is kept in memory, up to client-output-buffer-limit; beyond that it is cut
 * off. With one exception: as long as it catches up, which is from its dump until it has once been level,
 * it has no fault in being behind. Before the limit is reached what follows is kept in a file for it
 * (spill.h), and only what memory keeps then counts. */
#include "repl/replica_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"

#include <stdio.h>
#include <string.h>

/* Beyond the limit, for those who use the file: what one turn may merge before it can be written. */
enum { SPILL_SLACK_BYTES = 64 << 20, WHY_MAX = 256 };

uint64_t replica_place(const struct replica *r) {
    return r->spilled.spill ? r->spilled.at : r->reader.at;
}

uint64_t replica_lag(const struct replica *r) {
    return r->reads ? replicas.backlog.stream->end[STREAM_REPLICAS] - replica_place(r) : 0;
}

static uint64_t lag_in_memory(const struct replica *r) {
    uint64_t end = replicas.backlog.stream->end[STREAM_REPLICAS], from = replica_place(r);
    if (r->spilled.spill && spill_end(r->spilled.spill) > from) from = spill_end(r->spilled.spill);
    return end - from;
}

void replica_leave_stream(struct replica *r) {
    if (r->spilled.spill) {
        if (spill_leave(&r->spilled)) replicas.spill = NULL;
    } else if (r->reads) {
        stream_leave(&r->reader);
    }
    r->reads = false;
}

/* ---- the limits ---- */

/* As redis-server does: what the backlog keeps costs nothing. */
static uint64_t hard_limit(const struct replicas_settings *s) {
    return s->lag_hard_bytes && s->lag_hard_bytes < s->backlog_bytes ? s->backlog_bytes : s->lag_hard_bytes;
}

static bool is_over(struct replica *r, int64_t now_ms) {
    const struct replicas_settings *s = &replicas.settings;
    const struct spill *file = r->spilled.spill;
    bool is_written = file && !spill_error(file) && !spill_is_full(file);
    uint64_t slack = is_written ? SPILL_SLACK_BYTES : 0, behind = lag_in_memory(r);
    if (hard_limit(s) && behind > hard_limit(s) + slack) return true;
    if (!s->lag_soft_bytes || behind <= s->lag_soft_bytes + slack) {
        r->lags_since_ms = 0;
        return false;
    }
    if (!r->lags_since_ms) r->lags_since_ms = now_ms;
    return (uint64_t)(now_ms - r->lags_since_ms) > s->lag_soft_s * 1000;
}

/* From where on the file is used. 0: never. */
static uint64_t spill_from_bytes(void) {
    const struct replicas_settings *s = &replicas.settings;
    uint64_t hard = hard_limit(s) / 2, soft = s->lag_soft_bytes;
    if (!s->spill_bytes_max) return 0;
    return soft && (!hard || soft < hard) ? soft : hard;
}

/* ---- the file ---- */

static void spill_moved(struct thread *t, struct spill *s) {
    (void)t;
    for (unsigned i = 0; i < REPLICAS_MAX && replicas.spill == s; i++)
        if (replicas.all[i] && replicas.all[i]->spilled.spill == s) replica_send(replicas.all[i]);
}

/* The one that is furthest behind of those who catch up: all others find the file useful. */
static const struct replica *find_last(void) {
    const struct replica *last = NULL;
    for (unsigned i = 0; i < REPLICAS_MAX; i++) {
        const struct replica *r = replicas.all[i];
        if (r && !r->closing && r->reads && r->catches_up && (!last || r->reader.at < last->reader.at))
            last = r;
    }
    return last;
}

static void use_spill(struct replica *r) {
    char name[REPLICA_HOST_MAX + 16];
    uint64_t at = r->reader.at;
    if (replicas.spill && spill_error(replicas.spill)) return;
    if (!replicas.spill)
        replicas.spill = spill_open(&replicas.coordinator->thread, &find_last()->reader,
                                    replicas.settings.spill_bytes_max, spill_moved);
    if (!spill_join(replicas.spill, &r->spilled, at)) return;
    stream_leave(&r->reader);
    replica_name(r, name, sizeof name);
    log_notice("Replica %s is %llu bytes behind: what is written from now on is kept in a file for it", name,
               (unsigned long long)replica_lag(r));
}

/* Back to the stream: true, when it has read all of the file. */
bool replica_leaves_spill(struct replica *r) {
    ASSERT(r->spilled.spill);
    if (spill_look(&r->spilled).n > 0) return false;
    if (spill_leave_for_stream(&r->spilled, &r->reader)) replicas.spill = NULL;
    return true;
}

static void drop(struct replica *r) {
    static const char lags[] = "it lags behind more than client-output-buffer-limit allows";
    const struct spill *s = r->spilled.spill;
    char why[WHY_MAX];
    if (!s)
        snprintf(why, sizeof why, "%s", lags);
    else if (spill_error(s))
        snprintf(why, sizeof why, "%s, and no file could keep it: %s", lags, strerror((int)-spill_error(s)));
    else if (spill_is_full(s))
        snprintf(why, sizeof why, "%s, and repl-spill-max-size beyond that", lags);
    else
        snprintf(why, sizeof why, "%s, and the file that keeps it is written too slowly", lags);
    replica_drop(r, why);
}

/* While the file is full, those who have read more of it wait for the last one to go. */
static bool is_spared(const struct replica *r, bool *somebody_goes) {
    const struct spill *s = r->spilled.spill;
    if (!s || !spill_is_full(s)) return false;
    if (r->spilled.at > spill_tail(s) || *somebody_goes) return true;
    *somebody_goes = true;
    return false;
}

void replicas_check_lag(int64_t now_ms) {
    bool somebody_goes = false;
    uint64_t spill_from = spill_from_bytes();
    if (replicas.spill) spill_copy(replicas.spill);
    for (unsigned i = 0, seen = 0; i < REPLICAS_MAX && seen < replicas.count; i++) {
        struct replica *r = replicas.all[i];
        if (!r) continue;
        seen++;
        if (!r->reads) continue;
        if (r->closing) {
            somebody_goes = somebody_goes || r->spilled.spill;
            continue;
        }
        if (r->catches_up && !r->spilled.spill && spill_from && lag_in_memory(r) > spill_from) use_spill(r);
        if (is_over(r, now_ms) && !is_spared(r, &somebody_goes)) drop(r);
    }
}

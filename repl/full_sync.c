/* full_sync.c: one dump for all replicas that wait.
 *
 *     somebody waits, and the delay is over ──> the spool is made ──> cut ──> the dump begins
 *
 * At the cut the place in the stream is noted that the dump stands for: whoever waits then gets the dump and the
 * stream from there; who comes later waits for the next one. */
#include "repl/feed.h"
#include "repl/replica_parts.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/rt/clock.h"

static struct full_sync {
    struct spool *spool; /* being made; NULL: none is */
    struct cut cut;
    bool no_keys; /* it is for those who want none */
    int64_t began_ms, failed_ms;
} full_sync;

static void end_job(struct thread *t) {
    spool_unref(t, full_sync.spool);
    full_sync.spool = NULL;
    dump_disclaim(&full_sync);
}

static bool waits(const struct replica *r) {
    return r && !r->closing && r->state == REPLICA_WAITS;
}

/* The waiting ones begin with the dump that they want. */
static unsigned enter(struct spool *spool, const struct identity *ours) {
    char name[REPLICA_HOST_MAX + 16];
    unsigned count = 0;
    for (unsigned i = 0; i < REPLICAS_MAX; i++) {
        struct replica *r = replicas.all[i];
        if (!waits(r) || r->facts->no_keys != full_sync.no_keys) continue;
        replica_name(r, name, sizeof name);
        r->state = REPLICA_LOADS;
        r->spool = spool;
        spool_ref(spool);
        if (!r->facts->dump_only) replica_follow_from(r, ours->offset);
        r->catches_up = r->reads;
        if (r->facts->psync)
            buf_printf(&r->text, "+FULLRESYNC %s %lld\r\n", ours->id, (long long)ours->offset);
        log_notice("Full resync of replica %s from offset %lld", name, (long long)ours->offset);
        replicas.full_syncs++;
        count++;
    }
    return count;
}

static void begin_at_cut(struct coordinator *c, struct cut *cut) {
    struct stream_cut mark;
    (void)cut;
    replicas_open_backlog(c);
    /* Everything that happened before this instant has been published: so the place is known exactly. */
    feed_complete();
    int64_t database = feed_selected();
    stream_note_cut(feed_stream(), &mark);
    ASSERT(mark.reached && feed_has_all());
    replicas_note_offset();
    struct identity ours = identity_get();
    struct dump_options options = {.compress = replicas.settings.compress,
                                   .checksum = replicas.settings.checksum,
                                   .now_ms = clock_unix_ms(),
                                   .no_keys = full_sync.no_keys,
                                   .replication_id = ours.id,
                                   .replication_offset = ours.offset,
                                   .replication_database = database};
    unsigned count = enter(full_sync.spool, &ours);
    full_sync.began_ms = options.now_ms;
    log_notice("Starting a dump for SYNC, for %u replica%s", count, count == 1 ? "" : "s");
    spool_ref(full_sync.spool); /* the dump's */
    dump_begin(&c->thread, &options, &full_sync.spool->sink);
}

static void spool_opened(struct thread *t, struct spool *s, bool well) {
    if (!well) {
        log_warning("A full synchronization cannot begin: %s", s->why);
        end_job(t);
        full_sync.failed_ms = clock_unix_ms(); /* and is tried again a second later */
        return;
    }
    full_sync.cut.run = begin_at_cut;
    coordinator_cut(replicas.coordinator, &full_sync.cut);
}

static void spool_moved(struct thread *t, struct spool *s) {
    unsigned users = 0;
    for (unsigned i = 0; i < REPLICAS_MAX; i++) {
        struct replica *r = replicas.all[i];
        if (!r || r->spool != s) continue;
        users++;
        replica_send(r);
    }
    if (s != full_sync.spool) return;
    if (s->ended) {
        if (!s->whole) log_warning("The dump for replicas failed: %s", s->why);
        end_job(t);
    } else if (!users && !s->all_came) {
        log_notice("No replica waits for the dump any more: it is cancelled");
        dump_abort();
    }
}

static bool is_time(void) {
    int64_t now_ms = clock_unix_ms(), since_ms = now_ms;
    unsigned waiting = 0;
    for (unsigned i = 0; i < REPLICAS_MAX; i++) {
        const struct replica *r = replicas.all[i];
        if (!waits(r)) continue;
        waiting++;
        if (r->since_ms > since_ms) continue;
        since_ms = r->since_ms;
        full_sync.no_keys = r->facts->no_keys; /* whoever has waited longest */
    }
    if (!waiting || now_ms - full_sync.failed_ms < 1000) return false;
    if (now_ms - full_sync.began_ms < replicas.settings.period_s * 1000) return false;
    unsigned enough = replicas.settings.enough_waiting;
    return now_ms - since_ms >= replicas.settings.delay_s * 1000 || (enough && waiting >= enough);
}

void full_sync_beat(void) {
    if (full_sync.spool || !is_time() || !dump_claim(&full_sync)) return;
    full_sync.spool = spool_open(&replicas.coordinator->thread, spool_opened, spool_moved);
}

/* aof.c: the append-only file while it is on, and how it comes to be on or off: see aof.h and the picture in
 * aof_parts.h. The configuration says what is wanted; a beat compares it with what is. */
#include "server/aof_parts.h"

#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/config.h"
#include "server/follow.h"
#include "server/pause.h"
#include "server/process.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BEHIND_BYTES_MAX = 64 << 20, /* emitted and not written: beyond, the threads' logs fill up */
    END_SECONDS_MAX = 10,        /* for what is left to be written at the end */
    RETRY_S = 5,                 /* after a rewrite that failed, doubled each time */
    RETRY_DOUBLINGS_MAX = 8,
};

struct aof aof = {.write = {.fd = -1, .next_fd = -1}, .fd = -1, .job_fd = -1};
struct aof_seen aof_seen = {.last_took_s = -1};

/* The main thread waits here until all is written. */
static sem_t ended;
static struct message end_request;

void aof_die(const char *what, const char *why) {
    log_warning("Fatal error: %s: %s. Exiting.", what, why);
    process_remove_pidfile();
    _exit(1);
}

const char *aof_path(const char *name) {
    snprintf(aof.path, sizeof aof.path, "%s/%s", aof.directory, name);
    return aof.path;
}

void aof_name_files(struct coordinator *c) {
    const struct config *config = config_get();
    aof.coordinator = c;
    snprintf(aof.directory, sizeof aof.directory, "%s", config->appenddirname);
    snprintf(aof.prefix, sizeof aof.prefix, "%s", config->appendfilename);
}

/* ---- steps that several ways share ---- */

static void (*increment_done)(struct thread *t);

static void increment_opened(struct thread *t, struct file_operation *op, int64_t result) {
    struct stat status;
    (void)op;
    if (result < 0) aof_die("an increment of the append-only file cannot be opened", strerror((int)-result));
    aof.fd = (int)result;
    if (fstat(aof.fd, &status) != 0) aof_die("the append-only file", strerror(errno));
    aof.file_bytes = (uint64_t)status.st_size;
    increment_done(t);
}

void aof_open_increment(struct thread *t, void (*done)(struct thread *t)) {
    const struct aof_file *f = aof_manifest_last_increment(&aof.manifest);
    if (!f) f = aof_manifest_add_increment(&aof.manifest, aof.prefix);
    increment_done = done;
    aof.op.done = increment_opened;
    file_open(t, &aof.op, aof_path(f->name), O_WRONLY | O_CREAT, 0644);
}

void aof_write_manifest(struct thread *t, const struct aof_manifest *m,
                        void (*done)(struct thread *t, struct replace *r, int error)) {
    struct buf text = {0}, name = {0};
    aof_manifest_format(m, &text);
    buf_printf(&name, "%s.manifest", aof.prefix);
    aof.replace.done = done;
    replace_begin(t, &aof.replace, aof.directory, name.data, &text);
    buf_free(&text);
    buf_free(&name);
}

/* ---- on and off ---- */

void aof_follow_configuration(void) {
    static const enum aof_sync policies[] = {[APPEND_FSYNC_NO] = AOF_SYNC_NO,
                                             [APPEND_FSYNC_ALWAYS] = AOF_SYNC_ALWAYS,
                                             [APPEND_FSYNC_EVERYSEC] = AOF_SYNC_EVERY_SECOND};
    const struct config *config = config_get();
    aof.write.policy = policies[config->appendfsync];
    aof.write.stamps = config->aof_timestamp_enabled;
    aof.write.never_mind_sync = config->no_appendfsync_on_rewrite && dump_is_under_way();
    aof.replies_wait = aof.phase == AOF_IS_ON && aof.job != AOF_SWITCH_ON &&
                       aof.write.policy == AOF_SYNC_ALWAYS && !aof.write.never_mind_sync;
    oplog_set_replies_wait(&aof.coordinator->thread, aof.replies_wait);
}

void aof_begin_at_cut(struct coordinator *c) {
    ASSERT(aof.fd >= 0 && !aof.stream);
    aof.stream = feed_begin(c, FEED_FILE);
    aof_write_open(&aof.write, aof.stream, aof.fd, aof.file_bytes);
    aof.fd = -1;
    aof.phase = AOF_IS_ON;
    atomic_store(&aof_seen.on, true);
    aof_follow_configuration();
}

static void end_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    aof.cutting = false;
    feed_end(c, FEED_FILE, &aof.last_cut);
    aof_write_end_at(&aof.write, &aof.last_cut);
    aof.phase = AOF_IS_STOPPING;
    aof.write.policy = AOF_SYNC_EVERY_SECOND; /* whatever it was: what is left is synced */
    aof_follow_configuration();
}

/* Everything that was logged before the cut is in the file. */
static void stop_if_done(void) {
    if (!aof.last_cut.reached || !aof_write_is_idle(&aof.write)) return;
    if (aof.write.reader.at != aof.last_cut.at[STREAM_FILE]) return;
    if (aof.write.kept.at != aof.write.reader.at && !aof_error()) {
        aof_write_sync_now(&aof.write);
        return;
    }
    aof_write_close(&aof.write);
    aof.stream = NULL;
    feed_leave(FEED_FILE);
    aof.phase = AOF_IS_OFF;
    replicas_may_have(UINT64_MAX);
    aof.baseless = false;
    atomic_store(&aof_seen.on, false);
    log_notice("The append-only file is off");
}

static bool is_all_durable(void) {
    const struct aof_write *w = &aof.write;
    if (aof.phase != AOF_IS_ON) return true;
    return feed_has_all() && w->reader.at == aof.stream->end[STREAM_FILE] && !w->writing && !w->syncing &&
           w->kept.at == w->reader.at;
}

/* The last line, when nothing more is to come: which history all of this is a prefix of, and how long it is. What a crash leaves
 * does not say so, and what comes behind it makes it void. A comment to other servers. */
static void sign_off(void) {
    char line[AOF_HISTORY_MAX];
    if (!replicas_has_backlog()) return;
    replicas_note_offset();
    struct identity ours = identity_get();
    int n = snprintf(line, sizeof line, AOF_HISTORY_FORMAT "\r\n", ours.id, (long long)ours.offset,
                     (long long)feed_selected());
    stream_say(aof.stream, STREAM_FILE, line, (size_t)n);
}

static void end_if_done(void) {
    if (!aof.signed_off && feed_has_all() && follow_is_idle() && aof.phase == AOF_IS_ON) {
        aof.signed_off = true;
        sign_off();
    }
    if (is_all_durable()) {
        aof.ending = false;
        sem_post(&ended);
    } else if (aof.write.reader.at == aof.stream->end[STREAM_FILE] && !aof.write.writing && !aof_error()) {
        aof_write_sync_now(&aof.write);
    }
}

void aof_turn(struct coordinator *c) {
    c->wanted_ns = 0;
    if (LIKELY(aof.phase != AOF_IS_ON && aof.phase != AOF_IS_STOPPING)) {
        feed_merge(BEHIND_BYTES_MAX);
        return;
    }
    do {
        uint64_t behind = aof.stream->end[STREAM_FILE] - aof.write.reader.at;
        if (behind < BEHIND_BYTES_MAX) feed_merge(BEHIND_BYTES_MAX - behind);
        aof_write_go(&aof.write);
    } while (oplog_wake_from(aof_write_wakes_from(&aof.write)));
    replicas_may_have(aof.replies_wait ? aof_write_durable_for_replicas(&aof.write) : UINT64_MAX);
    c->wanted_ns = aof_write_wants_ns(&aof.write);
    if (UNLIKELY(aof.phase == AOF_IS_STOPPING)) stop_if_done();
    if (UNLIKELY(aof.ending)) end_if_done();
}

static bool may_try_again(void) {
    unsigned doublings = aof.failures < RETRY_DOUBLINGS_MAX ? aof.failures : RETRY_DOUBLINGS_MAX;
    return !aof.failures || clock_unix_ms() / 1000 - aof.failed_s >= (int64_t)RETRY_S << (doublings - 1);
}

static bool has_grown(const struct config *config) {
    uint64_t bytes = aof_state().bytes, base = atomic_load(&aof_seen.at_rewrite_bytes);
    if (!config->auto_aof_rewrite_percentage || bytes < config->auto_aof_rewrite_min_size) return false;
    if (!base) base = 1;
    return bytes >= base && (bytes - base) * 100 / base >= (uint64_t)config->auto_aof_rewrite_percentage;
}

void aof_beat(struct coordinator *c) {
    const struct config *config = config_get();
    if (aof.phase == AOF_IS_ON) aof_follow_configuration();
    if (aof.phase == AOF_IS_LOADING || aof.phase == AOF_IS_STOPPING || aof.job || aof.cutting) return;
    if ((!config->appendonly || aof.baseless || aof.suspended) && aof.phase == AOF_IS_ON) {
        aof.cut.run = end_at_cut;
        aof.cutting = true;
        coordinator_cut(c, &aof.cut);
    } else if (aof.suspended) {
        return;
    } else if (config->appendonly && aof.phase == AOF_IS_OFF && may_try_again()) {
        aof_name_files(c);
        aof_begin_job(AOF_SWITCH_ON);
    } else if (aof.phase == AOF_IS_OFF && atomic_load(&aof_seen.wanted)) {
        aof_name_files(c);
        aof_begin_job(AOF_BASE_ONLY);
    } else if (aof.phase == AOF_IS_ON) {
        if (!atomic_load(&aof_seen.wanted) && (!has_grown(config) || !may_try_again())) return;
        aof_begin_job(AOF_REWRITE);
    }
}

void aof_suspend(bool suspend) {
    aof.suspended = suspend;
}

bool aof_positions(uint64_t *end, uint64_t *durable) {
    if (aof.phase != AOF_IS_ON || aof.job == AOF_SWITCH_ON || aof.job == AOF_FIRST_BASE) return false;
    *end = aof.stream->end[STREAM_FILE];
    *durable = aof.write.kept.at;
    return true;
}

bool aof_is_off(void) {
    return aof.phase == AOF_IS_OFF && aof.job == AOF_NO_JOB && !aof.cutting;
}

/* ---- the end ---- */

/* From here on nobody writes. */
static void pause_for_end(struct coordinator *c, struct cut *cut) {
    (void)cut;
    pause_keep(&c->thread, PAUSE_TO_END, SWITCH_PAUSE_ALL);
    aof.ending = true;
}

static void deliver_end(struct thread *to, struct message *message) {
    (void)to;
    (void)message;
    aof.end_cut.run = pause_for_end;
    coordinator_cut(aof.coordinator, &aof.end_cut);
}

void aof_end(struct coordinator *c) {
    struct timespec until = {.tv_sec = clock_unix_ms() / 1000 + END_SECONDS_MAX};
    if (!atomic_load(&aof_seen.on)) return;
    log_notice("Calling fsync() on the AOF file.");
    sem_init(&ended, 0, 0);
    end_request.deliver = deliver_end;
    thread_post_from_outside(&c->thread, &end_request);
    while (sem_timedwait(&ended, &until) != 0)
        if (errno == ETIMEDOUT) {
            log_warning("The append-only file could not be written to its end within %d seconds",
                        END_SECONDS_MAX);
            return;
        }
}

/* ---- for others ---- */

bool aof_rewrite(void) {
    if (atomic_load(&aof_seen.rewriting)) return false;
    return !atomic_exchange(&aof_seen.wanted, true);
}

int aof_error(void) {
    if (LIKELY(!atomic_load_explicit(&aof_seen.on, memory_order_relaxed))) return 0;
    int error = atomic_load_explicit(&aof.write.write_error, memory_order_relaxed);
    return error ? error : atomic_load_explicit(&aof.write.sync_error, memory_order_relaxed);
}

struct aof_state aof_state(void) {
    uint64_t base = atomic_load(&aof_seen.base_bytes);
    bool rewriting = atomic_load(&aof_seen.rewriting);
    return (struct aof_state){
        .enabled = atomic_load(&aof_seen.on),
        .write_ok = aof_error() == 0,
        .sync_pending = atomic_load(&aof.write.sync_in_flight),
        .rewriting = rewriting,
        .rewrite_scheduled = !rewriting && atomic_load(&aof_seen.wanted),
        .rewrite_failed = atomic_load(&aof_seen.rewrite_failed),
        .bytes = atomic_load(&aof.write.bytes) + base + atomic_load(&aof_seen.older_bytes),
        .base_bytes = atomic_load(&aof_seen.at_rewrite_bytes),
        .buffered = atomic_load(&aof.write.buffered),
        .delayed_syncs = atomic_load(&aof.write.delayed_syncs),
        .rewrites = atomic_load(&aof_seen.rewrites),
        .rewrite_failures = atomic_load(&aof_seen.failures),
        .last_rewrite_s = atomic_load(&aof_seen.last_took_s),
        .current_rewrite_s = rewriting ? clock_unix_ms() / 1000 - atomic_load(&aof_seen.began_s) : -1,
    };
}

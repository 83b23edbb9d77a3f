/* persistence.c: see persistence.h. */
#include "server/persistence.h"

#include "persist/dump.h"
#include "persist/load.h"
#include "persist/save.h"
#include "server/aof.h"
#include "server/cmd/dump.h"
#include "server/config.h"
#include "server/follow.h"
#include "server/info_parts.h"
#include "server/pause.h"
#include "server/process.h"
#include "server/replication.h"
#include "server/statistics.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/interest.h"
#include "shard/store/snap.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    RETRY_DELAY_S = 5,         /* after a save that failed, as redis-server has it */
    PROGRESS_S = 2,            /* between two lines about a load */
    SHORT_LOAD_NS = 200000000, /* clients had better wait for one that is over by then */
};

_Atomic bool persistence_is_loading, persistence_is_loading_beside;

/* What all threads see. */
static struct {
    _Atomic bool saving, failed;
    _Atomic bool flushed;                  /* and nothing was saved since */
    _Atomic bool for_flush;                /* what is being saved is that */
    _Atomic uint64_t begun, cut, finished; /* the last save that was asked for, is under way, is over */
    _Atomic uint64_t saves, changes_saved;
    _Atomic int64_t last_save_s, last_took_s, began_s;
    _Atomic bool has_save_points; /* for the main thread, which may not look at the configuration */
} state = {.last_took_s = -1};

/* The coordinator's. */
static struct {
    struct coordinator *coordinator;
    struct save save;
    struct cut cut;
    struct message request, end_request;
    bool wanted;      /* a save is to begin as soon as no other dump is under way */
    bool end_wanted;  /* the save at the end of the server, */
    bool is_last;     /* and this is it: everybody waits from the cut on */
    uint64_t changes; /* that had been made at the cut */
    int64_t last_try_s;
} own;

/* The load at the start; the coordinator's. */
static struct {
    struct load load;
    struct cut cut;
    struct message over;
    void (*begun)(void), (*ready)(void);
    uint64_t began_ns, told_ns;
    _Atomic int64_t began_s; /* Unix time; any thread */
    bool is_aof;
    _Atomic bool loads_aof;
    void (*base_loaded)(struct thread *t, uint64_t end_offset);
    /* A load in the place of what there is: */
    struct replacement replacement;
    const char *why;
} start;

/* The main thread waits here for the save at the end. */
static sem_t end_saved;
static bool end_saved_well;

static uint64_t changes_made(void) {
    return INFO_SUM(dirty);
}

static void wake_waiting_clients(struct thread *t) {
    for (unsigned i = 0; i < workers_count; i++) worker_poke_by(t, worker_by_index(i));
}

static void discard_keyspace(struct thread *t, struct keyspace *ks) {
    worker_discard(worker_of(t), ks);
}

/* ---- a save, step by step ---- */

static void end_of_end(bool well) {
    end_saved_well = well;
    own.is_last = false;
    sem_post(&end_saved);
}

static void saved(struct thread *t, struct save *save, const char *why) {
    int64_t now_s = clock_unix_ms() / 1000;
    if (why) {
        log_warning("%s", why);
        log_warning("Background saving error");
    } else {
        log_notice("DB saved on disk (%llu bytes)", (unsigned long long)save_bytes(save));
        atomic_store(&state.changes_saved, own.changes);
        atomic_store(&state.last_save_s, now_s);
        atomic_fetch_add(&state.saves, 1);
    }
    atomic_store(&state.failed, why != NULL);
    atomic_store(&state.last_took_s, now_s - atomic_load(&state.began_s));
    atomic_store(&state.finished, atomic_load(&state.begun));
    atomic_store(&state.saving, false);
    atomic_store(&state.for_flush, false);
    dump_disclaim(&own);
    if (own.is_last) end_of_end(!why);
    wake_waiting_clients(t);
}

static void begin_dump(struct coordinator *c, struct cut *cut) {
    const struct config *config = config_get();
    struct dump_options options = {
        .compress = config->rdbcompression, .checksum = config->rdbchecksum, .now_ms = clock_unix_ms()};
    (void)cut;
    struct identity history;
    replication_describe(&options, &history);
    own.changes = changes_made();
    if (own.is_last) pause_keep(&c->thread, PAUSE_TO_END, SWITCH_PAUSE_ALL);
    dump_begin(&c->thread, &options, &own.save.sink);
    atomic_store(&state.cut, atomic_load(&state.begun));
    wake_waiting_clients(&c->thread);
}

static void file_opened(struct thread *t, struct save *save) {
    (void)t;
    (void)save;
    own.cut.run = begin_dump;
    coordinator_cut(own.coordinator, &own.cut);
}

static void begin_if_possible(struct coordinator *c) {
    if (!own.wanted || !dump_claim(&own)) return;
    const struct config *config = config_get();
    own.wanted = false;
    own.is_last = own.end_wanted;
    own.end_wanted = false;
    own.last_try_s = clock_unix_ms() / 1000;
    atomic_store(&state.began_s, own.last_try_s);
    own.save.opened = file_opened;
    own.save.done = saved;
    own.save.sync_on_the_way = config->rdb_save_incremental_fsync;
    log_notice("Background saving started");
    save_open(&c->thread, &own.save, config->dbfilename);
}

static void deliver_request(struct thread *to, struct message *message) {
    (void)to;
    (void)message;
    own.wanted = true;
    begin_if_possible(own.coordinator);
}

/* Takes the right to save: the number of the save, or 0. */
static uint64_t claim(void) {
    bool saving = false;
    if (!atomic_compare_exchange_strong(&state.saving, &saving, true)) return 0;
    return atomic_fetch_add(&state.begun, 1) + 1;
}

uint64_t persistence_save(struct thread *from) {
    uint64_t number = claim();
    if (!number) return 0;
    own.request.deliver = deliver_request;
    thread_post(from, &own.coordinator->thread, &own.request);
    return number;
}

enum save_outcome persistence_outcome(uint64_t save) {
    if (atomic_load(&state.finished) < save)
        return atomic_load(&state.cut) < save ? SAVE_WAITS : SAVE_UNDER_WAY;
    return atomic_load(&state.failed) ? SAVE_FAILED : SAVE_DONE;
}

/* ---- the end of the server ---- */

static void deliver_end(struct thread *to, struct message *message) {
    (void)to;
    (void)message;
    own.end_wanted = true;
    persistence_beat(own.coordinator); /* if one is under way, a later beat begins the last one */
}

static bool is_saved_at_end(unsigned how) {
    if (how & SHUTDOWN_SAVE) return true;
    return !(how & SHUTDOWN_NOSAVE) && atomic_load(&state.has_save_points);
}

bool persistence_end(struct coordinator *c, unsigned how) {
    if (!is_saved_at_end(how) || atomic_load(&persistence_is_loading)) return true;
    log_notice("Saving the final RDB snapshot before exiting.");
    own.end_request.deliver = deliver_end;
    thread_post_from_outside(&c->thread, &own.end_request);
    while (sem_wait(&end_saved) != 0) {
    }
    if (end_saved_well) return true;
    if (how & SHUTDOWN_FORCE) {
        log_warning("Error trying to save the DB. Exit anyway.");
        return true;
    }
    log_warning("Error trying to save the DB, can't exit.");
    log_warning("Errors trying to shut down the server. Check the logs for more information.");
    return false;
}

/* ---- save points ---- */

bool persistence_refuses_writes(void) {
    if (LIKELY(!atomic_load_explicit(&state.failed, memory_order_relaxed))) return false;
    const struct config *config = config_get();
    return config->stop_writes_on_bgsave_error && config->save.count > 0;
}

static bool is_due(const struct config *config, uint64_t changes, int64_t now_s) {
    if (atomic_load(&state.failed) && now_s - own.last_try_s <= RETRY_DELAY_S) return false;
    for (unsigned i = 0; i < config->save.count; i++) {
        const struct save_point *p = &config->save.points[i];
        if (changes < (uint64_t)p->changes || now_s - atomic_load(&state.last_save_s) <= p->seconds) continue;
        log_notice("%lld changes in %lld seconds. Saving...", (long long)p->changes, (long long)p->seconds);
        return true;
    }
    return false;
}

static uint64_t loaded_bytes(uint64_t *total) {
    if (atomic_load_explicit(&start.loads_aof, memory_order_relaxed)) return aof_loaded_bytes(total);
    *total = atomic_load(&start.load.bytes_total);
    return atomic_load(&start.load.bytes);
}

/* Tells how far it is, and, the first time, that there is a file. */
static void tell_progress(void) {
    uint64_t now_ns = clock_mono_ns(), total, bytes = loaded_bytes(&total);
    if (total == 0 || now_ns - start.began_ns < SHORT_LOAD_NS) return;
    if (start.begun) start.begun();
    start.begun = NULL;
    if (now_ns - start.told_ns < (uint64_t)PROGRESS_S * 1000000000) return;
    if (start.told_ns)
        log_notice("Loading: %llu of %llu bytes (%.0f%%), %llu keys", (unsigned long long)bytes,
                   (unsigned long long)total, (double)bytes * 100 / (double)total,
                   (unsigned long long)atomic_load(&start.load.keys));
    start.told_ns = now_ns;
}

void persistence_flushed(void) {
    if (!atomic_load(&persistence_is_loading)) atomic_store(&state.flushed, true);
}

bool persistence_saves_flush(void) {
    return atomic_load(&state.for_flush);
}

/* Whether a save is due that nobody asked for. */
static bool wants_save(void) {
    const struct config *config = config_get();
    if (own.end_wanted) return true;
    if (atomic_exchange(&state.flushed, false) && config->save.count) {
        atomic_store(&state.for_flush, true);
        return true;
    }
    return is_due(config, changes_made() - atomic_load(&state.changes_saved), clock_unix_ms() / 1000);
}

void persistence_beat(struct coordinator *c) {
    if (atomic_load(&persistence_is_loading)) {
        tell_progress();
        return;
    }
    if (!own.wanted && !atomic_load(&state.saving) && wants_save()) {
        own.wanted = claim() != 0;
        if (!own.wanted) atomic_store(&state.for_flush, false); /* somebody else saves it */
    }
    begin_if_possible(c);
}

static bool apply_save_points(const struct config *before, const struct config *after, char *why) {
    (void)before;
    (void)why;
    atomic_store(&state.has_save_points, after->save.count > 0);
    return true;
}

/* ---- start ---- */

void persistence_register(void) {
    static const struct config_hook hooks[] = {{"save", apply_save_points}, {NULL, NULL}};
    config_register_hooks(hooks);
    dump_register(discard_keyspace, wake_waiting_clients);
    sem_init(&end_saved, 0, 0);
}

void persistence_prepare(const struct config *config) {
    apply_save_points(NULL, config, NULL);
    atomic_store(&persistence_is_loading, true);
    for (unsigned i = 0; i < slices.count; i++) slices.all[i].switches |= SWITCH_LOADING;
}

static void deliver_loaded(struct thread *to, struct message *message) {
    (void)to;
    (void)message;
    void (*begun)(void) = start.begun;
    start.begun = NULL;
    start.ready();
    if (begun) begun();
}

static void end_loading(struct coordinator *c, struct cut *cut) {
    (void)cut;
    if (start.is_aof) aof_begin_at_cut(c);
    struct history history = {.offset = start.load.replication_offset,
                              .database = start.load.replication_database};
    memcpy(history.id, start.load.replication_id, sizeof history.id);
    if (start.is_aof) history = aof_history();
    follow_recover(c, &history);
    for (unsigned i = 0; i < slices.count; i++) slices.all[i].switches &= (uint16_t)~SWITCH_LOADING;
    atomic_store(&persistence_is_loading, false);
    start.over.deliver = deliver_loaded; /* what is left to do may take longer than a cut may */
    thread_post(&c->thread, &c->thread, &start.over);
}

static void say_loaded(const struct load *load) {
    log_notice("Done loading RDB, keys loaded: %llu, keys expired: %llu, empty keys skipped: %llu.",
               (unsigned long long)atomic_load(&load->keys), (unsigned long long)atomic_load(&load->expired),
               (unsigned long long)atomic_load(&load->empty));
    log_notice("DB loaded from disk: %.3f seconds", (double)(clock_mono_ns() - start.began_ns) / 1e9);
}

static void loaded(struct thread *t, struct load *load, const char *why) {
    (void)t;
    if (why) {
        log_warning("Fatal error loading the DB: %s. Exiting.", why);
        log_warning(
            "`gyre-server --check-rdb FILE` tells more; the server does not start with a part of the data.");
        process_remove_pidfile();
        _exit(1);
    }
    if (!load->missing) say_loaded(load);
    start.cut.run = end_loading;
    coordinator_cut(own.coordinator, &start.cut);
}

static void base_loaded(struct thread *t, struct load *load, const char *why) {
    if (why || load->missing) {
        log_warning("Fatal error loading the base of the append-only file: %s. Exiting.",
                    why ? why : "there is no such file");
        process_remove_pidfile();
        _exit(1);
    }
    start.base_loaded(t, load->end_offset);
}

static void prepare_load(const struct config *config) {
    struct load *load = &start.load;
    load->limits = dump_limits_now();
    load->now_ms = clock_unix_ms();
    load->shards = workers_count;
    load->check_sum = config->rdbchecksum;
    load->beside = false;
}

void persistence_load_base(const char *path, void (*done)(struct thread *t, uint64_t end_offset)) {
    struct load *load = &start.load;
    prepare_load(config_get());
    load->skip_expired = false; /* what follows may make a key last */
    load->done = base_loaded;
    start.base_loaded = done;
    load_begin(&own.coordinator->thread, load, path);
}

static void aof_loaded(struct coordinator *c) {
    log_notice("DB loaded from append only file: %.3f seconds",
               (double)(clock_mono_ns() - start.began_ns) / 1e9);
    start.is_aof = true;
    start.cut.run = end_loading;
    coordinator_cut(c, &start.cut);
}

void persistence_start(struct coordinator *c, void (*begun)(void), void (*ready)(void)) {
    const struct config *config = config_get();
    own.coordinator = c;
    start.begun = begun;
    start.ready = ready;
    start.began_ns = clock_mono_ns();
    atomic_store(&start.began_s, clock_unix_ms() / 1000);
    atomic_store(&state.last_save_s, atomic_load(&start.began_s));
    if (config->appendonly) {
        atomic_store(&start.loads_aof, true);
        aof_start(c, aof_loaded);
        return;
    }
    aof_prepare(c);
    struct load *load = &start.load;
    prepare_load(config);
    load->done = loaded;
    load->skip_expired = !atomic_load(&follow_is_replica); /* there the primary says what goes */
    load_begin(&c->thread, load, config->dbfilename);
}

/* ---- in the place of what there is ---- */

/* What was detached goes bit by bit on the thread whose slice it was. */
struct discarded {
    struct message message;
    struct keyspace *keyspace;
};

static void deliver_discarded(struct thread *to, struct message *message) {
    struct discarded *discarded = (struct discarded *)message;
    worker_discard(worker_of(to), discarded->keyspace);
    mem_free(discarded);
}

static void throw_away(struct coordinator *c, bool beside) {
    for (unsigned i = 0; i < slices.count; i++) {
        struct slice *s = &slices.all[i];
        for (unsigned database = 0; database < slices.databases; database++) {
            struct visit v = {.thread = &c->thread};
            v.database = beside ? slice_database_beside(database) : database;
            struct keyspace *detached = keyspace_detach(&v, s, v.database);
            if (!detached) continue;
            struct discarded *discarded = mem_zalloc(sizeof *discarded);
            discarded->keyspace = detached;
            discarded->message.deliver = deliver_discarded;
            thread_post(&c->thread, thread_by_index(s->owner), &discarded->message);
        }
    }
}

/* What was built beside comes in sight, and what was in sight goes. */
static void put_in_place(struct coordinator *c) {
    for (unsigned i = 0; i < slices.count; i++) {
        struct visit v = {.thread = &c->thread};
        struct interest *ready;
        for (unsigned database = 0; database < slices.databases; database++)
            keyspace_swap(&v, &slices.all[i], database, slice_database_beside(database));
        while ((ready = interest_take_ready(&v.ready)))
            interest_looked_at(ready); /* nobody may take anything here */
    }
    throw_away(c, true);
}

static void set_loading(bool on) {
    for (unsigned i = 0; i < slices.count; i++) {
        uint32_t others = slices.all[i].switches & ~(uint32_t)SWITCH_LOADING;
        slices.all[i].switches = (uint16_t)(others | (on ? SWITCH_LOADING : 0));
    }
    atomic_store(&persistence_is_loading, on);
}

static void end_replacing(struct coordinator *c, struct cut *cut) {
    const struct replacement *r = &start.replacement;
    (void)cut;
    if (start.why) {
        throw_away(c, r->beside);
    } else if (r->beside) {
        r->gone(c);
        put_in_place(c);
    }
    if (!r->beside) set_loading(false);
    atomic_store(&persistence_is_loading_beside, false);
    r->done(c, &start.load, start.why);
}

static void replacement_loaded(struct thread *t, struct load *load, const char *why) {
    (void)t;
    start.why = load->missing ? "the file is gone" : why;
    if (!start.why) say_loaded(load);
    start.cut.run = end_replacing;
    coordinator_cut(own.coordinator, &start.cut);
}

static void begin_replacing(struct coordinator *c, struct cut *cut) {
    const struct replacement *r = &start.replacement;
    (void)cut;
    if (r->beside) {
        atomic_store(&persistence_is_loading_beside, true);
    } else {
        r->gone(c);
        throw_away(c, false);
        set_loading(true);
    }
    load_begin(&c->thread, &start.load, r->path);
}

void persistence_replace(const struct replacement *replacement) {
    ASSERT(!atomic_load(&persistence_is_loading) && !atomic_load(&persistence_is_loading_beside));
    start.replacement = *replacement;
    start.began_ns = clock_mono_ns();
    start.told_ns = 0;
    atomic_store(&start.began_s, clock_unix_ms() / 1000);
    atomic_store(&start.loads_aof, false);
    prepare_load(config_get());
    start.load.skip_expired = false; /* the primary will say what goes */
    start.load.beside = replacement->beside;
    start.load.done = replacement_loaded;
    start.cut.run = begin_replacing;
    coordinator_cut(own.coordinator, &start.cut);
}

struct persistence_state persistence_state(void) {
    struct persistence_state s = {
        .saving = atomic_load(&state.saving),
        .last_save_failed = atomic_load(&state.failed),
        .last_save_s = atomic_load(&state.last_save_s),
        .last_took_s = atomic_load(&state.last_took_s),
        .takes_s = -1,
        .saves = atomic_load(&state.saves),
        .changes = changes_made() - atomic_load(&state.changes_saved),
        .bytes_of_changes = dump_bytes_of_changes(),
        .load_began_s = atomic_load(&start.began_s),
        .keys_loaded = atomic_load(&start.load.keys),
        .keys_expired = atomic_load(&start.load.expired),
    };
    s.load_bytes = loaded_bytes(&s.load_bytes_total);
    if (s.saving) {
        s.takes_s = clock_unix_ms() / 1000 - atomic_load(&state.began_s);
        s.keys_saved = dump_keys(&s.keys_expected);
    }
    return s;
}

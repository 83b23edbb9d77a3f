/* shutdown.c: see shutdown.h. */
#include "server/shutdown.h"

#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/config.h"
#include "server/pause.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/oplog.h"
#include "shard/store/slice.h"

#include <semaphore.h>
#include <stdatomic.h>

/* From the request on until it is given up, a shutdown has BEGUN. */
enum phase { IDLE, BEGUN, WAITING, CALLED_OFF, PHASES };

/* What all threads see. How many have failed and the phase are one word: so whoever asks for a shutdown
 * knows which one he is part of, and never begins another while one is being given up. */
static struct {
    _Atomic uint64_t progress; /* failures * PHASES + phase */
    _Atomic int64_t ends_ms;   /* clock_mono_ms */
    struct coordinator *_Atomic coordinator;
} seen;

/* The coordinator's; the main thread's only while it has asked for nothing. */
static struct {
    struct message request;
    struct cut cut;
    bool waits;   /* the main thread, for the answer to shutdown_wait */
    bool cutting; /* the cut has been asked for and has not run */
    unsigned how;
    bool paused, told;
    uint64_t ticket; /* of the first change that is held back */
    int64_t relayed; /* the offset at the cut, of a stream that goes on: -1: it does not */
} own = {.relayed = -1};

/* The main thread waits here, as nobody else does. */
static sem_t answered;
static bool goes_on_to_end;

static void ask_coordinator(struct coordinator *c, void (*deliver)(struct thread *to, struct message *m)) {
    sem_init(&answered, 0, 0);
    atomic_store(&seen.coordinator, c);
    own.request.deliver = deliver;
    thread_post_from_outside(&c->thread, &own.request);
    while (sem_wait(&answered) != 0) {
    }
}

/* ---- the phase ---- */

static enum phase phase_now(void) {
    return (enum phase)(atomic_load(&seen.progress) % PHASES);
}

/* False: it is another one than `from`. Failures are counted by the main thread only, as it leaves a phase.
 * */
static bool change_phase(enum phase from, enum phase to) {
    uint64_t progress = atomic_load(&seen.progress);
    ASSERT(from != IDLE || to == BEGUN);
    return progress % PHASES == from &&
           atomic_compare_exchange_strong(&seen.progress, &progress, progress - from + to);
}

uint64_t shutdown_failures(void) {
    return atomic_load(&seen.progress) / PHASES;
}

bool shutdown_has_begun(uint64_t *number) {
    uint64_t progress = atomic_load(&seen.progress);
    *number = progress / PHASES + 1;
    return progress % PHASES != IDLE;
}

/* ---- who is level ---- */

/* What replicas have to have. False: it is not known yet. */
static bool find_target(int64_t *target) {
    struct replicas_state state = replicas_state();
    *target = own.relayed >= 0 ? own.relayed : state.offset;
    return own.relayed >= 0 || !state.backlog || state.next_ticket >= own.ticket;
}

static void note_relayed(void) {
    struct replicas_state state = replicas_state();
    own.relayed = feed_is_relayed() ? state.backlog_first - 1 + state.backlog_bytes : -1;
}

static bool are_level(void) {
    struct replica_view first;
    int64_t target;
    return find_target(&target) && replicas_having(target, false) >= replicas_view(&first, 1);
}

static void report_one(const struct replica_view *v, int64_t target) {
    static const char *const states[] = {
        [REPLICA_WAITS] = "wait_bgsave", [REPLICA_LOADS] = "send_bulk", [REPLICA_ONLINE] = "online"};
    char host[REPLICA_HOST_MAX];
    int64_t lag_s = v->state == REPLICA_ONLINE ? (clock_unix_ms() - v->ack_ms) / 1000 : 0;
    replica_view_host(v, host, sizeof host);
    log_warning("Lagging replica %s:%d reported offset %lld behind master, lag=%lld, state=%s.", host,
                v->port, (long long)(target - v->offset), (long long)lag_s, states[v->state]);
}

static void report(void) {
    struct replica_view first;
    unsigned count = replicas_view(&first, 1), lagging = 0;
    int64_t target;
    if (count == 0) return;
    struct replica_view *all = mem_alloc(count * sizeof *all);
    find_target(&target);
    replicas_view(all, count); /* they come and go on this thread only */
    for (unsigned i = 0; i < count; i++) {
        if (all[i].state == REPLICA_ONLINE && all[i].offset >= target) continue;
        lagging++;
        report_one(&all[i], target);
    }
    mem_free(all);
    log_notice("%u of %u replicas are in sync when shutting down.", count - lagging, count);
}

/* ---- the wait ---- */

static void finish(void) {
    own.waits = false;
    goes_on_to_end = change_phase(WAITING, BEGUN);
    if (goes_on_to_end)
        report();
    else
        log_notice("Shutdown manually aborted.");
    sem_post(&answered);
}

static void pause_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    own.cutting = false;
    if (!own.waits) return; /* it came too late */
    pause_keep(&c->thread, PAUSE_TO_END, SWITCH_PAUSE_WRITES);
    own.paused = true;
    own.ticket = oplog_next_ticket();
    note_relayed();
    replicas_ask(&c->thread);
}

static void deliver_begin(struct thread *to, struct message *message) {
    const struct config *config = config_get();
    struct replica_view first;
    (void)message;
    struct coordinator *c = atomic_load(&seen.coordinator);
    ASSERT(to == &c->thread && !own.waits);
    own.paused = own.told = false;
    note_relayed();
    own.ticket = oplog_next_ticket();
    atomic_store(&seen.ends_ms, (int64_t)clock_mono_ms() + (int64_t)config->shutdown_timeout * 1000);
    own.waits = change_phase(BEGUN, WAITING);
    ASSERT(own.waits);
    if ((own.how & SHUTDOWN_NOW) || !config->shutdown_timeout || !replicas_view(&first, 1)) {
        finish();
        return;
    }
    if (own.cutting) return; /* that of an earlier one will do */
    own.cutting = true;
    own.cut.run = pause_at_cut;
    coordinator_cut(c, &own.cut);
}

void shutdown_turn(struct coordinator *c) {
    if (LIKELY(!own.waits)) return;
    ASSERT(c == atomic_load(&seen.coordinator));
    bool over = phase_now() == CALLED_OFF || (int64_t)clock_mono_ms() >= atomic_load(&seen.ends_ms);
    if (over || (own.paused && are_level())) {
        finish();
    } else if (own.paused && !own.told) {
        own.told = true;
        log_notice("Waiting for replicas before shutting down.");
    }
}

bool shutdown_wait(struct coordinator *c, unsigned how) {
    bool begins = change_phase(IDLE, BEGUN);
    ASSERT(begins);
    own.how = how;
    ask_coordinator(c, deliver_begin);
    return goes_on_to_end;
}

bool shutdown_abort(struct thread *me) {
    if (!change_phase(WAITING, CALLED_OFF)) return false;
    thread_wake(me, &atomic_load(&seen.coordinator)->thread);
    return true;
}

bool shutdown_is_waiting(void) {
    enum phase phase = phase_now();
    return phase == WAITING || phase == CALLED_OFF;
}

int64_t shutdown_left_ms(void) {
    if (!shutdown_is_waiting()) return 0;
    int64_t left_ms = atomic_load(&seen.ends_ms) - (int64_t)clock_mono_ms();
    return left_ms > 0 ? left_ms : 0;
}

/* ---- the server goes on ---- */

static void resume_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    own.cutting = false;
    pause_release(&c->thread, PAUSE_TO_END);
    for (unsigned i = 0; i < workers_count; i++) worker_poke_by(&c->thread, worker_by_index(i));
    sem_post(&answered);
}

static void deliver_resume(struct thread *to, struct message *message) {
    (void)to;
    (void)message;
    own.cut.run = resume_at_cut; /* also where the pause was asked for and has not come yet */
    if (own.cutting) return;
    own.cutting = true;
    coordinator_cut(atomic_load(&seen.coordinator), &own.cut);
}

void shutdown_give_up(struct coordinator *c) {
    ASSERT(phase_now() == BEGUN || phase_now() == CALLED_OFF); /* which only this thread leaves */
    atomic_store(&seen.progress, (shutdown_failures() + 1) * PHASES + IDLE);
    ask_coordinator(c, deliver_resume);
}

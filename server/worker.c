/* worker.c: the loop of a shard's thread: see worker.h for the picture of a turn. */
#include "server/worker.h"

#include "server/blocked.h"
#include "server/command.h"
#include "server/config.h"
#include "server/output.h"
#include "server/pause.h"
#include "server/pubsub.h"
#include "server/upkeep.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/base/mem_home.h"
#include "shard/rt/file.h"
#include "shard/store/oplog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

unsigned workers_count;
static struct worker **workers;

struct worker *worker_by_index(unsigned index) {
    ASSERT(index < workers_count);
    return workers[index];
}

void workers_create(unsigned count) {
    ASSERT(count > 0 && count < THREADS_MAX && !workers);
    workers_count = count;
    workers = mem_zalloc(count * sizeof(struct worker *));
    for (unsigned i = 0; i < count; i++) {
        struct worker *w = workers[i] = mem_zalloc_aligned(sizeof *w, CACHE_LINE);
        w->thread.index = (uint16_t)i;
        snprintf(w->thread.name, sizeof w->thread.name, "gyre-shard-%u", i % 1000);
        w->statistics.commands = mem_zalloc(commands_count() * sizeof *w->statistics.commands);
        while (w->last_slice < slices.count && slices.all[w->last_slice].owner < i) w->last_slice++;
        w->first_slice = w->upkeep_slice = w->last_slice;
        while (w->last_slice < slices.count && slices.all[w->last_slice].owner == i) w->last_slice++;
    }
}

/* ---- completions ---- */

static void end_of_input(struct worker *w, struct client *c) {
    c->end_of_input = true;
    /* What it sent before still runs and is answered; only then is it closed. A blocked or paused client is
     * let go now. */
    if (c->wait == WAIT_BLOCKED || c->wait == WAIT_PAUSE)
        client_close(w, c);
    else if (c->wait == WAIT_NOTHING)
        client_has_output(w, c);
}

static void received(struct worker *w, struct client *c, const struct completion *done) {
    bool is_gone = client_has(c, CLIENT_CLOSING);
    if (!done->more) c->receiving = false;
    if (done->buffer >= 0 && (done->result <= 0 || is_gone)) {
        ring_buffer_return(w->thread.ring, done->buffer);
    } else if (done->result > 0) {
        ASSERT(done->buffer >= 0);
        batch_receive(w, c, done->buffer, (size_t)done->result);
    }
    if (done->more) return;
    client_request_over(w, c);
    if (client_has(c, CLIENT_CLOSING)) return;
    if (done->result > 0 || done->result == -ENOBUFS || done->result == -EINTR || done->result == -EAGAIN) {
        client_start_receiving(w, c);
    } else {
        /* Its parsed requests run before the end of its input is looked at. */
        if (c->in_batch) batch_run(w);
        if (client_has(c, CLIENT_CLOSING)) return;
        if (done->result == 0)
            end_of_input(w, c);
        else
            client_close(w, c);
    }
}

static void handle_completions(struct worker *w) {
    const struct completion *done;
    while ((done = ring_next(w->thread.ring))) {
        if (UNLIKELY(file_completion(&w->thread, done))) continue;
        enum tag_kind kind = tag_kind(done->tag);
        if (kind == TAG_NOTHING) continue;
        struct client *c = client_of_tag(w, done->tag);
        if (UNLIKELY(!c)) {
            /* A stale completion of a client that is gone. */
            if (done->buffer >= 0) ring_buffer_return(w->thread.ring, done->buffer);
            continue;
        }
        if (kind == TAG_RECEIVE)
            received(w, c, done);
        else if (kind == TAG_SEND)
            output_sent(w, c, done->result);
    }
}

/* ---- waking ---- */

/* Tries the list's clients once each, oldest first; those that have to wait again stand behind the others. A
 * client may close others of the list while it runs, so the list is taken from its head each time. */
static void resume_all(struct worker *w, struct client_list *list,
                       bool (*ready)(struct worker *, struct client *)) {
    unsigned count = 0;
    for (struct client *c = list->first; c; c = c->wait_next) count++;
    for (; count > 0 && list->first; count--) {
        struct client *c = list->first;
        if (ready(w, c)) {
            batch_resume(w, c);
        } else {
            enum client_wait why = c->wait;
            struct slice *parked_on = c->parked_on;
            client_wait_over(w, c);
            client_wait_in(w, c, why);
            c->parked_on = parked_on;
        }
    }
}

/* Whether it is worth trying: the slice that refused is free now. Otherwise the thread is parked there
 * again. */
static bool slice_is_free(struct worker *w, struct client *c) {
    if (!c->parked_on) return true;
    struct hold *h = &c->parked_on->hold;
    if (!hold_park(h, &w->thread)) return false;
    hold_release(h, &w->thread);
    return true;
}

static bool pause_is_over(struct worker *w, struct client *c) {
    (void)w;
    (void)c;
    return true; /* one that is still to be paused waits again */
}

static void close_killed(struct worker *w) {
    for (uint32_t i = 0; i < w->clients_capacity; i++) {
        struct client *c = w->clients[i];
        if (c && client_has(c, CLIENT_KILLED) && !client_has(c, CLIENT_CLOSING)) client_close(w, c);
    }
}

static void handle_wakes(struct worker *w) {
    if (atomic_load_explicit(&w->thread.wake, memory_order_relaxed) &&
        atomic_exchange(&w->thread.wake, false)) {
        if (atomic_load(&w->poked) && atomic_exchange(&w->poked, false)) {
            close_killed(w);
            resume_all(w, &w->paused, pause_is_over);
        }
        resume_all(w, &w->parked, slice_is_free);
    }
}

void worker_resume_paused(struct worker *w) {
    resume_all(w, &w->paused, pause_is_over);
}

void worker_poke_by(struct thread *from, struct worker *to) {
    atomic_store(&to->poked, true);
    thread_wake(from, &to->thread);
}

void worker_poke(struct worker *from, struct worker *to) {
    worker_poke_by(&from->thread, to);
}

void worker_poke_from_outside(struct worker *to) {
    atomic_store(&to->poked, true);
    atomic_store(&to->thread.wake, true);
    ring_wake_from_outside(to->thread.ring);
}

/* ---- the loop ---- */

/* Hands blocks of other threads' heaps over to them, and wakes those that have to free some now. */
static void send_home(struct worker *w) {
    struct mem_homes woken = mem_home_sent();
    for (unsigned i = 0; i < workers_count; i++)
        if (woken.bits[i / 64] >> (i % 64) & 1) thread_wake(&w->thread, &worker_by_index(i)->thread);
}

static void serve(struct worker *w) {
    bool sends_home = workers_count > 1;
    while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
        thread_turn(&w->thread, upkeep_wait_ns(w));
        if (sends_home) mem_home_send();
        handle_completions(w);
        if (w->batch.count) w->served_ns = w->thread.turn_mono_ns;
        batch_run(w);
        handle_wakes(w);
        upkeep_run(w);
        if (sends_home) send_home(w);
        upkeep_free_strays(w);
        ASSERT(!oplog_is_open(&w->thread));
        oplog_ring(&w->thread);
        pubsub_deliver_ready(&w->thread);
        output_flush(w);
        clients_bury(w);
        count_add(&w->statistics.turns, 1);
    }
}

enum { FAREWELL_TURNS_MAX = 100, FAREWELL_TURN_NS = 10000000 };

/* Sends what is ready, closes all clients, and waits a bounded while for the kernel to let go of them. */
static void close_all(struct worker *w) {
    for (uint32_t i = 0; i < w->clients_capacity; i++)
        if (w->clients[i] && !client_has(w->clients[i], CLIENT_CLOSING)) {
            struct client *c = w->clients[i];
            if (c->sending || c->reply.first)
                client_close_after_reply(w, c);
            else
                client_close(w, c);
        }
    for (int turn = 0; turn < FAREWELL_TURNS_MAX; turn++) {
        output_flush(w);
        clients_bury(w);
        blocked_upkeep(w); /* what they watched or waited for in slices that were busy */
        if (w->free_count == w->clients_capacity && !w->leaving) break;
        if (turn == FAREWELL_TURNS_MAX / 2)
            for (uint32_t i = 0; i < w->clients_capacity; i++)
                if (w->clients[i]) client_close(w, w->clients[i]);
        thread_turn(&w->thread, FAREWELL_TURN_NS);
        handle_completions(w);
        batch_run(w);
    }
    thread_turn(&w->thread, 0); /* the last closes */
    while (ring_next(w->thread.ring)) {
    }
}

bool worker_run(struct worker *w, void (*started)(struct worker *w), char *why, size_t why_cap) {
    if (!thread_start(&w->thread, true, why, why_cap)) return false;
    upkeep_init(w);
    mem_home_open(w->thread.index);
    started(w);
    serve(w);
    close_all(w);
    mem_home_close();
    mem_publish();
    return true;
}

/* failover.c: see failover.h. */
#include "server/failover.h"

#include "repl/replicas.h"
#include "server/follow.h"
#include "server/pause.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"
#include "shard/store/slice.h"

#include <stdio.h>
#include <string.h>

struct errand {
    struct message message;
    struct failover_order order;
};

static _Atomic int state;
static _Atomic bool paused; /* writes wait */

/* The coordinator's. */
static struct {
    struct coordinator *coordinator;
    struct failover_order order;
    struct cut cut;
    struct message after;
    int64_t until_ms; /* 0: no limit */
    bool cutting, asked;
    bool ends; /* what is left is to let the writes go on */
} own;

enum failover_state failover_state(void) {
    return (enum failover_state)atomic_load(&state);
}

bool failover_holds(void) {
    return failover_state() == FAILOVER_NONE || atomic_load(&paused);
}

/* ---- the writes wait, and go on ---- */

/* Those that wait look again. */
static void deliver_news(struct thread *t, struct message *message) {
    (void)message;
    for (unsigned i = 0; i < workers_count; i++) worker_poke_by(t, worker_by_index(i));
}

/* Once the slices have been let go, and before the next cut. */
static void tell_all(struct coordinator *c) {
    own.after.deliver = deliver_news;
    thread_post(&c->thread, &c->thread, &own.after);
}

static void pause_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    own.cutting = false;
    pause_keep(&c->thread, PAUSE_TO_FAIL_OVER, SWITCH_PAUSE_WRITES);
    atomic_store(&paused, true);
    tell_all(c);
}

static void resume_at_cut(struct coordinator *c, struct cut *cut) {
    (void)cut;
    own.cutting = own.ends = false;
    pause_release(&c->thread, PAUSE_TO_FAIL_OVER);
    atomic_store(&paused, false);
    atomic_store(&state, FAILOVER_NONE);
    tell_all(c);
}

static void cut_later(void (*run)(struct coordinator *c, struct cut *cut)) {
    own.cutting = true;
    own.cut.run = run;
    coordinator_cut(own.coordinator, &own.cut);
}

/* ---- the end ---- */

static void give_up(const char *why) {
    log_notice("Aborting the failover: %s", why);
    if (failover_state() == FAILOVER_IN_PROGRESS) follow_request(&own.coordinator->thread, NULL, 0);
    own.ends = true;
}

void failover_taken_over(void) {
    if (failover_state() != FAILOVER_IN_PROGRESS || own.ends) return;
    log_notice("The failover is over: %s:%d is the primary now", own.order.host, own.order.port);
    own.ends = true;
}

void failover_refused(void) {
    if (failover_state() == FAILOVER_IN_PROGRESS && !own.ends) give_up("the replica refuses to take over");
}

/* ---- the beginning ---- */

static void deliver(struct thread *to, struct message *message) {
    struct errand *request = (struct errand *)message;
    (void)to;
    if (request->order.abort) {
        if (failover_state() != FAILOVER_NONE && !own.ends) give_up("as asked");
    } else {
        int64_t timeout_ms = request->order.timeout_ms;
        own.order = request->order;
        own.until_ms = timeout_ms ? clock_unix_ms() + timeout_ms : 0;
        own.asked = own.ends = false;
        log_notice(*own.order.host ? "FAILOVER requested to %s:%d." : "FAILOVER requested.", own.order.host,
                   own.order.port);
    }
    mem_free(request);
}

bool failover_request(struct thread *from, const struct failover_order *order) {
    int none = FAILOVER_NONE;
    if (order->abort ? failover_state() == FAILOVER_NONE
                     : !atomic_compare_exchange_strong(&state, &none, FAILOVER_WAITS))
        return false;
    struct errand *request = mem_zalloc(sizeof *request);
    request->order = *order;
    request->message.deliver = deliver;
    thread_post(from, thread_by_index(workers_count), &request->message);
    return true;
}

/* ---- on its way ---- */

/* Looks for a replica that has everything. */
static void look(struct coordinator *c) {
    char host[LINK_HOST_MAX];
    int port;
    bool late = own.until_ms && clock_unix_ms() >= own.until_ms;
    if (!own.asked) {
        own.asked = true;
        replicas_ask(&c->thread);
    }
    if (replicas_find_level(own.order.host, own.order.port, host, &port)) {
        log_notice("The replica %s:%d has everything: it takes over", host, port);
    } else if (late && own.order.force) {
        log_notice("The time is over, and the failover is forced: %s:%d takes over with what it has",
                   own.order.host, own.order.port);
        memcpy(host, own.order.host, sizeof host);
        port = own.order.port;
    } else {
        if (late) give_up("no replica had everything in time");
        return;
    }
    memcpy(own.order.host, host, sizeof host);
    own.order.port = port;
    atomic_store(&state, FAILOVER_IN_PROGRESS);
    follow_after_failover(&c->thread, host, port);
}

void failover_turn(struct coordinator *c) {
    if (LIKELY(failover_state() == FAILOVER_NONE) || own.cutting) return;
    own.coordinator = c;
    if (own.ends)
        cut_later(resume_at_cut);
    else if (!atomic_load(&paused))
        cut_later(pause_at_cut);
    else if (failover_state() == FAILOVER_WAITS)
        look(c);
}

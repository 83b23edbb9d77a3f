/* broken.c: see broken.h. Empty in every build but the one for the checker's demonstration. */
#include "server/broken.h"

#ifdef BREAK_HOLDS
#include "server/apply.h"
#include "server/worker.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOW_AND_THEN = 32, LONG_ENOUGH_US = 1000 };

static bool has_fault(const char *name) {
    const char *fault = getenv("GYRE_BROKEN"); /* nothing changes the environment */
    return strcmp(fault ? fault : "keys", name) == 0;
}

static bool now_and_then(void) {
    static _Thread_local unsigned times;
    return ++times % NOW_AND_THEN == 0;
}

static void let_others_in(struct worker *w) {
    unsigned count = w->thread.holds_held, passes = 0;
    if (count < 2) return;
    hold_release_set(w->scratch.holds, count, &w->thread);
    sched_yield();
    while (!hold_take_set(w->scratch.holds, count, &w->thread, &passes)) sched_yield();
}

void broken_let_others_in(struct call *c) {
    bool several = strcmp(c->command->name, "mget") == 0 || strcmp(c->command->name, "mset") == 0;
    if (several && has_fault("keys")) let_others_in(c->worker);
}

void broken_between_queued(struct worker *w) {
    if (has_fault("exec")) let_others_in(w);
}

bool broken_watch(void) {
    return has_fault("watch") && now_and_then();
}

bool broken_order(void) {
    return has_fault("order");
}

bool broken_lose(void) {
    return has_fault("lose") && now_and_then();
}

void broken_between_applied(struct worker *w) {
    if (has_fault("pieces")) let_others_in(w);
}

bool broken_skip(void) {
    return has_fault("skip") && now_and_then();
}

void broken_swap(struct apply_command *first, bool is_two) {
    static bool kept_back; /* the one worker's that applies */
    if (!has_fault("swap")) return;
    if (kept_back) usleep(LONG_ENOUGH_US); /* that somebody sees it */
    kept_back = !kept_back && is_two && now_and_then();
    if (!kept_back) return;
    struct apply_command second = first[1];
    first[1] = first[0];
    first[0] = second;
}

bool broken_loads(void) {
    return has_fault("loads");
}
#else
typedef int broken_is_empty; /* ISO C forbids an empty file */
#endif

/* broken.c: see broken.h. Empty in every build but the one for the checker's demonstration. */
#include "server/broken.h"

#ifdef BREAK_HOLDS
#include "server/worker.h"

#include <sched.h>
#include <string.h>

void broken_let_others_in(struct call *c) {
    struct worker *w = c->worker;
    unsigned count = w->thread.holds_held, passes = 0;
    if (count < 2 || (strcmp(c->command->name, "mget") != 0 && strcmp(c->command->name, "mset") != 0)) return;
    hold_release_set(w->scratch.holds, count, &w->thread);
    sched_yield();
    while (!hold_take_set(w->scratch.holds, count, &w->thread, &passes)) sched_yield();
}
#else
typedef int broken_is_empty; /* ISO C forbids an empty file */
#endif

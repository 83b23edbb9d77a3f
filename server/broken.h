/* broken.h: deliberate faults, to show that the history checker finds them. Only in a build with
 * -DBREAK_HOLDS; the environment's GYRE_BROKEN names the one fault that a server of that build has:
 *
 *    keys     (or nothing) between two keys of an MGET or MSET all slices are let go and taken again, as if each key
 *             were a command of its own: what a server without holds over several slices would do
 *    exec     the same between the commands of a transaction
 *    watch    now and then a watch does not see that its key was touched
 *    order    who waits for a list is served last come first served
 *    lose     now and then one who waited is told that his time was over although he was served
 *
 * `make checker-demo` builds it and expects the checker to object to each.
 */
#ifndef GYRE_SERVER_BROKEN_H
#define GYRE_SERVER_BROKEN_H

#include <stdbool.h>

struct call;
struct worker;

#ifdef BREAK_HOLDS
void broken_let_others_in(struct call *c);
void broken_between_queued(struct worker *w);
bool broken_watch(void);
bool broken_order(void);
bool broken_lose(void);
#else
static inline void broken_let_others_in(struct call *c) {
    (void)c;
}
static inline void broken_between_queued(struct worker *w) {
    (void)w;
}
static inline bool broken_watch(void) {
    return false;
}
static inline bool broken_order(void) {
    return false;
}
static inline bool broken_lose(void) {
    return false;
}
#endif

#endif

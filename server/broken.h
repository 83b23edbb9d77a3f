/* broken.h: deliberate faults, to show that the history checker finds them. Only in a build with
 * -DBREAK_HOLDS; the environment's GYRE_BROKEN names the one fault that a server of that build has:
 *
 *    keys     (or nothing) between two keys of an MGET or MSET all slices are let go and taken again, as if each key
 *             were a command of its own: what a server without holds over several slices would do
 *    exec     the same between the commands of a transaction
 *    watch    now and then a watch does not see that its key was touched
 *    order    who waits for a list is served last come first served
 *    lose     now and then one who waited is told that his time was over although he was served
 *    pieces   a replica lets all slices go and takes them again between the commands of a primary's transaction
 *    skip     now and then a replica leaves out a command, or transaction, of its primary's stream
 *    swap     now and then a replica applies the second of two commands first
 *    loads    a replica answers although its data is being loaded
 *
 * `make checker-demo` builds it and expects the checker to object to each.
 */
#ifndef GYRE_SERVER_BROKEN_H
#define GYRE_SERVER_BROKEN_H

#include <stdbool.h>

struct apply_command;
struct call;
struct worker;

#ifdef BREAK_HOLDS
void broken_let_others_in(struct call *c);
void broken_between_queued(struct worker *w);
bool broken_watch(void);
bool broken_order(void);
bool broken_lose(void);
void broken_between_applied(struct worker *w);
bool broken_skip(void);
/* `is_two`: another command follows it, which is none of a transaction. */
void broken_swap(struct apply_command *first, bool is_two);
bool broken_loads(void);
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
static inline void broken_between_applied(struct worker *w) {
    (void)w;
}
static inline bool broken_skip(void) {
    return false;
}
static inline void broken_swap(struct apply_command *first, bool is_two) {
    (void)first;
    (void)is_two;
}
static inline bool broken_loads(void) {
    return false;
}
#endif

#endif

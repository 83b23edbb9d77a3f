/* broken.h: a deliberate fault, to show that the history checker finds one. Only in a build with
 * -DBREAK_HOLDS.
 *
 * Between two keys of an MGET or MSET all slices are let go and taken again, as if each key were a command
 * of its own: what a server without holds over several slices would do. `make checker-demo` builds it and
 * expects the checker to object.
 */
#ifndef GYRE_SERVER_BROKEN_H
#define GYRE_SERVER_BROKEN_H

struct call;

#ifdef BREAK_HOLDS
void broken_let_others_in(struct call *c);
#else
static inline void broken_let_others_in(struct call *c) {
    (void)c;
}
#endif

#endif

/* resolve.h: the addresses of a host, without waiting for them: a name server may take its time, so a name is looked up
 * by a thread of its own that lives as long as that takes. A numeric address needs none.
 */
#ifndef GYRE_REPL_RESOLVE_H
#define GYRE_REPL_RESOLVE_H

#include "shard/rt/socket.h"
#include "shard/rt/thread.h"

enum { RESOLVE_HOST_MAX = 256, RESOLVE_WHY_MAX = 256 };

struct lookup {
    struct message message;
    char host[RESOLVE_HOST_MAX];
    int port;
    int result; /* 0 or -errno: why */
    char why[RESOLVE_WHY_MAX];
    struct socket_addresses found;
    /* resolve.c's own. */
    struct thread *asker;
    void (*done)(struct thread *t, struct lookup *lookup);
};

/* `done` comes on this thread, with a lookup that is the receiver's to free (mem_free); perhaps before this returns. */
void resolve(struct thread *t, const char *host, int port,
             void (*done)(struct thread *t, struct lookup *lookup));

#endif

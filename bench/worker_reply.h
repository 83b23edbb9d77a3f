/* worker_reply.h: what a load thread does with a reply: checks it, counts it, times it. */
#ifndef GYRE_BENCH_WORKER_REPLY_H
#define GYRE_BENCH_WORKER_REPLY_H

#include "bench/worker.h"

/* Tells the parser what values the reply that comes next should have, if it is one that reads values. */
void worker_reply_expect(struct worker *w, struct link *l);
/* Takes the reply that l->parser holds as that of the oldest request that waits. */
void worker_reply_take(struct worker *w, struct link *l, uint64_t now);

#endif

/* live.h: the line that shows how a run goes: rewritten in place on a terminal, else one plain line a
 * second. On standard error, so that what is printed in the end can be redirected alone. */
#ifndef GYRE_BENCH_LIVE_H
#define GYRE_BENCH_LIVE_H

#include "bench/run.h"

struct live {
    bool terminal, quiet;
    const char *title; /* what is running */
    double told_s;     /* when the last plain line was printed */
    uint64_t errors;
    bool open; /* a line stands on the terminal without its end */
};

void live_start(struct live *live, const char *title, bool quiet);
/* A struct run_watcher's `tell`; the context is the struct live. */
void live_tell(void *live, const struct run_sample *sample, double share, bool warming_up);
void live_end(struct live *live);

#endif

/* process.h: what a server's process has used, from /proc: for servers on this machine. */
#ifndef GYRE_BENCH_PROCESS_H
#define GYRE_BENCH_PROCESS_H

#include "bench/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct process_use {
    double cpu_seconds;      /* of all its threads, in user and kernel mode, since it began */
    uint64_t resident_bytes; /* of memory */
};

/* False with the reason in `problem`. */
bool process_look(uint64_t pid, struct process_use *use, struct problem *problem);

#endif

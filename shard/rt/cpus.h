/* cpus.h: which processors this process may use, and pinning a thread to one. */
#ifndef GYRE_RT_CPUS_H
#define GYRE_RT_CPUS_H

#include <stdbool.h>

enum { CPUS_MAX = 1024 };

struct cpu_list {
    unsigned count;
    int cpu[CPUS_MAX];
};

/* How many processors the kernel lets this process run on. */
unsigned cpus_usable(void);
/* "0-3,6,8-14:2": ranges with an optional stride, as taskset and redis.conf write them. False when
 * malformed. */
bool cpus_parse(const char *text, struct cpu_list *list);
/* Pins the calling thread. False when the processor does not exist or may not be used. */
bool cpus_pin_thread(int cpu);

#endif

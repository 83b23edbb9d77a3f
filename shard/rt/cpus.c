/* cpus.c: see cpus.h. */
#include "shard/rt/cpus.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>

unsigned cpus_usable(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

/* A decimal below CPUS_MAX; moves *p behind it, or returns -1. */
static int number(const char **p) {
    if (!isdigit((unsigned char)**p)) return -1;
    char *end;
    long n = strtol(*p, &end, 10);
    *p = end;
    return n < CPUS_MAX ? (int)n : -1;
}

bool cpus_parse(const char *p, struct cpu_list *list) {
    list->count = 0;
    for (;;) {
        int first = number(&p), last = first, stride = 1;
        if (first < 0) break;
        if (*p == '-') {
            p++;
            last = number(&p);
        }
        if (*p == ':') {
            p++;
            stride = number(&p);
        }
        if (last < first || stride < 1) break;
        for (int cpu = first; cpu <= last && list->count < CPUS_MAX; cpu += stride)
            list->cpu[list->count++] = cpu;
        if (!*p) return true;
        if (*p++ != ',') break;
    }
    list->count = 0;
    return false;
}

bool cpus_pin_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

/* mem_report.c: see mem_report.h. The one file beside mem.c that knows which allocator there is. */
#include "shard/base/mem_report.h"

#include <stdio.h>

#ifdef MEM_LIBC

#include <malloc.h>

const char *mem_allocator_name(void) {
    return "libc";
}

void mem_report(void (*take)(const char *text, void *arg), void *arg) {
    char line[128];
    struct mallinfo2 info = mallinfo2();
    snprintf(line, sizeof line, "arena %zu, mapped %zu, used %zu, free %zu\n", info.arena, info.hblkhd,
             info.uordblks, info.fordblks);
    take(line, arg);
}

#else

#include <mimalloc.h>

static char name[32];

/* Before main, so before threads. The version is that of the library loaded, not of the header. */
static __attribute__((constructor)) void write_name(void) {
    int version = mi_version();
    snprintf(name, sizeof name, "mimalloc-%d.%d.%d", version / 100, version / 10 % 10, version % 10);
}

const char *mem_allocator_name(void) {
    return name;
}

void mem_report(void (*take)(const char *text, void *arg), void *arg) {
    mi_stats_print_out(take, arg);
}

#endif

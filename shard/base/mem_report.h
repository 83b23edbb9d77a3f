/* mem_report.h: what the allocator says of itself: for INFO and MEMORY MALLOC-STATS.
 *
 * Beside mem.h, so that the hot path's header stays small. Any thread.
 */
#ifndef GYRE_BASE_MEM_REPORT_H
#define GYRE_BASE_MEM_REPORT_H

/* "mimalloc-2.0.9". */
const char *mem_allocator_name(void);
/* Hands the allocator's own report to `take`, piece by piece (pieces are not lines). The allocator counts per
 * thread: the figures are of all threads, but those of other threads are as of their last hand-in. */
void mem_report(void (*take)(const char *text, void *arg), void *arg);

#endif

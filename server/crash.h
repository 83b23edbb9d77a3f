/* crash.h: what a crash leaves in the log: a backtrace and the last command of every shard.
 *
 * The handler runs on the thread that crashed, on a stack of its own (the thread's may be what overflowed).
 * It allocates nothing, takes no lock, and ends with the signal's default action, so that the process dies of
 * the signal and a core file is written where that is wanted. Of several threads that crash at once, the
 * first reports; the others wait for the end it brings. A crash inside the handler ends the process at once.
 */
#ifndef GYRE_SERVER_CRASH_H
#define GYRE_SERVER_CRASH_H

#include <stdbool.h>

/* Installs the handler. Before threads start. */
void crash_prepare(void);
/* Gives the calling thread its stack for the handler; for the life of the process. */
void crash_prepare_thread(void);
/* Whether there is a report (crash-log-enabled). Any thread. */
void crash_set_report(bool wanted);

#endif

/* process.h: the process around the server: limits, signals, pid file, daemon, service manager, crash report.
 *
 * Everything here runs on the main thread, before the others start or after they have ended, but for
 * server_shutdown_request, which any thread may call, and the crash handler.
 */
#ifndef GYRE_SERVER_PROCESS_H
#define GYRE_SERVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* Asks the main thread to end the server in good order. Any thread. */
void server_shutdown_request(void);

/* Goes to the background: the only place where the process is ever duplicated, before any thread or data
 * exists. */
void process_daemonize(void);
bool process_write_pidfile(const char *path);
/* Raises the limits of open files and locked memory to what maxclients and the rings need; says in the log
 * what could not be raised, and the remedy. Returns the number of clients that the files allow. */
int64_t process_raise_limits(int64_t maxclients);
/* Blocks the signals that process_wait handles (in all threads made afterwards) and sets up the crash
 * report. */
void process_prepare_signals(void);
/* Asks the kernel not to back this process with huge pages (disable-thp): they make memory grow in leaps. */
void process_disable_huge_pages(void);
/* Sleeps until the server is to end. Handles SIGHUP (reopens the log). */
void process_wait(void);
/* Tells the service manager (NOTIFY_SOCKET); nothing happens without one. `state` as sd_notify(3) has it. */
void process_notify(const char *state);

#endif

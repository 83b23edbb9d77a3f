/* process.h: the process around the server: the background, limits, the pid file, signals, the end.
 *
 * Everything here runs on the main thread, but for server_shutdown_request, which any thread may call, and the
 * hooks of CONFIG SET. The main thread is none of the server's: it must not keep or read a configuration
 * snapshot once the others run, so what it needs of it is copied by the hooks.
 */
#ifndef GYRE_SERVER_PROCESS_H
#define GYRE_SERVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* Asks the main thread to end the server in good order. `how`: bits of enum config_shutdown, 0 for what is
 * usual. Whether it can be done shows later: see shutdown_failures. False: the request could not be passed on. Any thread. */
bool server_shutdown_request(unsigned how);

/* Goes to the background: the only place where the process is ever duplicated, before any thread or data
 * exists. The parent does not return. */
void process_daemonize(void);
/* Writes the pid file and keeps its path; process_remove_pidfile removes it. A file that cannot be written is
 * reported and no reason to stop. */
void process_write_pidfile(const char *path);
void process_remove_pidfile(void);

/* Raises the limit of locked memory as far as it goes, and fits the rings of so many threads into it. What they
 * lack even then is reported where they are opened. Before threads start. */
void process_raise_locked_memory(unsigned rings);
/* Raises the limit of open files to what maxclients and the server itself need; says in the log what could not
 * be raised, and the remedy. Returns the number of clients that the files allow; at most 0 when
 * not even the server's own fit. */
int64_t process_raise_limits(int64_t maxclients);
/* Asks the kernel not to back this process with huge pages (disable-thp): they make memory grow in leaps. */
void process_disable_huge_pages(void);

/* Takes the options that this module acts on from `config` and lets them follow CONFIG SET; blocks the
 * signals that process_wait handles, in all threads made afterwards. Before threads start. */
void process_prepare(const struct config *config);
/* Sleeps until the server is to end; returns how (bits of enum config_shutdown). Handles SIGHUP (reopens the log), SIGTERM and SIGINT. */
unsigned process_wait(void);
/* Forgets what has been asked for since: the end was called off, or failed. */
void process_forget_requests(void);
/* From now on another SIGINT ends the process at once: somebody does not want to wait for the end. Or it is as it
 * was again. */
void process_end_on_insistence(bool on);

#endif

/* log.h: the server's log, in redis-server's line format and with its levels.
 *
 *   1234:M 01 Dec 2026 10:11:12.345 * Ready to accept connections
 *
 * A line is formatted on the caller's stack (long ones are cut at LOG_LINE_MAX bytes) and written with one
 * write(2), so lines of several threads never mix. Any thread may call log_write; log_open and log_reopen are
 * for start-up and the main thread.
 */
#ifndef GYRE_BASE_LOG_H
#define GYRE_BASE_LOG_H

#include <stdbool.h>

/* LOG_NOTHING is a level to set (`loglevel nothing`), not one to write at. */
enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };
enum { LOG_LINE_MAX = 4096 };

/* Opens `path` for appending ("" means standard output). Returns 0, or -errno with the old log kept. */
int log_open(const char *path);
/* Closes and opens the same path again (log rotation by SIGHUP). Returns 0 or -errno. */
int log_reopen(void);
/* From now on lines go to the system's log as well (see system_log.h). Once, before threads start. */
void log_to_syslog(const char *ident, unsigned facility);
/* Where lines are written to, for the crash report. Safe in a signal handler. */
int log_descriptor(void);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* The role letter of each line: 'M' primary, 'S' replica. */
void log_set_role(char role);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_verbose(...) log_write(LOG_VERBOSE, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)

#endif

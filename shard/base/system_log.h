/* system_log.h: the log lines' second way out: syslog(3), where syslog-enabled asks for it.
 *
 * Apart from log.h because <syslog.h> claims the same names (LOG_DEBUG and others) with other numbers. Any
 * thread may write once it is open; libc takes a lock inside, so never from a signal handler.
 */
#ifndef GYRE_BASE_SYSTEM_LOG_H
#define GYRE_BASE_SYSTEM_LOG_H

/* `ident` must live as long as the process. `facility`: 0 is user, 1 to 8 are local0 to local7. Once. */
void system_log_open(const char *ident, unsigned facility);
/* One line at a level of enum log_level (debug, verbose, notice, warning: 0 to 3). */
void system_log_write(unsigned level, const char *text);

#endif

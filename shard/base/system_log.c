/* system_log.c: see system_log.h. */
#include "shard/base/system_log.h"

#include "shard/base/assert.h"

#include <syslog.h>

void system_log_open(const char *ident, unsigned facility) {
    static const int facilities[] = {LOG_USER,   LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                                     LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
    ASSERT(facility < sizeof facilities / sizeof *facilities);
    openlog(ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, facilities[facility]);
}

void system_log_write(unsigned level, const char *text) {
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    if (level < sizeof priorities / sizeof *priorities) syslog(priorities[level], "%s", text);
}

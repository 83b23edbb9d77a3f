/* assert.c: the end of a process whose invariants no longer hold.
 *
 * The words are those of redis-server's, since people search their logs for them. abort() rather than exit():
 * nothing may run after this but the crash handler, and no file may be closed "cleanly".
 */
#include "shard/base/assert.h"

#include <stdlib.h>

#include "shard/base/log.h"

void assert_failed(const char *condition, const char *file, int line) {
    log_warning("=== ASSERTION FAILED ===");
    log_warning("==> %s:%d '%s' is not true", file, line, condition);
    abort();
}

/* psync.c: see psync.h. */
#include "repl/psync.h"

#include "shard/base/assert.h"

#include <string.h>
#include <strings.h>

enum psync_answer psync_decide(const struct identity *ours, const struct psync_backlog *backlog,
                               const char *id, int64_t from) {
    if (strcmp(id, "?") == 0) return PSYNC_ASKED;
    if (strcasecmp(id, ours->id) != 0) {
        if (ours->second_end < 0 || strcasecmp(id, ours->second_id) != 0) return PSYNC_UNKNOWN_ID;
        if (from > ours->second_end + 1) return PSYNC_DIVERGED;
    }
    if (!backlog->exists) return PSYNC_NO_BACKLOG;
    ASSERT(backlog->first >= 0 && backlog->first <= ours->offset);
    if (from <= backlog->first) return PSYNC_TOO_OLD;
    return from > ours->offset + 1 ? PSYNC_AHEAD : PSYNC_CONTINUE;
}

const char *psync_reason(enum psync_answer answer) {
    static const char *const reasons[] = {
        [PSYNC_CONTINUE] = "what it lacks is in the backlog",
        [PSYNC_ASKED] = "it asked for everything",
        [PSYNC_UNKNOWN_ID] = "its replication id is not ours",
        [PSYNC_DIVERGED] = "it has more of our former history than we took over",
        [PSYNC_NO_BACKLOG] = "there is no backlog",
        [PSYNC_TOO_OLD] = "the backlog begins at a later offset",
        [PSYNC_AHEAD] = "it has more than we have",
    };
    ASSERT(answer < sizeof reasons / sizeof *reasons);
    return reasons[answer];
}

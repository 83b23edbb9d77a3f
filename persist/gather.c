/* gather.c: see gather.h. */
#include "persist/gather.h"

#include "shard/base/assert.h"

/* Of the writes that may come within moments, so many are waited for. All of them would mean that clients and
 * disk take turns, and neither has anything to do meanwhile; half of them, more commits than are worth their
 * while. */
enum { SHARE_OVER = 3, SHARE_UNDER = 4 };

void gather_commit_begins(struct gather *g, uint64_t writes, uint64_t now_ns) {
    g->covers = writes;
    g->began_ns = now_ns;
    g->until_ns = 0;
}

void gather_commit_ends(struct gather *g, uint64_t waiting, uint64_t now_ns) {
    ASSERT(now_ns >= g->began_ns);
    uint64_t took_ns = now_ns - g->began_ns;
    g->wanted = (g->covers + waiting) * SHARE_OVER / SHARE_UNDER;
    g->until_ns = now_ns + (took_ns < GATHER_NS_MAX ? took_ns : GATHER_NS_MAX);
}

bool gather_waits(struct gather *g, uint64_t waiting, uint64_t now_ns) {
    if (waiting < g->wanted && now_ns < g->until_ns) return true;
    g->until_ns = 0;
    return false;
}

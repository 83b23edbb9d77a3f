/* follow_dump.c: a primary's dump takes the place of the data: whether it may, how, and what becomes of the history: see follow.h.
 *
 * Nobody else may be at work on the data meanwhile: the append-only file is off (it begins anew behind it), and no dump of our own
 * is made. */
#include "server/follow_parts.h"

#include "persist/dump.h"
#include "persist/load.h"
#include "repl/feed.h"
#include "repl/replicas.h"
#include "server/aof.h"
#include "server/config.h"
#include "server/host.h"
#include "server/persistence.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/clock.h"

#include <stdio.h>
#include <string.h>

enum {
    DOUBLINGS_MAX = 6,
    MEMORY_PER_DUMP_BYTE = 3, /* small values, compressed */
};

static void old_data_goes(struct coordinator *c) {
    (void)c;
    log_notice("PRIMARY <-> REPLICA sync: %s",
               follower.beside ? "The new data takes the place of the old" : "Flushing old data");
    follower.resumable = false;
    replicas_drop_all("its history ends here: a new one begins");
}

static void dump_is_over(struct thread *t) {
    follower.phase = FOLLOW_IDLE;
    link_forget_dump();
    dump_disclaim(&follower);
    aof_suspend(false);
    if (*follower.why) {
        char why[LINK_WHY_MAX];
        unsigned doublings = follower.failures < DOUBLINGS_MAX ? follower.failures : DOUBLINGS_MAX;
        follower.failures++;
        follower.not_before_ms = clock_unix_ms() + ((int64_t)1000 << doublings);
        snprintf(why, sizeof why, "its dump cannot be loaded: %.400s", follower.why);
        link_fail(why);
        follow_poke_all(t);
        follow_show();
        return;
    }
    follower.failures = 0;
    log_notice("PRIMARY <-> REPLICA sync: Finished with success");
    follow_go_online(t);
}

static void loaded_at_cut(struct coordinator *c, const struct load *load, const char *why) {
    snprintf(follower.why, sizeof follower.why, "%s", why ? why : "");
    if (why && follower.beside) {
        follow_after_cut(dump_is_over); /* what there was is there */
        return;
    }
    if (why) {
        identity_begin(&c->thread.random);
    } else if (*follower.next_id) {
        identity_adopt(follower.next_id, follower.next_offset);
        follower.resumable = true;
    } else {
        identity_begin(&c->thread.random); /* of a primary that knows nothing of histories */
    }
    follower.database = why ? 0 : load->replication_database;
    follower.durability = (struct durability){.offset = -1};
    replicas_renew_backlog(c);
    feed_set_selected(follower.database);
    follow_after_cut(dump_is_over);
}

static bool has_keys(void) {
    for (unsigned i = 0; i < slices.count; i++)
        if (atomic_load_explicit(&slices.all[i].counters.keys, memory_order_relaxed)) return true;
    return false;
}

/* A primary that lost its history, and holds nothing, must not take from us what it could be given back from. */
static bool may_replace(void) {
    bool known = *follower.next_id && (strcmp(follower.next_id, identity_get().id) == 0 ||
                                       strcmp(follower.next_id, identity_get().second_id) == 0);
    if (known || !follower.came_by_link || !config_get()->replica_refuse_empty_primary) return true;
    return !follower.dump_is_empty || !has_keys();
}

/* Whether there is memory for both, as far as can be told: the new data is guessed from what holds the old, or from the
 * dump's size. */
static bool may_load_beside(void) {
    const struct config *config = config_get();
    if (config->repl_diskless_load == DISKLESS_LOAD_SWAPDB) return true;
    uint64_t used = mem_used(), guess = follower.dump_bytes * MEMORY_PER_DUMP_BYTE;
    if (guess < used) guess = used;
    if (config->maxmemory && used + guess > config->maxmemory) return false;
    return host_memory_left() > guess + guess / 4;
}

void follow_prepare_to_load(void) {
    if (!follower.examined && !may_replace()) {
        follower.phase = FOLLOW_IDLE;
        if (!follower.refused_empty)
            log_warning(
                "== CRITICAL == The primary %s:%d has lost its history and holds no keys. Its empty dump is "
                "refused: the data here is kept and served, and it is asked again every second. To let it "
                "through: CONFIG SET replica-refuse-empty-primary no (or REPLICAOF NO ONE, then REPLICAOF).",
                follower.host, follower.port);
        follower.refused_empty = true;
        link_fail("it is empty, and replica-refuse-empty-primary is set: nothing is taken over from it");
        return;
    }
    follower.examined = true;
    aof_suspend(true);
    if (!aof_is_off() || !dump_claim(&follower)) return; /* a later turn */
    follower.phase = FOLLOW_LOADS;
    follower.cutting = true;
    follower.beside = has_keys() && may_load_beside();
    persistence_replace(&(struct replacement){
        .path = follower.path, .beside = follower.beside, .gone = old_data_goes, .done = loaded_at_cut});
    follow_show();
}

/* run.h: running a call under the holds it needs, and what is counted around it: between route.c, which has
 * checked the command, and its handler.
 *
 * A call that does not get its slices has changed nothing and replied nothing: ROUTE_WAITS, its connection
 * is parked and the whole command runs again later.
 */
#ifndef GYRE_SERVER_RUN_H
#define GYRE_SERVER_RUN_H

#include "server/route.h"
#include "shard/store/snap.h"

#include <stdbool.h>
#include <stdint.h>

/* A command of one key (r->key): keeps the slice from one command to the next where they agree. */
enum route_result run_single(struct worker *w, struct request *r, struct call *call, uint64_t *ticks);
/* A command of several keys (call->keys), or of all slices. Nothing is held. */
enum route_result run_set(struct worker *w, struct request *r, struct call *call, uint64_t *ticks);
/* A command without keys: it runs under no hold, or takes slices one at a time by itself. */
enum route_result run_free(struct worker *w, struct request *r, struct call *call, uint64_t *ticks);

/* The handler, with what is counted around it. The call's holds are held. */
void run_handler(struct worker *w, struct request *r, struct call *call, uint64_t *ticks);
/* Finds the call's keys among its arguments, into the worker's scratch room. False: there are none to be
 * found, and the command runs without. */
bool run_find_keys(struct worker *w, struct request *r, struct call *call);
/* Gives back scratch room of unusual size, when a command is over. */
void run_trim(struct worker *w);
/* Adds the slices of these keys to a set. */
void run_add_slices(uint64_t *wanted, const struct key *keys, unsigned count);
void run_add_all_slices(uint64_t *wanted);
/* Whether none of them is wanted. */
bool run_wants_nothing(const uint64_t *wanted);

/* Slices held as a set, for the worker: in order, each once. */
struct run_holds {
    struct hold **holds;
    unsigned count;
};
/* The holds of the wanted slices, in order, in the worker's scratch room. Nothing is taken. */
struct run_holds run_collect_holds(struct worker *w, const uint64_t *wanted);
/* Takes the wanted slices, all or none. False: the client is parked. `writes` (NULL: none) are the keys that
 * the call may change in `database`: when clients wait for one of them and will want more slices when they
 * are served, these are taken too. */
struct blocked_outlook;
bool run_take(struct worker *w, struct client *c, uint64_t *wanted, const struct blocked_outlook *writes,
              struct run_holds *held);
/* The server-wide switches, as the slices that are held have them. */
uint32_t run_switches(const struct run_holds *held);
/* Books the operation in each slice. */
void run_count_slices(struct worker *w, const struct run_holds *held);
/* Publishes what was logged, tells the clients that were served, and lets go. */
void run_let_go(struct worker *w, struct client *c, const struct run_holds *held);

/* Whether CLIENT PAUSE holds a command with these flags back, or the server has just become a replica: then it waits
 * (run_wait_for_pause), and is run again when the pause is over, or all workers are poked. */
bool run_is_paused(struct client *c, uint32_t command_flags, uint32_t switches);
enum route_result run_wait_for_pause(struct worker *w, struct client *c);
/* The thread's log is full: the client goes on when there is room (oplog_is_full has been asked). */
enum route_result run_wait_for_log(struct worker *w, struct client *c);
/* Whether a snapshot still needs one of these keys' values as it is: a large one, which a command that changes
 * it in place waits for (as for a pause). Under their holds. */
bool run_keys_wait_for_snapshot(struct visit *v, const struct key *keys, unsigned count);
static inline bool run_waits_for_snapshot(struct call *call, uint32_t flags) {
    if (LIKELY(!(flags & CMD_IN_PLACE) || !atomic_load_explicit(&snap_under_way, memory_order_relaxed)))
        return false;
    return run_keys_wait_for_snapshot(&call->visit, call->keys, call->key_count);
}
/* A call has ended outside of its handler (a client that was blocked has been served). */
void run_count_call(struct worker *w, struct command *command, uint64_t ticks, bool failed);

/* CLIENT REPLY: whether the next command's reply is dropped, and what having run it means for the one after
 * it. */
void run_set_mute(struct client *c);
void run_shift_mute(struct client *c);

#endif

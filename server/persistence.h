/* persistence.h: when the data is saved and loaded: SAVE, BGSAVE, save points, the save at the end, the file at the
 * start.
 *
 * The work is the coordinator's: requests reach it by message, at most one at a time, and it answers through the
 * state here, which any thread may read. A client that waits for the end of a save has its command run again
 * (CALL_LATER), until persistence_outcome knows.
 */
#ifndef GYRE_SERVER_PERSISTENCE_H
#define GYRE_SERVER_PERSISTENCE_H

#include "repl/coordinator.h"

#include <stdbool.h>
#include <stdint.h>

struct config;

/* Registers the upcalls of dumps and what CONFIG SET of `save` does. Before threads start. */
void persistence_register(void);
/* Before threads start: from the first client on they are told to wait, until it is known that there is no file or
 * all of it has been loaded. */
void persistence_prepare(const struct config *config);
/* On the coordinator: begins loading. `begun` is called once clients may come: when it has turned out that there is
 * nothing to load, or that it takes a while; `ready` when there is nothing to load (any more). A file that is damaged ends the process. */
void persistence_start(struct coordinator *c, void (*begun)(void), void (*ready)(void));
/* On the coordinator, while the append-only file is loaded: loads its base; `done` is told where the RDB part of
 * the file ends. What cannot be loaded ends the process. */
void persistence_load_base(const char *path, void (*done)(struct thread *t, uint64_t end_offset));
/* On the coordinator, which has the claim of a dump (dump.h): loads a file in the place of all data. Either the data goes
 * first and clients wait, or (`beside`) what is loaded is built beside it and takes its place at one instant.
 * `gone` runs at the cut at which the old data goes; `done` at the cut at which what was loaded is there for all to see; or
 * (why is not NULL) at which it is certain that it cannot be: then there is nothing, or, beside, what there was. */
struct load;
struct replacement {
    const char *path; /* needed until done */
    bool beside;
    void (*gone)(struct coordinator *c);
    void (*done)(struct coordinator *c, const struct load *load, const char *why);
};
void persistence_replace(const struct replacement *replacement);
/* Every beat: save points, progress. */
void persistence_beat(struct coordinator *c);
/* The main thread, when the server is to end: saves if that is asked for (`how`: bits of enum config_shutdown) or
 * usual. False: it could not, and the server goes on (shutdown_give_up). `force` is among the bits. */
bool persistence_end(struct coordinator *c, unsigned how);

/* Asks for a save on behalf of thread `from`. Returns its number, for persistence_outcome; 0: one is under way
 * already. */
uint64_t persistence_save(struct thread *from);
/* WAITS: it is not decided yet which instant is saved; UNDER_WAY: it is. */
enum save_outcome { SAVE_WAITS, SAVE_UNDER_WAY, SAVE_DONE, SAVE_FAILED };
enum save_outcome persistence_outcome(uint64_t save);

/* All keys were deleted by command: where there are save points, the file is to forget them too, within moments. Any
 * thread, slices may be held. */
void persistence_flushed(void);
/* Whether that is being saved, of which nobody is told: who asks for a save meanwhile waits for its end. */
bool persistence_saves_flush(void);

/* Whether the last save failed and writes are refused until one succeeds (stop-writes-on-bgsave-error). */
bool persistence_refuses_writes(void);
/* Whether a file is being loaded. */
extern _Atomic bool persistence_is_loading;
/* Whether one is being loaded beside the data that is served. */
extern _Atomic bool persistence_is_loading_beside;

/* For INFO and LASTSAVE. */
struct persistence_state {
    bool saving, last_save_failed;
    int64_t last_save_s;          /* unix time of the last save that succeeded, or of the start */
    int64_t last_took_s, takes_s; /* -1: none */
    uint64_t saves, changes;      /* changes: since the last save */
    uint64_t keys_saved, keys_expected, bytes_of_changes;
    /* Loading. */
    int64_t load_began_s;
    uint64_t load_bytes, load_bytes_total, keys_loaded, keys_expired;
};
struct persistence_state persistence_state(void);

#endif

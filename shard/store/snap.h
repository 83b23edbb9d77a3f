/* snap.h: what a snapshot does to the slices: epochs, old values saved before they change, the walk over the
 * tables.
 *
 * A snapshot begins at a cut: with every slice held, snap_begin raises the slice's epoch and hangs a struct
 * snap on it. From then on an entry whose epoch is not its slice's has still to be saved. It is saved
 *  - by the owner of the slice, whose walk over the tables of the cut (snap_step) meets every such entry, or
 *  - before it is changed, replaced, moved, expired, evicted or deleted (snap_preserve, from keyspace*.c),
 * whichever comes first, and then carries the new epoch; new entries are born with it. So every entry of the
 * cut is saved exactly once, as it was at the cut, and between two snapshots all entries carry one epoch.
 *
 * A value too large to be saved in one go becomes an item, saved in pieces by the owner's steps. Until it is
 * done its entry has ENTRY_SAVING and the value may not be changed in place: whoever wants to waits (see
 * snap_must_wait; snap_finish_value is for those who did not ask). The key may be deleted, replaced, renamed
 * or given a deadline all the same: the item then keeps the value.
 *
 * FLUSHALL and SWAPDB do not disturb: the walk is over the keyspaces there were, with the numbers they had; a
 * keyspace that is detached meanwhile is kept for the walk (snap_adopt_keyspace).
 *
 * Who may call: persist/ everything but what is named above. Bytes are made, gathered and handed on by upcalls
 * (struct snap_format); nothing here knows their form. Nothing here waits.
 */
#ifndef GYRE_STORE_SNAP_H
#define GYRE_STORE_SNAP_H

#include "shard/base/assert.h"
#include "shard/rt/thread.h"
#include "shard/store/keyspace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value that takes more memory is saved in pieces, of about so many bytes. */
enum { SNAP_LARGE_BYTES = 16 * 1024, SNAP_PIECE_BYTES = 16 * 1024 };

struct snap_entries; /* the format's: a slice's whole entries, on their way out */
struct snap_value;   /* the format's: a value that is being saved in pieces */

/* How entries become bytes, and where detached keyspaces and news go. Set once, before threads. All run under the
 * hold of the slice, or of the one where the value lives, on any thread; none may wait. */
struct snap_format {
    struct snap_entries *(*open)(const struct slice *s);
    void (*entry)(struct snap_entries *out, unsigned database, const struct entry *e);
    /* The slice's last; `whole` is false when the snapshot was aborted. */
    void (*close)(struct snap_entries *out, bool whole);
    /* The entry is there only now; the value until `end`, and does not change. */
    struct snap_value *(*begin)(const struct slice *s, unsigned database, const struct entry *e);
    /* Saves about SNAP_PIECE_BYTES; true while there is more. */
    bool (*step)(struct snap_value *value);
    void (*end)(struct snap_value *value, bool whole);
    /* A client waits for a value of this slice: its owner is to step there, credit or not. */
    void (*wanted)(const struct slice *s);
    void (*discard)(struct thread *t, struct keyspace *ks); /* frees it in the time of t */
    void (*value_done)(struct thread *t);                   /* clients that wait may try again */
};
extern struct snap_format snap_format;

/* Room for a slice's part, made before the cut. */
struct snap *snap_new(void);
void snap_free(struct snap *snap);
/* At the cut, under the hold of s, which has no snapshot under way: takes `snap` over. */
void snap_begin(struct slice *s, struct snap *snap);
/* A snapshot is under way, or no longer: the caller, who makes the cuts, says so at the cut, and when the last
 * slice is done. */
void snap_set_under_way(bool under_way);
extern _Atomic bool snap_under_way;
/* From now on nothing more is written; the walks only bring the epochs up to date. Any thread. Over with the
 * snapshot. */
void snap_abort(void);

enum snap_progress { SNAP_BUSY, SNAP_NO_CREDIT, SNAP_MORE, SNAP_OVER };
/* The owner's part: goes on for about `budget_us`. `credit`: whether bytes may be made that no client waits
 * for. The caller holds nothing. SNAP_BUSY: others have the slice, try later. SNAP_NO_CREDIT: no client
 * waits for any of its values (any more). SNAP_OVER: the slice is done, or had
 * nothing to do. */
enum snap_progress snap_step(struct thread *t, struct slice *s, unsigned budget_us, bool credit);

/* Before a change of the entry, in a slice with a snapshot; under its hold. See snap_is_due. */
void snap_preserve(struct slice *s, struct keyspace *ks, struct entry *e);
static inline bool snap_is_due(const struct slice *s, const struct entry *e) {
    return UNLIKELY(s->snap != NULL) && e->epoch != s->epoch;
}
/* Whether a command that changes the value of this key in place has to wait for its item: true. Under the
 * hold. */
bool snap_must_wait(struct visit *v, const struct key *k);
/* Completes the item of this value at once, if it has one that is not done. Under the hold of its slice. */
void snap_finish_value(const void *value);
/* The value of an entry with ENTRY_SAVING is about to be let go. True: its item keeps it. Any thread. */
bool snap_adopt_value(const void *value);
/* It moves to a key of another slice. Both are held. */
void snap_move_value(const void *value, struct slice *to);
/* The keyspace leaves the slice. True: it is kept for the walk, and discarded afterwards. Under the hold. */
bool snap_adopt_keyspace(struct slice *s, struct keyspace *ks);

#endif

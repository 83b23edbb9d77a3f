/* aof_write.h: the stream written into the increments of an append-only file, and made durable.
 *
 * One write and one sync are in flight at a time; both go through the ring, so neither waits for the other and
 * nothing waits for the disk. With `always` a write makes durable what it writes, if everything before it is:
 * one request for all replies that wait, the group commit. Otherwise a sync covers whatever was written when it
 * begins. What a ticket's fate is others learn from oplog_set_durable.
 *
 *     stream  ....................................
 *                    ^kept    ^written    ^end        kept: what a sync that failed would have to write anew
 *
 * An error does not lose the place: the same bytes are written at the same offset of the file again, once a
 * second, until that succeeds. After a failed sync the kernel may have dropped what it could not write, so
 * everything since the last good one is written again.
 *
 * At a cut the stream may go on in another file (aof_write_switch): bytes up to the cut go to the old one,
 * which is synced and closed before the first goes to the new.
 *
 * On the coordinator's thread.
 */
#ifndef GYRE_PERSIST_AOF_WRITE_H
#define GYRE_PERSIST_AOF_WRITE_H

#include "persist/gather.h"
#include "persist/stream.h"
#include "shard/rt/file.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum aof_sync { AOF_SYNC_NO, AOF_SYNC_ALWAYS, AOF_SYNC_EVERY_SECOND };

/* Where in the stream all entries up to a ticket have ended, as the file counts its bytes and as replicas do. */
struct aof_mark {
    uint64_t at, ticket, at_for_replicas;
};
enum { AOF_MARKS = 256, AOF_STAMP_MAX = 32, AOF_PIECES = 128 };

struct aof_write {
    struct file_operation write, sync; /* `write` is first: see aof_write.c */
    struct thread *thread;
    struct stream *stream;
    struct stream_reader reader, kept; /* what is to be written next; what is not surely on the disk */
    /* How: the caller sets these at any time. */
    enum aof_sync policy;
    bool never_mind_sync;                  /* no-appendfsync-on-rewrite, while there is one */
    bool stamps;                           /* aof-timestamp-enabled */
    void (*switched)(struct aof_write *w); /* the new file is in use */
    /* aof_write.c's own. */
    int fd, next_fd; /* -1: none */
    struct stream_cut cut;
    const struct stream_cut *last_cut; /* nothing behind it is written; NULL: there is no such */
    uint64_t size, synced_size;        /* of the file: written; when it was last synced */
    struct aof_mark marks[AOF_MARKS];
    unsigned first_mark, mark_count;
    uint64_t written_ticket, syncing_ticket; /* all entries up to it are written; will be durable */
    uint64_t syncing_at, syncing_size;
    uint64_t written_for_replicas, syncing_for_replicas, durable_for_replicas;
    uint64_t boundary;         /* the last end of an entry that was passed */
    uint64_t redo_to;          /* after a failed sync: up to where bytes are written again; 0: none are */
    uint64_t pending_since_ns; /* few bytes wait for more to come, so long; 0: none do */
    struct gather gather;      /* with `always` */
    uint64_t sync_began_ns, late_since_ns, failed_ns;
    bool writing, syncing, closing;
    int64_t stamped_s;
    char stamp[AOF_STAMP_MAX];
    unsigned stamp_bytes;            /* of the stamp that is to be written first */
    struct iovec pieces[AOF_PIECES]; /* of the write in flight */
    /* For others to see. */
    _Atomic int write_error, sync_error; /* an errno; 0: the last went well */
    _Atomic uint64_t bytes;              /* of the file in use */
    _Atomic uint64_t buffered;           /* of the stream, not written yet */
    _Atomic uint64_t delayed_syncs, syncs;
    _Atomic bool sync_in_flight;
};

/* Begins to write into a file that is `size` bytes long and open for writing, from where the stream ends now or,
 * if entries were published before, from their cut. */
void aof_write_open(struct aof_write *w, struct stream *s, int fd, uint64_t size);
/* Goes on with whatever is to be done: after a merge, and every beat. */
void aof_write_go(struct aof_write *w);
/* With all slices held: behind this instant the stream goes to `fd`, an empty file. `w->switched` follows. */
void aof_write_switch(struct aof_write *w, int fd);
/* Nothing behind this cut of the stream is written any more. Before it is closed. */
void aof_write_end_at(struct aof_write *w, const struct stream_cut *cut);
/* When it wants to go on even if nothing happens; 0: not at all. */
uint64_t aof_write_wants_ns(const struct aof_write *w);
/* From which ticket on it can do something with what is published: for oplog_wake_from. */
uint64_t aof_write_wakes_from(const struct aof_write *w);
/* Up to where replicas may hear the stream if they are to hear only what is durable; UINT64_MAX: all of it. */
uint64_t aof_write_durable_for_replicas(const struct aof_write *w);
/* Whether all that was emitted is written and, unless the policy is not to, durable. */
bool aof_write_is_done(const struct aof_write *w);
/* Has what was written made durable now, whatever the policy. */
void aof_write_sync_now(struct aof_write *w);
/* Ends it; nothing may be in flight (see aof_write_is_idle). */
void aof_write_close(struct aof_write *w);
bool aof_write_is_idle(const struct aof_write *w);

#endif

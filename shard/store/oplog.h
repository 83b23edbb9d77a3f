/* oplog.h: what each thread has changed, in the order of the one history: the sources of the merged stream.
 *
 * A thread that runs a command with its slices held collects the command's effects, as commands in RESP, in
 * an entry at the end of its own log. When all of the command is done, and before it lets go of a slice, it
 * publishes the entry: it takes the next ticket of a counter that all threads share and makes the entry
 * visible. So cause precedes effect: whoever sees a change had its slice later, and takes a later ticket.
 * Tickets are dense, so one reader (repl/stream.h) puts the logs together by taking exactly the next one.
 *
 *    thread's log     block ──> block ──> block        bounded by OPLOG_BYTES_MAX: beyond, no write begins
 *    block            entry entry entry (open entry)   only the part before `published` is the reader's
 *    entry            ticket, then its commands        a command or transaction that touched several slices
 *    command          database, words, blobs           is one entry, whatever it did
 *
 * Nothing that can fail or wait stands between taking a ticket and publishing it. A large word is not copied:
 * its blob is referred to. Blocks go back to the thread that fills them.
 *
 * Entries are made only while slice->switches has SWITCH_LOGGING, which changes only at a cut; so at a cut no
 * entry is open, and oplog_next_ticket says exactly what comes after it.
 */
#ifndef GYRE_STORE_OPLOG_H
#define GYRE_STORE_OPLOG_H

#include "shard/base/assert.h"
#include "shard/rt/thread.h"
#include "shard/store/blob.h"
#include "shard/store/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPLOG_BYTES_MAX = 32 * 1024 * 1024, /* of a thread, not taken by the reader yet */
    OPLOG_BLOB_MIN = 32 * 1024,         /* a word of this size is referred to where it lies in a blob */
};

struct oplog_command;

struct oplog_entry {
    uint64_t ticket;
    uint64_t bytes; /* to the next entry in the block */
    uint32_t commands;
    bool loose;      /* its commands need not be kept together: keys that were overdue */
    uint64_t behind; /* of a primary's stream, applied here as well: see oplog_note_place */
};

/* A command's words lie behind it; behind them, `blobs` references to what belongs in between. */
struct oplog_command {
    uint32_t database;
    uint32_t blobs;
    uint64_t bytes; /* of the words */
};
struct oplog_blob {
    uint64_t at; /* in the words */
    struct blob *blob;
};

/* ---- writing: the running thread `me`, which holds the slices concerned ---- */

/* Begins a command of `words` words, its name being the first; exactly so many follow. */
void oplog_command(struct thread *me, unsigned database, unsigned words);
void oplog_word(struct thread *me, const char *data, size_t len);
void oplog_number(struct thread *me, int64_t n);
/* A word that lies in a blob, which is kept or copied; the caller's reference stays his. */
void oplog_blob_word(struct thread *me, struct blob *blob);
/* A key is gone that no command named. */
enum oplog_gone { OPLOG_EXPIRED, OPLOG_EVICTED };
void oplog_key_gone(struct thread *me, unsigned database, const char *key, size_t len, enum oplog_gone why);

/* Whether an entry is open. */
bool oplog_is_open(const struct thread *me);
/* Ends the open entry, if there is one, and gives it its place in history. Returns its ticket, or 0. */
uint64_t oplog_publish(struct thread *me, bool loose);
/* The same, noting the ticket in the slice that was changed. */
static inline void oplog_publish_in(struct thread *me, struct slice *s, bool loose) {
    if (LIKELY(!(s->switches & SWITCH_LOGGING)) || !oplog_is_open(me)) return;
    s->last_ticket = oplog_publish(me, loose);
}

/* Whether the thread may not begin another write: its log has OPLOG_BYTES_MAX that the reader has not taken
 * yet. After true the reader wakes the thread (thread_wake) once there is room. */
bool oplog_is_full(struct thread *me);
/* Wakes the reader if something was published since the last call that it wants to know of: once a turn. */
void oplog_ring(struct thread *me);

/* How far a primary's stream is applied, in units of whoever asks, who finds it in the entries that are made behind
 * it. With the slices held that were changed: so an entry about one of them is behind what it saw. */
void oplog_note_place(uint64_t place);

/* ---- what is known to be on the disk ---- */

/* Whether a client may be told of changes up to this ticket: appendfsync is not `always`, or they are durable. */
bool oplog_may_tell(uint64_t ticket);
/* The thread has something to tell that it may not tell yet: it is woken when more is durable. After it,
 * oplog_may_tell is asked once more. */
void oplog_wait_durable(struct thread *me);
/* Everything up to this ticket is durable. 0: nothing is said (0 is no ticket). By the reader. */
void oplog_set_durable(struct thread *me, uint64_t ticket);
uint64_t oplog_durable_ticket(void);
/* Whether replies have to wait at all. Wakes those that waited when they need not any more. */
void oplog_set_replies_wait(struct thread *me, bool wait);

/* ---- reading: one thread ---- */

/* Who reads, from now on: it is woken by oplog_ring. */
void oplog_set_reader(unsigned thread);
/* From which ticket on the reader wants to be woken; 0: at every one, UINT64_MAX: at none. (A thread whose log is
 * full wakes it all the same.) True: it wants to know of more than before, and nobody says it again of those that
 * were published meanwhile: it has to look once more. By the reader. */
bool oplog_wake_from(uint64_t ticket);
/* The oldest entry of a thread's log that was not taken, or NULL. */
const struct oplog_entry *oplog_peek(unsigned thread);
/* Done with that entry: its blobs are given up. */
void oplog_take(unsigned thread);
/* What was taken makes room: wakes those who wait for it. Once after a run of oplog_take. */
void oplog_make_room(struct thread *me, unsigned thread);
/* The first command of an entry, and the one after a command. */
const struct oplog_command *oplog_first(const struct oplog_entry *entry);
const struct oplog_command *oplog_after(const struct oplog_command *command);
const char *oplog_words(const struct oplog_command *command);
/* Its blobs, `command->blobs` of them, by place. */
const struct oplog_blob *oplog_blobs(const struct oplog_command *command);

/* The ticket that will be given next. With all slices held: of the first entry after the cut. */
uint64_t oplog_next_ticket(void);

#endif

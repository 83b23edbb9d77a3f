/* stream.h: the one stream: the threads' logs (oplog.h) put together in the order of their tickets.
 *
 * The coordinator merges whenever a thread has rung: it emits exactly the entry with the next ticket, as long
 * as there is one. The result is a stream of commands in RESP, as it stands in an append-only file and goes to
 * replicas: a SELECT where the database changes, and MULTI and EXEC around an entry of several commands.
 *
 *    block ──> block ──> block          a list, each block with the bytes that follow on the one before
 *      ^reader           ^reader ^last  a reader's place keeps its block, and by that all behind it
 *
 * A block lives as long as a reader, or a block that lives, refers to it; so each reader goes at its own pace,
 * and what all have passed is gone at once. A large value is a block of its own that refers to its blob.
 *
 * There are two audiences: the append-only file, and replicas. Entries are for both. What only one of them is to
 * have (the PINGs to replicas) stands in blocks of its own, which readers of the other pass without
 * noticing: each audience counts its own bytes only, and a place in the stream is always a place of an audience.
 * A replica's stream is its primary's, whose bytes are relayed as they are; then entries, if there are any, are about
 * what is only here (clients may write to it, or it evicts), and for the file alone.
 *
 * Belongs to the coordinator's thread. Nothing here waits or does I/O.
 */
#ifndef GYRE_PERSIST_STREAM_H
#define GYRE_PERSIST_STREAM_H

#include "shard/store/oplog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct stream_block;

enum { STREAM_GUESSES = 1024 };
enum stream_audience { STREAM_FILE, STREAM_REPLICAS, STREAM_AUDIENCES };

struct stream {
    struct thread *thread; /* that it belongs to */
    struct stream_block *last;
    uint64_t end[STREAM_AUDIENCES]; /* bytes emitted so far */
    uint64_t next_ticket;           /* all before it are in the stream */
    int64_t database;               /* that the stream has selected; -1: none */
    unsigned threads;               /* logs: numbers below this */
    unsigned audience;              /* of entries: a set of 1 << enum stream_audience */
    void (*relay_up_to)(
        uint64_t place); /* what an entry is behind comes before it; NULL: nothing is relayed */
    struct stream_cut *cuts, *cuts_last; /* to come, oldest first */
    uint16_t guesses[STREAM_GUESSES];    /* by ticket: whose log was seen to have it */
};

/* Begins a stream with the entry that will get the next ticket: with all slices held, or before threads log.
 * `threads` logs are read from now on, by `me`. */
void stream_open(struct stream *s, struct thread *me, unsigned threads);
/* A cut, seen in the stream: its caller's, who leaves it alone until it was reached. */
struct stream_cut {
    struct stream_cut *next;
    uint64_t ticket;               /* of the first entry after it */
    uint64_t at[STREAM_AUDIENCES]; /* bytes of the stream before it, once */
    bool reached;                  /* all of these are there */
};
/* With all slices held: everything emitted so far and what was published is before the cut. Behind it the
 * stream begins with a SELECT. */
void stream_note_cut(struct stream *s, struct stream_cut *cut);

/* Ends it. Readers must have left. */
void stream_close(struct stream *s);

/* Emits what can be emitted now, but no more once `bytes_max` have been (one entry may exceed it). Returns
 * how many bytes that was. */
uint64_t stream_merge(struct stream *s, uint64_t bytes_max);

/* Says something to one audience that is no entry. The commands have to be whole, and to select no database. */
void stream_say(struct stream *s, enum stream_audience to, const char *bytes, size_t n);
/* Says to both what a primary said, which has to end where a command or a whole transaction ends. That stream had
 * selected the database `before`, and has `after` selected now; -1: none yet. */
void stream_relay(struct stream *s, const char *bytes, size_t n, int64_t before, int64_t after);

/* From here on primary's bytes are relayed, and what an entry is `behind` by a call of this first; NULL: no more.
 * All entries before have to be merged. */
void stream_set_relayed(struct stream *s, void (*relay_up_to)(uint64_t place));

/* Who reads the stream: where he stands. */
struct stream_reader {
    struct stream_block *block;
    enum stream_audience audience;
    uint64_t at; /* bytes of the stream before him */
};

/* Begins at the present end. */
void stream_join(struct stream *s, struct stream_reader *reader, enum stream_audience audience);
/* Begins where another stands. */
void stream_join_at(struct stream_reader *reader, const struct stream_reader *other);
void stream_leave(struct stream_reader *reader);
/* The next bytes that lie together; returns how many, 0 at the end. Valid until the reader advances past
 * them. */
size_t stream_look(struct stream_reader *reader, const char **bytes);
void stream_advance(struct stream_reader *reader, size_t n);
/* The next bytes in pieces, as many as `most` and at most `bytes_max` bytes; returns how many pieces there are. Valid
 * until the reader goes past them. */
unsigned stream_look_ahead(const struct stream_reader *reader, struct iovec *pieces, unsigned most,
                           uint64_t bytes_max);
/* Goes on to a place, if it is not there or beyond it already; the stream must have come to it. */
void stream_advance_to(struct stream_reader *reader, uint64_t at);

#endif

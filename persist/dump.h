/* dump.h: the dump: the state of all slices at a cut, as one file that streams out while the server goes on: RDB, or
 * commands (aof_save.h).
 *
 *     at the cut          every slice gets its part of the snapshot (snap.h)
 *     each shard          walks over its own slices in steps (dump_work) and fills pieces
 *     whoever changes     what is not saved yet adds it to the slice's piece first (keyspace*.c)
 *        │ parts, by mailbox
 *     the reader          (the thread that began the dump) puts them in a row and hands them to the sink
 *
 * A piece is some whole entries of one slice, with all that is needed to read it apart from the rest: it begins
 * with an AUX field (DUMP_PIECE_NAME) that stock servers ignore and that says the slice's slots, how many bytes
 * follow that belong to it, and how many keys these are; then SELECTDB. A loader may hand such a piece to any
 * thread without looking inside. (In form of commands a piece begins with SELECT.) A value that is too large for a piece stands between the pieces in a record of
 * its own; so what belongs to others waits while it is being received.
 *
 * Credit: a shard stops walking while DUMP_CREDIT_BYTES of what it made have not been taken by the sink. Changes
 * never wait for that. One dump at a time.
 */
#ifndef GYRE_PERSIST_DUMP_H
#define GYRE_PERSIST_DUMP_H

#include "persist/rdb_write.h"
#include "shard/rt/thread.h"
#include "shard/store/keyspace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DUMP_CREDIT_BYTES = 4 << 20, DUMP_STEP_US = 30 };

#define DUMP_PIECE_NAME "gyre-piece"
/* first and last slot, bytes, keys: in hexadecimal, of fixed width; 0 bytes: not known, read what follows */
#define DUMP_PIECE_FORMAT "%04x-%04x %08x %06x"
enum { DUMP_PIECE_TEXT = 25 };
/* What such a text says; false: it is none. */
bool dump_piece_parse(const char *text, unsigned *first, unsigned *last, unsigned *bytes, unsigned *keys);

/* Some bytes of the file, in order. */
struct dump_part {
    struct message message;
    struct dump_part *next;
    struct rdb_chunk *chunks;
    uint64_t bytes, crc;
    /* The dump's own. */
    uint64_t keys, value; /* value: the number of the value it is of; 0: whole entries */
    uint16_t credited;    /* thread number + 1 of the shard whose credit it uses; 0: nobody's */
    bool value_ends, slice_ends;
};

/* Where the file goes. All calls come on the reader's thread. */
struct dump_sink {
    /* Takes a part over; it gives it back by dump_part_done when its bytes are where they belong. */
    void (*take)(struct dump_sink *sink, struct thread *t, struct dump_part *part);
    /* All parts have come, or (whole false) the dump was aborted and the rest will not. The last call. */
    void (*end)(struct dump_sink *sink, struct thread *t, bool whole);
};
/* Frees a part and gives its credit back. On the reader's thread. */
void dump_part_done(struct thread *t, struct dump_part *part);

struct dump_options {
    bool compress, checksum; /* rdbcompression, rdbchecksum */
    bool aof_base;           /* the file is the base of an append-only file, */
    bool commands;           /* in form of commands, */
    bool timestamp;          /* that begins with a remark of when it was */
    bool no_keys;            /* nothing but the frame of the file is wanted */
    int64_t now_ms;
    /* What the state is a prefix of, as replication has it; an id of NULL: nothing is said of that. Its text is needed
     * until dump_begin returns. */
    const char *replication_id;
    int64_t replication_offset, replication_database;
};

/* Sets the upcalls of the store. Once, before threads start; `discard` frees a detached keyspace in the time of
 * a shard, `value_done` lets clients that wait for a large value (snap_must_wait) try again. */
void dump_register(void (*discard)(struct thread *t, struct keyspace *ks),
                   void (*value_done)(struct thread *t));

/* Makes what the cut needs, and nobody else can begin a dump before `who` (an address that stands for the caller) has
 * begun his or given the claim back. False: somebody has claimed it, or a dump is under way: try later. On the
 * reader's thread, which holds nothing. */
bool dump_claim(const void *who);
/* Gives a claim back; nothing happens if it has been used, or is somebody else's. */
void dump_disclaim(const void *who);
/* The cut itself, for whoever has the claim: every slice is held by the reader, t. Microseconds. */
void dump_begin(struct thread *t, const struct dump_options *options, struct dump_sink *sink);
/* Nothing more will be taken: the walks go on only to bring the slices in order. On the reader's thread. */
void dump_abort(void);
/* A dump has begun, and not all of its slices are done or not all of its parts are taken. Any thread. */
bool dump_is_under_way(void);
/* Keys that have been saved so far, and how many there are to be. Any thread. */
uint64_t dump_keys(uint64_t *expected);
/* Bytes that changes had saved before their time. Any thread. */
uint64_t dump_bytes_of_changes(void);

/* A shard's share: about DUMP_STEP_US on its slices [first, last). The thread holds nothing. True: there is more
 * to do at once; false: nothing, or not before the thread is woken. */
bool dump_work(struct thread *t, unsigned first, unsigned last);

#endif

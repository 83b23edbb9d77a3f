/* spill.h: the stream, continued in a file, for replicas that are far behind it.
 *
 *    stream   ........................[block][block][block]
 *                                     ^from
 *    spill    [ file              ][n ]          what lies behind `from` keeps no memory
 *             ^tail    ^user       ^written
 *
 * What is written while a replica gets its dump has to be kept for it, and its link may be slower than the
 * writers are: in memory that has a bound, and a replica that is cut off there begins anew, and is cut off
 * again. So from such a replica's place on the stream is copied to a file, as it comes; the blocks are free
 * again, and the replica reads the file until it has come to its end, from where it goes on in the stream.
 * All who are behind share it: they need the same bytes. The file is a ring of a fixed capacity, in which
 * what all users have read is overwritten.
 *
 * When nothing can be written any more (the disk is full, or the ring is) nothing is lost: what was written
 * can be read, and the rest stays in the stream. It is its users' matter how much of that may pile up.
 *
 * Belongs to one thread, the stream's. It is there as long as it has users; nothing waits.
 */
#ifndef GYRE_REPL_SPILL_H
#define GYRE_REPL_SPILL_H

#include "persist/stream.h"
#include "repl/unnamed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPILL_WRITE_BYTES = 256 * 1024, SPILL_CAPACITY_MIN = 1024 * 1024 };

struct spill;

/* Who reads it: a place in the stream, counted as stream.h does. */
struct spill_user {
    struct spill *spill; /* NULL: none */
    uint64_t at;         /* advanced by the caller, once it has the bytes */
    struct spill_user *next;
};

/* Begins to copy where `from` stands. The capacity (bytes, raised to SPILL_CAPACITY_MIN) stays. `moved` is
 * called when more has been written, or when that has failed; it may make users leave. Somebody has to join
 * at once. */
struct spill *spill_open(struct thread *t, const struct stream_reader *from, uint64_t capacity,
                         void (*moved)(struct thread *t, struct spill *s));
/* Copies what has come, if nothing is being written: to be called whenever the stream has moved. */
void spill_copy(struct spill *s);

/* Adds a user who has read all before `at`. False: the ring has no longer what follows. */
bool spill_join(struct spill *s, struct spill_user *user, uint64_t at);
/* True: it was the last one, and the spill is over. */
bool spill_leave(struct spill_user *user);
/* As before, and it goes on in the stream: `reader` is where it was. Only where spill_look has nothing for
 * it. */
bool spill_leave_for_stream(struct spill_user *user, struct stream_reader *reader);

/* What is next for a user: n bytes in memory, valid until the caller returns to its loop; or, where `bytes`
 * is NULL, at `offset` of the file `fd`, valid as long as the user stays where it is. n is 0 where it has
 * all. */
struct spill_span {
    const char *bytes;
    int fd;
    uint64_t offset;
    size_t n;
};
struct spill_span spill_look(const struct spill_user *user);

/* Nothing is kept in memory for its users before this place of the stream. */
uint64_t spill_end(const struct spill *s);
/* Bytes in the file that a user has still to read. */
uint64_t spill_bytes(const struct spill *s);
/* The place of the user that is furthest behind. */
uint64_t spill_tail(const struct spill *s);
/* Whether nothing more can be written before that user has moved. */
bool spill_is_full(const struct spill *s);
/* Why nothing can be written any more: -errno; 0: it can. */
int64_t spill_error(const struct spill *s);

#endif

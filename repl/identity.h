/* identity.h: which history this server's data is a prefix of, and how long a prefix: replication ids and the offset.
 *
 * A replication id names a history, an offset so many bytes of its stream. Two servers with the same id and
 * offset hold the same. A primary makes up its id; its replicas take it over, and so do theirs. A replica that is
 * promoted begins a history of its own under a new id; but up to that moment it was the old one's, so it remembers
 * that as its second id and up to which offset: who followed the old primary that far, or less, can go on here.
 *
 *     id      ────────────────────────> offset
 *     second  ─────────┤ second_end              bytes up to second_end are those of both histories
 *
 * Changed on the coordinator's thread only, at a cut or between two commands of the stream; read by any thread, in one
 * piece.
 */
#ifndef GYRE_REPL_IDENTITY_H
#define GYRE_REPL_IDENTITY_H

#include "shard/base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLICATION_ID_LEN = 40 };
#define REPLICATION_ID_NONE "0000000000000000000000000000000000000000"

struct identity {
    char id[REPLICATION_ID_LEN + 1];
    char second_id[REPLICATION_ID_LEN + 1]; /* REPLICATION_ID_NONE: there is none */
    int64_t second_end; /* bytes of the second id's history that are ours too; -1: there is none */
    int64_t offset;     /* bytes of the stream so far */
};

/* What a file says that it is a prefix of. */
struct history {
    char id[REPLICATION_ID_LEN + 1]; /* "": it does not say */
    int64_t offset;
    int64_t database; /* that the stream has selected there */
};

/* 40 lower-case hexadecimal digits? */
bool identity_is_id(const char *text);

/* A history of our own that has just begun: a new id and no second one. The offset goes on. */
void identity_begin(struct random *r);
/* All of it at once, on any thread. */
struct identity identity_get(void);

/* The stream is so long now. Once a turn is enough: who compares offsets does so on the coordinator's thread. */
void identity_set_offset(int64_t offset);
/* We hold what a primary with this id held at this offset, and nothing else (a full synchronisation, or a file that says
 * so). There is no second id. */
void identity_adopt(const char *id, int64_t offset);
/* The primary goes on with our history under another id (it was promoted). What we have so far is the old id's as
 * well. The same id: nothing happens. */
void identity_rename(const char *id);
/* From here on the history is our own: a new id; the old one becomes the second. */
void identity_fork(struct random *r);
/* After a restart: a new id, and what was recovered is the prefix of `id` up to `offset`. */
void identity_recover(struct random *r, const char *id, int64_t offset);

#endif

/* backlog.h: the last bytes of the stream, kept for replicas that come back.
 *
 * It is a reader of the stream that trails behind: its place keeps all blocks up to the end. So replicas, which
 * are readers as well, and the backlog share the same bytes.
 *
 * Offsets are those of replication: `base` plus the stream's count for replicas. On the coordinator's thread.
 */
#ifndef GYRE_REPL_BACKLOG_H
#define GYRE_REPL_BACKLOG_H

#include "persist/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct backlog {
    struct stream *stream; /* NULL: there is no backlog */
    struct stream_reader first;
    int64_t base; /* the replication offset at which the stream began */
};

/* Begins at the present end of the stream, which is the replication offset `offset`. */
void backlog_open(struct backlog *b, struct stream *s, int64_t offset);
void backlog_close(struct backlog *b);
/* Gives up all of it: the end of the stream is now the offset `offset` of another history. */
void backlog_rebase(struct backlog *b, int64_t offset);
/* Gives up what is more than `size` bytes behind the end. */
void backlog_trim(struct backlog *b, uint64_t size);

/* The replication offset of the end of the stream, and of its first byte that is kept: byte number first + 1 is. */
int64_t backlog_end(const struct backlog *b);
int64_t backlog_first(const struct backlog *b);
/* A new reader that stands behind `offset` bytes; that has to lie from backlog_first to backlog_end. */
void backlog_join(const struct backlog *b, int64_t offset, struct stream_reader *reader);
/* The replication offset at which a reader stands. */
int64_t backlog_offset_of(const struct backlog *b, const struct stream_reader *reader);

#endif

/* reply.h: what a client is being told: RESP2 or RESP3 written into a queue of output that the loop sends.
 *
 * A reply is appended in pieces by command handlers, on the client's thread, under holds or not: appending
 * touches memory only. Small pieces are copied into chunks that come from a per-thread pool, so an idle
 * client has none; a blob of at least REPLY_BLOB_MIN bytes is referred to and sent from where it lies. Every
 * reply_* function knows the client's protocol version and picks the right type, as Redis does: a map
 * becomes a flat array for RESP2, a null its version's null, and so on.
 *
 * CLIENT REPLY OFF and SKIP, and the replies of a client being closed, are dropped here.
 */
#ifndef GYRE_SERVER_REPLY_H
#define GYRE_SERVER_REPLY_H

#include "shard/store/blob.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLY_CHUNK_BYTES = 16384, REPLY_BLOB_MIN = 4096 };

struct reply_chunk;
struct reply_pool;

struct reply {
    struct reply_chunk *first, *last; /* being filled, oldest first */
    struct reply_pool *pool;          /* the thread's */
    size_t bytes;                     /* waiting here, blobs included */
    uint64_t errors;                  /* error replies written since the counter was last read */
    uint8_t protocol;                 /* 2 or 3 */
    bool mute;                        /* drop what is written */
    char error_word[31];              /* first word of the last error, for errorstats */
};

void reply_init(struct reply *r, struct reply_pool *pool);
void reply_clear(struct reply *r);

/* Moves all that was written into `from` to the end of `to`, chunks and all. */
void reply_move(struct reply *to, struct reply *from);

/* Raw protocol bytes. */
void reply_raw(struct reply *r, const void *bytes, size_t n);
/* Where at least `n` bytes (at most REPLY_SPACE_MAX) may be written in place, for who writes many small
 * things at a time: *room says how many there really is space for. reply_wrote says how many were written.
 * Not for a muted reply. */
enum { REPLY_SPACE_MAX = 1024 };
char *reply_space(struct reply *r, size_t n, size_t *room);
void reply_wrote(struct reply *r, size_t n);

void reply_simple(struct reply *r, const char *text); /* +text */
void reply_ok(struct reply *r);
void reply_int(struct reply *r, int64_t n);
void reply_bulk(struct reply *r, const void *bytes, size_t n);
void reply_bulk_text(struct reply *r, const char *text);
void reply_bulk_printf(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_bulk_int(struct reply *r, int64_t n);
/* `bytes` of a blob from `from` on, by reference where it is long enough; takes a reference of its own. */
void reply_bulk_blob(struct reply *r, struct blob *blob, size_t from, size_t n);
void reply_null(struct reply *r);                 /* $-1 or _ */
void reply_null_array(struct reply *r);           /* *-1 or _ */
void reply_bool(struct reply *r, bool value);     /* :1/:0 or #t/#f */
void reply_double(struct reply *r, double value); /* bulk or ',' */
void reply_array(struct reply *r, size_t n);
void reply_map(struct reply *r, size_t pairs);
void reply_set(struct reply *r, size_t n);
void reply_push(struct reply *r, size_t n);
void reply_attribute(struct reply *r, size_t pairs); /* only for RESP3 */
void reply_verbatim(struct reply *r, const char *format3, const void *bytes, size_t n);
/* HELP of a container command: the standard frame around the lines (NULL ends them). */
void reply_help(struct reply *r, const char *command, const char *const *lines);

/* An error: `text` without the '-', beginning with its code ("ERR ...", "WRONGTYPE ..."); CR and LF become
 * spaces (reply_errorf: those at the end are dropped). */
void reply_error(struct reply *r, const char *text);
void reply_errorf(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_wrong_type(struct reply *r);
void reply_syntax_error(struct reply *r);
void reply_not_an_integer(struct reply *r);
void reply_no_such_key(struct reply *r);
/* "ERR unknown subcommand '%.128s'. Try CONFIG HELP." */
void reply_unknown_subcommand(struct reply *r, const char *container, const char *word, size_t len);
/* "ERR unknown subcommand or wrong number of arguments for '%.128s'. Try DEBUG HELP." */
void reply_subcommand_syntax(struct reply *r, const char *container, const char *word, size_t len);

/* An aggregate whose length is known only after its elements are written: mark first, then set. */
struct reply_mark {
    struct reply_chunk *chunk;
};
struct reply_mark reply_mark(struct reply *r);
void reply_mark_array(struct reply *r, struct reply_mark mark, size_t n);
void reply_mark_map(struct reply *r, struct reply_mark mark, size_t pairs);
void reply_mark_set(struct reply *r, struct reply_mark mark, size_t n);

#endif

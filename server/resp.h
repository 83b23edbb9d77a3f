/* resp.h: commands out of received bytes.
 *
 * Two parsers, one grammar. resp_parse handles what nearly all input is, complete array-of-bulk commands, in
 * place: the arguments point into the received bytes. Everything else (a command cut by the end of a buffer,
 * inline commands, errors, large arguments) goes through a struct resp_partial, which is fed bytes as they
 * come, keeps its state between them, looks at each byte once, and owns the arguments it has collected. A
 * bulk of at least RESP_BLOB_MIN bytes is collected straight into a blob, which a handler can keep as the
 * value: so a large value is copied once, out of the receive buffers.
 *
 * Limits and error texts are those of redis-server 7.0.15. Both are pure with respect to the outside; a
 * partial belongs to one client and its thread.
 */
#ifndef GYRE_SERVER_RESP_H
#define GYRE_SERVER_RESP_H

#include "server/call.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    RESP_BLOB_MIN = 16384,
    RESP_LINE_MAX = 65536, /* of an inline command, or a length line */
    RESP_UNAUTHENTICATED_ARGS_MAX = 10,
    RESP_UNAUTHENTICATED_BULK_MAX = 16384,
};

/* Parses one complete command of at most argv_max arguments at `data`. Returns the bytes it takes up, or 0
 * when it is not complete or not plain: then feed a partial. */
size_t resp_parse(const char *data, size_t len, struct arg *argv, unsigned argv_max, unsigned *argc);

struct resp_limits {
    int64_t bulk_max;
    bool authenticated;
};

enum resp_result {
    RESP_MORE,    /* all was consumed, the command is not complete */
    RESP_COMMAND, /* complete: resp_argv */
    RESP_NOTHING, /* an empty line or array: nothing to run, begin anew */
    RESP_BAD,     /* resp_error says why; the connection is to be closed */
};

struct resp_partial *resp_partial_new(void);
void resp_partial_free(struct resp_partial *p);
/* Consumes bytes until a command is complete; *used says how many. After RESP_COMMAND the arguments stay
 * until the partial is freed or reset. */
enum resp_result resp_feed(struct resp_partial *p, const char *data, size_t len,
                           const struct resp_limits *limits, size_t *used);
void resp_partial_reset(struct resp_partial *p);
/* A complete partial made of copies: a command that has to wait keeps its arguments so. */
struct resp_partial *resp_partial_copy(const struct arg *argv, unsigned argc);

struct arg *resp_argv(struct resp_partial *p, unsigned *argc);
/* Per argument the blob that holds it, or NULL when none has one. */
struct blob **resp_blobs(struct resp_partial *p);
const char *resp_error(const struct resp_partial *p);    /* "Protocol error: ..." */
size_t resp_partial_bytes(const struct resp_partial *p); /* memory it holds */

#endif

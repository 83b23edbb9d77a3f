/* model.h: the naive keyspace that recorded histories are judged by, and what a recorded command looks like.
 *
 * A history is a set of commands with what each was answered and when it was sent and answered. It is legal
 * when the commands can be put into one order that (1) keeps the order of each connection, (2) keeps real
 * time: a command answered before another was sent comes first, and (3) gives every command, run one by one
 * on this model, the very reply that was recorded. Values are numbers, and writers write numbers that nobody
 * else writes, so a reply tells which write it saw.
 *
 * Everything here is plain data without pointers: states are copied and compared as bytes.
 */
#ifndef GYRE_HISTORY_MODEL_H
#define GYRE_HISTORY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_KEYS = 5, MODEL_DATABASES = 2, MODEL_ARGUMENTS = 5 };
/* Written values are multiples of this, each written once. INCR may then count up from one without
 * meeting another: what was written is the value divided by this. 0 is not written: a counter that began
 * at nothing. */
enum { MODEL_VALUE_STEP = 1000 };
#define MODEL_ABSENT INT64_MIN /* no such key; a null reply */

enum model_kind {
    MODEL_SET,
    MODEL_SET_GET, /* SET key value GET */
    MODEL_SETNX,
    MODEL_GET,
    MODEL_GETDEL,
    MODEL_INCR,
    MODEL_MSET,
    MODEL_MSETNX,
    MODEL_MGET,
    MODEL_DEL,
    MODEL_EXISTS,
    MODEL_RENAME,
    MODEL_RENAMENX,
    MODEL_COPY,         /* keys[0] to keys[1] */
    MODEL_COPY_REPLACE, /* the same, with REPLACE */
    MODEL_COPY_ACROSS,  /* keys[0] to the same name in the other database */
    MODEL_MOVE,         /* keys[0] to the other database */
    MODEL_SWAPDB,
    MODEL_FLUSHDB,
    MODEL_FLUSHALL,
    MODEL_KEYS_ALL, /* KEYS *: the reply is a mask of the keys there are */
    MODEL_EXPIRE,   /* far in the future */
    MODEL_PERSIST,
    MODEL_TTL, /* the reply is -2, -1, or 1 for any time to live */
    MODEL_KINDS,
};

enum model_reply_type { MODEL_OK, MODEL_NUMBER, MODEL_VALUE, MODEL_ARRAY, MODEL_ERROR };

struct model_reply {
    enum model_reply_type type;
    unsigned count; /* of an array; otherwise 1 where there is a number or value, else 0 */
    int64_t values[MODEL_ARGUMENTS];
};

struct model_op {
    enum model_kind kind;
    bool more; /* in a transaction: the connection's next command takes effect with it, at the same instant */
    unsigned connection; /* its place in the connection's order is the order in which a history lists it */
    unsigned database;
    unsigned key_count;
    unsigned keys[MODEL_ARGUMENTS];
    int64_t values[MODEL_ARGUMENTS]; /* to write, per key */
    struct model_reply reply;
    uint64_t invoked_ns, completed_ns;
};

struct model_state {
    int64_t values[MODEL_DATABASES][MODEL_KEYS];
    int64_t expires[MODEL_DATABASES]
                   [MODEL_KEYS]; /* 1: has a time to live. As wide as the rest, so there is no padding */
};

void model_clear(struct model_state *s);
/* Runs the command on the state and gives the reply that it has to have. */
struct model_reply model_run(struct model_state *s, const struct model_op *op);
bool model_reply_equal(const struct model_reply *a, const struct model_reply *b);

/* Whether the command's reply says that it changed nothing, whatever the state was: a read, or a write that
 * was refused. */
bool model_changes_nothing(const struct model_op *op);

const char *model_name(enum model_kind kind);
/* Writes the command and its reply as text, for people. Returns buffer. */
const char *model_describe(const struct model_op *op, char *buffer, size_t cap);

#endif

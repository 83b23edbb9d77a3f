/* call.h: one run of one command: its arguments, its keys, the slices held for it, and where its reply goes.
 *
 * The router fills a call in, takes the holds of its keys' slices (all slices for CMD_ALL_SLICES) and runs
 * the handler: a plain function that runs to its end without waiting. The order inside a handler: parse the
 * options, look the keys up, check, and only then change anything; after the first change nothing may fail.
 * A handler may read and write the client's own session. It reaches keys only through call->visit and
 * call->keys.
 *
 * Commands that have no keys of their own but look at slices one by one (SCAN, DBSIZE, RANDOMKEY, INFO) take
 * one at a time with call_enter and call_leave; if a slice refuses they set `outcome` to CALL_AGAIN and
 * return, having changed and replied nothing: they are parked and run again from the start.
 */
#ifndef GYRE_SERVER_CALL_H
#define GYRE_SERVER_CALL_H

#include "server/broken.h"
#include "server/command.h"
#include "server/reply.h"
#include "shard/store/keyspace.h"

struct client;
struct worker;

struct arg {
    char *data;
    size_t len;
};

enum call_outcome {
    CALL_DONE,
    CALL_AGAIN,   /* a slice was refused: `refused` says which; run again when it is let go */
    CALL_BLOCKED, /* the client waits; whoever ends the wait replies */
    CALL_LATER, /* of a command without keys: nothing done yet; run again soon, or when the worker is poked */
};

struct call {
    struct worker *worker;
    struct client *client;
    struct command *command;
    struct arg *argv;
    unsigned argc;
    struct key *keys; /* in the order of the command's key specifications */
    unsigned key_count;
    uint64_t member_hash; /* table_hash of the argument command->member; 0: not worked out yet */
    struct reply *reply;
    struct visit visit;
    struct blob *
        *blobs;     /* NULL, or per argument the blob that holds it (large arguments): see call_take_blob */
    bool in_exec;   /* within EXEC: may not wait */
    bool logs;      /* what it changes is logged: see propagate.h */
    bool replaced;  /* not in its own words */
    uint64_t dirty; /* changes so far */
    uint64_t inner_errors; /* EXEC: error replies of the commands it ran, which are counted already */
    enum call_outcome outcome;
    struct slice *refused;
    struct slice *entered; /* what call_enter took and call_leave gives back */
};

/* The bytes of argument i as a value to store: an argument received as a blob is handed over without a
 * copy. */
struct value call_value(struct call *c, unsigned i);

/* Argument i as a 64-bit integer; on failure replies "ERR value is not an integer or out of range" (or
 * `error` if it is not NULL) and returns false. */
bool call_int(struct call *c, unsigned i, int64_t *value, const char *error);
bool call_double(struct call *c, unsigned i, double *value, const char *error);
/* Whether argument i is this word, in any case. */
bool call_is(const struct call *c, unsigned i, const char *word);
/* Looks up key i (of call->keys). */
static inline struct entry **call_read(struct call *c, unsigned i) {
    broken_let_others_in(c);
    return keyspace_find(&c->visit, &c->keys[i], KEYSPACE_READ);
}
static inline struct entry **call_write(struct call *c, unsigned i) {
    broken_let_others_in(c);
    return keyspace_find(&c->visit, &c->keys[i], KEYSPACE_WRITE);
}
/* A key that the command's specifications do not name (must be of a slice that is held, or of a command with
 * no holds between call_enter and call_leave). */
struct key call_key(struct call *c, unsigned argument);

/* Takes and lets go of one slice in a command without keys. Under EXEC or CMD_ALL_SLICES, where it is held
 * already, both do nothing. False: refused; the handler sets nothing up and returns (outcome and refused
 * have been set). */
bool call_enter(struct call *c, struct slice *s);
void call_leave(struct call *c, struct slice *s);

/* Notes that the data changed by n: INFO's rdb_changes_since_last_save, and whether the command travels to
 * those who follow (propagate.h). */
void call_dirty(struct call *c, uint64_t n);

#endif

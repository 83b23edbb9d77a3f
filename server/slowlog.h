/* slowlog.h: the slow log: the last slowlog-max-len commands that took at least slowlog-log-slower-than
 * microseconds.
 *
 * One log for the server, a list under a spin lock, newest first. Entries are refcounted and never change, so
 * a reader takes a few at a time under the lock and writes its reply outside it, however long the log is. Any
 * thread; noting an entry may happen under holds (it allocates at most SLOWLOG_ARGS strings of a little more
 * than SLOWLOG_BYTES each, in one block).
 */
#ifndef GYRE_SERVER_SLOWLOG_H
#define GYRE_SERVER_SLOWLOG_H

#include "server/call.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SLOWLOG_ARGS = 32, /* arguments kept of one command, the last of which may say how many more there were */
    SLOWLOG_BYTES = 128, /* bytes kept of one argument */
};

struct client;

struct slowlog_entry {
    struct slowlog_entry *newer, *older;
    _Atomic unsigned refs; /* the log's, and one for each reader */
    bool logged;           /* still in the log: under its lock */
    int64_t id, unix_s, us;
    char peer[48];
    const char *name; /* of the client, "" when it has none */
    unsigned argc;
    struct arg argv[]; /* their bytes and the name follow */
};

/* Notes that this command took so long. The caller has compared with slowlog-log-slower-than. */
void slowlog_note(struct client *c, const struct arg *argv, unsigned argc, uint64_t us);
size_t slowlog_len(void);
void slowlog_reset(void);

/* Walks the log from the newest entry: start with a zeroed reader; entries stay valid until
 * slowlog_read_end. */
enum { SLOWLOG_READ_BATCH = 32 };
struct slowlog_reader {
    struct slowlog_entry *batch[SLOWLOG_READ_BATCH];
    unsigned count, next;
    bool started;
};
const struct slowlog_entry *slowlog_read(struct slowlog_reader *r);
void slowlog_read_end(struct slowlog_reader *r);

#endif

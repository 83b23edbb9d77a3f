/* link_parts.h: what the files of the link share: link.c (the connection), link_talk.c (what is said before the stream)
 * and link_dump.c (receiving the dump) only. */
#ifndef GYRE_REPL_LINK_PARTS_H
#define GYRE_REPL_LINK_PARTS_H

#include "repl/link.h"
#include "shard/rt/file.h"
#include "shard/rt/socket.h"

#include <limits.h>

enum { LINK_MARK_BYTES = 40, LINK_LINE_MAX = 1024, LINK_DUMP_AHEAD_MAX = 8 << 20 };

/* Where the dump goes. */
struct link_dump {
    struct file_operation op;
    struct buf writing; /* on its way to the file */
    int fd;             /* -1: not open */
    bool known;         /* it was announced how it ends */
    bool busy;          /* an operation is under way */
    bool opened, arrived;
    uint64_t length;   /* if that was announced, */
    uint64_t received; /* so far, with the mark */
    uint64_t written;
    char mark[LINK_MARK_BYTES]; /* or how it ends: */
    char tail[LINK_MARK_BYTES]; /* what was received last */
    bool has_mark;
    struct buf head; /* its first bytes, a few more than LINK_SMALL_DUMP at most */
    char path[NAME_MAX];
};

struct link {
    struct coordinator *coordinator;
    const struct link_host *host;
    struct link_settings settings;
    enum link_state state;
    bool wanted; /* it is to be made again */
    uint32_t generation;
    int fd;
    struct socket_addresses addresses;
    unsigned address;
    struct buf input, text, text_on_its_way;
    bool connecting, receiving, sending;
    unsigned in_flight;
    bool old_primary;      /* it knows SYNC only, */
    bool hears;            /* but acknowledgements too: it waits for one behind a dump with a mark */
    unsigned answers_left; /* of what was introduced */
    bool host_loads;       /* the dump, though the connection is gone */
    struct link_dump dump;
    char peer[LINK_NAME_MAX], local[LINK_NAME_MAX];
    int64_t connected_ms;
    int64_t began_ms, heard_ms, said_ms, down_since_ms, dump_heard_ms, retry_ms;
    char why[LINK_WHY_MAX];
};
extern struct link the_link;

/* Says something: queued. */
void link_say(const char *bytes, size_t n);
/* Receives again, if it had stopped and may. */
void link_receive(void);
/* Everything the link's requests refer to is over: goes on to close, if it closes. */
void link_request_over(void);

/* link_talk.c: begins to talk, the connection is there; looks at what has arrived while it is not online. */
void link_talk_begin(void);
void link_talk(void);

/* link_dump.c: makes ready for a dump; has taken what has arrived of it; throws it away. */
void link_dump_begin(void);
/* "$..." which says how the dump ends. False: it is not understood. */
bool link_dump_announced(const char *line);
void link_dump_take(const char *bytes, size_t n);
void link_dump_go(void);
void link_dump_end(void);

#endif

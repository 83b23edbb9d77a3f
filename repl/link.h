/* link.h: the connection to a primary: made, introduced, and kept; the dump received into a file, the stream handed on.
 *
 *     RESTS ──a second──> RESOLVES ──> CONNECTS ──> PINGS ──> INTRODUCES ──> ASKS
 *       ^                                                                     │
 *       │ whatever goes wrong                 ┌── +CONTINUE ──────────────────┤
 *       │                                     │                +FULLRESYNC    │
 *     CLOSES <────────────────────────────  ONLINE <── LOADS <── RECEIVES <───┘
 *
 * There is one link at most: a server has one primary. It knows no commands and no data: what the host (server/follow.c)
 * does with a dump and with the stream is an upcall. What has arrived waits in the link until it is taken; while that
 * is more than LINK_INPUT_MAX nothing is received, and the primary has to keep it.
 *
 * All of it on the coordinator's thread; link_view may be called on any.
 *
 * Source: the replication protocol as redis-server 7.0 speaks it (PSYNC2, SYNC with older ones).
 */
#ifndef GYRE_REPL_LINK_H
#define GYRE_REPL_LINK_H

#include "repl/coordinator.h"
#include "repl/identity.h"
#include "shard/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LINK_HOST_MAX = 256,
    LINK_WORD_MAX = 512,
    LINK_NAME_MAX = 48,
    LINK_INPUT_MAX = 16 << 20, /* bytes that have arrived and were not taken */
    LINK_WHY_MAX = 512,
    LINK_SMALL_DUMP = 64 * 1024,
};

enum link_state {
    LINK_OFF,
    LINK_RESTS,
    LINK_RESOLVES,
    LINK_CONNECTS,
    LINK_PINGS,
    LINK_INTRODUCES,
    LINK_ASKS,
    LINK_RECEIVES, /* the dump */
    LINK_LOADS,    /* the host does */
    LINK_ONLINE,
    LINK_CLOSES,
};

struct link_settings {
    char host[LINK_HOST_MAX];
    int port;
    char user[LINK_WORD_MAX], password[LINK_WORD_MAX]; /* "": none */
    char announced_host[LINK_HOST_MAX];                /* "": where it comes from */
    int announced_port;
    char source[LINK_HOST_MAX]; /* the address that it is to come from; "": any */
    int64_t timeout_s;
    bool failover; /* it is to take over as the primary, as soon as we ask it for its stream */
};

struct link_host {
    /* Renews the settings, before it connects. False: it is to be asked again later. */
    bool (*configure)(struct link_settings *settings);
    /* Which history is held, and the first byte of it that is not. False: none that could go on. */
    bool (*wants)(char id[static REPLICATION_ID_LEN + 1], int64_t *from);
    /* It goes on there, under this id. The host says link_go_online when it is ready for what comes. */
    void (*goes_on)(const char *id);
    /* A dump comes, of this history up to this offset; id "": the primary is so old that it has none. */
    void (*comes_anew)(const char *id, int64_t offset);
    /* All of it is in this file, which goes when the link goes on, or is made anew. The host says link_go_online or link_fail. `whole`:
     * its bytes, where it has at most LINK_SMALL_DUMP; else NULL. */
    void (*dump_is_here)(const char *path, uint64_t bytes, const char *whole);
    /* Bytes of the stream can be taken. */
    void (*stream_comes)(void);
    /* The link was lost (told in the log already), and will be made again. `asked`: before there was an answer to what we
     * wanted, or by the answer. */
    void (*lost)(bool asked);
};

/* Begins to connect, at once, and goes on trying until link_stop. It has to be off. */
void link_start(struct coordinator *c, const struct link_host *host);
/* Ends it; it is off when its last request is over (link_is_off). */
void link_stop(void);
bool link_is_off(void);
/* Drops the connection for a reason, and makes it again. */
void link_fail(const char *why);
void link_go_online(void);
/* The host needs the file of the dump no more, whatever has become of the link. */
void link_forget_dump(void);
/* At the end of the process, when the coordinator's thread has ended: the file of a dump that was on its way, or being loaded. */
void link_remove_file(void);
/* What has arrived of the stream. The taker's from here on (buf_free); it is memory that passes through. */
struct buf link_take(void);
/* REPLCONF ACK, when online. `durable`: up to where it is in the append-only file, for good; -1: there is none. `below`: nodes
 * that follow us, directly or not; stock servers take no notice of it. */
void link_acknowledge(int64_t offset, int64_t durable, unsigned below);
/* A sign of life while the host loads. */
void link_nudge(void);

/* On the coordinator's thread: true if the completion was the link's; every beat. */
bool link_completion(struct coordinator *c, const struct completion *done);
void link_beat(void);

struct link_view {
    enum link_state state;
    int64_t heard_ms;      /* when anything came the last time; Unix time; 0: never */
    int64_t down_since_ms; /* 0: it is online */
    /* The dump: */
    int64_t dump_bytes; /* -1: not known */
    int64_t dump_received, dump_heard_ms;
    int fd;
    int64_t connected_ms;
    char peer[LINK_NAME_MAX], local[LINK_NAME_MAX]; /* the ends of the connection */
    char why[LINK_WHY_MAX];                         /* it was lost the last time */
};
struct link_view link_view(void);

#endif

/* follow_parts.h: what the files of the replica's role share: follow.c (the role, what the link tells), follow_dump.c (a dump takes
 * the place of the data) and follow_stream.c (the stream applied and handed on) only. All of it is the coordinator's. */
#ifndef GYRE_SERVER_FOLLOW_PARTS_H
#define GYRE_SERVER_FOLLOW_PARTS_H

#include "server/apply_stream.h"
#include "server/follow.h"

/* Somebody wants the role to change. */
struct wish {
    struct message message;
    uint64_t number;
    char host[LINK_HOST_MAX]; /* "": nobody is to be followed */
    int port;
    bool failover; /* it is to take over */
};

enum phase {
    FOLLOW_IDLE,
    FOLLOW_PREPARES, /* a dump has arrived; nobody else may be at work on the data */
    FOLLOW_LOADS,
};

/* The coordinator's. */
struct follower {
    struct coordinator *coordinator;
    bool started;                         /* the data there was has been loaded */
    bool replica, readonly, keeps_memory; /* as the switches are set */
    uint64_t client_id;
    bool failover; /* the primary is one as soon as we ask to follow it */
    char host[LINK_HOST_MAX];
    int port;
    bool came_by_link; /* the data did, not from clients of our own */
    bool resumable;    /* the data is a prefix of the history that identity.h names, whose end is known */
    int64_t database;  /* that the stream has selected there */
    struct wish *wish;
    struct cut cut;
    bool cutting;
    struct message after; /* of a cut: */
    void (*rest_of_cut)(struct thread *t);
    enum phase phase;
    /* A dump. */
    char next_id[REPLICATION_ID_LEN + 1], path[64];
    int64_t next_offset;
    uint64_t dump_bytes;
    bool dump_is_empty;     /* has no keys */
    bool beside;            /* it is loaded beside the data there is */
    unsigned failures;      /* dumps in a row that could not be loaded */
    int64_t not_before_ms;  /* the next try */
    bool examined;          /* whether it may replace what we have */
    char why[LINK_WHY_MAX]; /* it could not be loaded; "": it was */
    /* The stream. */
    struct stream_batch batch;
    bool applies; /* the batch is on its way */
    uint64_t
        over_ticket;  /* it has come back; entries before this one are to be merged first; 0: it has not */
    uint64_t applied; /* bytes of all batches before */
    size_t relayed;
    int64_t relayed_database;
    struct buf rest; /* what was not whole */
    size_t needed, reread_from;
    int64_t acked_ms, acked_offset, acked_durable, nudged_ms;
    struct durability {
        int64_t offset; /* is in the append-only file for good */
        bool pending;   /* this will be when the file is durable up to there: */
        uint64_t pending_end;
        int64_t pending_offset;
    } durability;
    bool stopped, refused_empty;
    char stopped_why[LINK_WHY_MAX];
};
extern struct follower follower;

/* follow.c: shows to others how it stands; goes by the configuration; wakes all workers. */
void follow_show(void);
struct config;
void follow_settings(const struct config *config);
void follow_poke_all(struct thread *t);
/* What is left to do when the slices of a cut have been let go. */
void follow_after_cut(void (*rest)(struct thread *t));
/* The link is ready, and so is the data: what comes is applied. */
void follow_go_online(struct thread *t);

/* follow_stream.c: has what has come applied, if it may be (`at_beat`: even if little has come); tells the primary how far it is. */
void follow_pump(bool at_beat);
/* Deals with a batch that has come back, as soon as that can be. Every turn. */
void follow_finish_batch(void);
void follow_acknowledge(void);
/* Whether that would tell it anything new. */
bool follow_has_news(void);
/* What was applied and was not handed on yet is: at a cut. */
void follow_catch_up(void);
/* The same up to a place: before an entry that is behind it. */
void follow_catch_up_to(uint64_t place);

/* follow_dump.c: a dump is here, and is to be loaded as soon as nobody else is at work on the data. Every turn until it is. */
void follow_prepare_to_load(void);

#endif

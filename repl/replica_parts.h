/* replica_parts.h: what the files that serve replicas share: replica*.c and full_sync.c only. */
#ifndef GYRE_REPL_REPLICA_PARTS_H
#define GYRE_REPL_REPLICA_PARTS_H

#include "repl/backlog.h"
#include "repl/replicas.h"
#include "repl/spill.h"
#include "repl/spool.h"
#include "shard/base/buf.h"
#include "shard/rt/file.h"

enum {
    REPLICAS_MAX = 1024,
    REPLICAS_SAMPLES = 1024,
    REPLICA_CHUNK_BYTES = 256 * 1024,
    REPLICA_INPUT_MAX = 64 * 1024,
    REPLICA_MARK_BYTES = 40
};

enum replica_sends { REPLICA_SENDS_NOTHING, REPLICA_SENDS_TEXT, REPLICA_SENDS_CHUNK, REPLICA_SENDS_STREAM };

struct replica {
    struct file_operation read; /* first: of the spool, or the spill */
    uint32_t slot, generation;
    struct replica_request *facts;
    enum replica_state state;
    struct buf text;            /* is sent before anything else */
    struct buf text_on_its_way; /* and before that, this */
    enum replica_sends sends;   /* in flight */
    bool reading, receiving, closing;
    bool announced;  /* the dump's length or end mark has been told */
    bool awaits_ack; /* before it gets any of the stream */
    unsigned in_flight;
    /* The dump. */
    struct spool *spool;
    uint64_t spool_at; /* read so far */
    char *chunk;       /* read and not sent: [chunk_at, chunk_bytes) */
    size_t chunk_at, chunk_bytes;
    char mark[REPLICA_MARK_BYTES + 1]; /* that ends it; "": its length was told */
    /* The stream: from where the dump was made, or it was before. */
    struct stream_reader reader; /* unless it is a user of the spill */
    struct spill_user spilled;
    bool reads;
    bool catches_up;       /* since its dump it has not been level yet */
    int64_t lags_since_ms; /* more than the soft limit; 0: it does not */
    /* What it says. */
    struct buf input;
    unsigned below;
    int64_t durable_offset;
    int64_t ack_offset, ack_ms, heard_ms, since_ms, nudged_ms;
    int64_t took_ms; /* when it last took something of what it is sent */
};

struct replicas {
    struct coordinator *coordinator;
    struct replicas_settings settings;
    struct backlog backlog;
    struct replica *all[REPLICAS_MAX]; /* by slot */
    uint64_t withheld_from;            /* the rest of the stream is not sent yet */
    uint32_t generations[REPLICAS_MAX];
    struct spill *spill; /* for those who catch up; NULL: none is needed */
    unsigned count;
    uint64_t noted_ticket;  /* all before it are in the stream, */
    int64_t noted_offset;   /* up to here; what was asked or said besides may follow */
    bool heard;             /* an acknowledgement, since that was last told */
    int64_t alone_since_ms; /* nobody follows since then; 0: somebody does */
    int64_t pinged_ms;
    /* Where the stream ended at the last beats, newest last, as a ring: how old an offset is. */
    struct replicas_sample {
        int64_t ms, offset;
    } samples[REPLICAS_SAMPLES];
    unsigned samples_count;
    uint64_t full_syncs, partial_syncs, refused_partial_syncs;
};
extern struct replicas replicas;

/* Begins to send what is next, if nothing is on its way. */
void replica_send(struct replica *r);
/* A send is done. */
void replica_sent(struct replica *r, int32_t result);
/* Cuts it off, for a reason told in the log (NULL: it was told already). Freed when the ring has let go of it. */
void replica_drop(struct replica *r, const char *why);
/* A request of its is over. */
void replica_request_over(struct replica *r);
/* Has understood what it sent (struct replica's input). False: it makes no sense. */
bool replica_read_input(struct replica *r);
void replica_name(const struct replica *r, char *name, size_t cap);
/* A reader for it that begins at the backlog's offset. */
void replica_follow_from(struct replica *r, int64_t offset);

/* Bytes of the stream that have not been sent to it. */
uint64_t replica_lag(const struct replica *r);
/* Where in the stream (STREAM_REPLICAS) it stands. */
uint64_t replica_place(const struct replica *r);
/* Drops those who lag too much, and keeps in a file what the others will need. Every turn. */
void replicas_check_lag(int64_t now_ms);
/* It is a user of the spill: goes back to the stream, if it has read all of the file. */
bool replica_leaves_spill(struct replica *r);
/* It reads the stream no longer. */
void replica_leave_stream(struct replica *r);

/* With all slices held: there is a backlog from here on, at the least. */
void replicas_open_backlog(struct coordinator *c);
/* Whether a dump has to begin; then it does as soon as it can. Every beat. */
void full_sync_beat(void);

#endif

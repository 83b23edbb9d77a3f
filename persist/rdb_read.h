/* rdb_read.h: RDB bytes coming in: from one piece of memory or from a stream, record by record.
 *
 *     struct rdb_reader r;
 *     rdb_reader_on_span(&r, bytes, len, offset);   or rdb_reader_on_stream(&r, pull, arg);
 *     rdb_read_header(&r)                           of a whole file
 *     while ((event = rdb_read_next(&r, &record)) ...)
 *         RDB_EVENT_KEY: rdb_load_value (rdb_load.h) or rdb_skip_value, then the next
 *     rdb_reader_close(&r);
 *
 * The bytes are foreign: any bytes at all may come, and the answer is a value or an error, never a crash nor
 * memory beyond a small multiple of the bytes that are really there (LZF makes up to 88 bytes of one). The
 * first thing that is wrong ends the reading: rdb_error says at which offset, while reading what, and what it
 * was. Every call after that fails too.
 *
 * A reader belongs to one thread. On a span nothing is copied that need not be; a stream is read through a
 * window that grows with what came, up to twice the longest string.
 */
#ifndef GYRE_PERSIST_RDB_READ_H
#define GYRE_PERSIST_RDB_READ_H

#include "persist/rdb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills in up to `room` bytes at `to`; returns how many came, 0 at the end, negative on failure. May wait. */
typedef ptrdiff_t rdb_pull(void *arg, unsigned char *to, size_t room);

enum { RDB_TEXT_DIGITS = 24, RDB_ERROR_MAX = 320 };

/* A string that was read. It lies in the span, or in the reader's memory, where the next string read into the
 * same slot takes its place. */
struct rdb_text {
    const char *data;
    size_t len;
    bool is_integer; /* it was written as an integer; `data` spells it */
    int64_t integer;
};
/* A record's key stays while its value is read. */
enum rdb_text_slot { RDB_TEXT_KEY, RDB_TEXT_FIRST, RDB_TEXT_SECOND, RDB_TEXT_SLOTS };

struct rdb_scratch {
    char *bytes;
    size_t cap;
    char digits[RDB_TEXT_DIGITS];
};

struct rdb_reader {
    const unsigned char *at, *end; /* what is there and not read yet */
    const unsigned char *start;    /* offset `start_offset` of the file */
    uint64_t start_offset;
    rdb_pull *pull; /* NULL: a span */
    void *arg;
    unsigned char *window;
    size_t window_cap;
    bool ended;    /* the stream has no more */
    bool checksum; /* sum what is read: for a whole file, set before the header */
    uint64_t crc;  /* of what was read, up to `summed` */
    const unsigned char *summed;
    unsigned version;
    bool broken;
    char error[RDB_ERROR_MAX];
    const char *reading; /* what is being read, for the error */
    struct rdb_text key; /* of which key; data is NULL: of none */
    struct rdb_scratch scratch[RDB_TEXT_SLOTS];
};

/* `offset`: where in the file (or payload) the span lies, for errors. The span must outlive the reader. */
void rdb_reader_on_span(struct rdb_reader *r, const void *bytes, size_t len, uint64_t offset);
void rdb_reader_on_stream(struct rdb_reader *r, rdb_pull *pull, void *arg);
void rdb_reader_close(struct rdb_reader *r);
/* Where the next byte read comes from. */
static inline uint64_t rdb_reader_offset(const struct rdb_reader *r) {
    return r->start_offset + (uint64_t)(r->at - r->start);
}
/* What was wrong, in one line; "" while nothing is. */
static inline const char *rdb_error(const struct rdb_reader *r) {
    return r->error;
}
/* Declares the input broken at this place. Returns false. */
bool rdb_fail(struct rdb_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The sum of all that was read so far. */
uint64_t rdb_reader_crc(struct rdb_reader *r);

/* ---- records ---- */

enum rdb_event {
    RDB_EVENT_KEY,      /* a key; its value follows */
    RDB_EVENT_AUX,      /* key: the name, text: the value */
    RDB_EVENT_SELECT,   /* record->database has changed */
    RDB_EVENT_RESIZE,   /* how many keys the database has, of them with a deadline: a hint */
    RDB_EVENT_SLOT,     /* the same of one slot of a cluster (version 12): number, keys, expiring */
    RDB_EVENT_FUNCTION, /* text: the code of a library of functions, for the caller to load, skip or refuse */
    RDB_EVENT_END,      /* the end of the file; the checksum, if there is one, is right */
    RDB_EVENT_NONE,     /* the bytes end here, between two records: the end of a piece */
    RDB_EVENT_BROKEN,   /* see rdb_error */
};

struct rdb_record {
    struct rdb_text key, text;
    unsigned type;      /* KEY: an enum rdb_type of a kind that exists here */
    int64_t expires_ms; /* KEY: unix time, -1: never (a time before 1970 reads as 0) */
    int64_t idle_s;     /* KEY: -1: not said */
    int frequency;      /* KEY: -1: not said */
    uint64_t database;  /* of the keys; stays from record to record: zero it at the beginning */
    uint64_t number, keys, expiring;
    bool has_checksum; /* END: one was there and compared */
};

/* "REDIS" and a version we know. */
bool rdb_read_header(struct rdb_reader *r);
enum rdb_event rdb_read_next(struct rdb_reader *r, struct rdb_record *record);
/* Passes over the value of a key. */
bool rdb_skip_value(struct rdb_reader *r, unsigned type);

/* What is wrong with a record that rdb_skim found broken, in the words of rdb_error: `present` bytes of it are
 * there, and it begins at that offset of a file of that version. `why`: what rdb_skim says. `text` has room
 * for RDB_ERROR_MAX. */
struct rdb_broken {
    const unsigned char *record;
    size_t present;
    uint64_t offset;
    unsigned version;
    const char *why;
};
void rdb_explain(const struct rdb_broken *broken, char *text);

/* ---- what everything is made of ---- */

/* Makes at least n bytes lie at r->at, or fails. */
bool rdb_need_slow(struct rdb_reader *r, size_t n);
static inline bool rdb_need(struct rdb_reader *r, size_t n) {
    return (size_t)(r->end - r->at) >= n || rdb_need_slow(r, n);
}
/* Whether there is another byte; a stream is asked. */
bool rdb_more(struct rdb_reader *r);
bool rdb_read_length(struct rdb_reader *r, uint64_t *n);
/* How many elements follow, each of at least `least` bytes: fails where a span cannot hold them. */
bool rdb_read_count(struct rdb_reader *r, unsigned least, uint64_t *n);
/* For how many elements to make room at once: what was claimed, within reason where the end is not known. */
size_t rdb_room_for(const struct rdb_reader *r, uint64_t claimed);
bool rdb_read_string(struct rdb_reader *r, enum rdb_text_slot slot, struct rdb_text *text);
bool rdb_read_double(struct rdb_reader *r, double *value);
/* A score as it was written before version 8. */
bool rdb_read_old_double(struct rdb_reader *r, double *value);
bool rdb_skip_bytes(struct rdb_reader *r, uint64_t n);

#endif

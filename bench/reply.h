/* reply.h: finds where replies end in a stream of bytes cut anywhere, and says what they were. RESP2 and
 * RESP3.
 *
 * The parser keeps no bytes but those of an unfinished line: what it needs of a reply is whether it is an
 * error (with its text), a null, or a bulk string that equals what is expected. Replies that stand whole
 * in the bytes at hand, which is nearly all of them, take a short path. A parser belongs to one
 * connection.
 *
 * Nested replies (arrays, maps, sets, attributes) are counted through to their end. Push messages are no
 * replies: they are passed over. Bytes that are no RESP make the parser fail for good. */
#ifndef GYRE_BENCH_REPLY_H
#define GYRE_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLY_LINE_MAX = 200, REPLY_DEPTH_MAX = 16 };

/* What a reply was, apart from its content. */
struct reply {
    char kind;      /* its first byte, as sent: + - : $ * _ # , ( ! = ~ % */
    bool error;     /* it is an error, or has one in it (as EXEC's) */
    bool wrong;     /* a value in it was not the expected one (see reply_expect) */
    uint32_t nulls; /* how many nulls it is or holds */
    int64_t number; /* of a ':' reply; else a bulk string's length, an aggregate's count of elements */
};

/* The values that a reply's bulk strings should begin to be equal to, whatever their lengths. */
struct reply_expected {
    const char *const *values; /* each with `room` bytes behind it */
    unsigned count;
    size_t room;
};

struct reply_parser {
    struct reply reply;
    struct reply_expected expected;
    unsigned expected_at;
    const char *compare; /* where the open bulk string is to go on being compared, or NULL */
    uint64_t bulk_left;  /* of the open bulk string, with its line end */
    bool keep_values; /* set by the owner: the text of a bulk string that is a whole reply is kept as well */
    bool in_bulk, keep_bulk, failed;
    uint8_t depth;   /* aggregates that are open */
    uint32_t silent; /* a bit each: it is no element of what is around it (attributes, push messages) */
    uint64_t left[REPLY_DEPTH_MAX];
    uint16_t line_len, text_len;
    char line[REPLY_LINE_MAX];     /* an unfinished line, cut at this length */
    char text[REPLY_LINE_MAX + 1]; /* of the reply's first error, without its kind; NUL-terminated */
};

void reply_start(struct reply_parser *p);
/* The values that the reply that comes next is compared with; they stay valid until it has ended. */
static inline void reply_expect(struct reply_parser *p, struct reply_expected expected) {
    p->expected = expected;
}

/* Takes bytes up to the end of one reply. Returns how many it took; *done says whether the reply has ended:
 * p->reply is it then, and p->text its text if it is an error. With *done false all n were taken, or the
 * parser has failed. */
size_t reply_feed(struct reply_parser *p, const char *bytes, size_t n, bool *done);

#endif

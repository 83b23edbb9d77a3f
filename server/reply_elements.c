/* reply_elements.c: see reply_elements.h.
 *
 * Nearly all elements are short strings and small integers. Their replies begin with one of a few dozen
 * headers, which are kept ready as words of eight bytes, and are so short that copying them by words beats
 * memcpy. Everything else goes the way of all replies.
 */
#include "server/reply_elements.h"

#include "shard/type/element.h"

enum {
    SHORT_MAX = 64,     /* the first length of a string that is not short */
    SPACE_SHORT = 80,   /* at least what the reply of a short string takes */
    CHUNK_OF_SHORT = 8, /* bytes copied at a time */
};

/* "$<n>\r\n" for n below SHORT_MAX, filled up with anything. */
struct bulk_header {
    char text[CHUNK_OF_SHORT];
};
#define HEADER_1(n)                                                                                          \
    {                                                                                                        \
        { '$', '0' + (n), '\r', '\n' }                                                                       \
    }
#define HEADER_2(n)                                                                                          \
    {                                                                                                        \
        { '$', '0' + (n) / 10, '0' + (n) % 10, '\r', '\n' }                                                  \
    }
#define HEADERS_10(t)                                                                                        \
    HEADER_2(t), HEADER_2((t) + 1), HEADER_2((t) + 2), HEADER_2((t) + 3), HEADER_2((t) + 4),                 \
        HEADER_2((t) + 5), HEADER_2((t) + 6), HEADER_2((t) + 7), HEADER_2((t) + 8), HEADER_2((t) + 9)
static const struct bulk_header headers[SHORT_MAX] = {
    HEADER_1(0),    HEADER_1(1),    HEADER_1(2),    HEADER_1(3),    HEADER_1(4),
    HEADER_1(5),    HEADER_1(6),    HEADER_1(7),    HEADER_1(8),    HEADER_1(9),
    HEADERS_10(10), HEADERS_10(20), HEADERS_10(30), HEADERS_10(40), HEADERS_10(50),
    HEADER_2(60),   HEADER_2(61),   HEADER_2(62),   HEADER_2(63)};

/* n bytes, below SHORT_MAX; neither reads nor writes any others. */
static inline void copy_short(char *to, const char *from, size_t n) {
    size_t whole = n & ~(size_t)(CHUNK_OF_SHORT - 1);
    for (size_t i = 0; i < whole; i += CHUNK_OF_SHORT) memcpy(to + i, from + i, CHUNK_OF_SHORT);
    if (n & 4) memcpy(to + whole, from + whole, 4);
    whole += n & 4;
    if (n & 2) memcpy(to + whole, from + whole, 2);
    whole += n & 2;
    if (n & 1) to[whole] = from[whole];
}

static inline char *write_short(char *p, const char *data, size_t len) {
    memcpy(p, &headers[len], CHUNK_OF_SHORT);
    p += len < 10 ? 4 : 5;
    copy_short(p, data, len);
    p += len;
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

static void write_one(struct reply *r, const unsigned char *at) {
    struct packed_value v = element_get(at);
    if (v.data)
        reply_bulk(r, v.data, v.len);
    else
        reply_bulk_int(r, v.integer);
}

const unsigned char *reply_elements(struct reply *r, const unsigned char *at, size_t count) {
    while (count > 0) {
        size_t room = 0;
        char *start = r->mute ? NULL : reply_space(r, SPACE_SHORT, &room), *p = start;
        for (const char *last = start + room; count > 0 && last - p >= SPACE_SHORT; count--) {
            if (LIKELY((*at & 0xc0) == 0x80)) {
                p = write_short(p, (const char *)at + 1, *at & 63);
            } else if (!element_is_long_string(at)) {
                char digits[TEXT_I64_MAX];
                p = write_short(p, digits, text_from_i64(digits, element_int(at)));
            } else {
                break;
            }
            at += element_bytes(at);
        }
        if (start) reply_wrote(r, (size_t)(p - start));
        if (count > 0 && (r->mute || element_is_long_string(at))) {
            write_one(r, at);
            at += element_bytes(at);
            count--;
        }
    }
    return at;
}

/* resp.c: the two parsers of resp.h.
 *
 * The partial is a machine of four states:
 *
 *      LINE ----'*n'----> HEADER --'$n'--> BULK --n bytes, CRLF--> HEADER ... until n arguments --> complete
 *        \---inline-----------------------------------------------------------------------------> complete
 *
 * Like redis-server it takes the byte after a CR for the LF without looking, and skips the two bytes behind
 * a bulk.
 */
#include "server/resp.h"

#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum state { STATE_LINE, STATE_HEADER, STATE_BULK, STATE_COMPLETE };
enum { BULK_TAIL = 2, PARTS_AT_FIRST = 8 };

/* An argument collected so far: a stretch of `bytes`, or a blob. */
struct part {
    size_t offset, len;
    struct blob *blob;
};

struct resp_partial {
    enum state state;
    bool is_array;     /* STATE_LINE: the line began with '*' */
    bool line_has_cr;  /* the CR has come, one more byte ends the line */
    struct buf line;   /* the length line or inline command so far */
    int64_t args_left; /* arguments still to come */
    size_t bulk_left;  /* bytes of the present bulk still to come, its CRLF included */
    struct buf bytes;  /* small arguments, one after the other */
    struct part *parts;
    unsigned count, capacity;
    struct arg *argv; /* made when complete */
    unsigned argc;
    /* Per argument; NULL when none is in a blob. A handler that keeps one takes its own reference. */
    struct blob **blobs;
    bool has_blobs;
    char error[96];
};

/* Decimal digits up to a CR. Plain only: no sign, no leading zero unless alone, fewer than ten digits. */
static inline const char *plain_number(const char *p, const char *end, uint32_t *value) {
    uint32_t n = 0;
    const char *start = p;
    while (p < end && (unsigned char)(*p - '0') <= 9) n = n * 10 + (uint32_t)(*p++ - '0');
    if (UNLIKELY(p == start || p - start > 9 || (*start == '0' && p - start > 1))) return NULL;
    if (UNLIKELY(end - p < 2 || *p != '\r')) return NULL;
    *value = n;
    return p + 2;
}

size_t resp_parse(const char *data, size_t len, struct arg *argv, unsigned argv_max, unsigned *argc) {
    const char *p = data, *end = data + len;
    uint32_t count, size;
    if (len < 4 || *p != '*') return 0;
    p = plain_number(p + 1, end, &count);
    if (UNLIKELY(!p || count == 0 || count > argv_max)) return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (UNLIKELY(p >= end || *p != '$')) return 0;
        p = plain_number(p + 1, end, &size);
        if (UNLIKELY(!p || (size_t)(end - p) < (size_t)size + BULK_TAIL)) return 0;
        argv[i] = (struct arg){(char *)p, size};
        p += size + BULK_TAIL;
    }
    *argc = count;
    return (size_t)(p - data);
}

struct resp_partial *resp_partial_new(void) {
    return mem_zalloc(sizeof(struct resp_partial));
}

static void drop_parts(struct resp_partial *p) {
    for (unsigned i = 0; i < p->count; i++)
        if (p->parts[i].blob) blob_unref(p->parts[i].blob);
    p->count = 0;
    for (unsigned i = 0; p->blobs && i < p->argc; i++)
        if (p->blobs[i]) blob_unref(p->blobs[i]);
}

void resp_partial_free(struct resp_partial *p) {
    if (!p) return;
    drop_parts(p);
    buf_free(&p->line);
    buf_free(&p->bytes);
    mem_free(p->parts);
    mem_free(p->argv);
    mem_free(p->blobs);
    mem_free(p);
}

void resp_partial_reset(struct resp_partial *p) {
    drop_parts(p);
    buf_free(&p->line);
    buf_free(&p->bytes);
    mem_free(p->parts);
    mem_free(p->argv);
    mem_free(p->blobs);
    *p = (struct resp_partial){.state = STATE_LINE};
}

static struct part *add_part(struct resp_partial *p) {
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : PARTS_AT_FIRST;
        p->parts = mem_realloc(p->parts, p->capacity * sizeof *p->parts);
    }
    struct part *part = &p->parts[p->count++];
    *part = (struct part){.offset = p->bytes.len};
    return part;
}

static enum resp_result fail(struct resp_partial *p, const char *what) {
    snprintf(p->error, sizeof p->error, "Protocol error: %s", what);
    return RESP_BAD;
}

/* Turns the parts into arguments. The bytes no longer move from here on. */
static enum resp_result complete(struct resp_partial *p) {
    unsigned n = p->count;
    p->state = STATE_COMPLETE;
    p->argv = mem_alloc(n * sizeof *p->argv);
    p->argc = n;
    if (p->has_blobs) p->blobs = mem_zalloc(n * sizeof(struct blob *));
    for (unsigned i = 0; i < n; i++) {
        struct part *part = &p->parts[i];
        char *data = (char *)""; /* where only empty arguments came, there is no buffer to point into */
        if (part->blob) data = part->blob->data;
        if (!part->blob && part->len) data = p->bytes.data + part->offset;
        p->argv[i] = (struct arg){data, part->len};
        if (part->blob) p->blobs[i] = part->blob;
    }
    p->count = 0; /* the blobs are held by p->blobs now */
    return RESP_COMMAND;
}

static enum resp_result finish_inline(struct resp_partial *p) {
    struct text_word *words;
    if (p->line.len && p->line.data[p->line.len - 1] == '\r') p->line.len--;
    int n = text_split(p->line.data ? p->line.data : "", p->line.len, &words);
    if (n < 0) return fail(p, "unbalanced quotes in request");
    if (n == 0) {
        mem_free(words);
        resp_partial_reset(p);
        return RESP_NOTHING;
    }
    for (int i = 0; i < n; i++) {
        struct part *part = add_part(p);
        part->len = words[i].len;
        buf_append(&p->bytes, words[i].data, words[i].len);
    }
    mem_free(words);
    return complete(p);
}

static enum resp_result finish_array_line(struct resp_partial *p, const struct resp_limits *limits) {
    int64_t n;
    if (!text_to_i64(p->line.data ? p->line.data : "", p->line.len, &n) || n > INT_MAX)
        return fail(p, "invalid multibulk length");
    if (n > RESP_UNAUTHENTICATED_ARGS_MAX && !limits->authenticated)
        return fail(p, "unauthenticated multibulk length");
    if (n <= 0) {
        resp_partial_reset(p);
        return RESP_NOTHING;
    }
    buf_clear(&p->line);
    p->args_left = n;
    p->state = STATE_HEADER;
    p->is_array = false;
    return RESP_MORE;
}

static enum resp_result finish_header(struct resp_partial *p, const struct resp_limits *limits) {
    int64_t n;
    if (!text_to_i64(p->line.data + 1, p->line.len - 1, &n) || n < 0 || n > limits->bulk_max)
        return fail(p, "invalid bulk length");
    if (n > RESP_UNAUTHENTICATED_BULK_MAX && !limits->authenticated)
        return fail(p, "unauthenticated bulk length");
    buf_clear(&p->line);
    struct part *part = add_part(p);
    part->len = (size_t)n;
    if (n >= RESP_BLOB_MIN) {
        part->blob = blob_new((size_t)n);
        p->has_blobs = true;
    }
    p->bulk_left = (size_t)n + BULK_TAIL;
    p->state = STATE_BULK;
    return RESP_MORE;
}

/* Collects an inline command's line; it ends with LF. */
static enum resp_result feed_inline(struct resp_partial *p, const char *data, size_t len, size_t *used) {
    const char *newline = memchr(data, '\n', len);
    size_t n = newline ? (size_t)(newline - data) : len;
    *used = newline ? n + 1 : n;
    /* As in Redis the limit is for a line whose end has not come: at most one buffer's worth goes beyond
     * it. */
    if (!newline && p->line.len + n > RESP_LINE_MAX) return fail(p, "too big inline request");
    if (memchr(data, 0, n)) return fail(p, "zero byte in inline request");
    buf_append(&p->line, data, n);
    return newline ? finish_inline(p) : RESP_MORE;
}

/* Collects a length line; it ends with CR and one more byte. True once it is complete. `before` is how many
 * bytes of the line are not in p->line. *too_long as for inline commands. */
static bool feed_length_line(struct resp_partial *p, const char *data, size_t len, size_t before,
                             bool *too_long, size_t *used) {
    if (p->line_has_cr) {
        p->line_has_cr = false;
        *used = 1;
        return true;
    }
    const char *cr = memchr(data, '\r', len);
    size_t n = cr ? (size_t)(cr - data) : len;
    *used = cr ? n + 1 : n;
    *too_long = !cr && p->line.len + n + before > RESP_LINE_MAX;
    if (!*too_long) buf_append(&p->line, data, n);
    p->line_has_cr = cr != NULL;
    return false;
}

static enum resp_result feed_header(struct resp_partial *p, const char *data, size_t len,
                                    const struct resp_limits *limits, size_t *used) {
    if (p->line.len == 0 && !p->line_has_cr && *data != '$') {
        char what[32];
        snprintf(what, sizeof what, *data ? "expected '$', got '%c'" : "expected '$', got a zero byte",
                 *data);
        return fail(p, what);
    }
    bool too_long = false, done = feed_length_line(p, data, len, 0, &too_long, used);
    if (too_long) return fail(p, "too big bulk count string");
    return done ? finish_header(p, limits) : RESP_MORE;
}

static enum resp_result feed_bulk(struct resp_partial *p, const char *data, size_t len, size_t *used) {
    size_t content = p->bulk_left > BULK_TAIL ? p->bulk_left - BULK_TAIL : 0;
    size_t n = len < content ? len : content;
    struct part *part = &p->parts[p->count - 1];
    if (part->blob) {
        memcpy(part->blob->data + part->blob->len, data, n);
        part->blob->len += n;
    } else if (n) {
        buf_append(&p->bytes, data, n);
    }
    size_t tail = len - n < p->bulk_left - n ? len - n : p->bulk_left - n;
    if (n < content) tail = 0;
    *used = n + tail;
    p->bulk_left -= n + tail;
    if (p->bulk_left) return RESP_MORE;
    p->state = STATE_HEADER;
    return --p->args_left ? RESP_MORE : complete(p);
}

static enum resp_result feed_line(struct resp_partial *p, const char *data, size_t len,
                                  const struct resp_limits *limits, size_t *used) {
    if (!p->is_array && p->line.len == 0 && *data == '*') {
        p->is_array = true;
        *used = 1;
        return RESP_MORE;
    }
    if (!p->is_array) return feed_inline(p, data, len, used);
    bool too_long = false, done = feed_length_line(p, data, len, 1, &too_long, used);
    if (too_long) return fail(p, "too big mbulk count string");
    return done ? finish_array_line(p, limits) : RESP_MORE;
}

enum resp_result resp_feed(struct resp_partial *p, const char *data, size_t len,
                           const struct resp_limits *limits, size_t *used) {
    ASSERT(p->state != STATE_COMPLETE);
    *used = 0;
    while (*used < len) {
        size_t step = 0;
        enum resp_result result;
        const char *at = data + *used;
        size_t left = len - *used;
        if (p->state == STATE_BULK)
            result = feed_bulk(p, at, left, &step);
        else if (p->state == STATE_HEADER)
            result = feed_header(p, at, left, limits, &step);
        else
            result = feed_line(p, at, left, limits, &step);
        *used += step;
        if (result != RESP_MORE) return result;
    }
    return RESP_MORE;
}

struct resp_partial *resp_partial_copy(const struct arg *argv, unsigned argc) {
    struct resp_partial *p = resp_partial_new();
    for (unsigned i = 0; i < argc; i++) {
        struct part *part = add_part(p);
        part->len = argv[i].len;
        buf_append(&p->bytes, argv[i].data, argv[i].len);
    }
    complete(p);
    return p;
}

struct arg *resp_argv(struct resp_partial *p, unsigned *argc) {
    ASSERT(p->state == STATE_COMPLETE && p->argv);
    *argc = p->argc;
    return p->argv;
}

struct blob **resp_blobs(struct resp_partial *p) {
    return p->blobs;
}

const char *resp_error(const struct resp_partial *p) {
    return p->error;
}

size_t resp_partial_bytes(const struct resp_partial *p) {
    if (!p) return 0;
    size_t bytes = mem_size(p) + p->line.cap + p->bytes.cap + p->capacity * sizeof *p->parts;
    for (unsigned i = 0; i < p->count; i++)
        if (p->parts[i].blob) bytes += p->parts[i].len;
    for (unsigned i = 0; p->blobs && i < p->argc; i++)
        if (p->blobs[i]) bytes += p->blobs[i]->len;
    return bytes;
}

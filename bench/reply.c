/* reply.c: see reply.h. */
#include "bench/reply.h"

#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <string.h>

static const int64_t LENGTH_MAX = INT64_C(1) << 32; /* of a bulk string, and elements of an aggregate */

void reply_start(struct reply_parser *p) {
    memset(p, 0, sizeof *p);
}

/* Whether what is read now belongs to a reply. */
static bool heard(const struct reply_parser *p) {
    return p->silent == 0;
}

/* A value has ended: it may be the last of what is around it. True when the reply is complete. */
static bool end_value(struct reply_parser *p) {
    while (p->depth > 0) {
        ASSERT(p->left[p->depth - 1] > 0);
        if (--p->left[p->depth - 1] > 0) return false;
        p->depth--;
        const uint32_t bit = UINT32_C(1) << p->depth;
        if (p->silent & bit) {
            p->silent &= ~bit;
            return false;
        }
    }
    p->expected.count = 0;
    p->expected_at = 0;
    return true;
}

static void keep_text(struct reply_parser *p, const char *text, size_t len) {
    if (len > REPLY_LINE_MAX - (size_t)p->text_len) len = REPLY_LINE_MAX - (size_t)p->text_len;
    memcpy(p->text + p->text_len, text, len);
    p->text_len += (uint16_t)len;
    p->text[p->text_len] = 0;
}

/* True when the value that begins in this line is the reply itself and not a part of it. */
static bool at_top(const struct reply_parser *p) {
    return p->depth == 0;
}

static bool fail(struct reply_parser *p) {
    p->failed = true;
    return false;
}

static bool take_null(struct reply_parser *p) {
    if (heard(p)) p->reply.nulls++;
    p->expected_at++;
    return end_value(p);
}

static bool open_bulk(struct reply_parser *p, char kind, int64_t len) {
    if (len == -1) return take_null(p);
    if (len < 0 || len > LENGTH_MAX) return fail(p);
    p->in_bulk = true;
    p->bulk_left = (uint64_t)len + 2;
    p->compare = NULL;
    const bool new_error = kind == '!' && heard(p) && !p->reply.error;
    if (new_error) p->reply.error = true;
    p->keep_bulk = new_error || (p->keep_values && at_top(p));
    if (kind == '$' && heard(p) && p->expected_at < p->expected.count) {
        p->compare = p->expected.values[p->expected_at++];
        if ((uint64_t)len > p->expected.room) {
            p->reply.wrong = true;
            p->compare = NULL;
        }
    }
    return false;
}

static bool open_aggregate(struct reply_parser *p, char kind, int64_t count) {
    const bool silent = kind == '|' || kind == '>';
    if (count == -1) return take_null(p);
    if (count < 0 || count > LENGTH_MAX || p->depth == REPLY_DEPTH_MAX) return fail(p);
    if (kind == '%' || kind == '|') count *= 2;
    if (count == 0) return silent ? false : end_value(p);
    p->left[p->depth] = (uint64_t)count;
    if (silent) p->silent |= UINT32_C(1) << p->depth;
    p->depth++;
    return false;
}

/* One line without its end. True when it completes a reply. */
static bool take_line(struct reply_parser *p, const char *line, size_t len) {
    if (len == 0) return fail(p);
    const char kind = line[0];
    int64_t number = 0;
    const bool numbered = kind != 0 && strchr("$*:%~=!|>", kind);
    if (numbered && !text_to_i64(line + 1, len - 1, &number)) return fail(p);
    if (at_top(p) && kind != '|' && kind != '>') {
        p->reply = (struct reply){.kind = kind, .number = number};
        p->text_len = 0;
        p->text[0] = 0;
    }
    switch (kind) {
    case '-':
        if (heard(p) && !p->reply.error) {
            p->reply.error = true;
            keep_text(p, line + 1, len - 1);
        }
        return end_value(p);
    case '+':
    case ':':
    case '#':
    case ',':
    case '(': return end_value(p);
    case '_': return take_null(p);
    case '$':
    case '=':
    case '!': return open_bulk(p, kind, number);
    case '*':
    case '~':
    case '%':
    case '|':
    case '>': return open_aggregate(p, kind, number);
    default: return fail(p);
    }
}

/* Bytes of the open bulk string. Returns how many were taken. */
static size_t take_bulk(struct reply_parser *p, const char *bytes, size_t n) {
    const size_t take = n < p->bulk_left ? n : (size_t)p->bulk_left;
    size_t content = p->bulk_left > 2 ? (size_t)p->bulk_left - 2 : 0;
    if (content > take) content = take;
    if (p->compare && content) {
        if (memcmp(p->compare, bytes, content) != 0) p->reply.wrong = true;
        p->compare += content;
    }
    if (p->keep_bulk) keep_text(p, bytes, content);
    /* What follows the content is the line end, or the string was longer than it said. */
    for (size_t i = content; i < take; i++) {
        if (bytes[i] != (p->bulk_left - i == 2 ? '\r' : '\n')) p->failed = true;
    }
    p->bulk_left -= take;
    p->in_bulk = p->bulk_left > 0;
    return take;
}

/* Keeps what has come of a line, cut where only the end of a text is lost. */
static void keep_line(struct reply_parser *p, const char *bytes, size_t n) {
    if (n > REPLY_LINE_MAX - (size_t)p->line_len) n = REPLY_LINE_MAX - (size_t)p->line_len;
    memcpy(p->line + p->line_len, bytes, n);
    p->line_len += (uint16_t)n;
}

/* The line that ends with the line feed at `end`; what came of it before is in p->line. */
static bool end_line(struct reply_parser *p, const char *begin, const char *end) {
    const char *line = begin;
    size_t len = (size_t)(end - begin);
    if (p->line_len) {
        keep_line(p, begin, len);
        line = p->line;
        len = p->line_len;
        p->line_len = 0;
    }
    const bool cut = line == p->line && len == REPLY_LINE_MAX;
    if (len && line[len - 1] == '\r')
        len--;
    else if (!cut)
        return fail(p);
    return take_line(p, line, len);
}

size_t reply_feed(struct reply_parser *p, const char *bytes, size_t n, bool *done) {
    size_t at = 0;
    *done = false;
    while (at < n && !p->failed) {
        if (p->in_bulk) {
            at += take_bulk(p, bytes + at, n - at);
            if (!p->in_bulk && !p->failed) *done = end_value(p);
        } else {
            const char *end = memchr(bytes + at, '\n', n - at);
            if (!end) {
                keep_line(p, bytes + at, n - at);
                return n;
            }
            *done = end_line(p, bytes + at, end);
            at = (size_t)(end - bytes) + 1;
        }
        if (*done) return at;
    }
    return at;
}

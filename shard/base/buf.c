/* buf.c: a growable run of bytes.
 *
 * Capacity doubles, so appending n bytes one by one costs O(n) in all, and it always leaves room for the NUL
 * that lets `data` be used as a C string. buf_consume moves the rest down: it is meant for small remainders,
 * not as a queue.
 */
#include "shard/base/buf.h"

#include <stdio.h>
#include <string.h>

#include "shard/base/assert.h"
#include "shard/base/mem.h"

enum { BUF_CAP_MIN = 64 };

void buf_free(struct buf *b) {
    if (b->passing)
        mem_passing_free(b->data);
    else
        mem_free(b->data);
    *b = (struct buf){.passing = b->passing};
}

void buf_clear(struct buf *b) {
    b->len = 0;
    if (b->data != NULL) b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t more) {
    ASSERT(b->len <= b->cap);
    ASSERT(more < SIZE_MAX / 4 && b->len < SIZE_MAX / 4); /* so that neither sum nor doubling wraps */
    size_t need = b->len + more + 1;
    if (need > b->cap) {
        size_t cap = b->cap * 2 > need ? b->cap * 2 : need;
        if (cap < BUF_CAP_MIN) cap = BUF_CAP_MIN;
        b->data = b->passing ? mem_passing_realloc(b->data, cap) : mem_realloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_append(struct buf *b, const void *bytes, size_t n) {
    char *at = buf_reserve(b, n);
    if (n > 0) memcpy(at, bytes, n);
    at[n] = '\0';
    b->len += n;
}

void buf_append_text(struct buf *b, const char *text) {
    buf_append(b, text, strlen(text));
}

void buf_append_char(struct buf *b, char c) {
    char *at = buf_reserve(b, 1);
    at[0] = c;
    at[1] = '\0';
    b->len++;
}

void buf_vprintf(struct buf *b, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    /* Most pieces fit where there is room already; only a longer one is formatted twice. */
    buf_reserve(b, BUF_CAP_MIN - 1);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->data + b->len, room, format, args);
    ASSERT(n >= 0);
    if ((size_t)n >= room) {
        buf_reserve(b, (size_t)n);
        n = vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        ASSERT(n >= 0 && b->len + (size_t)n < b->cap);
    }
    va_end(again);
    b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t n) {
    ASSERT(n <= b->len);
    if (n == 0) return;
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

/* The letter that follows the backslash for a byte with a short escape, 0 for the others. */
static char escape_letter(unsigned char c) {
    switch (c) {
    case '\\':
    case '"': return (char)c;
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\a': return 'a';
    case '\b': return 'b';
    default: return 0;
    }
}

void buf_append_quoted(struct buf *b, const void *bytes, size_t n) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    ASSERT(n < SIZE_MAX / 16);
    buf_append_char(b, '"');
    for (size_t i = 0; i < n; i++) {
        char letter = escape_letter(p[i]);
        if (letter != 0) {
            buf_append(b, (char[]){'\\', letter}, 2);
        } else if (p[i] >= 0x20 && p[i] < 0x7f) {
            buf_append_char(b, (char)p[i]);
        } else {
            buf_append(b, (char[]){'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15]}, 4);
        }
    }
    buf_append_char(b, '"');
}

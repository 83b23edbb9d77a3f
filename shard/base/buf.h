/* buf.h: a growable run of bytes, for texts built piece by piece (INFO, CLIENT LIST, config files, messages).
 *
 * Zero-initialised is empty. `data` is always NUL-terminated once anything was appended; len does not count
 * it. Owned by one thread at a time.
 */
#ifndef GYRE_BASE_BUF_H
#define GYRE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len, cap;
    bool passing; /* its memory is mem_passing_alloc's; stays as it is until the end */
};

void buf_free(struct buf *b);
void buf_clear(struct buf *b);
/* Makes room for `more` bytes beyond len and returns where they go; the caller then adds to len. */
char *buf_reserve(struct buf *b, size_t more);
void buf_append(struct buf *b, const void *bytes, size_t n);
void buf_append_text(struct buf *b, const char *text);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Appends a quoted, escaped form: "a\x00b\n", as redis-cli, MONITOR and CONFIG REWRITE write it. */
void buf_append_quoted(struct buf *b, const void *bytes, size_t n);

#endif

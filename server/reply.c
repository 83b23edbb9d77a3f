/* reply.c: how each kind of reply is written in RESP2 and RESP3: see reply.h. */
#include "server/reply.h"

#include "server/reply_chunk.h"
#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MARK_ROOM = 32, HEADER_MAX = 32 };

void reply_init(struct reply *r, struct reply_pool *pool) {
    *r = (struct reply){.pool = pool, .protocol = 2};
}

/* ---- chunks ---- */

static struct reply_chunk *new_chunk(struct reply_pool *pool) {
    struct reply_chunk *c = pool->free;
    if (LIKELY(c != NULL)) {
        pool->free = c->next;
        pool->count--;
    } else {
        c = mem_alloc(REPLY_CHUNK_BYTES);
        c->data = c->room;
        c->blob = NULL;
        c->pooled = true;
    }
    c->next = NULL;
    c->len = 0;
    c->cap = REPLY_CHUNK_BYTES - sizeof *c;
    return c;
}

static struct reply_chunk *new_chunk_of(size_t cap) {
    struct reply_chunk *c = mem_alloc(sizeof *c + cap);
    *c = (struct reply_chunk){.data = c->room, .cap = cap};
    return c;
}

struct reply_chunk *reply_chunk_free(struct reply_pool *pool, struct reply_chunk *c) {
    struct reply_chunk *next = c->next;
    if (LIKELY(c->pooled && pool->count < REPLY_POOL_MAX)) {
        c->next = pool->free;
        pool->free = c;
        pool->count++;
        return next;
    }
    if (c->blob) blob_unref(c->blob);
    mem_free(c);
    return next;
}

void reply_pool_empty(struct reply_pool *pool) {
    while (pool->free) {
        struct reply_chunk *next = pool->free->next;
        mem_free(pool->free);
        pool->free = next;
    }
    pool->count = 0;
}

static void push_chunk(struct reply *r, struct reply_chunk *c) {
    if (r->last)
        r->last->next = c;
    else
        r->first = c;
    r->last = c;
}

struct reply_chunk *reply_take(struct reply *r, size_t *bytes) {
    struct reply_chunk *first = r->first;
    *bytes = r->bytes;
    r->first = r->last = NULL;
    r->bytes = 0;
    return first;
}

void reply_clear(struct reply *r) {
    while (r->first) r->first = reply_chunk_free(r->pool, r->first);
    r->last = NULL;
    r->bytes = 0;
}

void reply_move(struct reply *to, struct reply *from) {
    if (to->mute || !from->first) {
        reply_clear(from);
        return;
    }
    if (to->last) {
        to->last->cap = to->last->len;
        to->last->next = from->first;
    } else {
        to->first = from->first;
    }
    to->last = from->last;
    to->bytes += from->bytes;
    from->first = from->last = NULL;
    from->bytes = 0;
}

/* Where n <= HEADER_MAX or otherwise small bytes can be written in one piece; the caller adds to len by
 * written(). */
static inline char *room_for(struct reply *r, size_t n) {
    struct reply_chunk *c = r->last;
    if (UNLIKELY(!c || c->cap - c->len < n)) {
        if (c) c->cap = c->len;
        c = new_chunk(r->pool);
        push_chunk(r, c);
    }
    return c->room + c->len;
}

static inline void written(struct reply *r, size_t n) {
    r->last->len += n;
    r->bytes += n;
}

void reply_raw(struct reply *r, const void *bytes, size_t n) {
    const char *from = bytes;
    if (UNLIKELY(r->mute)) return;
    while (n) {
        struct reply_chunk *c = r->last;
        size_t room = c ? c->cap - c->len : 0;
        if (room == 0) {
            if (n > REPLY_CHUNK_BYTES / 2) {
                c = new_chunk_of(n);
                push_chunk(r, c);
            } else {
                room_for(r, 1);
            }
            continue;
        }
        size_t step = n < room ? n : room;
        memcpy(c->room + c->len, from, step);
        written(r, step);
        from += step;
        n -= step;
    }
}

char *reply_space(struct reply *r, size_t n, size_t *room) {
    ASSERT(!r->mute && n <= REPLY_SPACE_MAX);
    char *start = room_for(r, n);
    *room = r->last->cap - r->last->len;
    return start;
}

void reply_wrote(struct reply *r, size_t n) {
    ASSERT(r->last && n <= r->last->cap - r->last->len);
    written(r, n);
}

/* ---- headers ---- */

/* "<kind><n>\r\n" */
static void header(struct reply *r, char kind, int64_t n) {
    if (UNLIKELY(r->mute)) return;
    char *start = room_for(r, HEADER_MAX), *p = start;
    *p++ = kind;
    if (LIKELY(n >= 0 && n < 10))
        *p++ = (char)('0' + n);
    else
        p += text_from_i64(p, n);
    *p++ = '\r';
    *p++ = '\n';
    written(r, (size_t)(p - start));
}

void reply_simple(struct reply *r, const char *text) {
    reply_raw(r, "+", 1);
    reply_raw(r, text, strlen(text));
    reply_raw(r, "\r\n", 2);
}

void reply_ok(struct reply *r) {
    reply_raw(r, "+OK\r\n", 5);
}

void reply_int(struct reply *r, int64_t n) {
    header(r, ':', n);
}

void reply_bulk(struct reply *r, const void *bytes, size_t n) {
    if (UNLIKELY(r->mute)) return;
    if (LIKELY(n <= 512)) {
        char *start = room_for(r, n + HEADER_MAX), *p = start;
        *p++ = '$';
        if (n < 10) {
            *p++ = (char)('0' + n);
        } else if (n < 100) {
            *p++ = (char)('0' + n / 10);
            *p++ = (char)('0' + n % 10);
        } else {
            p += text_from_u64(p, n);
        }
        *p++ = '\r';
        *p++ = '\n';
        memcpy(p, bytes, n);
        p += n;
        *p++ = '\r';
        *p++ = '\n';
        written(r, (size_t)(p - start));
        return;
    }
    header(r, '$', (int64_t)n);
    reply_raw(r, bytes, n);
    reply_raw(r, "\r\n", 2);
}

void reply_bulk_text(struct reply *r, const char *text) {
    reply_bulk(r, text, strlen(text));
}

void reply_bulk_printf(struct reply *r, const char *format, ...) {
    struct buf b = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&b, format, args);
    va_end(args);
    reply_bulk(r, b.data ? b.data : "", b.len);
    buf_free(&b);
}

void reply_bulk_int(struct reply *r, int64_t n) {
    char digits[TEXT_I64_MAX];
    reply_bulk(r, digits, text_from_i64(digits, n));
}

void reply_bulk_blob(struct reply *r, struct blob *blob, size_t from, size_t n) {
    ASSERT(from + n <= blob->len);
    if (r->mute) return;
    if (n < REPLY_BLOB_MIN) {
        reply_bulk(r, blob->data + from, n);
        return;
    }
    header(r, '$', (int64_t)n);
    struct reply_chunk *before = r->last, *c = mem_alloc(sizeof *c);
    *c = (struct reply_chunk){.blob = blob_ref(blob), .data = blob->data + from, .len = n, .cap = n};
    before->cap = before->len;
    push_chunk(r, c);
    r->bytes += n;
    reply_raw(r, "\r\n", 2);
}

void reply_null(struct reply *r) {
    if (r->protocol == 2)
        reply_raw(r, "$-1\r\n", 5);
    else
        reply_raw(r, "_\r\n", 3);
}

void reply_null_array(struct reply *r) {
    if (r->protocol == 2)
        reply_raw(r, "*-1\r\n", 5);
    else
        reply_raw(r, "_\r\n", 3);
}

void reply_bool(struct reply *r, bool value) {
    if (r->protocol == 2)
        reply_raw(r, value ? ":1\r\n" : ":0\r\n", 4);
    else
        reply_raw(r, value ? "#t\r\n" : "#f\r\n", 4);
}

void reply_double(struct reply *r, double value) {
    char text[TEXT_DOUBLE_MAX];
    size_t n = text_from_double(text, sizeof text, value);
    if (r->protocol == 2) {
        reply_bulk(r, text, n);
        return;
    }
    reply_raw(r, ",", 1);
    reply_raw(r, text, n);
    reply_raw(r, "\r\n", 2);
}

void reply_array(struct reply *r, size_t n) {
    header(r, '*', (int64_t)n);
}

void reply_map(struct reply *r, size_t pairs) {
    if (r->protocol == 2)
        header(r, '*', (int64_t)(pairs * 2));
    else
        header(r, '%', (int64_t)pairs);
}

void reply_set(struct reply *r, size_t n) {
    header(r, r->protocol == 2 ? '*' : '~', (int64_t)n);
}

void reply_push(struct reply *r, size_t n) {
    header(r, r->protocol == 2 ? '*' : '>', (int64_t)n);
}

void reply_attribute(struct reply *r, size_t pairs) {
    ASSERT(r->protocol == 3);
    header(r, '|', (int64_t)pairs);
}

void reply_verbatim(struct reply *r, const char *format3, const void *bytes, size_t n) {
    ASSERT(strlen(format3) == 3);
    if (r->protocol == 2) {
        reply_bulk(r, bytes, n);
        return;
    }
    header(r, '=', (int64_t)n + 4);
    reply_raw(r, format3, 3);
    reply_raw(r, ":", 1);
    reply_raw(r, bytes, n);
    reply_raw(r, "\r\n", 2);
}

void reply_help(struct reply *r, const char *command, const char *const *lines) {
    size_t n = 0;
    char first[128];
    while (lines[n]) n++;
    snprintf(first, sizeof first, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", command);
    for (char *p = first; *p && *p != ' '; p++)
        if (*p >= 'a' && *p <= 'z') *p -= 'a' - 'A';
    reply_array(r, n + 3);
    reply_simple(r, first);
    for (size_t i = 0; i < n; i++) reply_simple(r, lines[i]);
    reply_simple(r, "HELP");
    reply_simple(r, "    Prints this help.");
}

/* ---- errors ---- */

void reply_error(struct reply *r, const char *text) {
    size_t n = strlen(text), word = strcspn(text, " ");
    r->errors++;
    if (word >= sizeof r->error_word) word = sizeof r->error_word - 1;
    memcpy(r->error_word, text, word);
    r->error_word[word] = 0;
    if (r->mute) return;
    reply_raw(r, "-", 1);
    while (n) {
        size_t plain = strcspn(text, "\r\n");
        reply_raw(r, text, plain);
        text += plain;
        n -= plain;
        if (n) {
            reply_raw(r, " ", 1);
            text++;
            n--;
        }
    }
    reply_raw(r, "\r\n", 2);
}

void reply_errorf(struct reply *r, const char *format, ...) {
    struct buf b = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&b, format, args);
    va_end(args);
    while (b.len && (b.data[b.len - 1] == '\r' || b.data[b.len - 1] == '\n')) b.data[--b.len] = 0;
    reply_error(r, b.data ? b.data : "");
    buf_free(&b);
}

void reply_wrong_type(struct reply *r) {
    reply_error(r, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_syntax_error(struct reply *r) {
    reply_error(r, "ERR syntax error");
}

void reply_not_an_integer(struct reply *r) {
    reply_error(r, "ERR value is not an integer or out of range");
}

void reply_no_such_key(struct reply *r) {
    reply_error(r, "ERR no such key");
}

void reply_subcommand_syntax(struct reply *r, const char *container, const char *word, size_t len) {
    reply_errorf(r, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                 (int)(len < 128 ? len : 128), word, container);
}

void reply_unknown_subcommand(struct reply *r, const char *container, const char *word, size_t len) {
    char upper[64];
    snprintf(upper, sizeof upper, "%s", container);
    for (char *p = upper; *p; p++)
        if (*p >= 'a' && *p <= 'z') *p -= 'a' - 'A';
    reply_errorf(r, "ERR unknown subcommand '%.*s'. Try %s HELP.", (int)(len < 128 ? len : 128), word, upper);
}

/* ---- marks ---- */

struct reply_mark reply_mark(struct reply *r) {
    if (r->mute) return (struct reply_mark){NULL};
    struct reply_chunk *c = new_chunk_of(MARK_ROOM);
    if (r->last) r->last->cap = r->last->len;
    push_chunk(r, c);
    c->cap = 0; /* what follows goes into the next chunk */
    return (struct reply_mark){c};
}

static void set_mark(struct reply *r, struct reply_mark mark, char kind, size_t n) {
    struct reply_chunk *c = mark.chunk;
    if (!c) return;
    ASSERT(c->len == 0);
    char *p = c->room;
    *p++ = kind;
    p += text_from_u64(p, n);
    *p++ = '\r';
    *p++ = '\n';
    c->len = (size_t)(p - c->room);
    c->cap = c->len;
    r->bytes += c->len;
}

void reply_mark_array(struct reply *r, struct reply_mark mark, size_t n) {
    set_mark(r, mark, '*', n);
}

void reply_mark_map(struct reply *r, struct reply_mark mark, size_t pairs) {
    set_mark(r, mark, r->protocol == 2 ? '*' : '%', r->protocol == 2 ? pairs * 2 : pairs);
}

void reply_mark_set(struct reply *r, struct reply_mark mark, size_t n) {
    set_mark(r, mark, r->protocol == 2 ? '*' : '~', n);
}

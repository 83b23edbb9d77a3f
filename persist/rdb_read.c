/* rdb_read.c: lengths, strings and numbers coming in: see rdb_read.h. Records are rdb_record.c's.
 *
 * On a stream the bytes not read yet are moved to the front of the window when more are needed, so pointers
 * into it do not last: strings of a stream are copied. The window grows only when it is full of bytes that
 * came, so a false length costs no memory.
 */
#include "persist/rdb_read.h"

#include "persist/rdb_length.h"
#include "persist/rdb_skim.h"
#include "shard/base/assert.h"
#include "shard/base/crc64.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <liblzf/lzf.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    WINDOW_FIRST = 256 * 1024,
    LZF_EXPANSION_MAX = 88, /* 264 bytes of 3 */
    SCRATCH_FIRST = 256,
    SCRATCH_KEPT_MAX = 1 << 20,   /* larger ones are given back when a smaller string comes */
    ROOM_UNKNOWN_MAX = 64 * 1024, /* elements to make room for where the bytes' end is not known */
    ROOM_BYTES_EACH = 8,          /* of input for every element that room is made for at once */
    KEY_SHOWN_MAX = 64,
};

void rdb_reader_on_span(struct rdb_reader *r, const void *bytes, size_t len, uint64_t offset) {
    *r = (struct rdb_reader){.at = bytes, .start = bytes, .summed = bytes, .start_offset = offset};
    r->end = r->at + len;
    r->ended = true;
    r->version = RDB_VERSION;
    r->reading = "the file";
}

void rdb_reader_on_stream(struct rdb_reader *r, rdb_pull *pull, void *arg) {
    *r = (struct rdb_reader){.pull = pull, .arg = arg, .window_cap = WINDOW_FIRST};
    r->window = mem_alloc(r->window_cap);
    r->at = r->end = r->start = r->summed = r->window;
    r->version = RDB_VERSION;
    r->reading = "the file";
}

void rdb_reader_close(struct rdb_reader *r) {
    mem_free(r->window);
    for (int i = 0; i < RDB_TEXT_SLOTS; i++) {
        mem_free(r->scratch[i].bytes);
        r->scratch[i] = (struct rdb_scratch){0};
    }
    r->window = NULL;
    r->at = r->end = r->start = r->summed = NULL;
}

/* ---- errors and sums ---- */

/* A key as it can be shown: printable, and not too long. */
static void show_key(const struct rdb_text *key, char *to) {
    size_t n = key->len < KEY_SHOWN_MAX ? key->len : KEY_SHOWN_MAX;
    for (size_t i = 0; i < n; i++) *to++ = key->data[i] >= ' ' && key->data[i] <= '~' ? key->data[i] : '?';
    memcpy(to, n < key->len ? "..." : "", n < key->len ? 4 : 1);
}

bool rdb_fail(struct rdb_reader *r, const char *format, ...) {
    char why[RDB_ERROR_MAX / 2], key[KEY_SHOWN_MAX + 4] = "";
    if (r->broken) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (r->key.data) show_key(&r->key, key);
    snprintf(r->error, sizeof r->error, "at offset %llu, reading %s%s%s%s: %s",
             (unsigned long long)rdb_reader_offset(r), r->reading, r->key.data ? " of key '" : "", key,
             r->key.data ? "'" : "", why);
    r->broken = true;
    r->start_offset = rdb_reader_offset(r); /* which it stays */
    r->at = r->start = r->end;              /* nothing more comes out of it */
    return false;
}

static void sum_up(struct rdb_reader *r) {
    if (r->checksum && !r->broken) r->crc = crc64(r->crc, r->summed, (size_t)(r->at - r->summed));
    r->summed = r->at;
}

uint64_t rdb_reader_crc(struct rdb_reader *r) {
    sum_up(r);
    return r->crc;
}

/* ---- the window ---- */

/* Moves what is left to the front of the window, which has then room for more. */
static void make_room(struct rdb_reader *r) {
    size_t left = (size_t)(r->end - r->at);
    sum_up(r);
    r->start_offset = rdb_reader_offset(r);
    if (left == r->window_cap) {
        r->window_cap *= 2;
        r->window = mem_realloc(r->window, r->window_cap);
    } else {
        memmove(r->window, r->at, left);
    }
    r->at = r->start = r->summed = r->window;
    r->end = r->window + left;
}

/* Gets more bytes of a stream, at least one; false at its end. */
static bool pull_more(struct rdb_reader *r) {
    if (r->ended || r->broken) return false;
    if (r->end == r->window + r->window_cap) make_room(r);
    size_t room = (size_t)(r->window + r->window_cap - r->end);
    ptrdiff_t n = r->pull(r->arg, r->window + (r->end - r->window), room);
    ASSERT(n <= (ptrdiff_t)room);
    if (n < 0) return rdb_fail(r, "the bytes could not be got");
    r->ended = n == 0;
    r->end += n;
    return n > 0;
}

bool rdb_more(struct rdb_reader *r) {
    return r->at < r->end || pull_more(r);
}

bool rdb_need_slow(struct rdb_reader *r, size_t n) {
    while ((size_t)(r->end - r->at) < n) {
        if (pull_more(r)) continue;
        return rdb_fail(r, "the bytes end here, %zu more are needed", n - (size_t)(r->end - r->at));
    }
    return true;
}

bool rdb_skip_bytes(struct rdb_reader *r, uint64_t n) {
    for (;;) {
        size_t there = (size_t)(r->end - r->at);
        if (n <= there) {
            r->at += n;
            return !r->broken;
        }
        r->at += there;
        n -= there;
        if (!pull_more(r))
            return rdb_fail(r, "the bytes end here, %llu more are needed", (unsigned long long)n);
    }
}

/* ---- lengths ---- */

bool rdb_read_length(struct rdb_reader *r, uint64_t *n) {
    for (;;) {
        size_t there = (size_t)(r->end - r->at), bytes;
        switch (rdb_length_head(r->at, there, n, &bytes)) {
        case RDB_HEAD_FOUND: r->at += bytes; return true;
        case RDB_HEAD_WRONG: return rdb_fail(r, "an unknown encoding of a length (byte %02x)", *r->at);
        case RDB_HEAD_SHORT: break;
        }
        if (!rdb_need(r, there + 1)) return false;
    }
}

bool rdb_read_count(struct rdb_reader *r, unsigned least, uint64_t *n) {
    if (!rdb_read_length(r, n)) return false;
    if (!r->pull && *n > (size_t)(r->end - r->at) / least)
        return rdb_fail(r, "%llu elements cannot be in the %zu bytes that are left", (unsigned long long)*n,
                        (size_t)(r->end - r->at));
    return true;
}

size_t rdb_room_for(const struct rdb_reader *r, uint64_t claimed) {
    uint64_t most = r->pull ? ROOM_UNKNOWN_MAX : (uint64_t)(r->end - r->at) / ROOM_BYTES_EACH;
    return (size_t)(claimed < most ? claimed : most);
}

/* ---- strings ---- */

static char *scratch_for(struct rdb_reader *r, enum rdb_text_slot slot, size_t len) {
    struct rdb_scratch *s = &r->scratch[slot];
    if (!s->bytes || len > s->cap || (s->cap > SCRATCH_KEPT_MAX && len < s->cap / 2)) {
        mem_free(s->bytes);
        s->cap = len > SCRATCH_FIRST ? len : SCRATCH_FIRST;
        s->bytes = mem_alloc(s->cap);
    }
    return s->bytes;
}

static void take_integer(struct rdb_reader *r, enum rdb_text_slot slot, size_t width, struct rdb_text *text) {
    uint64_t bits = 0;
    ASSERT(width >= 1 && width <= sizeof(int32_t));
    for (unsigned i = 0; i < width; i++) bits |= (uint64_t)r->at[i] << 8 * i;
    unsigned unused = 64 - 8 * (unsigned)width;
    char *digits = r->scratch[slot].digits;
    text->is_integer = true;
    text->integer = (int64_t)(bits << unused) >> unused;
    text->data = digits;
    text->len = text_from_i64(digits, text->integer);
}

static bool take_compressed(struct rdb_reader *r, enum rdb_text_slot slot, const struct rdb_string_head *head,
                            struct rdb_text *text) {
    if (head->len == 0 || head->len > head->body * LZF_EXPANSION_MAX)
        return rdb_fail(r, "%llu compressed bytes cannot become %llu", (unsigned long long)head->body,
                        (unsigned long long)head->len);
    char *to = scratch_for(r, slot, (size_t)head->len);
    if (lzf_decompress(r->at, (unsigned)head->body, to, (unsigned)head->len) != head->len)
        return rdb_fail(r, "a compressed string that does not expand to its %llu bytes",
                        (unsigned long long)head->len);
    text->data = to;
    return true;
}

static bool read_string_head(struct rdb_reader *r, struct rdb_string_head *head) {
    for (;;) {
        size_t there = (size_t)(r->end - r->at);
        switch (rdb_string_head(r->at, there, head)) {
        case RDB_HEAD_WRONG: return rdb_fail(r, "an unknown encoding of a string (byte %02x)", *r->at);
        case RDB_HEAD_FOUND:
            if (head->body > UINT32_MAX || head->len > UINT32_MAX)
                return rdb_fail(r, "a string of more than 4 GB");
            return true;
        case RDB_HEAD_SHORT: break;
        }
        if (!rdb_need(r, there + 1)) return false;
    }
}

bool rdb_read_string(struct rdb_reader *r, enum rdb_text_slot slot, struct rdb_text *text) {
    struct rdb_string_head head;
    if (!read_string_head(r, &head) || !rdb_need(r, head.bytes + (size_t)head.body)) return false;
    r->at += head.bytes;
    *text = (struct rdb_text){.len = (size_t)head.len};
    if (LIKELY(head.form == RDB_FORM_RAW)) {
        text->data = (const char *)r->at;
        if (r->pull) {
            char *copy = scratch_for(r, slot, text->len);
            memcpy(copy, r->at, text->len);
            text->data = copy;
        }
    } else if (head.form == RDB_FORM_INTEGER) {
        take_integer(r, slot, (size_t)head.body, text);
    } else if (!take_compressed(r, slot, &head, text)) {
        return false;
    }
    r->at += head.body;
    return true;
}

/* ---- numbers ---- */

bool rdb_read_double(struct rdb_reader *r, double *value) {
    uint64_t bits = 0;
    if (!rdb_need(r, sizeof bits)) return false;
    for (unsigned i = 0; i < sizeof bits; i++) bits |= (uint64_t)r->at[i] << 8 * i;
    memcpy(value, &bits, sizeof bits);
    r->at += sizeof bits;
    return true;
}

bool rdb_read_old_double(struct rdb_reader *r, double *value) {
    if (!rdb_need(r, 1)) return false;
    unsigned len = *r->at;
    if (len >= RDB_SCORE_NAN) {
        *value = len == RDB_SCORE_NAN ? (double)NAN : len == RDB_SCORE_INF ? HUGE_VAL : -HUGE_VAL;
        r->at++;
        return true;
    }
    if (!rdb_need(r, 1 + (size_t)len)) return false;
    if (!text_to_double((const char *)r->at + 1, len, value)) return rdb_fail(r, "a score that is no number");
    r->at += 1 + len;
    return true;
}

/* ---- passing over ---- */

bool rdb_skip_value(struct rdb_reader *r, unsigned type) {
    struct rdb_skim s = {0};
    size_t used;
    if (!rdb_skim_value(&s, type)) return rdb_fail(r, "%s (type %u)", rdb_type_text(type), type);
    r->reading = rdb_type_text(type);
    for (;;) {
        size_t there = (size_t)(r->end - r->at);
        enum rdb_skimmed result = rdb_skim_on(&s, r->at, there, &used);
        r->at += used;
        if (result == RDB_SKIM_WHOLE) return !r->broken;
        if (result == RDB_SKIM_BROKEN) return rdb_fail(r, "%s", s.why);
        /* A head is short of at most a few bytes; of what is skipped, whatever comes is taken. */
        if (!rdb_need(r, (size_t)(r->end - r->at) + 1)) return false;
    }
}

/* packed.c: small sequences in the listpack format: see packed.h, and element.h for the elements themselves.
 *
 * All that changes a listpack is one splice: room made or closed at one place, then the new element written
 * there.
 */
#include "shard/type/packed.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/type/element.h"

#include <string.h>

enum {
    HEADER_BYTES = 6,
    COUNT_UNKNOWN = 65535,
    END = 0xff,
    ELEMENT_EXTRA_MAX = 14, /* what an element takes beyond its text */
    SPARE_KEPT = 64,        /* bytes of unused room that are not worth giving back */
};

/* ---- the header ---- */

static uint32_t load_32(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t total_of(const struct packed *p) {
    return load_32(p->lp);
}

static void set_total(struct packed *p, size_t bytes) {
    for (int i = 0; i < 4; i++) p->lp[i] = (unsigned char)(bytes >> 8 * i);
}

static unsigned load_count(const unsigned char *lp) {
    return (unsigned)lp[4] | (unsigned)lp[5] << 8;
}

static unsigned count_field(const struct packed *p) {
    return load_count(p->lp);
}

static void set_count(struct packed *p, size_t count) {
    unsigned n = count < COUNT_UNKNOWN ? (unsigned)count : COUNT_UNKNOWN;
    p->lp[4] = (unsigned char)n;
    p->lp[5] = (unsigned char)(n >> 8);
}

/* ---- reading elements ---- */

struct packed_value packed_get(const unsigned char *at) {
    return element_get(at);
}

const char *packed_text(const unsigned char *at, char *digits, size_t *len) {
    struct packed_value v = element_get(at);
    *len = v.data ? v.len : text_from_i64(digits, v.integer);
    return v.data ? v.data : digits;
}

bool packed_equals(const unsigned char *at, const char *data, size_t len) {
    struct element e = element_from(data, len);
    return element_equals(at, &e);
}

/* ---- walking ---- */

static unsigned char *not_end(unsigned char *at) {
    return *at == END ? NULL : at;
}

unsigned char *packed_first(const struct packed *p) {
    return not_end((unsigned char *)p->lp + HEADER_BYTES);
}

unsigned char *packed_next(const struct packed *p, const unsigned char *at) {
    DASSERT(at >= p->lp + HEADER_BYTES && at < p->lp + total_of(p) - 1);
    (void)p;
    return not_end((unsigned char *)at + element_bytes(at));
}

/* The element that ends right before `end`, which is not the first position. */
static unsigned char *before(const unsigned char *end) {
    return (unsigned char *)end - element_bytes_before(end);
}

unsigned char *packed_prev(const struct packed *p, const unsigned char *at) {
    return at == p->lp + HEADER_BYTES ? NULL : before(at);
}

unsigned char *packed_last(const struct packed *p) {
    const unsigned char *end = p->lp + total_of(p) - 1;
    return end == p->lp + HEADER_BYTES ? NULL : before(end);
}

size_t packed_count(const struct packed *p) {
    size_t count = count_field(p);
    if (LIKELY(count != COUNT_UNKNOWN)) return count;
    count = 0;
    for (unsigned char *at = packed_first(p); at; at = packed_next(p, at)) count++;
    return count;
}

unsigned char *packed_at(const struct packed *p, int64_t index) {
    int64_t count = count_field(p);
    if (count != COUNT_UNKNOWN) {
        if (index >= count || index < -count) return NULL;
        if (index > count / 2) index -= count; /* from whichever end is nearer */
        if (-index > count / 2) index += count;
    }
    unsigned char *at = index >= 0 ? packed_first(p) : packed_last(p);
    for (; at && index > 0; index--) at = packed_next(p, at);
    for (; at && index < -1; index++) at = packed_prev(p, at);
    return at;
}

unsigned char *packed_find(const struct packed *p, unsigned char *at, const char *data, size_t len,
                           unsigned skip) {
    struct element e = element_from(data, len);
    while (at) {
        if (element_equals(at, &e)) return at;
        for (unsigned i = 0; i <= skip && at; i++) at = packed_next(p, at);
    }
    return NULL;
}

/* ---- making ---- */

static struct packed *allocate(uint8_t encoding, size_t lp_bytes) {
    struct packed *p = mem_alloc(sizeof *p + lp_bytes);
    p->encoding = encoding;
    return p;
}

struct packed *packed_new(uint8_t encoding, size_t bytes) {
    ASSERT(bytes < PACKED_BYTES_MAX);
    struct packed *p = allocate(encoding, HEADER_BYTES + bytes + 1);
    set_total(p, HEADER_BYTES + 1);
    set_count(p, 0);
    p->lp[HEADER_BYTES] = END;
    return p;
}

struct packed *packed_from(uint8_t encoding, const void *listpack, size_t bytes) {
    ASSERT(bytes >= HEADER_BYTES + 1 && bytes <= PACKED_BYTES_MAX);
    struct packed *p = allocate(encoding, bytes);
    memcpy(p->lp, listpack, bytes);
    ASSERT(total_of(p) == bytes);
    return p;
}

struct packed *packed_copy(const struct packed *p) {
    return packed_from(p->encoding, p->lp, total_of(p));
}

void packed_free(struct packed *p) {
    mem_free(p);
}

size_t packed_footprint(const struct packed *p) {
    return mem_size(p);
}

size_t packed_bytes(const struct packed *p) {
    return total_of(p);
}

bool packed_has_room(const struct packed *p, size_t len) {
    return len < PACKED_BYTES_MAX && total_of(p) + len + ELEMENT_EXTRA_MAX <= PACKED_BYTES_MAX;
}

/* ---- changing ---- */

/* Bytes that the listpack may take as it lies. */
static size_t room_of(const struct packed *p) {
    return mem_size(p) - sizeof *p;
}

static struct packed *resize(struct packed *p, size_t lp_bytes) {
    return mem_realloc(p, sizeof *p + lp_bytes);
}

/* Puts `added` bytes of room in the place of `removed` bytes at offset `at`; what is to come there is the
 * caller's to write. */
static struct packed *splice(struct packed *p, size_t at, size_t removed, size_t added) {
    size_t total = total_of(p), after = total - removed + added;
    ASSERT(at + removed < total && after <= PACKED_BYTES_MAX);
    if (added == removed) return p;
    if (added > removed && after > room_of(p)) p = resize(p, after);
    memmove(p->lp + at + added, p->lp + at + removed, total - at - removed);
    set_total(p, after);
    if (removed > added && room_of(p) > 2 * after + SPARE_KEPT) p = resize(p, after);
    return p;
}

static void count_more(struct packed *p) {
    size_t count = count_field(p);
    if (count != COUNT_UNKNOWN) set_count(p, count + 1);
}

static struct packed *insert(struct packed *p, size_t offset, const struct element *e) {
    p = splice(p, offset, 0, e->bytes);
    element_write(p->lp + offset, e);
    count_more(p);
    return p;
}

struct packed *packed_append(struct packed *p, const char *data, size_t len) {
    struct element e = element_from(data, len);
    return insert(p, total_of(p) - 1, &e);
}

struct packed *packed_append_int(struct packed *p, int64_t n) {
    struct element e = element_from_int(n);
    return insert(p, total_of(p) - 1, &e);
}

struct packed *packed_prepend(struct packed *p, const char *data, size_t len) {
    struct element e = element_from(data, len);
    return insert(p, HEADER_BYTES, &e);
}

static size_t offset_of(const struct packed *p, const unsigned char *at) {
    return at ? (size_t)(at - p->lp) : total_of(p) - 1;
}

struct packed *packed_insert(struct packed *p, unsigned char **at, const char *data, size_t len) {
    struct element e = element_from(data, len);
    size_t offset = offset_of(p, *at);
    p = insert(p, offset, &e);
    *at = p->lp + offset;
    return p;
}

static struct packed *replace(struct packed *p, unsigned char **at, const struct element *e) {
    size_t offset = offset_of(p, *at);
    p = splice(p, offset, element_bytes(*at), e->bytes);
    element_write(p->lp + offset, e);
    *at = p->lp + offset;
    return p;
}

struct packed *packed_replace(struct packed *p, unsigned char **at, const char *data, size_t len) {
    struct element e = element_from(data, len);
    return replace(p, at, &e);
}

struct packed *packed_replace_int(struct packed *p, unsigned char **at, int64_t n) {
    struct element e = element_from_int(n);
    return replace(p, at, &e);
}

struct packed *packed_delete(struct packed *p, unsigned char **at, size_t count) {
    size_t offset = offset_of(p, *at), gone = 0;
    unsigned char *end = *at;
    for (; end && gone < count; gone++) {
        end += element_bytes(end);
        if (*end == END) {
            gone++;
            break;
        }
    }
    if (!gone) return p;
    size_t before_count = count_field(p);
    p = splice(p, offset, (size_t)(end - *at), 0);
    if (before_count != COUNT_UNKNOWN)
        set_count(p, before_count - gone);
    else
        set_count(p, packed_count(p));
    *at = not_end(p->lp + offset);
    return p;
}

/* ---- foreign bytes ---- */

/* Bytes of the element at `at`, of which `left` bytes are there; 0 when it is not sound. */
static size_t check_element(const unsigned char *at, size_t left) {
    uint64_t body = 0;
    if (*at < 0x80)
        body = 1;
    else if (*at < 0xc0)
        body = 1 + (*at & 63);
    else if (*at < 0xe0)
        body = 2;
    else if (*at < 0xf0)
        body = left < 2 ? 0 : 2 + ((at[0] & 15) << 8 | at[1]);
    else if (*at == 0xf0)
        body = left < 5 ? 0 : 5 + (uint64_t)load_32(at + 1);
    else if (*at <= 0xf4)
        body = (const uint8_t[]){3, 4, 5, 9}[*at - 0xf1];
    if (!body || body >= left) return 0;
    uint32_t tail = element_tail_bytes((uint32_t)body);
    if (tail > left - body) return 0;
    for (unsigned i = 0; i < tail; i++)
        if (at[body + i] != ((body >> 7 * (tail - 1 - i) & 127) | (i > 0 ? 128 : 0))) return 0;
    return body + tail;
}

bool packed_is_sound(const void *bytes, size_t len) {
    const unsigned char *lp = bytes;
    if (len < HEADER_BYTES + 1 || len > PACKED_BYTES_MAX || load_32(lp) != len || lp[len - 1] != END)
        return false;
    size_t count = 0;
    for (size_t at = HEADER_BYTES; at < len - 1; count++) {
        size_t n = lp[at] == END ? 0 : check_element(lp + at, len - 1 - at);
        if (!n) return false;
        at += n;
    }
    return load_count(lp) == COUNT_UNKNOWN || load_count(lp) == count;
}

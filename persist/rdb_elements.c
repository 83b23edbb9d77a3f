/* rdb_elements.c: see rdb_elements.h. */
#include "persist/rdb_elements.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"
#include "shard/store/table.h"
#include "shard/type/element.h"
#include "shard/type/object.h"

#include <string.h>

enum {
    LISTPACK_HEAD = 6,
    ZIPLIST_HEAD = 10,
    ZIPLIST_COUNT_UNKNOWN = 65535,
    ZIPMAP_HEAD = 1,
    ZIPMAP_COUNT_UNKNOWN = 254,
    LONG_LENGTH = 254, /* four bytes of length follow */
    END = 255,
    ELEMENT_EXTRA_MAX = 14,
    COMPARED_MAX = 8, /* so many elements are compared with each other */
};

static uint32_t load_32(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t load_16(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static int64_t load_signed(const unsigned char *at, unsigned width) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < width; i++) bits |= (uint64_t)at[i] << 8 * i;
    return (int64_t)(bits << (64 - 8 * width)) >> (64 - 8 * width);
}

/* ---- entries of a ziplist ---- */

struct zip_entry {
    size_t before_bytes; /* of the length of the entry before */
    uint32_t before;     /* that length */
    size_t head_bytes;   /* of the encoding */
    uint64_t body;       /* bytes of the string or integer */
    bool is_string;
};

/* What the `left` bytes at `at` begin with; false if that is no whole entry. */
static bool zip_entry_parse(const unsigned char *at, size_t left, struct zip_entry *e) {
    static const uint8_t widths[] = {2, 4, 8, 3}; /* c0, d0, e0, f0 */
    if (left < 2 || *at == END) return false;
    e->before_bytes = *at < LONG_LENGTH ? 1 : 5;
    if (left <= e->before_bytes) return false;
    e->before = e->before_bytes == 1 ? *at : load_32(at + 1);
    at += e->before_bytes;
    left -= e->before_bytes;
    e->is_string = *at < 0xc0;
    e->head_bytes = 1;
    if (*at < 0x40) {
        e->body = *at;
    } else if (*at < 0x80) {
        e->head_bytes = 2;
        e->body = left < 2 ? UINT32_MAX : (uint64_t)(at[0] & 63) << 8 | at[1];
    } else if (*at == 0x80) {
        e->head_bytes = 5;
        if (left < 5) return false;
        e->body = (uint64_t)at[1] << 24 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 8 | at[4];
    } else if (*at == 0xc0 || *at == 0xd0 || *at == 0xe0 || *at == 0xf0) {
        e->body = widths[*at >> 4 & 3];
    } else if (*at == 0xfe) {
        e->body = 1;
    } else if (*at > 0xf0 && *at < 0xfe) {
        e->body = 0;
    } else {
        return false;
    }
    return e->head_bytes + e->body <= left;
}

static bool zip_entry_next(struct rdb_elements *e, struct packed_value *value) {
    struct zip_entry entry;
    const unsigned char *end = e->bytes + e->len;
    if (!zip_entry_parse(e->at, (size_t)(end - e->at), &entry)) return false;
    const unsigned char *head = e->at + entry.before_bytes, *body = head + entry.head_bytes;
    *value = (struct packed_value){0};
    if (entry.is_string) {
        value->data = (const char *)body;
        value->len = (uint32_t)entry.body;
    } else if (entry.body == 0) {
        value->integer = (*head & 15) - 1;
    } else {
        value->integer = load_signed(body, (unsigned)entry.body);
    }
    e->at = body + entry.body;
    return true;
}

static bool ziplist_is_sound(struct rdb_elements *e) {
    const unsigned char *bytes = e->bytes;
    size_t len = e->len;
    if (len < ZIPLIST_HEAD + 1 || load_32(bytes) != len || bytes[len - 1] != END) return false;
    size_t at = ZIPLIST_HEAD, last = at, before = 0, end = len - 1;
    while (at < end) {
        struct zip_entry entry;
        if (!zip_entry_parse(bytes + at, end - at, &entry) || entry.before != before) return false;
        last = at;
        before = entry.before_bytes + entry.head_bytes + (size_t)entry.body;
        at += before;
        e->count++;
        size_t text = entry.is_string ? (size_t)entry.body : TEXT_I64_MAX;
        if (text > e->longest) e->longest = text;
    }
    uint32_t claimed = load_16(bytes + 8);
    return load_32(bytes + 4) == last && (claimed == ZIPLIST_COUNT_UNKNOWN || claimed == e->count);
}

/* ---- zipmaps ---- */

/* A length of `left` bytes at `at`: how many bytes it takes; 0: damaged. */
static size_t zipmap_length(const unsigned char *at, size_t left, uint32_t *n) {
    if (left < 1 || *at == END) return 0;
    if (*at < LONG_LENGTH) {
        *n = *at;
        return 1;
    }
    if (left < 5) return 0;
    *n = load_32(at + 1);
    return 5;
}

static bool zipmap_next(struct rdb_elements *e, struct packed_value *value) {
    const unsigned char *end = e->bytes + e->len - 1;
    uint32_t n;
    if (e->at >= end) return false;
    size_t head = zipmap_length(e->at, (size_t)(end - e->at), &n);
    if (head == 0) return false;
    size_t left = (size_t)(end - e->at) - head, unused = 0;
    if (e->is_value) {
        if (left < 1) return false;
        unused = e->at[head++];
        left--;
    }
    if (n > left || unused > left - n) return false;
    *value = (struct packed_value){.data = (const char *)e->at + head, .len = n};
    e->at += head + n + unused;
    e->is_value = !e->is_value;
    return true;
}

static bool zipmap_is_sound(struct rdb_elements *e) {
    struct packed_value value;
    if (e->len < ZIPMAP_HEAD + 1 || e->bytes[e->len - 1] != END) return false;
    rdb_elements_rewind(e);
    while (zipmap_next(e, &value)) {
        e->count++;
        if (value.len > e->longest) e->longest = value.len;
    }
    bool whole = e->at == e->bytes + e->len - 1 && !e->is_value;
    return whole && (e->bytes[0] >= ZIPMAP_COUNT_UNKNOWN || e->bytes[0] == e->count / 2);
}

/* ---- listpacks ---- */

/* Whether the element is written as we would write it: integers as such, everything in its shortest form. */
static bool is_canonical(const unsigned char *at, const struct packed_value *v) {
    struct element e = v->data ? element_from(v->data, v->len) : element_from_int(v->integer);
    return element_equals(at, &e);
}

static bool listpack_is_sound(struct rdb_elements *e) {
    if (!packed_is_sound(e->bytes, e->len)) return false;
    const unsigned char *at = e->bytes + LISTPACK_HEAD;
    for (; *at != END; at += element_bytes(at)) {
        struct packed_value v = element_get(at);
        size_t text = v.data ? v.len : TEXT_I64_MAX;
        e->count++;
        if (text > e->longest) e->longest = text;
        e->canonical = e->canonical && is_canonical(at, &v);
    }
    return true;
}

static bool listpack_next(struct rdb_elements *e, struct packed_value *value) {
    if (*e->at == END) return false;
    *value = element_get(e->at);
    e->at += element_bytes(e->at);
    return true;
}

/* ---- all three ---- */

void rdb_elements_rewind(struct rdb_elements *e) {
    static const uint8_t heads[] = {LISTPACK_HEAD, ZIPLIST_HEAD, ZIPMAP_HEAD};
    e->at = e->bytes + heads[e->kind];
    e->is_value = false;
}

bool rdb_elements_open(struct rdb_elements *e, unsigned kind, const void *bytes, size_t len) {
    *e = (struct rdb_elements){.kind = kind, .bytes = bytes, .len = len};
    e->canonical = kind == ELEMENTS_LISTPACK;
    bool sound = kind == ELEMENTS_LISTPACK  ? listpack_is_sound(e)
                 : kind == ELEMENTS_ZIPLIST ? ziplist_is_sound(e)
                                            : zipmap_is_sound(e);
    if (sound) rdb_elements_rewind(e);
    return sound;
}

bool rdb_elements_next(struct rdb_elements *e, struct packed_value *value) {
    if (e->kind == ELEMENTS_LISTPACK) return listpack_next(e, value);
    return e->kind == ELEMENTS_ZIPLIST ? zip_entry_next(e, value) : zipmap_next(e, value);
}

bool rdb_elements_fit(const struct rdb_elements *e) {
    return e->len + e->count * (ELEMENT_EXTRA_MAX + TEXT_I64_MAX) < PACKED_BYTES_MAX;
}

struct packed *rdb_elements_pack(struct rdb_elements *e) {
    ASSERT(rdb_elements_fit(e));
    if (e->canonical) return packed_from(OBJECT_PACKED, e->bytes, e->len);
    struct packed *p = packed_new(OBJECT_PACKED, e->len);
    struct packed_value v;
    while (rdb_elements_next(e, &v))
        p = v.data ? packed_append(p, v.data, v.len) : packed_append_int(p, v.integer);
    return p;
}

/* ---- no element twice ---- */

static bool same_element(const unsigned char *a, const unsigned char *b) {
    uint32_t bytes = element_bytes(a);
    return *a == *b && bytes == element_bytes(b) && memcmp(a, b, bytes) == 0;
}

static const unsigned char *step_on(const unsigned char *at, unsigned step) {
    for (unsigned i = 0; i < step && *at != END; i++) at += element_bytes(at);
    return at;
}

static bool differ_by_comparing(const struct packed *p, unsigned step) {
    for (const unsigned char *a = p->lp + LISTPACK_HEAD; *a != END; a = step_on(a, step))
        for (const unsigned char *b = step_on(a, step); *b != END; b = step_on(b, step))
            if (same_element(a, b)) return false;
    return true;
}

/* With a small hash table of places, at most half full. */
bool rdb_elements_differ(const struct packed *p, unsigned step) {
    size_t count = packed_count(p) / step, slots = 1;
    if (count <= COMPARED_MAX) return differ_by_comparing(p, step);
    while (slots < count * 2) slots *= 2;
    const unsigned char **places = mem_zalloc(slots * sizeof *places);
    bool differ = true;
    for (const unsigned char *at = p->lp + LISTPACK_HEAD; *at != END && differ; at = step_on(at, step)) {
        size_t slot = table_hash(at, element_bytes(at)) & (slots - 1);
        for (; places[slot] && differ; slot = (slot + 1) & (slots - 1))
            differ = !same_element(at, places[slot]);
        places[slot] = at;
    }
    mem_free(places);
    return differ;
}

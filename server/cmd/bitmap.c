/* bitmap.c: single bits, their number, their places, and strings combined bit by bit: SETBIT GETBIT BITCOUNT
 * BITPOS BITOP.
 *
 * On the client's thread, under the holds of all the keys' slices. A bitmap is a plain string: reading works
 * on whatever form it is stored in, writing on the bytes themselves, in place unless a reply that is being
 * sent shares the bytes. What was written is a raw string for good, as in Redis.
 *
 * BITOP builds its result beside the sources, which may include the destination, and stores it at the end. It
 * goes through all sources in blocks that stay in the processor's cache, so each is read from memory once and
 * the result is written once.
 */
#include "server/cmd/bitmap.h"

#include "server/cmd/lookup.h"
#include "server/config.h"
#include "server/notify.h"
#include "shard/base/assert.h"
#include "shard/base/bits.h"
#include "shard/base/mem.h"

#include <string.h>

bool bitmap_read(struct call *c, unsigned i, struct bitmap *map, bool *found) {
    struct entry **at = call_read(c, i);
    if (!lookup_is_string(c, at)) return false;
    if (found) *found = at != NULL;
    map->bytes = (const unsigned char *)"";
    map->len = 0;
    if (at) map->bytes = (const unsigned char *)entry_string(*at, map->digits, &map->len);
    return true;
}

unsigned char *bitmap_edit_write(struct call *c, struct bitmap_edit *edit) {
    if (!edit->writable) {
        char *data;
        edit->at = keyspace_writable(&c->visit, &c->keys[0], edit->at, edit->len, &data);
        edit->bytes = edit->writable = (unsigned char *)data;
    }
    return edit->writable;
}

bool bitmap_edit_open(struct call *c, uint64_t last, struct bitmap_edit *edit) {
    struct entry **at = call_write(c, 0);
    if (!lookup_is_string(c, at)) return false;
    size_t len = at ? entry_string_len(*at) : 0, needed = (last >> 3) + 1;
    *edit = (struct bitmap_edit){.at = at, .len = len < needed ? needed : len, .grew = len < needed};
    if (!at) edit->at = keyspace_set(&c->visit, &c->keys[0], NULL, value_bytes("", 0), NO_TTL);
    const struct entry *e = *edit->at;
    if (edit->grew || entry_encoding(e) == ENC_INT || !(e->flags & ENTRY_RAW)) {
        bitmap_edit_write(c, edit);
    } else {
        edit->bytes = (const unsigned char *)entry_string(e, NULL, &len);
    }
    ASSERT(edit->bytes && last >> 3 < edit->len);
    return true;
}

bool bitmap_argument_offset(struct call *c, unsigned i, unsigned width, uint64_t *offset) {
    const struct arg *arg = &c->argv[i];
    unsigned sign = width && arg->len && arg->data[0] == '#';
    int64_t n;
    bool valid = text_to_i64(arg->data + sign, arg->len - sign, &n) && n >= 0;
    if (valid && sign) valid = !__builtin_mul_overflow(n, (int64_t)width, &n);
    if (valid && (uint64_t)n >> 3 < config_get()->proto_max_bulk_len) {
        *offset = (uint64_t)n;
        return true;
    }
    reply_error(c->reply, "ERR bit offset is not an integer or out of range");
    return false;
}

static void cmd_setbit(struct call *c) {
    static const char error[] = "ERR bit is not an integer or out of range";
    uint64_t offset;
    int64_t bit;
    if (!bitmap_argument_offset(c, 2, 0, &offset) || !call_int(c, 3, &bit, error)) return;
    if (bit != 0 && bit != 1) {
        reply_error(c->reply, error);
        return;
    }
    struct bitmap_edit edit;
    if (!bitmap_edit_open(c, offset, &edit)) return;
    bool before = bits_get(edit.bytes, edit.len, offset, 1);
    if (before != bit) bits_set(bitmap_edit_write(c, &edit), offset, 1, (uint64_t)bit);
    if (before != bit || edit.grew) {
        call_dirty(c, 1);
        notify(c, NOTIFY_STRING, "setbit", &c->keys[0]);
    }
    reply_int(c->reply, before);
}

static void cmd_getbit(struct call *c) {
    uint64_t offset;
    struct bitmap map;
    if (!bitmap_argument_offset(c, 2, 0, &offset) || !bitmap_read(c, 0, &map, NULL)) return;
    uint64_t byte = offset >> 3;
    reply_int(c->reply, byte < map.len && (map.bytes[byte] & 0x80u >> (offset & 7)));
}

/* ---- ranges ---- */

/* [from, to) in bits. */
struct range {
    uint64_t from, to;
};

/* The unit of a range: argument i, if there is one. */
static bool parse_unit(struct call *c, unsigned i, bool *in_bits) {
    *in_bits = call_is(c, i, "BIT");
    if (i >= c->argc || *in_bits || call_is(c, i, "BYTE")) return true;
    reply_syntax_error(c->reply);
    return false;
}

/* Both ends are included, and count from the end where they are negative. */
static struct range range_of(int64_t start, int64_t end, size_t len, bool in_bits) {
    int64_t total = (int64_t)len * (in_bits ? 8 : 1);
    if (start < 0) start = total + start < 0 ? 0 : total + start;
    if (end < 0) end = total + end < 0 ? 0 : total + end;
    if (end >= total) end = total - 1;
    if (start > end) return (struct range){0, 0};
    uint64_t unit = in_bits ? 1 : 8;
    return (struct range){(uint64_t)start * unit, (uint64_t)(end + 1) * unit};
}

static void cmd_bitcount(struct call *c) {
    struct bitmap map;
    bool found, in_bits;
    if (!bitmap_read(c, 0, &map, &found)) return;
    if (!found) {
        reply_int(c->reply, 0);
        return;
    }
    struct range range = {0, (uint64_t)map.len * 8};
    if (c->argc == 4 || c->argc == 5) {
        int64_t start, end;
        if (!call_int(c, 2, &start, NULL) || !call_int(c, 3, &end, NULL)) return;
        bool reversed = start < 0 && end < 0 && start > end;
        if (!reversed && !parse_unit(c, 4, &in_bits)) return;
        range = reversed ? (struct range){0, 0} : range_of(start, end, map.len, in_bits);
    } else if (c->argc != 2) {
        reply_syntax_error(c->reply);
        return;
    }
    reply_int(c->reply, (int64_t)bits_count(map.bytes, range.from, range.to));
}

/* BITPOS's range; *ends says whether its end was given. */
static bool parse_search(struct call *c, size_t len, struct range *range, bool *ends) {
    int64_t start = 0, end = -1;
    bool in_bits = false;
    *ends = c->argc > 4;
    if (c->argc > 6) {
        reply_syntax_error(c->reply);
        return false;
    }
    if (c->argc > 3 && !call_int(c, 3, &start, NULL)) return false;
    if (!parse_unit(c, 5, &in_bits)) return false;
    if (*ends && !call_int(c, 4, &end, NULL)) return false;
    *range = range_of(start, end, len, in_bits);
    return true;
}

/* Behind its last byte a string goes on with zeros, unless the range has an end. */
static void cmd_bitpos(struct call *c) {
    int64_t bit;
    if (!call_int(c, 2, &bit, NULL)) return;
    if (bit != 0 && bit != 1) {
        reply_error(c->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    struct bitmap map;
    struct range range;
    bool found, ends;
    if (!bitmap_read(c, 0, &map, &found)) return;
    if (!found) {
        reply_int(c->reply, bit ? -1 : 0);
        return;
    }
    if (!parse_search(c, map.len, &range, &ends)) return;
    uint64_t at = bits_find(map.bytes, range.from, range.to, bit);
    bool none = at == range.to && (bit || ends || range.to == 0);
    reply_int(c->reply, none ? -1 : (int64_t)at);
}

/* ---- BITOP ---- */

enum { BITOP_BLOCK = 16 * 1024 };

static bool parse_operation(struct call *c, enum bits_operation *operation) {
    static const struct {
        const char *name;
        enum bits_operation operation;
    } operations[] = {{"AND", BITS_AND}, {"OR", BITS_OR}, {"XOR", BITS_XOR}, {"NOT", BITS_NOT}};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        *operation = operations[i].operation;
        if (call_is(c, 1, operations[i].name)) return true;
    }
    reply_syntax_error(c->reply);
    return false;
}

/* One block of the result: a source that ends before it, or in it, counts as zeros from there on. */
static void combine_block(enum bits_operation operation, const struct bitmap *sources, unsigned count,
                          unsigned char *to, struct range block) {
    size_t n = block.to - block.from;
    for (unsigned i = 0; i < count; i++) {
        const struct bitmap *map = &sources[i];
        size_t has = map->len > block.from ? map->len - block.from : 0;
        if (has > n) has = n;
        if (i == 0 && operation != BITS_NOT)
            memcpy(to, map->bytes + (has ? block.from : 0), has);
        else if (has)
            bits_combine(operation, to, map->bytes + block.from, has);
        if (i == 0 || operation == BITS_AND) memset(to + has, 0, n - has);
    }
}

static void combine(enum bits_operation operation, const struct bitmap *sources, unsigned count,
                    unsigned char *to, size_t len) {
    ASSERT(operation != BITS_NOT || (count == 1 && sources[0].len == len));
    for (size_t at = 0; at < len; at += BITOP_BLOCK) {
        struct range block = {at, len - at < BITOP_BLOCK ? len : at + BITOP_BLOCK};
        combine_block(operation, sources, count, to + at, block);
    }
}

/* Reads all the source keys. False: one is of another type. */
static bool read_sources(struct call *c, struct bitmap *sources, size_t *len_max) {
    *len_max = 0;
    for (unsigned i = 1; i < c->key_count; i++) {
        struct bitmap *map = &sources[i - 1];
        if (!bitmap_read(c, i, map, NULL)) return false;
        if (map->len > *len_max) *len_max = map->len;
    }
    return true;
}

/* Stores the result under the first key; an empty one removes it. */
static void store_result(struct call *c, struct value value, size_t len) {
    struct entry **at = call_write(c, 0);
    if (len > 0)
        keyspace_set(&c->visit, &c->keys[0], at, value, NO_TTL);
    else if (at)
        keyspace_delete(&c->visit, &c->keys[0], at);
    if (len > 0 || at) {
        call_dirty(c, 1);
        notify(c, len > 0 ? NOTIFY_STRING : NOTIFY_GENERIC, len > 0 ? "set" : "del", &c->keys[0]);
    }
    reply_int(c->reply, (int64_t)len);
}

static void cmd_bitop(struct call *c) {
    enum bits_operation operation;
    if (!parse_operation(c, &operation)) return;
    if (operation == BITS_NOT && c->argc != 4) {
        reply_error(c->reply, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    ASSERT(c->key_count == c->argc - 2);
    unsigned count = c->key_count - 1;
    struct bitmap *sources = mem_alloc(count * sizeof *sources);
    size_t len;
    if (read_sources(c, sources, &len)) {
        unsigned char small[ENTRY_INLINE_MAX];
        struct blob *blob = len > sizeof small ? blob_new(len) : NULL;
        unsigned char *to = blob ? (unsigned char *)blob->data : small;
        combine(operation, sources, count, to, len);
        struct value value = {.form = VALUE_BYTES, .bytes = {(const char *)to, len}, .raw = true};
        if (blob) {
            blob->len = len;
            value = (struct value){.form = VALUE_BLOB, .blob = blob, .raw = true};
        }
        store_result(c, value, len);
    }
    mem_free(sources);
}

/* ---- the commands ---- */

struct command bitmap_commands[] = {
    {.name = "setbit",
     .arity = 4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_BITMAP | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .handler = cmd_setbit,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Sets or clears the bit at offset in the string value stored at key",
     .complexity = "O(1)"},
    {.name = "getbit",
     .arity = 3,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_BITMAP | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_getbit,
     .group = "bitmap",
     .since = "2.2.0",
     .summary = "Returns the bit value at offset in the string value stored at key",
     .complexity = "O(1)"},
    {.name = "bitcount",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_BITMAP | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_bitcount,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Count set bits in a string",
     .complexity = "O(N)"},
    {.name = "bitpos",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_BITMAP | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_bitpos,
     .group = "bitmap",
     .since = "2.8.7",
     .summary = "Find first bit set or clear in a string",
     .complexity = "O(N)"},
    {.name = "bitop",
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_BITMAP | ACL_SLOW,
     .keys = {KEYS_AT(2, 0, 1, KEY_OW | KEY_UPDATE), KEYS_AT(3, -1, 1, KEY_RO | KEY_ACCESS)},
     .handler = cmd_bitop,
     .group = "bitmap",
     .since = "2.6.0",
     .summary = "Perform bitwise operations between strings",
     .complexity = "O(N)"},
    {0},
};

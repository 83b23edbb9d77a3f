/* bitfield.c: integers of any width within a string: BITFIELD and BITFIELD_RO.
 *
 * On the client's thread, under the hold of the one key's slice. All operations are parsed and checked first,
 * which also tells how far the string must reach; then, when nothing can be refused any more, they are parsed
 * again and done one after the other. So a command with any number of operations needs no memory of its own.
 *
 * Numbers are computed exactly, in 128 bits, and brought into the field's range afterwards: what is called
 * overflow is that the exact result differs from what fits.
 */
#include "server/cmd/bitmap.h"
#include "server/notify.h"

#include "shard/base/assert.h"
#include "shard/base/bits.h"

enum overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };

struct field {
    bool is_signed;
    unsigned width; /* in bits */
    uint64_t at;    /* its first bit */
};

struct operation {
    enum { FIELD_GET, FIELD_SET, FIELD_INCRBY } kind;
    struct field field;
    int64_t operand;        /* of SET and INCRBY */
    enum overflow overflow; /* what the last OVERFLOW said */
};

/* ---- parsing ---- */

/* "i5": signed, 5 bits wide. */
static bool parse_type(struct call *c, unsigned i, struct field *field) {
    const struct arg *arg = &c->argv[i];
    int64_t width;
    if (arg->len > 1 && (arg->data[0] == 'i' || arg->data[0] == 'u') &&
        text_to_i64(arg->data + 1, arg->len - 1, &width)) {
        field->is_signed = arg->data[0] == 'i';
        field->width = (unsigned)width;
        if (width >= 1 && width <= BITS_FIELD_MAX - !field->is_signed) return true;
    }
    reply_error(c->reply, "ERR Invalid bitfield type. Use something like i16 u8. "
                          "Note that u64 is not supported but i64 is.");
    return false;
}

static bool parse_overflow(struct call *c, unsigned i, enum overflow *overflow) {
    if (call_is(c, i, "WRAP"))
        *overflow = OVERFLOW_WRAP;
    else if (call_is(c, i, "SAT"))
        *overflow = OVERFLOW_SAT;
    else if (call_is(c, i, "FAIL"))
        *overflow = OVERFLOW_FAIL;
    else {
        reply_error(c->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* The next operation from argument *i on, which moves past it. False: there is none (*i == argc), or it
 * was refused. */
static bool parse_operation(struct call *c, unsigned *i, struct operation *o) {
    while (*i + 1 < c->argc && call_is(c, *i, "OVERFLOW")) {
        if (!parse_overflow(c, *i + 1, &o->overflow)) return false;
        *i += 2;
    }
    if (*i == c->argc) return false;
    unsigned left = c->argc - *i - 1;
    if (left >= 2 && call_is(c, *i, "GET"))
        o->kind = FIELD_GET;
    else if (left >= 3 && call_is(c, *i, "SET"))
        o->kind = FIELD_SET;
    else if (left >= 3 && call_is(c, *i, "INCRBY"))
        o->kind = FIELD_INCRBY;
    else {
        reply_syntax_error(c->reply);
        return false;
    }
    if (!parse_type(c, *i + 1, &o->field) ||
        !bitmap_argument_offset(c, *i + 2, o->field.width, &o->field.at) ||
        (o->kind != FIELD_GET && !call_int(c, *i + 3, &o->operand, NULL)))
        return false;
    *i += o->kind == FIELD_GET ? 3 : 4;
    return true;
}

/* What all operations need together. */
struct needs {
    size_t count;
    bool writes;
    uint64_t last; /* the last bit that one writes */
};

static bool parse_all(struct call *c, struct needs *needs) {
    struct operation o = {.overflow = OVERFLOW_WRAP};
    unsigned i = 2;
    *needs = (struct needs){0};
    while (parse_operation(c, &i, &o)) {
        uint64_t last = o.field.at + o.field.width - 1;
        needs->count++;
        if (o.kind == FIELD_GET) continue;
        needs->writes = true;
        if (last > needs->last) needs->last = last;
    }
    return i == c->argc;
}

/* ---- doing ---- */

static int64_t field_value(const struct field *field, uint64_t raw) {
    if (!field->is_signed || field->width == BITS_FIELD_MAX) return (int64_t)raw;
    uint64_t sign = UINT64_C(1) << (field->width - 1);
    return (int64_t)((raw ^ sign) - sign);
}

/* Brings an exact result into the field's range. False: it does not fit and must not be written. */
static bool fit(const struct operation *o, __int128 exact, int64_t *value) {
    const struct field *field = &o->field;
    __int128 range = (__int128)1 << field->width;
    __int128 low = field->is_signed ? -(range / 2) : 0, high = low + range - 1;
    ASSERT(field->width >= 1 && field->width <= BITS_FIELD_MAX);
    *value = (int64_t)exact;
    if (exact >= low && exact <= high) return true;
    /* SET to a number so low that its distance from the top wraps around in Redis counts as too high there. */
    bool wraps = o->kind == FIELD_SET && field->is_signed && field->width < BITS_FIELD_MAX;
    bool too_high = exact > high || (wraps && high - exact > INT64_MAX);
    if (o->overflow == OVERFLOW_SAT) *value = (int64_t)(too_high ? high : low);
    if (o->overflow == OVERFLOW_WRAP) *value = field_value(field, (uint64_t)exact & (uint64_t)(range - 1));
    return o->overflow != OVERFLOW_FAIL;
}

/* Does one operation that writes. Returns whether it counts as a change: if it was refused or left things as
 * they were, it does not, but any that was done does where the string has grown. */
static bool change_field(struct call *c, const struct operation *o, struct bitmap_edit *edit) {
    const struct field *field = &o->field;
    int64_t old = field_value(field, bits_get(edit->bytes, edit->len, field->at, field->width)), value;
    __int128 exact = o->operand;
    if (o->kind == FIELD_INCRBY)
        exact += old;
    else if (!field->is_signed)
        exact = (uint64_t)o->operand; /* a negative number is taken for a very large one */
    if (!fit(o, exact, &value)) {
        reply_null(c->reply);
        return false;
    }
    if (value != old) bits_set(bitmap_edit_write(c, edit), field->at, field->width, (uint64_t)value);
    reply_int(c->reply, o->kind == FIELD_INCRBY ? value : old);
    return value != old || edit->grew;
}

/* Returns how many changes there were. */
static uint64_t do_all(struct call *c, struct bitmap_edit *edit) {
    struct operation o = {.overflow = OVERFLOW_WRAP};
    uint64_t changes = 0;
    for (unsigned i = 2; parse_operation(c, &i, &o);) {
        const struct field *field = &o.field;
        if (o.kind == FIELD_GET) {
            uint64_t raw = bits_get(edit->bytes, edit->len, field->at, field->width);
            reply_int(c->reply, field_value(field, raw));
        } else {
            changes += change_field(c, &o, edit);
        }
    }
    return changes;
}

static void bitfield(struct call *c, bool may_write) {
    struct needs needs;
    struct bitmap_edit edit = {0};
    struct bitmap map;
    if (!parse_all(c, &needs)) return;
    if (needs.writes && !may_write) {
        reply_error(c->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        return;
    }
    if (needs.writes) {
        if (!bitmap_edit_open(c, needs.last, &edit)) return;
    } else {
        if (!bitmap_read(c, 0, &map, NULL)) return;
        edit.bytes = map.bytes;
        edit.len = map.len;
    }
    reply_array(c->reply, needs.count);
    uint64_t changes = do_all(c, &edit);
    if (!changes) return;
    call_dirty(c, changes);
    notify(c, NOTIFY_STRING, "setbit", &c->keys[0]);
}

static void cmd_bitfield(struct call *c) {
    bitfield(c, true);
}

static void cmd_bitfield_ro(struct call *c) {
    bitfield(c, false);
}

/* For COMMAND GETKEYSANDFLAGS: without SET and INCRBY it only reads. */
static uint32_t bitfield_key_flags(const struct arg *argv, unsigned argc) {
    for (unsigned i = 2; i < argc;) {
        unsigned left = argc - i - 1;
        if (left >= 2 && text_is(argv[i].data, argv[i].len, "GET"))
            i += 3;
        else if (left >= 1 && text_is(argv[i].data, argv[i].len, "OVERFLOW"))
            i += 2;
        else
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    }
    return KEY_RO | KEY_ACCESS;
}

/* ---- the commands ---- */

struct command bitfield_commands[] = {
    {.name = "bitfield",
     .arity = -2,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .categories = ACL_WRITE | ACL_BITMAP | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS)},
     .key_flags = bitfield_key_flags,
     .handler = cmd_bitfield,
     .group = "bitmap",
     .since = "3.2.0",
     .summary = "Perform arbitrary bitfield integer operations on strings",
     .complexity = "O(1) for each subcommand specified"},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     .categories = ACL_READ | ACL_BITMAP | ACL_FAST,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_bitfield_ro,
     .group = "bitmap",
     .since = "6.0.0",
     .summary = "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
     .complexity = "O(1) for each subcommand specified"},
    {0},
};

/* rdb_record.c: the frame of an RDB file coming in: header, opcodes, keys, checksum: see rdb_read.h. */
#include "persist/rdb_read.h"
#include "shard/base/assert.h"

#include <string.h>

enum {
    MAGIC_BYTES = 5,
    MS_PER_S = 1000,
    MODULE_NAME_LEN = 9,
    MODULE_LETTER_BITS = 6,
    MODULE_VERSION_BITS = 10
};

bool rdb_read_header(struct rdb_reader *r) {
    r->reading = "the header";
    if (!rdb_need(r, RDB_HEADER_BYTES)) return false;
    if (memcmp(r->at, "REDIS", MAGIC_BYTES) != 0) return rdb_fail(r, "this is no RDB file");
    unsigned version = 0;
    for (int i = MAGIC_BYTES; i < RDB_HEADER_BYTES; i++) {
        if (r->at[i] < '0' || r->at[i] > '9') return rdb_fail(r, "a version that is no number");
        version = version * 10 + (unsigned)(r->at[i] - '0');
    }
    if (version < 1 || version > RDB_VERSION_NEWEST)
        return rdb_fail(r, "version %u of the format; 1 to %d are known", version, RDB_VERSION_NEWEST);
    r->version = version;
    r->at += RDB_HEADER_BYTES;
    return true;
}

/* ---- what stands before a key ---- */

static bool read_little_endian(struct rdb_reader *r, unsigned bytes, uint64_t *n) {
    if (!rdb_need(r, bytes)) return false;
    *n = 0;
    for (unsigned i = 0; i < bytes; i++) *n |= (uint64_t)r->at[i] << 8 * i;
    r->at += bytes;
    return true;
}

static bool read_deadline(struct rdb_reader *r, unsigned opcode, struct rdb_record *record) {
    uint64_t bits;
    r->reading = "a deadline";
    if (opcode == RDB_EXPIRETIME) {
        if (!read_little_endian(r, 4, &bits)) return false;
        record->expires_ms = (int64_t)(int32_t)bits * MS_PER_S;
    } else {
        if (!read_little_endian(r, 8, &bits)) return false;
        record->expires_ms = (int64_t)bits;
    }
    if (record->expires_ms < 0) record->expires_ms = 0;
    return true;
}

static bool read_access(struct rdb_reader *r, unsigned opcode, struct rdb_record *record) {
    uint64_t n;
    r->reading = "when a key was last used";
    if (opcode == RDB_FREQ) {
        if (!read_little_endian(r, 1, &n)) return false;
        record->frequency = (int)n;
        return true;
    }
    if (!rdb_read_length(r, &n)) return false;
    record->idle_s = n < INT64_MAX / MS_PER_S ? (int64_t)n : INT64_MAX / MS_PER_S;
    return true;
}

static enum rdb_event read_key(struct rdb_reader *r, unsigned type, struct rdb_record *record) {
    r->reading = "a key";
    if (rdb_value_type(type) == TYPE_COUNT || rdb_value_type(type) == TYPE_STREAM) {
        rdb_fail(r, "%s (type %u), which this server does not have", rdb_type_text(type), type);
        return RDB_EVENT_BROKEN;
    }
    if (!rdb_read_string(r, RDB_TEXT_KEY, &record->key)) return RDB_EVENT_BROKEN;
    record->type = type;
    r->key = record->key;
    r->reading = rdb_type_text(type);
    return RDB_EVENT_KEY;
}

/* ---- records without a key ---- */

/* The name of a module is in the number that stands for it: nine letters of six bits, and ten of version. */
static enum rdb_event refuse_module(struct rdb_reader *r) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char name[MODULE_NAME_LEN + 1] = "";
    uint64_t id;
    r->reading = "data of a module";
    if (!rdb_read_length(r, &id)) return RDB_EVENT_BROKEN;
    id >>= MODULE_VERSION_BITS;
    for (int i = MODULE_NAME_LEN; i-- > 0; id >>= MODULE_LETTER_BITS) name[i] = letters[id & 63];
    rdb_fail(r, "it needs the module '%s', and this server has none", name);
    return RDB_EVENT_BROKEN;
}

static enum rdb_event read_lengths(struct rdb_reader *r, enum rdb_event event, struct rdb_record *record) {
    bool fine = true;
    if (event == RDB_EVENT_SELECT) {
        r->reading = "the number of a database";
        return rdb_read_length(r, &record->database) ? event : RDB_EVENT_BROKEN;
    }
    r->reading = "how many keys there are";
    if (event == RDB_EVENT_SLOT) fine = rdb_read_length(r, &record->number);
    fine = fine && rdb_read_length(r, &record->keys) && rdb_read_length(r, &record->expiring);
    return fine ? event : RDB_EVENT_BROKEN;
}

static enum rdb_event read_strings(struct rdb_reader *r, enum rdb_event event, struct rdb_record *record) {
    r->reading = event == RDB_EVENT_AUX ? "a fact about the file (AUX)" : "a library of functions";
    if (event == RDB_EVENT_AUX && !rdb_read_string(r, RDB_TEXT_FIRST, &record->key)) return RDB_EVENT_BROKEN;
    return rdb_read_string(r, RDB_TEXT_SECOND, &record->text) ? event : RDB_EVENT_BROKEN;
}

static enum rdb_event read_end(struct rdb_reader *r, struct rdb_record *record) {
    uint64_t sum = rdb_reader_crc(r), found;
    r->reading = "the checksum";
    record->has_checksum = false;
    if (r->version < RDB_VERSION_WITH_CHECKSUM) return RDB_EVENT_END;
    if (!read_little_endian(r, 8, &found)) return RDB_EVENT_BROKEN;
    r->summed = r->at;
    record->has_checksum = found != 0 && r->checksum;
    if (record->has_checksum && found != sum) {
        rdb_fail(r, "it is %016llx, but the bytes before it have %016llx", (unsigned long long)found,
                 (unsigned long long)sum);
        return RDB_EVENT_BROKEN;
    }
    return RDB_EVENT_END;
}

static enum rdb_event read_other(struct rdb_reader *r, unsigned opcode, struct rdb_record *record) {
    switch (opcode) {
    case RDB_SELECTDB: return read_lengths(r, RDB_EVENT_SELECT, record);
    case RDB_RESIZEDB: return read_lengths(r, RDB_EVENT_RESIZE, record);
    case RDB_SLOT_INFO: return read_lengths(r, RDB_EVENT_SLOT, record);
    case RDB_AUX: return read_strings(r, RDB_EVENT_AUX, record);
    case RDB_FUNCTION: return read_strings(r, RDB_EVENT_FUNCTION, record);
    case RDB_EOF: return read_end(r, record);
    case RDB_MODULE_AUX: return refuse_module(r);
    case RDB_FUNCTION_PRE_GA: rdb_fail(r, "functions in a form that only previews of Redis 7.0 had"); break;
    default: ASSERT(false);
    }
    return RDB_EVENT_BROKEN;
}

enum rdb_event rdb_read_next(struct rdb_reader *r, struct rdb_record *record) {
    bool prefixed = false;
    record->expires_ms = record->idle_s = -1;
    record->frequency = -1;
    r->key.data = NULL;
    if (r->broken) return RDB_EVENT_BROKEN;
    for (;;) {
        r->reading = "what comes next";
        if (r->at == r->end && !prefixed && !rdb_more(r))
            return r->broken ? RDB_EVENT_BROKEN : RDB_EVENT_NONE;
        if (!rdb_need(r, 1)) return RDB_EVENT_BROKEN;
        unsigned opcode = *r->at++;
        bool fine = true;
        switch (opcode) {
        case RDB_EXPIRETIME:
        case RDB_EXPIRETIME_MS: fine = read_deadline(r, opcode, record); break;
        case RDB_IDLE:
        case RDB_FREQ: fine = read_access(r, opcode, record); break;
        default:
            return opcode < RDB_OPCODE_FIRST ? read_key(r, opcode, record) : read_other(r, opcode, record);
        }
        if (!fine) return RDB_EVENT_BROKEN;
        prefixed = true;
    }
}

void rdb_explain(const struct rdb_broken *broken, char *text) {
    struct rdb_reader r;
    struct rdb_record record = {0};
    rdb_reader_on_span(&r, broken->record, broken->present, broken->offset);
    r.version = broken->version;
    if (rdb_read_next(&r, &record) == RDB_EVENT_KEY) rdb_skip_value(&r, record.type);
    rdb_fail(&r, "%s", broken->why); /* unless it failed already */
    memcpy(text, rdb_error(&r), RDB_ERROR_MAX);
    rdb_reader_close(&r);
}

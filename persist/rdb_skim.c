/* rdb_skim.c: see rdb_skim.h.
 *
 * A record is a sequence of parts, written as a text:
 *
 *     s   a string        l   a length        1 4 8   so many bytes        d   an old score
 *     n   a count; what follows it comes as often as that
 *
 * A part's head is passed over at once when all of it is there; the bytes of a string are counted down in
 * `skip`. So the state between two calls is a place in the text and two numbers.
 */
#include "persist/rdb_skim.h"

#include "persist/rdb_length.h"
#include "persist/rdb_read.h"
#include "shard/base/assert.h"

static const char *const value_patterns[RDB_TYPE_COUNT] = {
    [RDB_STRING] = "s",        [RDB_LIST] = "ns",         [RDB_SET] = "ns",
    [RDB_ZSET] = "nsd",        [RDB_HASH] = "nss",        [RDB_ZSET_2] = "ns8",
    [RDB_HASH_ZIPMAP] = "s",   [RDB_LIST_ZIPLIST] = "s",  [RDB_SET_INTSET] = "s",
    [RDB_ZSET_ZIPLIST] = "s",  [RDB_HASH_ZIPLIST] = "s",  [RDB_LIST_QUICKLIST] = "ns",
    [RDB_HASH_LISTPACK] = "s", [RDB_ZSET_LISTPACK] = "s", [RDB_LIST_QUICKLIST_2] = "nls",
    [RDB_SET_LISTPACK] = "s",
};

static const char *record_pattern(unsigned opcode, unsigned version) {
    switch (opcode) {
    case RDB_SLOT_INFO: return "lll";
    case RDB_FUNCTION: return "s";
    case RDB_AUX: return "ss";
    case RDB_RESIZEDB: return "ll";
    case RDB_SELECTDB: return "l";
    case RDB_EOF: return version >= RDB_VERSION_WITH_CHECKSUM ? "8" : "";
    default: return NULL;
    }
}

static enum rdb_skimmed broken(struct rdb_skim *s, const char *why) {
    s->why = why;
    return RDB_SKIM_BROKEN;
}

/* ---- one part ---- */

/* Passes over `n` bytes, which may not all be there. */
static enum rdb_skimmed pass(struct rdb_skim *s, size_t present, uint64_t n, size_t *used) {
    size_t part = n < present ? (size_t)n : present;
    s->skip = n - part;
    *used = part;
    return RDB_SKIM_WHOLE;
}

static enum rdb_skimmed pass_string(struct rdb_skim *s, const unsigned char *at, size_t present,
                                    size_t *used) {
    struct rdb_string_head head;
    switch (rdb_string_head(at, present, &head)) {
    case RDB_HEAD_SHORT: return RDB_SKIM_MORE;
    case RDB_HEAD_WRONG: return broken(s, "an unknown encoding of a string");
    case RDB_HEAD_FOUND: break;
    }
    if (head.body > UINT32_MAX) return broken(s, "a string of more than 4 GB");
    enum rdb_skimmed result = pass(s, present - head.bytes, head.body, used);
    *used += head.bytes;
    return result;
}

static enum rdb_skimmed pass_length(struct rdb_skim *s, const unsigned char *at, size_t present, uint64_t *n,
                                    size_t *used) {
    switch (rdb_length_head(at, present, n, used)) {
    case RDB_HEAD_SHORT: return RDB_SKIM_MORE;
    case RDB_HEAD_WRONG: return broken(s, "an unknown encoding of a length");
    case RDB_HEAD_FOUND: break;
    }
    return RDB_SKIM_WHOLE;
}

static enum rdb_skimmed pass_old_score(struct rdb_skim *s, const unsigned char *at, size_t present,
                                       size_t *used) {
    if (present == 0) return RDB_SKIM_MORE;
    unsigned len = *at < RDB_SCORE_NAN ? *at : 0;
    return pass(s, present, 1 + (uint64_t)len, used);
}

/* The part that stands at s->pattern. */
static enum rdb_skimmed pass_part(struct rdb_skim *s, const unsigned char *at, size_t present, size_t *used) {
    uint64_t n;
    char part = *s->pattern;
    enum rdb_skimmed result = RDB_SKIM_WHOLE;
    switch (part) {
    case 's': result = pass_string(s, at, present, used); break;
    case 'l': result = pass_length(s, at, present, &n, used); break;
    case 'd': result = pass_old_score(s, at, present, used); break;
    case 'n':
        result = pass_length(s, at, present, &n, used);
        if (result != RDB_SKIM_WHOLE) return result;
        s->again = s->pattern + 1;
        s->left = n;
        s->pattern = n > 0 ? s->again : "";
        return result;
    default: result = pass(s, present, (uint64_t)(part - '0'), used); break;
    }
    if (result != RDB_SKIM_WHOLE) return result;
    s->pattern++;
    if (*s->pattern == '\0' && s->left > 1) {
        s->left--;
        s->pattern = s->again;
    }
    return result;
}

/* ---- values and records ---- */

bool rdb_skim_value(struct rdb_skim *s, unsigned type) {
    const char *pattern = type < RDB_TYPE_COUNT ? value_patterns[type] : NULL;
    if (!pattern) return false;
    s->pattern = pattern;
    s->left = 0;
    return true;
}

enum rdb_skimmed rdb_skim_on(struct rdb_skim *s, const unsigned char *bytes, size_t present, size_t *used) {
    const unsigned char *at = bytes, *end = bytes + present;
    enum rdb_skimmed result = RDB_SKIM_WHOLE;
    size_t n;
    ASSERT(s->pattern);
    for (;;) {
        if (s->skip > 0) {
            uint64_t skip = s->skip;
            pass(s, (size_t)(end - at), skip, &n);
            at += n;
            if (s->skip > 0) result = RDB_SKIM_MORE;
        }
        if (result != RDB_SKIM_WHOLE || *s->pattern == '\0') break;
        result = pass_part(s, at, (size_t)(end - at), &n);
        if (result != RDB_SKIM_WHOLE) break;
        at += n;
    }
    *used = (size_t)(at - bytes);
    s->done += *used;
    return result;
}

/* What stands before the type of a key: how many bytes; 0: nothing of the kind. */
static size_t prefix_bytes(unsigned opcode) {
    switch (opcode) {
    case RDB_EXPIRETIME: return 1 + 4;
    case RDB_EXPIRETIME_MS: return 1 + 8;
    case RDB_FREQ: return 1 + 1;
    default: return 0;
    }
}

/* Passes over deadline, access and type, up to the key. */
static enum rdb_skimmed skim_head(struct rdb_skim *s, unsigned version, const unsigned char *record,
                                  size_t present) {
    s->key = 0;
    while (present > s->done) {
        const unsigned char *at = record + s->done;
        size_t left = present - (size_t)s->done, used = prefix_bytes(*at);
        uint64_t idle;
        if (*at == RDB_IDLE) {
            enum rdb_skimmed result = pass_length(s, at + 1, left - 1, &idle, &used);
            if (result != RDB_SKIM_WHOLE) return result;
            used++;
        }
        if (used > left) return RDB_SKIM_MORE;
        if (used > 0) {
            s->done += used;
            continue;
        }
        s->opcode = *at;
        if (*at >= RDB_OPCODE_FIRST) {
            s->pattern = record_pattern(*at, version);
            if (!s->pattern)
                return broken(s, *at == RDB_MODULE_AUX ? "data of a module" : "an old form of functions");
        } else {
            if (!rdb_skim_value(s, *at)) return broken(s, rdb_type_text(*at));
            s->key = (size_t)s->done + 1;
        }
        s->done++;
        return RDB_SKIM_WHOLE;
    }
    return RDB_SKIM_MORE;
}

enum rdb_skimmed rdb_skim(struct rdb_skim *s, unsigned version, const unsigned char *record, size_t present,
                          size_t *len) {
    size_t used;
    if (!s->pattern) {
        enum rdb_skimmed result = skim_head(s, version, record, present);
        if (result != RDB_SKIM_WHOLE) return result;
    }
    if (s->key > 0 && s->done == s->key) {
        enum rdb_skimmed result = pass_string(s, record + s->done, present - (size_t)s->done, &used);
        if (result != RDB_SKIM_WHOLE) return result;
        s->done += used;
    }
    if (present < s->done) return RDB_SKIM_MORE;
    enum rdb_skimmed result = rdb_skim_on(s, record + s->done, present - (size_t)s->done, &used);
    if (result != RDB_SKIM_WHOLE) return result;
    *len = (size_t)s->done;
    *s = (struct rdb_skim){.opcode = s->opcode, .key = s->key};
    return RDB_SKIM_WHOLE;
}

bool rdb_is_empty(const unsigned char *file, size_t len) {
    struct rdb_reader r;
    struct rdb_skim skim = {0};
    size_t at = RDB_HEADER_BYTES, record = 0;
    if (len < RDB_HEADER_BYTES) return false;
    rdb_reader_on_span(&r, file, len, 0);
    bool good = rdb_read_header(&r);
    unsigned version = r.version;
    rdb_reader_close(&r);
    while (good && at < len && rdb_skim(&skim, version, file + at, len - at, &record) == RDB_SKIM_WHOLE) {
        if (skim.opcode == RDB_EOF) return true;
        if (skim.opcode < RDB_OPCODE_FIRST) return false;
        at += record;
    }
    return false;
}

/* model.c: see model.h. One small function per family of commands; the reply is always built from the state
 * alone. */
#include "tests/history/model.h"

#include <stdio.h>
#include <string.h>

#include "shard/base/assert.h"

static const char *const names[MODEL_KINDS] = {
    [MODEL_SET] = "SET",
    [MODEL_SET_GET] = "SET..GET",
    [MODEL_SETNX] = "SETNX",
    [MODEL_GET] = "GET",
    [MODEL_GETDEL] = "GETDEL",
    [MODEL_INCR] = "INCR",
    [MODEL_MSET] = "MSET",
    [MODEL_MSETNX] = "MSETNX",
    [MODEL_MGET] = "MGET",
    [MODEL_DEL] = "DEL",
    [MODEL_EXISTS] = "EXISTS",
    [MODEL_RENAME] = "RENAME",
    [MODEL_RENAMENX] = "RENAMENX",
    [MODEL_COPY] = "COPY",
    [MODEL_COPY_REPLACE] = "COPY..REPLACE",
    [MODEL_COPY_ACROSS] = "COPY..DB",
    [MODEL_MOVE] = "MOVE",
    [MODEL_SWAPDB] = "SWAPDB",
    [MODEL_FLUSHDB] = "FLUSHDB",
    [MODEL_FLUSHALL] = "FLUSHALL",
    [MODEL_KEYS_ALL] = "KEYS",
    [MODEL_EXPIRE] = "EXPIRE",
    [MODEL_PERSIST] = "PERSIST",
    [MODEL_TTL] = "TTL",
};

const char *model_name(enum model_kind kind) {
    ASSERT(kind < MODEL_KINDS);
    return names[kind];
}

void model_clear(struct model_state *s) {
    for (unsigned d = 0; d < MODEL_DATABASES; d++) {
        for (unsigned k = 0; k < MODEL_KEYS; k++) {
            s->values[d][k] = MODEL_ABSENT;
            s->expires[d][k] = 0;
        }
    }
}

static struct model_reply reply_one(enum model_reply_type type, int64_t value) {
    return (struct model_reply){.type = type, .count = 1, .values = {value}};
}

static struct model_reply reply_plain(enum model_reply_type type) {
    return (struct model_reply){.type = type};
}

static bool has(const struct model_state *s, unsigned database, unsigned key) {
    return s->values[database][key] != MODEL_ABSENT;
}

static void put(struct model_state *s, unsigned database, unsigned key, int64_t value) {
    s->values[database][key] = value;
    s->expires[database][key] = 0;
}

static void drop(struct model_state *s, unsigned database, unsigned key) {
    put(s, database, key, MODEL_ABSENT);
}

static void duplicate(struct model_state *s, unsigned from_db, unsigned from, unsigned to_db, unsigned to) {
    s->values[to_db][to] = s->values[from_db][from];
    s->expires[to_db][to] = s->expires[from_db][from];
}

static struct model_reply run_set(struct model_state *s, const struct model_op *op) {
    unsigned d = op->database, k = op->keys[0];
    int64_t before = s->values[d][k];
    bool refused = op->kind == MODEL_SETNX && has(s, d, k);
    if (!refused) put(s, d, k, op->values[0]);
    if (op->kind == MODEL_SETNX) return reply_one(MODEL_NUMBER, !refused);
    return op->kind == MODEL_SET ? reply_plain(MODEL_OK) : reply_one(MODEL_VALUE, before);
}

static struct model_reply run_mset(struct model_state *s, const struct model_op *op) {
    unsigned d = op->database;
    if (op->kind == MODEL_MSETNX) {
        for (unsigned i = 0; i < op->key_count; i++) {
            if (has(s, d, op->keys[i])) return reply_one(MODEL_NUMBER, 0);
        }
    }
    for (unsigned i = 0; i < op->key_count; i++) put(s, d, op->keys[i], op->values[i]);
    return op->kind == MODEL_MSETNX ? reply_one(MODEL_NUMBER, 1) : reply_plain(MODEL_OK);
}

static struct model_reply run_get(struct model_state *s, const struct model_op *op) {
    unsigned d = op->database, k = op->keys[0];
    int64_t value = s->values[d][k];
    if (op->kind == MODEL_GETDEL) drop(s, d, k);
    if (op->kind != MODEL_INCR) return reply_one(MODEL_VALUE, value);
    s->values[d][k] = value == MODEL_ABSENT ? 1 : value + 1; /* keeps the time to live */
    return reply_one(MODEL_NUMBER, s->values[d][k]);
}

/* MGET, DEL and EXISTS. */
static struct model_reply run_many(struct model_state *s, const struct model_op *op) {
    struct model_reply array = {.type = MODEL_ARRAY, .count = op->key_count};
    int64_t found = 0;
    for (unsigned i = 0; i < op->key_count; i++) {
        array.values[i] = s->values[op->database][op->keys[i]];
        found += has(s, op->database, op->keys[i]);
        if (op->kind == MODEL_DEL) drop(s, op->database, op->keys[i]);
    }
    return op->kind == MODEL_MGET ? array : reply_one(MODEL_NUMBER, found);
}

/* RENAME, COPY and MOVE in all their forms: a source, a destination, and what becomes of each. */
static struct model_reply run_transfer(struct model_state *s, const struct model_op *op) {
    bool across = op->kind == MODEL_COPY_ACROSS || op->kind == MODEL_MOVE;
    bool rename = op->kind == MODEL_RENAME || op->kind == MODEL_RENAMENX;
    bool overwrites = op->kind == MODEL_RENAME || op->kind == MODEL_COPY_REPLACE;
    unsigned d = op->database, from = op->keys[0];
    unsigned to_db = across ? 1 - d : d, to = across ? from : op->keys[1];
    if (!has(s, d, from)) return rename ? reply_plain(MODEL_ERROR) : reply_one(MODEL_NUMBER, 0);
    if (has(s, to_db, to) && !overwrites) return reply_one(MODEL_NUMBER, 0);
    duplicate(s, d, from, to_db, to);
    if (rename || op->kind == MODEL_MOVE) drop(s, d, from);
    return op->kind == MODEL_RENAME ? reply_plain(MODEL_OK) : reply_one(MODEL_NUMBER, 1);
}

static struct model_reply run_whole(struct model_state *s, const struct model_op *op) {
    if (op->kind == MODEL_KEYS_ALL) {
        int64_t mask = 0;
        for (unsigned k = 0; k < MODEL_KEYS; k++) mask |= (int64_t)has(s, op->database, k) << k;
        return reply_one(MODEL_NUMBER, mask);
    }
    if (op->kind == MODEL_SWAPDB) {
        struct model_state old = *s;
        for (unsigned d = 0; d < MODEL_DATABASES; d++) {
            memcpy(s->values[d], old.values[1 - d], sizeof s->values[d]);
            memcpy(s->expires[d], old.expires[1 - d], sizeof s->expires[d]);
        }
    } else {
        for (unsigned d = 0; d < MODEL_DATABASES; d++) {
            if (op->kind == MODEL_FLUSHDB && d != op->database) continue;
            for (unsigned k = 0; k < MODEL_KEYS; k++) drop(s, d, k);
        }
    }
    return reply_plain(MODEL_OK);
}

static struct model_reply run_expiry(struct model_state *s, const struct model_op *op) {
    unsigned d = op->database, k = op->keys[0];
    int64_t *expires = &s->expires[d][k];
    if (op->kind == MODEL_TTL) return reply_one(MODEL_NUMBER, !has(s, d, k) ? -2 : *expires ? 1 : -1);
    bool done = has(s, d, k) && (op->kind == MODEL_EXPIRE || *expires);
    if (done) *expires = op->kind == MODEL_EXPIRE;
    return reply_one(MODEL_NUMBER, done);
}

struct model_reply model_run(struct model_state *s, const struct model_op *op) {
    ASSERT(op->database < MODEL_DATABASES && op->key_count <= MODEL_ARGUMENTS);
    switch (op->kind) {
    case MODEL_SET:
    case MODEL_SET_GET:
    case MODEL_SETNX: return run_set(s, op);
    case MODEL_MSET:
    case MODEL_MSETNX: return run_mset(s, op);
    case MODEL_GET:
    case MODEL_GETDEL:
    case MODEL_INCR: return run_get(s, op);
    case MODEL_MGET:
    case MODEL_DEL:
    case MODEL_EXISTS: return run_many(s, op);
    case MODEL_RENAME:
    case MODEL_RENAMENX:
    case MODEL_COPY:
    case MODEL_COPY_REPLACE:
    case MODEL_COPY_ACROSS:
    case MODEL_MOVE: return run_transfer(s, op);
    case MODEL_SWAPDB:
    case MODEL_FLUSHDB:
    case MODEL_FLUSHALL:
    case MODEL_KEYS_ALL: return run_whole(s, op);
    case MODEL_EXPIRE:
    case MODEL_PERSIST:
    case MODEL_TTL: return run_expiry(s, op);
    case MODEL_KINDS: break;
    }
    assert_failed("a known kind of command", __FILE__, __LINE__);
}

bool model_reply_equal(const struct model_reply *a, const struct model_reply *b) {
    if (a->type != b->type || a->count != b->count) return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (a->values[i] != b->values[i]) return false;
    }
    return true;
}

bool model_changes_nothing(const struct model_op *op) {
    switch (op->kind) {
    case MODEL_GET:
    case MODEL_MGET:
    case MODEL_EXISTS:
    case MODEL_KEYS_ALL:
    case MODEL_TTL: return true;
    case MODEL_RENAME: return op->reply.type == MODEL_ERROR;
    case MODEL_RENAMENX: return op->reply.type == MODEL_ERROR || op->reply.values[0] == 0;
    case MODEL_GETDEL: return op->reply.values[0] == MODEL_ABSENT;
    case MODEL_SETNX:
    case MODEL_MSETNX:
    case MODEL_DEL:
    case MODEL_COPY:
    case MODEL_COPY_REPLACE:
    case MODEL_COPY_ACROSS:
    case MODEL_MOVE:
    case MODEL_EXPIRE:
    case MODEL_PERSIST: return op->reply.type == MODEL_NUMBER && op->reply.values[0] == 0;
    default: return false;
    }
}

static size_t describe_value(char *buffer, size_t cap, int64_t value) {
    int n = value == MODEL_ABSENT ? snprintf(buffer, cap, " nil")
                                  : snprintf(buffer, cap, " %lld", (long long)value);
    return n < 0 ? 0 : (size_t)n;
}

const char *model_describe(const struct model_op *op, char *buffer, size_t cap) {
    ASSERT(cap >= 256); /* enough for every command: five keys, five values, five values in the reply */
    size_t at =
        (size_t)snprintf(buffer, cap, "c%u db%u %s", op->connection, op->database, model_name(op->kind));
    bool writes = op->kind == MODEL_SET || op->kind == MODEL_SET_GET || op->kind == MODEL_SETNX ||
                  op->kind == MODEL_MSET || op->kind == MODEL_MSETNX;
    for (unsigned i = 0; i < op->key_count; i++) {
        at += (size_t)snprintf(buffer + at, cap - at, " k%u", op->keys[i]);
        if (writes) at += describe_value(buffer + at, cap - at, op->values[i]);
    }
    static const char *const types[] = {" -> OK", " ->", " ->", " -> array", " -> error"};
    at += (size_t)snprintf(buffer + at, cap - at, "%s", types[op->reply.type]);
    for (unsigned i = 0; i < op->reply.count; i++) {
        at += describe_value(buffer + at, cap - at, op->reply.values[i]);
    }
    ASSERT(at < cap);
    return buffer;
}

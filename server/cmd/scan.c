/* scan.c: SCAN: the keys of a database, a few at a time, slice after slice.
 *
 * On the client's thread; one slice is held at a time, and let go every SCAN_STEP entries, however large
 * COUNT is, so that nobody waits for a scan. Keys found are copied out of the slice, since the reply
 * begins with the cursor.
 *
 * The cursor is a slice and a place in that slice's table:
 *
 *     cursor = place << log2(number of slices) | slice
 *
 * A place is below the table's capacity, so cursors stay far below 2^63 and clients may keep them in any
 * 64-bit integer. (slice 0, place 0) is both the start and, since no slice comes after the last, the
 * end. Redis's guarantee (a key that is there from the start of a full iteration to its end is returned
 * at least once) is that of table_scan for each slice, and a key never changes its slice. Any number is
 * a valid cursor, as in Redis; a made-up one goes on from wherever it points.
 *
 * If a slice refuses before anything was found, the command is parked and starts again. Later it replies
 * what it has: SCAN may return less than COUNT.
 */
#include "server/call.h"
#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/text.h"

#include <string.h>

enum { SCAN_COUNT_DEFAULT = 10, SCAN_STEP = 64 };

struct scan {
    struct call *call;
    uint64_t slice, place; /* where to go on */
    uint64_t count;        /* how many entries the client asks to look at */
    uint64_t budget;       /* places that may still be looked at */
    const struct arg *pattern, *type;
    uint64_t seen;   /* entries looked at */
    uint64_t found;  /* keys in `keys` */
    struct buf keys; /* each a uint32_t length and its bytes */
};

static unsigned slice_bits(void) {
    ASSERT((slices.count & (slices.count - 1)) == 0);
    return (unsigned)__builtin_ctz(slices.count);
}

static bool parse_options(struct call *c, struct scan *scan) {
    for (unsigned i = 2; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (more && call_is(c, i, "COUNT")) {
            int64_t count;
            if (!call_int(c, ++i, &count, NULL)) return false;
            if (count < 1) {
                reply_syntax_error(c->reply);
                return false;
            }
            scan->count = (uint64_t)count;
        } else if (more && call_is(c, i, "MATCH")) {
            /* As in KEYS, a lone star means all keys, the empty one too, which the pattern would not
             * match. */
            const struct arg *pattern = &c->argv[++i];
            scan->pattern = pattern->len == 1 && pattern->data[0] == '*' ? NULL : pattern;
        } else if (more && call_is(c, i, "TYPE")) {
            scan->type = &c->argv[++i];
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    return true;
}

/* Collects one entry, if it is wanted. */
static void visit_entry(void *arg, struct entry **at) {
    struct scan *scan = arg;
    const struct entry *e = *at;
    scan->seen++;
    if (scan->type != NULL && !text_is(scan->type->data, scan->type->len, value_type_name(entry_type(e))))
        return;
    size_t len;
    const char *key = entry_key(e, &len);
    const struct arg *pattern = scan->pattern;
    if (pattern != NULL && !text_glob(pattern->data, pattern->len, key, len, false)) return;
    uint32_t len32 = (uint32_t)len;
    buf_append(&scan->keys, &len32, sizeof len32);
    buf_append(&scan->keys, key, len);
    scan->found++;
}

/* Goes on in the present slice until it ends, or one hold has covered enough, or the count is reached.
 * False: the slice was refused. */
static bool scan_slice(struct scan *scan) {
    struct slice *s = &slices.all[scan->slice];
    struct visit *visit = &scan->call->visit;
    if (!call_enter(scan->call, s)) return false;
    bool ended = keyspace_count(s, visit->database) == 0;
    uint64_t stop = scan->seen + SCAN_STEP;
    if (stop > scan->count) stop = scan->count;
    for (unsigned steps = 0; steps < SCAN_STEP && !ended && scan->seen < stop && scan->budget > 0; steps++) {
        scan->budget--;
        scan->place = keyspace_scan(visit, s, scan->place, visit_entry, scan);
        ended = scan->place == 0;
    }
    call_leave(scan->call, s);
    if (ended) {
        scan->place = 0;
        scan->slice++;
    }
    return true;
}

static void reply_found(struct scan *scan) {
    struct reply *r = scan->call->reply;
    uint64_t cursor = scan->place << slice_bits() | scan->slice;
    if (scan->slice == slices.count) cursor = 0;
    char digits[TEXT_I64_MAX];
    reply_array(r, 2);
    reply_bulk(r, digits, text_from_u64(digits, cursor));
    reply_array(r, scan->found);
    const char *at = scan->keys.data;
    for (uint64_t i = 0; i < scan->found; i++) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        reply_bulk(r, at + sizeof len, len);
        at += sizeof len + len;
    }
}

static void cmd_scan(struct call *c) {
    struct scan scan = {.call = c, .count = SCAN_COUNT_DEFAULT};
    uint64_t cursor;
    if (!text_to_cursor(c->argv[1].data, c->argv[1].len, &cursor)) {
        reply_error(c->reply, "ERR invalid cursor");
        return;
    }
    if (!parse_options(c, &scan)) return;
    scan.slice = cursor & (slices.count - 1);
    scan.place = cursor >> slice_bits();
    /* As in Redis: ten places are looked at for each entry wanted, at most. */
    scan.budget = scan.count > UINT64_MAX / 10 ? UINT64_MAX : scan.count * 10;
    while (scan.slice < slices.count && scan.seen < scan.count && scan.budget > 0) {
        if (scan_slice(&scan)) continue;
        if (scan.seen == 0) {
            buf_free(&scan.keys);
            return;
        }
        c->outcome = CALL_DONE;
        c->refused = NULL;
        break;
    }
    reply_found(&scan);
    buf_free(&scan.keys);
}

/* ---- the commands ---- */

struct command scan_commands[] = {
    {.name = "scan",
     .arity = -2,
     .flags = CMD_READONLY | CMD_VISITS,
     .categories = ACL_KEYSPACE | ACL_READ | ACL_SLOW,
     .handler = cmd_scan,
     .group = "generic",
     .since = "2.8.0",
     .summary = "Incrementally iterate the keys space",
     .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls "
                   "for the cursor to return back to 0. N is the number of elements inside the collection.",
     .tips = (const char *const[]){"nondeterministic_output", "request_policy:special", NULL}},
    {0},
};

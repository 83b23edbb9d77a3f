/* cmd/element_scan.c: see cmd/element_scan.h. */
#include "server/cmd/element_scan.h"

#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <string.h>

enum {
    COUNT_DEFAULT = 10,
    STEPS_PER_COUNT = 10, /* as in Redis: so many places for each element wanted, at most */
};

bool element_scan_begin(struct call *c, struct element_scan *scan) {
    ASSERT(c->argc >= 3);
    *scan = (struct element_scan){.call = c, .count = COUNT_DEFAULT};
    if (text_to_cursor(c->argv[2].data, c->argv[2].len, &scan->cursor)) return true;
    reply_error(c->reply, "ERR invalid cursor");
    return false;
}

static bool parse_count(struct element_scan *scan, unsigned i) {
    int64_t count;
    if (!call_int(scan->call, i, &count, NULL)) return false;
    if (count < 1) {
        reply_syntax_error(scan->call->reply);
        return false;
    }
    scan->count = (uint64_t)count;
    return true;
}

bool element_scan_options(struct element_scan *scan) {
    struct call *c = scan->call;
    for (unsigned i = 3; i < c->argc; i += 2) {
        bool more = i + 1 < c->argc;
        if (more && call_is(c, i, "COUNT")) {
            if (!parse_count(scan, i + 1)) return false;
        } else if (more && call_is(c, i, "MATCH")) {
            /* A lone star means all, the empty one too, which the pattern would not match. */
            const struct arg *pattern = &c->argv[i + 1];
            scan->pattern = pattern->len == 1 && pattern->data[0] == '*' ? NULL : pattern;
        } else {
            reply_syntax_error(c->reply);
            return false;
        }
    }
    uint64_t most = UINT64_MAX / STEPS_PER_COUNT;
    scan->steps_left = (scan->count < most ? scan->count : most) * STEPS_PER_COUNT;
    return true;
}

bool element_scan_goes_on(struct element_scan *scan, uint64_t next) {
    ASSERT(scan->steps_left > 0);
    scan->cursor = next;
    return next != 0 && --scan->steps_left > 0 && scan->seen < scan->count;
}

bool element_scan_wants(struct element_scan *scan, const char *text, size_t len) {
    const struct arg *pattern = scan->pattern;
    scan->seen++;
    return !pattern || text_glob(pattern->data, pattern->len, text, len, false);
}

void element_scan_add(struct element_scan *scan, const char *text, size_t len) {
    buf_append(&scan->texts, &len, sizeof len);
    buf_append(&scan->texts, text, len);
    scan->found++;
}

void element_scan_end(struct element_scan *scan) {
    struct reply *r = scan->call->reply;
    char digits[TEXT_I64_MAX];
    reply_array(r, 2);
    reply_bulk(r, digits, text_from_u64(digits, scan->cursor));
    reply_array(r, scan->found);
    const char *at = scan->texts.data;
    for (uint64_t i = 0; i < scan->found; i++) {
        size_t len;
        memcpy(&len, at, sizeof len);
        reply_bulk(r, at + sizeof len, len);
        at += sizeof len + len;
    }
    buf_free(&scan->texts);
}

/* cmd/hash_all.c: fields that are not named: HGETALL, HKEYS, HVALS, HRANDFIELD, HSCAN.
 *
 * On the client's thread, under the hold of the key's slice. Whole hashes are replied straight from where
 * they lie.
 */
#include "server/cmd/element_scan.h"
#include "server/cmd/hash.h"
#include "server/reply_elements.h"
#include "shard/base/assert.h"
#include "shard/base/text.h"

enum { DRAWS_MAX = 1 << 24 }; /* fields that HRANDFIELD replies with repetitions, at most */

static bool visit_field(void *arg, const struct hash_value *field, const struct hash_value *value) {
    (void)value;
    hash_reply_value(arg, field);
    return true;
}

static bool visit_value(void *arg, const struct hash_value *field, const struct hash_value *value) {
    (void)field;
    hash_reply_value(arg, value);
    return true;
}

static bool visit_both(void *arg, const struct hash_value *field, const struct hash_value *value) {
    hash_reply_value(arg, field);
    hash_reply_value(arg, value);
    return true;
}

static bool visit_pair(void *arg, const struct hash_value *field, const struct hash_value *value) {
    reply_array(arg, 2);
    return visit_both(arg, field, value);
}

/* ---- all ---- */

static void cmd_hgetall(struct call *c) {
    const struct hash *hash;
    if (!hash_read(c, &hash)) return;
    size_t count = hash ? hash_count(hash) : 0;
    reply_map(c->reply, count);
    if (count == 0) return;
    const unsigned char *elements = hash_elements(hash);
    if (elements)
        reply_elements(c->reply, elements, 2 * count);
    else
        hash_each(hash, visit_both, c->reply);
}

static void reply_all(struct call *c, hash_visit *visit) {
    const struct hash *hash;
    if (!hash_read(c, &hash)) return;
    reply_array(c->reply, hash ? hash_count(hash) : 0);
    if (hash) hash_each(hash, visit, c->reply);
}

static void cmd_hkeys(struct call *c) {
    reply_all(c, visit_field);
}

static void cmd_hvals(struct call *c) {
    reply_all(c, visit_value);
}

/* ---- by chance ---- */

static struct random *dice(struct call *c) {
    return &c->visit.thread->random;
}

static void draw_one(struct call *c) {
    const struct hash *hash;
    if (!hash_read(c, &hash)) return;
    if (hash)
        hash_draw(hash, dice(c), visit_field, c->reply);
    else
        reply_null(c->reply);
}

/* HRANDFIELD's count and option, by Redis's rules; but so many repetitions that the reply could not be sent
 * are refused. */
static bool parse_draws(struct call *c, int64_t *n, bool *with_values) {
    if (!call_int(c, 2, n, NULL)) return false;
    if (*n == INT64_MIN) {
        reply_errorf(c->reply, "ERR value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
        return false;
    }
    *with_values = c->argc == 4 && call_is(c, 3, "WITHVALUES");
    if (c->argc > 3 && !*with_values) {
        reply_syntax_error(c->reply);
        return false;
    }
    if (*n >= -DRAWS_MAX && (!*with_values || *n <= INT64_MAX / 2)) return true;
    reply_error(c->reply, "ERR value is out of range");
    return false;
}

static void draw_several(struct call *c) {
    const struct hash *hash;
    int64_t n;
    bool with_values;
    if (!parse_draws(c, &n, &with_values) || !hash_read(c, &hash)) return;
    bool pairs = with_values && c->reply->protocol == 3;
    hash_visit *visit = pairs ? visit_pair : with_values ? visit_both : visit_field;
    size_t total = hash ? hash_count(hash) : 0, count = n < 0 ? (size_t)-n : (size_t)n;
    if (total == 0) count = 0;
    if (n > 0 && count > total) count = total;
    reply_array(c->reply, with_values && !pairs ? 2 * count : count);
    if (n > 0 && count > 0) hash_sample(hash, dice(c), count, visit, c->reply);
    if (n < 0)
        for (; count > 0; count--) hash_draw(hash, dice(c), visit, c->reply);
}

static void cmd_hrandfield(struct call *c) {
    if (c->argc == 2)
        draw_one(c);
    else
        draw_several(c);
}

/* ---- HSCAN ---- */

static bool visit_scanned(void *arg, const struct hash_value *field, const struct hash_value *value) {
    struct element_scan *scan = arg;
    char digits[TEXT_I64_MAX];
    size_t len;
    const char *text = hash_value_text(field, digits, &len);
    if (!element_scan_wants(scan, text, len)) return true;
    element_scan_add(scan, text, len);
    text = hash_value_text(value, digits, &len);
    element_scan_add(scan, text, len);
    return true;
}

static void cmd_hscan(struct call *c) {
    struct element_scan scan;
    const struct hash *hash;
    uint64_t next;
    if (!element_scan_begin(c, &scan) || !hash_read(c, &hash)) return;
    if (!hash) {
        scan.cursor = 0;
    } else {
        if (!element_scan_options(&scan)) return;
        do {
            next = hash_scan(hash, scan.cursor, visit_scanned, &scan);
        } while (element_scan_goes_on(&scan, next));
    }
    element_scan_end(&scan);
}

/* ---- the commands ---- */

struct command hash_all_commands[] = {
    {.name = "hgetall",
     .arity = 2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_HASH | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hgetall,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Get all the fields and values in a hash",
     .complexity = "O(N) where N is the size of the hash.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "hkeys",
     .arity = 2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_HASH | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hkeys,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Get all the fields in a hash",
     .complexity = "O(N) where N is the size of the hash.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "hvals",
     .arity = 2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_HASH | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hvals,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Get all the values in a hash",
     .complexity = "O(N) where N is the size of the hash.",
     .tips = (const char *const[]){"nondeterministic_output_order", NULL}},
    {.name = "hrandfield",
     .arity = -2,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_HASH | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hrandfield,
     .group = "hash",
     .since = "6.2.0",
     .summary = "Get one or multiple random fields from a hash",
     .complexity = "O(N) where N is the number of fields returned",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {.name = "hscan",
     .arity = -3,
     .flags = CMD_READONLY,
     .categories = ACL_READ | ACL_HASH | ACL_SLOW,
     .keys = {KEYS_FIRST(KEY_RO | KEY_ACCESS)},
     .handler = cmd_hscan,
     .group = "hash",
     .since = "2.8.0",
     .summary = "Incrementally iterate hash fields and associated values",
     .complexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for "
                   "the cursor to return back to 0. N is the number of elements inside the collection..",
     .tips = (const char *const[]){"nondeterministic_output", NULL}},
    {0},
};

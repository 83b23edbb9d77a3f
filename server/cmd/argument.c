/* argument.c: arguments that several families take: see argument.h. */
#include "server/cmd/argument.h"

#include "shard/base/assert.h"

#include <limits.h>

bool argument_int(struct call *c, unsigned i, int *value) {
    int64_t n;
    if (!call_int(c, i, &n, NULL)) return false;
    if (n < INT_MIN || n > INT_MAX) {
        reply_errorf(c->reply, "ERR value is out of range, value must between %d and %d", INT_MIN, INT_MAX);
        return false;
    }
    *value = (int)n;
    return true;
}

bool argument_database(struct call *c, unsigned i, unsigned *database) {
    int n;
    if (!argument_int(c, i, &n)) return false;
    if (n < 0 || (unsigned)n >= slices.databases) {
        reply_error(c->reply, "ERR DB index is out of range");
        return false;
    }
    *database = (unsigned)n;
    return true;
}

void reply_invalid_deadline(struct call *c) {
    reply_errorf(c->reply, "ERR invalid expire time in '%s' command", c->command->full_name);
}

bool argument_deadline(struct call *c, unsigned i, enum deadline_form form, int64_t *when_ms) {
    ASSERT(form != DEADLINE_NONE);
    bool seconds = form == DEADLINE_EX || form == DEADLINE_EXAT;
    bool relative = form == DEADLINE_EX || form == DEADLINE_PX;
    int64_t n;
    if (!call_int(c, i, &n, NULL)) return false;
    if (n <= 0 || (seconds && __builtin_mul_overflow(n, 1000, &n)) ||
        (relative && __builtin_add_overflow(n, visit_now(&c->visit), &n))) {
        reply_invalid_deadline(c);
        return false;
    }
    *when_ms = n;
    return true;
}

bool deadline_is_past(struct call *c, const struct key *key, int64_t when_ms) {
    if (key->slice->switches & (SWITCH_REPLICA | SWITCH_LOADING)) return false;
    return when_ms <= visit_now(&c->visit);
}

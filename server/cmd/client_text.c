/* client_text.c: see client_text.h. */
#include "server/cmd/client_text.h"

#include "server/registry.h"
#include "shard/base/assert.h"

bool client_text_is_allowed(struct call *c, unsigned i, const char *what) {
    ASSERT(i < c->argc);
    const struct arg *text = &c->argv[i];
    for (size_t at = 0; at < text->len; at++) {
        if (text->data[at] >= '!' && text->data[at] <= '~') continue;
        reply_errorf(c->reply, "ERR %s cannot contain spaces, newlines or special characters.", what);
        return false;
    }
    if (text->len <= REGISTRY_TEXT_MAX) return true;
    reply_errorf(c->reply, "ERR %s cannot be longer than %d bytes.", what, REGISTRY_TEXT_MAX);
    return false;
}

/* fuzz_resp.c: any bytes, cut anywhere, through both parsers.
 *
 * The first byte decides where the input is cut. Checked besides memory errors: feeding in pieces gives the
 * same commands and the same verdict as feeding at once, and what the in-place parser accepts the partial
 * accepts alike.
 */
#include "server/resp.h"
#include "shard/base/assert.h"

#include <string.h>

enum { COMMANDS_MAX = 64 };

static const struct resp_limits LIMITS = {1 << 20, true};

struct outcome {
    uint64_t digest;
    unsigned commands;
    bool bad;
};

static void mix(struct outcome *o, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) o->digest = (o->digest ^ p[i]) * 1099511628211u;
    o->digest = (o->digest ^ n) * 1099511628211u;
}

static struct outcome feed(const char *data, size_t len, size_t piece) {
    struct outcome o = {.digest = 1469598103934665603u};
    struct resp_partial *p = resp_partial_new();
    size_t at = 0;
    while (at < len && o.commands < COMMANDS_MAX) {
        size_t n = len - at < piece ? len - at : piece, used;
        enum resp_result result = resp_feed(p, data + at, n, &LIMITS, &used);
        ASSERT(used <= n);
        at += used;
        if (result == RESP_MORE) {
            ASSERT(used == n);
            continue;
        }
        if (result == RESP_BAD) {
            mix(&o, resp_error(p), strlen(resp_error(p)));
            o.bad = true;
            break;
        }
        if (result == RESP_COMMAND) {
            unsigned argc;
            struct arg *argv = resp_argv(p, &argc);
            for (unsigned i = 0; i < argc; i++) mix(&o, argv[i].data, argv[i].len);
            o.commands++;
        }
        resp_partial_reset(p);
    }
    resp_partial_free(p);
    return o;
}

static void compare_first(const char *data, size_t len) {
    struct arg fast[16];
    unsigned argc, n;
    size_t used = resp_parse(data, len, fast, 16, &argc), slow_used;
    if (!used) return;
    struct resp_partial *p = resp_partial_new();
    enum resp_result result = resp_feed(p, data, len, &LIMITS, &slow_used);
    /* The in-place parser knows no limits; a bulk can be larger than this test's. */
    if (result == RESP_COMMAND) {
        struct arg *slow = resp_argv(p, &n);
        ASSERT(slow_used == used && n == argc);
        for (unsigned i = 0; i < n; i++)
            ASSERT(slow[i].len == fast[i].len && memcmp(slow[i].data, fast[i].data, fast[i].len) == 0);
    } else {
        ASSERT(result == RESP_BAD);
    }
    resp_partial_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 2) return 0;
    const char *data = (const char *)bytes + 1;
    size_t len = size - 1, piece = (size_t)bytes[0] % 37 + 1;
    struct outcome whole = feed(data, len, len), pieces = feed(data, len, piece);
    ASSERT(whole.digest == pieces.digest && whole.commands == pieces.commands && whole.bad == pieces.bad);
    compare_first(data, len);
    return 0;
}

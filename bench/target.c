/* target.c: see target.h. */
#include "bench/target.h"

#include "shard/base/assert.h"
#include "shard/base/text.h"

#include <string.h>

enum { PORT_DEFAULT = 6379, HOST_MAX = 256 };

bool target_tcp(const char *host, int port, struct target *target, struct problem *problem) {
    char why[128];
    if (strlen(host) >= HOST_MAX) return problem_note(problem, "the host name is too long");
    snprintf(target->name, sizeof target->name, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
    if (socket_resolve(host, port, &target->addresses, why, sizeof why) < 0)
        return problem_note(problem, "cannot find %s: %s", host, why);
    ASSERT(target->addresses.count > 0);
    return true;
}

bool target_unix(const char *path, struct target *target, struct problem *problem) {
    char why[128];
    snprintf(target->name, sizeof target->name, "%s", path);
    if (socket_unix_address(path, &target->addresses.list[0], why, sizeof why) < 0)
        return problem_note(problem, "%s: %s", path, why);
    target->addresses.count = 1;
    return true;
}

bool target_parse(const char *text, struct target *target, struct problem *problem) {
    char host[HOST_MAX] = "127.0.0.1";
    uint64_t port = PORT_DEFAULT;
    if (strchr(text, '/')) return target_unix(text, target, problem);
    const char *end, *from = text;
    if (text[0] == '[') {
        from = text + 1;
        end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return problem_note(problem, "'%s' is not [address]:port", text);
    } else {
        end = strrchr(text, ':');
        if (!end) end = text + strlen(text);
    }
    const char *colon = *end == ']' ? end + 1 : end;
    const size_t len = (size_t)(end - from);
    if (len >= sizeof host) return problem_note(problem, "the host name is too long");
    if (len) {
        memcpy(host, from, len);
        host[len] = 0;
    }
    if (*colon && (!text_to_u64(colon + 1, strlen(colon + 1), &port) || port == 0 || port > 65535))
        return problem_note(problem, "'%s' is not host:port, or the port is not from 1 to 65535", text);
    return target_tcp(host, (int)port, target, problem);
}

static void write_command(struct buf *out, unsigned count, const char *const *words) {
    buf_printf(out, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++) buf_printf(out, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
}

unsigned greeting_write(const struct greeting *g, unsigned database, struct buf *out) {
    unsigned replies = 0;
    if (g->resp3) {
        const char *const words[] = {"HELLO", "3", "AUTH", g->user ? g->user : "default", g->password};
        write_command(out, g->password ? 5 : 2, words);
        replies++;
    } else if (g->password) {
        const char *const with_user[] = {"AUTH", g->user, g->password}, *const without[] = {"AUTH",
                                                                                            g->password};
        write_command(out, g->user ? 3 : 2, g->user ? with_user : without);
        replies++;
    }
    if (database) {
        char number[16];
        snprintf(number, sizeof number, "%u", database);
        const char *const words[] = {"SELECT", number};
        write_command(out, 2, words);
        replies++;
    }
    if (replies == 0) {
        /* A server that is full, or wants a password, says so only when it is asked. */
        const char *const words[] = {"PING"};
        write_command(out, 1, words);
        replies++;
    }
    return replies;
}

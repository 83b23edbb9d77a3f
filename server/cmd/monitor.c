/* monitor.c: the command MONITOR. Needs no hold; what monitors are told is server/monitor.c's. */
#include "server/monitor.h"

#include "server/client.h"

/* A client that monitors already gets no reply to a second MONITOR. */
static void cmd_monitor(struct call *c) {
    if (client_has(c->client, CLIENT_MONITOR)) return;
    monitor_add(c->client);
    reply_ok(c->reply);
}

struct command monitor_commands[] = {
    {.name = "monitor",
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
     .categories = ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS,
     .handler = cmd_monitor,
     .group = "server",
     .summary = "Listen for all requests received by the server in real time",
     .since = "1.0.0"},
    {0},
};

/* target.h: a server to measure: its address as given, looked up once, and what connections say first.
 *
 * Made before threads start, read-only afterwards.
 */
#ifndef GYRE_BENCH_TARGET_H
#define GYRE_BENCH_TARGET_H

#include "bench/problem.h"
#include "shard/base/buf.h"
#include "shard/rt/socket.h"

#include <stdbool.h>

enum { TARGET_NAME_MAX = 300 };

struct target {
    char name[TARGET_NAME_MAX]; /* as messages call it: host:port or the socket's path */
    struct socket_addresses addresses;
};

/* "host:port", "[v6]:port", ":port", "host", or "/path/of/socket". False with the reason in `problem`. */
bool target_parse(const char *text, struct target *target, struct problem *problem);
bool target_tcp(const char *host, int port, struct target *target, struct problem *problem);
bool target_unix(const char *path, struct target *target, struct problem *problem);

/* Who connections are, and how they speak. */
struct greeting {
    const char *user, *password; /* or NULL */
    bool resp3;
};
/* The commands a connection says first, HELLO or AUTH and SELECT, or else PING; returns how many replies they will get. */
unsigned greeting_write(const struct greeting *g, unsigned database, struct buf *out);
/* The most bytes that they can be. */
enum { GREETING_MAX = 2048 };

#endif

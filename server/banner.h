/* banner.h: what the server says of itself when it starts. */
#ifndef GYRE_SERVER_BANNER_H
#define GYRE_SERVER_BANNER_H

#include "shard/rt/ring.h"

struct config;

/* One screen: version, pid, where it listens, threads, what io_uring offers, memory limit, persistence. */
void banner_print(const struct config *config, const struct ring_features *features);

#endif

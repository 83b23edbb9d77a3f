/* info_idle.c: the sections whose subsystems do not exist: they say what an idle redis-server 7.0.15 says. */
#include "server/info_parts.h"

void info_modules(struct info *in) {
    (void)in; /* there are none: only the heading */
}

void info_cluster(struct info *in) {
    info_int(in, "cluster_enabled", 0);
}

/* main.c: gyre-history, which records what concurrent clients see and looks for what no legal order can
 * explain.
 *
 *    gyre-history --port P [--profile rounds|windows|accounts|queues|moves|replicas] [--seconds S] [--seed N]
 *                 [--threads T] [--connections C] [--keys K] [--replica P2] [--replica P3] ...
 *
 * Exit status: 0 no violation, 1 a violation (printed), 2 the run could not be made. It empties databases 0
 * and 1 of the server at that port of this machine; `replicas` leaves them as they are, and reads at the ports of the
 * replicas too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/history/crew.h"

static const struct profile {
    const char *name;
    bool (*run)(const struct crew_options *options);
    unsigned connections, connections_in_all; /* at most: of each thread; of all */
} profiles[] = {
    {"rounds", rounds_run, CREW_CONNECTIONS, 16},
    {"windows", windows_run, CREW_CONNECTIONS, CREW_THREADS *CREW_CONNECTIONS},
    {"queues", queues_run, CREW_CONNECTIONS_MAX, CREW_THREADS *CREW_CONNECTIONS_MAX},
    {"accounts", accounts_run, CREW_CONNECTIONS_MAX, CREW_THREADS *CREW_CONNECTIONS_MAX},
    {"moves", moves_run, CREW_CONNECTIONS_MAX, CREW_THREADS *CREW_CONNECTIONS_MAX},
    {"replicas", replicas_run, CREW_CONNECTIONS, CREW_THREADS *CREW_CONNECTIONS},
};

static double number(const char *name, const char *text, double least, double most) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != 0 || value < least || value > most) {
        wire_trouble("%s is %s: it has to be from %.0f to %.0f", name, text, least, most);
    }
    return value;
}

int main(int argc, char **argv) {
    struct crew_options o = {.seed = 1, .seconds = 5, .threads = 4, .connections = 2, .group_keys = 8};
    const char *profile = "rounds";
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--port") == 0) {
            o.port = (uint16_t)number(name, value, 1, 65535);
        } else if (strcmp(name, "--profile") == 0) {
            profile = value;
        } else if (strcmp(name, "--seconds") == 0) {
            o.seconds = number(name, value, 0, 100000);
        } else if (strcmp(name, "--seed") == 0) {
            o.seed = (uint64_t)number(name, value, 0, 1e15);
        } else if (strcmp(name, "--threads") == 0) {
            o.threads = (unsigned)number(name, value, 1, CREW_THREADS);
        } else if (strcmp(name, "--connections") == 0) {
            o.connections = (unsigned)number(name, value, 1, CREW_CONNECTIONS_MAX);
        } else if (strcmp(name, "--keys") == 0) {
            o.group_keys = (unsigned)number(name, value, 1, 64);
        } else if (strcmp(name, "--replica") == 0 && o.replica_count < CREW_REPLICAS) {
            o.replicas[o.replica_count++] = (uint16_t)number(name, value, 1, 65535);
        } else {
            wire_trouble("unknown option %s", name);
        }
    }
    if (argc % 2 == 0 || o.port == 0) wire_trouble("usage: see the top of tests/history/main.c");
    for (size_t p = 0; p < sizeof profiles / sizeof *profiles; p++) {
        const struct profile *known = &profiles[p];
        if (strcmp(profile, known->name) != 0) continue;
        if (o.connections > known->connections || o.threads * o.connections > known->connections_in_all)
            wire_trouble("too many connections for %s", profile);
        return known->run(&o) ? 0 : 1;
    }
    wire_trouble("unknown profile %s", profile);
}

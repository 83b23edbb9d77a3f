/* main.c: gyre-history, which records what concurrent clients see and looks for what no legal order can
 * explain.
 *
 *    gyre-history --port P [--profile rounds|windows] [--seconds S] [--seed N]
 *                 [--threads T] [--connections C] [--keys K]
 *
 * Exit status: 0 no violation, 1 a violation (printed), 2 the run could not be made. It empties databases 0
 * and 1 of the server at that port of this machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/history/crew.h"

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
            o.connections = (unsigned)number(name, value, 1, CREW_CONNECTIONS);
        } else if (strcmp(name, "--keys") == 0) {
            o.group_keys = (unsigned)number(name, value, 1, 64);
        } else {
            wire_trouble("unknown option %s", name);
        }
    }
    if (argc % 2 == 0 || o.port == 0) wire_trouble("usage: see the top of tests/history/main.c");
    if (strcmp(profile, "rounds") == 0) {
        if (o.threads * o.connections > 16) wire_trouble("at most 16 connections in rounds");
        return rounds_run(&o) ? 0 : 1;
    }
    if (strcmp(profile, "windows") != 0) wire_trouble("unknown profile %s", profile);
    return windows_run(&o) ? 0 : 1;
}

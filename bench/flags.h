/* flags.h: the command line, as the user wrote it: checked one flag at a time, with nothing looked up yet.
 *
 * A zero or NULL field means that the flag was not given, unless it says otherwise; plan.h fills in what
 * follows from the rest. Texts point into argv.
 */
#ifndef GYRE_BENCH_FLAGS_H
#define GYRE_BENCH_FLAGS_H

#include "bench/draw.h"
#include "bench/problem.h"
#include "bench/sizes.h"
#include "shard/rt/cpus.h"

#include <stdbool.h>
#include <stdint.h>

enum { FLAGS_COMMANDS_MAX = 32, FLAGS_SERVERS_MAX = 16, FLAGS_SIZE_MAX = 64 << 20 };

enum flags_action { ACTION_RUN, ACTION_LAG, ACTION_COMPARE, ACTION_HELP, ACTION_VERSION };

struct flags {
    enum flags_action action;
    /* The server, and how to speak to it. */
    const char *host, *socket, *user, *password;
    uint64_t port, database, databases;
    bool resp3;
    const char *read_from[FLAGS_SERVERS_MAX];
    unsigned read_from_count;
    /* How much, how fast. */
    uint64_t clients, threads, pipeline, requests;
    uint64_t duration_ns, warm_up_ns; /* warm_up_ns is UINT64_MAX when not given */
    uint64_t drain_ns;
    double rate;
    bool poisson;
    /* What. */
    const char *tests, *workload, *mix;
    const char *command[FLAGS_COMMANDS_MAX];
    uint64_t command_ratio[FLAGS_COMMANDS_MAX];
    unsigned command_count;
    char *const *words; /* a command given as plain words, as redis-benchmark takes it */
    unsigned word_count;
    uint64_t keys, fields, hash_tags, seed;
    const char *key_prefix;
    bool has_distribution, fill, fill_only, verify;
    struct draw_shape distribution;
    struct sizes value_sizes, ttl; /* count 0 when not given */
    /* What to show. */
    bool quiet, csv, json;
    const char *html;
    struct cpu_list *cpus; /* allocated, or NULL */
    /* lag and compare. */
    const char *primary, *replicas[FLAGS_SERVERS_MAX], *servers[2];
    unsigned replica_count, server_count, pid_count;
    uint64_t pids[2], rounds, poll_ns;
};

/* False with one clear line in `problem`. flags_free frees what was allocated, in either case. */
bool flags_parse(int argc, char **argv, struct flags *flags, struct problem *problem);
void flags_free(struct flags *flags);

/* The help page: to standard output. */
void help_print(void);

#endif

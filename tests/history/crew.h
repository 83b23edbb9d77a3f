/* crew.h: the threads of the history client, and how a run goes.
 *
 * A run is a sequence of rounds. In a round every thread drives its connections at the same time as all
 * others, recording; at its end all wait while one of them puts the recordings together and has them judged.
 * Rounds are independent: the first command of each, sent while nobody else sends, sets all keys to a known
 * state.
 *
 *    thread 0:  prepare |  play  | judge | prepare |  play  | ...
 *    others:       -    |  play  |   -   |    -    |  play  | ...
 */
#ifndef GYRE_HISTORY_CREW_H
#define GYRE_HISTORY_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shard/base/random.h"
#include "tests/history/wire.h"

/* Connections of each thread: most profiles do with few, for their judges cannot take more. */
enum { CREW_THREADS = 8, CREW_CONNECTIONS = 4, CREW_CONNECTIONS_MAX = 40, CREW_REPLICAS = 5 };

struct crew_options {
    uint16_t port;
    uint64_t seed;
    double seconds;
    unsigned threads, connections; /* connections: of each thread */
    unsigned group_keys;           /* keys in each group of the registers profile */
    unsigned replica_count;        /* of the server at `port`, directly or not */
    uint16_t replicas[CREW_REPLICAS];
};

struct crew;

struct crew_member {
    struct crew *crew;
    unsigned index;
    struct random random;
    struct wire *wires; /* options.connections of them */
    pthread_t thread;
};

/* What differs between the profiles. `arg` is crew->arg. */
struct crew_plan {
    void (*prepare)(struct crew_member *leader, void *arg);
    void (*play)(struct crew_member *m, void *arg);
    bool (*judge)(struct crew *crew, void *arg); /* false: a violation, which it has printed */
    /* NULL: every connection is to options->port. */
    void (*connect)(struct crew_member *m, unsigned connection, void *arg);
};

struct crew {
    const struct crew_options *options;
    const struct crew_plan *plan;
    void *arg;
    pthread_barrier_t barrier;
    atomic_bool stop;
    bool violated;
    uint64_t rounds, commands, undecided;
    uint64_t deadline_ns;
    struct crew_member members[CREW_THREADS];
};

/* Runs rounds until the time is up or a violation is found. */
void crew_run(struct crew *crew);

/* The profiles: short rounds of all kinds of commands (linear.h), long ones of groups of keys (registers.h), transactions
 * of hundreds of clients (ledger.h). */
bool rounds_run(const struct crew_options *options);
bool windows_run(const struct crew_options *options);
bool accounts_run(const struct crew_options *options);
bool queues_run(const struct crew_options *options);   /* waiting for lists (queue.h) */
bool moves_run(const struct crew_options *options);    /* from list to list (ledger.h) */
bool replicas_run(const struct crew_options *options); /* what replicas show (prefix.h) */

#endif

/* census.h: what a worker's clients hold together: memory, the largest input and output, how many are
 * blocked.
 *
 * Nobody can look into another thread's clients, and to walk ten thousand of them for one INFO would stop
 * their thread for a millisecond. So each worker counts its own as its upkeep passes over them anyway, and
 * publishes the sums whenever it has seen all: they are of the last second or two.
 */
#ifndef GYRE_SERVER_CENSUS_H
#define GYRE_SERVER_CENSUS_H

#include <stddef.h>
#include <stdint.h>

struct worker;
struct client;

/* The sums of a round in progress. */
struct census {
    uint64_t bytes, input_max, output_max;
};

/* The memory that a client holds. Its own thread. */
size_t census_client_bytes(const struct client *c);
/* Counts one client of a round; ends the round and publishes. The worker's own thread. */
void census_see(struct census *census, const struct client *c);
void census_end(struct census *census, struct worker *w);

#endif

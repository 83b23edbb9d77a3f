/* output.h: getting replies out: one send in flight per client, with everything that is ready in it.
 *
 * What handlers write collects in client->reply while an earlier send is in the kernel. At the end of a
 * turn, and when a send is done, all of it goes out as one request: a plain send for one piece, a vector for
 * several (blobs are sent from where they lie).
 */
#ifndef GYRE_SERVER_OUTPUT_H
#define GYRE_SERVER_OUTPUT_H

#include "shard/rt/thread.h"

#include <stdbool.h>
#include <stdint.h>

struct client;
struct worker;

/* Threads that have pushed something to this one's clients, and the turns in which they did. */
struct push_sources {
    uint64_t bits[THREADS_MAX / 64];
    uint64_t turns[THREADS_MAX];
};

/* Something that thread number `from` did in its turn `turn` is in the client's output, and is no reply. With
 * appendfsync always it has to be durable before the client hears of it; but it may not even have a ticket yet, as
 * long as that turn goes on. */
void output_note_push(struct worker *w, struct client *c, unsigned from, uint64_t turn);
/* Whether somebody waits for such a turn to end: it is looked after again soon. */
bool output_is_unsure(const struct worker *w);

/* Notes that the client has something to be sent, or to be closed for, at the end of this turn. */
void client_has_output(struct worker *w, struct client *c);
/* Starts sends for all clients noted; closes those that passed their output limit or asked for it. */
void output_flush(struct worker *w);
/* Whether more waits for the client than the hard limit of its class allows. Who appends much to others'
 * output asks, and sets CLIENT_CLOSE_ASAP: then it is closed at the end of the turn, whatever has been sent
 * by then. */
bool output_is_over_hard_limit(struct client *c);
/* A send is done (result as of the completion). */
void output_sent(struct worker *w, struct client *c, int32_t result);
/* Frees what was being sent. Only when no send is in flight. */
void output_drop(struct client *c);

#endif

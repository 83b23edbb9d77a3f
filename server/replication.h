/* replication.h: what ties replication (repl/) to the rest of the server: its settings from the configuration, its part of
 * the coordinator's loop, and connections that turn out to be replicas.
 */
#ifndef GYRE_SERVER_REPLICATION_H
#define GYRE_SERVER_REPLICATION_H

#include "repl/coordinator.h"
#include "repl/identity.h"

#include <stdatomic.h>
#include <stdbool.h>

struct client;
struct worker;

/* On the coordinator's thread: as it starts, every turn after the stream was merged, every beat. */
void replication_start(struct coordinator *c);
void replication_turn(struct coordinator *c);
void replication_beat(struct coordinator *c);

/* With all slices held: says in the options of a dump which history it is a prefix of, if that is known. `room` is where
 * its name stands. */
struct dump_options;
void replication_describe(struct dump_options *options, struct identity *room);

/* How many replicas have what the client knows of (`durable`: in their append-only files). Asked again and again until there are
 * enough, its client->awaits_offset keeps what was found out; zero it in the end. */
unsigned replication_level(struct client *c, bool durable);
/* A command of this thread waits for acknowledgements: the thread is poked when some have come. Once. */
void replication_await(struct worker *w);
/* Whether too few replicas are there for anything to be written (min-replicas-to-write). Any thread. */
extern _Atomic bool replication_refuses_writes;
/* Registers what CONFIG SET does here. Before threads start. */
void replication_register_hooks(void);

/* The client is a replica from here on: it gets what it was told so far, and then belongs to the coordinator. Its
 * `replica` has been filled in. On its own thread. */
void replication_hand_over(struct worker *w, struct client *c);
/* The connection of such a client, which is being freed, goes to the coordinator. */
void replication_take_over(struct worker *w, struct client *c);

#endif

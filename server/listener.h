/* listener.h: the sockets the server listens on, and the dealing out of connections.
 *
 * One multishot accept per listening socket, on the coordinator. Each new connection goes to the worker with
 * the fewest, so at accept time no two workers differ by more than one; SO_REUSEPORT's hashing would not
 * give that at few connections.
 */
#ifndef GYRE_SERVER_LISTENER_H
#define GYRE_SERVER_LISTENER_H

#include "repl/coordinator.h"

struct config;

/* Opens all of bind, port and unixsocket. Before threads start. False with the reason in `why`. */
bool listeners_open(const struct config *config, char *why, size_t why_cap);
/* On the coordinator: starts accepting; handles a completion; re-arms what an error has stopped. */
void listeners_start(struct coordinator *c);
void listeners_completion(struct coordinator *c, const struct completion *done);
void listeners_beat(struct coordinator *c);
/* Closes them and removes the unix socket. After threads have ended. */
void listeners_close(void);
/* How many clients the process can have (its limit of open files may allow fewer than maxclients). */
void listeners_set_maxclients(int64_t clients);
/* Registers what CONFIG SET of maxclients, bind and port does here. Before threads start. */
void listeners_register_hooks(void);
/* Connections of all workers. */
unsigned listeners_connections(void);
uint64_t listeners_rejected(void);

#endif

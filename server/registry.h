/* registry.h: the clients of all threads, for whoever lists, finds or kills them.
 *
 * Each worker keeps its clients in a list by age under its registry lock (worker.h). A walk goes from
 * worker to worker and takes the lock anew for every few clients, so that no thread waits for long however
 * many clients there are. Between two steps the walker's place is kept by a marker of its own in the list:
 * nobody is seen twice, and everybody who was there at the beginning of his worker's turn and still is
 * will be seen; later ones are left out, so a walk ends.
 *
 * What a walker gets is a copy (client_view): the client may be gone the moment the lock is let go. Any
 * worker's thread may walk, with or without slices held: the lock is ranked after them.
 */
#ifndef GYRE_SERVER_REGISTRY_H
#define GYRE_SERVER_REGISTRY_H

#include "server/client.h"
#include "server/pubsub.h"
#include "shard/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct worker;

/* The longest name a client may have (CLIENT SETNAME, SETINFO), since all names are copied under the lock. */
enum { REGISTRY_TEXT_MAX = 4096 };

/* What CLIENT LIST tells of a client. Texts are never NULL and last until the walk's next step. */
struct client_view {
    uint64_t id;
    int fd;
    uint32_t flags, database;
    uint32_t subscriptions[PUBSUB_KINDS];
    int64_t created_ms, active_ms;
    uint64_t input_bytes, output_bytes;
    int32_t queued;                     /* commands within MULTI; -1 outside */
    const struct command *last_command; /* NULL: none yet */
    char peer[sizeof((struct client *)0)->peer], local[sizeof((struct client *)0)->local];
    const char *name, *library_name, *library_version;
};

/* Whether a client is wanted. Called with the lock held: it compares, or sets a shared flag, and calls
 * nothing. */
typedef bool registry_filter(void *arg, struct client *c);

struct registry_cursor {
    struct client_view view; /* of the client that registry_next stopped at */
    registry_filter *filter;
    void *arg;
    unsigned worker;
    bool entered;         /* the marker is in the worker's list */
    uint64_t last_id;     /* the newest client there when the walk came */
    struct client marker; /* id 0: other walkers pass over it */
    struct buf text;
};

/* Walks the clients that `filter` (NULL: all) wants, worker by worker, each worker's by age. Killed ones
 * are left out. The cursor must stay where it is until registry_end, which may come before the walk is
 * over. */
void registry_begin(struct registry_cursor *cursor, registry_filter *filter, void *arg);
bool registry_next(struct registry_cursor *cursor);
void registry_end(struct registry_cursor *cursor);

/* Fills in what `c` looks like now. Own client, or under its worker's lock. Texts point into `text`. */
void registry_view(struct client *c, struct client_view *view, struct buf *text);

/* Kills all clients that `filter` wants; returns how many. They run no further command (the flag is looked
 * at before each), and their threads are told to close them. */
size_t registry_kill(struct worker *from, registry_filter *filter, void *arg);

/* Links a new client into its worker's list, and takes it out. Own thread. */
void registry_add(struct worker *w, struct client *c);
void registry_remove(struct worker *w, struct client *c);

/* Replaces one of the client's texts (&c->name, ...) by a copy of n <= REGISTRY_TEXT_MAX bytes; none when
 * n is 0. Own thread. */
void registry_set_text(struct client *c, char **text, const char *bytes, size_t n);

#endif

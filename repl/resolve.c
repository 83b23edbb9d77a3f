/* resolve.c: see resolve.h. */
#include "repl/resolve.h"

#include "shard/base/assert.h"
#include "shard/base/mem.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void deliver(struct thread *to, struct message *message) {
    struct lookup *lookup = (struct lookup *)message;
    lookup->done(to, lookup);
}

static void look_up(struct lookup *lookup) {
    lookup->result =
        socket_resolve(lookup->host, lookup->port, &lookup->found, lookup->why, sizeof lookup->why);
}

static void *body(void *argument) {
    struct lookup *lookup = argument;
    look_up(lookup);
    thread_post_from_outside(lookup->asker, &lookup->message);
    return NULL;
}

static bool is_numeric(const char *host) {
    struct in6_addr room;
    return inet_pton(AF_INET, host, &room) == 1 || inet_pton(AF_INET6, host, &room) == 1;
}

void resolve(struct thread *t, const char *host, int port,
             void (*done)(struct thread *t, struct lookup *lookup)) {
    struct lookup *lookup = mem_zalloc(sizeof *lookup);
    pthread_attr_t detached;
    pthread_t thread;
    ASSERT(strlen(host) < sizeof lookup->host);
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    lookup->port = port;
    lookup->asker = t;
    lookup->done = done;
    lookup->message.deliver = deliver;
    if (is_numeric(host)) {
        look_up(lookup);
        done(t, lookup);
        return;
    }
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int error = pthread_create(&thread, &detached, body, lookup);
    pthread_attr_destroy(&detached);
    if (!error) return;
    lookup->result = -error;
    snprintf(lookup->why, sizeof lookup->why, "a thread could not be made: %s", strerror(error));
    done(t, lookup);
}

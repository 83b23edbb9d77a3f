/* listener.c: see listener.h. */
#include "server/listener.h"

#include "server/client.h"
#include "server/config.h"
#include "server/process.h"
#include "server/worker.h"
#include "shard/base/assert.h"
#include "shard/base/log.h"
#include "shard/base/mem.h"
#include "shard/rt/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct listener {
    int fd;
    bool armed;
};

static struct listener listeners[CONFIG_BIND_MAX + 1];
static unsigned listeners_count;
static const char *unix_path;
static _Atomic uint64_t rejected;
static _Atomic int64_t
    clients_max; /* maxclients, or fewer where the limit of open files does not allow that many */

/* A connection on its way from the acceptor to its worker. */
struct arrival {
    struct message message;
    struct client_origin origin;
};

static void add_listener(int fd) {
    ASSERT(listeners_count < sizeof listeners / sizeof *listeners);
    listeners[listeners_count++] = (struct listener){.fd = fd};
}

/* Redis's rule: an address with '-' before it may be missing on this machine. */
static bool open_tcp(const struct config *config, char *why, size_t cap) {
    char cause[128];
    for (int i = 0; config->port && i < config->bind_count; i++) {
        const char *address = config->bind[i];
        bool optional = *address == '-';
        int fd =
            socket_listen_tcp(address + optional, config->port, config->tcp_backlog, cause, sizeof cause);
        if (fd >= 0) {
            add_listener(fd);
        } else if (optional && (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT || fd == -EPROTONOSUPPORT)) {
            log_verbose("Not listening on optional address %s: %s", address + 1, cause);
        } else {
            snprintf(why, cap, "could not listen on %s port %d: %s", address, config->port, cause);
            return false;
        }
    }
    return true;
}

bool listeners_open(const struct config *config, char *why, size_t why_cap) {
    char cause[128];
    if (!open_tcp(config, why, why_cap)) return false;
    if (*config->unixsocket) {
        int fd = socket_listen_unix(config->unixsocket, (mode_t)config->unixsocketperm, config->tcp_backlog,
                                    cause, sizeof cause);
        if (fd < 0) {
            snprintf(why, why_cap, "could not listen on unix socket %s: %s", config->unixsocket, cause);
            return false;
        }
        unix_path = mem_strdup(config->unixsocket);
        add_listener(fd);
    }
    if (!listeners_count) {
        snprintf(why, why_cap,
                 "nothing to listen on: port is 0 or no address of bind exists, and no unixsocket is set");
        return false;
    }
    return true;
}

static void arm(struct coordinator *c, unsigned i) {
    listeners[i].armed = true;
    ring_accept(c->thread.ring, listeners[i].fd, tag_make(TAG_ACCEPT, 0, i));
}

void listeners_start(struct coordinator *c) {
    for (unsigned i = 0; i < listeners_count; i++) arm(c, i);
}

void listeners_beat(struct coordinator *c) {
    for (unsigned i = 0; i < listeners_count; i++)
        if (!listeners[i].armed) arm(c, i);
}

void listeners_set_maxclients(int64_t clients) {
    atomic_store(&clients_max, clients);
}

/* CONFIG SET maxclients: refused when the files for that many cannot be had. */
static bool apply_maxclients(const struct config *before, const struct config *after, char *why) {
    (void)before;
    int64_t allowed = process_raise_limits(after->maxclients);
    if (allowed < after->maxclients) {
        snprintf(why, CONFIG_WHY_MAX,
                 "The operating system is not able to handle the specified number of clients, try with %lld",
                 (long long)allowed);
        return false;
    }
    listeners_set_maxclients(after->maxclients);
    return true;
}

void listeners_register_hooks(void) {
    static const struct config_hook hooks[] = {{"maxclients", apply_maxclients}, {NULL, NULL}};
    config_register_hooks(hooks);
}

unsigned listeners_connections(void) {
    unsigned sum = 0;
    for (unsigned i = 0; i < workers_count; i++)
        sum += atomic_load_explicit(&worker_by_index(i)->connections, memory_order_relaxed);
    return sum;
}

uint64_t listeners_rejected(void) {
    return atomic_load_explicit(&rejected, memory_order_relaxed);
}

static void refuse(int fd, const char *text) {
    atomic_fetch_add_explicit(&rejected, 1, memory_order_relaxed);
    socket_refuse(fd, text);
}

static const char PROTECTED[] = "-DENIED Redis is running in protected mode because protected mode is "
                                "enabled and no password is set for the "
                                "default user. In this mode connections are only accepted from the loopback "
                                "interface. To connect from elsewhere "
                                "do one of these: 1) set a password for the default user (requirepass); 2) "
                                "disable protected mode with 'CONFIG SET "
                                "protected-mode no' from the loopback interface, and make sure that the "
                                "server cannot be reached from the internet; "
                                "3) start the server with '--protected-mode no'.\r\n";

static void arrive(struct thread *to, struct message *message) {
    struct arrival *a = (struct arrival *)(void *)message;
    client_create(worker_of(to), &a->origin);
    mem_free(a);
}

static struct worker *least_loaded(void) {
    struct worker *best = worker_by_index(0);
    unsigned fewest = atomic_load_explicit(&best->connections, memory_order_relaxed);
    for (unsigned i = 1; i < workers_count; i++) {
        unsigned n = atomic_load_explicit(&worker_by_index(i)->connections, memory_order_relaxed);
        if (n >= fewest) continue;
        best = worker_by_index(i);
        fewest = n;
    }
    return best;
}

static void deal(struct coordinator *c, int fd) {
    const struct config *config = config_get();
    if (listeners_connections() >= atomic_load_explicit(&clients_max, memory_order_relaxed)) {
        refuse(fd, "-ERR max number of clients reached\r\n");
        return;
    }
    if (config->protected_mode && !*config->requirepass && !socket_is_local(fd)) {
        refuse(fd, PROTECTED);
        return;
    }
    struct worker *w = least_loaded();
    struct arrival *a = mem_zalloc(sizeof *a);
    a->message.deliver = arrive;
    a->origin.fd = fd;
    a->origin.unix_socket = socket_names(fd, a->origin.peer, a->origin.local, sizeof a->origin.peer);
    if (!a->origin.unix_socket) socket_tune(fd, config->tcp_keepalive);
    atomic_fetch_add_explicit(&w->connections, 1, memory_order_relaxed);
    log_verbose("Accepted %s", a->origin.peer);
    thread_post(&c->thread, &w->thread, &a->message);
}

void listeners_completion(struct coordinator *c, const struct completion *done) {
    if (tag_kind(done->tag) != TAG_ACCEPT) return;
    struct listener *l = &listeners[(uint32_t)done->tag];
    if (done->result >= 0) deal(c, done->result);
    if (done->more) return;
    l->armed = false;
    if (done->result >= 0) {
        arm(c, (unsigned)(l - listeners));
    } else {
        /* Out of descriptors, most likely: trying again at once would spin; the next beat does. */
        log_warning("Accepting client connection: %s", strerror(-done->result));
    }
}

void listeners_close(void) {
    for (unsigned i = 0; i < listeners_count; i++) close(listeners[i].fd);
    if (unix_path) unlink(unix_path);
    listeners_count = 0;
}

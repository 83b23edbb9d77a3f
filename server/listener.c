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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENERS_MAX = 2 * CONFIG_BIND_MAX + 1, QUEUE_MAX = 4096 };
#define FAILURE_QUIET_NS 10000000000u

/* A socket that connections come in by; the coordinator's own. */
struct listener {
    int fd; /* -1: this place is free */
    uint32_t generation;
    bool armed;
};

static struct listener listeners[LISTENERS_MAX];
static struct coordinator *acceptor;
static const char *unix_path;
static _Atomic uint64_t rejected;
static _Atomic int64_t
    clients_max; /* maxclients, or fewer where the limit of open files does not allow that many */

/* The TCP sockets that the configuration asks for. Changed at start, then under the configuration's lock. */
struct address {
    const char *text;
    int port, fd;
};
struct addresses {
    struct address all[CONFIG_BIND_MAX];
    unsigned count;
};
static struct addresses addresses;

/* A connection on its way from the acceptor to its worker. */
struct arrival {
    struct message message;
    struct client_origin origin;
};

static unsigned add_listener(int fd) {
    unsigned i = 0;
    while (i < LISTENERS_MAX && listeners[i].fd >= 0) i++;
    ASSERT(i < LISTENERS_MAX);
    listeners[i].fd = fd;
    listeners[i].armed = false;
    return i;
}

static const struct address *find_address(const struct addresses *set, const char *text, int port) {
    for (unsigned i = 0; i < set->count; i++)
        if (set->all[i].port == port && !strcmp(set->all[i].text, text)) return &set->all[i];
    return NULL;
}

/* Closes the sockets of `set` that `other` does not have. */
static void close_all_but(const struct addresses *set, const struct addresses *other) {
    for (unsigned i = 0; i < set->count; i++)
        if (!find_address(other, set->all[i].text, set->all[i].port)) close(set->all[i].fd);
}

/* Opens what the configuration asks for, but for what `have` has already. Redis's rule: an address with '-' before it may be missing
 * on this machine. */
static bool open_tcp(const struct config *config, const struct addresses *have, struct addresses *want,
                     char *why, size_t cap) {
    char cause[128];
    *want = (struct addresses){.count = 0};
    for (int i = 0; config->port && i < config->bind_count; i++) {
        const char *text = config->bind[i];
        bool optional = *text == '-';
        const struct address *old = find_address(have, text, config->port);
        if (find_address(want, text, config->port)) continue;
        int fd = old ? old->fd
                     : socket_listen_tcp(text + optional, config->port, config->tcp_backlog, have->count > 0,
                                         cause, sizeof cause);
        if (fd >= 0) {
            want->all[want->count++] = (struct address){mem_strdup(text), config->port, fd};
        } else if (optional && (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT || fd == -EPROTONOSUPPORT)) {
            log_verbose("Not listening on optional address %s: %s", text + 1, cause);
        } else {
            snprintf(why, cap, "could not listen on %s port %d: %s", text, config->port, cause);
            return false;
        }
    }
    return true;
}

static void free_texts(struct addresses *set) {
    for (unsigned i = 0; i < set->count; i++) mem_free((void *)set->all[i].text);
    set->count = 0;
}

/* The kernel cuts a backlog off at its own limit without a word. */
static void check_backlog(int backlog) {
    FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
    char line[32];
    if (!f) return;
    long limit = fgets(line, sizeof line, f) ? strtol(line, NULL, 10) : 0;
    if (limit > 0 && limit < backlog)
        log_warning("WARNING: The TCP backlog setting of %d cannot be enforced because "
                    "/proc/sys/net/core/somaxconn is set to the lower value of %ld.",
                    backlog, limit);
    fclose(f);
}

bool listeners_open(const struct config *config, char *why, size_t why_cap) {
    char cause[128];
    static const struct addresses none;
    for (unsigned i = 0; i < LISTENERS_MAX; i++) listeners[i].fd = -1;
    if (!open_tcp(config, &none, &addresses, why, why_cap)) return false;
    for (unsigned i = 0; i < addresses.count; i++) add_listener(addresses.all[i].fd);
    if (addresses.count) check_backlog(config->tcp_backlog);
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
    if (!addresses.count && !unix_path) {
        snprintf(why, why_cap,
                 "nothing to listen on: port is 0 or no address of bind exists, and no unixsocket is set");
        return false;
    }
    return true;
}

static void arm(struct coordinator *c, unsigned i) {
    listeners[i].armed = true;
    ring_accept(c->thread.ring, listeners[i].fd, tag_make(TAG_ACCEPT, listeners[i].generation, i));
}

void listeners_start(struct coordinator *c) {
    acceptor = c;
    listeners_beat(c);
}

void listeners_beat(struct coordinator *c) {
    for (unsigned i = 0; i < LISTENERS_MAX; i++)
        if (listeners[i].fd >= 0 && !listeners[i].armed) arm(c, i);
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

/* The very words of Redis: tools and people look for them. */
static const char PROTECTED[] =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no "
    "password is set for the default user. In this mode connections are only accepted from "
    "the loopback interface. If you want to connect from external computers to Redis you may "
    "adopt one of the following solutions: 1) Just disable protected mode sending the command"
    " 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from "
    "the same host the server is running, however MAKE SURE Redis is not publicly accessible "
    "from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) "
    "Alternatively you can just disable the protected mode by editing the Redis configuration"
    " file, and setting the protected mode option to 'no', and then restarting the server. 3)"
    " If you started the server manually just for testing, restart it with the "
    "'--protected-mode no' option. 4) Setup a an authentication password for the default "
    "user. NOTE: You only need to do one of the above things in order for the server to start"
    " accepting connections from the outside.\r\n";

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

/* ---- other addresses at run time ---- */

/* From the thread that runs CONFIG SET to the coordinator: what to listen on instead. */
struct handover {
    struct message message;
    int added[CONFIG_BIND_MAX], removed[CONFIG_BIND_MAX];
    unsigned added_count, removed_count;
};

/* Whoever came in by the old socket before it closes is let in: closing would reset him. */
static void empty_queue(struct coordinator *c, int fd) {
    for (int i = 0; i < QUEUE_MAX; i++) {
        int got = socket_accept_waiting(fd);
        if (got < 0) return;
        deal(c, got);
    }
}

static void stop_listening(struct coordinator *c, int fd) {
    empty_queue(c, fd);
    for (unsigned i = 0; i < LISTENERS_MAX; i++) {
        struct listener *l = &listeners[i];
        if (l->fd != fd) continue;
        if (l->armed)
            ring_cancel(c->thread.ring, tag_make(TAG_ACCEPT, l->generation, i), tag_make(TAG_NOTHING, 0, 0));
        ring_close_fd(c->thread.ring, fd, tag_make(TAG_NOTHING, 0, 0));
        *l = (struct listener){.fd = -1, .generation = l->generation + 1};
    }
}

static void take_over(struct thread *to, struct message *message) {
    struct handover *h = (struct handover *)(void *)message;
    struct coordinator *c = (struct coordinator *)(void *)to;
    ASSERT(c == acceptor);
    for (unsigned i = 0; i < h->removed_count; i++) stop_listening(c, h->removed[i]);
    for (unsigned i = 0; i < h->added_count; i++) {
        socket_share_port(h->added[i], false);
        arm(c, add_listener(h->added[i]));
    }
    mem_free(h);
}

static void hand_over(const struct addresses *old, const struct addresses *next) {
    struct handover *h = mem_zalloc(sizeof *h);
    h->message.deliver = take_over;
    for (unsigned i = 0; i < next->count; i++)
        if (!find_address(old, next->all[i].text, next->all[i].port))
            h->added[h->added_count++] = next->all[i].fd;
    for (unsigned i = 0; i < old->count; i++)
        if (!find_address(next, old->all[i].text, old->all[i].port))
            h->removed[h->removed_count++] = old->all[i].fd;
    thread_post(thread_self(), &acceptor->thread, &h->message);
}

/* CONFIG SET bind, port: opens what is new while the old sockets still listen (an address of the old ones may cover a new one, so the
 * port is shared for that moment); when one cannot be had, everything stays as it is. */
static bool apply_addresses(const struct config *before, const struct config *after, char *why) {
    char cause[256];
    struct addresses next;
    for (unsigned i = 0; i < addresses.count; i++) socket_share_port(addresses.all[i].fd, true);
    bool opened = open_tcp(after, &addresses, &next, cause, sizeof cause);
    if (opened && !next.count && !unix_path && after->port) {
        opened = false;
        snprintf(cause, sizeof cause, "none of the addresses exists");
    }
    for (unsigned i = 0; i < addresses.count; i++) socket_share_port(addresses.all[i].fd, false);
    if (!opened) {
        log_warning("Failed to listen: %s", cause);
        snprintf(why, CONFIG_WHY_MAX, "%s",
                 before->port != after->port ? "Unable to listen on this port. Check server logs."
                                             : "Failed to bind to specified addresses.");
        close_all_but(&next, &addresses);
        free_texts(&next);
        return false;
    }
    hand_over(&addresses, &next);
    free_texts(&addresses);
    addresses = next;
    return true;
}

void listeners_register_hooks(void) {
    static const struct config_hook hooks[] = {
        {"maxclients", apply_maxclients}, {"bind", apply_addresses}, {"port", apply_addresses}, {NULL, NULL}};
    config_register_hooks(hooks);
}

/* ---- accepting ---- */

/* Out of descriptors, most likely, and that may last: one line now and then. */
static void note_failure(const struct coordinator *c, int error) {
    static uint64_t quiet_until_ns;
    if (c->thread.turn_mono_ns < quiet_until_ns) return;
    quiet_until_ns = c->thread.turn_mono_ns + FAILURE_QUIET_NS;
    log_warning("Accepting client connection: %s", strerror(error));
}

void listeners_completion(struct coordinator *c, const struct completion *done) {
    if (tag_kind(done->tag) != TAG_ACCEPT) return;
    unsigned i = (uint32_t)done->tag;
    struct listener *l = &listeners[i];
    if (done->result >= 0) deal(c, done->result);
    if (done->more || done->tag != tag_make(TAG_ACCEPT, l->generation, i)) return;
    l->armed = false;
    if (done->result >= 0)
        arm(c, i);
    else
        note_failure(c, -done->result); /* trying again at once would spin; the next beat does */
}

void listeners_close(void) {
    for (unsigned i = 0; i < LISTENERS_MAX; i++)
        if (listeners[i].fd >= 0) close(listeners[i].fd);
    free_texts(&addresses);
    if (!unix_path) return;
    log_notice("Removing the unix socket file.");
    unlink(unix_path);
}

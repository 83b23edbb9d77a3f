/* socket.c: see socket.h. */
#include "shard/rt/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void socket_share_port(int fd, bool share) {
    int value = share;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

static int listen_on(const struct addrinfo *a, int backlog, bool beside) {
    int one = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (beside) socket_share_port(fd, true);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int socket_listen_tcp(const char *address, int port, int backlog, bool beside, char *why, size_t why_cap) {
    char service[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *found;
    snprintf(service, sizeof service, "%d", port);
    if (!strcmp(address, "*")) {
        address = NULL;
        hints.ai_family = AF_INET;
    } else if (!strcmp(address, "::*")) {
        address = NULL;
        hints.ai_family = AF_INET6;
    }
    int error = getaddrinfo(address, service, &hints, &found);
    if (error) {
        snprintf(why, why_cap, "%s", gai_strerror(error));
        return -EADDRNOTAVAIL;
    }
    int fd = -EADDRNOTAVAIL;
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) fd = listen_on(a, backlog, beside);
    freeaddrinfo(found);
    if (fd < 0) snprintf(why, why_cap, "%s", strerror(-fd));
    return fd;
}

int socket_listen_unix(const char *path, mode_t mode, int backlog, char *why, size_t why_cap) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(why, why_cap, "the path is longer than %zu bytes", sizeof address.sun_path - 1);
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        (mode && chmod(path, mode) < 0) || listen(fd, backlog) < 0) {
        int error = errno;
        snprintf(why, why_cap, "%s", strerror(error));
        if (fd >= 0) close(fd);
        return -error;
    }
    return fd;
}

int socket_resolve(const char *host, int port, struct socket_addresses *found, char *why, size_t why_cap) {
    char service[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
    snprintf(service, sizeof service, "%d", port);
    int error = getaddrinfo(host, service, &hints, &list);
    if (error) {
        snprintf(why, why_cap, "%s", gai_strerror(error));
        return -EADDRNOTAVAIL;
    }
    found->count = 0;
    for (const struct addrinfo *a = list; a && found->count < SOCKET_ADDRESSES_MAX; a = a->ai_next) {
        struct socket_address *one = &found->list[found->count++];
        memcpy(&one->bytes, a->ai_addr, a->ai_addrlen);
        one->len = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return 0;
}

int socket_unix_address(const char *path, struct socket_address *address, char *why, size_t why_cap) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof un.sun_path) {
        snprintf(why, why_cap, "the path is longer than %zu bytes", sizeof un.sun_path - 1);
        return -ENAMETOOLONG;
    }
    memcpy(un.sun_path, path, strlen(path) + 1);
    memcpy(&address->bytes, &un, sizeof un);
    address->len = sizeof un;
    return 0;
}

int socket_stream(const struct socket_address *address) {
    int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

int socket_come_from(int fd, const struct socket_address *to, const char *numeric) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    int family = to->bytes.ss_family;
    if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
    void *address = family == AF_INET ? (void *)&four.sin_addr : (void *)&six.sin6_addr;
    if (inet_pton(family, numeric, address) != 1) return -EINVAL;
    int result = family == AF_INET ? bind(fd, (struct sockaddr *)&four, sizeof four)
                                   : bind(fd, (struct sockaddr *)&six, sizeof six);
    return result < 0 ? -errno : 0;
}

int socket_accept_waiting(int listener) {
    fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void socket_set_nodelay(int fd, bool on) {
    int value = on;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

void socket_tune(int fd, int keepalive_s) {
    int one = 1;
    socket_set_nodelay(fd, true);
    if (keepalive_s <= 0) return;
    int interval = keepalive_s / 3 ? keepalive_s / 3 : 1, probes = 3;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void name_of(const struct sockaddr_storage *s, char *out, size_t cap) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (s->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)s;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(out, cap, "%s:%u", text, ntohs(in->sin_port));
    } else if (s->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)s;
        inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
        snprintf(out, cap, "[%s]:%u", text, ntohs(in->sin6_port));
    } else {
        snprintf(out, cap, "?:0");
    }
}

bool socket_names(int fd, char *peer, char *local, size_t cap) {
    struct sockaddr_storage s = {0};
    socklen_t len = sizeof s;
    if (getsockname(fd, (struct sockaddr *)&s, &len) < 0) s.ss_family = AF_UNSPEC;
    if (s.ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *)&s;
        snprintf(local, cap, "%.*s:0", (int)cap - 3, un->sun_path);
        memcpy(peer, local, cap);
        return true;
    }
    name_of(&s, local, cap);
    memset(&s, 0, sizeof s);
    len = sizeof s;
    if (getpeername(fd, (struct sockaddr *)&s, &len) < 0) s.ss_family = AF_UNSPEC;
    name_of(&s, peer, cap);
    return false;
}

bool socket_is_local(int fd) {
    struct sockaddr_storage s = {0};
    socklen_t len = sizeof s;
    if (getpeername(fd, (struct sockaddr *)&s, &len) < 0) return false;
    if (s.ss_family == AF_UNIX) return true;
    if (s.ss_family == AF_INET)
        return (ntohl(((struct sockaddr_in *)(void *)&s)->sin_addr.s_addr) >> 24) == 127;
    const struct in6_addr *in6 = &((struct sockaddr_in6 *)(void *)&s)->sin6_addr;
    static const uint8_t mapped_loopback[] = {
        [10] = 0xff, [11] = 0xff, [12] = 127}; /* ::ffff:127.0.0.0/104 */
    return memcmp(in6, &in6addr_loopback, sizeof *in6) == 0 ||
           memcmp(in6, mapped_loopback, sizeof mapped_loopback) == 0;
}

void socket_refuse(int fd, const char *text) {
    /* Whether it arrives is the client's luck: nothing here may wait for it. */
    if (send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) errno = 0;
    close(fd);
}

/* socket.h: making, tuning and naming sockets: the calls that are not worth a trip through the ring.
 *
 * All of them return at once. Errors are returned as -errno with a one-line text in `why` where there is one.
 */
#ifndef GYRE_RT_SOCKET_H
#define GYRE_RT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A listening TCP socket on a numeric or named address ("*" and "::*" mean any). `beside`: sockets of this process may listen on the
 * same port (see socket_share_port). Returns the descriptor. */
int socket_listen_tcp(const char *address, int port, int backlog, bool beside, char *why, size_t why_cap);
/* Whether another socket may be bound to the same port, as long as it says so too. */
void socket_share_port(int fd, bool share);
/* A listening unix socket; an old one in the way is removed. mode 0 leaves the umask's. */
int socket_listen_unix(const char *path, mode_t mode, int backlog, char *why, size_t why_cap);
/* An address that a socket can be connected to (ring_connect). */
struct socket_address {
    struct sockaddr_storage bytes;
    socklen_t len;
};
enum { SOCKET_ADDRESSES_MAX = 8 };
struct socket_addresses {
    unsigned count;
    struct socket_address list[SOCKET_ADDRESSES_MAX];
};
/* Looks up the addresses of a numeric or named host, best first, which may ask a name server and so takes its
 * time: not for threads that serve. Returns 0 (at least one was found) or -errno. */
int socket_resolve(const char *host, int port, struct socket_addresses *found, char *why, size_t why_cap);
/* The address of a unix socket. Returns 0, or -ENAMETOOLONG. */
int socket_unix_address(const char *path, struct socket_address *address, char *why, size_t why_cap);
/* A stream socket of the address's family, not yet connected. Returns the descriptor or -errno. */
int socket_stream(const struct socket_address *address);
/* Has a socket that is about to be connected come from this numeric address (of the same family). Returns 0 or -errno. */
int socket_come_from(int fd, const struct socket_address *to, const char *numeric);
/* A connection that waits to be accepted; -errno (-EAGAIN) where there is none. */
int socket_accept_waiting(int listener);
/* TCP_NODELAY, and keep-alive probes after `keepalive_s` idle seconds (0: none). */
void socket_tune(int fd, int keepalive_s);
/* Whether what is sent goes out at once, in more packets than need be. */
void socket_set_nodelay(int fd, bool on);
/* "1.2.3.4:567" or "[::1]:567" of the far and near end; of a unix socket "path:0" for both. True if it is a
 * unix socket. */
bool socket_names(int fd, char *peer, char *local, size_t cap);
/* Whether the far end is on this machine (loopback, or a unix socket). */
bool socket_is_local(int fd);
/* Sends a few bytes if they fit without waiting, and closes. */
void socket_refuse(int fd, const char *text);

#endif

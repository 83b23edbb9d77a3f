/* wire.c: see wire.h. */
#include "tests/history/wire.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "shard/base/assert.h"

enum { EXIT_TROUBLE = 2 };

void wire_trouble(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("gyre-history: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(NULL);
    _exit(EXIT_TROUBLE);
}

uint64_t wire_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What cannot be forgiven is trouble. */
static void fail(struct wire *w, const char *what, const char *why) {
    if (!w->forgiving) wire_trouble("%s: %s", what, why);
    w->broken = true;
}

static void open_either(struct wire *w, uint16_t port) {
    w->broken = false;
    w->begin = w->end = w->to_send = 0;
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fail(w, "cannot connect", strerror(errno));
        return;
    }
    int on = 1;
    struct timeval limit = {.tv_sec = WIRE_TIMEOUT_S};
    setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

void wire_open(struct wire *w, uint16_t port) {
    w->forgiving = false;
    open_either(w, port);
}

void wire_open_forgiving(struct wire *w, uint16_t port) {
    w->forgiving = true;
    open_either(w, port);
}

void wire_close(struct wire *w) {
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
}

void wire_add(struct wire *w, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->sending + w->to_send, sizeof w->sending - w->to_send, format, args);
    va_end(args);
    ASSERT(n >= 0 && w->to_send + (size_t)n < sizeof w->sending);
    w->to_send += (size_t)n;
}

uint64_t wire_send(struct wire *w) {
    uint64_t now = wire_now_ns();
    for (size_t sent = 0; sent < w->to_send && !w->broken;) {
        ssize_t n = send(w->fd, w->sending + sent, w->to_send - sent, MSG_NOSIGNAL);
        if (n < 0) fail(w, "cannot send", strerror(errno));
        sent += n > 0 ? (size_t)n : 0;
    }
    w->to_send = 0;
    return now;
}

/* False: the connection is broken. */
static bool fill(struct wire *w) {
    if (w->broken) return false;
    if (w->begin > 0) {
        memmove(w->received, w->received + w->begin, w->end - w->begin);
        w->end -= w->begin;
        w->begin = 0;
    }
    if (w->end == sizeof w->received) wire_trouble("a reply is longer than %d bytes", WIRE_BUFFER);
    ssize_t n = recv(w->fd, w->received + w->end, sizeof w->received - w->end, 0);
    if (n < 0 && errno == EAGAIN) wire_trouble("no reply within %d s", WIRE_TIMEOUT_S);
    if (n <= 0) {
        fail(w, "no reply", n == 0 ? "the server closed the connection" : strerror(errno));
        return false;
    }
    w->received_ns = wire_now_ns();
    w->end += (size_t)n;
    return true;
}

/* The next line, without its end, terminated. It stays until the next call. */
static char *read_line(struct wire *w) {
    static char lost[] = "-the connection is lost"; /* nobody writes to it */
    for (;;) {
        char *line = w->received + w->begin;
        char *end = memmem(line, w->end - w->begin, "\r\n", 2);
        if (end != NULL) {
            *end = 0;
            w->begin = (size_t)(end + 2 - w->received);
            return line;
        }
        if (!fill(w)) return lost;
    }
}

/* The number at the end of a text; a name without one is trouble. */
static int64_t ending_number(const char *text, size_t len) {
    size_t at = len;
    while (at > 0 && isdigit((unsigned char)text[at - 1])) at--;
    if (at == len) wire_trouble("'%.*s' does not end in a number", (int)len, text);
    if (at == 1 && text[0] == '-') at = 0; /* not a name but a number */
    return strtoll(text + at, NULL, 10);
}

static int64_t read_bulk(struct wire *w, const char *length) {
    long n = strtol(length, NULL, 10);
    if (n < 0) return WIRE_NULL;
    if (n > 1000) wire_trouble("a bulk of %ld bytes", n);
    while (w->end - w->begin < (size_t)n + 2)
        if (!fill(w)) return WIRE_NULL;
    w->begin += (size_t)n + 2;
    return ending_number(w->received + w->begin - n - 2, (size_t)n);
}

void wire_read(struct wire *w, struct wire_reply *reply) {
    char *line = read_line(w);
    reply->type = line[0];
    reply->count = 1;
    reply->text[0] = 0;
    if (line[0] == '+' || line[0] == '-') {
        snprintf(reply->text, sizeof reply->text, "%s", line + 1);
        reply->count = 0;
    } else if (line[0] == ':') {
        reply->numbers[0] = strtoll(line + 1, NULL, 10);
    } else if (line[0] == '$') {
        reply->numbers[0] = read_bulk(w, line + 1);
    } else if (line[0] == '*') {
        long count = strtol(line + 1, NULL, 10);
        if (count < 0 || count > WIRE_NUMBERS) wire_trouble("an array of %ld", count);
        reply->count = (unsigned)count;
        for (unsigned i = 0; i < reply->count; i++) {
            line = read_line(w);
            if (line[0] != '$' && !w->broken)
                wire_trouble("an array of something else than strings: %s", line);
            reply->numbers[i] = w->broken ? WIRE_NULL : read_bulk(w, line + 1);
        }
        if (w->broken) reply->type = '-'; /* half an answer is none */
    } else {
        wire_trouble("not a reply: %s", line);
    }
    reply->received_ns = w->received_ns;
}

bool wire_read_exec(struct wire *w, unsigned count) {
    char *line = read_line(w);
    if (strcmp(line, "*-1") == 0) return false;
    if (line[0] != '*' || strtol(line + 1, NULL, 10) != (long)count)
        wire_trouble("not an array of %u: %s", count, line);
    return true;
}

void wire_read_array(struct wire *w, unsigned count) {
    if (!wire_read_exec(w, count)) wire_trouble("null instead of an array of %u", count);
}

bool wire_read_value(struct wire *w, struct wire_reply *reply) {
    char *line = read_line(w);
    if (strcmp(line, "*-1") == 0 || strcmp(line, "$-1") == 0) return false;
    if (line[0] != '$') wire_trouble("not a string: %s", line);
    reply->type = '$';
    reply->count = 1;
    reply->numbers[0] = read_bulk(w, line + 1);
    reply->received_ns = w->received_ns;
    return true;
}

void wire_read_text(struct wire *w, char *text, size_t cap) {
    char *line = read_line(w);
    long n = strtol(line + 1, NULL, 10);
    if (line[0] != '$' || n < 0 || n > WIRE_BUFFER / 2) wire_trouble("not a text: %s", line);
    while (w->end - w->begin < (size_t)n + 2)
        if (!fill(w)) wire_trouble("half a text");
    snprintf(text, cap, "%.*s", (int)n, w->received + w->begin);
    w->begin += (size_t)n + 2;
}

bool wire_has_more(struct wire *w) {
    char byte;
    return w->end > w->begin || recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != -1;
}

void wire_expect(struct wire *w, char type, struct wire_reply *reply) {
    wire_read(w, reply);
    if (reply->type != type) wire_trouble("%c instead of %c: %s", reply->type, type, reply->text);
}

void wire_order(struct wire *w, const char *command) {
    struct wire_reply reply;
    wire_add(w, "%s\r\n", command);
    wire_send(w);
    wire_read(w, &reply);
    if (reply.type != '+' && reply.type != ':') wire_trouble("%s: %s", command, reply.text);
}

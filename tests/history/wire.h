/* wire.h: a blocking connection for the history client: sends text, reads RESP2 replies of numbers.
 *
 * All that the client writes are numbers and names that end in one, so a reply is a type and numbers: a bulk
 * string counts as the number it ends in. When the server cannot be reached, answers something that is not
 * RESP2, or takes longer than WIRE_TIMEOUT_S, the process says so and exits with status 2: such a run proves
 * nothing.
 *
 * A connection belongs to one thread. Time is taken as close to the socket as can be: before a send, after a
 * receive.
 */
#ifndef GYRE_HISTORY_WIRE_H
#define GYRE_HISTORY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_NUMBERS = 256, WIRE_BUFFER = 65536, WIRE_TIMEOUT_S = 30 };
#define WIRE_NULL INT64_MIN

struct wire {
    int fd;
    bool forgiving, broken;
    size_t begin, end;    /* of what is received and not read yet, in `received` */
    uint64_t received_ns; /* when the latest bytes came */
    size_t to_send;
    char sending[WIRE_BUFFER];
    char received[WIRE_BUFFER];
};

struct wire_reply {
    char type;     /* + - : $ * */
    char text[64]; /* of + and -, cut */
    unsigned count;
    int64_t numbers[WIRE_NUMBERS];
    uint64_t received_ns;
};

uint64_t wire_now_ns(void);
void wire_open(struct wire *w, uint16_t port);
/* A connection that may fail: `broken` is set then, and what is read of it are errors. A server that is there and says
 * nothing is trouble still. */
void wire_open_forgiving(struct wire *w, uint16_t port);
void wire_close(struct wire *w);
/* Adds an inline command, CRLF included, to what wire_send will send. */
void wire_add(struct wire *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sends what was added. Returns when: before the first byte left. */
uint64_t wire_send(struct wire *w);
void wire_read(struct wire *w, struct wire_reply *reply);
/* Reads the head of an array whose elements are replies of their own (EXEC); trouble if it is of another length. */
void wire_read_array(struct wire *w, unsigned count);
/* The same of an EXEC that may be refused: false where a watched key had changed. */
bool wire_read_exec(struct wire *w, unsigned count);
/* A bulk string or null, of either kind: false for null. */
bool wire_read_value(struct wire *w, struct wire_reply *reply);
/* A bulk string of any text, cut to fit. */
void wire_read_text(struct wire *w, char *text, size_t cap);
/* Whether something has come that was not read yet; does not wait. */
bool wire_has_more(struct wire *w);
/* Reads a reply that has to be of this type. */
void wire_expect(struct wire *w, char type, struct wire_reply *reply);
/* Sends one command and insists on +OK or a number. */
void wire_order(struct wire *w, const char *command);
_Noreturn void wire_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

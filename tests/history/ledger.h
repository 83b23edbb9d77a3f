/* ledger.h: judges histories in which every transaction says which place it took.
 *
 * A ledger is a row of cells that all are 0 at first. A writer adds something to some of them and takes the next serial
 * number; a reader takes none. Both say which serial they came to and what the cells held then. How the serial is
 * kept is the client's affair: a clock that every transaction counts up, or the sum of cells that each transaction makes
 * larger by one.
 *
 * So there is but one order to look at, and a history is legal when
 *    - the writers' serials are 1, 2, 3, ... without a gap and each once (two that both saw the same state and
 *      both wrote, as in a lost update or in write skew, claim the same serial),
 *    - each saw exactly what the writers up to its serial left, and
 *    - the order keeps real time and the order of each connection.
 * That is strict serializability, decided in O(n log n): hundreds of clients are no matter.
 *
 * Pure, but for memory; any thread.
 */
#ifndef GYRE_HISTORY_LEDGER_H
#define GYRE_HISTORY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEDGER_CELLS = 8 };

struct ledger_event {
    unsigned connection;
    bool writes;
    uint64_t serial;             /* of a writer: its own; of a reader: of the last writer it saw */
    int64_t delta[LEDGER_CELLS]; /* of a writer */
    int64_t seen[LEDGER_CELLS];  /* all cells, once it had written */
    uint64_t invoked_ns, completed_ns;
};

enum ledger_fault {
    LEDGER_FINE,
    LEDGER_SERIAL,  /* the culprit's serial is taken by another, or those before it are not all there */
    LEDGER_STATE,   /* the culprit saw what the cells never held at that serial */
    LEDGER_TIME,    /* culprit[0] comes before culprit[1], but was sent when that had been answered */
    LEDGER_SESSION, /* the same, of one connection, by the order it sent them in */
    LEDGER_FAULTS,
};

struct ledger_verdict {
    enum ledger_fault fault;
    size_t culprit[2]; /* of the events as they were given */
    unsigned culprits;
};

/* `events` lists those of each connection in the order they were sent. */
struct ledger_verdict ledger_check(const struct ledger_event *events, size_t count);
/* Whether what it saw sums up to this. */
bool ledger_sums_to(const struct ledger_event *event, int64_t sum);
const char *ledger_fault_text(enum ledger_fault fault);
const char *ledger_describe(const struct ledger_event *event, char *buffer, size_t cap);

#endif

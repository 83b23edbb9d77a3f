/* registers.h: finds contradictions in long histories of reads and writes of whole groups of keys.
 *
 * The keys are split into groups, spread over slices. A write (MSET) gives all keys of one or two groups one
 * value that nobody else writes; a read (MGET) reads all keys of one or two groups. So each group is one
 * register, if and only if multi-key commands are atomic; a read that sees two values in one group is torn,
 * which is the first thing looked for.
 *
 * Then the commands become the nodes of a graph of "has to come before":
 *
 *    real time    a was answered before b was sent
 *    session      a was sent before b on the same connection
 *    read from    the write whose value b read
 *    inferred     for a reader r of the write w, and another write v of the same register:
 *                     v before r, so v before w    (otherwise r would have seen v)
 *                     w before v, so r before v    (otherwise r would have seen v)
 *
 * The last rule is applied until nothing new comes of it. A cycle is a proof that no legal order exists. For
 * one register this finds every illegal history; for commands over two it is sound, and finds what a chain
 * of such conclusions can show (deciding all of it is NP-hard: short rounds go to linear.h instead, which is
 * complete).
 *
 * Pure, but for memory; any thread.
 */
#ifndef GYRE_HISTORY_REGISTERS_H
#define GYRE_HISTORY_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTERS_GROUPS = 16, REGISTERS_TOUCHED = 2, REGISTERS_OPS_MAX = 4096 };

/* No such keys. Written by FLUSHALL only, of which a history holds one at most. */
enum { REGISTERS_NONE = 0 };

struct register_access {
    unsigned group;
    uint64_t value;
    bool torn; /* of a read: its keys had different values */
};

struct register_op {
    unsigned connection;
    uint64_t invoked_ns, completed_ns;
    unsigned reads, writes; /* a command may do both (GETSET) */
    struct register_access read[REGISTERS_TOUCHED];
    struct register_access write[REGISTERS_GROUPS]; /* FLUSHALL writes them all */
};

enum register_fault {
    REGISTERS_FINE,
    REGISTERS_TORN,    /* culprit[0] saw two values in one group */
    REGISTERS_UNKNOWN, /* culprit[0] read what nobody wrote, or nothing where nothing was removed */
    REGISTERS_CYCLE,   /* the culprits have to come before each other, around */
};

struct register_verdict {
    enum register_fault fault;
    size_t culprits;
    size_t culprit[8]; /* of a longer cycle, the first 8 */
};

/* `ops` lists the commands of each connection in the order they were sent. The first must be the write that
 * sets every group. */
struct register_verdict registers_check(const struct register_op *ops, size_t count);

/* Notes what an op read of a group, from the values of all its keys. */
void register_read(struct register_op *op, unsigned group, const uint64_t *values, size_t count);
void register_write(struct register_op *op, unsigned group, uint64_t value);

const char *register_describe(const struct register_op *op, char *buffer, size_t cap);

#endif

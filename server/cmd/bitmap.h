/* bitmap.h: strings as rows of bits, for the commands of bitmap.c and bitfield.c.
 *
 * All of these run in a handler, under the hold of the key's slice. Where they return false or NULL they have
 * replied the error.
 */
#ifndef GYRE_SERVER_CMD_BITMAP_H
#define GYRE_SERVER_CMD_BITMAP_H

#include "server/call.h"
#include "shard/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string's bytes for reading; valid as long as its entry stays as it is. */
struct bitmap {
    const unsigned char *bytes;
    size_t len;
    char digits[TEXT_I64_MAX]; /* where the bytes are, if it is stored as an integer */
};

/* Key i, looked up as a read is; a missing one is empty (and then `*found` is false, where it is asked
 * for). */
bool bitmap_read(struct call *c, unsigned i, struct bitmap *map, bool *found);
/* The string of the call's key while it is being changed. */
struct bitmap_edit {
    const unsigned char *bytes;
    size_t len;
    bool grew; /* it was made, or lengthened with zeros, to reach as far as was asked for */
    struct entry **at;
    unsigned char *writable; /* NULL until bitmap_edit_write */
};

/* Looks the call's key up for writing up to bit `last`. It keeps its deadline; its encoding becomes raw. */
bool bitmap_edit_open(struct call *c, uint64_t last, struct bitmap_edit *edit);
/* Its bytes for writing, which are asked for only when something changes: those who watch the key are
 * told. */
unsigned char *bitmap_edit_write(struct call *c, struct bitmap_edit *edit);
/* Argument i as a position in bits, within the largest string there may be. With a `width` it may be given
 * as "#n": the n-th field of that width. */
bool bitmap_argument_offset(struct call *c, unsigned i, unsigned width, uint64_t *offset);

#endif

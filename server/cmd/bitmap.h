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
/* The call's key as writable bytes that reach at least to bit `last`, made or lengthened with zeros; *grew
 * says whether it was. It keeps its deadline. */
unsigned char *bitmap_writable(struct call *c, uint64_t last, size_t *len, bool *grew);
/* Argument i as a position in bits, within the largest string there may be. With a `width` it may be given
 * as "#n": the n-th field of that width. */
bool bitmap_argument_offset(struct call *c, unsigned i, unsigned width, uint64_t *offset);

#endif

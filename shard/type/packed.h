/* packed.h: a small sequence of strings and integers in one allocation, in Redis's listpack format.
 *
 * The format is the one of RDB files from version 10 on, so a small value is dumped and loaded as it is:
 *
 *     total bytes (4, little endian) | elements (2; 65535: count them) | element ... | 0xff
 *     element: encoding and payload | its own length, written backwards
 *
 * described in antirez's listpack specification (github.com/antirez/listpack/blob/master/listpack.md).
 *
 * A struct packed owns its bytes. What changes one may move it and returns where it is now; positions
 * (pointers to an element) are valid until then. A string that spells a 64-bit integer in canonical form is
 * stored as that integer, and reads back as the same text. Any byte values may be stored; the limits are
 * PACKED_BYTES_MAX in all.
 *
 * The first byte of every object of shard/type/ says its encoding (enum object_encoding, object.h), so that
 * a type can be packed while it is small and something else when it has grown.
 */
#ifndef GYRE_TYPE_PACKED_H
#define GYRE_TYPE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKED_BYTES_MAX = 1 << 30 };

/* Its memory beyond the listpack is one byte: how much room there is the allocator knows. */
struct packed {
    uint8_t encoding;   /* the owner's */
    unsigned char lp[]; /* the listpack */
};

/* An element as it is stored: a string in place, or an integer. */
struct packed_value {
    const char *data; /* NULL: an integer */
    uint32_t len;
    int64_t integer;
};
enum { PACKED_DIGITS = 24 }; /* room for an integer's text */

/* An empty one with room for `bytes` bytes of elements. */
struct packed *packed_new(uint8_t encoding, size_t bytes);
/* From the bytes of a listpack, which packed_is_sound has approved of. Its elements are taken to be canonical
 * (what spells an integer is stored as one): every writer of the format does that, and looking for an element
 * relies on it. */
struct packed *packed_from(uint8_t encoding, const void *listpack, size_t bytes);
struct packed *packed_copy(const struct packed *p);
void packed_free(struct packed *p);
/* Memory it takes, by mem_size. */
size_t packed_footprint(const struct packed *p);
/* Bytes of the listpack, and its elements (O(1) below 65535). */
size_t packed_bytes(const struct packed *p);
size_t packed_count(const struct packed *p);
/* Whether an element of `len` more bytes still fits the format's limits. */
bool packed_has_room(const struct packed *p, size_t len);
/* Whether foreign bytes are a listpack in every detail: lengths, encodings, backward lengths, count. */
bool packed_is_sound(const void *bytes, size_t len);

/* Positions; NULL past either end. packed_at: by index, negative from the end; from the nearer end. */
unsigned char *packed_first(const struct packed *p);
unsigned char *packed_last(const struct packed *p);
unsigned char *packed_next(const struct packed *p, const unsigned char *at);
unsigned char *packed_prev(const struct packed *p, const unsigned char *at);
unsigned char *packed_at(const struct packed *p, int64_t index);

struct packed_value packed_get(const unsigned char *at);
/* An element as text: in place, or spelled out into digits[PACKED_DIGITS]. */
const char *packed_text(const unsigned char *at, char *digits, size_t *len);
bool packed_equals(const unsigned char *at, const char *data, size_t len);
/* The first element from `at` on that equals, looking at one and skipping `skip` after each (1: at the
 * fields of a sequence of pairs). NULL when there is none. */
unsigned char *packed_find(const struct packed *p, unsigned char *at, const char *data, size_t len,
                           unsigned skip);

struct packed *packed_append(struct packed *p, const char *data, size_t len);
struct packed *packed_prepend(struct packed *p, const char *data, size_t len);
struct packed *packed_append_int(struct packed *p, int64_t n);
/* Before the element at *at (or at the end when *at is NULL); *at becomes the new element's position. */
struct packed *packed_insert(struct packed *p, unsigned char **at, const char *data, size_t len);
/* In the place of the element at *at, which becomes the new one's position. */
struct packed *packed_replace(struct packed *p, unsigned char **at, const char *data, size_t len);
struct packed *packed_replace_int(struct packed *p, unsigned char **at, int64_t n);
/* Deletes `count` elements from *at on; *at becomes the position of what follows them, NULL at the end.
 * Gives memory back when much of it is unused. */
struct packed *packed_delete(struct packed *p, unsigned char **at, size_t count);

#endif

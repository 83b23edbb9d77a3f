/* aof_read.h: the commands of an append-only file, one by one, from bytes in memory.
 *
 * A file is a row of commands in the form that clients send ("*3\r\n$3\r\nSET\r\n..."), nothing else but lines that
 * begin with '#' between them. Pure: whoever reads the file brings more bytes when they are asked for.
 */
#ifndef GYRE_PERSIST_AOF_READ_H
#define GYRE_PERSIST_AOF_READ_H

#include <stddef.h>
#include <stdint.h>

enum { AOF_WORDS_MAX = 1024 * 1024 };

enum aof_read_result {
    AOF_READ_COMMAND, /* reader->words */
    AOF_READ_REMARK,  /* a line of no effect */
    AOF_READ_MORE,    /* the bytes end in the middle: reader->needed of them are needed at least */
    AOF_READ_BAD,     /* reader->why, at reader->bad_at */
};

struct aof_word {
    char *data; /* among the bytes */
    size_t len;
};

/* Zero-initialised is ready. */
struct aof_reader {
    struct aof_word *words;
    unsigned count, capacity;
    size_t used;   /* bytes of the command or remark */
    size_t needed; /* from where the reading began */
    size_t bad_at; /* likewise */
    const char *why;
};

/* Reads what stands at `data`. The words are valid as long as the bytes are where they are. */
enum aof_read_result aof_read(struct aof_reader *r, char *data, size_t len);
void aof_reader_free(struct aof_reader *r);

#endif

/* catalog.h: the commands and workloads that have names: those of --mix, redis-benchmark's -t names, and the
 * presets. All of it is text in tables; workload.h makes templates of it.
 */
#ifndef GYRE_BENCH_CATALOG_H
#define GYRE_BENCH_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

/* What --verify lets a command reply (beside an error, which is counted anyway). */
enum answer { ANSWER_ANY, ANSWER_OK, ANSWER_NUMBER, ANSWER_VALUE, ANSWER_VALUES, ANSWER_ARRAY };

struct known_command {
    const char *name; /* as --mix takes it */
    const char *text; /* with placeholders; " EX __ttl__" is added to a SET where --ttl is given */
    const char *fill; /* what --fill sends for every key, or NULL */
};
/* NULL when there is none of this name (any case). */
const struct known_command *catalog_command(const char *name, size_t len);
/* All names, separated by blanks. */
const char *catalog_command_names(void);

struct known_test {
    const char *name;  /* as -t takes it */
    const char *title; /* as redis-benchmark prints it */
    const char *text;
    bool is_inline;
};
/* The i-th of redis-benchmark's tests, in its order, or NULL at the end. */
const struct known_test *catalog_test(unsigned i);
/* Whether a word of -t asks for this test ("ping" and "lrange" ask for several). */
bool catalog_test_matches(const struct known_test *test, const char *word, size_t len);

struct preset {
    const char *name, *summary;
    struct {
        unsigned weight;
        const char *text;
    } part[12];
    const char *fill[6];                          /* sent once for every key */
    const char *distribution, *value_sizes, *ttl; /* unless the user chooses */
};
const struct preset *catalog_preset(const char *name);
/* The i-th preset, or NULL at the end. */
const struct preset *catalog_preset_at(unsigned i);

/* Whether a command only reads, so that a replica can answer it. */
bool catalog_reads(const char *name);
/* What a command of this name replies. */
enum answer catalog_answer(const char *name);

#endif

/* workload.h: what is sent: weighted commands, made into templates, chosen at random or in turn.
 *
 * Made before the threads start, read-only while they run.
 */
#ifndef GYRE_BENCH_WORKLOAD_H
#define GYRE_BENCH_WORKLOAD_H

#include "bench/catalog.h"
#include "bench/problem.h"
#include "bench/template.h"

#include <stdbool.h>

enum { WORKLOAD_COMMANDS_MAX = 64, WORKLOAD_TITLE_MAX = 64 };

struct workload_command {
    char title[WORKLOAD_TITLE_MAX]; /* in tables: "GET" */
    char *text;                     /* as given */
    struct template *template;
    uint32_t weight;
    bool reads;
    enum answer answer;
};

struct workload {
    unsigned count;
    uint64_t weight_total;
    struct workload_command command[WORKLOAD_COMMANDS_MAX];
};

/* Adds a command; `title` may be NULL (then the command's first word is it). False with the reason in
 * `problem`. */
bool workload_add(struct workload *w, const struct filling *filling, const char *text, uint32_t weight,
                  struct problem *problem);
/* Adds a command given as separate words. */
bool workload_add_words(struct workload *w, const struct filling *filling, char *const *words, unsigned count,
                        struct problem *problem);
/* Adds "get=90,set=10" by the names of the catalog. */
bool workload_add_mix(struct workload *w, const struct filling *filling, const char *mix,
                      struct problem *problem);
/* Adds a command of the catalog's text: with the filling's tail, if it is a SET. */
bool workload_add_known(struct workload *w, const struct filling *filling, const char *text, uint32_t weight,
                        struct problem *problem);
void workload_add_test(struct workload *w, const struct filling *filling, const struct known_test *test);
void workload_free(struct workload *w);

/* Draws one of the commands by weight. */
static inline unsigned workload_draw(const struct workload *w, struct random *random) {
    if (w->count == 1) return 0;
    uint64_t at = random_below(random, w->weight_total);
    unsigned chosen = 0;
    while (at >= w->command[chosen].weight) at -= w->command[chosen++].weight;
    return chosen;
}

/* The longest request, and the most keys in one. */
size_t workload_largest(const struct workload *w);
unsigned workload_keys(const struct workload *w);
bool workload_has_data(const struct workload *w);

#endif

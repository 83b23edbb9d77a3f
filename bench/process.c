/* process.c: see process.h. */
#include "bench/process.h"

#include "shard/base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STAT_USER_TIME = 11, STAT_RESIDENT = 21 }; /* fields after the name, from 0 */

bool process_look(uint64_t pid, struct process_use *use, struct problem *problem) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
    FILE *file = fopen(path, "re");
    const bool read = file && fgets(line, sizeof line, file);
    if (file) fclose(file);
    if (!read) return problem_note(problem, "there is no process %llu here", (unsigned long long)pid);
    uint64_t field[STAT_RESIDENT + 1] = {0};
    const char *at = strrchr(line, ')'); /* the name may hold anything */
    if (!at) return problem_note(problem, "%s is not understood", path);
    at += 2;
    for (unsigned i = 0; i <= STAT_RESIDENT && *at; i++) {
        const size_t len = strcspn(at, " \n");
        if (!text_to_u64(at, len, &field[i])) field[i] = 0; /* the state, and what is negative */
        at += len;
        if (*at) at++;
    }
    use->cpu_seconds =
        (double)(field[STAT_USER_TIME] + field[STAT_USER_TIME + 1]) / (double)sysconf(_SC_CLK_TCK);
    use->resident_bytes = field[STAT_RESIDENT] * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

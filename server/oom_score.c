/* oom_score.c: see oom_score.h. */
#include "server/oom_score.h"

#include "server/config.h"
#include "shard/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCORE_MIN = -1000, SCORE_MAX = 1000, TEXT_MAX = 16 };

static const char path[] = "/proc/self/oom_score_adj";
static int score_at_start;
static bool changed;

static int read_score(void) {
    char text[TEXT_MAX] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? (int)strtol(text, NULL, 10) : 0;
}

static bool write_score(int score) {
    char text[TEXT_MAX];
    int fd = open(path, O_WRONLY | O_CLOEXEC), len = snprintf(text, sizeof text, "%d", score);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len;
    if (!written) log_warning("Unable to write oom_score_adj: %s", strerror(errno));
    if (fd >= 0) close(fd);
    return written;
}

/* The first of the three values is a primary's; replicas and children, which the others are for, do not
 * exist here. */
static bool follow(const struct config *config) {
    int score = config->oom_score_adj_values[0];
    if (config->oom_score_adj == OOM_SCORE_NO) {
        if (!changed) return true;
        score = score_at_start;
    } else if (config->oom_score_adj == OOM_SCORE_RELATIVE) {
        score += score_at_start;
    }
    if (score < SCORE_MIN) score = SCORE_MIN;
    if (score > SCORE_MAX) score = SCORE_MAX;
    if (!write_score(score)) return false;
    changed = config->oom_score_adj != OOM_SCORE_NO;
    return true;
}

static bool apply_score(const struct config *before, const struct config *after, char *why) {
    (void)before;
    const int *values = after->oom_score_adj_values;
    if (values[1] < values[0] || values[2] < values[1])
        log_warning(
            "The oom-score-adj-values configuration may not work for non-privileged processes! Please "
            "consult the documentation.");
    if (follow(after)) return true;
    snprintf(why, CONFIG_WHY_MAX, "Failed to set current oom_score_adj. Check server logs.");
    return false;
}

void oom_score_prepare(const struct config *config) {
    static const struct config_hook hooks[] = {
        {"oom-score-adj", apply_score}, {"oom-score-adj-values", apply_score}, {NULL, NULL}};
    score_at_start = read_score();
    follow(config);
    config_register_hooks(hooks);
}

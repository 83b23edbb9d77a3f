/* test_log.c: the line format, local time across a year's changes of the clock, levels, rotation, and lines
 * of several threads.
 *
 * clock_gettime is replaced for the tests that set the time: the definition here takes the place of libc's in
 * this program.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shard/base/log.h"

static struct timespec pretended_now; /* tv_sec 0: the real time */

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (clock == CLOCK_REALTIME && pretended_now.tv_sec != 0) {
        *now = pretended_now;
        return 0;
    }
    return (int)syscall(SYS_clock_gettime, clock, now);
}

static char folder[] = "/tmp/test_log.XXXXXX";
static char path[64], moved_path[64];

static void make_folder(void) {
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved_path, sizeof moved_path, "%s/log.1", folder);
}

static void remove_folder(void) {
    unlink(path);
    unlink(moved_path);
    rmdir(folder);
}

TestSuite(log, .init = make_folder, .fini = remove_folder);

/* The whole file, as text, for the caller to free. */
static char *read_file(const char *name) {
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file, "cannot open %s", name);
    char *text = NULL;
    size_t cap = 0;
    ssize_t n = getdelim(&text, &cap, '\0', file);
    if (n < 0) text[0] = '\0';
    fclose(file);
    return text;
}

static void assert_file(const char *name, const char *expected) {
    char *text = read_file(name);
    cr_assert_str_eq(text, expected);
    free(text);
}

static void use_time_zone(const char *zone) {
    setenv("TZ", zone, 1);
    tzset();
}

Test(log, line_has_the_format_of_redis) {
    cr_assert_eq(log_open(path), 0);
    log_set_level(LOG_DEBUG);
    log_debug("a %d", 1);
    log_verbose("b");
    log_notice("c");
    log_set_role('S');
    log_warning("d %s", "e");
    char *text = read_file(path);
    regex_t regex;
    const char *pattern =
        "^([0-9]+):M [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} "
        "\\. a 1\n[0-9]+:M [^\n]* - b\n[0-9]+:M [^\n]* \\* c\n[0-9]+:S [^\n]* # d e\n$";
    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED), 0);
    regmatch_t match[2];
    cr_assert_eq(regexec(&regex, text, 2, match, 0), 0, "log: %s", text);
    cr_assert_eq(strtol(text, NULL, 10), getpid());
    regfree(&regex);
    free(text);
}

Test(log, exact_line_at_a_known_time) {
    use_time_zone("UTC0");
    cr_assert_eq(log_open(path), 0);
    pretended_now = (struct timespec){1796119872, 45678901}; /* 2026-12-01 10:11:12 */
    log_notice("Ready to accept connections");
    char expected[128];
    snprintf(expected, sizeof expected, "%d:M 01 Dec 2026 10:11:12.045 * Ready to accept connections\n",
             (int)getpid());
    assert_file(path, expected);
}

/* Logs one line at each `step` seconds from `from` to `to`, then compares the file, line by line, with
 * what libc's localtime and strftime say. */
static void check_times(time_t from, time_t to, time_t step) {
    cr_assert_eq(truncate(path, 0), 0);
    for (time_t now = from; now < to; now += step) {
        pretended_now = (struct timespec){now, 999999999};
        log_notice("x");
    }
    char *text = read_file(path), *rest = text;
    for (time_t now = from; now < to; now += step) {
        struct tm local;
        char stamp[64], expected[128];
        localtime_r(&now, &local);
        strftime(stamp, sizeof stamp, "%d %b %Y %H:%M:%S.999", &local);
        snprintf(expected, sizeof expected, "%d:M %s * x", (int)getpid(), stamp);
        const char *line = strsep(&rest, "\n");
        cr_assert_str_eq(line, expected);
    }
    cr_assert_str_eq(rest, "");
    free(text);
}

/* Every day of 1970 to 2120, at a time of day that moves: leap years, centuries, ends of months. */
Test(log, every_date) {
    use_time_zone("UTC0");
    cr_assert_eq(log_open(path), 0);
    check_times(1, (time_t)150 * 366 * 86400, 86399);
}

/* Around both changes of the clock of a year, and in zones that are not whole hours off. */
Test(log, local_time_follows_the_zone) {
    static const char *zones[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "XXX-5:45",
                                  "YYY9:30", "LHST-10:30LHDT-11,M10.1.0,M4.1.0"};
    const time_t year_begin = 1767225600; /* 2026 */
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        use_time_zone(zones[i]);
        cr_assert_eq(log_open(path), 0);
        check_times(86400, 86401,
                    1); /* another quarter of an hour, so that the zone's offset is asked for anew */
        check_times(year_begin, year_begin + 366 * 86400, 60 * 60 + 449);
    }
}

Test(log, levels_below_the_set_one_are_dropped) {
    cr_assert_eq(log_open(path), 0);
    cr_assert_eq(log_get_level(), LOG_NOTICE);
    log_debug("no");
    log_verbose("no");
    log_set_level(LOG_WARNING);
    cr_assert_eq(log_get_level(), LOG_WARNING);
    log_notice("no");
    log_set_level(LOG_NOTHING);
    log_warning("no");
    assert_file(path, "");
}

Test(log, long_line_is_cut_at_its_bound) {
    cr_assert_eq(log_open(path), 0);
    static char text[3 * LOG_LINE_MAX];
    for (size_t len = LOG_LINE_MAX - 80; len < sizeof text - 1; len += len < LOG_LINE_MAX + 80 ? 1 : 999) {
        cr_assert_eq(truncate(path, 0), 0);
        memset(text, 'x', len);
        text[len] = '\0';
        log_notice("%s", text);
        char *written = read_file(path);
        const char *message = strstr(written, " * ") + 3;
        size_t room = LOG_LINE_MAX - 2 - (size_t)(message - written);
        cr_assert_eq(strspn(message, "x"), len < room ? len : room);
        cr_assert_eq(written[strlen(written) - 1], '\n');
        cr_assert_leq(strlen(written), LOG_LINE_MAX);
        free(written);
    }
}

Test(log, errno_survives) {
    cr_assert_eq(log_open(path), 0);
    errno = EBADMSG;
    log_notice("x");
    cr_assert_eq(errno, EBADMSG);
}

Test(log, failed_open_keeps_the_old_log) {
    cr_assert_eq(log_open(path), 0);
    cr_assert_eq(log_open("/nonexistent/folder/log"), -ENOENT);
    static char too_long[8192];
    memset(too_long, 'x', sizeof too_long - 1);
    cr_assert_eq(log_open(too_long), -ENAMETOOLONG);
    log_notice("still here");
    char *text = read_file(path);
    cr_assert_not_null(strstr(text, "still here"));
    free(text);
    cr_assert_eq(log_reopen(), 0);
}

Test(log, reopen_follows_a_moved_file) {
    cr_assert_eq(log_open(path), 0);
    log_notice("first");
    cr_assert_eq(rename(path, moved_path), 0);
    log_notice("second");
    cr_assert_eq(log_reopen(), 0);
    log_notice("third");
    char *moved = read_file(moved_path), *fresh = read_file(path);
    cr_assert(strstr(moved, "first") && strstr(moved, "second") && !strstr(moved, "third"));
    cr_assert(strstr(fresh, "third") && !strstr(fresh, "second"));
    free(moved);
    free(fresh);
}

static int open_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

Test(log, opening_again_leaks_nothing_and_closes_on_exec) {
    int before = open_descriptors();
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(log_open(i % 2 ? path : moved_path), 0);
        cr_assert_eq(log_reopen(), 0);
        cr_assert_eq(open_descriptors(), before + 1);
    }
    for (int fd = 3; fd < 1024; fd++) {
        struct stat mine, log;
        if (fstat(fd, &mine) != 0 || stat(path, &log) != 0 || mine.st_ino != log.st_ino) continue;
        cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
    cr_assert_eq(log_open(""), 0);
    cr_assert_eq(open_descriptors(), before);
    cr_assert_eq(log_reopen(), 0);
}

enum { WRITERS = 4, WRITER_LINES = 2000 };

static void *write_lines(void *letter) {
    for (int i = 0; i < WRITER_LINES; i++) {
        char text[201];
        memset(text, *(char *)letter, 200);
        text[200] = '\0';
        log_notice("%s", text);
    }
    return NULL;
}

/* Also while the main thread rotates: no line is lost, cut or mixed. */
Test(log, threads_never_mix_lines) {
    cr_assert_eq(log_open(path), 0);
    pthread_t threads[WRITERS];
    static char letters[WRITERS] = {'a', 'b', 'c', 'd'};
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, &letters[i]), 0);
    }
    for (int i = 0; i < 200; i++) cr_assert_eq(log_reopen(), 0);
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    char *text = read_file(path);
    int lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        const char *message = strstr(line, " * ");
        cr_assert_not_null(message);
        char letter[2] = {message[3], '\0'};
        cr_assert_eq(strspn(message + 3, letter), 200, "mixed: %s", line);
        cr_assert_eq(strlen(message), 203, "mixed: %s", line);
    }
    cr_assert_eq(lines, WRITERS * WRITER_LINES);
    free(text);
}
